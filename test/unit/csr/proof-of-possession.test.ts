import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Csr, createCsr, VerifiedCsr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import { commonName, concat, hex, seq, text, tlv } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { csrOf, ED25519_KEY, spki } from './support.ts'

const refusal = (input: Parameters<typeof verifyProofOfPossession>[0]) =>
  refusalOfAsync(verifyProofOfPossession(input))
const other = generateKeyPairSync('ed25519').privateKey
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const rsa = (modulusLength: number, publicExponent = 65537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey
const RSA_SHA256 = hex('300d06092a864886f70d01010b0500')
const ECDSA_SHA256 = hex('300a06082a8648ce3d040302')

describe('the request is signed by the key that it carries (RFC 2986 §3)', () => {
  test('its own key passes; a swapped key does not', async () => {
    expect((await verifyProofOfPossession(csrOf())).csr.publicKeyType).toBe('Ed25519')
    const swapped = csrOf({ publicKey: spki(other), subject: commonName('thief') })
    const error = await refusal(swapped)
    expect(error.code).toBe('ERR_CSR_SIGNATURE')
    expect(error.message).toMatch(
      /"CN=thief" is not signed by the Ed25519 key.*Make a new request \(RFC 2986 §3\)/,
    )
    expect(error.data).toEqual({ fingerprint: Csr.fromDer(swapped).fingerprint() })
  })

  test('a signature by another key of the same kind', async () => {
    const info = seq(hex('020100'), seq(), spki(ED25519_KEY), hex('a000'))
    const by = (key: typeof other) => csrOf({ signature: new Uint8Array(sign(null, info, key)) })
    await verifyProofOfPossession(by(ED25519_KEY))
    expect((await refusal(by(other))).code).toBe('ERR_CSR_SIGNATURE')
  })

  test('ECDSA as r || s is refused, as DER accepted (RFC 3279 §2.2.3)', async () => {
    const info = seq(hex('020100'), seq(), spki(p256), hex('a000'))
    const with_ = (dsaEncoding: 'der' | 'ieee-p1363') =>
      csrOf({
        key: p256,
        algorithm: ECDSA_SHA256,
        signature: new Uint8Array(sign('sha256', info, { key: p256, dsaEncoding })),
      })
    await verifyProofOfPossession(with_('der'))
    expect((await refusal(with_('ieee-p1363'))).code).toBe('ERR_CSR_SIGNATURE')
    await expect(
      verifyProofOfPossession(with_('ieee-p1363'), { crypto: globalThis.crypto }),
    ).rejects.toMatchObject({
      code: 'ERR_CSR_SIGNATURE',
    })
  })

  test('no signature bits at all', async () => {
    expect((await refusal(csrOf({ signature: new Uint8Array() }))).code).toBe('ERR_CSR_SIGNATURE')
  })
})

describe('algorithms', () => {
  const key = rsa(2048)
  test.each([
    ['SHA-1 with RSA', hex('300d06092a864886f70d0101050500'), 'sha1'],
    ['MD5 with RSA', hex('300d06092a864886f70d0101040500'), 'md5'],
    ['RSASSA-PSS', hex('300d06092a864886f70d01010a3000'), 'sha256'],
    ['sha256WithRSAEncryption without NULL (RFC 4055 §5)', hex('300b06092a864886f70d01010b'), 'sha256'],
    ['an unknown one', hex('300506032a0304'), 'sha256'],
    ["another key's: ECDSA", ECDSA_SHA256, 'sha256'],
    ["another key's: Ed25519", hex('300506032b6570'), 'sha256'],
  ])('%s is refused although it verifies', async (_, algorithm, digest) => {
    const error = await refusal(csrOf({ key, digest, algorithm }))
    expect(error.code).toBe('ERR_CSR_SIGNATURE')
    await verifyProofOfPossession(csrOf({ key, digest: 'sha256', algorithm: RSA_SHA256 }))
  })

  test('the message names what it met and what is accepted', async () => {
    const { message } = await refusal(
      csrOf({ key, digest: 'sha1', algorithm: hex('300d06092a864886f70d0101050500') }),
    )
    expect(message).toMatch(
      /SHA-1 with RSA.*accepted are ECDSA, RSA PKCS#1 v1\.5 and RSASSA-PSS with SHA-256/,
    )
  })
})

describe('keys (NIST SP 800-131A, RFC 5480 §2.2)', () => {
  test.each([
    ['RSA-1024', rsa(1024), RSA_SHA256, 'ERR_KEY_WEAK', /1024 bits; at least 2048/],
    ['RSA-2040', rsa(2040), RSA_SHA256, 'ERR_KEY_WEAK', /2040 bits/],
    [
      'secp256k1',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
      ECDSA_SHA256,
      'ERR_KEY_UNSUPPORTED',
      /elliptic curve other than/,
    ],
    ['Ed448', generateKeyPairSync('ed448').privateKey, hex('300506032b6571'), /ERR_/, /Ed448/],
  ] as const)('%s is refused', async (_, key, algorithm, code, message) => {
    const digest = key.asymmetricKeyType === 'ed448' ? null : 'sha256'
    const error = await refusal(csrOf({ key, algorithm, digest }))
    expect(error.code).toMatch(code)
    expect(error.message).toMatch(message)
  })

  test('a point off its curve and a compressed one', async () => {
    const publicKey = spki(p256)
    const off = publicKey.slice()
    off[off.length - 1] = (off[off.length - 1] ?? 0) ^ 1
    expect(
      (await refusal(csrOf({ key: p256, digest: 'sha256', algorithm: ECDSA_SHA256, publicKey: off }))).code,
    ).toBe('ERR_KEY_FORMAT')
    const compressed = seq(
      hex('301306072a8648ce3d020106082a8648ce3d030107'),
      tlv(3, hex('00'), Uint8Array.of(2 + ((publicKey.at(-1) ?? 0) & 1)), publicKey.slice(27, 59)),
    )
    const error = await refusal(
      csrOf({ key: p256, digest: 'sha256', algorithm: ECDSA_SHA256, publicKey: compressed }),
    )
    expect(error.code).toBe('ERR_KEY_UNSUPPORTED')
    await verifyProofOfPossession(csrOf({ key: p256, digest: 'sha256', algorithm: ECDSA_SHA256 }))
  })
})

describe('inputs', () => {
  test('a VerifiedCsr passes through as it is; its look-alike does not', async () => {
    const verified = await verifyProofOfPossession(csrOf())
    expect(await verifyProofOfPossession(verified)).toBe(verified)
    expect(Object.isFrozen(verified)).toBe(true)
    for (const proof of [undefined, Symbol('proven'), Symbol.for('proven'), verified])
      expect(() => Reflect.construct(VerifiedCsr, [proof, verified.csr])).toThrow(TypeError)
    const forged = { csr: Csr.fromDer(csrOf({ publicKey: spki(other) })) }
    await expect(verifyProofOfPossession(forged as unknown as VerifiedCsr)).rejects.toThrow(/"csr" must be/)
    const dressed = Object.setPrototypeOf({ ...forged }, VerifiedCsr.prototype) as VerifiedCsr
    const outcome = await verifyProofOfPossession(dressed).then(
      () => 'passed',
      () => 'refused',
    )
    expect(outcome).toBe('refused')
  })

  test('unknown options are misuse', async () => {
    await expect(verifyProofOfPossession(csrOf(), { crpyto: 1 } as object)).rejects.toThrow(/mean "crypto"/)
  })

  test('a hostile subject is escaped and cut in the refusal', async () => {
    const subject = seq(tlv(0x31, seq(hex('0603550403'), text(0x0c, `\u202eevil\n${'A'.repeat(4000)}`))))
    const { message } = await refusal(csrOf({ subject, signature: new Uint8Array(64) }))
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/)
    expect(message.length).toBeLessThan(700)
  })

  test('nobody else needs the private key: reading one back proves the same', async () => {
    const { csr } = await createCsr({ key: 'P-256' })
    const again = await verifyProofOfPossession(Csr.fromPem(csr.toPem()))
    expect(again.csr.der).toEqual(csr.der)
    expect(concat(again.csr.publicKey)).toEqual(csr.publicKey)
    expect(createPrivateKey(ED25519_KEY.export({ format: 'pem', type: 'pkcs8' })).type).toBe('private')
  })
})
