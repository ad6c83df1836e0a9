/**
 * Who signed a CRL, and whether that signer leads to the same trust anchor (RFC 5280 §6.3.3 (f), (g)).
 *
 * @module
 */

import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import type { Name } from '../x509/name.ts'
import { crlFinding, exhausted, type StatusInquiry } from './crl-findings.ts'
import type { ScopedCrl } from './crl-scope.ts'
import { PathError } from './path-error.ts'
import type { SearchBudget } from './search-budget.ts'
import type { Asking, SignatureCheck } from './signature-check.ts'
import { type Issuer, issuerLabel, TrustAnchor } from './trust-anchor.ts'

/** What finding signers asks of the search that it is part of. */
export interface SignerSearch {
  /** Every known certificate with a subject that is no anchor's. */
  named(name: Name): readonly Certificate[]
  /** Why no path leads from a CRL's signer to the anchor; `undefined` where one does. */
  validate(signer: Certificate, anchor: Issuer): Asking<PathError | undefined>
}

/** Signers of CRLs for one search. */
export class CrlSigners {
  readonly #budget: SearchBudget
  readonly #signatures: SignatureCheck
  readonly #search: SignerSearch
  /** Certificates whose status is being determined: no CRL that they sign can help with it. */
  readonly #open = new Set<Certificate>()
  readonly #validated = new Map<Certificate, Map<Issuer, PathError | undefined>>()

  constructor(budget: SearchBudget, signatures: SignatureCheck, search: SignerSearch) {
    this.#budget = budget
    this.#signatures = signatures
    this.#search = search
  }

  /** Begins to determine the status of a certificate; refuses where that is already under way further out. */
  open(certificate: Certificate): PathError | undefined {
    if (this.#open.has(certificate)) return circular(certificate)
    this.#open.add(certificate)
    return undefined
  }

  /** Ends what {@link open} began. */
  close(certificate: Certificate): void {
    this.#open.delete(certificate)
  }

  /** Who signed a CRL: the issuers in the path first, then every other certificate with its issuer's name. */
  *find(inquiry: StatusInquiry, { crl, issuer: name }: ScopedCrl): Asking<Issuer | PathError> {
    const { path, depth, anchor } = inquiry
    const above: readonly Issuer[] = [...path.slice(depth + 1), anchor]
    const others = this.#search.named(name).filter((other) => !above.includes(other))
    let forbidden: Issuer | undefined
    let refused: PathError | undefined
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
      if (broken.code.startsWith('ERR_PATH_BUDGET')) return broken
      refused ??= broken
    }
    return notFound(inquiry, crl, forbidden, refused, signedByOther)
  }

  *#validate(signer: Certificate, anchor: Issuer): Asking<PathError | undefined> {
    if (this.#open.has(signer)) return circular(signer)
    const known = this.#validated.get(signer) ?? new Map<Issuer, PathError | undefined>()
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
function circular(certificate: Certificate): PathError {
  return new PathError(
    'ERR_PATH_CRL_SIGNER',
    `${certificateLabel(certificate)}: whether it is revoked is what the CRL is asked about, so it cannot vouch for the signer of that CRL (RFC 5280 §6.3.3 (f))`,
    { certificate, clause: 'RFC 5280 §6.3.3 (f)' },
  )
}

function notFound(
  inquiry: StatusInquiry,
  crl: ScopedCrl['crl'],
  forbidden: Issuer | undefined,
  refused: PathError | undefined,
  signedByOther: boolean,
): PathError {
  if (refused !== undefined) {
    return crlFinding(inquiry, crl, {
      code: 'ERR_PATH_CRL_SIGNER',
      problem: `is signed by a key without a path to the same trust anchor: ${refused.message}`,
      clause: 'RFC 5280 §6.3.3 (f)',
      remedy: "Mend the path of the CRL's signer",
      cause: refused,
    })
  }
  if (signedByOther) {
    return crlFinding(inquiry, crl, {
      code: 'ERR_PATH_CRL_SIGNATURE',
      problem:
        "has a signature that verifies under no known key of its issuer's name: it was altered, or another CA of the same name signed it",
      clause: 'RFC 5280 §6.3.3 (g)',
      remedy: "Fetch the CRL again, or pass its signer's certificate among the intermediates",
    })
  }
  return crlFinding(inquiry, crl, {
    code: 'ERR_PATH_CRL_SIGNER',
    problem:
      forbidden === undefined
        ? 'has an issuer whose certificate is not known'
        : `has the issuer ${issuerLabel(forbidden)}, whose key usage lacks cRLSign`,
    clause: 'RFC 5280 §6.3.3 (f)',
    expected: 'a certificate of the CRL issuer that may sign CRLs',
    found: forbidden === undefined ? 'none' : issuerLabel(forbidden),
    remedy:
      forbidden === undefined
        ? "Pass the CRL signer's certificate among the intermediates"
        : 'Have the CA issued again with cRLSign',
  })
}
