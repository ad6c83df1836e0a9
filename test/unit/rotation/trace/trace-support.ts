/** Builders of traces: two clusters that begin with A, and what happens then. Instants count from `ZERO`. */

import type {
  InvariantId,
  TraceEvent,
  TraceEventOf,
  TraceMember,
  TraceTerms,
} from '../../../../src/rotation/index.ts'
import { checkTrace } from '../../../../src/rotation/index.ts'

export const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR
/** S and D. */
export const [SKEW, PROPAGATION] = [60 * SECOND, 15 * 60 * SECOND]
/** Some day; every instant below counts from it. */
export const ZERO = Date.parse('2026-03-01T00:00:00Z')

const TERMS: TraceTerms = {
  clockSkewMs: SKEW,
  propagationMs: PROPAGATION,
  retention: 'leaf-lifetime',
  maxAuthorities: 2,
  keepsRoot: false,
  separate: false,
  crossSigned: false,
}
export const member = (name: string, more: Partial<TraceMember> = {}): TraceMember => ({
  name,
  signer: 'A',
  verifiers: [`${name}-1`],
  authorities: ['A'],
  sequence: 1,
  ...more,
})
export const begin = (
  terms: Partial<TraceTerms> = {},
  members: readonly TraceMember[] = [member('east'), member('west')],
): TraceEvent => ({ type: 'begin', at: ZERO, terms: { ...TERMS, ...terms }, members })

export const applied = (
  at: number,
  verifier: string,
  authorities: readonly string[],
  more: Partial<TraceEventOf<'applied'>> = {},
): TraceEvent => ({
  type: 'applied',
  at: ZERO + at,
  member: verifier.slice(0, -2),
  verifier,
  sequence: 2,
  digest: 'x',
  authorities,
  ...more,
})
export const both = (at: number, authorities: readonly string[]): readonly TraceEvent[] => [
  applied(at, 'east-1', authorities),
  applied(at, 'west-1', authorities),
]
export const stage = (
  at: number,
  authority: string,
  name: TraceEventOf<'stage'>['stage'],
  more: Partial<TraceEventOf<'stage'>> = {},
): TraceEvent => ({ type: 'stage', at: ZERO + at, authority, stage: name, revision: 1, ...more })
export const published = (
  at: number,
  sequence: number,
  authorities: readonly string[],
  digest: string = `${sequence}`,
): TraceEvent => ({ type: 'published', at: ZERO + at, sequence, digest, authorities })
export const switched = (at: number, name: string, authority: string): TraceEvent => ({
  type: 'switched',
  at: ZERO + at,
  member: name,
  authority,
})
export const issued = (
  at: number,
  certificate: string,
  authority: string,
  more: Partial<TraceEventOf<'issued'>> = {},
): TraceEvent => ({
  type: 'issued',
  at: ZERO + at,
  member: 'east',
  certificate,
  authority,
  trusts: ['A', 'B'],
  serialNumber: certificate,
  issuerTime: ZERO + at,
  notBefore: ZERO + at - 2 * SKEW,
  notAfter: ZERO + at + DAY,
  pathNotAfter: ZERO + 365 * DAY,
  authorityNotBefore: ZERO - 30 * DAY,
  ...more,
})
export const presented = (at: number, certificate: string, holder = 'h1'): TraceEvent => ({
  type: 'presented',
  at: ZERO + at,
  member: 'east',
  holder,
  certificate,
})
export const withdrawn = (at: number, certificate: string, holder = 'h1'): TraceEvent => ({
  type: 'withdrawn',
  at: ZERO + at,
  member: 'east',
  holder,
  certificate,
})
export const journal = (at: number, revision: number, what = 'x'): TraceEvent => ({
  type: 'journal',
  at: ZERO + at,
  revision,
  what,
})
export const due = (at: number, certificate: string, renewAt: number): TraceEvent => ({
  type: 'due',
  at: ZERO + at,
  certificate,
  renewAt: ZERO + renewAt,
})

export type Trace = readonly TraceEvent[]

/** An invariant, what breaks it and nothing else, and what nearly does. */
export type Case = readonly [InvariantId, string, broken: Trace, sound: Trace]

/** The invariants that a trace breaks, each once. */
export const brokenIn = (trace: Trace): readonly string[] => [
  ...new Set(checkTrace(trace).map(({ invariant }) => invariant)),
]
