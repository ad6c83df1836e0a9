import { planRollover, type RolloverParameters, type TraceEvent } from '../../../src/rotation/index.ts'

export const PARAMETERS: RolloverParameters = {
  start: new Date('2026-03-01T00:00:00Z'),
  outgoing: { id: 'root-2025', notAfter: new Date('2026-06-01T00:00:00Z') },
  incoming: { id: 'root-2026', lifetime: '365d' },
  clusters: ['east', 'west'],
  audiences: [{ name: 'partner.example', refreshHint: '5m' }],
  leafLifetime: '24h',
  gracePeriodRatio: 0.5,
  propagation: '15m',
}

export const PLAN = planRollover(PARAMETERS)

/** Milliseconds after the start of the plan. */
export const P = PARAMETERS.start.getTime()
export const MINUTE = 60_000
export const DAY = 86_400_000

/** A small trace by hand; `names` are those of a member, a verifier, a holder and the authorities. */
export function handTrace(
  more: readonly TraceEvent[] = [],
  { member = 'east', holder = 'east/h', old = 'old', next = 'new' } = {},
): readonly TraceEvent[] {
  const certificate = (id: string, authority: string, at: number): TraceEvent => ({
    type: 'issued',
    at,
    member,
    certificate: id,
    authority,
    trusts: [old, next],
    serialNumber: id,
    issuerTime: at,
    notBefore: at,
    notAfter: at + DAY,
    pathNotAfter: at + 90 * DAY,
    authorityNotBefore: 0,
  })
  const applied = (
    at: number,
    verifier: string,
    authorities: readonly string[],
    sequence: number,
  ): TraceEvent => ({
    type: 'applied',
    at,
    member,
    verifier,
    sequence,
    digest: '',
    authorities,
  })
  const events: readonly TraceEvent[] = [
    {
      type: 'begin',
      at: P,
      terms: {
        clockSkewMs: MINUTE,
        propagationMs: 15 * MINUTE,
        retention: 'leaf-lifetime',
        maxAuthorities: 2,
        keepsRoot: false,
        separate: false,
        crossSigned: false,
      },
      members: [{ name: member, signer: old, verifiers: ['v0', 'v1'], authorities: [old], sequence: 1 }],
    },
    { type: 'stage', at: P, authority: old, stage: 'ACTIVE', revision: 1 },
    certificate('c0', old, P),
    { type: 'presented', at: P, member, holder, certificate: 'c0' },
    { type: 'stage', at: P + MINUTE, authority: next, stage: 'STAGED', revision: 2 },
    { type: 'stage', at: P + 2 * MINUTE, authority: next, stage: 'PUBLISHED', revision: 3 },
    applied(P + 5 * MINUTE, 'v0', [old, next], 2),
    applied(P + 15 * MINUTE, 'v1', [old, next], 2),
    { type: 'stage', at: P + 20 * MINUTE, authority: next, stage: 'DISTRIBUTED', revision: 4 },
    { type: 'stage', at: P + 20 * MINUTE, authority: next, stage: 'ACTIVE', revision: 5 },
    { type: 'switched', at: P + 22 * MINUTE, member, authority: next },
    { type: 'stage', at: P + 22 * MINUTE, authority: old, stage: 'DRAINING', revision: 6 },
    certificate('c1', next, P + 30 * MINUTE),
    { type: 'presented', at: P + 31 * MINUTE, member, holder, certificate: 'c1' },
    certificate('c2', next, P + 12 * 60 * MINUTE),
    { type: 'presented', at: P + 12 * 60 * MINUTE, member, holder, certificate: 'c2' },
    { type: 'stage', at: P + DAY, authority: old, stage: 'RETIRED', revision: 7 },
    applied(P + DAY + MINUTE, 'v0', [next], 3),
    applied(P + DAY + 3 * MINUTE, 'v1', [next], 3),
    { type: 'finished', at: P + 2 * DAY, direction: 'forward' },
  ]
  return [...events, ...more].sort((a, b) => a.at - b.at)
}
