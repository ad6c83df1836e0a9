/**
 * CAs whose root key was made in a PKCS#11 token and never leaves it.
 */
import { createPublicKey, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority, createRootCa } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { MeshPkiError } from '../../src/errors.ts'
import { verifyPath } from '../../src/verify/index.ts'
import { exportPrivateKey, PrivateKey } from '../../src/x509/index.ts'
import { refusalOfAsync } from '../fixtures/x509/refusal.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { findPair, makeToken, openToken, softhsmAvailable, type TokenCrypto } from '../support/softhsm.ts'

const ID = 'spiffe://cluster.local/ns/default/sa/reviews'
const ROOT = { subject: 'CN=Token Root CA,O=Example', lifetime: '3650d' }
const P256 = { name: 'ECDSA', namedCurve: 'P-256' }
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
}

/** A token of its own, open while it is used. */
const withToken = <T>(use: (crypto: TokenCrypto, folder: string) => Promise<T>): Promise<T> =>
  withTemporaryFolder(async (folder) => {
    makeToken(folder, 'mesh')
    const crypto = openToken()
    try {
      return await use(crypto, folder)
    } finally {
      crypto.close()
    }
  })

/** A pair that the token made and keeps. */
async function makePair(crypto: TokenCrypto, algorithm: { readonly name: string }) {
  const kept = { ...algorithm, token: true, sensitive: true, label: 'root' }
  const pair = await crypto.subtle.generateKey(kept, false, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new Error('the token made no pair')
  return pair
}

if (requirement('softhsm', softhsmAvailable) && requirement('openssl', opensslAvailable)) {
  describe.each<[string, { readonly name: string }]>([
    ['P-256', P256],
    ['P-384', { name: 'ECDSA', namedCurve: 'P-384' }],
    ['RSA-2048', RSA],
  ])('a root key of %s in a token', (kind, algorithm) => {
    test.each(['signed', 'unsigned'] as const)(
      'root, intermediate and workload verify here and by OpenSSL, self test %s',
      async (selfTest) => {
        await withToken(async (crypto, folder) => {
          const pair = await makePair(crypto, algorithm)
          const key = await PrivateKey.fromCryptoKeyPair(pair, { crypto })
          expect([key.algorithm, key.extractable]).toEqual([kind, false])
          const root = await createRootCa({ ...ROOT, key, selfTest })
          const { csr, signer } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA', key: 'P-256' })
          const issued = await root.issueIntermediate(csr, { lifetime: '365d', pathLength: 0 })
          const ca = await CertificateAuthority.from({ ...issued, signer })
          const workload = await createCsr({ key: 'P-256' })
          const { certificate, chain } = await ca.issueWorkload(workload.csr, { id: ID, lifetime: '1h' })

          await verifyPath(certificate, {
            anchors: root.certificate,
            intermediates: [...chain],
            purpose: 'serverAuth',
            name: { uri: ID },
          })
          for (const [name, written] of Object.entries({
            root: root.certificate,
            ca: ca.certificate,
            leaf: certificate,
          }))
            writeFileSync(join(folder, `${name}.pem`), written.toPem())
          const args = 'verify -x509_strict -CAfile root.pem -untrusted ca.pem leaf.pem'.split(' ')
          expect(openssl(args, { cwd: folder }).stdout.toString()).toBe('leaf.pem: OK\n')
        })
      },
    )

    test('after a restart the token still signs for the same root', async () => {
      await withTemporaryFolder(async (folder) => {
        makeToken(folder, 'mesh')
        const before = openToken()
        const made = await PrivateKey.fromCryptoKeyPair(await makePair(before, algorithm), { crypto: before })
        const { certificate } = await createRootCa({ ...ROOT, key: made })
        before.close()

        const after = openToken()
        try {
          const pair = await findPair(after, algorithm)
          const signer = await PrivateKey.fromCryptoKeyPair(pair, { crypto: after })
          const ca = await CertificateAuthority.from({ certificate, signer })
          const { csr } = await createCsr({ key: 'P-256' })
          expect((await ca.issueWorkload(csr, { id: ID, lifetime: '1h' })).chain).toHaveLength(2)
        } finally {
          after.close()
        }
      })
    })
  })

  test('what the token signs, node:crypto verifies, and a request of its key is proven', async () => {
    await withToken(async (crypto) => {
      const key = await PrivateKey.fromCryptoKeyPair(await makePair(crypto, P256), { crypto })
      const message = Uint8Array.of(1, 2, 3)
      const publicKey = createPublicKey({ key: Buffer.from(key.publicKey), format: 'der', type: 'spki' })
      expect(verify('sha256', message, publicKey, await key.sign(message))).toBe(true)
      const { csr } = await createCsr({ key, subject: 'CN=in the token' })
      expect(csr.publicKeyType).toBe('P-256')
    })
  })

  test('the private key cannot be exported, by us or by the token', async () => {
    await withToken(async (crypto) => {
      const pair = await makePair(crypto, P256)
      const key = await PrivateKey.fromCryptoKeyPair(pair, { crypto })
      const error = await refusalOfAsync(exportPrivateKey(key, { format: 'pkcs8' }))
      expect(error.code).toBe('ERR_KEY_NOT_EXTRACTABLE')
      await expect(crypto.subtle.exportKey('pkcs8', pair.privateKey)).rejects.toThrow(/not extractable/i)
      await expect(crypto.subtle.exportKey('jwk', pair.privateKey)).rejects.toThrow(/not extractable/i)
    })
  })

  test('a wrong PIN and a token that is not there say so', async () => {
    // A login holds for the whole process, so nobody else may be logged in here.
    await withTemporaryFolder(async (folder) => {
      makeToken(folder, 'mesh')
      expect(() => openToken({ pin: '0000' })).toThrow(/CKR_PIN_INCORRECT/)
      expect(() => openToken({ slot: 7 })).toThrow(/Slot by index 7 is not found/)
      openToken().close()
    })
  })

  test('a token that is gone: nothing is issued, and the reason is the cause', async () => {
    await withTemporaryFolder(async (folder) => {
      makeToken(folder, 'mesh')
      const crypto = openToken()
      const key = await PrivateKey.fromCryptoKeyPair(await makePair(crypto, P256), { crypto })
      const root = await createRootCa({ ...ROOT, key })
      crypto.close()
      const { csr } = await createCsr({ key: 'P-256' })
      const error = await refusalOfAsync(root.issueWorkload(csr, { id: ID, lifetime: '1h' }))
      expect(error.code).toBe('ERR_CA_SIGNER')
      expect(error.cause).toBeInstanceOf(Error)
      expect(error.cause).not.toBeInstanceOf(MeshPkiError)
    })
  })

  test("a pair of the token is not the runtime's", async () => {
    await withToken(async (crypto) => {
      const error = await refusalOfAsync(PrivateKey.fromCryptoKeyPair(await makePair(crypto, P256)))
      expect([error.code, error.message]).toEqual([
        'ERR_KEY_UNSUPPORTED',
        expect.stringMatching(/option "crypto"/),
      ])
    })
  })
}
