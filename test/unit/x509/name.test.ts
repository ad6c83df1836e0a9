import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Certificate, Name } from '../../../src/x509/index.ts'
import {
  certificateOf,
  commonName,
  hex,
  oid,
  rdn,
  seq,
  set,
  text,
  tlv,
  toHex,
} from '../../fixtures/x509/der.ts'
import { opensslCertificate, run } from '../../fixtures/x509/openssl-certificate.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'
import { opensslAvailable, withTemporaryFolder } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'

const CN = '2.5.4.3'

describe('names in DER', () => {
  test('the empty name is read, an RDN without attributes is not (RFC 5280 §4.1.2.4)', () => {
    expect(Name.fromDer(hex('3000')).isEmpty).toBe(true)
    expect(String(Name.fromDer(hex('3000')))).toBe('')
    expect(codeOf(() => Name.fromDer(hex('30023100')))).toBe('ERR_DER_VALUE')
  })

  const a = seq(oid(CN), text(0x0c, 'a'))
  const b = seq(oid(CN), text(0x0c, 'b'))
  const long = seq(oid('1.2.3.4.5'), text(0x0c, 'a'))
  test.each([
    ['in order', set(a, b)],
    ['the shorter first', set(a, long)],
  ])('attributes of an RDN %s are read (X.690 §11.6)', (_, rdns) => {
    expect(Name.fromDer(seq(rdns)).rdns[0]).toHaveLength(2)
  })
  test.each([
    ['attributes out of order (X.690 §11.6)', seq(set(b, a)), 'ERR_DER_ENCODING'],
    ['the longer first', seq(set(long, a)), 'ERR_DER_ENCODING'],
    ['a SEQUENCE for the SET', seq(seq(a)), 'ERR_DER_UNEXPECTED_TAG'],
    [
      'an attribute with two values',
      seq(set(seq(oid(CN), text(12, 'a'), text(12, 'b')))),
      'ERR_DER_TRAILING_DATA',
    ],
    ['an attribute without value', seq(set(seq(oid(CN)))), 'ERR_DER_UNEXPECTED_TAG'],
    ['bytes after it', hex('300000'), 'ERR_DER_TRAILING_DATA'],
    ['nothing', hex(''), 'ERR_DER_TRUNCATED'],
    ['129 RDNs', seq(...Array.from({ length: 129 }, () => set(a))), 'ERR_DER_LIMIT'],
    ['33 attributes in an RDN', seq(set(...Array.from({ length: 33 }, () => a))), 'ERR_DER_LIMIT'],
  ])('%s is refused', (_, der, code) => expect(codeOf(() => Name.fromDer(der))).toBe(code))

  test('128 RDNs and 32 attributes are read', () => {
    expect(Name.fromDer(seq(...Array.from({ length: 128 }, () => set(a)))).rdns).toHaveLength(128)
    expect(Name.fromDer(seq(set(...Array.from({ length: 32 }, () => a)))).rdns[0]).toHaveLength(32)
  })

  test('neither the input nor what is handed out leads back into the name', () => {
    const der = commonName('a')
    const name = Name.fromDer(der)
    der.fill(0)
    name.der.fill(0)
    expect(String(name)).toBe('CN=a')
    expect(toHex(name.der)).toBe(toHex(commonName('a')))
  })
})

describe('text of names (RFC 4514 §2)', () => {
  test.each([
    ['a, b', 'CN=a\\, b'],
    [' a ', 'CN=\\ a\\ '],
    [' ', 'CN=\\ '],
    ['  ', 'CN=\\ \\ '],
    ['#a', 'CN=\\#a'],
    ['a#', 'CN=a#'],
    ['"+;<>\\', 'CN=\\"\\+\\;\\<\\>\\\\'],
    ['Lučić', 'CN=Lučić'],
    ['a\0b', 'CN=a\\00b'],
    ['a\r\n', 'CN=a\\0D\\0A'],
    ['a\\ ', 'CN=a\\\\\\ '],
    ['', 'CN='],
  ])('%j', (value, written) => expect(String(Name.fromDer(commonName(value)))).toBe(written))

  test('unknown types and values that are no string are written as hex (§2.4)', () => {
    expect(String(Name.fromDer(seq(rdn('1.2.3', text(0x0c, 'a')))))).toBe('1.2.3=#0c0161')
    expect(String(Name.fromDer(seq(rdn(CN, hex('03020061')))))).toBe('CN=#03020061')
  })
  test('values by short name in any case, or by dotted decimals', () => {
    const name = Name.parse('CN=c,OU=b,OU=a,O=o')
    expect(name.values('ou')).toEqual(['a', 'b'])
    expect(name.values('2.5.4.11')).toEqual(['a', 'b'])
    expect(name.values('L')).toEqual([])
  })
})

describe('hostile names', () => {
  const hostile = '\0\u001b[31mred\u009b\u202eevil\u2066\u2028\u200b\ufeff\u{e0041}'
  const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
  test('no control, bidirectional or invisible character survives in any printed form', () => {
    const certificate = Certificate.fromDer(certificateOf({ subject: commonName(hostile) }))
    const { subject } = certificate
    for (const printed of [
      String(subject),
      JSON.stringify(subject),
      `${certificate}`,
      inspect(subject),
      inspect(certificate),
    ])
      expect(printed.replaceAll('\n', '')).not.toMatch(controls)
    expect(subject.values('CN')).toEqual([hostile])
  })
  test('a NUL does not cut the text, and does not make two names equal', () => {
    const cut = Name.fromDer(commonName('good.example\0.evil.example'))
    expect(String(cut)).toBe('CN=good.example\\00.evil.example')
    expect(cut.equals(Name.fromDer(commonName('good.example')))).toBe(false)
  })
  test('an error about an option is escaped, and names the option', () => {
    const error = refusalOf(() => Name.from([{ 'x\u001b[2J': 'a' }]))
    expect(error.message).not.toMatch(controls)
  })
})

