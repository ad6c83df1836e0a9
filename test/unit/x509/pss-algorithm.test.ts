import { constants, type KeyObject, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  describeAlgorithm,
  encodeSignatureAlgorithm,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
} from '../../../src/x509/algorithm-identifier.ts'
import { Certificate, CertificateList } from '../../../src/x509/index.ts'
import { isPss, readPssAlgorithm, saltLength } from '../../../src/x509/pss-algorithm.ts'
import {
  importVerificationKey,
  importWebKey,
  isAlgorithmOf,
  type VerificationKey,
} from '../../../src/x509/verification-key.ts'
import { certificateOf, concat, hex, oid, seq, tlv, toHex } from '../../fixtures/x509/der.ts'
import { keysOf } from '../verify/forge.ts'
import { crlOf } from './certificate-list-support.ts'

const NAMES = ['rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512'] as const
const DIGEST_OF = {
  'rsa-pss-sha256': 'sha256',
  'rsa-pss-sha384': 'sha384',
  'rsa-pss-sha512': 'sha512',
} as const
const SALT_OF = { 'rsa-pss-sha256': 32, 'rsa-pss-sha384': 48, 'rsa-pss-sha512': 64 } as const

/** Whole AlgorithmIdentifiers of the CA/Browser Forum's Baseline Requirements §7.1.3.2.1. */
const BASELINE = {
  'rsa-pss-sha256':
    '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
  'rsa-pss-sha384':
    '304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130',
  'rsa-pss-sha512':
    '304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140',
} as const

const SHA1 = '1.3.14.3.2.26'
const SHA224 = '2.16.840.1.101.3.4.2.4'
const SHA256 = '2.16.840.1.101.3.4.2.1'
const SHA384 = '2.16.840.1.101.3.4.2.2'
const SHA512 = '2.16.840.1.101.3.4.2.3'
const SHA512_256 = '2.16.840.1.101.3.4.2.6'
const SHA3_256 = '2.16.840.1.101.3.4.2.8'
const MGF1 = '1.2.840.113549.1.1.8'
const SHAKE256 = '2.16.840.1.101.3.4.2.12'
const RSASSA_PSS = '1.2.840.113549.1.1.10'
const NULL = hex('0500')
const ABSENT = hex('')

const digest = (id: string, parameters = NULL) => seq(oid(id), parameters)
const hashField = (id: string, parameters = NULL) => tlv(0xa0, digest(id, parameters))
const maskField = (id: string, parameters = NULL, mask = MGF1) =>
  tlv(0xa1, seq(oid(mask), digest(id, parameters)))
const saltField = (octets: string) => tlv(0xa2, tlv(2, hex(octets)))
const pss = (...fields: readonly Uint8Array[]) => seq(oid(RSASSA_PSS), seq(...fields))
const read = (der: Uint8Array) => readSignatureAlgorithm(der, 0, der.length)

