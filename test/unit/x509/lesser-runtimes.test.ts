import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  readPem,
  writePem,
} from '../../../src/x509/index.ts'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const notSupported = () => Promise.reject(new DOMException('not here', 'NotSupportedError'))

/** The runtime's WebCrypto with some operations replaced. */
function lesserCrypto(operations: object): Crypto {
  const { subtle } = globalThis.crypto
  const replaced = new Proxy(subtle, {
    get: (_, name) => Reflect.get(operations, name) ?? Reflect.get(subtle, name).bind(subtle),
  })
  return new Proxy(globalThis.crypto, {
    get: (own, name) => (name === 'subtle' ? replaced : Reflect.get(own, name).bind(own)),
  })
}

describe('a kind of key that WebCrypto lacks', () => {
  test('is refused with a code: a DOMException came out of browsers without Ed25519', async () => {
    const crypto = lesserCrypto({ generateKey: notSupported })
    await expect(generateKeyPair('Ed25519', { crypto })).rejects.toMatchObject({
      code: 'ERR_KEY_UNSUPPORTED',
    })
  })

  test('is not what another failure is called', async () => {
    const failure = new Error('the token was pulled out')
    const crypto = lesserCrypto({ generateKey: () => Promise.reject(failure) })
    await expect(generateKeyPair('P-256', { crypto })).rejects.toBe(failure)
  })
})

describe('PBKDF2 of more rounds than a host allows, as hosted Workers do above 100,000', () => {
  const bounded = (algorithm: { iterations: number }, ...rest: [CryptoKey, number]) =>
    algorithm.iterations > 100_000
      ? notSupported()
      : original.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', ...algorithm } as Pbkdf2Params, ...rest)
  const original = globalThis.crypto.subtle

  test('is refused with a code when a key is written, and done with fewer', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    vi.stubGlobal('crypto', lesserCrypto({ deriveBits: bounded }))
    const write = (iterations?: number) =>
      exportPrivateKey(privateKey, { format: 'pkcs8', passphrase: 'a passphrase', iterations })
    await expect(write()).rejects.toMatchObject({ code: 'ERR_KEY_UNSUPPORTED' })
    const key = await importPrivateKey(await write(100_000), { passphrase: 'a passphrase' })
    expect(key.publicKey).toEqual(privateKey.publicKey)
  })

  test('is not taken for a wrong passphrase when a key is read', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const options = { format: 'pkcs8', passphrase: 'a passphrase', iterations: 100_001 } as const
    const pem = await exportPrivateKey(privateKey, options)
    vi.stubGlobal('crypto', lesserCrypto({ deriveBits: bounded }))
    await expect(importPrivateKey(pem, { passphrase: 'a passphrase' })).rejects.toMatchObject({
      code: 'ERR_KEY_UNSUPPORTED',
    })
  })
})

test('PEM is read where the decoder wants the length in octets: workerd threw a RangeError for two blocks and more', () => {
  const wrapped = {
    from: (bytes: ArrayBuffer) => ({
      base64Write(text: string, offset: number, length = text.length) {
        if (length > bytes.byteLength - offset) throw new RangeError('"length" is out of range')
        return Buffer.from(bytes).write(text, offset, length, 'base64')
      },
    }),
    prototype: { base64Write: () => 0 },
  }
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(((id: string) =>
    id === 'node:buffer' ? { Buffer: Object.assign(() => {}, wrapped) } : undefined) as never)
  const blocks = [48, 700, 49].map((length) => new Uint8Array(length).fill(length % 256))
  const text = blocks.map((der) => writePem('CERTIFICATE', der)).join('')
  expect(readPem(text, ['CERTIFICATE']).map(({ der }) => der)).toEqual(blocks)
})
