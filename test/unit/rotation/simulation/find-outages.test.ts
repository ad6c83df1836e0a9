/** Outages of traces by hand; every interval is computed in the comment or by the eye. */

import { describe, expect, test } from 'vitest'
import {
  findOutages,
  type TraceEvent,
  type TraceEventOf,
  type TraceMember,
  type TraceTerms,
} from '../../../../src/rotation/index.ts'

/** All instants of this file are seconds. */
const s = (seconds: number): number => seconds * 1000

const member = (name: string, authorities: readonly string[] = ['A']): TraceMember => ({
  name,
  signer: 'A',
  verifiers: [`${name}-1`],
  authorities,
  sequence: 1,
})
const begin = (
  terms: Partial<TraceTerms> = {},
  members: readonly TraceMember[] = [member('east')],
): TraceEvent => ({
  type: 'begin',
  at: 0,
  terms: {
    clockSkewMs: 0,
    propagationMs: 0,
    retention: 'leaf-lifetime',
    maxAuthorities: 2,
    keepsRoot: false,
    separate: false,
    crossSigned: false,
    ...terms,
  },
  members,
})
/** Valid from −120 to 3600. */
const issued = (certificate: string, more: Partial<TraceEventOf<'issued'>> = {}): TraceEvent => ({
  type: 'issued',
  at: 0,
  member: 'east',
  certificate,
  authority: 'A',
  trusts: ['A'],
  serialNumber: certificate,
  issuerTime: 0,
  notBefore: s(-120),
  notAfter: s(3600),
  pathNotAfter: s(100_000),
  authorityNotBefore: s(-100_000),
  ...more,
})
const presented = (at: number, certificate: string, holder = 'h'): TraceEvent => ({
  type: 'presented',
  at: s(at),
  member: 'east',
  holder,
  certificate,
})
const withdrawn = (at: number, certificate: string, holder = 'h'): TraceEvent => ({
  type: 'withdrawn',
  at: s(at),
  member: 'east',
  holder,
  certificate,
})
const applied = (at: number, verifier: string, authorities: readonly string[]): TraceEvent => ({
  type: 'applied',
  at: s(at),
  member: verifier.slice(0, -2),
  verifier,
  sequence: 2,
  digest: 'x',
  authorities,
})
const clock = (at: number, node: string, skew: number): TraceEvent => ({
  type: 'clock',
  at: s(at),
  member: node.slice(0, -2),
  node,
  skewMs: s(skew),
})
const left = (at: number, name: string): TraceEvent => ({ type: 'left', at: s(at), member: name })
const joined = (at: number, one: TraceMember): TraceEvent => ({ type: 'joined', at: s(at), member: one })
/** The trace is watched until then. */
const end = (at: number): TraceEvent => ({ type: 'crashed', at: s(at), what: 'nothing' })

/** Outages as `problem verifier from to`. */
const found = (...events: readonly TraceEvent[]): readonly string[] =>
  findOutages(events).map(
    ({ problem, verifier, from, to }) => `${problem} ${verifier} ${from / 1000} ${to / 1000}`,
  )

describe('expired', () => {
  test('from its last instant to its replacement', () => {
    const use = [begin(), issued('a'), presented(0, 'a')]
    expect(found(...use, end(4000))).toEqual(['expired east-1 3600 4000'])
    expect(found(...use, withdrawn(3700, 'a'), end(4000))).toEqual(['expired east-1 3600 3700'])
    expect(
      found(...use, issued('b', { at: s(3650), notAfter: s(9000) }), presented(3700, 'b'), end(4000)),
    ).toEqual(['expired east-1 3600 3700'])
    // At equality there is no time in which it would fail.
    expect(found(...use, withdrawn(3600, 'a'), end(4000))).toEqual([])
    expect(found(...use, end(3600))).toEqual([])
  })

  test('the end of the path counts where it is earlier', () => {
    const at = (pathNotAfter: number): readonly string[] =>
      found(begin(), issued('a', { pathNotAfter: s(pathNotAfter) }), presented(0, 'a'), end(3600))
    expect(at(3000)).toEqual(['expired east-1 3000 3600'])
    expect(at(3600)).toEqual([])
  })

  test('on the verifier’s clock: a fast one sees it earlier, a slow one later', () => {
    const use = [issued('a'), presented(0, 'a'), end(4000)]
    expect(found(begin(), clock(0, 'east-1', 60), ...use)).toEqual(['expired east-1 3540 4000'])
    expect(found(begin(), clock(0, 'east-1', -60), ...use)).toEqual(['expired east-1 3660 4000'])
  })

  test('a clock that steps back ends an outage, and it comes again', () => {
    // To 3650 it is right; from then on 100 s slow, so that its 3600 is at 3700.
    expect(found(begin(), issued('a'), presented(0, 'a'), clock(3650, 'east-1', -100), end(4000))).toEqual([
      'expired east-1 3600 3650',
      'expired east-1 3700 4000',
    ])
    // 90 s fast from 3510 on: then already over.
    expect(found(begin(), issued('a'), presented(0, 'a'), clock(3510, 'east-1', 90), end(3600))).toEqual([
      'expired east-1 3510 3600',
    ])
    // Of a node that is no verifier, clocks mean nothing.
    expect(found(begin(), issued('a'), presented(0, 'a'), clock(10, 'east-9', 9000), end(3600))).toEqual([])
  })
})

