import { describe, expect, test } from 'vitest'
import { Csr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import { commonName, hex, seq, text, tlv } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'
import {
  attribute,
  CHALLENGE_PASSWORD,
  csrOf,
  dns,
  ED25519_KEY,
  EXTENSION_REQUEST,
  type ExtensionTuple,
  extensions,
  spki,
  subjectAltName,
  uri,
} from './support.ts'

const SAN = '2.5.29.17'
const asks = (...list: readonly ExtensionTuple[]) => attribute(EXTENSION_REQUEST, extensions(...list))
const pem = (der: Uint8Array, label = 'CERTIFICATE REQUEST') =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END ${label}-----\n`

describe('structure (RFC 2986 §4.1)', () => {
  test('the least request is read', () => {
    const csr = Csr.fromDer(csrOf())
    expect([csr.subject.isEmpty, csr.publicKeyType, csr.signatureAlgorithm]).toEqual([
      true,
      'Ed25519',
      'ed25519',
    ])
    expect(csr.subjectAltNames).toEqual([])
    expect([csr.keyUsage, csr.extendedKeyUsage, csr.isCa]).toEqual([undefined, undefined, false])
    expect([csr.extensions, csr.attributeTypes]).toEqual([[], []])
  })

  test.each([
    ['version 1', { version: hex('020101') }, 'ERR_CSR_VERSION'],
    ['version 2, as of a certificate', { version: hex('020102') }, 'ERR_CSR_VERSION'],
    ['a version in two octets (X.690 §8.3.2)', { version: hex('02020000') }, 'ERR_DER_ENCODING'],
    ['a negative version', { version: hex('0201ff') }, /^ERR_(DER_VALUE|CSR_VERSION)$/],
    ['no version', { version: hex('') }, 'ERR_DER_UNEXPECTED_TAG'],
    ['no attributes field', { attributesField: hex('') }, 'ERR_DER_TRUNCATED'],
    ['attributes with another tag', { attributesField: hex('a100') }, 'ERR_DER_UNEXPECTED_TAG'],
    ['attributes of primitive form', { attributesField: hex('8000') }, 'ERR_DER_UNEXPECTED_TAG'],
    ['two attributes fields', { attributesField: hex('a000a000') }, 'ERR_DER_TRAILING_DATA'],
    ['a subject that is a SET', { subject: hex('3100') }, 'ERR_DER_UNEXPECTED_TAG'],
    ['an empty RDN (RFC 5280 §4.1.2.4)', { subject: hex('30023100') }, /^ERR_DER_/],
    ['a key cut short', { publicKey: spki(ED25519_KEY).subarray(0, 40) }, /^ERR_DER_/],
    ['an indefinite length (X.690 §10.1)', { attributesField: hex('a0800000') }, /^ERR_DER_/],
    ['an attribute without values', { attributes: [attribute(CHALLENGE_PASSWORD)] }, 'ERR_CSR_ATTRIBUTE'],
    ['an attribute that is no SEQUENCE', { attributes: [hex('0500')] }, 'ERR_DER_UNEXPECTED_TAG'],
    ['an attribute of type and no SET', { attributes: [seq(hex('06092a864886f70d010907'))] }, /^ERR_DER_/],
    [
      'an attribute with a field too many',
      { attributes: [seq(hex('06092a864886f70d010907'), hex('3103130161'), hex('0500'))] },
      'ERR_DER_TRAILING_DATA',
    ],
    [
      'an extension request without a value',
      { attributes: [attribute(EXTENSION_REQUEST)] },
      'ERR_CSR_ATTRIBUTE',
    ],
  ])('%s is refused', (_, parts, code) => {
    expect(codeOf(() => Csr.fromDer(csrOf(parts)))).toMatch(code)
  })

  test('a byte after the request is refused, and every proper prefix', () => {
    const der = csrOf({ subject: commonName('a'), attributes: [asks([SAN, subjectAltName(dns('a'))])] })
    expect(Csr.fromDer(der).subjectAltNames).toEqual([{ type: 'dns', value: 'a' }])
    expect(codeOf(() => Csr.fromDer(Uint8Array.of(...der, 0)))).toBe('ERR_DER_TRAILING_DATA')
    for (let length = 0; length < der.length; length++)
      expect(codeOf(() => Csr.fromDer(der.subarray(0, length)))).toMatch(/^ERR_DER_(TRUNCATED|LIMIT)$/)
  })

  test('65,536 octets are the limit', () => {
    const filled = (size: number) =>
      csrOf({ attributes: [attribute(CHALLENGE_PASSWORD, tlv(0x0c, new Uint8Array(size)))] })
    const overhead = filled(60_000).length - 60_000
    expect(Csr.fromDer(filled(65_536 - overhead)).attributeTypes).toEqual([CHALLENGE_PASSWORD])
    expect(codeOf(() => Csr.fromDer(filled(65_537 - overhead)))).toBe('ERR_DER_LIMIT')
  })

  test('attributes are bounded', () => {
    const many = (count: number) =>
      Csr.fromDer(csrOf({ attributes: Array.from({ length: count }, () => attribute('1.2.3', hex('0500'))) }))
    expect(many(32).attributeTypes).toHaveLength(32)
    expect(codeOf(() => many(33))).toBe('ERR_DER_LIMIT')
  })
})

describe('attributes', () => {
  test('a challenge password is passed over and its value not shown (RFC 2985 §5.4.1)', () => {
    const csr = Csr.fromDer(csrOf({ attributes: [attribute(CHALLENGE_PASSWORD, text(0x0c, 'hunter2'))] }))
    expect(csr.attributeTypes).toEqual([CHALLENGE_PASSWORD])
    expect(JSON.stringify([csr.attributeTypes, csr.extensions])).not.toContain('hunter2')
  })

  test('one extension request, of one value (RFC 2985 §5.4.2)', () => {
    const one = asks([SAN, subjectAltName(uri('spiffe://a/b'))])
    const value = extensions([SAN, subjectAltName(dns('a'))])
    const usage = extensions(['2.5.29.15', hex('03020780')])
    expect(Csr.fromDer(csrOf({ attributes: [one] })).subjectAltNames).toHaveLength(1)
    expect(refusalOf(() => Csr.fromDer(csrOf({ attributes: [one, one] }))).message).toMatch(
      /two.*RFC 2985 §5\.4\.2/,
    )
    expect(
      codeOf(() => Csr.fromDer(csrOf({ attributes: [attribute(EXTENSION_REQUEST, value, usage)] }))),
    ).toBe('ERR_CSR_ATTRIBUTE')
    // A second one far from the first, other attributes between them.
    const apart = [one, attribute(CHALLENGE_PASSWORD, text(0x0c, 'x')), one]
    expect(codeOf(() => Csr.fromDer(csrOf({ attributes: apart })))).toBe('ERR_CSR_ATTRIBUTE')
  })

  test.each([
    [
      'an extension twice (RFC 5280 §4.2)',
      [
        [SAN, seq(dns('a'))],
        [SAN, seq(dns('b'))],
      ],
      'ERR_CERTIFICATE_DUPLICATE_EXTENSION',
    ],
    [
      'an unknown extension twice',
      [
        ['1.2.3', hex('0500')],
        ['1.2.3', hex('0500')],
      ],
      'ERR_CERTIFICATE_DUPLICATE_EXTENSION',
    ],
    ['alternative names without one (RFC 5280 §4.2.1.6)', [[SAN, seq()]], 'ERR_DER_VALUE'],
    ['bytes after the alternative names', [[SAN, hex('30038201610500')]], /^ERR_DER_/],
    ['a NUL-length IP address', [[SAN, seq(tlv(0x87))]], 'ERR_DER_VALUE'],
    ['a byte above 7F in a URI', [[SAN, seq(tlv(0x86, hex('c3a9')))]], 'ERR_DER_VALUE'],
    ['an empty extended key usage', [['2.5.29.37', seq()]], /^ERR_/],
    ['key usage with no bit (RFC 5280 §4.2.1.3)', [['2.5.29.15', hex('030100')]], /^ERR_/],
    ['cA as FALSE, written out (X.690 §11.5)', [['2.5.29.19', seq(hex('010100'))]], 'ERR_DER_ENCODING'],
  ] as const)('an extension request with %s is refused', (_, list, code) => {
    expect(codeOf(() => Csr.fromDer(csrOf({ attributes: [asks(...list)] })))).toMatch(code)
  })

  test('an empty list of extensions is refused (RFC 5280 §4.1.2.9)', () => {
    expect(codeOf(() => Csr.fromDer(csrOf({ attributes: [asks()] })))).toBe('ERR_CERTIFICATE_EXTENSION')
  })
})

describe('what it asks for is typed', () => {
  const csr = Csr.fromDer(
    csrOf({
      subject: commonName('CA please'),
      attributes: [
        asks(
          ['2.5.29.19', hex('30060101ff020103'), true],
          ['2.5.29.15', hex('03020106'), true],
          ['2.5.29.37', hex('300a06082b06010505070301')],
          [SAN, subjectAltName(uri('spiffe://td/ns/a/sa/b'), dns('*.example.com'), hex('870401020304'))],
          ['1.3.6.1.4.1.99999.7', hex('0500'), true],
        ),
      ],
    }),
  )

  test('names, CA, usages and what nobody knows', () => {
    expect(String(csr.subject)).toBe('CN=CA please')
    expect(csr.isCa).toBe(true)
    expect(csr.keyUsage).toEqual(['keyCertSign', 'cRLSign'])
    expect(csr.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(csr.subjectAltNames).toEqual([
      { type: 'uri', value: 'spiffe://td/ns/a/sa/b' },
      { type: 'dns', value: '*.example.com' },
      { type: 'ip', value: '1.2.3.4' },
    ])
    expect(csr.extensions.map(({ oid, critical }) => [oid, critical])).toEqual([
      ['2.5.29.19', true],
      ['2.5.29.15', true],
      ['2.5.29.37', false],
      [SAN, false],
      ['1.3.6.1.4.1.99999.7', true],
    ])
  })

  test('names with control characters stay as they are and are told from their look-alikes', () => {
    const names = Csr.fromDer(
      csrOf({ attributes: [asks([SAN, seq(tlv(0x82, hex('612e620063')), uri('a\n'))])] }),
    ).subjectAltNames
    expect(names).toEqual([
      { type: 'dns', value: 'a.b\u0000c' },
      { type: 'uri', value: 'a\n' },
    ])
  })
})

describe('PEM and other forms', () => {
  const der = csrOf({ subject: commonName('forms') })

  test('CERTIFICATE REQUEST (RFC 7468 §7) and NEW CERTIFICATE REQUEST', async () => {
    for (const label of ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'])
      expect((await verifyProofOfPossession(pem(der, label))).csr.der).toEqual(der)
    expect(Csr.fromDer(der).toPem()).toBe(pem(der))
    expect(String(Csr.fromDer(der))).toBe(pem(der))
  })

  test.each(['CERTIFICATE', 'PUBLIC KEY', 'PRIVATE KEY', 'certificate request', 'X509 CRL'])(
    'the label %s is refused',
    (label) => {
      expect(codeOf(() => Csr.fromPem(pem(der, label)))).toMatch(/^ERR_PEM_/)
    },
  )

  test('two blocks, no block, and a private key beside it are refused', () => {
    expect(codeOf(() => Csr.fromPem(pem(der) + pem(der)))).toBe('ERR_PEM_BLOCK_COUNT')
    expect(codeOf(() => Csr.fromPem(''))).toBe('ERR_PEM_NO_BLOCK')
    expect(codeOf(() => Csr.fromPem(pem(der) + pem(der, 'PRIVATE KEY')))).toMatch(/^ERR_PEM_/)
  })

  test("by shape: @peculiar/x509's; nothing else", () => {
    expect(Csr.from({ rawData: der.buffer }).der).toEqual(der)
    for (const value of [null, undefined, 5, {}, { rawData: der }, [], new ArrayBuffer(3)])
      expect(() => Csr.from(value as unknown as Csr)).toThrow(
        /"csr" must be a Csr, DER \(Uint8Array\) or PEM/,
      )
    expect(() => Csr.fromDer('x' as unknown as Uint8Array)).toThrow(TypeError)
  })

  test('it holds its own copy and hands out copies', () => {
    const input = csrOf()
    const csr = Csr.fromDer(input)
    const before = csr.fingerprint()
    input.fill(0)
    csr.der.fill(0)
    csr.publicKey.fill(0)
    expect([csr.fingerprint(), csr.der]).toEqual([before, csrOf()])
  })
})
