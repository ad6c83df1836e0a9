import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { derTime } from '../../src/internal/der-time.ts'
import type { GeneralNameInput } from '../../src/x509/general-name.ts'
import { encodeGeneralNames } from '../../src/x509/general-name-encoder.ts'
import { Certificate, CertificateInventory, Name } from '../../src/x509/index.ts'
import { certificateOf, certificateWith, concat, hex, tlv, toHex } from '../fixtures/x509/der.ts'
import { everyGetter } from '../fixtures/x509/getters.ts'

describe('certificates of any fields', () => {
  const second = fc.integer({ min: -631_152_000, max: 253_402_300_799 })
  const serial = fc.uint8Array({ minLength: 1, maxLength: 20 })

  test('come back with the fields that were put in (RFC 5280 §4.1.2)', () => {
    fc.assert(
      fc.property(
        serial,
        second,
        second,
        fc.uint8Array({ maxLength: 64 }),
        (bytes, from, until, signature) => {
          const significant = bytes.findIndex((byte) => byte !== 0)
          const minimal = significant === -1 ? hex('00') : bytes.slice(significant)
          const content = (minimal[0] ?? 0) >= 0x80 ? concat(hex('00'), minimal) : minimal
          const certificate = Certificate.fromDer(
            certificateOf({
              serial: tlv(2, content),
              notBefore: derTime(from * 1000),
              notAfter: derTime(until * 1000),
              signature: tlv(3, hex('00'), signature),
            }),
          )
          expect(certificate.serialNumber).toBe(toHex(minimal))
          expect(certificate.notBefore.getTime()).toBe(from * 1000)
          expect(certificate.notAfter.getTime()).toBe(until * 1000)
          expect(toHex(certificate.signature)).toBe(toHex(signature))
        },
      ),
    )
  })

  test('an opaque extension comes back byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (value, critical) => {
        const [extension] = Certificate.fromDer(certificateWith('1.2.3.4', value, critical)).extensions
        expect(extension).toEqual({ oid: '1.2.3.4', critical, value: new Uint8Array(value) })
      }),
    )
  })

  test('PEM, DER and inventory hold the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (value) => {
        const certificate = Certificate.fromDer(certificateWith('1.2.3.4', value))
        const inventory = new CertificateInventory()
        inventory.add(certificate.toPem())
        expect(inventory.get(0).equals(certificate)).toBe(true)
        expect(Certificate.fromPem(certificate.toPem().replaceAll('\n', '\r\n')).equals(certificate)).toBe(
          true,
        )
      }),
    )
  })
})

test('any bytes in any extension that RFC 5280 defines are read whole or refused as MeshPkiError', () => {
  const ids = [
    ...[9, 14, 15, 17, 18, 19, 30, 31, 32, 33, 35, 36, 37, 46, 54].map((arc) => `2.5.29.${arc}`),
    ...['1.3.6.1.5.5.7.1.1', '1.3.6.1.5.5.7.1.11'],
  ]
  const tag = fc.constantFrom(
    1,
    2,
    3,
    4,
    6,
    0x0c,
    0x16,
    0x30,
    0x31,
    0x80,
    0x81,
    0x82,
    0x86,
    0x87,
    0xa0,
    0xa1,
    0xa2,
    0xa4,
  )
  const { value } = fc.letrec<{ value: Uint8Array }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.tuple(tag, fc.uint8Array({ maxLength: 6 })).map(([t, content]) => tlv(t, content)),
      fc.tuple(tag, fc.array(tie('value'), { maxLength: 3 })).map(([t, contents]) => tlv(t, ...contents)),
    ),
  }))
  fc.assert(
    fc.property(fc.constantFrom(...ids), value, (id, der) => {
      let certificate: Certificate
      try {
        certificate = Certificate.fromDer(certificateWith(id, der))
      } catch (error) {
        expect(error).toBeInstanceOf(MeshPkiError)
        return
      }
      everyGetter(certificate)
    }),
    { numRuns: 5000 },
  )
})

test('general names that are written are read as they were given', () => {
  const label = fc.stringMatching(/^[a-zA-Z0-9]{1,20}$/)
  const host = fc.tuple(label, label).map(([a, b]) => `${a}.${b}x`)
  const path = fc.string({ unit: fc.constantFrom(...'abcXYZ019.-_*@:/?#%'), minLength: 1, maxLength: 20 })
  const names = fc.oneof(
    fc.record({
      type: fc.constant('dns'),
      value: fc.oneof(
        host,
        host.map((name) => `*.${name}`),
      ),
    }),
    fc.record({ type: fc.constant('email'), value: fc.tuple(label, host).map(([a, b]) => `${a}@${b}`) }),
    fc.record({ type: fc.constant('uri'), value: path.map((rest) => `https:${rest}`) }),
    fc.record({ type: fc.constant('ip'), value: fc.ipV4() }),
    fc.record({ type: fc.constant('registered-id'), value: fc.constantFrom('1.2.3', '2.999.1', '0.9.2342') }),
  )
  fc.assert(
    fc.property(fc.array(names, { minLength: 1, maxLength: 5 }), (list) => {
      const der = encodeGeneralNames(list as GeneralNameInput[], 'names')
      expect(Certificate.fromDer(certificateWith('2.5.29.17', der)).subjectAltNames).toEqual(list)
    }),
  )
})

test('any bytes are a name that is written and compared with itself, or refused as MeshPkiError', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 12 }),
      fc.constantFrom(0x0c, 0x13, 0x14, 0x16, 0x12, 0x1c, 0x1e, 3),
      (content, tag) => {
        const der = tlv(0x30, tlv(0x31, tlv(0x30, hex('0603550403'), tlv(tag, content))))
        let name: Name
        try {
          name = Name.fromDer(der)
        } catch (error) {
          expect(error).toBeInstanceOf(MeshPkiError)
          return
        }
        expect(toHex(name.der)).toBe(toHex(der))
        expect(name.equals(Name.fromDer(der))).toBe(true)
        expect(String(name)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
      },
    ),
    { numRuns: 3000 },
  )
})