describe('AlgorithmIdentifiers of RSASSA-PSS (RFC 4055 §3.1)', () => {
  test.each(NAMES)('%s is written and read as the Baseline Requirements have it', (name) => {
    expect(toHex(encodeSignatureAlgorithm(name))).toBe(BASELINE[name])
    expect(read(hex(BASELINE[name]))).toBe(name)
    expect(saltLength(name)).toBe(SALT_OF[name])
  })
  test.each([
    ['rsa-pss-sha256', SHA256, '20'],
    ['rsa-pss-sha384', SHA384, '30'],
    ['rsa-pss-sha512', SHA512, '40'],
  ])('%s: parameters of either digest are NULL or absent, both must be read (§2.1)', (name, id, salt) => {
    for (const message of [NULL, ABSENT])
      for (const mask of [NULL, ABSENT])
        expect(read(pss(hashField(id, message), maskField(id, mask), saltField(salt)))).toBe(name)
    expect(read(pss(hashField(id, hex('3000')), maskField(id), saltField(salt)))).toBeUndefined()
    expect(read(pss(hashField(id), maskField(id, hex('3000')), saltField(salt)))).toBeUndefined()
  })
  test.each([
    ['no parameters, as of a key', seq(oid(RSASSA_PSS))],
    ['NULL for parameters', seq(oid(RSASSA_PSS), NULL)],
    ['empty parameters: SHA-1, MGF1 of SHA-1, salt of 20', pss()],
    ['SHA-1 written out', pss(hashField(SHA1), maskField(SHA1), saltField('14'))],
    ['SHA-1 for the message', pss(maskField(SHA256), saltField('20'))],
    ['SHA-1 for the mask, the default', pss(hashField(SHA256), saltField('20'))],
    ['SHA-1 for the mask, written out', pss(hashField(SHA256), maskField(SHA1), saltField('20'))],
    ['SHA-224', pss(hashField(SHA224), maskField(SHA224), saltField('1c'))],
    ['SHA-512/256', pss(hashField(SHA512_256), maskField(SHA512_256), saltField('20'))],
    ['SHA3-256', pss(hashField(SHA3_256), maskField(SHA3_256), saltField('20'))],
    ['SHA-256 masked with SHA-384', pss(hashField(SHA256), maskField(SHA384), saltField('20'))],
    ['SHA-384 masked with SHA-256', pss(hashField(SHA384), maskField(SHA256), saltField('30'))],
    ['another mask function', pss(hashField(SHA256), maskField(SHA256, NULL, SHAKE256), saltField('20'))],
    ['a salt of 20 octets, the default', pss(hashField(SHA256), maskField(SHA256))],
    ['a salt of 20 octets, written out', pss(hashField(SHA256), maskField(SHA256), saltField('14'))],
    ['no salt', pss(hashField(SHA256), maskField(SHA256), saltField('00'))],
    ['a salt one octet shorter', pss(hashField(SHA256), maskField(SHA256), saltField('1f'))],
    ['a salt one octet longer', pss(hashField(SHA256), maskField(SHA256), saltField('21'))],
    ['the salt of another digest', pss(hashField(SHA256), maskField(SHA256), saltField('40'))],
    ['a negative salt', pss(hashField(SHA256), maskField(SHA256), saltField('e0'))],
    ['a salt that is not minimal', pss(hashField(SHA256), maskField(SHA256), saltField('0020'))],
    [
      'the trailer written although it is the default (X.690 §11.5)',
      pss(hashField(SHA256), maskField(SHA256), saltField('20'), tlv(0xa3, hex('020101'))),
    ],
    ['another trailer', pss(hashField(SHA256), maskField(SHA256), saltField('20'), tlv(0xa3, hex('020102')))],
    ['fields out of order', pss(maskField(SHA256), hashField(SHA256), saltField('20'))],
    [
      'something behind the parameters',
      seq(oid(RSASSA_PSS), seq(hashField(SHA256), maskField(SHA256), saltField('20')), NULL),
    ],
    [
      'the parameters with PKCS#1 v1.5',
      seq(oid('1.2.840.113549.1.1.11'), seq(hashField(SHA256), maskField(SHA256), saltField('20'))),
    ],
    [
      'RSAES-OAEP',
      seq(oid('1.2.840.113549.1.1.7'), seq(hashField(SHA256), maskField(SHA256), saltField('20'))),
    ],
  ])('%s: not accepted', (_, der) => expect(read(der)).toBeUndefined())
  test('every changed octet is another algorithm', () => {
    for (const name of NAMES) {
      const der = hex(BASELINE[name])
      for (let at = 0; at < der.length; at++)
        for (let bit = 0; bit < 8; bit++) {
          const changed = concat(der)
          changed[at] = (changed[at] ?? 0) ^ (1 << bit)
          expect(read(changed)).toBeUndefined()
        }
    }
  })
  test('it is read at a range, and not beyond it', () => {
    const der = hex(BASELINE['rsa-pss-sha256'])
    const around = concat(hex('ffff'), der, hex('ffff'))
    expect(readPssAlgorithm(around, 2, 2 + der.length)).toBe('rsa-pss-sha256')
    expect(readPssAlgorithm(around, 2, 1 + der.length)).toBeUndefined()
    expect(readPssAlgorithm(around, 2, 3 + der.length)).toBeUndefined()
    expect(readPssAlgorithm(der, 0, der.length + 1)).toBeUndefined()
  })
  test('certificates and CRLs show it, and say what they met where it is refused', () => {
    const accepted = hex(BASELINE['rsa-pss-sha384'])
    const refused = pss()
    for (const shown of [
      Certificate.fromDer(certificateOf({ algorithm: accepted })),
      CertificateList.fromDer(crlOf({ algorithm: accepted })),
    ])
      expect(shown.signatureAlgorithm).toBe('rsa-pss-sha384')
    expect(Certificate.fromDer(certificateOf({ algorithm: refused })).signatureAlgorithm).toBeUndefined()
    const crl = CertificateList.fromDer(crlOf({ algorithm: refused }))
    expect(crl.signatureAlgorithm).toBeUndefined()
    expect(crl.signatureAlgorithmDescription).toContain(RSASSA_PSS)
    expect(describeAlgorithm(accepted, 0, accepted.length)).toBe('rsa-pss-sha384')
  })
  test('only RSA keys make it', () => {
    for (const name of NAMES) {
      expect(isPss(name)).toBe(true)
      expect(isAlgorithmOf('RSA', name)).toBe(true)
      for (const kind of ['P-256', 'P-384', 'P-521', 'Ed25519'] as const)
        expect(isAlgorithmOf(kind, name)).toBe(false)
    }
    for (const name of ['rsa-sha256', 'ecdsa-sha256', 'ed25519']) expect(isPss(name)).toBe(false)
  })
})

