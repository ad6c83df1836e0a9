import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  verify,
  webcrypto,
} from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { exportPrivateKey, importKeyObject, PrivateKey } from '../../../src/x509/index.ts'
import { refusalOf, refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { clockAt, ID, request, rootCa } from '../ca/support.ts'

const TBS = Uint8Array.from({ length: 100 }, (_, i) => i)
const curve = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey

describe('private keys of node:crypto sign', () => {
  test.each<[string, KeyObject, string, string | null]>([
    ['P-256', curve('P-256'), 'ecdsa-sha256', 'sha256'],
    ['P-384', curve('P-384'), 'ecdsa-sha384', 'sha384'],
    ['P-521', curve('P-521'), 'ecdsa-sha512', 'sha512'],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, 'ed25519', null],
    ['RSA-3072', generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey, 'rsa-sha256', 'sha256'],
  ])('%s', async (name, keyObject, algorithm, digest) => {
    const key = importKeyObject(keyObject)
    const publicKey = createPublicKey(keyObject)
    expect([key.algorithm, key.signatureAlgorithm, key.extractable]).toEqual([name, algorithm, false])
    expect(Buffer.from(key.publicKey)).toEqual(publicKey.export({ format: 'der', type: 'spki' }))
    expect(verify(digest, TBS, publicKey, await key.sign(TBS))).toBe(true)
  })

  test('and a CA issues by one', async () => {
    const ca = await rootCa({ key: importKeyObject(curve('P-256')), clock: clockAt() })
    const { chain } = await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    expect(chain).toHaveLength(2)
  })

  test('it is exported only where that was allowed', async () => {
    const keyObject = curve('P-256')
    const error = await refusalOfAsync(exportPrivateKey(importKeyObject(keyObject), { format: 'pkcs8' }))
    expect(error.code).toBe('ERR_KEY_NOT_EXTRACTABLE')
    const pem = await exportPrivateKey(importKeyObject(keyObject, { extractable: true }), { format: 'pkcs8' })
    expect(createPrivateKey(pem).equals(keyObject)).toBe(true)
  })
})

describe('everything else is refused', () => {
  test.each<[string, KeyObject, string, RegExp]>([
    ['a public key', createPublicKey(curve('P-256')), 'ERR_KEY_UNSUPPORTED', /found a "public" one/],
    ['a secret key', createSecretKey(Buffer.alloc(32)), 'ERR_KEY_UNSUPPORTED', /found a "secret" one/],
    ['secp256k1', curve('secp256k1'), 'ERR_KEY_UNSUPPORTED', /P-256/],
    ['Ed448', generateKeyPairSync('ed448').privateKey, 'ERR_KEY_UNSUPPORTED', /1\.3\.101\.113/],
    ['X25519', generateKeyPairSync('x25519').privateKey, 'ERR_KEY_UNSUPPORTED', /1\.3\.101\.110/],
    [
      'RSA bound to PSS',
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
      'ERR_KEY_UNSUPPORTED',
      /RSASSA-PSS/,
    ],
    ['RSA-1024', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'ERR_KEY_WEAK', /1024 bits/],
  ])('%s', (_, keyObject, code, text) => {
    const error = refusalOf(() => importKeyObject(keyObject))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(text)])
  })

  test("a key that holds another's public half, which OpenSSL believes", () => {
    const pkcs8 = curve('P-256').export({ format: 'der', type: 'pkcs8' })
    const other = createPublicKey(curve('P-256')).export({ format: 'der', type: 'spki' })
    // The point is the end of both.
    const mixed = Buffer.concat([pkcs8.subarray(0, -64), other.subarray(-64)])
    const keyObject = createPrivateKey({ key: mixed, format: 'der', type: 'pkcs8' })
    expect(createPublicKey(keyObject).export({ format: 'der', type: 'spki' })).toEqual(other)
    expect(refusalOf(() => importKeyObject(keyObject)).code).toBe('ERR_KEY_FORMAT')
  })

  test('what looks like a KeyObject', () => {
    const fake = { type: 'private', asymmetricKeyType: 'ec', export: () => Buffer.alloc(10) }
    expect(refusalOf(() => importKeyObject(fake)).code).toBe('ERR_KEY_UNSUPPORTED')
  })

  test('what does not is misuse', async () => {
    const { privateKey } = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
      'verify',
    ])
    for (const wrong of [undefined, null, 'pem', 5, {}, Buffer.alloc(3), privateKey]) {
      const call = (): unknown => Reflect.apply(importKeyObject, undefined, [wrong])
      expect(call).toThrow(/importKeyObject takes a KeyObject/)
      expect(call).not.toThrow(MeshPkiError)
    }
    const call = (): unknown =>
      Reflect.apply(importKeyObject, undefined, [curve('P-256'), { exportable: true }])
    expect(call).toThrow(/no option "exportable"/)
  })

  test('without node:crypto the runtime is named', () => {
    const keyObject = curve('P-256')
    const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
    try {
      expect(refusalOf(() => importKeyObject(keyObject)).code).toBe('ERR_CRYPTO_UNAVAILABLE')
    } finally {
      spy.mockRestore()
    }
  })
})

describe('pairs of a WebCrypto that is not the runtime’s', () => {
  test('a public key that the implementation does not give out is refused in words', async () => {
    const pair = (await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
    const subtle = Object.assign(Object.create(webcrypto.subtle), {
      exportKey: () => Promise.reject(new Error('CKR_KEY_HANDLE_INVALID')),
    })
    const crypto = { subtle, getRandomValues: webcrypto.getRandomValues.bind(webcrypto) }
    const error = await refusalOfAsync(PrivateKey.fromCryptoKeyPair(pair, { crypto }))
    expect([error.code, error.message]).toEqual([
      'ERR_KEY_UNSUPPORTED',
      expect.stringMatching(/must be extractable/),
    ])
  })

  test('an option that nobody knows must not leave the key to another implementation', async () => {
    const pair = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
      'verify',
    ])
    const call = Reflect.apply(PrivateKey.fromCryptoKeyPair, PrivateKey, [pair, { cripto: webcrypto }])
    await expect(call).rejects.toThrow(/Did you mean "crypto"/)
  })
})
