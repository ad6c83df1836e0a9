/**
 * The contract against a real Vault or OpenBao in dev mode, with the policies of docs/providers/vault.md. What it cannot be made to
 * do wrong is done between it and us, by the `fetch`.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { requestCertificate } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { type IssuerFetch, vaultAuth, vaultIssuer, vaultSigner } from '../../../src/issuers/vault/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { requirement } from '../../support/require.ts'
import { deferred } from '../node/support.ts'
import {
  type IssuerWorld,
  issuerContract,
  type Misbehaviour,
  type ReceivedRequest,
  type WorldOptions,
} from './issuer-contract.ts'
import { type SignerWorld, signerContract } from './signer-contract.ts'
import { VaultServer, vaultAvailable } from './vault-server.ts'

/** Numbers of the policies in the document. */
const [FOR_CAS, FOR_WORKLOADS, FOR_KEYS] = [0, 1, 2]

let started: Promise<VaultServer> | undefined
const server = (): Promise<VaultServer> => {
  started ??= VaultServer.start()
  return started
}

async function realWorld({ kind }: WorldOptions, lookup: boolean): Promise<IssuerWorld> {
  const vault = await server()
  const token = await vault.tokenOf(kind === 'ca' ? FOR_CAS : FOR_WORKLOADS)
  const received: ReceivedRequest[] = []
  let issued = 0
  let how: Misbehaviour | undefined
  let hung = deferred<void>()
  const between: IssuerFetch = async (url, init) => {
    const isSigning = /\/sign(?:-intermediate|\/)/.test(url)
    if (!isSigning) return fetch(url, init)
    const body = JSON.parse(init.body ?? '{}')
    const isCa = url.includes('sign-intermediate')
    received.push({
      csrPem: body.csr,
      lifetimeSeconds: Number.parseInt(body.ttl, 10),
      isCa,
      pathLength: isCa ? body.max_path_length : undefined,
    })
    const now = how
    if (now === 'answer-lost') how = undefined
    const headers =
      now === 'credentials-expired' ? { ...init.headers, 'x-vault-token': 'hvs.expired' } : init.headers
    const sent = now === 'refused' ? { ...init, body: JSON.stringify({ ...body, csr: 'none' }) } : init
    const response = await fetch(url, { ...sent, headers })
    if (response.ok) issued++
    if (now === 'answer-lost') throw new TypeError('fetch failed', { cause: new Error(`read ${token}`) })
    if (now !== 'hangs') return response
    hung.resolve()
    return new Promise(() => {})
  }
  return {
    issuer: vaultIssuer({
      auth: vaultAuth({ server: vault.url, token, fetch: between }),
      path: kind === 'ca' ? 'pki/root/sign-intermediate' : 'pki/sign/mesh',
      lookup,
    }),
    anchors: vault.anchors,
    received: () => received,
    issued: () => issued,
    misbehave: (next) => {
      how = next
    },
    recover: () => {
      how = undefined
      hung = deferred()
    },
    hung: () => hung.promise,
    refusal: 'csr contains no data',
    secrets: [token],
    close: async () => {},
  }
}

async function realKey(name: string, version = 1, prehashed?: boolean): Promise<SignerWorld> {
  const vault = await server()
  const token = name === 'mesh-root' ? await vault.tokenOf(FOR_KEYS) : vault.rootToken
  let asked = 0
  const auth = vaultAuth({
    server: vault.url,
    token,
    fetch: (url, init) => {
      if (url.includes('/sign/')) asked++
      return fetch(url, init)
    },
  })
  const text = await vault.publicKey(name, version)
  return {
    make: (options) => vaultSigner({ auth, key: name, keyVersion: version, prehashed, ...options }),
    publicKey: publicKeyOf(text),
    asked: () => asked,
    misbehave: () => {},
    secrets: [token],
    close: async () => {},
  }
}

