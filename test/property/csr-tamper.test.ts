import { webcrypto } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Csr, createCsr, verifyProofOfPossession } from '../../src/csr/index.ts'
import { MeshPkiError } from '../../src/errors.ts'

/** The code of a refusal; `undefined` where the bytes are taken for a proven request. */
async function judge(der: Uint8Array): Promise<string | undefined> {
  try {
    await verifyProofOfPossession(der)
    return undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return error.code
    throw error
  }
}

test('no other value of any byte of an Ed25519 request is proven (RFC 2986 §3, RFC 8032 §5.1.7)', async () => {
  const { csr } = await createCsr({ key: 'Ed25519', subject: 'CN=a' })
  const { der } = csr
  expect(await judge(der)).toBe(undefined)
  for (let at = 0; at < der.length; at++) {
    const tampered = der.slice()
    for (let change = 1; change < 256; change++) {
      tampered[at] = (der[at] ?? 0) ^ change
      const code = await judge(tampered)
      if (code === undefined) throw new Error(`byte ${at} xor ${change} is accepted`)
      expect(code).toMatch(/^ERR_(DER|CSR|KEY|CERTIFICATE|PEM)_/)
    }
  }
})

test.each(['P-256', 'P-384', 'RSA-2048'] as const)('nor any bit of a %s request', async (kind) => {
  const { der } = (
    await createCsr({ key: kind, subjectAltNames: [{ type: 'uri', value: 'spiffe://td/ns/a/sa/b' }] })
  ).csr
  expect(await judge(der)).toBe(undefined)
  await fc.assert(
    fc.asyncProperty(fc.nat(der.length - 1), fc.nat(7), async (at, bit) => {
      const tampered = der.slice()
      tampered[at] = (der[at] ?? 0) ^ (1 << bit)
      expect(await judge(tampered)).toMatch(/^ERR_/)
    }),
    { numRuns: 600 },
  )
})

test('random bytes, and requests with a piece cut out, doubled or moved, fail with a typed error', async () => {
  const { der } = (
    await createCsr({ key: 'Ed25519', subject: 'CN=a,O=b', subjectAltNames: [{ type: 'dns', value: 'a.b' }] })
  ).csr
  const piece = fc
    .tuple(fc.nat(der.length), fc.nat(der.length))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)])
  const mutated = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    piece.map(([from, to]) => Uint8Array.of(...der.subarray(0, from), ...der.subarray(to))),
    piece.map(([from, to]) => Uint8Array.of(...der.subarray(0, to), ...der.subarray(from))),
    fc
      .tuple(piece, fc.nat(der.length))
      .map(([[from, to], at]) =>
        Uint8Array.of(...der.subarray(0, at), ...der.subarray(from, to), ...der.subarray(at)),
      ),
  )
  await fc.assert(
    fc.asyncProperty(mutated, async (bytes) => {
      if (Buffer.compare(bytes, der) === 0) return
      expect(await judge(bytes)).toMatch(/^ERR_/)
    }),
    { numRuns: 3000 },
  )
})

test('both back-ends judge alike', async () => {
  const { der } = (await createCsr({ key: 'P-256', subject: 'CN=a' })).csr
  const judgeWeb = async (bytes: Uint8Array): Promise<string | undefined> =>
    verifyProofOfPossession(bytes, { crypto: webcrypto }).then(
      () => undefined,
      (error: unknown) => (error instanceof MeshPkiError ? error.code : String(error)),
    )
  expect(await judgeWeb(der)).toBe(undefined)
  await fc.assert(
    fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const tampered = der.slice()
      tampered[at] = (der[at] ?? 0) ^ change
      expect(await judgeWeb(tampered)).toBe(await judge(tampered))
    }),
    { numRuns: 500 },
  )
  expect(Csr.fromDer(der).publicKeyType).toBe('P-256')
})
