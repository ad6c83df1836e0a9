import { createECDH, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Certificate } from '../../../src/x509/index.ts'
import { importVerificationKey } from '../../../src/x509/verification-key.ts'
import { certificateOf, concat, ED25519_SPKI, hex, oid, seq, tlv } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOfAsync } from '../../fixtures/x509/refusal.ts'

const ecSpki = (curve: string, point: Uint8Array) =>
  seq(seq(oid('1.2.840.10045.2.1'), oid(curve)), tlv(3, hex('00'), point))
const P256 = '1.2.840.10045.3.1.7'
const point = (): Buffer => {
  const ecdh = createECDH('prime256v1')
  return ecdh.generateKeys()
}
const unsigned = (bytes: Uint8Array) => tlv(2, (bytes[0] ?? 0) >= 0x80 ? hex('00') : hex(''), bytes)
const rsaSpki = (modulus: Uint8Array, exponent: Uint8Array) =>
  seq(
    seq(oid('1.2.840.113549.1.1.1'), hex('0500')),
    tlv(3, hex('00'), seq(unsigned(modulus), unsigned(exponent))),
  )
/** A modulus of so many bits, all of them one: composite, but nobody asks for its factors. */
const modulus = (bits: number) => {
  const bytes = new Uint8Array(Math.ceil(bits / 8)).fill(0xff)
  bytes[0] = 0xff >> ((8 - (bits % 8)) % 8)
  return bytes
}
const typeOf = (publicKey: Uint8Array) => Certificate.fromDer(certificateOf({ publicKey })).publicKeyType

describe('kinds by name (RFC 3279 §2.3, RFC 5480 §2.1, RFC 8410 §4)', () => {
  test.each([
    ['Ed25519', ED25519_SPKI],
    ['P-256', ecSpki(P256, point())],
    [
      'P-256 with a point that is not in uncompressed form (RFC 5480 §2.2)',
      ecSpki(P256, concat(hex('02'), point().subarray(1, 33))),
    ],
    ['an elliptic curve other than P-256, P-384 and P-521', ecSpki('1.3.132.0.10', point())],
    ['RSA-2048', rsaSpki(modulus(2048), hex('010001'))],
    ['RSA-2047', rsaSpki(modulus(2047), hex('010001'))],
    ['RSA-2049', rsaSpki(modulus(2049), hex('010001'))],
    ['key type 1.3.101.113', seq(seq(oid('1.3.101.113')), hex('030200aa'))],
  ])('%s', (name, spki) => expect(typeOf(spki)).toBe(name))
})

describe('structure is judged with the certificate', () => {
  test.each([
    [
      'RSA without NULL (RFC 3279 §2.3.1)',
      seq(seq(oid('1.2.840.113549.1.1.1')), tlv(3, hex('00'), seq(hex('0201030201 03')))),
      'ERR_DER_TRUNCATED',
    ],
    [
      'Ed25519 with parameters (RFC 8410 §3)',
      seq(seq(oid('1.3.101.112'), hex('0500')), tlv(3, hex('00'), new Uint8Array(32))),
      'ERR_DER_TRAILING_DATA',
    ],
    [
      'EC without parameters (RFC 5480 §2.1.1)',
      seq(seq(oid('1.2.840.10045.2.1')), hex('030200aa')),
      'ERR_DER_TRUNCATED',
    ],
    [
      'a negative modulus',
      seq(seq(oid('1.2.840.113549.1.1.1'), hex('0500')), tlv(3, hex('00'), seq(hex('0201ff 020103')))),
      'ERR_DER_VALUE',
    ],
    [
      'a modulus that is not minimal',
      seq(seq(oid('1.2.840.113549.1.1.1'), hex('0500')), tlv(3, hex('00'), seq(hex('02020001 020103')))),
      'ERR_DER_ENCODING',
    ],
    [
      'a third number',
      seq(seq(oid('1.2.840.113549.1.1.1'), hex('0500')), tlv(3, hex('00'), seq(hex('020103 020103 020103')))),
      'ERR_DER_TRAILING_DATA',
    ],
    [
      'bytes after the RSA key',
      seq(
        seq(oid('1.2.840.113549.1.1.1'), hex('0500')),
        tlv(3, hex('00'), seq(hex('020103 020103')), hex('00')),
      ),
      'ERR_DER_TRAILING_DATA',
    ],
    ['a key of seven bits', seq(seq(oid('1.3.101.113')), hex('03020180')), 'ERR_DER_VALUE'],
  ])('%s is refused', (_, publicKey, code) =>
    expect(codeOf(() => Certificate.fromDer(certificateOf({ publicKey })))).toBe(code),
  )
})

