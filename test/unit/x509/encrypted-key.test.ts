import { describe, expect, test } from 'vitest'
import { importPrivateKey } from '../../../src/x509/index.ts'
import { hex, oid, seq, tlv } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'

const SALT = tlv(4, new Uint8Array(16))
const ITERATIONS = hex('02020800')
const PRF = seq(oid('1.2.840.113549.2.9'), hex('0500'))
const AES_256 = seq(oid('2.16.840.1.101.3.4.1.42'), tlv(4, new Uint8Array(16)))

interface Parts {
  readonly kdf?: readonly Uint8Array[]
  readonly cipher?: Uint8Array
  readonly after?: Uint8Array
}

/** EncryptedPrivateKeyInfo (RFC 5958 §3) of PBES2 (RFC 8018 §6.2) over what decrypts to nothing sensible. */
function pemOf({ kdf = [SALT, ITERATIONS, PRF], cipher = AES_256, after = hex('') }: Parts): string {
  const pbkdf2 = seq(oid('1.2.840.113549.1.5.12'), seq(...kdf))
  const der = seq(seq(oid('1.2.840.113549.1.5.13'), seq(pbkdf2, cipher)), tlv(4, new Uint8Array(48)), after)
  return `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${Buffer.from(der).toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`
}

const codeOf = async (parts: Parts) =>
  (await refusalOfAsync(importPrivateKey(pemOf(parts), { passphrase: 'x' }))).code

describe('PBES2 (RFC 8018 §6.2)', () => {
  test.each<[string, Parts]>([
    ['as OpenSSL writes it', {}],
    ['with the key length of the cipher', { kdf: [SALT, ITERATIONS, hex('020120'), PRF] }],
    ['without NULL in the function', { kdf: [SALT, ITERATIONS, seq(oid('1.2.840.113549.2.9'))] }],
    ['with one iteration', { kdf: [SALT, hex('020101'), PRF] }],
  ])('%s it is tried, and the passphrase blamed', async (_, parts) => {
    expect(await codeOf(parts)).toBe('ERR_KEY_PASSPHRASE')
  })
  test.each<[string, Parts, string]>([
    ['no function, which is HMAC with SHA-1', { kdf: [SALT, ITERATIONS] }, 'ERR_KEY_UNSUPPORTED'],
    ['no iteration', { kdf: [SALT, hex('020100'), PRF] }, 'ERR_KEY_UNSUPPORTED'],
    ['10,000,001 iterations', { kdf: [SALT, hex('020400989681'), PRF] }, 'ERR_KEY_UNSUPPORTED'],
    ['16,777,215 iterations', { kdf: [SALT, hex('020400ffffff'), PRF] }, 'ERR_KEY_UNSUPPORTED'],
    ['more iterations than 32 bits', { kdf: [SALT, hex('02050100000000'), PRF] }, 'ERR_DER_LIMIT'],
    [
      "a key length that is not the cipher's",
      { kdf: [SALT, ITERATIONS, hex('020110'), PRF] },
      'ERR_KEY_FORMAT',
    ],
    ['a salt from another source', { kdf: [seq(oid('1.2.3')), ITERATIONS, PRF] }, 'ERR_DER_UNEXPECTED_TAG'],
    [
      'an initialisation vector of 8 octets',
      { cipher: seq(oid('2.16.840.1.101.3.4.1.42'), tlv(4, new Uint8Array(8))) },
      'ERR_KEY_FORMAT',
    ],
    [
      'AES-GCM',
      { cipher: seq(oid('2.16.840.1.101.3.4.1.46'), tlv(4, new Uint8Array(16))) },
      'ERR_KEY_UNSUPPORTED',
    ],
    ['a field after the data', { after: hex('0500') }, 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', async (_, parts, code) => expect(await codeOf(parts)).toBe(code))
})
