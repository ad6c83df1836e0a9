/**
 * What a TLS peer presented.
 *
 * @module
 */

import type { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls'

/** More than any path may have; what comes after cannot matter. */
const MAX_CERTIFICATES = 32

/**
 * The certificates of a peer in DER, as they came, leaf first: what `verifySvid` takes, where you open or accept
 * connections yourself. None for a client without certificate, and on a client whose session was resumed.
 *
 * `getPeerCertificate(true)` leaves out what OpenSSL cannot link by names, such as one of two intermediates of
 * one name. `getPeerX509Certificate` leaves out nothing. It takes the certificates out of the connection: ask
 * once; on a client `getPeerCertificate` is empty afterwards.
 */
export function presentedChain(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  let next: X509Certificate | undefined = socket.getPeerX509Certificate()
  while (next !== undefined && chain.length < MAX_CERTIFICATES) {
    chain.push(new Uint8Array(next.raw))
    next = next.issuerCertificate
  }
  return chain
}

/** The same from what `checkServerIdentity` is given: OpenSSL's selection, each linked to its issuer. */
export function linkedChain(peer: PeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  let next: PeerCertificate | undefined = peer
  // A root is its own issuer.
  for (let last: unknown; next !== last && next?.raw !== undefined && chain.length < MAX_CERTIFICATES; ) {
    chain.push(new Uint8Array(next.raw))
    last = next
    next = isDetailed(next) ? next.issuerCertificate : undefined
  }
  return chain
}

function isDetailed(peer: PeerCertificate): peer is DetailedPeerCertificate {
  return 'issuerCertificate' in peer
}
