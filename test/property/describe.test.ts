/**
 * Whatever bytes and names arrive, they are described or refused with a typed error, and what is printed is bounded, has no
 * control characters and shows no key.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { type Description, printDescription, describe as tell } from '../../src/inspect/index.ts'
import { describeCacerts, printCacerts } from '../../src/kubernetes/index.ts'
import { concat, hex, oid, seq, set, text, tlv } from '../fixtures/x509/der.ts'
import { ca, leaf, pem, privatePem, root } from '../unit/ca/lint/support.ts'
import { base64 } from '../unit/kubernetes/support.ts'
import {
  ALGORITHMS,
  aki,
  basicConstraints,
  directory,
  dns,
  email,
  ext,
  forge,
  san,
  uri,
} from '../unit/verify/forge.ts'

const time = new Date('2026-06-01T00:00:00Z')
/** Lines are at most a hundred; the longest list has sixteen. */
const MOST = 200_000
const UNSAFE =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Cs}/u

function expectSafe(printed: string): void {
  expect(UNSAFE.exec(printed)).toBeNull()
  expect(printed.length).toBeLessThan(MOST)
  expect(Math.max(...printed.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
}

function expectDescribed(description: Description): void {
  expectSafe(printDescription(description))
  expect(JSON.parse(JSON.stringify(description))).toStrictEqual(description)
}

/** Describes, and takes typed refusals for an answer. */
async function tryTell(input: string | Uint8Array): Promise<boolean> {
  try {
    expectDescribed(await tell(input, { time, anchors: root.certificate, intermediates: ca.certificate }))
    return true
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    expect(UNSAFE.exec(error.message.replaceAll('\n', ''))).toBeNull()
    return false
  }
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'binary', minLength: 300, maxLength: 3000 }),
  fc.constantFrom('\u202ecilbup', '\u001b]0;x\u0007', '-----BEGIN PRIVATE KEY-----', '😀'.repeat(200), ''),
)
/** IA5String: what general names are. */
const ascii = fc.oneof(
  fc
    .array(fc.integer({ min: 0, max: 127 }), { maxLength: 400 })
    .map((codes) => String.fromCharCode(...codes)),
  fc.constantFrom('spiffe://', 'spiffe://a/../b', 'SPIFFE://x', `spiffe://${'a'.repeat(3000)}/b`),
)

test('certificates with any names', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyText, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.constantFrom(uri, dns, email), ascii), { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      async (subject, names, isCa) => {
        const rdns = subject.map((value) => set(seq(oid('2.5.4.3'), text(0x0c, value))))
        const name = seq(...rdns)
        const { certificate } = forge({
          subject: name,
          keys: root.keys,
          issuer: ca,
          extensions: [
            basicConstraints(isCa),
            aki(ca.keyId),
            san([...names.map(([form, value]) => form(value)), directory(name)]),
          ],
        })
        expectDescribed(await tell(certificate, { time, anchors: { [subject.join()]: root.certificate } }))
        expectDescribed(await tell([certificate, ca.certificate], { time }))
      },
    ),
    { numRuns: 150 },
  )
})

/** A CRL of the tests' own builder with three entries. */
const crl = ((): Uint8Array => {
  const { identifier } = ALGORITHMS['ecdsa-sha256']
  const when = text(0x17, '260501000000Z')
  const entry = (serial: string, reason: string) =>
    seq(tlv(2, hex(serial)), when, seq(ext(21, tlv(0x0a, hex(reason)))))
  const tbs = seq(
    tlv(2, hex('01')),
    identifier,
    root.name,
    when,
    text(0x17, '260701000000Z'),
    seq(entry('2a', '01'), entry('2b', '04'), entry('2c', '06')),
    tlv(0xa0, seq(ext(20, tlv(2, hex('05'))), ext(28, seq(tlv(0x84, hex('ff'))), true))),
  )
  return seq(tbs, identifier, tlv(3, hex('00'), new Uint8Array(70)))
})()

test('DER of each kind with any bytes changed', async () => {
  let described = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(leaf.der, ca.der, root.der, crl),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 3,
      }),
      async (der, changes) => {
        const changed = new Uint8Array(der)
        for (const [where, value] of changes) changed[Math.floor(where * (der.length - 1))] = value
        if (await tryTell(changed)) described++
      },
    ),
    { numRuns: 400 },
  )
  // Keys and signatures are most of it: a fair part is read all the same.
  expect(described).toBeGreaterThan(40)
})

test('any bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, isDer) => {
      await tryTell(isDer ? concat(hex('30'), bytes) : bytes)
    }),
    { numRuns: 300 },
  )
})

const KEY = privatePem('Lint CA')
const KEY_LINES = KEY.split('\n').filter((line) => line !== '' && !line.startsWith('-'))

/** Texts of pieces, sound and broken, in any order. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(pem(leaf), pem(ca), pem(root), KEY, KEY.slice(0, 90), '-----BEGIN CERTIFICATE-----\n'),
      fc.constantFrom(
        '-----END CERTIFICATE-----\n',
        '-----BEGIN X-----\nAAAA\n-----END X-----\n',
        '\r\n',
        ' ',
      ),
      fc
        .string({ unit: 'binary', maxLength: 80 })
        .map((one) => `-----BEGIN ${one}-----\n${one}\n-----END ${one}-----\n`),
      fc.string({ unit: 'binary', maxLength: 80 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''))

test('any text', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, async (input) => {
      if (!(await tryTell(input))) return
      const shown = JSON.stringify(await tell(input, { time }))
      for (const line of KEY_LINES) expect(shown).not.toContain(line.slice(0, 20))
    }),
    { numRuns: 200 },
  )
})

test('any secret: it is described, and nothing in it makes it throw', async () => {
  const key = fc.oneof(
    fc.constantFrom(
      'ca-cert.pem',
      'ca-key.pem',
      'cert-chain.pem',
      'root-cert.pem',
      'ca-crl.pem',
      'tls.crt',
      'ca.crt',
      'key.pem',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  )
  const value = fc.oneof(
    pieces.map((one) => base64(one)),
    fc.constantFrom(base64(pem(root)), base64(pem(ca)), base64(pem(leaf)), base64(KEY), '', '***'),
    fc.string({ maxLength: 20 }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(key, value), { maxLength: 8 }),
      fc.constantFrom('cacerts', 'x', 'istio-ca-secret'),
      fc.constantFrom('Secret', 'ConfigMap', undefined),
      async (data, name, kind) => {
        const object = { kind, metadata: { name }, data: Object.fromEntries(data) }
        const described = await describeCacerts(object, { time })
        expectSafe(printCacerts(described))
        const shown = JSON.stringify(described)
        for (const line of KEY_LINES) expect(shown).not.toContain(line.slice(0, 20))
      },
    ),
    { numRuns: 150 },
  )
})
