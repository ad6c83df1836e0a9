/**
 * What a server remembers of clients, so that it may let them resume a session.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { BundleSource } from '../spiffe/bundle-source.ts'
import { SpiffeBundle } from '../spiffe/spiffe-bundle.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import { stillHolds } from './svid-session.ts'

/** Clients that are remembered. With one more everything is forgotten, and they make full handshakes. */
const MAX_CLIENTS = 4096

/** Tickets live for 300 seconds by default (`node:tls`). */
const STRANGERS_EVERY_MS = 60_000

/**
 * Verdicts by the certificate that they are about, while the bundles that they were made under stand. A client
 * with a ticket that nobody remembers is cut off, so whatever is forgotten here must end its tickets: `endTickets`.
 */
export class ResumptionMemory {
  readonly #source: BundleSource
  readonly #now: () => Date
  readonly #endTickets: () => void
  readonly #clients = new Map<string, VerifiedSvid>()
  /** The bundle of each trust domain that a client was verified under. */
  readonly #bundles = new Map<string, SpiffeBundle>()
  /** When the first path expires. */
  #validUntil = Number.POSITIVE_INFINITY
  #strangersAt = Number.NEGATIVE_INFINITY

  constructor(source: BundleSource, now: () => Date, endTickets: () => void) {
    this.#source = source
    this.#now = now
    this.#endTickets = endTickets
  }

  /** Keeps a verdict. */
  remember(svid: VerifiedSvid): void {
    if (this.#clients.size >= MAX_CLIENTS) this.forget()
    this.#clients.set(fingerprint(svid.leaf.der), svid)
    this.#bundles.set(svid.trustDomain.name, svid.bundle)
    this.#validUntil = Math.min(this.#validUntil, svid.validUntil.getTime())
  }

  /** The verdict about a certificate, if it still holds. If it does not, the next handshake is a full one. */
  async recall(leaf: Uint8Array | undefined): Promise<VerifiedSvid | undefined> {
    const svid = leaf === undefined ? undefined : this.#clients.get(fingerprint(leaf))
    if (svid === undefined) {
      this.#endTicketsOfStrangers()
      return undefined
    }
    if (await stillHolds(svid, this.#source, this.#now())) return svid
    this.forget()
    return undefined
  }

  /**
   * Who was refused has a ticket, too, and may be welcome by now. Strangers can ask for this, so it is seldom done,
   * and those who are known stay known: they are let in by tickets that they have sent already.
   */
  #endTicketsOfStrangers(): void {
    const time = performance.now()
    if (time - this.#strangersAt < STRANGERS_EVERY_MS) return
    this.#strangersAt = time
    this.#endTickets()
  }

  /**
   * Looks before a handshake whether a path has expired, or a bundle has changed that a client was verified under.
   * Never throws: anybody can begin a handshake.
   */
  refresh(): void {
    if (this.#hasExpired() || [...this.#bundles.values()].some((bundle) => !this.#isCurrent(bundle)))
      this.forget()
  }

  #hasExpired(): boolean {
    try {
      return !(this.#now().getTime() <= this.#validUntil)
    } catch {
      // A clock that cannot tell the time: the full handshake will say so.
      return true
    }
  }

  /** Everything, with the tickets for it. */
  forget(): void {
    this.#clients.clear()
    this.#bundles.clear()
    this.#validUntil = Number.POSITIVE_INFINITY
    this.#endTickets()
  }

  #isCurrent(bundle: SpiffeBundle): boolean {
    try {
      const current = this.#source.bundleFor(bundle.trustDomain)
      if (current instanceof Promise) {
        // A source that answers later is asked when the session is resumed. Nobody waits for this answer.
        current.catch(() => {})
        return true
      }
      return current instanceof SpiffeBundle && current.digest() === bundle.digest()
    } catch {
      // The full handshake will say why.
      return false
    }
  }
}

const fingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex')
