/**
 * What a trust store remembers of certificates: facts that no time, purpose or policy changes.
 *
 * Kept are imported keys, and which signatures verified under which key. Of peers' certificates only those
 * are kept that were part of a path to an anchor, the least recently used are forgotten first, and they
 * cannot push out what the store's owner put in.
 *
 * @module
 */

import { equalBytes, latin1 } from '../internal/bytes.ts'
import { Certificate } from '../x509/certificate.ts'
import type { CertificateList } from '../x509/certificate-list.ts'
import type { VerificationKey } from '../x509/verification-key.ts'
import type { Issuer } from './trust-anchor.ts'

/** What carries a signature. */
export type SignedValue = Certificate | CertificateList

/** How much is kept of peers' certificates. */
export interface FactLimits {
  readonly certificates: number
  readonly bytes: number
}

/** A few thousand peers, some megabytes. Facts about more would save little: an intermediate serves many leaves. */
export const DEFAULT_FACT_LIMITS: FactLimits = { certificates: 4096, bytes: 4 * 1024 * 1024 }

/** Octets of the signature's end that a certificate is found by; its whole bytes are compared then. */
const TAIL = 16

/** Keys that a signature is remembered under. A certificate is signed by one key, which cross-signing shares. */
const MAX_KEYS = 4

/** Facts about certificates and CRLs. */
export class CertificateFacts {
  readonly #limits: FactLimits
  readonly #keys = new WeakMap<Issuer, VerificationKey>()
  readonly #signedBy = new WeakMap<SignedValue, VerificationKey[]>()
  /** Peers' certificates by the end of their bytes, the least recently used first. */
  readonly #peers = new Map<string, Certificate>()
  #peerBytes = 0

  constructor(limits: FactLimits) {
    this.#limits = limits
  }

  /** The imported key of an issuer. */
  keyOf(issuer: Issuer): VerificationKey | undefined {
    return this.#keys.get(issuer)
  }

  /** Whether the signature is known to verify under the key. */
  isSignedBy(subject: SignedValue, key: VerificationKey): boolean {
    return this.#signedBy.get(subject)?.includes(key) === true
  }

  /** Keeps a key that was imported, for as long as its certificate lives. */
  keepKey(issuer: Issuer, key: VerificationKey): void {
    this.#keys.set(issuer, key)
  }

  /** Keeps that a signature verified, for as long as both live. */
  keepSignature(subject: SignedValue, key: VerificationKey): void {
    const keys = this.#signedBy.get(subject)
    if (keys === undefined) this.#signedBy.set(subject, [key])
    else if (keys.length < MAX_KEYS && !keys.includes(key)) keys.push(key)
  }

  /** A peer's certificate with these bytes that was kept: it need not be read again. */
  recall(der: Uint8Array): Certificate | undefined {
    if (this.#peers.size === 0 || der.length <= TAIL) return undefined
    const tail = tailOf(der)
    const known = this.#peers.get(tail)
    if (known === undefined || !equalBytes(Certificate.bytesOf(known), der)) return undefined
    this.#peers.delete(tail)
    this.#peers.set(tail, known)
    return known
  }

  /** Keeps a peer's certificate, forgetting others where there is no room. */
  keepPeer(certificate: Certificate): void {
    const der = Certificate.bytesOf(certificate)
    if (der.length > this.#limits.bytes || this.#limits.certificates === 0) return
    const tail = tailOf(der)
    if (this.#peers.get(tail) === certificate) return
    this.#forget(tail)
    this.#peers.set(tail, certificate)
    this.#peerBytes += der.length
    for (const oldest of this.#peers.keys()) {
      if (this.#peers.size <= this.#limits.certificates && this.#peerBytes <= this.#limits.bytes) break
      this.#forget(oldest)
    }
  }

  #forget(tail: string): void {
    const certificate = this.#peers.get(tail)
    if (certificate === undefined) return
    this.#peerBytes -= Certificate.bytesOf(certificate).length
    this.#peers.delete(tail)
  }
}

const tailOf = (der: Uint8Array): string => latin1(der, der.length - TAIL, der.length)
