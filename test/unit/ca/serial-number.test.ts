import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../src/testing/index.ts'
import { opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { ID, INTERMEDIATE, opensslText, request, rootCa } from './support.ts'

describe('serial numbers (RFC 5280 §4.1.2.2, mesh-contracts §1.4: random, below 2^128)', () => {
  test('16 octets, positive, in the fewest octets: first octet from 40 to 7f', async () => {
    const root = await rootCa()
    const seen = new Set<string>()
    for (let i = 0; i < 64; i++) {
      const { certificate } = await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
      expect(certificate.serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/)
      seen.add(certificate.serialNumber)
    }
    expect(seen.size).toBe(64)
  })

  test.each([0x00, 0x3f, 0x7f, 0x80, 0xc0, 0xff])('bytes of %i from the source', async (fill) => {
    const root = await rootCa({ random: (bytes) => bytes.fill(fill) })
    const first = ((fill & 0x3f) | 0x40).toString(16)
    expect(root.certificate.serialNumber).toBe(first + fill.toString(16).padStart(2, '0').repeat(15))
  })

  test('from the source, in order: root, intermediate, workload', async () => {
    // SHA-256 of the seed's text and a counter, two serial numbers from each digest.
    const digest = (counter: number) =>
      createHash('sha256').update(`mesh-pki/testing serials ${counter}`).digest()
    const expected = [digest(0).subarray(0, 16), digest(0).subarray(16), digest(1).subarray(0, 16)].map(
      (serial) => {
        serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
        return serial.toString('hex')
      },
    )
    const root = await rootCa({ random: seededRandom('serials') })
    const { certificate: middle } = await root.issueIntermediate(await request({ subject: INTERMEDIATE }), {
      lifetime: '1d',
    })
    const { certificate: leaf } = await root.issueWorkload(await request(), { id: ID, lifetime: '1d' })
    expect([root.certificate, middle, leaf].map((certificate) => certificate.serialNumber)).toEqual(expected)
  })

  test.each<[string, (bytes: Uint8Array<ArrayBuffer>) => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['too few bytes', () => new Uint8Array(15)],
    ['too many', () => new Uint8Array(17)],
    ['numbers', () => Array.from({ length: 16 }, () => 1)],
    ['an ArrayBuffer', () => new ArrayBuffer(16)],
    ['text', () => '0123456789abcdef'],
    ['a promise', async (bytes) => bytes],
  ])('a source that answers %s is misuse', async (_, random) => {
    await expect(rootCa({ random: random as (bytes: Uint8Array) => Uint8Array })).rejects.toThrow(
      /option "random"/,
    )
    await expect(rootCa({ random: random as (bytes: Uint8Array) => Uint8Array })).rejects.toThrow(TypeError)
  })

  test('a source that throws is heard', async () => {
    const random = () => {
      throw new Error('no entropy')
    }
    await expect(rootCa({ random })).rejects.toThrow('no entropy')
  })

  test('a source that answers the same array every time does not change what was issued at the same time', async () => {
    const shared = new Uint8Array(16)
    let counter = 0
    const random = () => shared.fill(++counter)
    const root = await rootCa({ random })
    const issued = await Promise.all(
      Array.from({ length: 8 }, async () => root.issueWorkload(await request(), { id: ID, lifetime: '1h' })),
    )
    expect(new Set(issued.map(({ certificate }) => certificate.serialNumber)).size).toBe(8)
  })
})

if (requirement('openssl', opensslAvailable)) {
  test('OpenSSL prints the same number, without a sign', async () => {
    const { certificate } = await rootCa({ random: (bytes) => bytes.fill(0xff) })
    expect(opensslText(certificate)).toContain(`7f${':ff'.repeat(15)}`)
    expect(certificate.serialNumber).toBe(`7f${'ff'.repeat(15)}`)
  })
}
