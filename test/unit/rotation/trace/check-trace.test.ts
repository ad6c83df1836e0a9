/** Each invariant: a trace by hand that breaks it and nothing else, and the nearest one that does not; I9 to I16, and what is no trace. */

import { describe, expect, test } from 'vitest'
import { checkTrace, type TraceEvent } from '../../../../src/rotation/index.ts'
import {
  applied,
  begin,
  both,
  brokenIn,
  type Case,
  DAY,
  HOUR,
  issued,
  journal,
  member,
  PROPAGATION,
  presented,
  published,
  SECOND,
  SKEW,
  stage,
  switched,
  type Trace,
  withdrawn,
  ZERO,
} from './trace-support.ts'

const CASES: readonly Case[] = [
  (() => {
    const forced = (...times: readonly number[]): Trace => [
      begin({ reissueWithinMs: HOUR }),
      ...times.map((at, i) => issued(at, `a${i}`, 'A', { forced: true })),
    ]
    const tenth = HOUR / 10
    return ['I9', 'four in a tenth of the window', forced(0, 1, 2, tenth - 1), forced(0, 1, 2, tenth)]
  })(),
  (() => {
    // Of 20 holders, six may come together; of ten, three.
    const forced = (holders: number): Trace => [
      begin({ reissueWithinMs: HOUR }),
      ...Array.from({ length: holders }, (_, i) => [
        issued(0, `a${i}`, 'A'),
        presented(0, `a${i}`, `h${i}`),
      ]).flat(),
      ...[1, 2, 3, 4].map((at) => issued(at, `b${at}`, 'A', { forced: true })),
    ]
    return ['I9', 'more than three times the fair share', forced(10), forced(20)]
  })(),
  [
    'I10',
    'a tainted authority still signs somewhere',
    [begin(), switched(1, 'east', 'B'), stage(2, 'A', 'TAINTED')],
    [begin(), switched(1, 'east', 'B'), switched(1, 'west', 'B'), stage(2, 'A', 'TAINTED')],
  ],
  [
    'I10',
    'a revoked authority is in use',
    [begin(), issued(0, 'a', 'A'), presented(1, 'a'), stage(2, 'A', 'REVOKED')],
    [begin(), issued(0, 'a', 'A'), presented(1, 'a'), withdrawn(2, 'a'), stage(2, 'A', 'REVOKED')],
  ],
  (() => {
    const before = [begin(), stage(0, 'B', 'STAGED'), stage(0, 'B', 'PUBLISHED'), ...both(1, ['A', 'B'])]
    const late = (authorities: readonly string[]): TraceEvent => ({
      type: 'joined',
      at: ZERO + 2,
      member: member('late', { authorities }),
    })
    const active = stage(PROPAGATION, 'B', 'ACTIVE')
    return [
      'I11',
      'who joined does not have it yet',
      [...before, late(['A']), active],
      [...before, late(['A', 'B']), active],
    ]
  })(),
  (() => {
    const before = [begin(), stage(0, 'B', 'STAGED'), stage(0, 'B', 'PUBLISHED')]
    const active = stage(PROPAGATION, 'B', 'ACTIVE')
    return [
      'I11',
      'who is there does not have it, who has left need not',
      [...before, applied(1, 'east-1', ['A', 'B']), active],
      [...before, applied(1, 'east-1', ['A', 'B']), { type: 'left', at: ZERO + 2, member: 'west' }, active],
    ]
  })(),
  (() => {
    const trace = (at: number): Trace => [
      begin({ planned: { 'RETIRED A': ZERO + HOUR } }),
      stage(at, 'A', 'RETIRED'),
    ]
    return [
      'I12',
      'a stage before its instant, on the fastest clock',
      trace(HOUR - SKEW - 1),
      trace(HOUR - SKEW),
    ]
  })(),
  (() => {
    const early = [begin({ planned: { 'RETIRED A': ZERO + HOUR } }), stage(2, 'A', 'RETIRED')]
    return [
      'I12',
      'another plan has other instants',
      [...early.slice(0, 1), journal(1, 2, 'retired'), ...early.slice(1)],
      [...early.slice(0, 1), journal(1, 2, 'revised to plan x: y'), ...early.slice(1)],
    ]
  })(),
  (() => {
    const trace = (at: number): Trace => [
      begin(),
      stage(0, 'B', 'STAGED'),
      stage(1, 'B', 'PUBLISHED'),
      ...both(2, ['A', 'B']),
      stage(at, 'B', 'ACTIVE'),
    ]
    return ['I12', 'use before a bundle can be everywhere', trace(PROPAGATION), trace(PROPAGATION + 1)]
  })(),
  (() => {
    const trace = (at: number): Trace => [
      begin(),
      published(0, 5, ['A', 'B']),
      issued(0, 'a', 'A'),
      stage(at, 'A', 'RETIRED'),
      published(at, 6, ['B']),
    ]
    return ['I13', 'an authority goes before what it issued', trace(DAY - 1), trace(DAY)]
  })(),
  (() => {
    const trace = (name: 'RETIRED' | 'REVOKED'): Trace => [
      begin(),
      published(0, 5, ['A', 'B']),
      issued(0, 'a', 'A'),
      stage(HOUR, 'A', name),
      published(HOUR, 6, ['B']),
    ]
    return ['I13', 'but a revoked one goes', trace('RETIRED'), trace('REVOKED')]
  })(),
  (() => {
    const trace = (issuerTime: number, name: string): Trace => [
      begin(),
      issued(HOUR, 'a', 'A'),
      issued(HOUR + 1, 'b', 'A', {
        member: name,
        issuerTime: ZERO + issuerTime,
        notBefore: ZERO + issuerTime - 2 * SKEW,
      }),
    ]
    // What was issued last began at HOUR − 2S.
    return [
      'I14',
      'a clock that went back',
      trace(HOUR - 2 * SKEW - 1, 'east'),
      trace(HOUR - 2 * SKEW, 'east'),
    ]
  })(),
  [
    'I14',
    'a CA that is not yet valid',
    [begin(), issued(1, 'a', 'A', { authorityNotBefore: ZERO + 2 })],
    [begin(), issued(1, 'a', 'A', { authorityNotBefore: ZERO + 1 })],
  ],
  (() => {
    // Three polls of 400 s are 1200 s, more than D.
    const trace = (at: number): Trace => [
      begin({}, [member('east'), member('partner', { refreshHintMs: 400 * SECOND })]),
      stage(0, 'B', 'STAGED'),
      stage(0, 'B', 'PUBLISHED'),
      applied(1, 'east-1', ['A', 'B']),
      applied(1, 'partner-1', ['A', 'B']),
      stage(at, 'B', 'ACTIVE'),
    ]
    return ['I15', 'before a third poll', trace(1200 * SECOND - 1), trace(1200 * SECOND)]
  })(),
  [
    'I16',
    'a bundle of three where two may be',
    [begin(), published(1, 5, ['A', 'B', 'C'])],
    [begin({ maxAuthorities: 3 }), published(1, 5, ['A', 'B', 'C'])],
  ],
]