describe('not yet valid', () => {
  test('until it begins, and everything above it', () => {
    const at = (more: Partial<TraceEventOf<'issued'>>, ...others: readonly TraceEvent[]): readonly string[] =>
      found(begin(), ...others, issued('a', more), presented(50, 'a'), end(1000))
    expect(at({ notBefore: s(100) })).toEqual(['not-yet-valid east-1 50 100'])
    expect(at({ notBefore: s(50) })).toEqual([])
    expect(at({ notBefore: s(100), authorityNotBefore: s(200) })).toEqual(['not-yet-valid east-1 50 200'])
    expect(at({ notBefore: s(100) }, clock(0, 'east-1', 30))).toEqual(['not-yet-valid east-1 50 70'])
    expect(at({ notBefore: s(100) }, clock(0, 'east-1', -30))).toEqual(['not-yet-valid east-1 50 130'])
    expect(at({ notBefore: s(100) }, clock(0, 'east-1', 50))).toEqual([])
  })

  test('a clock that goes back makes it so again', () => {
    const use = [begin(), issued('a'), presented(0, 'a')]
    // At 500 the clock shows −150 and reaches −120 half a minute later.
    expect(found(...use, clock(500, 'east-1', -650), end(1000))).toEqual(['not-yet-valid east-1 500 530'])
    expect(found(...use, clock(500, 'east-1', -620), end(1000))).toEqual([])
  })
})

describe('not trusted', () => {
  const two = begin({}, [member('east'), member('west')])
  const use = [two, issued('a'), presented(0, 'a')]

  test('while the bundle does not have its authority', () => {
    expect(
      found(...use, applied(500, 'west-1', ['B']), applied(700, 'west-1', ['A', 'B']), end(1000)),
    ).toEqual(['not-trusted west-1 500 700'])
    expect(found(...use, applied(500, 'west-1', ['B']), withdrawn(600, 'a'), end(1000))).toEqual([
      'not-trusted west-1 500 600',
    ])
    // Withdrawn and dropped at one instant is no time at all.
    expect(found(...use, withdrawn(500, 'a'), applied(500, 'west-1', ['B']), end(1000))).toEqual([])
    expect(found(...use, applied(500, 'west-1', ['B']), applied(500, 'west-1', ['A']), end(1000))).toEqual([])
    // Withdrawing another one closes nothing.
    expect(found(...use, applied(500, 'west-1', ['B']), withdrawn(600, 'b'), end(1000))).toEqual([
      'not-trusted west-1 500 1000',
    ])
  })

  test('each holder, each verifier and each problem by itself, in the order of time', () => {
    expect(
      found(
        two,
        issued('a'),
        issued('b', { authority: 'B', notBefore: s(20) }),
        presented(0, 'a'),
        presented(10, 'b', 'g'),
        applied(30, 'east-1', ['A', 'B']),
        applied(40, 'west-1', ['B']),
        end(100),
      ),
    ).toEqual([
      'not-trusted east-1 10 30',
      'not-yet-valid east-1 10 20',
      'not-trusted west-1 10 40',
      'not-yet-valid west-1 10 20',
      'not-trusted west-1 40 100',
    ])
  })

  test('says who, with what', () => {
    expect(findOutages([...use, applied(500, 'west-1', []), end(600)])).toEqual([
      {
        from: s(500),
        to: s(600),
        holder: 'h',
        verifier: 'west-1',
        certificate: 'a',
        problem: 'not-trusted',
      },
    ])
  })

  test('a certificate of which nobody said how it was issued is not judged', () => {
    expect(found(two, presented(0, 'x'), end(1000))).toEqual([])
  })
})

