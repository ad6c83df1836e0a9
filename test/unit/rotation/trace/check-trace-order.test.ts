/** Each invariant: a trace by hand that breaks it and nothing else, and the nearest one that does not; I1 to I8. */

import { describe, expect, test } from 'vitest'
import {
  applied,
  begin,
  both,
  brokenIn,
  type Case,
  DAY,
  due,
  HOUR,
  issued,
  journal,
  member,
  presented,
  published,
  SKEW,
  stage,
  switched,
  type Trace,
  withdrawn,
  ZERO,
} from './trace-support.ts'

const CASES: readonly Case[] = [
  (() => {
    const use = [switched(2, 'east', 'B'), issued(3, 'b', 'B'), presented(4, 'b')]
    return [
      'I1',
      'a verifier does not have the authority of what is presented',
      [begin(), applied(1, 'east-1', ['A', 'B']), ...use],
      [begin(), ...both(1, ['A', 'B']), ...use],
    ]
  })(),
  (() => {
    const use = (crossNotAfter: number, crossSigner = 'A'): Trace => [
      begin({ crossSigned: true }),
      applied(1, 'east-1', ['A', 'B']),
      switched(2, 'east', 'B'),
      issued(3, 'b', 'B', { crossNotAfter: ZERO + crossNotAfter, crossSigner }),
      presented(4, 'b'),
    ]
    return ['I1', 'a cross-certificate that is over for the fastest clock', use(4 + SKEW), use(5 + SKEW)]
  })(),
  (() => {
    const use = (crossNotAfter: number, crossSigner = 'A'): Trace => [
      begin({ crossSigned: true }),
      applied(1, 'east-1', ['A', 'B']),
      switched(2, 'east', 'B'),
      issued(3, 'b', 'B', { crossNotAfter: ZERO + crossNotAfter, crossSigner }),
      presented(4, 'b'),
    ]
    return ['I1', 'a cross-certificate by one that the verifier does not trust', use(HOUR, 'C'), use(HOUR)]
  })(),
  (() => {
    const apart = begin({ separate: true }, [
      member('east', { authorities: ['A'] }),
      member('west', { signer: 'C', authorities: ['C'] }),
    ])
    const use = [issued(3, 'a', 'A'), presented(4, 'a')]
    return [
      'I1',
      'clusters that began apart owe each other only what they had once',
      [
        apart,
        applied(1, 'west-1', ['A', 'C']),
        applied(2, 'west-1', ['C'], { sequence: 3, digest: 'y' }),
        ...use,
      ],
      [apart, ...use],
    ]
  })(),
  (() => {
    const late = DAY + SKEW
    const use = [begin(), issued(0, 'a', 'A'), presented(0, 'a')]
    return [
      'I2',
      'an authority is dropped under which something is in use',
      [...use, applied(late, 'west-1', ['B'])],
      [...use, withdrawn(1, 'a'), applied(late, 'west-1', ['B'])],
    ]
  })(),
  (() => {
    const use = [begin(), issued(0, 'a', 'A'), presented(0, 'a'), withdrawn(1, 'a')]
    return [
      'I2',
      'an authority is dropped a moment before the slowest clock stops accepting what it issued',
      [...use, applied(DAY + SKEW - 1, 'west-1', ['B'])],
      [...use, applied(DAY + SKEW, 'west-1', ['B'])],
    ]
  })(),
  (() => {
    const use = [issued(0, 'a', 'A'), presented(0, 'a'), withdrawn(1, 'a')]
    return [
      'I2',
      'where renewals are relied upon, use counts and not the time',
      [begin(), ...use, applied(2, 'west-1', ['B'])],
      [begin({ retention: 'renewals' }), ...use, applied(2, 'west-1', ['B'])],
    ]
  })(),
  [
    'I3',
    'a switch to what is retired',
    [begin(), stage(1, 'A', 'RETIRED'), switched(2, 'east', 'A')],
    [begin(), stage(1, 'A', 'DRAINING'), switched(2, 'east', 'A')],
  ],
  [
    'I3',
    'an issuer that does not trust what it signs with',
    [begin(), issued(1, 'a', 'A', { trusts: ['B'] })],
    [begin(), issued(1, 'a', 'A', { trusts: ['A'] })],
  ],
  [
    'I3',
    'an issuer that signs with another than it switched to',
    [begin(), switched(1, 'east', 'B'), issued(2, 'a', 'A')],
    [begin(), switched(1, 'west', 'B'), issued(2, 'a', 'A')],
  ],
  [
    'I4',
    'a revision twice',
    [begin(), journal(1, 2), journal(2, 2)],
    [begin(), journal(1, 2), journal(2, 3)],
  ],
  [
    'I4',
    'a revision that goes back, without a backup',
    [begin(), journal(1, 9), journal(3, 2)],
    [begin(), journal(1, 9), { type: 'restored', at: ZERO + 2, what: 'journal' }, journal(3, 2)],
  ],
  [
    'I4',
    'publication without a key',
    [begin(), stage(1, 'B', 'PUBLISHED')],
    [begin(), stage(0, 'B', 'STAGED'), stage(1, 'B', 'PUBLISHED')],
  ],
  [
    'I4',
    'distribution without publication',
    [begin(), stage(0, 'B', 'STAGED'), stage(1, 'B', 'DISTRIBUTED')],
    [begin(), stage(0, 'B', 'STAGED'), stage(1, 'B', 'DISTRIBUTED', { recovered: true })],
  ],
  [
    'I4',
    'use of what was staged and never published',
    [begin(), stage(0, 'B', 'STAGED'), stage(1, 'B', 'ACTIVE')],
    [begin({ keepsRoot: true }), stage(0, 'B', 'STAGED'), stage(1, 'B', 'ACTIVE')],
  ],
  [
    'I5',
    'two contents under one sequence',
    [begin(), applied(1, 'east-1', ['A']), applied(2, 'west-1', ['A'], { digest: 'y' })],
    [begin(), applied(1, 'east-1', ['A']), applied(2, 'west-1', ['A'])],
  ],
  [
    'I5',
    'a sequence that is published again',
    [begin(), published(1, 5, ['A'], 'x'), published(2, 5, ['A'], 'y')],
    [begin(), published(1, 5, ['A'], 'x'), published(2, 5, ['A'], 'x')],
  ],
  [
    'I5',
    'a verifier that goes back',
    [begin(), applied(1, 'east-1', ['A'], { sequence: 3, digest: 'y' }), applied(2, 'east-1', ['A'])],
    [begin(), applied(1, 'east-1', ['A'], { sequence: 3, digest: 'y' }), applied(2, 'west-1', ['A'])],
  ],
  ['I6', 'an empty bundle', [begin(), published(1, 5, [])], [begin(), published(1, 5, ['A'])]],
  [
    'I6',
    'a bundle that drops what is not retired',
    [begin(), published(1, 5, ['A', 'B']), stage(2, 'A', 'DRAINING'), published(3, 6, ['B'])],
    [begin(), published(1, 5, ['A', 'B']), stage(2, 'A', 'RETIRED'), published(3, 6, ['B'])],
  ],
  [
    'I6',
    'an authority is forgotten that somebody trusts',
    [begin(), applied(1, 'east-1', ['B']), stage(2, 'A', 'PRUNED')],
    [begin(), ...both(1, ['B']), stage(2, 'A', 'PRUNED')],
  ],
  [
    'I7',
    'a certificate outlives its path by a millisecond',
    [begin(), issued(0, 'a', 'A', { pathNotAfter: ZERO + DAY - 1 })],
    [begin(), issued(0, 'a', 'A', { pathNotAfter: ZERO + DAY })],
  ],
  [
    'I7',
    'one begins a millisecond too late for the slowest clock',
    [begin(), issued(0, 'a', 'A', { notBefore: ZERO - 2 * SKEW + 1 })],
    [begin(), issued(0, 'a', 'A', { notBefore: ZERO - 2 * SKEW })],
  ],
  [
    'I7',
    'a serial number is used again by one authority',
    [begin(), issued(0, 'a', 'A'), issued(1, 'b', 'A', { serialNumber: 'a' })],
    [begin(), issued(0, 'a', 'A'), switched(1, 'east', 'B'), issued(2, 'b', 'B', { serialNumber: 'a' })],
  ],
  [
    'I8',
    'it is due at another time than it was',
    [begin(), issued(0, 'a', 'A'), due(1, 'a', HOUR), due(2, 'a', HOUR + 1)],
    [begin(), issued(0, 'a', 'A'), due(1, 'a', HOUR), due(2, 'a', HOUR)],
  ],
  [
    'I8',
    'it is due when it is over',
    [begin(), issued(0, 'a', 'A'), due(1, 'a', DAY)],
    [begin(), issued(0, 'a', 'A'), due(1, 'a', DAY - 1)],
  ],
  [
    'I8',
    'it is due before it is there',
    [begin(), issued(0, 'a', 'A'), due(1, 'a', -1001)],
    [begin(), issued(0, 'a', 'A'), due(1, 'a', -1000)],
  ],
]

describe('each invariant by itself', () => {
  test.each(CASES)('%s: %s', (id, _what, broken, sound) => {
    expect(brokenIn(sound)).toEqual([])
    expect(brokenIn(broken)).toEqual([id])
  })

  test('there is a case of each', () => {
    const ids = Array.from({ length: 8 }, (_, i) => `I${i + 1}`)
    expect([...new Set(CASES.map(([id]) => id))]).toEqual(ids)
  })
})