describe('each invariant by itself', () => {
  test.each(CASES)('%s: %s', (id, _what, broken, sound) => {
    expect(brokenIn(sound)).toEqual([])
    expect(brokenIn(broken)).toEqual([id])
  })

  test('there is a case of each', () => {
    const ids = Array.from({ length: 8 }, (_, i) => `I${i + 9}`)
    expect([...new Set(CASES.map(([id]) => id))]).toEqual(ids)
  })
})

describe('where the root stays', () => {
  test('bundles say nothing about authorities, but certificates do', () => {
    const trace = [
      begin({ keepsRoot: true }),
      switched(1, 'east', 'B'),
      issued(2, 'b', 'B', { trusts: ['root'] }),
      presented(3, 'b'),
      stage(4, 'A', 'PRUNED'),
    ]
    expect(checkTrace(trace)).toEqual([])
    expect(brokenIn([...trace, issued(5, 'c', 'B', { serialNumber: 'b' })])).toEqual(['I7'])
  })
})

describe('a violation', () => {
  test('says what must hold, when, what happened, and in which event', () => {
    const event = published(HOUR, 5, [])
    expect(checkTrace([begin(), event])).toEqual([
      {
        invariant: 'I6',
        rule: 'No bundle drops an authority that is not retired, none is empty, and nobody forgets one that is still trusted.',
        at: ZERO + HOUR,
        message: 'bundle 5 is empty',
        event,
      },
    ])
  })

  test('they come in the order of time, and of one event each that it breaks', () => {
    const found = checkTrace([
      begin(),
      issued(1, 'a', 'A', {
        trusts: [],
        pathNotAfter: ZERO,
        notBefore: ZERO + 1,
        authorityNotBefore: ZERO + 2,
      }),
      published(2, 5, ['A', 'B', 'C']),
    ])
    expect(found.map(({ invariant, at }) => [invariant, at - ZERO])).toEqual([
      ['I3', 1],
      ['I7', 1],
      ['I7', 1],
      ['I14', 1],
      ['I16', 2],
    ])
    expect(found.map(({ message }) => message)).toEqual([
      'east issues under A, which is not in its own bundle',
      'a ends after its path',
      'a begins 0s before its issuance; the slowest clock needs 2m',
      'east issues with A, which is not yet valid on its clock',
      'bundle 5 holds 3 authorities; 2 may be',
    ])
  })

  test('a thousand of them are enough', () => {
    const trace = (count: number): Trace => [
      begin(),
      ...Array.from({ length: count + 1 }, (_, i) => journal(i, 1)),
    ]
    expect(checkTrace(trace(999))).toHaveLength(999)
    expect(checkTrace(trace(1500))).toHaveLength(1000)
  })
})

describe('what is no trace', () => {
  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /takes a list of events; got undefined/],
    ['an object', {}, /takes a list of events/],
    ['a text', 'begin', /takes a list of events/],
    ['an empty list', [], /begins with an event of type "begin"/],
    ['no begin', [journal(0, 1)], /begins with an event of type "begin"/],
    ['a begin that comes later', [journal(0, 1), begin()], /begins with an event of type "begin"/],
    ['null', [null], /begins with an event of type "begin"/],
    [
      'another order',
      [begin(), journal(2, 1), journal(1, 2)],
      new RegExp(`in the order of time; "journal" at ${ZERO + 1} comes after ${ZERO + 2}`),
    ],
    ['no time', [begin(), { type: 'journal', revision: 1, what: 'x' }], /"journal" at undefined/],
    ['a time that is none', [begin(), { ...journal(0, 1), at: Number.NaN }], /"journal" at NaN/],
    ['a text as time', [begin(), { ...journal(0, 1), at: '5' }], /"journal" at 5/],
    ['null inside', [begin(), null], /"undefined" at undefined/],
  ])('%s', (_name, wrong, message) => {
    expect(() => checkTrace(wrong as never)).toThrow(TypeError)
    expect(() => checkTrace(wrong as never)).toThrow(message)
  })

  test('events of one instant are in order', () => {
    expect(checkTrace([begin(), journal(1, 1), journal(1, 2)])).toEqual([])
  })
})
