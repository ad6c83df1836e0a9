/**
 * Whether the certificates of a path are revoked, by CRLs (RFC 5280 §6.3).
 *
 * @module
 */

import { formatDuration } from '../internal/duration.ts'
import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { CertificateList } from '../x509/certificate-list.ts'
import { extensionSet, unknownCriticalExtension } from '../x509/extension-list.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import type { RevokedCertificate } from '../x509/revoked-certificate.ts'
import { crlFinding, crlLabel, exhausted, type StatusInquiry } from './crl-findings.ts'
import { ALL_REASONS, distributionPointsOf, isDeltaOf, reasonsInScope, type ScopedCrl } from './crl-scope.ts'
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

/** Comparisons that one look at a CRL's scope counts for: names are compared in it. */
const SCOPE_COST = 8

/** Revocation checking of one search. */
export class Revocation {
  readonly #policy: PathPolicy
  readonly #budget: SearchBudget
  readonly #signatures: SignatureCheck
  readonly #signers: CrlSigners
  /** Newest first: where two CRLs say the same things, the newer one counts. */
  readonly #complete: readonly ScopedCrl[]
  readonly #deltas: readonly ScopedCrl[]

  constructor(policy: PathPolicy, budget: SearchBudget, signatures: SignatureCheck, search: SignerSearch) {
    this.#policy = policy
    this.#budget = budget
    this.#signatures = signatures
    this.#signers = new CrlSigners(budget, signatures, search)
    const scoped = policy.crls.lists
      .map((crl) => ({ crl, issuer: crl.issuer, scope: crl.issuingDistributionPoint }))
      .sort((a, b) => b.crl.thisUpdate.getTime() - a.crl.thisUpdate.getTime() || byNumber(b.crl, a.crl))
    this.#complete = scoped.filter(({ crl }) => !crl.isDelta)
    this.#deltas = scoped.filter(({ crl }) => crl.isDelta)
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
   * The issuer of a CRL signer may name that signer's own CRL in its certificate (`cRLIssuer`; PKITS 4.14.30
   * does). Such a CRL is asked only when no other has the answer: a signer that is revoked elsewhere is revoked.
   */
  *#checkOne(inquiry: StatusInquiry): Asking<Finding | undefined> {
    const { certificate } = inquiry
    const findings: Finding[] = []
    let reasons = 0
    const points = distributionPointsOf(certificate)
    for (let i = 0; i < points.length * 2; i++) {
      const point = points[i % points.length]
      if (i === points.length) {
        if (!inquiry.vouchesForItself) break
        inquiry.mayVouchForItself = true
      }
      if (point === undefined || (inquiry.mayVouchForItself && point.crlIssuer === undefined)) continue
      for (const complete of this.#complete) {
        if (!this.#budget.takeComparisons(SCOPE_COST))
          return exhausted(inquiry, this.#budget.comparisonsExceeded)
        const decided = reasonsInScope(complete, certificate, point)
        if ((decided & ~reasons) === 0) continue
        const outcome = yield* this.#ask(inquiry, complete)
        if (outcome !== undefined && 'tell' in outcome) {
          if (isFatal(outcome.code)) return outcome
          findings.push(outcome)
          continue
        }
        if (outcome !== undefined) return this.#revoked(inquiry, complete.crl, outcome)
        reasons |= decided
        if (reasons === ALL_REASONS) return undefined
      }
    }
    return this.#undetermined(inquiry, reasons, findings)
  }

  /** What one CRL in scope says: an entry that revokes, nothing, or why it cannot be used. */
  *#ask(inquiry: StatusInquiry, complete: ScopedCrl): Asking<RevokedCertificate | Finding | undefined> {
    const { certificate } = inquiry
    const unusable = this.#checkUsable(inquiry, complete.crl)
    if (unusable !== undefined) return unusable
    const expired = this.#checkCurrent(inquiry, complete.crl)
    if (!this.#budget.takeComparisons(this.#deltas.length * SCOPE_COST))
      return exhausted(inquiry, this.#budget.comparisonsExceeded)
    const deltas = this.#deltas.filter(
      (delta) =>
        isDeltaOf(delta, complete) &&
        this.#checkUsable(inquiry, delta.crl) === undefined &&
        this.#checkCurrent(inquiry, delta.crl) === undefined,
    )
    if (expired !== undefined && deltas.length === 0) return expired
    const signer = yield* this.#signers.find(inquiry, complete)
    if ('tell' in signer) return signer
    for (const delta of deltas) {
      const verdict = yield* this.#signatures.ask(delta.crl, signer)
      if (verdict === 'budget') return exhausted(inquiry, this.#budget.signaturesExceeded)
      if (verdict !== true) continue
      // A delta CRL on a complete one that has expired brings it up to date (§6.3.3 (a)).
      const change = delta.crl.find(certificate)
      if (change?.reason === 'removeFromCRL') return undefined
      return change ?? revoking(complete.crl.find(certificate))
    }
    return expired ?? revoking(complete.crl.find(certificate))
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
              ? `is from ${iso(layout.thisUpdate)}, after the time of the check, ${iso(this.#policy.time)}. Is a clock wrong?`
              : undefined
    if (problem === undefined) return undefined
    return crlFinding(inquiry, crl, 'ERR_PATH_CRL_UNUSABLE', () => ({
      problem,
      clause: oid === undefined && layout.unknownCriticalEntry !== 0 ? 'RFC 5280 §5.3' : 'RFC 5280 §5.2',
      remedy: 'Pass a CRL that can be used',
    }))
  }

  /** A list without `nextUpdate` does not expire; RFC 5280 §5.1.2.4 leaves open what to make of it. */
  #checkCurrent(inquiry: StatusInquiry, crl: CertificateList): Finding | undefined {
    const { nextUpdate } = CertificateList.layoutOf(crl)
    const { time } = this.#policy
    if (nextUpdate === undefined || time <= nextUpdate) return undefined
    return crlFinding(inquiry, crl, 'ERR_PATH_CRL_EXPIRED', () => ({
      problem: `was to be replaced by ${iso(nextUpdate)}, ${formatDuration(time - nextUpdate)} before the time of the check, ${iso(time)}`,
      clause: 'RFC 5280 §6.3.3 (a)',
      expected: `a CRL with nextUpdate at ${iso(time)} or later`,
      found: iso(nextUpdate),
      remedy: "Fetch the CA's current CRL",
    }))
  }

  #revoked(inquiry: StatusInquiry, crl: CertificateList, entry: RevokedCertificate): Finding {
    const { certificate, depth, path } = inquiry
    const since = iso(entry.revocationDate.getTime())
    const reason = entry.reason === undefined ? '' : ` (${entry.reason})`
    return finding('ERR_PATH_REVOKED', certificate, depth, path, () => ({
      problem: `it was revoked at ${since}${reason}, says ${crlLabel(crl)}`,
      clause: 'RFC 5280 §6.1.3 (a)(3)',
      expected: 'a certificate that is not revoked',
      found: `revoked at ${since}${reason}`,
      remedy:
        entry.reason === 'certificateHold'
          ? 'It is on hold: the CA may release it, or issue another'
          : 'It can never be used again: issue another one for a new key',
      data: { revocationDate: since, reason: entry.reason, crl: crlLabel(crl) },
    }))
  }

