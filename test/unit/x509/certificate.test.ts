import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { toCertificate, toCertificates } from '../../../src/x509/certificate-input.ts'
import { Certificate, CertificateInventory, Name } from '../../../src/x509/index.ts'
import {
  type CertificateParts,
  certificateOf,
  certificateWith,
  commonName,
  hex,
  oid,
  seq,
  text,
  tlv,
  toHex,
} from '../../fixtures/x509/der.ts'
import { everyGetter } from '../../fixtures/x509/getters.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'

const read = (parts: CertificateParts) => Certificate.fromDer(certificateOf(parts))
const refused = (parts: CertificateParts) => codeOf(() => read(parts))
const V1 = hex('')
const V2 = hex('a003020101')
const ski = (byte: string) => ({ id: '2.5.29.14', value: hex(`0401${byte}`) })

describe('version (RFC 5280 §4.1.2.1)', () => {
  test.each([
    ['v1, nothing written', { version: V1 }, 1],
    ['v2 with a unique identifier', { version: V2, unique: hex('81020001') }, 2],
    ['v3 without extensions', {}, 3],
    ['v3 with extensions', { extensions: [ski('aa')] }, 3],
  ])('%s', (_, parts, version) => expect(read(parts).version).toBe(version))
  test.each([
    ['v1 written out (X.690 §11.5)', { version: hex('a003020100') }, 'ERR_CERTIFICATE_VERSION'],
    ['v4', { version: hex('a003020103') }, 'ERR_CERTIFICATE_VERSION'],
    ['a negative version', { version: hex('a0030201ff') }, 'ERR_DER_VALUE'],
    ['two numbers', { version: hex('a006020102020102') }, 'ERR_DER_TRAILING_DATA'],
    ['extensions in v1 (§4.1.2.9)', { version: V1, extensions: [ski('aa')] }, 'ERR_CERTIFICATE_VERSION'],
    ['extensions in v2 (§4.1.2.9)', { version: V2, extensions: [ski('aa')] }, 'ERR_CERTIFICATE_VERSION'],
    [
      'a unique identifier in v1 (§4.1.2.8)',
      { version: V1, unique: hex('81020001') },
      'ERR_CERTIFICATE_VERSION',
    ],
    ['a second version', { serial: hex('a003020102 020101') }, 'ERR_DER_UNEXPECTED_TAG'],
  ])('%s is refused', (_, parts, code) => expect(refused(parts)).toBe(code))
})

describe('unique identifiers (RFC 5280 §4.1.2.8)', () => {
  test('the issuer before the subject', () => {
    expect(read({ unique: hex('81020001 82020002') }).version).toBe(3)
    expect(refused({ unique: hex('82020002 81020001') })).toBe('ERR_DER_TRAILING_DATA')
    expect(refused({ unique: hex('81020001 81020001') })).toBe('ERR_DER_TRAILING_DATA')
  })
  test('BIT STRINGs, strictly', () => expect(refused({ unique: hex('81020801') })).toBe('ERR_DER_ENCODING'))
})

describe('serial number (RFC 5280 §4.1.2.2)', () => {
  test.each([
    ['020101', '01'],
    ['0202 00ff', 'ff'],
    ['0202 0100', '0100'],
    ['0201ff', '-01'],
    ['020180', '-80'],
    ['0202ff7f', '-81'],
    ['0202ff00', '-0100'],
    ['020100', '00'],
    ['0214 7fffffffffffffffffffffffffffffffffffffff', `7f${'ff'.repeat(19)}`],
    ['0215 00ffffffffffffffffffffffffffffffffffffffff', 'ff'.repeat(20)],
  ])('%s', (der, serial) => expect(read({ serial: hex(der) }).serialNumber).toBe(serial))
  test.each(['0200', '02020001', '0202ffff', '040101'])('%s is refused', (der) => {
    expect(refused({ serial: hex(der) })).toMatch(/^ERR_DER_/)
  })
})

