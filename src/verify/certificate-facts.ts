/**
 * What a trust store remembers of certificates: facts that no time, purpose or policy changes.
 *
 * Kept are imported keys, and which signatures verified under which key. Of peers' certificates only those
 * are kept that were part of a path to an anchor, the least recently used are forgotten first, and they
 * cannot push out what the store's owner put in.
 *
 * @module
 */

import { ByteSlab } from '../internal/byte-slab.ts'
import { equalBytes } from '../internal/bytes.ts'
import { Certificate } from '../x509/certificate.ts'
import type { CertificateList } from '../x509/certificate-list.ts'
import type { VerificationKey } from '../x509/verification-key.ts'
import type { Issuer, TrustAnchor } from './trust-anchor.ts'

/** What carries a signature. */
export type SignedValue = Certificate | CertificateList

/** How much is kept of peers' certificates. */
export interface FactLimits {
  readonly certificates: number
  readonly bytes: number
}

/** A few thousand peers, some megabytes. Facts about more would save little: an intermediate serves many leaves. */
export const DEFAULT_FACT_LIMITS: FactLimits = { certificates: 4096, bytes: 4 * 1024 * 1024 }

/** Octets of the signature's end that a certificate is found by, as a number; its whole bytes are compared then. */
const TAIL = 6

/** Ends of bytes that were met once. Most leaves never come back, and keeping them costs the garbage collector. */
const MET_ONCE = 4096

/** Keys that a signature is remembered under. A certificate is signed by one key, which cross-signing shares. */
const MAX_KEYS = 4

/** What is known of one certificate. */
interface Facts {
  key: VerificationKey | undefined
  /** The keys that its signature verified under. */
  readonly signedBy: VerificationKey[]
}

/** Facts about certificates and CRLs. */
export class CertificateFacts {
  readonly #limits: FactLimits
  readonly #anchorKeys = new Map<TrustAnchor, VerificationKey>()
  readonly #facts = new Map<Certificate, Facts>()
  /** Peers' certificates by the end of their bytes, the least recently used first; and those that a caller read. */
  readonly #peers = new Map<number, Certificate>()
  /** Made when the first certificate is met. */
  #metOnce: Float64Array | undefined
  readonly #lists = new WeakMap<CertificateList, VerificationKey>()
  readonly #slab = new ByteSlab()
  #peerBytes = 0

  /** `own`: certificates that are always known. */
  constructor(limits: FactLimits, own: readonly Issuer[]) {
    this.#limits = limits
    for (const certificate of own)
      if (certificate instanceof Certificate) this.#facts.set(certificate, { key: undefined, signedBy: [] })
  }

  /** The imported key of an issuer. */
  keyOf(issuer: Issuer): VerificationKey | undefined {
    return issuer instanceof Certificate ? this.#facts.get(issuer)?.key : this.#anchorKeys.get(issuer)
  }

  /** Whether the signature is known to verify under the key. */
  isSignedBy(subject: SignedValue, key: VerificationKey): boolean {
    return subject instanceof Certificate
      ? this.#facts.get(subject)?.signedBy.includes(key) === true
      : this.#lists.get(subject) === key
  }

  /** Whether the signature is known to verify under the key of an issuer. */
  isIssuedBy(certificate: Certificate, issuer: Issuer): boolean {
    const facts = this.#facts.get(certificate)
    if (facts === undefined || facts.signedBy.length === 0) return false
    const key = this.keyOf(issuer)
    return key !== undefined && facts.signedBy.includes(key)
  }

  /** Keeps the key of an issuer that is known here; answers whether it is. */
  keepKey(issuer: Issuer, key: VerificationKey): boolean {
    if (!(issuer instanceof Certificate)) this.#anchorKeys.set(issuer, key)
    else {
      const facts = this.#facts.get(issuer)
      if (facts === undefined) return false
      facts.key = key
    }
    return true
  }

  /** Keeps that a CRL's signature verified, for as long as its owner keeps the CRL. */
  keepList(list: CertificateList, key: VerificationKey): void {
    this.#lists.set(list, key)
  }

  /**
   * Keeps that a certificate's signature verified, forgetting others where there is no room; of a certificate that
   * was not kept yet, when it is met for the second time. `recallable`: it was
   * read here from bytes, as strictly as it would be again; what a caller read may have been read with leniency.
   */
  keepSignature(certificate: Certificate, key: VerificationKey, recallable: boolean): void {
    const facts = this.#facts.get(certificate) ?? this.#admit(certificate, recallable)
    if (facts === undefined || facts.signedBy.includes(key)) return
    const { signedBy } = facts
    // A key that was forgotten and imported again is another object.
    if (signedBy.length === MAX_KEYS) signedBy.shift()
    signedBy.push(key)
  }

  /** A copy of a peer's bytes that nobody else changes. */
  copy(der: Uint8Array): Uint8Array {
    return this.#slab.copy(der)
  }

  /** A peer's certificate with these bytes that was kept: it need not be read again. */
  recall(der: Uint8Array): Certificate | undefined {
    if (this.#peers.size === 0 || der.length <= TAIL) return undefined
    const tail = tailOf(der)
    const known = this.#peers.get(tail)
    if (known === undefined || !equalBytes(Certificate.bytesOf(known), der)) return undefined
    // Who came last matters only once somebody has to go.
    if (this.#peers.size * 2 > this.#limits.certificates || this.#peerBytes * 2 > this.#limits.bytes) {
      this.#peers.delete(tail)
      this.#peers.set(tail, known)
    }
    return known
  }

  /** Keeps a certificate when it is met for the second time. */
  #admit(certificate: Certificate, recallable: boolean): Facts | undefined {
    const der = Certificate.bytesOf(certificate)
    if (der.length > this.#limits.bytes || this.#limits.certificates === 0) return undefined
    // A caller's may be a view of something larger, which would be kept as well.
    if (!recallable && der.buffer.byteLength > der.length * 2) return undefined
    // Below zero, so that no bytes find it.
    const tail = recallable ? tailOf(der) : -tailOf(der) - 1
    this.#metOnce ??= new Float64Array(MET_ONCE)
    if (this.#metOnce[Math.abs(tail) % MET_ONCE] !== tail) {
      this.#metOnce[Math.abs(tail) % MET_ONCE] = tail
      return undefined
    }
    const facts: Facts = { key: undefined, signedBy: [] }
    this.#forget(tail)
    // With bytes of its own: the copy that it was read from is shared with its neighbours.
    const kept = recallable ? Certificate.view(der.slice()) : certificate
    this.#peers.set(tail, kept)
    this.#facts.set(kept, facts)
    this.#peerBytes += der.length
    for (const oldest of this.#peers.keys()) {
      if (this.#peers.size <= this.#limits.certificates && this.#peerBytes <= this.#limits.bytes) break
      this.#forget(oldest)
    }
    return facts
  }

  #forget(tail: number): void {
    const certificate = this.#peers.get(tail)
    if (certificate === undefined) return
    this.#peerBytes -= Certificate.bytesOf(certificate).length
    this.#peers.delete(tail)
    this.#facts.delete(certificate)
  }
}

function tailOf(der: Uint8Array): number {
  let tail = 0
  for (let i = der.length - TAIL; i < der.length; i++) tail = tail * 256 + (der[i] ?? 0)
  return tail
}
