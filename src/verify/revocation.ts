/**
 * Whether the certificates of a path are revoked, by CRLs (RFC 5280 §6.3).
 *
 * @module
 */

import { formatDuration } from '../internal/duration.ts'
import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { nameLabel } from '../x509/certificate-label.ts'
import { CertificateList } from '../x509/certificate-list.ts'
import { extensionSet, unknownCriticalExtension } from '../x509/extension-list.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import type { RevokedCertificate } from '../x509/revoked-certificate.ts'
import { crlFinding, exhausted, revokedFinding, type StatusInquiry } from './crl-findings.ts'
import { isOlderIssue, newestFirst, saysWhatItSays, supersedes } from './crl-precedence.ts'
import {
  ALL_REASONS,
  isDeltaOf,
  keyOfName,
  reasonsInScope,
  type ScopedCrl,
  type ScopedPoint,
  scopedCrl,
  scopedPoints,
} from './crl-scope.ts'
import { CrlSigners, type SignerSearch } from './crl-signers.ts'
import { closest, type Finding, finding, iso } from './finding.ts'
import type { PathPolicy } from './path-policy.ts'
import { isFatal, type SearchBudget } from './search-budget.ts'
import type { Asking, SignatureCheck } from './signature-check.ts'
import type { Issuer } from './trust-anchor.ts'

/** Extensions of CRLs that are judged here and may be critical. */
const JUDGED = /* @__PURE__ */ extensionSet([
  ExtensionArc.cRLNumber,
  ExtensionArc.deltaCRLIndicator,
  ExtensionArc.issuingDistributionPoint,
  ExtensionArc.authorityKeyIdentifier,
  ExtensionArc.freshestCRL,
])

/** Revocation checking of one search. */
export class Revocation {
  readonly #policy: PathPolicy
  readonly #budget: SearchBudget
  readonly #signatures: SignatureCheck
  readonly #signers: CrlSigners
  /** Read when first needed. */
  #crls: SortedCrls | undefined

  constructor(policy: PathPolicy, budget: SearchBudget, signatures: SignatureCheck, search: SignerSearch) {
    this.#policy = policy
    this.#budget = budget
    this.#signatures = signatures
    this.#signers = new CrlSigners(budget, signatures, search)
  }

