import { describe, expect, test } from 'vitest'
import { Certificate, CertificateInventory } from '../../../src/x509/index.ts'
import { certificateOf, certificateWith, commonName, hex, text, tlv } from '../../fixtures/x509/der.ts'
import { codeOf } from '../../fixtures/x509/refusal.ts'

/** Of different sizes and dates. */
const ders = Array.from({ length: 50 }, (_, i) =>
  certificateOf({
    subject: commonName('x'.repeat(i * 3)),
    notAfter: text(0x17, `26010100${String(i).padStart(2, '0')}00Z`),
  }),
)
const at = (i: number) => ders[i % ders.length] ?? hex('')

describe('100,000 certificates', () => {
  test('come back as they were put in, in order', () => {
    const inventory = new CertificateInventory()
    for (let i = 0; i < 100_000; i++) if (inventory.add(at(i)) !== i) throw new Error(`index of ${i}`)
    expect(inventory.size).toBe(100_000)
    let differing = 0
    for (let i = 0; i < 100_000; i++)
      if (inventory.notAfter(i) !== Date.UTC(2026, 0, 1, 0, i % 50)) differing++
    let index = 0
    for (const certificate of inventory) {
      // Every 97th byte for byte; all of them by their size.
      const der = Certificate.bytesOf(certificate)
      if (der.length !== at(index).length) differing++
      else if (index % 97 === 0 && Buffer.compare(der, at(index)) !== 0) differing++
      index++
    }
    expect([index, differing]).toEqual([100_000, 0])
  })
})

test.each([255, 256, 257, 511, 512, 513, 1024, 1025])(
  '%i certificates, around the growth of the columns',
  (count) => {
    const inventory = new CertificateInventory()
    for (let i = 0; i < count; i++) inventory.add(at(i))
    for (const i of [0, count - 2, count - 1]) {
      expect(Buffer.compare(inventory.get(i).der, at(i))).toBe(0)
      expect(inventory.notAfter(i)).toBe(inventory.get(i).notAfter.getTime())
    }
    expect(() => inventory.get(count)).toThrow(RangeError)
  },
)

test('certificates that do not share a slab: five of 250 kB', () => {
  const large = (fill: number) => certificateWith('1.2.3', tlv(4, new Uint8Array(250_000).fill(fill)))
  const inventory = new CertificateInventory()
  for (let i = 0; i < 5; i++) inventory.add(large(i))
  for (let i = 0; i < 5; i++) expect(Buffer.compare(inventory.get(i).der, large(i))).toBe(0)
})

test.each([-1, 2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32])('the index %d is outside', (index) => {
  const inventory = new CertificateInventory()
  inventory.add(at(0))
  inventory.add(at(1))
  expect(() => inventory.get(index)).toThrow(RangeError)
  expect(() => inventory.notAfter(index)).toThrow(RangeError)
})

test('an empty inventory', () => {
  const inventory = new CertificateInventory()
  expect([inventory.size, ...inventory]).toEqual([0])
  expect(() => inventory.get(0)).toThrow(RangeError)
})

test('what is refused leaves it unchanged', () => {
  const inventory = new CertificateInventory()
  inventory.add(at(0))
  expect(codeOf(() => inventory.add(hex('3000')))).toBe('ERR_DER_TRUNCATED')
  expect(() => Reflect.apply(inventory.add, inventory, [1])).toThrow(TypeError)
  expect(inventory.size).toBe(1)
  expect(inventory.add(at(1))).toBe(1)
})

test('every shape of certificate is taken', () => {
  const inventory = new CertificateInventory()
  const certificate = Certificate.fromDer(at(1))
  const buffer = at(1).buffer
  for (const input of [certificate, at(1), certificate.toPem(), { raw: at(1) }, { rawData: buffer }])
    inventory.add(input)
  for (const held of inventory) expect(held.equals(certificate)).toBe(true)
})

test('the caller holds no way into the slabs', () => {
  const der = at(3).slice()
  const inventory = new CertificateInventory()
  inventory.add(der)
  der.fill(0)
  inventory.get(0).der.fill(0)
  inventory.get(0).publicKey.fill(0)
  expect(Buffer.compare(inventory.get(0).der, at(3))).toBe(0)
})

describe('leniency', () => {
  const early = certificateOf({ notAfter: text(0x18, '20260101000000Z') })
  test('by name only', () => {
    expect(codeOf(() => new CertificateInventory().add(early))).toBe('ERR_DER_TIME')
    const inventory = new CertificateInventory({ leniency: ['generalized-time-before-2050'] })
    inventory.add(early)
    expect(inventory.get(0).notAfter.toISOString()).toBe('2026-01-01T00:00:00.000Z')
    expect(codeOf(() => inventory.add(certificateWith('2.5.29.15', hex('03020080'))))).toBe(
      'ERR_DER_ENCODING',
    )
  })
  test('unknown names are misuse, at once', () => {
    expect(() => Reflect.construct(CertificateInventory, [{ leniency: ['all'] }])).toThrow(TypeError)
    expect(() => Reflect.construct(CertificateInventory, [{ lenient: [] }])).toThrow(TypeError)
  })
})
