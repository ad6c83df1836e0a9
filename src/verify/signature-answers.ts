/**
 * Answers signature questions with the cryptography of the runtime, and remembers what may be remembered.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import type { NodeCrypto } from '../internal/node-crypto.ts'
import { defaultWebCrypto } from '../internal/web-crypto.ts'
import type { SignatureAlgorithm } from '../x509/algorithm-identifier.ts'
import type { Certificate } from '../x509/certificate.ts'
import { CertificateList } from '../x509/certificate-list.ts'
import { signedParts } from '../x509/signed-parts.ts'
import { importNodeKey, importWebKey, type VerificationKey } from '../x509/verification-key.ts'
import type { CertificateFacts, SignedValue } from './certificate-facts.ts'
import type { FoundPath } from './path-search.ts'
import { hasSameKey, type SignatureAnswer, type SignatureQuestion } from './signature-check.ts'
import { bytesOf, type Issuer, layoutOf } from './trust-anchor.ts'
import { TrustStore } from './trust-store.ts'

/** The answers of one search. */
export class SignatureAnswers {
  readonly #facts: CertificateFacts
  readonly #node: NodeCrypto | undefined
  /** Keys of peers' certificates: kept beyond the search only when a path went through them. */
  #keys: Map<Issuer, VerificationKey> | undefined
  readonly #verified: VerifiedSignature[] = []

  constructor(store: TrustStore, node: NodeCrypto | undefined) {
    this.#facts = TrustStore.factsOf(store)
    this.#node = node
  }

  /** Answers at once. Needs `node:crypto`. */
  answerSync({ subject, issuer }: SignatureQuestion, node: NodeCrypto): SignatureAnswer {
    try {
      const key = this.#nodeKey(issuer, node)
      if (this.#facts.isSignedBy(subject, key)) return true
      const algorithm = algorithmOf(subject)
      const { data, signature } = signedParts(subject)
      return this.#note(subject, issuer, key, key.verifySync?.(algorithm, data, signature) === true)
    } catch (error) {
      return asAnswer(error)
    }
  }

  /** Answers at once where that is fastest, and by the thread pool where many ask. */
  answer(question: SignatureQuestion, crowded: boolean): SignatureAnswer | Promise<SignatureAnswer> {
    const node = this.#node
    if (node === undefined) return this.#answerWeb(question)
    try {
      const { subject, issuer } = question
      const key = this.#nodeKey(issuer, node)
      if (this.#facts.isSignedBy(subject, key)) return true
      const algorithm = algorithmOf(subject)
      const { data, signature } = signedParts(subject)
      if (!crowded && key.isFast)
        return this.#note(subject, issuer, key, key.verifySync?.(algorithm, data, signature) === true)
      return key
        .verifyPooled(algorithm, data, signature)
        .then((valid) => this.#note(subject, issuer, key, valid), asAnswer)
    } catch (error) {
      return asAnswer(error)
    }
  }

  async #answerWeb({ subject, issuer }: SignatureQuestion): Promise<SignatureAnswer> {
    try {
      let key = this.#keyOf(issuer)
      if (key === undefined) {
        const { publicKeyStart, publicKeyEnd } = layoutOf(issuer)
        key = await importWebKey(defaultWebCrypto(), bytesOf(issuer), publicKeyStart, publicKeyEnd)
        this.#keep(issuer, key)
      }
      if (this.#facts.isSignedBy(subject, key)) return true
      const algorithm = algorithmOf(subject)
      const { data, signature } = signedParts(subject)
      return this.#note(subject, issuer, key, await key.verify(algorithm, data, signature))
    } catch (error) {
      return asAnswer(error)
    }
  }

  /** Remembers what was learnt on the way to an anchor. What a refused peer sent leaves nothing behind. */
  learn({ certificates, anchor }: FoundPath, readHere: readonly Certificate[]): void {
    const facts = this.#facts
    for (const { subject, issuer, key } of this.#verified) {
      if (subject instanceof CertificateList) {
        facts.keepList(subject, key)
        continue
      }
      const at = certificates.indexOf(subject)
      const above = at === -1 ? undefined : (certificates[at + 1] ?? anchor)
      if (above === issuer || (above !== undefined && hasSameKey(above, issuer)))
        facts.keepSignature(subject, key, readHere.includes(subject))
    }
    if (this.#keys !== undefined) for (const [issuer, key] of this.#keys) facts.keepKey(issuer, key)
  }

  #note(subject: SignedValue, issuer: Issuer, key: VerificationKey, valid: boolean): boolean {
    if (valid) this.#verified.push({ subject, issuer, key })
    return valid
  }

  #keyOf(issuer: Issuer): VerificationKey | undefined {
    return this.#facts.keyOf(issuer) ?? this.#keys?.get(issuer)
  }

  #nodeKey(issuer: Issuer, node: NodeCrypto): VerificationKey {
    const known = this.#keyOf(issuer)
    if (known !== undefined) return known
    const { publicKeyStart, publicKeyEnd } = layoutOf(issuer)
    const key = importNodeKey(node, bytesOf(issuer), publicKeyStart, publicKeyEnd)
    this.#keep(issuer, key)
    return key
  }

  #keep(issuer: Issuer, key: VerificationKey): void {
    if (this.#facts.keepKey(issuer, key)) return
    this.#keys ??= new Map()
    this.#keys.set(issuer, key)
  }
}

/** A signature that verified in this search. */
interface VerifiedSignature {
  readonly subject: SignedValue
  readonly issuer: Issuer
  readonly key: VerificationKey
}

/** @throws `MeshPkiError` `ERR_PATH_ALGORITHM`. */
function algorithmOf(value: SignedValue): SignatureAlgorithm {
  const { signatureAlgorithm } = value
  if (signatureAlgorithm !== undefined) return signatureAlgorithm
  throw new MeshPkiError('ERR_PATH_ALGORITHM', `signed with ${value.signatureAlgorithmDescription}`)
}

/** A key that cannot be imported is an answer; anything else is a fault of ours or of the runtime, and is thrown. */
function asAnswer(error: unknown): SignatureAnswer {
  if (error instanceof MeshPkiError) return error
  throw error
}
