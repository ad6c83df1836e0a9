import { describe, expect, test } from 'vitest'
import { Csr, createCsr } from '../../../src/csr/index.ts'
import { PrivateKey } from '../../../src/x509/index.ts'
import { oid, rdn, seq, set, text } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { csrOf } from '../csr/support.ts'
import { below, CallersSigner, cryptoKeyPair, ID, INTERMEDIATE, keyOf, request, rootCa } from './support.ts'

/** Equal to `CN=Root CA,O=Istio` under RFC 5280 §7.1, none of them byte for byte. */
const VARIANTS = [
  ['case', [{ O: 'ISTIO' }, { CN: 'root ca' }]],
  ['leading and trailing spaces', [{ O: ' Istio ' }, { CN: 'Root CA  ' }]],
  ['inner spaces', [{ O: 'Istio' }, { CN: 'Root     CA' }]],
  ['a no-break space', [{ O: 'Istio' }, { CN: 'Root\u00a0CA' }]],
  ['a zero-width space', [{ O: 'Ist\u200bio' }, { CN: 'Root CA' }]],
  ['full-width letters (NFKC)', [{ O: '\uff29stio' }, { CN: 'Root CA' }]],
  ['the same', [{ O: 'Istio' }, { CN: 'Root CA' }]],
] as const

const OTHERS = [
  ['another value', 'CN=Root CB,O=Istio'],
  ['another order', 'O=Istio,CN=Root CA'],
  ['one RDN more', 'L=kind2,CN=Root CA,O=Istio'],
  ['one RDN fewer', 'CN=Root CA'],
  ['a look-alike in Cyrillic', 'CN=R\u043eot CA,O=Istio'],
] as const

describe('no issuing function makes a self-issued certificate (decision 11)', () => {
  test.each(VARIANTS)("the issuer's subject in another form: %s (RFC 5280 §7.1)", async (_, subject) => {
    const root = await rootCa()
    for (const issue of [
      async () => root.issueIntermediate(await request({ subject }), { lifetime: '1d' }),
      async () => root.issueIntermediate(await request({ subject: 'CN=x' }), { lifetime: '1d', subject }),
      async () => root.issueWorkload(await request(), { id: ID, lifetime: '1d', subject }),
    ]) {
      const error = await refusalOfAsync(issue())
      expect(error.code).toBe('ERR_CA_SELF_ISSUED')
      expect(error.message).toMatch(
        /is also that of "CN=Root CA,O=Istio" \(serial [0-9a-f]{32}\).*RFC 5280 §6\.1\.4 \(l\)\)\. Choose another subject/,
      )
    }
  })

  test('other string types: BMPString and TeletexString in the request', async () => {
    const root = await rootCa()
    const bmp = (value: string) => text(0x1e, [...value].map((c) => `\0${c}`).join(''))
    for (const common of [bmp('ROOT CA'), text(0x14, 'Root CA'), text(0x0c, 'Root CA')]) {
      const csr = Csr.fromDer(
        csrOf({ subject: seq(rdn('2.5.4.10', text(0x0c, 'Istio')), rdn('2.5.4.3', common)) }),
      )
      expect((await refusalOfAsync(root.issueIntermediate(csr, { lifetime: '1d' }))).code).toBe(
        'ERR_CA_SELF_ISSUED',
      )
    }
    const other = csrOf({ subject: seq(set(seq(oid('2.5.4.3'), bmp('Another')))) })
    await root.issueIntermediate(other, { lifetime: '1d' })
  })

  test.each(OTHERS)('%s is another subject', async (_, subject) => {
    const root = await rootCa()
    await root.issueIntermediate(await request({ subject }), { lifetime: '1d' })
    await root.issueWorkload(await request(), { id: ID, lifetime: '1d', subject })
  })

  test('every certificate of the chain counts, not the signer alone', async () => {
    const middle = await below(await rootCa(), { pathLength: 1 })
    for (const subject of ['CN=ROOT ca,O=istio', 'L=KIND2,CN=intermediate CA,O=Istio']) {
      const error = await refusalOfAsync(
        middle.issueIntermediate(await request({ subject }), { lifetime: '1d' }),
      )
      expect(error.code).toBe('ERR_CA_SELF_ISSUED')
    }
    await middle.issueIntermediate(await request({ subject: 'CN=third' }), { lifetime: '1d' })
  })

  test('the refusal cuts a subject that is equal only after a megabyte of spaces', async () => {
    const root = await rootCa()
    const subject = [{ O: 'Istio' }, { CN: `Root${' '.repeat(20_000)}CA` }]
    const { code, message } = await refusalOfAsync(
      root.issueIntermediate(await request({ subject }), { lifetime: '1d' }),
    )
    expect(code).toBe('ERR_CA_SELF_ISSUED')
    expect(message.length).toBeLessThan(1000)
  })

  test('nothing was signed for any of them', async () => {
    const key = new CallersSigner(await keyOf('Ed25519'))
    const root = await rootCa({ key })
    const before = key.calls
    await refusalOfAsync(
      root.issueIntermediate(await request({ subject: 'CN=root ca,O=istio' }), { lifetime: '1d' }),
    )
    await refusalOfAsync(root.issueIntermediate(await request(), { lifetime: '1d' }))
    expect(key.calls).toBe(before)
  })
})