describe('signature algorithm (RFC 5280 §4.1.1.2)', () => {
  const ED25519 = hex('300506032b6570')
  test('inside and outside must be the same bytes', () => {
    expect(read({ algorithm: ED25519 }).signatureAlgorithm).toBe('ed25519')
    expect(refused({ outerAlgorithm: ED25519 })).toBe('ERR_CERTIFICATE_SIGNATURE_ALGORITHM')
    expect(refused({ outerAlgorithm: hex('300c06082a8648ce3d0403020500') })).toBe(
      'ERR_CERTIFICATE_SIGNATURE_ALGORITHM',
    )
  })
  test.each([
    ['300a06082a8648ce3d040302', 'ecdsa-sha256'],
    ['300a06082a8648ce3d040303', 'ecdsa-sha384'],
    ['300a06082a8648ce3d040304', 'ecdsa-sha512'],
    ['300d06092a864886f70d01010b0500', 'rsa-sha256'],
    ['300d06092a864886f70d01010c0500', 'rsa-sha384'],
    ['300d06092a864886f70d01010d0500', 'rsa-sha512'],
    // RFC 5758 §3.2, RFC 4055 §5: with these parameters it is another algorithm to us.
    ['300c06082a8648ce3d0403020500', undefined],
    ['300b06092a864886f70d01010b', undefined],
    ['300706032b65700500', undefined],
    ['300d06092a864886f70d0101050500', undefined],
  ])('%s is %s', (der, algorithm) => expect(read({ algorithm: hex(der) }).signatureAlgorithm).toBe(algorithm))
  test.each([
    ['300d06092a864886f70d0101050500', 'SHA-1 with RSA (1.2.840.113549.1.1.5)'],
    ['300d06092a864886f70d0101040500', 'MD5 with RSA (1.2.840.113549.1.1.4)'],
    ['300506032b6571', 'Ed448 (1.3.101.113)'],
    ['300406022a03', '1.2.3'],
  ])('%s is described as %s', (der, words) => {
    expect(read({ algorithm: hex(der) }).signatureAlgorithmDescription).toBe(words)
  })
  test.each([
    ['no identifier', '3000'],
    ['two parameters', '300e06082a8648ce3d04030205000500'],
    ['parameters in BER', '300e06082a8648ce3d04030230800000'],
    ['a constructed INTEGER as parameters', '300f06082a8648ce3d0403022203020101'],
  ])('%s is refused', (_, der) => expect(refused({ algorithm: hex(der) })).toMatch(/^ERR_DER_/))
})