describe('text and back', () => {
  const types = fc.constantFrom('CN', 'O', 'OU', 'L', 'ST', 'STREET', 'UID', 'title', '1.2.3.4', '2.5.4.45')
  const value = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...' ,+"\\<>;#=ab\n\té€😀\u202e'), maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !/\p{Cs}/u.test(text)),
  )
  const attribute = fc.tuple(
    types,
    value.filter((v) => !v.includes('\0')),
    fc.constantFrom(0x0c, 0x1e, 0x1c),
  )
  const encode = (tag: number, content: string): Uint8Array => {
    if (tag === 0x0c) return text(tag, content)
    const points = [...content].map((character) => character.codePointAt(0) ?? 0)
    const size = tag === 0x1e && points.every((point) => point < 0x10000) ? 2 : 4
    const body = points.map((point) => point.toString(16).padStart(size * 2, '0')).join('')
    return tlv(size === 2 ? 0x1e : 0x1c, hex(body))
  }

  test('parse(String(name)) equals the name under RFC 5280 §7.1, and is written alike', () => {
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 4 }), (attributes) => {
        const name = Name.fromDer(
          seq(
            ...attributes.map(([type, content, tag]) =>
              rdn(Name.from([{ [type]: 'x' }]).rdns[0]?.[0]?.type ?? '', encode(tag, content)),
            ),
          ),
        )
        const again = Name.parse(String(name))
        expect(String(again)).toBe(String(name))
        expect(again.equals(name)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
  test('whatever is made is read back strictly as the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(types, value, { minKeys: 1, maxKeys: 3, noNullPrototype: true }), {
          maxLength: 4,
        }),
        (rdns) => {
          fc.pre(rdns.every((members) => Object.values(members).every((text) => !text.includes('\0'))))
          const name = Name.from(rdns)
          const read = Name.fromDer(name.der)
          for (const [i, members] of rdns.entries())
            for (const [type, text] of Object.entries(members))
              expect(
                read.rdns[i]?.some(
                  (found) => (found.shortName ?? found.type) === type && found.value === text,
                ),
              ).toBe(true)
        },
      ),
    )
  })
})

if (requirement('openssl', opensslAvailable)) {
  describe('OpenSSL', () => {
    /** The subject as OpenSSL writes it under RFC 2253, without escaping what is beyond ASCII. */
    const opensslText = (der: Uint8Array) =>
      run(['x509', '-inform', 'DER', '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8'], der)
        .toString()
        .replace(/^subject=/, '')
        .replace(/\n$/, '')

    test.each([
      '/C=DE/O=Example GmbH/OU=PKI/CN=Root CA',
      '/DC=org/DC=example/CN=a, b; c\\+d "e" <f>',
      '/O=Straße/CN=北京 😀',
      '/CN=#leading',
      '/CN= blanks ',
      '/O=a\\/b/CN=x\\\\y',
      '/emailAddress=a@b.example/title=Dr/street=1 Way',
    ])('writes %s as we do', async (subject) => {
      await withTemporaryFolder((folder) => {
        const der = opensslCertificate(folder, { subject, arguments: ['-multivalue-rdn'] })
        const ours = String(Certificate.fromDer(der).subject)
        expect(ours.replaceAll('STREET=', 'street=')).toBe(opensslText(der))
      })
    })

    test('writes a multi-valued RDN as we do, but for the order inside it, which means nothing', async () => {
      await withTemporaryFolder((folder) => {
        const der = opensslCertificate(folder, {
          subject: '/O=x/CN=a+OU=b+UID=c',
          arguments: ['-multivalue-rdn'],
        })
        expect(opensslText(der)).toBe('UID=c+OU=b+CN=a,O=x')
        expect(String(Certificate.fromDer(der).subject)).toBe('CN=a+OU=b+UID=c,O=x')
        expect(Name.parse(opensslText(der)).equals(Certificate.fromDer(der).subject)).toBe(true)
      })
    })

    test.each([
      ['utf8only', 'Ünï', 0x0c],
      ['MASK:0x2', 'Plain', 0x13],
      ['MASK:0x4', 'Ünï', 0x14],
      ['MASK:0x800', 'Ünï', 0x1e],
      ['nombstr', 'Plain', 0x13],
    ])('string_mask %s gives a string that we read', async (mask, value, tag) => {
      await withTemporaryFolder((folder) => {
        const der = opensslCertificate(folder, { dn: `O = ${value}`, req: `string_mask = ${mask}` })
        const { subject } = Certificate.fromDer(der)
        expect(subject.values('O')).toEqual([value])
        expect(subject.rdns[0]?.[0]?.der[0]).toBe(tag)
        expect(subject.equals(Name.parse(`O=${value}`))).toBe(true)
        expect(subject.equals(Name.parse(`O=${value}x`))).toBe(false)
      })
    })

    test('OpenSSL reads the names that we write', () => {
      const cases: readonly (readonly [string, string])[] = [
        ['CN=Root CA,O=Istio', 'CN=Root CA,O=Istio'],
        ['CN=a\\,b+OU=c,DC=example', 'OU=c+CN=a\\,b,DC=example'],
        ['CN=Straße', 'CN=Straße'],
      ]
      for (const [input, output] of cases) {
        const der = certificateOf({ subject: Name.parse(input).der })
        expect(opensslText(der).split(',').length).toBe(output.split(',').length)
        expect(Name.parse(opensslText(der)).equals(Name.parse(input))).toBe(true)
      }
    })
  })
}
