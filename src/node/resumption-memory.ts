/**
 * What a server remembers of clients, so that it may let them resume a session.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { MeshPkiError } from '../errors.ts'
import type { BundleSource } from '../spiffe/bundle-source.ts'
import type { SpiffeBundle } from '../spiffe/spiffe-bundle.ts'
import type { TrustDomain } from '../spiffe/spiffe-id.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import { stillHolds } from './svid-session.ts'

/** Clients that are remembered; the oldest goes first. Who is forgotten makes a full handshake. */
const MAX_CLIENTS = 4096

/** Verdicts by the certificate that they are about, while the bundles that they were made under stand. */
export class ResumptionMemory {
  readonly #source: BundleSource
  readonly #now: () => Date
  readonly #clients = new Map<string, VerifiedSvid>()
  /** The bundle of each trust domain that a client was verified under. */
  readonly #bundles = new Map<string, SpiffeBundle>()

  constructor(source: BundleSource, now: () => Date) {
    this.#source = source
    this.#now = now
  }

  /** Keeps a verdict. */
  remember(svid: VerifiedSvid): void {
    const key = fingerprint(svid.leaf.der)
    this.#clients.delete(key)
    this.#clients.set(key, svid)
    this.#bundles.set(svid.trustDomain.name, svid.bundle)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size > MAX_CLIENTS && oldest !== undefined) this.#clients.delete(oldest)
  }

  /** The verdict about a certificate, if it still holds. */
  async recall(leaf: Uint8Array | undefined): Promise<VerifiedSvid | undefined> {
    const svid = leaf === undefined ? undefined : this.#clients.get(fingerprint(leaf))
    return svid !== undefined && (await stillHolds(svid, this.#source, this.#now())) ? svid : undefined
  }

  /** Whether a bundle has changed since a client was verified under it. Then everything is forgotten. */
  isOutdated(): boolean {
    const outdated = [...this.#bundles.values()].some((bundle) => !this.#isCurrent(bundle))
    if (outdated) {
      this.#clients.clear()
      this.#bundles.clear()
    }
    return outdated
  }

  #isCurrent(bundle: SpiffeBundle): boolean {
    const current = this.#ask(bundle.trustDomain)
    // A source that answers later is asked when the session is resumed.
    return current instanceof Promise || current?.digest() === bundle.digest()
  }

  #ask(trustDomain: TrustDomain): ReturnType<BundleSource['bundleFor']> {
    try {
      return this.#source.bundleFor(trustDomain)
    } catch (error) {
      if (error instanceof MeshPkiError) return undefined
      throw error
    }
  }
}

const fingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex')