  #undetermined(inquiry: StatusInquiry, reasons: number, findings: readonly Finding[]): Finding | undefined {
    const { certificate, depth, path } = inquiry
    const { revocation, crls } = this.#policy
    const best = closest(findings)
    if (best !== undefined) return best
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
      problem: `none of the ${crls.lists.length} CRLs says whether it is revoked${partly}; its issuer is ${escapeText(String(certificate.issuer), 160)}`,
      clause: 'RFC 5280 §6.3.3',
      expected: 'a CRL whose scope the certificate is in',
      found: reasons === 0 ? 'none' : 'CRLs for some of the reasons',
      remedy: `Pass the CRL of its issuer; revocation: 'if-present' lets a certificate without one pass`,
    }))
  }
}

function inquiryAt(
  certificate: Certificate,
  depth: number,
  path: readonly Certificate[],
  anchor: Issuer,
): StatusInquiry {
  return { certificate, depth, path, anchor, mayVouchForItself: false, vouchesForItself: false }
}

/** An entry of a complete CRL that says removeFromCRL revokes nothing. */
function revoking(entry: RevokedCertificate | undefined): RevokedCertificate | undefined {
  return entry?.reason === 'removeFromCRL' ? undefined : entry
}

function byNumber(a: CertificateList, b: CertificateList): number {
  const x = a.crlNumber ?? -1n
  const y = b.crlNumber ?? -1n
  return x < y ? -1 : x > y ? 1 : 0
}
