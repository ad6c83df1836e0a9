import { createPublicKey, verify, webcrypto } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { exportPrivateKey, generateKeyPair, importPrivateKey, PrivateKey } from '../../../src/x509/index.ts'
import { isSigner } from '../../../src/x509/signer.ts'
import { hex, toHex } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'

/** The private key of RFC 8410 §10.3, and its public key of §10.1. */
const RFC8410_KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`
/** The same with its public key and an attribute (RFC 8410 §10.3, RFC 5958 §2). */
const RFC8410_KEY_WITH_PUBLIC = `-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
`
const RFC8410_PUBLIC =
  '302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1'
const SEED = 'd4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842'

const data = new TextEncoder().encode('data')
const verifies = (key: PrivateKey, signature: Uint8Array) =>
  verify(
    /sha\d+/.exec(key.signatureAlgorithm)?.[0] ?? null,
    data,
    createPublicKey({ key: Buffer.from(key.publicKey), format: 'der', type: 'spki' }),
    signature,
  )

describe('the examples of RFC 8410 §10.3', () => {
  test.each([
    ['without the public key', RFC8410_KEY],
    ['with the public key and an attribute', RFC8410_KEY_WITH_PUBLIC],
  ])('%s', async (_, pem) => {
    const key = await importPrivateKey(pem)
    expect(toHex(key.publicKey)).toBe(RFC8410_PUBLIC)
    expect(await exportPrivateKey(key, { format: 'pkcs8' })).toBe(RFC8410_KEY)
  })
  test.each([
    [
      'a seed of 31 octets',
      '302d020100300506032b657004210 41f'.replace(' ', '') + SEED.slice(2),
      'ERR_KEY_FORMAT',
    ],
    ['version 2', `302e020102300506032b657004220420${SEED}`, 'ERR_KEY_FORMAT'],
    ['bytes after the seed', `302f020100300506032b657004230420${SEED}00`, 'ERR_KEY_FORMAT'],
    ['bytes after the key', `302e020100300506032b657004220420${SEED}00`, 'ERR_DER_TRAILING_DATA'],
    ['a BER length', `30812e020100300506032b657004220420${SEED}`, 'ERR_DER_ENCODING'],
    ['a version that is not minimal', `302f02020000300506032b657004220420${SEED}`, 'ERR_DER_ENCODING'],
  ])('%s is refused', async (_, der, code) => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der, 'hex').toString('base64')}\n-----END PRIVATE KEY-----`
    expect((await refusalOfAsync(importPrivateKey(pem))).code).toBe(code)
  })
})

describe('what is generated', () => {
  test.each([
    ['P-256', 'ecdsa-sha256'],
    ['P-384', 'ecdsa-sha384'],
    ['P-521', 'ecdsa-sha512'],
    ['Ed25519', 'ed25519'],
    ['RSA-2048', 'rsa-sha256'],
  ] as const)('%s signs with %s, in both back-ends', async (algorithm, signatureAlgorithm) => {
    for (const crypto of [undefined, webcrypto]) {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { crypto })
      expect([privateKey.algorithm, privateKey.signatureAlgorithm, privateKey.extractable]).toEqual([
        algorithm,
        signatureAlgorithm,
        false,
      ])
      expect(toHex(publicKey)).toBe(toHex(privateKey.publicKey))
      expect(verifies(privateKey, await privateKey.sign(data))).toBe(true)
      expect(isSigner(privateKey)).toBe(true)
      expect((await refusalOfAsync(exportPrivateKey(privateKey, { format: 'pkcs8' }))).code).toBe(
        'ERR_KEY_NOT_EXTRACTABLE',
      )
    }
  })
  test('extractable, it is exported and imported again', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    for (const format of ['pkcs8', 'sec1'] as const) {
      const again = await importPrivateKey(await exportPrivateKey(privateKey, { format }))
      expect(again.fingerprint()).toBe(privateKey.fingerprint())
    }
  })
  test('two are never the same', async () => {
    const pairs = await Promise.all([generateKeyPair('Ed25519'), generateKeyPair('Ed25519')])
    expect(pairs[0].privateKey.fingerprint()).not.toBe(pairs[1].privateKey.fingerprint())
  })
  test.each(['P-224', 'RSA-1024', 'RSA', 'ed25519', 'toString', '', undefined, 2048])(
    '%s is misuse',
    async (algorithm) => {
      await expect(Reflect.apply(generateKeyPair, undefined, [algorithm])).rejects.toThrow(TypeError)
    },
  )
  test('unknown options are misuse', async () => {
    await expect(Reflect.apply(generateKeyPair, undefined, ['P-256', { exportable: true }])).rejects.toThrow(
      TypeError,
    )
    await expect(
      Reflect.apply(importPrivateKey, undefined, [RFC8410_KEY, { password: 'x' }]),
    ).rejects.toThrow(TypeError)
  })
})

