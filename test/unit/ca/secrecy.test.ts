import { webcrypto } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../../../src/ca/index.ts'
import { MeshPkiError } from '../../../src/errors.ts'
import { exportPrivateKey, PrivateKey } from '../../../src/x509/index.ts'
import { oid, seq, tlv } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { csrOf } from '../csr/support.ts'
import { below, clockAt, cryptoKeyPair, ID, INTERMEDIATE, keyOf, request, rootCa } from './support.ts'

const shownBy = (value: unknown): string =>
  [
    inspect(value, { depth: 30, showHidden: true, maxArrayLength: null }),
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
    String(value),
    value instanceof Error ? `${value.stack} ${inspect(value.cause)}` : '',
  ].join('\n')

describe('nothing prints a key', () => {
  test.each(['P-256', 'Ed25519', 'RSA-2048'] as const)('%s: CA, results, errors', async (kind) => {
    const pair = await cryptoKeyPair(kind, { extractable: true })
    const { d = '' } = await webcrypto.subtle.exportKey('jwk', pair.privateKey)
    const secret = Buffer.from(d, 'base64url')
    const forms = [
      d,
      secret.toString('base64'),
      secret.toString('hex'),
      [...secret].join(', '),
      [...secret].join(','),
    ]
    const key = await PrivateKey.fromCryptoKeyPair(pair)
    const root = await rootCa({ key })
    const ca = await below(root)
    const result = await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    const errors = [
      await refusalOfAsync(root.issueWorkload(await request({ key }), { id: ID, lifetime: '1h' })),
      await refusalOfAsync(
        CertificateAuthority.from({ certificate: ca.certificate, signer: key, clock: clockAt() }),
      ),
      await rootCa({ key, subjct: 1 } as object).catch((error: unknown) => error),
      await rootCa({ key: { privateKey: pair.privateKey } as never }).catch((error: unknown) => error),
    ]
    expect(errors.every((error) => error instanceof Error)).toBe(true)
    for (const value of [root, ca, root.signer, result, ...errors])
      for (const form of forms) expect(shownBy(value)).not.toContain(form)
    expect(shownBy(key)).toContain(key.fingerprint())
  })

  test('a key made here is not extractable unless that was asked for', async () => {
    const made = await rootCa({ key: 'P-256' })
    expect(
      (await refusalOfAsync(exportPrivateKey(made.signer as PrivateKey, { format: 'pkcs8' }))).code,
    ).toBe('ERR_KEY_NOT_EXTRACTABLE')
    const extractable = await rootCa({ key: 'P-256', extractable: true })
    expect(await exportPrivateKey(extractable.signer as PrivateKey, { format: 'pkcs8' })).toMatch(
      /^-----BEGIN PRIVATE KEY-----/,
    )
  })
})

/** What may not reach a terminal: controls, line separators, bidirectional and invisible characters (decision 6). */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u
const HOSTILE = 'x\u0000\u001b[31mred\u202egnp.exe\u2028\u200b\r\nERR_CA: fine'

describe('hostile text in messages is escaped and cut (decision 6)', () => {
  test('from the subject of a request', async () => {
    const hostile = (size: number) =>
      tlv(0x0c, Buffer.from(`${HOSTILE.replaceAll('\0', '')}${'A'.repeat(size)}`))
    const subject = seq(tlv(0x31, seq(oid('2.5.4.3'), hostile(10_000))))
    const error = await refusalOfAsync(
      (await rootCa()).issueIntermediate(csrOf({ subject, signature: new Uint8Array(64) }), {
        lifetime: '1h',
      }),
    )
    expect(error.code).toBe('ERR_CSR_SIGNATURE')
    expect(error.message).not.toMatch(UNSAFE)
    expect(error.message.length).toBeLessThan(900)
  })

  test('from the subject of a CA in the chain', async () => {
    const root = await rootCa({ subject: [{ CN: `Root\u202e\r\n\u2028${'B'.repeat(3000)}` }], pathLength: 0 })
    for (const issue of [
      async () => root.issueIntermediate(await request({ subject: INTERMEDIATE }), { lifetime: '1h' }),
      async () =>
        CertificateAuthority.from({
          certificate: root.certificate,
          signer: await keyOf('Ed25519'),
          clock: clockAt(),
        }),
      async () =>
        CertificateAuthority.from({
          certificate: root.certificate,
          signer: root.signer,
          clock: clockAt(-1000),
        }),
    ]) {
      const { message } = await refusalOfAsync(issue())
      expect(message).not.toMatch(UNSAFE)
      expect(message).toContain('Root')
      expect(message.length).toBeLessThan(900)
    }
  })

  test('from options', async () => {
    const root = await rootCa()
    const csr = await request()
    for (const wrong of [
      () => root.issueWorkload(csr, { id: `spiffe://td/${HOSTILE}`, lifetime: '1h' }),
      () => root.issueWorkload(csr, { id: ID, lifetime: '1h', ...({ [HOSTILE]: 1 } as object) }),
      () => root.issueWorkload(csr, { id: ID, lifetime: '1h', profile: HOSTILE as 'mesh' }),
      () => root.issueWorkload(csr, { id: ID, lifetime: '1h', subject: [{ C: HOSTILE.slice(2) }] }),
      () =>
        root.issueWorkload(csr, {
          id: ID,
          lifetime: '1h',
          subjectAltNames: [{ type: 'dns', value: HOSTILE }],
        }),
      () => rootCa({ subject: [{ [HOSTILE]: 'a' }] }),
      () => rootCa({ nameConstraints: { permitted: [{ type: 'dns', value: HOSTILE }] } }),
    ]) {
      const error = await wrong().catch((reason: unknown) => reason)
      expect(error instanceof MeshPkiError || error instanceof TypeError).toBe(true)
      expect((error as Error).message).not.toMatch(UNSAFE)
      expect((error as Error).message.length).toBeLessThan(900)
    }
  })

  test('from a signer', async () => {
    const { publicKey } = await keyOf('Ed25519')
    const sign = (): Uint8Array => new Uint8Array(64)
    const error = await refusalOfAsync(
      rootCa({ key: { publicKey, signatureAlgorithm: HOSTILE as 'ed25519', sign } }),
    )
    expect(error.message).not.toMatch(UNSAFE)
  })
})
