/**
 * Who signed a CRL, and whether that signer leads to the same trust anchor (RFC 5280 §6.3.3 (f), (g)).
 *
 * @module
 */

import { Certificate } from '../x509/certificate.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import type { Name } from '../x509/name.ts'
import { crlFinding, exhausted, type StatusInquiry } from './crl-findings.ts'
import { keyOfName, type ScopedCrl } from './crl-scope.ts'
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

/** CRL signers whose own revocation asks for another CRL signer. PKITS needs two. */
const MAX_NESTING = 16

/** Signers of CRLs for one search. */
export class CrlSigners {
  readonly #budget: SearchBudget
  readonly #signatures: SignatureCheck
  readonly #search: SignerSearch
  /** Certificates whose status is being determined: no CRL that they sign can help with it. */
  readonly #open = new Set<Certificate>()
  /** Signers that were refused perhaps only because of what is open: asked again when nothing is. */
  readonly #tainted = new Map<Certificate, Finding>()
  /** How many refusals were made because of {@link open}. */
  #circles = 0
  /** Signers whose path is being searched, one for the sake of another. */
  #nesting = 0
  readonly #validated = new Map<Certificate, Map<Issuer, Finding | undefined>>()

  constructor(budget: SearchBudget, signatures: SignatureCheck, search: SignerSearch) {
    this.#budget = budget
    this.#signatures = signatures
    this.#search = search
  }

  /** Begins to determine the status of a certificate; refuses where that is already under way further out. */
  open(certificate: Certificate): Finding | undefined {
    if (this.#open.has(certificate)) return this.#circular(certificate)
    this.#open.add(certificate)
    return undefined
  }

  /** Ends what {@link open} began. */
  close(certificate: Certificate): void {
    this.#open.delete(certificate)
    if (this.#open.size === 0) this.#tainted.clear()
  }

  /**
   * Who signed a CRL: the issuers in the path first, then every other certificate with its issuer's name.
   *
   * `direct`: the CRL speaks for the certificate's own issuer. Then a signer outside of the path must have been
   * certified by a CA of the path: another CA below the anchor, or a leaf of it, may have taken the name.
   */
  *find(
    inquiry: StatusInquiry,
    { crl, issuer: name, issuerKey }: ScopedCrl,
    direct: boolean,
  ): Asking<Issuer | Finding> {
    const { path, depth, anchor } = inquiry
    const above: readonly Issuer[] = [...path.slice(depth + 1), anchor]
    const inPath = above.filter((issuer) => keyOfName(issuer.subject) === issuerKey)
    // CAs of old Gloo Mesh releases all have the empty name: only the one that issued the certificate counts.
    const candidates = name.isEmpty
      ? inPath.slice(0, 1)
      : [...inPath, ...this.#search.named(name).filter((other) => !above.includes(other))]
    const met: Met = { forbidden: undefined, refused: undefined, signedByOther: false }
    for (const candidate of candidates) {
      if (!this.#budget.takeComparisons(1)) return exhausted(inquiry, this.#budget.comparisonsExceeded)
      if (!maySignCrls(candidate)) {
        met.forbidden ??= candidate
        continue
      }
      const verdict = yield* this.#signatures.ask(crl, candidate)
      if (verdict === 'budget') return exhausted(inquiry, this.#budget.signaturesExceeded)
      if (verdict !== true) {
        met.signedByOther = true
        continue
      }
      if (candidate instanceof TrustAnchor || inPath.includes(candidate)) return candidate
      if (candidate === inquiry.certificate) {
        if (inquiry.mayVouchForItself) return candidate
        inquiry.vouchesForItself = true
      }
      const stranger = direct ? yield* this.#checkCertifiedBy(above, candidate) : undefined
      const broken = stranger ?? (yield* this.#validate(candidate, anchor))
      if (broken === undefined) return candidate
      if (isFatal(broken.code)) return broken
      met.refused ??= broken
    }
    return notFound(inquiry, crl, met)
  }

  /** Whether a CA of the path issued a signer's certificate. */
  *#checkCertifiedBy(above: readonly Issuer[], signer: Certificate): Asking<Finding | undefined> {
    for (const issuer of above) {
      if (!issuer.subject.equals(signer.issuer)) continue
      const verdict = yield* this.#signatures.ask(signer, issuer)
      if (verdict === true) return undefined
    }
    return finding('ERR_PATH_CRL_SIGNER', signer, 0, [], () => ({
      problem: 'it bears the name of the CA whose CRL it signed, but no CA of the path issued it',
      clause: CLAUSE,
      remedy:
        'Two CAs below one anchor must not share a name: pass the CRL of the one that issued the certificate',
    }))
  }

  *#validate(signer: Certificate, anchor: Issuer): Asking<Finding | undefined> {
    if (this.#open.has(signer)) return this.#circular(signer)
    const known = this.#validated.get(signer) ?? new Map<Issuer, Finding | undefined>()
    if (known.has(anchor)) return known.get(anchor)
    const tainted = this.#tainted.get(signer)
    if (tainted !== undefined) return tainted
    if (this.#nesting === MAX_NESTING) return tooDeep(signer)
    const circles = this.#circles
    this.#nesting++
    const refused = yield* this.#search.validate(signer, anchor)
    this.#nesting--
    if (refused !== undefined && circles !== this.#circles) {
      this.#tainted.set(signer, refused)
      return refused
    }
    known.set(anchor, refused)
    this.#validated.set(signer, known)
    return refused
  }

  /** A revoked CA could otherwise vouch for itself through a CRL signer that it made. */
  #circular(certificate: Certificate): Finding {
    this.#circles++
    return finding('ERR_PATH_CRL_SIGNER', certificate, 0, [], () => ({
      problem:
        'whether it is revoked is what the CRL is asked about, so it cannot vouch for the signer of that CRL',
      clause: CLAUSE,
    }))
  }
}

/** What stood in the way of each candidate. */
interface Met {
  forbidden: Issuer | undefined
  refused: Finding | undefined
  signedByOther: boolean
}

/** "If a key usage extension is present in the CRL issuer's certificate, verify that the cRLSign bit is set" (§6.3.3 (f)). */
function maySignCrls(issuer: Issuer): boolean {
  if (issuer instanceof TrustAnchor) return true
  const { keyUsage } = Certificate.layoutOf(issuer)
  return keyUsage === 0 || (keyUsage & KeyUsageBit.cRLSign) !== 0
}

function tooDeep(certificate: Certificate): Finding {
  return finding('ERR_PATH_CRL_SIGNER', certificate, 0, [], () => ({
    problem: `more than ${MAX_NESTING} CRL signers that vouch for one another`,
    remedy: 'Look at where these certificates come from',
  }))
}

function notFound(
  inquiry: StatusInquiry,
  crl: ScopedCrl['crl'],
  { forbidden, refused, signedByOther }: Met,
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
