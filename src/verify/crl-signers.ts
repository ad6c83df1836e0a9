/**
 * Who signed a CRL, and whether that signer leads to the same trust anchor (RFC 5280 §6.3.3 (f), (g)).
 *
 * @module
 */

import { Certificate } from '../x509/certificate.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import type { Name } from '../x509/name.ts'
import { crlFinding, exhausted, type StatusInquiry } from './crl-findings.ts'
import type { ScopedCrl } from './crl-scope.ts'
import { errorOf, type Finding, finding } from './finding.ts'
import { isFatal, type SearchBudget } from './search-budget.ts'
import type { Asking, SignatureCheck } from './signature-check.ts'
import { type Issuer, issuerLabel, TrustAnchor } from './trust-anchor.ts'

/** What finding signers asks of the search that it is part of. */
export interface SignerSearch {
  /** Every known certificate with a subject that is no anchor's. */
  named(name: Name): readonly Certificate[]
  /** Why no path leads from a CRL's signer to the anchor; `undefined` where one does. */
  validate(signer: Certificate, anchor: Issuer): Asking<Finding | undefined>
}

const CLAUSE = 'RFC 5280 §6.3.3 (f)'

/** Signers of CRLs for one search. */
export class CrlSigners {
  readonly #budget: SearchBudget
  readonly #signatures: SignatureCheck
  readonly #search: SignerSearch
  /** Certificates whose status is being determined: no CRL that they sign can help with it. */
  readonly #open = new Set<Certificate>()
  readonly #validated = new Map<Certificate, Map<Issuer, Finding | undefined>>()

  constructor(budget: SearchBudget, signatures: SignatureCheck, search: SignerSearch) {
    this.#budget = budget
    this.#signatures = signatures
    this.#search = search
  }

  /** Begins to determine the status of a certificate; refuses where that is already under way further out. */
  open(certificate: Certificate): Finding | undefined {
    if (this.#open.has(certificate)) return circular(certificate)
    this.#open.add(certificate)
    return undefined
  }

  /** Ends what {@link open} began. */
  close(certificate: Certificate): void {
    this.#open.delete(certificate)
  }

  /** Who signed a CRL: the issuers in the path first, then every other certificate with its issuer's name. */
  *find(inquiry: StatusInquiry, { crl, issuer: name }: ScopedCrl): Asking<Issuer | Finding> {
    const { path, depth, anchor } = inquiry
    const above: readonly Issuer[] = [...path.slice(depth + 1), anchor]
    const others = this.#search.named(name).filter((other) => !above.includes(other))
    let forbidden: Issuer | undefined
    let refused: Finding | undefined
    let signedByOther = false
    for (const candidate of [...above.filter((issuer) => issuer.subject.equals(name)), ...others]) {
      if (!this.#budget.takeComparisons(1)) return exhausted(inquiry, this.#budget.comparisonsExceeded)
      if (!maySignCrls(candidate)) {
        forbidden ??= candidate
        continue
      }
      const verdict = yield* this.#signatures.ask(crl, candidate)
      if (verdict === 'budget') return exhausted(inquiry, this.#budget.signaturesExceeded)
      if (verdict !== true) {
        signedByOther = true
        continue
      }
      if (candidate instanceof TrustAnchor || above.includes(candidate)) return candidate
      if (candidate === inquiry.certificate) {
        if (inquiry.mayVouchForItself) return candidate
        inquiry.vouchesForItself = true
      }
      const broken = yield* this.#validate(candidate, anchor)
      if (broken === undefined) return candidate
      if (isFatal(broken.code)) return broken
      refused ??= broken
    }
    return notFound(inquiry, crl, forbidden, refused, signedByOther)
  }

  *#validate(signer: Certificate, anchor: Issuer): Asking<Finding | undefined> {
    if (this.#open.has(signer)) return circular(signer)
    const known = this.#validated.get(signer) ?? new Map<Issuer, Finding | undefined>()
    if (known.has(anchor)) return known.get(anchor)
    const refused = yield* this.#search.validate(signer, anchor)
    known.set(anchor, refused)
    this.#validated.set(signer, known)
    return refused
  }
}

/** "If a key usage extension is present in the CRL issuer's certificate, verify that the cRLSign bit is set" (§6.3.3 (f)). */
function maySignCrls(issuer: Issuer): boolean {
  if (issuer instanceof TrustAnchor) return true
  const { keyUsage } = Certificate.layoutOf(issuer)
  return keyUsage === 0 || (keyUsage & KeyUsageBit.cRLSign) !== 0
}

/** A revoked CA could otherwise vouch for itself through a CRL signer that it made. */
function circular(certificate: Certificate): Finding {
  return finding('ERR_PATH_CRL_SIGNER', certificate, 0, [], () => ({
    problem:
      'whether it is revoked is what the CRL is asked about, so it cannot vouch for the signer of that CRL',
    clause: CLAUSE,
  }))
}

function notFound(
  inquiry: StatusInquiry,
  crl: ScopedCrl['crl'],
  forbidden: Issuer | undefined,
  refused: Finding | undefined,
  signedByOther: boolean,
): Finding {
  if (refused !== undefined) {
    return crlFinding(inquiry, crl, 'ERR_PATH_CRL_SIGNER', () => {
      const error = errorOf(refused)
      return {
        problem: `is signed by a key without a path to the same trust anchor: ${error.message}`,
        clause: CLAUSE,
        remedy: "Mend the path of the CRL's signer",
        cause: error,
      }
    })
  }
  if (signedByOther) {
    return crlFinding(inquiry, crl, 'ERR_PATH_CRL_SIGNATURE', () => ({
      problem:
        "has a signature that verifies under no known key of its issuer's name: it was altered, or another CA of the same name signed it",
      clause: 'RFC 5280 §6.3.3 (g)',
      remedy: "Fetch the CRL again, or pass its signer's certificate among the intermediates",
    }))
  }
  return crlFinding(inquiry, crl, 'ERR_PATH_CRL_SIGNER', () => ({
    problem:
      forbidden === undefined
        ? 'has an issuer whose certificate is not known'
        : `has the issuer ${issuerLabel(forbidden)}, whose key usage lacks cRLSign`,
    clause: CLAUSE,
    expected: 'a certificate of the CRL issuer that may sign CRLs',
    found: forbidden === undefined ? 'none' : issuerLabel(forbidden),
    remedy:
      forbidden === undefined
        ? "Pass the CRL signer's certificate among the intermediates"
        : 'Have the CA issued again with cRLSign',
  }))
}