describe('a CA has a subject (RFC 5280 §4.1.2.6)', () => {
  test('an empty one is refused, from the caller and from the request', async () => {
    const root = await rootCa()
    for (const issue of [
      () => rootCa({ subject: '' }),
      () => rootCa({ subject: [] }),
      async () => root.issueIntermediate(await request(), { lifetime: '1d' }),
      async () =>
        root.issueIntermediate(await request({ subject: INTERMEDIATE }), { lifetime: '1d', subject: [] }),
    ]) {
      const error = await refusalOfAsync(issue())
      expect(error.code).toBe('ERR_CA_SUBJECT')
      expect(error.message).toMatch(/not empty and unique in its mesh, such as .*RFC 5280 §4\.1\.2\.6/)
    }
  })

  test('a workload may have none', async () => {
    const { certificate } = await (await rootCa()).issueWorkload(await request(), { id: ID, lifetime: '1d' })
    expect(certificate.subject.isEmpty).toBe(true)
  })
})

describe('a public key of the chain is not certified again', () => {
  test.each(['Ed25519', 'P-256', 'RSA-2048'] as const)('%s', async (kind) => {
    const key = await keyOf(kind)
    const root = await rootCa({ key })
    const csr = await request({ key, subject: INTERMEDIATE })
    for (const issue of [
      () => root.issueIntermediate(csr, { lifetime: '1d' }),
      () => root.issueWorkload(csr, { id: ID, lifetime: '1d' }),
    ]) {
      const error = await refusalOfAsync(issue())
      expect(error.code).toBe('ERR_CA_KEY_REUSED')
      expect(error.message).toMatch(/also that of "CN=Root CA,O=Istio".*make a new key/)
    }
    await root.issueWorkload(await request({ key: kind }), { id: ID, lifetime: '1d' })
  })

  test("the root's, two levels down", async () => {
    const key = await PrivateKey.fromCryptoKeyPair(await cryptoKeyPair('P-256'))
    const middle = await below(await rootCa({ key }))
    expect(
      (await refusalOfAsync(middle.issueWorkload(await request({ key }), { id: ID, lifetime: '1d' }))).code,
    ).toBe('ERR_CA_KEY_REUSED')
    const { csr } = await createCsr({ key: 'P-256' })
    await middle.issueWorkload(csr, { id: ID, lifetime: '1d' })
    // The same workload key twice is a renewal, not a reuse from the chain.
    await middle.issueWorkload(csr, { id: ID, lifetime: '1d' })
  })
})