describe('extensions (RFC 5280 §4.1.2.9, §4.2)', () => {
  const foreign = (id: string, critical = false) => ({ id, critical, value: hex('0500') })
  test('all in order, opaque ones too', () => {
    const certificate = read({ extensions: [foreign('1.2.3', true), ski('aa'), foreign('2.5.29.99')] })
    expect(certificate.extensions).toEqual([
      { oid: '1.2.3', critical: true, value: hex('0500') },
      { oid: '2.5.29.14', critical: false, value: hex('0401aa') },
      { oid: '2.5.29.99', critical: false, value: hex('0500') },
    ])
    expect(read({}).extensions).toEqual([])
  })
  test.each([
    ['of RFC 5280', [ski('aa'), ski('bb')]],
    ['of 2.5.29 that RFC 5280 does not define', [foreign('2.5.29.63'), foreign('2.5.29.63')]],
    ['of 2.5.29 above 63', [foreign('2.5.29.64'), foreign('2.5.29.64')]],
    ['foreign, not side by side', [foreign('1.2.3'), ski('aa'), foreign('1.2.3', true)]],
    ['the information access of PKIX', [info(), ski('aa'), info()]],
  ])('duplicates are refused: %s', (_, extensions) => {
    expect(refused({ extensions })).toBe('ERR_CERTIFICATE_DUPLICATE_EXTENSION')
    expect(read({ extensions: extensions.slice(1) }).extensions.length).toBe(extensions.length - 1)
  })
  test('identifiers that begin alike are not duplicates', () => {
    const ids = ['1.2.3', '1.2.3.4', '1.2.34', '2.5.29.31', '2.5.29.63', '2.5.29.64'] as const
    const extensions = ids.filter((id) => id !== '2.5.29.31').map((id) => foreign(id))
    expect(read({ extensions }).extensions).toHaveLength(5)
  })
  test('128 are read, 129 are not', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => foreign(`1.2.3.${i}`))
    expect(read({ extensions: many(128) }).extensions).toHaveLength(128)
    expect(refused({ extensions: many(129) })).toBe('ERR_DER_LIMIT')
  })
  test.each([
    ['an empty list', 'a3023000', 'ERR_CERTIFICATE_EXTENSION'],
    ['no list', 'a300', 'ERR_DER_TRUNCATED'],
    ['two lists', 'a310 3006300406022a03 3006300406022a03', 'ERR_DER_TRUNCATED'],
    ['FALSE written out (X.690 §11.5)', 'a30d300b3009 06022a03 010100 0400', 'ERR_DER_ENCODING'],
    ['TRUE as 01', 'a30d300b3009 06022a03 010101 0400', 'ERR_DER_ENCODING'],
    ['no value', 'a30830063004 06022a03', 'ERR_DER_TRUNCATED'],
    ['a fourth field', 'a30c300a3008 06022a03 0400 0500', 'ERR_DER_TRAILING_DATA'],
    ['a constructed value', 'a30c300a3008 06022a03 24020400', 'ERR_DER_UNEXPECTED_TAG'],
    ['another tag', 'a40830063004 06022a03', 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', (_, der, code) => expect(refused({ extensionsField: hex(der) })).toBe(code))
})

function info() {
  return { id: '1.3.6.1.5.5.7.1.1', value: seq(seq(oid('1.2.3'), text(0x86, 'http://x'))) }
}

describe('the frame (RFC 5280 §4.1)', () => {
  const der = certificateOf()
  test.each([
    ['a byte after it', hex(`${toHex(der)}00`), 'ERR_DER_TRAILING_DATA'],
    ['another certificate after it', hex(toHex(der).repeat(2)), 'ERR_DER_TRAILING_DATA'],
    ['a fourth field', seq(der.slice(3), hex('0500')), 'ERR_DER_TRAILING_DATA'],
    ['nothing', hex(''), 'ERR_DER_TRUNCATED'],
    ['a SET', hex(`31${toHex(der).slice(2)}`), 'ERR_DER_UNEXPECTED_TAG'],
    ['an indefinite length', hex(`3080${toHex(der.slice(3))}0000`), 'ERR_DER_ENCODING'],
    ['a signature with unused bits', certificateOf({ signature: hex('030204f0') }), 'ERR_DER_VALUE'],
    ['a signature as OCTET STRING', certificateOf({ signature: hex('0401ff') }), 'ERR_DER_UNEXPECTED_TAG'],
    ['262,145 bytes', certificateWith('1.2.3', tlv(4, new Uint8Array(262_144))), 'ERR_DER_LIMIT'],
  ])('%s is refused', (_, bytes, code) => expect(codeOf(() => Certificate.fromDer(bytes))).toBe(code))

  test.each([null, undefined, 'text', 1, [48], new ArrayBuffer(8), { raw: der }])('%s is misuse', (value) => {
    expect(() => Reflect.apply(Certificate.fromDer, Certificate, [value])).toThrow(TypeError)
  })
  test('unknown options and leniencies are misuse', () => {
    expect(() => Reflect.apply(Certificate.fromDer, Certificate, [der, { lenient: true }])).toThrow(
      /Did you mean "leniency"/,
    )
    expect(() => Reflect.apply(Certificate.fromDer, Certificate, [der, { leniency: ['all'] }])).toThrow(
      TypeError,
    )
  })
})

describe('every truncation and every change of one byte', () => {
  const der = certificateOf({
    extensions: [
      { id: '2.5.29.15', critical: true, value: hex('03020780') },
      { id: '2.5.29.19', critical: true, value: hex('30060101ff020100') },
      { id: '2.5.29.17', value: seq(text(0x86, 'spiffe://a/b'), hex('8704c0000201')) },
    ],
  })
  test('every truncation is refused', () => {
    for (let length = 0; length < der.length; length++)
      expect(refusalOf(() => Certificate.fromDer(der.subarray(0, length))).code).toMatch(/^ERR_DER_/)
  })
  test('each byte set to each of 255 values is refused, or read whole: then no getter throws', () => {
    let accepted = 0
    const unexpected: string[] = []
    for (let at = 0; at < der.length; at++) {
      const mutant = der.slice()
      for (let change = 1; change < 256; change++) {
        mutant[at] = (der[at] ?? 0) ^ change
        let certificate: Certificate
        try {
          certificate = Certificate.fromDer(mutant)
        } catch (error) {
          if (!(error instanceof MeshPkiError)) unexpected.push(`${at}:${change} ${String(error)}`)
          continue
        }
        accepted++
        try {
          everyGetter(certificate)
        } catch (error) {
          unexpected.push(`${at}:${change} getter: ${String(error)}`)
        }
      }
    }
    expect(unexpected).toEqual([])
    expect(accepted).toBeGreaterThan(1000)
  })
})

describe('values that nobody can change', () => {
  test('the input is copied, and what is handed out is a copy', () => {
    const der = certificateWith('2.5.29.14', hex('0401aa'))
    const kept = toHex(der)
    const certificate = Certificate.fromDer(der)
    const fingerprint = certificate.fingerprint()
    der.fill(0)
    for (const bytes of [
      certificate.der,
      certificate.publicKey,
      certificate.signature,
      certificate.subject.der,
      certificate.extensions[0]?.value ?? der,
    ])
      bytes.fill(0)
    certificate.notAfter.setTime(0)
    expect(toHex(certificate.der)).toBe(kept)
    expect(certificate.fingerprint()).toBe(fingerprint)
    expect(certificate.notAfter.toISOString()).toBe('2026-01-01T00:00:00.000Z')
    expect(certificate.subjectKeyIdentifier).toBe('aa')
  })
  test('equal is what has the same bytes', () => {
    expect(read({}).equals(read({}))).toBe(true)
    expect(read({}).equals(read({ serial: hex('020102') }))).toBe(false)
  })
  test('self-issued is what has equal names (§3.2, §7.1), not equal bytes', () => {
    expect(read({ subject: commonName('  ISSUER') }).isSelfIssued).toBe(true)
    expect(read({}).isSelfIssued).toBe(false)
    expect(read({ subject: seq(), issuer: seq() }).isSelfIssued).toBe(true)
  })
})

describe('inputs of other shapes', () => {
  const der = certificateOf()
  const certificate = Certificate.fromDer(der)
  test.each([
    ['ours', certificate],
    ['DER', der],
    ['PEM', certificate.toPem()],
    ['that of @peculiar/x509', { rawData: der.buffer }],
    ['that of Node', { raw: der }],
  ])('%s', (_, input) => {
    expect(toCertificate(input).equals(certificate)).toBe(true)
    expect(toCertificates(input, 'anchors')).toHaveLength(1)
  })
  test('lists, where a PEM text may hold several', () => {
    expect(toCertificates([der, certificate.toPem().repeat(2)], 'anchors')).toHaveLength(3)
    expect(codeOf(() => toCertificate(certificate.toPem().repeat(2)))).toBe('ERR_PEM_BLOCK_COUNT')
  })
  test.each([null, undefined, 1, {}, { raw: 'x' }, { rawData: der }])(
    '%j is misuse that names the option',
    (value) => {
      expect(() => Reflect.apply(toCertificate, undefined, [value, 'leaf'])).toThrow(
        /"leaf" must be a Certificate/,
      )
    },
  )
  test('an inventory and a certificate agree', () => {
    const inventory = new CertificateInventory()
    inventory.add(certificate)
    expect(inventory.get(0).subject.equals(Name.parse('CN=Subject'))).toBe(true)
  })
})
