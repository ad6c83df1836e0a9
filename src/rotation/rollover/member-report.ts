/**
 * What a member tells the driver of a rollover, and what that changes.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { FIRST_INSTANT, LAST_INSTANT } from '../../internal/der-time.ts'
import { instantOf, instantText } from '../../internal/instant-text.ts'
import { checkOptionNames, readCount, readInstant, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { DriverTerms } from './driver-terms.ts'
import { useOf } from './inequalities.ts'
import { contentOf } from './recovery.ts'
import {
  type AuthorityLife,
  digestOf,
  ENDED,
  type MemberState,
  type RolloverState,
  UNMANAGED,
  withEntry,
} from './rollover-state.ts'
import { readId } from './rollover-terms.ts'

/** The greatest end of what a cluster issued under an authority. */
export interface IssuedUnder {
  readonly authority: string
  /** The greatest `notAfter` of all. */
  readonly notAfter: Date
  /** The latest instant at which one of these is replaced, where that is known. Default: `notAfter`. */
  readonly inUseUntil?: Date | undefined
}

/**
 * The whole state of a member, as it is now. A later report takes the place of an earlier one; send it after every change, and
 * from time to time.
 */
export interface MemberReport {
  readonly member: string
  /** The `revision` of the desired state that this follows. */
  readonly revision: number
  /** The bundle that **every** verifier of the member has; absent while it keeps its own. */
  readonly bundle?: { readonly sequence: number; readonly digest: string } | undefined
  /** The authority that all of its issuers sign with. Of a cluster. */
  readonly signer?: string | undefined
  /** Of a cluster: what it issued so far, by authority. */
  readonly issued?: readonly IssuedUnder[] | undefined
  /** The authorities under which certificates are in use. Of a cluster; needed in an emergency and with `retention: 'renewals'`. */
  readonly presents?: readonly string[] | undefined
}

/** Revisions and sequences stay whole numbers for as long as anybody counts. */
export const MAX_COUNT: number = 2 ** 50

/** An instant that a certificate can have; RFC 5280 §4.1.2.5 ends in the year 9999. */
function readCertificateTime(value: unknown, option: string): void {
  const time = readInstant(value, option)
  if (!(time >= FIRST_INSTANT && time <= LAST_INSTANT))
    throw new RangeError(
      `option "${option}" must lie in the years 1950 to 9999, as the ends of certificates do`,
    )
}

/** Checks the form of a report. @throws `TypeError`, `RangeError`. */
export function readReport(report: MemberReport): MemberReport {
  checkOptionNames(report, ['member', 'revision', 'bundle', 'signer', 'issued', 'presents'], 'report()')
  readId(report.member, 'member')
  readCount(report.revision, 'revision', 0, MAX_COUNT)
  if (report.bundle !== undefined) {
    checkOptionNames(report.bundle, ['sequence', 'digest'], 'option "bundle"')
    readCount(report.bundle.sequence, 'bundle.sequence', 0, MAX_COUNT)
    if (typeof report.bundle.digest !== 'string' || !/^[0-9a-f]{64}$/.test(report.bundle.digest))
      throw new TypeError(
        `option "bundle.digest" must be a SHA-256 in lower-case hex; got ${typeof report.bundle.digest === 'string' ? quote(report.bundle.digest, 64) : typeName(report.bundle.digest)}`,
      )
  }
  if (report.signer !== undefined) readId(report.signer, 'signer')
  for (const list of [report.issued, report.presents])
    if (list !== undefined && (!Array.isArray(list) || list.length > 1000))
      throw new TypeError('options "issued" and "presents" must be lists of at most 1000')
  for (const [i, one] of (report.issued ?? []).entries()) {
    checkOptionNames(one, ['authority', 'notAfter', 'inUseUntil'], `option "issued[${i}]"`)
    readId(one.authority, `issued[${i}].authority`)
    readCertificateTime(one.notAfter, `issued[${i}].notAfter`)
    if (one.inUseUntil !== undefined) readCertificateTime(one.inUseUntil, `issued[${i}].inUseUntil`)
  }
  for (const [i, id] of (report.presents ?? []).entries()) readId(id, `presents[${i}]`)
  return report
}

/**
 * The state after a report. A report that shows a later state than the journal's begins a recovery: the journal was restored
 * from a backup, and nothing goes on before everybody has told what there is.
 *
 * @throws `MeshPkiError` `ERR_ROLLOVER_MEMBER`, `ERR_ROLLOVER_EVIDENCE`.
 */
