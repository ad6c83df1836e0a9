/**
 * TLS sessions to be resumed, each bound to what was verified when it began.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { MeshPkiError } from '../errors.ts'
import type { BundleSource } from '../spiffe/bundle-source.ts'
import { SpiffeBundle } from '../spiffe/spiffe-bundle.ts'
import { SvidError } from '../spiffe/svid-error.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import type { PeerPolicy } from './peer-policy.ts'
import type { KeyMaterial } from './tls-credentials.ts'

/**
 * A session that {@link connectSvid} may resume. A resumed handshake shows no certificate, so nothing can be
 * verified in it: the session counts only while everything that was verified at its beginning still holds, and
 * only for whom it began: the server knows the client by it, too.
 */
export class SvidSession {
  readonly #ticket: Buffer
  readonly #svid: VerifiedSvid
  readonly #context: string

  /** @internal */
  constructor(ticket: Buffer, svid: VerifiedSvid, context: string) {
    this.#ticket = ticket
    this.#svid = svid
    this.#context = context
    Object.freeze(this)
  }

  /** The identity that was verified when it began. */
  get svid(): VerifiedSvid {
    return this.#svid
  }

  /** @internal */
  static ticketOf(session: SvidSession): Buffer {
    return session.#ticket
  }

  /** @internal */
  static contextOf(session: SvidSession): string {
    return session.#context
  }
}

/**
 * What a session is bound to beside the verdict: how it was judged, whom the server takes us for, and where it is:
 * servers that share their ticket keys resume each other's sessions.
 */
export function sessionContext(
  policy: PeerPolicy,
  credentials: KeyMaterial | undefined,
  place: readonly (string | number | undefined)[],
): string {
  const ours = credentials === undefined ? '' : credentials.cert.toString()
  return createHash('sha256')
    .update(JSON.stringify([policy.key, ours, place]))
    .digest('hex')
}

/**
 * Whether a verdict still holds: the bundle of its trust domain trusts the same authorities, by digest, and no
 * certificate of its path has expired.
 */
export async function stillHolds(svid: VerifiedSvid, source: BundleSource, now: Date): Promise<boolean> {
  // Not ">": no instant at all is not before the end.
  if (!(now.getTime() <= svid.validUntil.getTime())) return false
  try {
    const bundle = await source.bundleFor(svid.trustDomain)
    return bundle instanceof SpiffeBundle && bundle.digest() === svid.bundle.digest()
  } catch (error) {
    // Stale, for instance: then a new handshake is refused with that reason.
    if (error instanceof MeshPkiError) return false
    throw error
  }
}

/** A handshake that was resumed and should not have been. */
export function resumedError(problem: string): SvidError {
  return new SvidError('ERR_SVID_RESUMED', {
    problem: `the TLS session was resumed, ${problem}. A resumed handshake shows no certificate to judge`,
    requirement: 'X-17',
    clause: 'X509-SVID §5',
    expected: 'a full handshake',
    found: 'a resumed one',
    remedy: 'Connect again without the session',
  })
}
