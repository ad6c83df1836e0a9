/**
 * What a cluster's orders say to a rollover.
 *
 * @module
 */

import type { IssuedUnder, MemberReport } from '../../rotation/rollover/member-report.ts'
import { listAt, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import type { IssuedCertificate } from './issued-certificate.ts'

/** How far the clock of a cluster may be off: as `clockSkew` of `planRollover`. */
const SKEW_MS = 60_000

/** What a report is made by. */
export interface EvidenceTerms {
  /** Which rollover asks: what was said to another one does not count. */
  readonly rollover: string
  /** Its authorities; of others nobody asks. */
  readonly authorities: readonly string[]
  readonly now: Date
  readonly maxAgeMs: number
  /** The latest end that a workload certificate can have which exists now: a cluster cannot hold up a retirement beyond it. */
  readonly latestEnd: Date
}

/**
 * The report of a member, out of the status that its agent wrote; `undefined` where that is older than `maxAgeMs`, or says nothing of
 * what a rollover asks: an agent that does not live reports nothing.
 *
 * Of the authority that istiod signs with now nothing is told: the driver counts its last certificate from the report in which it
 * is no longer the signer. So nobody has to list workloads.
 */
export function memberReport(
  member: string,
  { object }: IssuedCertificate,
  { rollover, authorities, now, maxAgeMs, latestEnd }: EvidenceTerms,
): MemberReport | undefined {
  const status = recordAt(object, 'status')
  const observedAt = Date.parse(textAt(status, 'observedAt') ?? '')
  const age = now.getTime() - observedAt
  // A clock that is ahead by more makes no report fresh.
  if (!(age <= maxAgeMs && age >= -SKEW_MS)) return undefined
  const signer = textAt(status, 'signer')
  if (signer === undefined) return undefined
  const isOfThis = textAt(status, 'rollover') === rollover
  const distributed = isOfThis ? recordAt(status, 'distributed') : {}
  const sequence = numberAt(distributed, 'sequence')
  const digest = textAt(distributed, 'digest')
  const signing = [signer, textAt(recordAt(status, 'certificate'), 'authority')]
  const issued = listAt(status, 'ledger').flatMap((line): readonly IssuedUnder[] => {
    const authority = textAt(line, 'authority')
    const end = Date.parse(textAt(line, 'notAfter') ?? '')
    if (authority === undefined || !authorities.includes(authority)) return []
    return signing.includes(authority) || Number.isNaN(end)
      ? []
      : [{ authority, notAfter: new Date(Math.min(end, latestEnd.getTime())) }]
  })
  return {
    member,
    revision: isOfThis ? (numberAt(status, 'revision') ?? 0) : 0,
    ...(sequence === undefined || digest === undefined ? {} : { bundle: { sequence, digest } }),
    signer,
    issued,
  }
}

/**
 * The report of a cluster with several meshes, out of those of all of them: what is said holds for the one that is behind. `undefined` where one says
 * nothing.
 */
export function mergeReports(reports: readonly (MemberReport | undefined)[]): MemberReport | undefined {
  const told = reports.filter((one) => one !== undefined)
  const [first] = told
  if (first === undefined || told.length < reports.length) return undefined
  if (told.length === 1) return first
  const oldest = told.reduce((a, b) => ((a.bundle?.sequence ?? 0) <= (b.bundle?.sequence ?? 0) ? a : b))
  const isOne = told.every(({ signer }) => signer === first.signer)
  return {
    member: first.member,
    revision: Math.min(...told.map(({ revision }) => revision)),
    ...(oldest.bundle === undefined ? {} : { bundle: oldest.bundle }),
    // While they differ, "all of its issuers" sign with none.
    ...(isOne && first.signer !== undefined ? { signer: first.signer } : {}),
    issued: told.flatMap(({ issued = [] }) => issued),
  }
}
