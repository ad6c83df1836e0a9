import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createRootCa, type ProfileFamily } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import {
  type Certificate,
  exportPrivateKey,
  generateKeyPair,
  type KeyAlgorithm,
} from '../../src/x509/index.ts'
import { below, ID, request, rootCa } from '../unit/ca/support.ts'

const KINDS: readonly KeyAlgorithm[] = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048']
const node = (certificate: Certificate) => new X509Certificate(certificate.der)

describe.each(KINDS)('%s: X509Certificate of Node', (key) => {
  test('verifies each signature under its issuer and no other', async () => {
    const root = await rootCa({ key })
    const ca = await below(root, { key })
    const { certificate, chain } = await ca.issueWorkload(await request({ key }), { id: ID, lifetime: '1h' })
    const stranger = node((await rootCa({ key })).certificate)
    const nodes = chain.map(node)
    for (const [i, child] of nodes.entries()) {
      const issuer = nodes[Math.min(i + 1, nodes.length - 1)] ?? child
      expect([child.checkIssued(issuer), child.verify(issuer.publicKey)]).toEqual([true, true])
      expect(child.verify(stranger.publicKey)).toBe(false)
    }
    const leaf = node(certificate)
    expect([leaf.ca, leaf.subjectAltName, leaf.serialNumber.toLowerCase()]).toEqual([
      false,
      `URI:${ID}`,
      certificate.serialNumber,
    ])
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    expect(node(root.certificate).ca).toBe(true)
    expect(leaf.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(certificate.fingerprint())
  })
})

/** One mutual handshake; answers what each side thinks of the other. */
function handshake(
  server: { key: string; cert: string; ca: string },
  client: { key: string; cert: string; ca: string },
): Promise<readonly [seenByClient: string, seenByServer: string]> {
  return new Promise((resolve) => {
    const names = (socket: TLSSocket): string =>
      socket.authorized
        ? String(socket.getPeerCertificate().subjectaltname)
        : `refused: ${String(socket.authorizationError)}`
    const listener = createServer({
      ...server,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    })
    listener.on('secureConnection', (socket) => {
      const seen = names(socket)
      socket.on('error', () => undefined)
      socket.end(seen)
    })
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address() as AddressInfo
      const socket = connect({
        port,
        host: '127.0.0.1',
        ...client,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      })
      let seenByClient = ''
      let seenByServer = ''
      socket.on('secureConnect', () => {
        seenByClient = names(socket)
      })
      socket.on('data', (data) => {
        seenByServer += data.toString()
      })
      socket.on('close', () => listener.close(() => resolve([seenByClient, seenByServer])))
      socket.on('error', () => undefined)
    })
  })
}

/** A workload as a proxy would hold it: leaf and intermediate served, the root trusted. */
async function workload(ca: Awaited<ReturnType<typeof below>>, key: KeyAlgorithm, account: string) {
  const { privateKey } = await generateKeyPair(key, { extractable: true })
  const { csr } = await createCsr({ key: privateKey })
  const { chain } = await ca.issueWorkload(csr, {
    id: `spiffe://cluster.local/ns/a/sa/${account}`,
    lifetime: '1h',
  })
  const pem = await exportPrivateKey(privateKey, { format: 'pkcs8' })
  expect(new X509Certificate(chain[0]?.der ?? '').checkPrivateKey(createPrivateKey(pem))).toBe(true)
  return {
    key: pem,
    cert: chain
      .slice(0, -1)
      .map((certificate) => certificate.toPem())
      .join(''),
    ca: chain.at(-1)?.toPem() ?? '',
  }
}

describe('mutual TLS of Node with what was issued', () => {
  test.each<[ProfileFamily, KeyAlgorithm]>([
    ['mesh', 'P-256'],
    ['istio', 'RSA-2048'],
    ['gloo', 'P-384'],
    ['mesh', 'Ed25519'],
  ])('profile %s, %s', async (profile, key) => {
    const root = await createRootCa({ subject: 'CN=Root CA,O=Istio', lifetime: '30d', key, profile })
    const ca = await below(root, { key, lifetime: '10d' }, { profile, clock: { now: () => new Date() } })
    const server = await workload(ca, key, 'server')
    const client = await workload(ca, key, 'client')
    expect(await handshake(server, client)).toEqual([
      'URI:spiffe://cluster.local/ns/a/sa/server',
      'URI:spiffe://cluster.local/ns/a/sa/client',
    ])
    // The same root name, another root: neither side believes the other.
    const other = await createRootCa({ subject: 'CN=Root CA,O=Istio', lifetime: '30d', key, profile })
    const foreign = await below(
      other,
      { key, lifetime: '10d' },
      { profile, clock: { now: () => new Date() } },
    )
    for (const seen of await handshake(server, await workload(foreign, key, 'client')))
      expect(seen).toMatch(/^refused: /)
  })
})