describe.each([
  ['node:crypto', undefined],
  ['WebCrypto', globalThis.crypto],
])('keys are judged when they are imported: %s', (_, crypto) => {
  const offCurve = Uint8Array.from(point())
  offCurve[64] = (offCurve[64] ?? 0) ^ 1

  test.each([
    ['RSA of 2048 bits', rsaSpki(modulus(2048), hex('010001'))],
    ['RSA of 8192 bits', rsaSpki(modulus(8192), hex('010001'))],
    ['the exponent 3', rsaSpki(modulus(2048), hex('03'))],
    ['the exponent 2^32 - 1', rsaSpki(modulus(2048), hex('ffffffff'))],
    ['P-256', ecSpki(P256, point())],
    ['Ed25519', ED25519_SPKI],
  ])('%s is taken', async (__, spki) => {
    expect((await importVerificationKey(spki, crypto)).kind).toMatch(/^(RSA|P-256|Ed25519)$/)
  })
  test.each([
    ['RSA of 2047 bits (NIST SP 800-131A)', rsaSpki(modulus(2047), hex('010001')), 'ERR_KEY_WEAK'],
    ['RSA of 8193 bits', rsaSpki(modulus(8193), hex('010001')), 'ERR_KEY_UNSUPPORTED'],
    ['the exponent 1', rsaSpki(modulus(2048), hex('01')), 'ERR_KEY_WEAK'],
    ['an even exponent', rsaSpki(modulus(2048), hex('010000')), 'ERR_KEY_WEAK'],
    ['the exponent 0', rsaSpki(modulus(2048), hex('00')), 'ERR_KEY_WEAK'],
    ['the exponent 2^32 + 1', rsaSpki(modulus(2048), hex('0100000001')), 'ERR_KEY_WEAK'],
    ['a point off its curve', ecSpki(P256, offCurve), 'ERR_KEY_FORMAT'],
    ['the point at infinity', ecSpki(P256, hex('00')), 'ERR_KEY_UNSUPPORTED'],
    ['a point of zeros', ecSpki(P256, concat(hex('04'), new Uint8Array(64))), 'ERR_KEY_FORMAT'],
    [
      'a coordinate above the prime',
      ecSpki(P256, concat(hex('04'), new Uint8Array(64).fill(0xff))),
      'ERR_KEY_FORMAT',
    ],
    ['secp256k1', ecSpki('1.3.132.0.10', point()), 'ERR_KEY_UNSUPPORTED'],
    [
      'Ed25519 of 31 octets',
      seq(seq(oid('1.3.101.112')), tlv(3, hex('00'), new Uint8Array(31))),
      'ERR_KEY_UNSUPPORTED',
    ],
  ])('%s is refused', async (__, spki, code) => {
    expect((await refusalOfAsync(importVerificationKey(spki, crypto))).code).toBe(code)
  })

  test.each([
    ['ec', { namedCurve: 'P-256' }, 'sha256', 'ecdsa-sha256'],
    ['ec', { namedCurve: 'P-384' }, 'sha512', 'ecdsa-sha512'],
    ['ec', { namedCurve: 'P-521' }, 'sha384', 'ecdsa-sha384'],
    ['rsa', { modulusLength: 2048 }, 'sha512', 'rsa-sha512'],
    ['ed25519', {}, null, 'ed25519'],
  ] as const)(
    '%s %j verifies %s by the named algorithm only',
    async (type, parameters, digest, algorithm) => {
      const pair = Reflect.apply(generateKeyPairSync, undefined, [type, parameters])
      const data = Buffer.from('data')
      const signature = new Uint8Array(sign(digest, data, pair.privateKey))
      const key = await importVerificationKey(pair.publicKey.export({ format: 'der', type: 'spki' }), crypto)
      expect(await key.verify(algorithm, data, signature)).toBe(true)
      expect(await key.verify(algorithm, Buffer.from('Data'), signature)).toBe(false)
      for (const other of ['ecdsa-sha256', 'ed25519', 'rsa-sha256'] as const)
        if (other !== algorithm) expect(await key.verify(other, data, signature)).toBe(false)
      for (const broken of [
        signature.slice(1),
        signature.slice(0, -1),
        hex(''),
        concat(signature, hex('00')),
      ])
        expect(await key.verify(algorithm, data, broken)).toBe(false)
    },
  )
})