/** PEM, or the octets of an Ed25519 key in base64. */
function publicKeyOf(text: string): KeyObject {
  if (text.includes('-----BEGIN')) return createPublicKey(text)
  const x = Buffer.from(text, 'base64').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

if (requirement('vault', vaultAvailable)) {
  afterAll(async () => (await started)?.stop())

  /** What only a double can do. */
  const without: readonly Misbehaviour[] = [
    'throttled-once',
    'unavailable-once',
    'unavailable',
    'other-request',
    'longer-lifetime',
    'other-root',
    'ca-for-leaf',
    'garbage',
  ]
  issuerContract('vaultIssuer at a real server', (options) => realWorld(options, false), { without })
  issuerContract('vaultIssuer with lookup at a real server', (options) => realWorld(options, true), {
    without,
    kinds: ['ca'],
  })
  const silent = {
    without: [
      'throttled-once',
      'unavailable',
      'refused',
      'credentials-expired',
      'wrong-signature',
      'hangs',
    ] as const,
  }
  signerContract('vaultSigner at a real server, by its policy', () => realKey('mesh-root', 2), silent)
  signerContract('vaultSigner, an older version', () => realKey('mesh-root', 1), silent)
  for (const name of ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048'])
    for (const prehashed of [true, false])
      signerContract(
        `vaultSigner at a real server, ${name}, ${prehashed ? 'digests' : 'messages'}`,
        () => realKey(name, 1, prehashed),
        silent,
      )

  describe('a real server', () => {
    test('signs RSASSA-PSS with a salt that certificates have', async () => {
      const vault = await server()
      const auth = vaultAuth({ server: vault.url, token: vault.rootToken })
      for (const prehashed of [true, false]) {
        const signer = await vaultSigner({
          auth,
          key: 'rsa-2048',
          signatureAlgorithm: 'rsa-pss-sha256',
          prehashed,
        })
        expect((await signer.sign(new Uint8Array(99))).length).toBe(256)
      }
    })

    test('refuses by its role, in words that come through', async () => {
      const { issuer, anchors } = await realWorld({ kind: 'workload' }, false)
      const { csr } = await createCsr({ key: 'P-256' })
      const error = await refusalOfAsync(
        requestCertificate(issuer, { csr, id: 'spiffe://elsewhere/a', lifetime: { max: '1h' }, anchors }),
      )
      expect(error.code).toBe('ERR_ISSUER_FAILED')
      expect(error.message).toContain('URI Subject Alternative Name')
    })

    test('keeps the order of a subject, and other names', async () => {
      const { issuer, anchors } = await realWorld({ kind: 'ca' }, false)
      const subject = 'CN=Intermediate CA,L=kind2,OU=b,OU=a,O=Example,C=DE'
      const { csr } = await createCsr({
        subject,
        key: 'P-256',
        subjectAltNames: [{ type: 'uri', value: 'spiffe://cluster.local' }],
      })
      const asked = { csr, isCa: true, lifetime: { max: '30d' }, anchors }
      const { certificate } = await requestCertificate(issuer, asked)
      expect(String(certificate.subject)).toBe(subject)
      expect(certificate.subjectAltNames).toEqual(csr.subjectAltNames)
    })

    test('cuts a lifetime without a word, which is found out', async () => {
      const { issuer, anchors } = await realWorld({ kind: 'workload' }, false)
      const { csr } = await createCsr({ key: 'P-256' })
      const error = await refusalOfAsync(
        requestCertificate(issuer, {
          csr,
          id: 'spiffe://cluster.local/a',
          lifetime: { max: '90d', min: '30d' },
          anchors,
        }),
      )
      expect(error.code).toMatch(/^ERR_ISSUER_(MISMATCH|FAILED)$/)
    })

    test('constrains names, or is found out', async () => {
      const { issuer, anchors } = await realWorld({ kind: 'ca' }, false)
      const { csr } = await createCsr({ subject: 'CN=constrained', key: 'P-256' })
      const nameConstraints = { permitted: [{ type: 'uri', value: 'cluster.local' }] } as const
      const asked = { csr, isCa: true, lifetime: { max: '30d' }, anchors, nameConstraints }
      const outcome = await requestCertificate(issuer, asked).catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'ERR_ISSUER_MISMATCH' })
      else expect(outcome).toMatchObject({ certificate: { isCa: true } })
    })
  })
}