export function applyReport(
  driver: DriverTerms,
  state: RolloverState,
  report: MemberReport,
  now: number,
): RolloverState {
  const member = Object.hasOwn(state.members, report.member) ? state.members[report.member] : undefined
  if (member === undefined || member.leftAt !== undefined)
    throw new MeshPkiError(
      'ERR_ROLLOVER_MEMBER',
      `${quote(report.member, 64)} is no member of this rollover${member === undefined ? '' : ': it has left'}. Call join() first; a cluster with a root of its own needs a plan of kind "adoption"`,
      { data: { member: report.member } },
    )
  const named = [
    report.signer,
    ...(report.issued ?? []).map(({ authority }) => authority),
    ...(report.presents ?? []),
  ]
  const stranger = named.find((id) => id !== undefined && !Object.hasOwn(state.authorities, id))
  if (stranger !== undefined)
    throw new MeshPkiError(
      'ERR_ROLLOVER_EVIDENCE',
      `${report.member} reports the authority ${quote(stranger, 64)}, which is none of this plan: ${Object.keys(state.authorities).join(', ')}. Report these, by their ids`,
      { data: { member: report.member, found: stranger } },
    )
  // One that was delayed says nothing about now.
  if (member.evidence !== undefined && report.revision < member.evidence.revision) return state
  const at = instantText(now)
  const { sequence = UNMANAGED, digest = digestOf({}, []) } = report.bundle ?? {}
  const isAhead = sequence > state.bundle.sequence || report.revision > state.revision
  const impossible = isAhead ? whyNotAhead(driver, state, report.revision, sequence, digest, now) : undefined
  if (impossible !== undefined)
    throw new MeshPkiError(
      'ERR_ROLLOVER_EVIDENCE',
      `${report.member} reports bundle ${sequence} and revision ${report.revision}, ahead of this journal with ${state.bundle.sequence} and ${state.revision}, ${impossible}: that was never written here. The report does not count; find out who writes its status`,
      {
        data: {
          member: report.member,
          sequence,
          revision: report.revision,
          journal: { sequence: state.bundle.sequence, revision: state.revision },
        },
      },
    )
  if (
    isAhead &&
    state.bundle.sequence === UNMANAGED &&
    sequence !== UNMANAGED &&
    contentOf(driver, state, digest) === undefined
  )
    throw new MeshPkiError(
      'ERR_ROLLOVER_EVIDENCE',
      `${report.member} reports bundle ${sequence}, and none was published yet: leave "bundle" out while it keeps its own`,
      { data: { member: report.member, sequence } },
    )
  const nameless = state.bundle.authorities.filter((id) => state.authorities[id]?.fingerprint === undefined)
  if (
    !isAhead &&
    sequence === state.bundle.sequence &&
    sequence !== UNMANAGED &&
    digest !== state.bundle.digest
  )
    throw new MeshPkiError(
      'ERR_ROLLOVER_EVIDENCE',
      `${report.member} reports bundle ${sequence} with the digest ${digest}; that bundle has ${state.bundle.digest}: somebody else wrote it there${nameless.length === 0 ? '' : `, or the plan does not know the certificate of ${nameless.join(', ')} (give it as outgoing.certificate)`}. The report does not count; make it apply what desired() answers`,
      { data: { member: report.member, sequence, expected: state.bundle.digest, found: digest } },
    )
  const problem = isAhead ? undefined : contradiction(driver, state, sequence, digest)
  if (problem !== undefined)
    throw new MeshPkiError(
      'ERR_ROLLOVER_EVIDENCE',
      `${report.member} reports bundle ${sequence} with the digest ${digest}, ${problem}: somebody else wrote it there. The report does not count; make it apply what desired() answers`,
      { data: { member: report.member, sequence, found: digest } },
    )
  const isSwitch = report.signer !== undefined && report.signer !== member.evidence?.signer
  const authorities = withLedger(
    state.authorities,
    isSwitch ? { ...report, issued: issuedBefore(driver, state, member, report, now) } : report,
  )
  const evidence = {
    at,
    revision: report.revision,
    sequence,
    digest,
    ...(report.signer === undefined ? {} : { signer: report.signer }),
    ...(report.presents === undefined ? {} : { presents: report.presents }),
  }
  const next: RolloverState = {
    ...state,
    authorities,
    members: { ...state.members, [report.member]: { ...member, evidence } },
  }
  if (!isAhead && state.recovering === undefined)
    return saysNothingNew(driver, state, next, report.member, now) ? state : next
  const told = [...new Set([...(state.recovering?.told ?? []), report.member])]
  const recovering = { at: state.recovering?.at ?? at, told }
  const isFirst = state.recovering === undefined
  const waiting = { ...next, recovering, revision: state.revision + (isFirst ? 1 : 0) }
  return isFirst
    ? withEntry(
        waiting,
        at,
        `${report.member} has bundle ${sequence}, revision ${report.revision}: this journal is older`,
      )
    : waiting
}

/** A journal that was lost for long is not that far behind; so no report drives the counts to their end. */
const MAX_LOST_REVISIONS = 1_000_000
const MAX_LOST_SEQUENCES = 86_400_000

