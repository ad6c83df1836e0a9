/**
 * A mutual TLS handshake over loopback in which each side checks the SPIFFE ID of the other.
 *
 * @module
 */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import {
  connect,
  createServer,
  type PeerCertificate,
  type SecureVersion,
  type Server,
  type TLSSocket,
} from 'node:tls'
import type { SpiffeId } from 'mesh-pki/spiffe'
import { checkPathSync } from 'mesh-pki/verify'
import type { Certificate } from 'mesh-pki/x509'
import type { Workload } from './cluster.js'

/** How a handshake ended. */
export type Handshake =
  | { readonly ok: true; readonly greeting: string; readonly milliseconds: number }
  | { readonly ok: false; readonly reason: string }

const TIMEOUT_MS = 5000
const minVersion: SecureVersion = 'TLSv1.3'

/** Lets `client` call `server`. Each accepts only the other's root of trust and the identity that it expects. */
export async function handshake(client: Workload, server: Workload): Promise<Handshake> {
  const started = performance.now()
  let refusal = ''
  // Node drops the reason when it refuses a client by itself. So it lets the client in, and nothing is sent
  // before both judges have agreed: OpenSSL (`authorized`) and ours, which also compares the identity.
  const options = { ...credentials(server), requestCert: true, rejectUnauthorized: false, minVersion }
  const listener = createServer(options, (socket) => {
    socket.on('error', () => {})
    const fault = judge(socket.getPeerCertificate(true), server.roots, client.id, 'clientAuth')
    if (fault === undefined && socket.authorized) {
      socket.end(`hello ${client.id}, here is ${server.id}`)
      return
    }
    refusal = `${server.id} refused the client: ${(fault ?? socket.authorizationError).message}`
    socket.destroy()
  })
  listener.on('tlsClientError', (error) => {
    refusal ||= `${server.id} refused the client: ${error.message}`
  })
  try {
    const greeting = await call(listener, client, server)
    return { ok: true, greeting, milliseconds: performance.now() - started }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { ok: false, reason: refusal || `${client.id} refused the server: ${reason}` }
  } finally {
    listener.close()
  }
}

async function call(listener: Server, client: Workload, server: Workload): Promise<string> {
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const socket: TLSSocket = connect({
    ...credentials(client),
    host: '127.0.0.1',
    port,
    minVersion,
    // Node's own check compares DNS names, which workloads do not have. Ours compares the SPIFFE ID.
    checkServerIdentity: (_host, peer) => judge(peer, client.roots, server.id, 'serverAuth'),
  })
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('timed out')))
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  await once(socket, 'close')
  if (parts.length === 0) throw new Error('the connection was closed before any data')
  return Buffer.concat(parts).toString('utf8')
}

function credentials(workload: Workload): { key: string; cert: string; ca: string } {
  const pem = (certificates: readonly Certificate[]): string =>
    certificates.map((certificate) => certificate.toPem()).join('')
  return { key: workload.keyPem, cert: pem(workload.chain), ca: pem(workload.roots) }
}

/** Why a peer is refused, by RFC 5280 and by its identity; in a callback that cannot wait. */
function judge(
  peer: PeerCertificate,
  roots: readonly Certificate[],
  expected: SpiffeId,
  purpose: 'serverAuth' | 'clientAuth',
): Error | undefined {
  const [leaf, ...intermediates] = presented(peer)
  if (leaf === undefined) return new Error('it presented no certificate')
  const result = checkPathSync(leaf, {
    anchors: roots,
    intermediates,
    purpose,
    name: { uri: String(expected) },
  })
  return result.ok ? undefined : result.error
}

/** Node links the certificates of a peer to one another; the last links to itself. */
function presented(peer: PeerCertificate): Uint8Array[] {
  const raws: Uint8Array[] = []
  let next: (PeerCertificate & { issuerCertificate?: PeerCertificate }) | undefined = peer
  while (next?.raw !== undefined && raws.length < 10) {
    raws.push(next.raw)
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate
  }
  return raws
}
