/**
 * What a cluster's order says to a rollover.
 *
 * @module
 */

import type { IssuedUnder, MemberReport } from '../../rotation/rollover/member-report.ts'
import { listAt, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import type { IssuedCertificate } from './issued-certificate.ts'

/** How far the clock of a cluster may be off: as `clockSkew` of `planRollover`. */
const SKEW_MS = 60_000

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
  now: Date,
  maxAgeMs: number,
): MemberReport | undefined {
  const status = recordAt(object, 'status')
  const observedAt = Date.parse(textAt(status, 'observedAt') ?? '')
  const age = now.getTime() - observedAt
  // A clock that is ahead by more makes no report fresh.
  if (!(age <= maxAgeMs && age >= -SKEW_MS)) return undefined
  const signer = textAt(status, 'signer')
  const distributed = recordAt(status, 'distributed')
  const sequence = numberAt(distributed, 'sequence')
  const digest = textAt(distributed, 'digest')
  if (signer === undefined) return undefined
  const signing = [signer, textAt(recordAt(status, 'certificate'), 'authority')]
  const issued = listAt(status, 'ledger').flatMap((line): readonly IssuedUnder[] => {
    const authority = textAt(line, 'authority')
    const notAfter = new Date(textAt(line, 'notAfter') ?? '')
    const isOver =
      authority !== undefined && !signing.includes(authority) && !Number.isNaN(notAfter.getTime())
    return isOver ? [{ authority, notAfter }] : []
  })
  return {
    member,
    revision: numberAt(status, 'revision') ?? 0,
    ...(sequence === undefined || digest === undefined ? {} : { bundle: { sequence, digest } }),
    signer,
    issued,
  }
}