const DATA = Buffer.from('what is signed')
const spkiOf = (key: KeyObject) => new Uint8Array(key.export({ format: 'der', type: 'spki' }))
const signPss = (key: KeyObject, hash: string, salt: number) =>
  new Uint8Array(sign(hash, DATA, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt }))
const IMPORTS: readonly (readonly [string, (spki: Uint8Array) => Promise<VerificationKey>])[] = [
  ['node:crypto', (spki) => importVerificationKey(spki)],
  ['WebCrypto', (spki) => importWebKey(globalThis.crypto, spki, 0, spki.length)],
]

describe.each(IMPORTS)('signatures of RSASSA-PSS with %s (RFC 8017 §8.1.2)', (_, importKey) => {
  const { privateKey, publicKey } = keysOf('pss', 'RSA-2048')
  /** Every way of verifying that the key has; they must agree. */
  const verdict = async (
    key: VerificationKey,
    algorithm: SignatureAlgorithm,
    data: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> => {
    const later = await key.verify(algorithm, data, signature)
    if (key.verifySync !== undefined) expect(key.verifySync(algorithm, data, signature)).toBe(later)
    return later
  }

  test.each(NAMES)('%s verifies; changed data or signature does not', async (name) => {
    const key = await importKey(spkiOf(publicKey))
    const signature = signPss(privateKey, DIGEST_OF[name], SALT_OF[name])
    expect(await verdict(key, name, DATA, signature)).toBe(true)
    expect(await verdict(key, name, Buffer.from('what is singed'), signature)).toBe(false)
    for (const at of [0, 100, signature.length - 1]) {
      const changed = concat(signature)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(await verdict(key, name, DATA, changed)).toBe(false)
    }
    for (const length of [0, 1, signature.length - 1])
      expect(await verdict(key, name, DATA, signature.subarray(0, length))).toBe(false)
    expect(await verdict(key, name, DATA, concat(signature, hex('00')))).toBe(false)
    const other = await importKey(spkiOf(keysOf('other', 'RSA-2048').publicKey))
    expect(await verdict(other, name, DATA, signature)).toBe(false)
  })
  test('the length of the salt is part of the algorithm', async () => {
    const key = await importKey(spkiOf(publicKey))
    for (const salt of [0, 20, 31, 33, 48])
      expect(await verdict(key, 'rsa-pss-sha256', DATA, signPss(privateKey, 'sha256', salt))).toBe(false)
  })
  test('a signature counts for its own algorithm only', async () => {
    const key = await importKey(spkiOf(publicKey))
    const signature = signPss(privateKey, 'sha256', 32)
    for (const name of [
      'rsa-pss-sha384',
      'rsa-pss-sha512',
      'rsa-sha256',
      'rsa-sha384',
      'rsa-sha512',
    ] as const)
      expect(await verdict(key, name, DATA, signature)).toBe(false)
    const pkcs1 = new Uint8Array(sign('sha256', DATA, privateKey))
    expect(await verdict(key, 'rsa-sha256', DATA, pkcs1)).toBe(true)
    for (const name of NAMES) expect(await verdict(key, name, DATA, pkcs1)).toBe(false)
    // The key still verifies what it did before.
    expect(await verdict(key, 'rsa-pss-sha256', DATA, signature)).toBe(true)
  })
  test.each(['P-256', 'Ed25519'] as const)('a %s key verifies none of it', async (kind) => {
    const key = await importKey(spkiOf(keysOf('pss', kind).publicKey))
    for (const name of NAMES)
      expect(await verdict(key, name, DATA, signPss(privateKey, DIGEST_OF[name], SALT_OF[name]))).toBe(false)
  })
  test('a key bound to PSS (RFC 4055 §1.2) is another kind, which is not accepted', async () => {
    const { keyStart } = (await importKey(spkiOf(publicKey))).info
    const inner = spkiOf(publicKey).subarray(keyStart)
    const bound = seq(seq(oid(RSASSA_PSS)), tlv(3, hex('00'), inner))
    await expect(importKey(bound)).rejects.toMatchObject({ code: 'ERR_KEY_UNSUPPORTED' })
  })
})
