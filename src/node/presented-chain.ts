/**
 * What a TLS peer presented.
 *
 * @module
 */

import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls'

/** More than any path may have, since each is the issuer of the one before. */
const MAX_CERTIFICATES = 32

/**
 * The certificates of a peer in DER, leaf first: what `verifySvid` takes, where you open or accept connections
 * yourself. None for a client without certificate, and on a client whose session was resumed.
 *
 * OpenSSL has put them in order: each is followed by one that could have issued it, by names and key
 * identifiers, and the others are left out. Of two that could have, such as a CA cross-signed by two roots, the
 * one sent first is seen.
 *
 * On a server of your own pass `ca: []` and `rejectUnauthorized: false`: where its own check passes, Node takes the
 * intermediates out of the connection (seen in 24.21).
 *
 * Node links all that were sent, up to OpenSSL's bound of 100 kB, before it shows any: 40 ms for a stranger with 331
 * certificates (Node 20).
 *
 * `getPeerX509Certificate` would show them all, and is not asked: it never frees what the peer sent, so that
 * strangers could fill the memory (Node 20 to 24).
 */
export function presentedChain(socket: TLSSocket): readonly Uint8Array[] {
  return linkedChain(socket.getPeerCertificate(true))
}

/** The same from what `checkServerIdentity` is given. */
export function linkedChain(peer: PeerCertificate | undefined): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  let next = peer
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