  /** Judges every certificate of a path, from the one below the anchor down to the leaf. */
  *check(path: readonly Certificate[], anchor: Issuer): Asking<Finding | undefined> {
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const certificate = path[depth]
      if (certificate === undefined) continue
      const circular = this.#signers.open(certificate)
      if (circular !== undefined) return circular
      const refused = yield* this.#checkOne(inquiryAt(certificate, depth, path, anchor))
      this.#signers.close(certificate)
      if (refused !== undefined) return refused
    }
    return undefined
  }

  /**
   * RFC 5280 §6.3.3 for one certificate.
   *
   * The standard stops where every reason is decided. Here every CRL in scope is asked that is not an older issue
   * of one that was: a CA that changed its key signs two lists, and what either revokes is revoked.
   *
   * The issuer of a CRL signer may name that signer's own CRL in its certificate (`cRLIssuer`; PKITS 4.14.30
   * does). Such a CRL is asked only when there is no other in scope.
   */
  *#checkOne(inquiry: StatusInquiry): Asking<Finding | undefined> {
    const { certificate } = inquiry
    const crls = this.#readCrls()
    const points = scopedPoints(certificate, this.#budget)
    if (crls === undefined || points === undefined)
      return exhausted(inquiry, this.#budget.comparisonsExceeded)
    const search: StatusSearch = { points, findings: [], reasons: 0, asked: [] }
    let refused = yield* this.#askAll(inquiry, search, crls.complete)
    const onlyItself = search.findings.length === search.asked.filter(({ byItself }) => byItself).length
    if (refused === undefined && search.reasons !== ALL_REASONS && inquiry.vouchesForItself && onlyItself) {
      inquiry.mayVouchForItself = true
      search.asked.length = 0
      refused = yield* this.#askAll(inquiry, search, crls.complete)
    }
    if (refused !== undefined) return refused
    const revokedByDelta = yield* this.#askDeltas(inquiry, search, crls.deltas)
    if (revokedByDelta !== undefined || search.reasons === ALL_REASONS) return revokedByDelta
    return this.#undetermined(inquiry, search, crls.deltas)
  }

  /** What a genuine delta CRL revokes for good is revoked, also where it goes with no complete one that is older. */
  *#askDeltas(
    inquiry: StatusInquiry,
    search: StatusSearch,
    deltas: readonly ScopedCrl[],
  ): Asking<Finding | undefined> {
    const { certificate } = inquiry
    const issuerKey = keyOfName(certificate.issuer)
    for (const delta of deltas) {
      if (!this.#budget.takeComparisons(search.points.length))
        return exhausted(inquiry, this.#budget.comparisonsExceeded)
      const point = search.points.find((one) => reasonsInScope(delta, certificate, issuerKey, one) !== 0)
      if (point === undefined || this.#checkUsable(inquiry, delta.crl) !== undefined) continue
      const entry = delta.crl.find(certificate)
      if (
        !isForGood(entry) ||
        search.asked.some(({ newest, clean }) => clean && saysWhatItSays(newest, delta))
      )
        continue
      const signer = yield* this.#signers.find(inquiry, delta, point.crlIssuers === undefined)
      if (!('tell' in signer)) return revokedFinding(inquiry, delta.crl, entry)
      if (isFatal(signer.code)) return signer
    }
    return undefined
  }

  *#askAll(
    inquiry: StatusInquiry,
    search: StatusSearch,
    crls: readonly ScopedCrl[],
  ): Asking<Finding | undefined> {
    const { certificate } = inquiry
    const issuerKey = keyOfName(certificate.issuer)
    for (const point of search.points) {
      const direct = point.crlIssuers === undefined
      if (inquiry.mayVouchForItself && direct) continue
      for (const crl of crls) {
        if (!this.#budget.takeComparisons(1 + point.places.length + search.asked.length))
          return exhausted(inquiry, this.#budget.comparisonsExceeded)
        const decided = reasonsInScope(crl, certificate, issuerKey, point)
        if (decided === 0) continue
        const before = search.asked.find((other) => other.crl === crl)
        if (before?.clean === true) search.reasons |= decided
        if (before !== undefined) continue
        inquiry.vouchesForItself = false
        const answer = yield* this.#ask(inquiry, crl, direct, search.asked)
        const byItself = inquiry.vouchesForItself
        if ('tell' in answer) {
          if (isFatal(answer.code)) return answer
          search.findings.push(answer)
          search.asked.push({ crl, newest: crl, clean: false, signer: undefined, byItself })
          continue
        }
        if (answer.entry !== undefined) return revokedFinding(inquiry, answer.list.crl, answer.entry)
        search.asked.push({ crl, newest: answer.list, clean: true, signer: answer.signer, byItself })
        search.reasons |= decided
      }
    }
    inquiry.vouchesForItself = search.asked.some(({ byItself }) => byItself)
    return undefined
  }

  #readCrls(): SortedCrls | undefined {
    if (this.#crls !== undefined) return this.#crls
    const scoped: ScopedCrl[] = []
    for (const crl of this.#policy.crls.lists) {
      const one = scopedCrl(crl, this.#budget)
      if (one === undefined) return undefined
      scoped.push(one)
    }
    scoped.sort(newestFirst)
    this.#crls = {
      complete: scoped.filter(({ crl }) => !crl.isDelta),
      deltas: scoped.filter(({ crl }) => crl.isDelta),
    }
    return this.#crls
  }

  /** What one CRL in scope says: who signed it and an entry that revokes, if any; or why it cannot be used. */
  *#ask(
    inquiry: StatusInquiry,
    complete: ScopedCrl,
    direct: boolean,
    asked: readonly AskedCrl[],
  ): Asking<Answer | Finding> {
    const { certificate } = inquiry
    const unusable = this.#checkUsable(inquiry, complete.crl)
    if (unusable !== undefined) return unusable
    const expired = this.#checkCurrent(inquiry, complete.crl)
    const all = this.#crls?.deltas ?? []
    if (!this.#budget.takeComparisons(all.length)) return exhausted(inquiry, this.#budget.comparisonsExceeded)
    const deltas = all.filter(
      (delta) =>
        isDeltaOf(delta, complete) &&
        this.#checkUsable(inquiry, delta.crl) === undefined &&
        this.#checkCurrent(inquiry, delta.crl) === undefined,
    )
    const signer = yield* this.#signers.find(inquiry, complete, direct)
    if ('tell' in signer) return isFatal(signer.code) || deltas.length > 0 ? signer : (expired ?? signer)
    const isOlder = asked.some((newer) => newer.clean && isOlderIssue({ crl: complete, signer }, newer))
    if (isOlder) return { signer, list: complete, entry: undefined }
    const listed = complete.crl.find(certificate)
    const applied: ScopedCrl[] = []
    for (const delta of deltas) {
      if (!this.#budget.takeComparisons(applied.length))
        return exhausted(inquiry, this.#budget.comparisonsExceeded)
      if (applied.some((newer) => supersedes(newer.crl, delta.crl))) continue
      const verdict = yield* this.#signatures.ask(delta.crl, signer)
      if (verdict === 'budget') return exhausted(inquiry, this.#budget.signaturesExceeded)
      if (verdict !== true) continue
      applied.push(delta)
      const change = delta.crl.find(certificate)
      const entry = revoking(change ?? listed)
      if (entry !== undefined) return { signer, list: change === undefined ? complete : delta, entry }
    }
    const [newest] = applied
    // A delta CRL on a complete one that has expired brings it up to date (§6.3.3 (a)).
    if (newest !== undefined) return { signer, list: newest, entry: undefined }
    const entry = revoking(listed)
    if (expired === undefined) return { signer, list: complete, entry }
    // What a genuine list revoked for good stays revoked when the list is replaced.
    return isForGood(entry) ? { signer, list: complete, entry } : expired
  }

  /** A CRL with a critical extension that is not understood must not be used (RFC 5280 §5.2, §5.3), nor one of the future. */
  #checkUsable(inquiry: StatusInquiry, crl: CertificateList): Finding | undefined {
    const layout = CertificateList.layoutOf(crl)
    const oid = unknownCriticalExtension(CertificateList.bytesOf(crl), layout, JUDGED)
    const problem =
      oid !== undefined
        ? `has the critical extension ${escapeText(oid)}, which is not judged here`
        : layout.unknownCriticalEntry !== 0
          ? 'has an entry with a critical extension that is not judged here'
          : crl.signatureAlgorithm === undefined
            ? `is signed with ${escapeText(crl.signatureAlgorithmDescription)}, which is not accepted`
            : layout.thisUpdate > this.#policy.time
              ? `is not valid yet at the time of the check, ${iso(this.#policy.time)}`
              : undefined
    if (problem === undefined) return undefined
    return crlFinding(inquiry, crl, 'ERR_PATH_CRL_UNUSABLE', () => ({
      problem,
      clause: oid === undefined && layout.unknownCriticalEntry !== 0 ? 'RFC 5280 §5.3' : 'RFC 5280 §5.2',
      remedy:
        layout.thisUpdate > this.#policy.time
          ? 'Check the clocks, or pass the CRL that was current then'
          : 'Pass a CRL without it',
    }))
  }

  /** A list without `nextUpdate` does not expire; RFC 5280 §5.1.2.4 leaves open what to make of it. */
  #checkCurrent(inquiry: StatusInquiry, crl: CertificateList): Finding | undefined {
    const { nextUpdate } = CertificateList.layoutOf(crl)
    const { time } = this.#policy
    if (nextUpdate === undefined || time <= nextUpdate) return undefined
    return crlFinding(inquiry, crl, 'ERR_PATH_CRL_EXPIRED', () => ({
      problem: `had its next update at ${iso(nextUpdate)}, ${formatDuration(time - nextUpdate)} before the time of the check, ${iso(time)}`,
      clause: 'RFC 5280 §6.3.3 (a)',
      expected: `a CRL with nextUpdate at ${iso(time)} or later`,
      found: iso(nextUpdate),
      remedy: "Fetch the CA's current CRL",
    }))
  }

  #undetermined(
    inquiry: StatusInquiry,
    { points, findings, reasons }: StatusSearch,
    deltas: readonly ScopedCrl[],
  ): Finding | undefined {
    const { certificate, depth, path } = inquiry
    const { revocation, crls } = this.#policy
    const best = closest(findings)
    if (best !== undefined) return best
    const issuerKey = keyOfName(certificate.issuer)
    for (const point of points) {
      if (!this.#budget.takeComparisons(deltas.length * (1 + point.places.length)))
        return exhausted(inquiry, this.#budget.comparisonsExceeded)
      const alone = deltas.find((delta) => reasonsInScope(delta, certificate, issuerKey, point) !== 0)
      if (alone !== undefined) return withoutComplete(inquiry, alone.crl)
    }
    const { complete = [] } = this.#crls ?? {}
    const ofIssuer = complete.filter((crl) => crl.issuerKey === issuerKey).length
    const [unreadable] = crls.unreadable
    if (unreadable !== undefined) {
      return finding('ERR_PATH_CRL_UNUSABLE', certificate, depth, path, () => ({
        problem: `${crls.unreadable.length} of the CRLs cannot be read, and one of them may speak of it; the first: ${escapeText(unreadable.message)}`,
        clause: 'RFC 5280 §6.3.3',
        remedy: 'Fetch the CRL again, or take it out of the option "crls"',
        cause: unreadable,
      }))
    }
    if (revocation === 'if-present') return undefined
    const partly = reasons === 0 ? '' : ' for every reason'
    return finding('ERR_PATH_REVOCATION_UNKNOWN', certificate, depth, path, () => ({
      problem: `${howMany(crls.lists.length)} says whether it is revoked${partly}; its issuer is ${nameLabel(certificate.issuer)}${ofIssuer === 0 ? '' : `, ${ofIssuer} of whose CRLs ${ofIssuer === 1 ? 'is' : 'are'} for other certificates by the issuing distribution point`}`,
      clause: 'RFC 5280 §6.3.3',
      expected: 'a CRL whose scope the certificate is in',
      found: reasons === 0 ? 'none' : 'CRLs for some of the reasons',
      remedy: `Pass the CRL of its issuer; revocation: 'if-present' lets a certificate without one pass`,
    }))
  }
}

/** CRLs that were passed, newest first. */
interface SortedCrls {
  readonly complete: readonly ScopedCrl[]
  readonly deltas: readonly ScopedCrl[]
}

/** The state of determining one certificate's status. */
interface StatusSearch {
  readonly points: readonly ScopedPoint[]
  readonly findings: Finding[]
  /** The reasons that some CRL has decided. */
  reasons: number
  readonly asked: AskedCrl[]
}

/** What a usable CRL says. */
interface Answer {
  readonly signer: Issuer
  /** Where the entry stands; without one, the newest list that was asked. */
  readonly list: ScopedCrl
  /** The entry that revokes; `undefined` where there is none. */
  readonly entry: RevokedCertificate | undefined
}

/** A CRL that was asked. */
interface AskedCrl {
  readonly crl: ScopedCrl
  /** The CRL, or the delta CRL that brought it up to date. */
  readonly newest: ScopedCrl
  /** Whether it could be used and says nothing. */
  readonly clean: boolean
  readonly signer: Issuer | undefined
  /** Whether it was signed by the certificate that it was asked about. */
  readonly byItself: boolean
}

const howMany = (count: number): string =>
  count === 0 ? 'no CRL was passed that' : count === 1 ? 'not even the one CRL' : `none of the ${count} CRLs`

/** What a delta CRL changes is not known without what it changes. */
function withoutComplete(inquiry: StatusInquiry, delta: CertificateList): Finding {
  return crlFinding(inquiry, delta, 'ERR_PATH_CRL_UNUSABLE', () => ({
    problem: `is a delta CRL, and there is no usable complete CRL from number ${String(delta.baseCrlNumber)} on that it updates`,
    clause: 'RFC 5280 §5.2.4',
    remedy: 'Pass the complete CRL as well',
  }))
}

function inquiryAt(
  certificate: Certificate,
  depth: number,
  path: readonly Certificate[],
  anchor: Issuer,
): StatusInquiry {
  return { certificate, depth, path, anchor, mayVouchForItself: false, vouchesForItself: false }
}

/** Whether an entry revokes, and not only until it is lifted. */
function isForGood(entry: RevokedCertificate | undefined): entry is RevokedCertificate {
  return entry !== undefined && entry.reason !== 'certificateHold' && entry.reason !== 'removeFromCRL'
}

/** An entry that says removeFromCRL revokes nothing. */
function revoking(entry: RevokedCertificate | undefined): RevokedCertificate | undefined {
  return entry?.reason === 'removeFromCRL' ? undefined : entry
}