/** Why no journal of this rollover, however much newer, can have led to a report. */
function whyNotAhead(
  driver: DriverTerms,
  state: RolloverState,
  revision: number,
  sequence: number,
  digest: string,
  now: number,
): string | undefined {
  if (revision > state.revision + MAX_LOST_REVISIONS) return `by more than ${MAX_LOST_REVISIONS} revisions`
  // Sequences follow the clock in milliseconds.
  if (sequence > Math.max(state.bundle.sequence, now) + MAX_LOST_SEQUENCES)
    return 'with a sequence that lies more than a day ahead of the clock'
  if (sequence <= state.bundle.sequence) return undefined
  const back = contentOf(driver, state, digest)?.find((id) => {
    const { stage = '' } = state.authorities[id] ?? {}
    return id !== driver.incoming && ENDED.includes(stage)
  })
  return back === undefined ? undefined : `with ${back}, which is withdrawn for good`
}

/**
 * Why a bundle before the present one cannot have been published with this content. Gates count by sequence, so a sequence from
 * which on something is published or withdrawn must also hold it, or not.
 */
function contradiction(
  driver: DriverTerms,
  state: RolloverState,
  sequence: number,
  digest: string,
): string | undefined {
  if (sequence >= state.bundle.sequence || sequence === UNMANAGED) return undefined
  // What a recovery took back says nothing: only a stage that stands does.
  const incoming = state.authorities[driver.incoming]
  const isOut = incoming?.stage !== 'PLANNED' && incoming?.stage !== 'STAGED'
  const publishedIn = (isOut ? incoming?.publishedIn : undefined) ?? Number.POSITIVE_INFINITY
  const gone = Object.entries(state.authorities).filter(
    ([, { stage, withdrawnIn = Number.POSITIVE_INFINITY }]) =>
      ENDED.includes(stage) && sequence >= withdrawnIn,
  )
  if (sequence < publishedIn && gone.length === 0) return undefined
  const content = contentOf(driver, state, digest)
  if (content === undefined) return 'which is that of no authorities of this plan'
  const isGivenUp = gone.some(([id]) => id === driver.incoming)
  if (sequence >= publishedIn && !isGivenUp && !content.includes(driver.incoming))
    return `which lacks ${driver.incoming}, published in ${publishedIn}`
  const left = gone.find(([id]) => content.includes(id))
  return left === undefined ? undefined : `which still holds ${left[0]}, withdrawn in ${left[1].withdrawnIn}`
}

/**
 * Whether a report says what the last one said, not long ago: then it need not be written. A mesh of a thousand clusters would else
 * rewrite its journal with each of their reports.
 */
function saysNothingNew(
  driver: DriverTerms,
  before: RolloverState,
  after: RolloverState,
  member: string,
  now: number,
): boolean {
  const [old, fresh] = [before.members[member]?.evidence, after.members[member]?.evidence]
  if (old === undefined || fresh === undefined || now - instantOf(old.at) >= driver.evidenceMaxAge / 2)
    return false
  const ledgers = ({ authorities }: RolloverState): string =>
    Object.values(authorities)
      .map(({ greatestNotAfter, inUseUntil }) => `${greatestNotAfter} ${inUseUntil}`)
      .join()
  return (
    JSON.stringify({ ...old, at: '' }) === JSON.stringify({ ...fresh, at: '' }) &&
    ledgers(before) === ledgers(after)
  )
}

function withLedger(
  authorities: RolloverState['authorities'],
  { issued = [] }: MemberReport,
): RolloverState['authorities'] {
  const next: Record<string, AuthorityLife> = { ...authorities }
  for (const { authority, notAfter, inUseUntil = notAfter } of issued) {
    const life = Object.hasOwn(next, authority) ? next[authority] : undefined
    if (life === undefined) continue
    next[authority] = {
      ...life,
      greatestNotAfter: later(life.greatestNotAfter, notAfter.getTime()),
      inUseUntil: later(life.inUseUntil, inUseUntil.getTime()),
    }
  }
  return next
}

/**
 * What a cluster that leaves an authority issued under it. Where it does not say, its last certificate is as young as this report, as
 * long as a certificate can be.
 */
function issuedBefore(
  { terms }: DriverTerms,
  state: RolloverState,
  member: MemberState,
  { signer, issued = [] }: MemberReport,
  now: number,
): readonly IssuedUnder[] {
  const left = member.evidence?.signer ?? member.from
  const isTold = issued.some(({ authority }) => authority === left)
  if (left === undefined || left === signer || isTold || state.authorities[left] === undefined) return issued
  const latest = now + 2 * terms.clockSkew
  return [
    ...issued,
    {
      authority: left,
      notAfter: new Date(latest + terms.leafLifetime),
      inUseUntil: new Date(latest + useOf(terms)),
    },
  ]
}

/** The later of two instants, rounded up to whole seconds: the ledger must not end early. */
export function later(known: string | undefined, time: number): string {
  const up = Math.ceil(time / 1000) * 1000
  return instantText(known === undefined ? up : Math.max(instantOf(known), up))
}