describe('a cross-certificate', () => {
  const at = (authorities: readonly string[], ...others: readonly TraceEvent[]): readonly string[] =>
    found(
      begin({ crossSigned: true }, [member('east', authorities)]),
      ...others,
      issued('b', { authority: 'B', crossNotAfter: s(800), crossSigner: 'A' }),
      presented(100, 'b'),
      end(1000),
    )

  test('covers until its end, on the verifier’s clock', () => {
    expect(at(['A'])).toEqual(['not-trusted east-1 800 1000'])
    expect(at(['A'], clock(0, 'east-1', 50))).toEqual(['not-trusted east-1 750 1000'])
    expect(at(['A'], clock(0, 'east-1', -50))).toEqual(['not-trusted east-1 850 1000'])
    expect(at(['A'], clock(0, 'east-1', -200))).toEqual([])
    // Who trusts the key itself needs none, and who trusts nobody has no use for it.
    expect(at(['A', 'B'])).toEqual([])
    expect(at([])).toEqual(['not-trusted east-1 100 1000'])
    expect(at(['C'])).toEqual(['not-trusted east-1 100 1000'])
  })

  test('until the new root is there', () => {
    const trace = (applies: number): readonly string[] =>
      found(
        begin({ crossSigned: true }),
        issued('b', { authority: 'B', crossNotAfter: s(800), crossSigner: 'A' }),
        presented(100, 'b'),
        applied(applies, 'east-1', ['A', 'B']),
        end(1000),
      )
    expect(trace(800)).toEqual([])
    expect(trace(801)).toEqual(['not-trusted east-1 800 801'])
  })
})

describe('who is there', () => {
  const use = [begin({}, [member('east'), member('west')]), issued('a'), presented(0, 'a')]

  test('a verifier that has left refuses nobody', () => {
    expect(found(...use, applied(200, 'west-1', ['B']), left(300, 'west'), end(1000))).toEqual([
      'not-trusted west-1 200 300',
    ])
    expect(found(...use, left(200, 'west'), applied(200, 'west-1', ['B']), end(1000))).toEqual([])
    expect(found(...use, left(3600, 'west'), end(3700))).toEqual(['expired east-1 3600 3700'])
  })

  test('one that has left and comes again is judged for both times', () => {
    expect(
      found(
        ...use,
        applied(100, 'west-1', ['B']),
        applied(150, 'west-1', ['A']),
        left(200, 'west'),
        joined(300, member('west', ['B'])),
        applied(350, 'west-1', ['A']),
        end(1000),
      ),
    ).toEqual(['not-trusted west-1 100 150', 'not-trusted west-1 300 350'])
  })

  test('one that joins does from then on', () => {
    expect(found(...use, joined(400, member('late', ['B'])), end(1000))).toEqual([
      'not-trusted late-1 400 1000',
    ])
    expect(
      found(...use, joined(400, member('late', ['B'])), applied(400, 'late-1', ['A', 'B']), end(1000)),
    ).toEqual([])
    expect(found(...use, withdrawn(400, 'a'), joined(400, member('late', ['B'])), end(1000))).toEqual([])
  })
})

describe('clusters that began apart', () => {
  const apart = begin({ separate: true }, [member('east', ['A1']), member('west', ['A2'])])
  const use = [apart, issued('a', { authority: 'A1' }), presented(0, 'a')]

  test('owe each other nothing before they trust each other, and everything from then on', () => {
    expect(found(...use, end(1000))).toEqual([])
    expect(found(...use, applied(100, 'west-1', ['A2', 'B']), end(1000))).toEqual([])
    expect(
      found(
        ...use,
        applied(100, 'west-1', ['A1', 'A2', 'B']),
        applied(200, 'west-1', ['A2', 'B']),
        applied(300, 'west-1', ['A1', 'A2', 'B']),
        end(1000),
      ),
    ).toEqual(['not-trusted west-1 200 300'])
  })

  test('what none of them began with is owed to all at once', () => {
    expect(
      found(
        apart,
        issued('b', { authority: 'B' }),
        presented(10, 'b'),
        applied(50, 'east-1', ['A1', 'B']),
        end(100),
      ),
    ).toEqual(['not-trusted east-1 10 50', 'not-trusted west-1 10 100'])
  })

  test('and clusters that began with one root are not apart', () => {
    const together = begin({}, [member('east', ['A1']), member('west', ['A2'])])
    expect(found(together, issued('a', { authority: 'A1' }), presented(0, 'a'), end(1000))).toEqual([
      'not-trusted west-1 0 1000',
    ])
  })
})

test('where the root stays, only validity counts', () => {
  expect(
    found(
      begin({ keepsRoot: true }, [member('east', ['root'])]),
      issued('a', { authority: 'B' }),
      presented(0, 'a'),
      end(3700),
    ),
  ).toEqual(['expired east-1 3600 3700'])
})

test('a thousand outages are enough', () => {
  const many = (count: number): number => {
    const holders = Array.from({ length: count }, (_, i) => presented(0, 'a', `h${i}`))
    return findOutages([begin(), issued('a'), ...holders, end(4000)]).length
  }
  expect([many(999), many(1500)]).toEqual([999, 1000])
})

test('a trace begins with its beginning', () => {
  for (const wrong of [[], [end(0)], [end(0), begin()]])
    expect(() => findOutages(wrong)).toThrow(new TypeError('a trace begins with an event of type "begin"'))
  expect(findOutages([begin()])).toEqual([])
})
