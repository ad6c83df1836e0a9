/**
 * Asks whether signatures verify, each question once, within the budget.
 *
 * @module
 */

import { equalRange } from '../internal/bytes.ts'
import { Certificate } from '../x509/certificate.ts'
import { CertificateList } from '../x509/certificate-list.ts'
import type { KeyKind } from '../x509/public-key-info.ts'
import { readPublicKeyInfo } from '../x509/public-key-info.ts'
import type { CertificateFacts, SignedValue } from './certificate-facts.ts'
import type { SearchBudget } from './search-budget.ts'
import { bytesOf, type Issuer, layoutOf } from './trust-anchor.ts'

/** A signature to be checked: was `subject` signed by the key of `issuer`? */
export interface SignatureQuestion {
  readonly subject: SignedValue
  readonly issuer: Issuer
}

/** The answer: it verifies, it does not, or an error says why it could not be checked. */
export type SignatureAnswer = boolean | Error

/** A computation that stops at every signature question. */
export type Asking<T> = Generator<SignatureQuestion, T, SignatureAnswer>

/** What {@link SignatureCheck.ask} answers; `budget` where there is no more of it. */
export type SignatureVerdict = SignatureAnswer | 'budget'

interface KnownAnswer extends SignatureQuestion {
  readonly answer: SignatureAnswer
}

/** Up to so many answers a scan costs less than a map. */
const SCAN_UP_TO = 16

/** Costs in P-256 verifications, as measured with OpenSSL 3. */
const WEIGHTS: Readonly<Partial<Record<KeyKind, number>>> = { 'P-384': 10, 'P-521': 20 }

/** The questions of one search. */
export class SignatureCheck {
  readonly #budget: SearchBudget
  readonly #facts: CertificateFacts
  readonly #known: KnownAnswer[] = []
  #bySubject: Map<SignedValue, KnownAnswer[]> | undefined

  constructor(budget: SearchBudget, facts: CertificateFacts) {
    this.#budget = budget
    this.#facts = facts
  }

  /** Asks, unless the same signature was asked under the same key before: CAs that are cross-signed share one. */
  *ask(subject: SignedValue, issuer: Issuer): Asking<SignatureVerdict> {
    for (const before of this.#bySubject?.get(subject) ?? this.#known)
      if (before.subject === subject && hasSameKey(before.issuer, issuer)) return before.answer
    if (!this.#budget.takeSignature(weightOf(issuer) + sizeWeight(subject))) return 'budget'
    // What is known costs of the budget all the same: verdicts do not depend on what was asked before.
    const isKnown = subject instanceof Certificate && this.#facts.isIssuedBy(subject, issuer)
    const answer = isKnown || (yield { subject, issuer })
    this.#note({ subject, issuer, answer })
    return answer
  }

  #note(known: KnownAnswer): void {
    if (this.#bySubject === undefined) {
      this.#known.push(known)
      if (this.#known.length <= SCAN_UP_TO) return
      this.#bySubject = new Map()
      for (const one of this.#known) this.#index(this.#bySubject, one)
      this.#known.length = 0
    } else this.#index(this.#bySubject, known)
  }

  #index(bySubject: Map<SignedValue, KnownAnswer[]>, known: KnownAnswer): void {
    const same = bySubject.get(known.subject)
    if (same === undefined) bySubject.set(known.subject, [known])
    else same.push(known)
  }
}

/** Whether two issuers have the same public key, byte for byte. */
export function hasSameKey(a: Issuer, b: Issuer): boolean {
  if (a === b) return true
  const x = layoutOf(a)
  const y = layoutOf(b)
  return equalRange(
    bytesOf(a),
    x.publicKeyStart,
    x.publicKeyEnd,
    bytesOf(b),
    y.publicKeyStart,
    y.publicKeyEnd,
  )
}

/** Octets that hash in about the time of one P-256 verification, some times over: only CRLs are so long. */
const OCTETS_PER_SIGNATURE = 512 * 1024

function sizeWeight(subject: SignedValue): number {
  if (!(subject instanceof CertificateList)) return 0
  return Math.floor(CertificateList.bytesOf(subject).length / OCTETS_PER_SIGNATURE)
}

function weightOf(issuer: Issuer): number {
  const { publicKeyStart, publicKeyEnd } = layoutOf(issuer)
  // The shortest keys beyond these curves' are RSA's, whose verification costs no more than P-256's.
  if (publicKeyEnd - publicKeyStart < 100) return 1
  const { kind } = readPublicKeyInfo(bytesOf(issuer), publicKeyStart, publicKeyEnd)
  return (kind === undefined ? undefined : WEIGHTS[kind]) ?? 1
}