describe('what a key shows', () => {
  test('kind and fingerprint of the public key, in every printed form', async () => {
    const key = await importPrivateKey(RFC8410_KEY)
    const shown = `PrivateKey(Ed25519, public key SHA-256 ${key.fingerprint()})`
    expect([String(key), JSON.stringify(key), inspect(key), inspect({ key })]).toEqual([
      shown,
      JSON.stringify(shown),
      shown,
      `{\n  key: ${shown}\n}`,
    ])
    const everything =
      inspect(key, { customInspect: false, showHidden: true, depth: 9 }) +
      JSON.stringify(Object.getOwnPropertyDescriptors(key))
    for (const piece of [SEED.slice(0, 16), Buffer.from(SEED, 'hex').toString('base64').slice(0, 12)])
      expect(everything).not.toContain(piece)
  })
  test('its public key is a copy, and it cannot be changed', async () => {
    const key = await importPrivateKey(RFC8410_KEY)
    key.publicKey.fill(0)
    expect(toHex(key.publicKey)).toBe(RFC8410_PUBLIC)
    expect(Reflect.set(key, 'extractable', true)).toBe(false)
    expect(Reflect.defineProperty(key, 'algorithm', { value: 'x' })).toBe(false)
  })
  test('an aborted signal rejects with its reason', async () => {
    const key = await importPrivateKey(RFC8410_KEY)
    const reason = new Error('stop')
    await expect(Promise.resolve(key.sign(data, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
  })
})

describe('pairs of WebCrypto', () => {
  const pairOf = async (algorithm: object, extractable = false): Promise<CryptoKeyPair> =>
    Reflect.apply(globalThis.crypto.subtle.generateKey, globalThis.crypto.subtle, [
      algorithm,
      extractable,
      ['sign', 'verify'],
    ])
  const RSA = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: hex('010001') }

  test.each([
    [{ name: 'ECDSA', namedCurve: 'P-384' }, 'P-384', 'ecdsa-sha384'],
    [{ name: 'Ed25519' }, 'Ed25519', 'ed25519'],
    [{ ...RSA, hash: 'SHA-512' }, 'RSA-2048', 'rsa-sha512'],
  ])('%j', async (algorithm, kind, signatureAlgorithm) => {
    const key = await PrivateKey.fromCryptoKeyPair(await pairOf(algorithm))
    expect([key.algorithm, key.signatureAlgorithm]).toEqual([kind, signatureAlgorithm])
    expect(verifies(key, await key.sign(data))).toBe(true)
  })
  test.each([
    ['RSA-PSS', { ...RSA, name: 'RSA-PSS', hash: 'SHA-256' }],
    ['RSA with SHA-1', { ...RSA, hash: 'SHA-1' }],
  ])('%s is refused', async (_, algorithm) => {
    const pair = await pairOf(algorithm)
    expect((await refusalOfAsync(PrivateKey.fromCryptoKeyPair(pair))).code).toBe('ERR_KEY_UNSUPPORTED')
  })
  test('the halves exchanged are refused', async () => {
    const { privateKey, publicKey } = await pairOf({ name: 'Ed25519' })
    const swapped = { privateKey: publicKey, publicKey: privateKey }
    expect((await refusalOfAsync(PrivateKey.fromCryptoKeyPair(swapped))).code).toBe('ERR_KEY_UNSUPPORTED')
  })
})

describe('options of exporting', () => {
  test('a passphrase needs PKCS#8, iterations have bounds, the format is one of three', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    await expect(exportPrivateKey(privateKey, { format: 'sec1', passphrase: 'x' })).rejects.toThrow(
      /"passphrase" needs format "pkcs8"/,
    )
    for (const iterations of [9_999, 10_000_001, 1.5])
      await expect(
        exportPrivateKey(privateKey, { format: 'pkcs8', passphrase: 'x', iterations }),
      ).rejects.toThrow(RangeError)
    await expect(Reflect.apply(exportPrivateKey, undefined, [privateKey, { format: 'der' }])).rejects.toThrow(
      TypeError,
    )
    await expect(Reflect.apply(exportPrivateKey, undefined, [{}, { format: 'pkcs8' }])).rejects.toThrow(
      TypeError,
    )
    await expect(
      Reflect.apply(exportPrivateKey, undefined, [privateKey, { format: 'pkcs8', passphrase: 1 }]),
    ).rejects.toThrow(TypeError)
  })
})
