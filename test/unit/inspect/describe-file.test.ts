import { describe, expect, test } from 'vitest'
import { memoryRevocationStore } from '../../../src/ca/index.ts'
import { type Csr, createCsr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import { type FileDescription, describe as tell } from '../../../src/inspect/index.ts'
import { BundleMap, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { CertificateList } from '../../../src/x509/index.ts'
import { text as derText, hex, seq, tlv } from '../../fixtures/x509/der.ts'
import { ca, leaf, otherRoot, pem, privatePem, publicPem, root } from '../ca/lint/support.ts'
import { at, clockAt, DAY, HOUR, MINUTE, NOW, rootCa } from '../ca/support.ts'
import { ALGORITHMS, ext } from '../verify/forge.ts'

const time = new Date('2026-06-01T00:00:00Z')
const kinds = ({ parts }: FileDescription) => parts.map(({ content, line }) => `${content.kind} ${line}`)

const csrOf = async (): Promise<Csr> =>
  (
    await createCsr({
      key: 'Ed25519',
      subject: 'CN=web',
      subjectAltNames: [
        { type: 'uri', value: 'spiffe://cluster.local/ns/shop/sa/web' },
        { type: 'dns', value: 'web.shop' },
      ],
    })
  ).csr

/** A CRL of the tests' own builder, with whatever extensions. */
const crlOf = (extensions: readonly Uint8Array[], nextUpdate = true, entries: readonly Uint8Array[] = []) => {
  const { identifier } = ALGORITHMS['ecdsa-sha256']
  const when = (value: string) => derText(0x17, value)
  const tbs = seq(
    tlv(2, hex('01')),
    identifier,
    root.name,
    when('260501000000Z'),
    ...(nextUpdate ? [when('260701000000Z')] : []),
    ...(entries.length === 0 ? [] : [seq(...entries)]),
    tlv(0xa0, seq(...extensions)),
  )
  return CertificateList.fromDer(seq(tbs, identifier, tlv(3, hex('00'), new Uint8Array(70))))
}

describe('a request', () => {
  test('what it asks for, and that its sender has the key', async () => {
    const csr = await csrOf()
    const described = await tell(csr, { time })
    expect(described).toMatchObject({
      kind: 'csr',
      subject: 'CN=web',
      isCa: false,
      spiffeIds: [{ uri: 'spiffe://cluster.local/ns/shop/sa/web', valid: true }],
      otherNames: ['DNS:web.shop'],
      key: { type: 'Ed25519', fingerprint: csr.publicKeyFingerprint() },
      extensions: [{ oid: '2.5.29.17', name: 'subjectAltName' }],
      attributes: ['1.2.840.113549.1.9.14'],
      proofOfPossession: { ok: true },
    })
    expect(await tell(await verifyProofOfPossession(csr), { time })).toEqual(described)
  })

  test('one that was altered proves nothing', async () => {
    const { der } = await csrOf()
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
    const { parts } = await tell(der, { time })
    expect(parts[0]?.content).toMatchObject({
      kind: 'csr',
      proofOfPossession: { ok: false, code: 'ERR_CSR_SIGNATURE' },
    })
  })
})

describe('a CRL', () => {
  test('number, age, reasons, and who signed it', async () => {
    const issuer = await rootCa({ revocations: memoryRevocationStore() })
    await issuer.revoke('2a', { reason: 'superseded' })
    await issuer.revoke('2b', { reason: 'superseded' })
    await issuer.revoke('2c', { reason: 'keyCompromise' })
    const { crl } = await issuer.issueCrl({ nextUpdate: '7d' })
    const described = await tell(crl, { time: at(HOUR), anchors: issuer.certificate })
    expect(described).toMatchObject({
      kind: 'crl',
      issuer: 'CN=Root CA,O=Istio',
      number: '1',
      isDelta: false,
      isIndirect: false,
      scope: [],
      thisUpdate: '2025-12-31T23:58:00Z',
      nextUpdate: '2026-01-08T00:00:00Z',
      ageMs: (HOUR + 2 * MINUTE) * 1000,
      remainingMs: (7 * DAY - HOUR) * 1000,
      state: 'current',
      size: 3,
      reasons: { superseded: 2, keyCompromise: 1 },
      signature: { ok: true, signer: expect.stringContaining('Root CA') },
    })
    expect(described).not.toHaveProperty('baseNumber')
    const other = await rootCa({ clock: clockAt() })
    expect((await tell(crl, { time: NOW, anchors: other.certificate })).signature).toMatchObject({
      ok: false,
      reason: expect.stringContaining('its key did not sign it'),
    })
    expect((await tell(crl, { time: NOW, anchors: root.certificate })).signature).toMatchObject({
      ok: false,
      reason: expect.stringContaining('none of the certificates'),
    })
    expect(await tell(crl, { time: NOW })).not.toHaveProperty('signature')
  })

  test.each([
    ['2026-04-30T23:59:59Z', 'not-yet-valid'],
    ['2026-05-01T00:00:00Z', 'current'],
    ['2026-07-01T00:00:00Z', 'current'],
    ['2026-07-01T00:00:01Z', 'expired'],
  ])('at %s it is %s', async (when, state) => {
    const crl = crlOf([ext(20, tlv(2, hex('01')))])
    expect((await tell(crl, { time: new Date(when) })).state).toBe(state)
  })

  test('delta, indirect, scope, without a next update', async () => {
    const point = ext(28, seq(tlv(0x81, hex('ff')), tlv(0x84, hex('ff'))), true)
    const entry = seq(tlv(2, hex('2a')), derText(0x17, '260501000000Z'))
    const crl = crlOf([ext(20, tlv(2, hex('0a'))), ext(27, tlv(2, hex('07')), true), point], false, [entry])
    const described = await tell(crl, { time })
    expect(described).toMatchObject({
      number: '10',
      baseNumber: '7',
      isDelta: true,
      isIndirect: true,
      scope: ['only certificates of end entities'],
      state: 'without-next-update',
      reasons: { none: 1 },
    })
    expect(described).not.toHaveProperty('nextUpdate')
    expect(described).not.toHaveProperty('remainingMs')
  })

  test('a number of 20 octets, decimal', async () => {
    const crl = crlOf([ext(20, tlv(2, hex('7f'), new Uint8Array(19)))])
    expect((await tell(crl, { time })).number).toBe(String(127n << 152n))
  })
})

describe('bundles', () => {
  const bundle = SpiffeBundle.of({
    trustDomain: 'cluster.local',
    x509Authorities: [root.certificate, otherRoot.certificate],
    sequence: 2n ** 60n,
    refreshHint: '5m',
  })

  test('a bundle: its authorities, with what remains', async () => {
    const described = await tell(bundle, { time, anchors: root.certificate })
    expect(described).toMatchObject({
      kind: 'bundle',
      trustDomain: 'cluster.local',
      sequence: '1152921504606846976',
      refreshHintSeconds: 300,
      jwtAuthorities: { count: 0, keyIds: [] },
      skipped: [],
    })
    expect(described.x509Authorities.map(({ subject, role }) => [subject, role])).toEqual([
      ['CN=Lint Root', 'root'],
      ['CN=Other Root', 'root'],
    ])
    // From June 2026 to the end of 2033: 2771 days.
    expect(described.x509Authorities[0]?.validity.remainingMs).toBe(2771 * DAY * 1000)
    expect(described.x509Authorities[0]).not.toHaveProperty('trust')
  })

  test('keys for JWT-SVIDs by their identifiers, and what was passed over', async () => {
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    }
    const document = JSON.stringify({
      keys: [
        { ...jwk, use: 'jwt-svid', kid: 'a\u001bb' },
        { kty: 'EC', use: 'unheard-of' },
      ],
    })
    const described = await tell(SpiffeBundle.fromJson('a.example', document), { time })
    expect(described.jwtAuthorities).toEqual({ count: 1, keyIds: ['a\\u{1b}b'] })
    expect(described.skipped).toHaveLength(1)
    expect(described).not.toHaveProperty('sequence')
  })

  test('a map: each of its bundles', async () => {
    const map = BundleMap.of([bundle, SpiffeBundle.of({ trustDomain: 'a.example' })], { sequence: 3 })
    const described = await tell(map, { time })
    expect(described).toMatchObject({ kind: 'bundle-map', sequence: '3' })
    expect(described.bundles.map(({ trustDomain }) => trustDomain)).toEqual(['a.example', 'cluster.local'])
  })
})

describe('a text', () => {
  test('whatever stands in it, in its order, certificates that follow each other as a chain', async () => {
    const csr = await csrOf()
    const text = [
      pem(leaf, ca),
      'words between\n',
      privatePem('Lint CA'),
      csr.toPem(),
      pem(root),
      publicPem('Lint CA'),
    ]
    const file = await tell(text.join(''), { time })
    expect(file.kind).toBe('file')
    expect(file.parts.map(({ content }) => content.kind)).toEqual([
      'chain',
      'private-key',
      'csr',
      'certificate',
      'other',
    ])
    expect(file.parts.map(({ line }) => line)).toEqual(
      [0, 2, 3, 4, 5].map((part) => text.slice(0, part).join('').split('\n').length),
    )
    // What is found there names the line.
    expect(await tell(`\n${pem(root, ca, leaf)}`, { time })).toMatchObject({
      parts: [{ line: 2, content: { findings: [{ evidence: { line: expect.any(Number) } }, {}] } }],
    })
  })

  test('a private key is named, and nothing of it is shown', async () => {
    const key = privatePem('Lint CA')
    const description = await tell(`${pem(ca)}${key}`, { time })
    expect(description.parts[1]?.content).toEqual({ kind: 'private-key', label: 'PRIVATE KEY' })
    for (const line of key.split('\n').filter((line) => !/^-|^$/.test(line)))
      expect(JSON.stringify(description)).not.toContain(line.slice(0, 12))
    // Not even looked at: this is no key at all.
    const broken = '-----BEGIN EC PRIVATE KEY-----\n!!!\n-----END EC PRIVATE KEY-----\n'
    expect((await tell(broken)).parts[0]?.content).toEqual({ kind: 'private-key', label: 'EC PRIVATE KEY' })
    const odd = '-----BEGIN s3cret PRIVATE KEY-----\nAAAA\n-----END s3cret PRIVATE KEY-----\n'
    expect(JSON.stringify(await tell(odd))).not.toContain('s3cret')
  })

  test.each([
    [
      'a block that is no certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'ERR_DER_UNEXPECTED_TAG',
    ],
    [
      'a block that is no base64',
      '-----BEGIN CERTIFICATE-----\n#\n-----END CERTIFICATE-----\n',
      'ERR_PEM_BASE64',
    ],
    [
      'a block that was cut off',
      `-----BEGIN CERTIFICATE-----\n${pem(root).split('\n').slice(1, 4).join('\n')}\n-----END CERTIFICATE-----\n`,
      'ERR_DER_TRUNCATED',
    ],
    ['a block without its end', '-----BEGIN CERTIFICATE-----\nAAAA\n', 'ERR_PEM_SYNTAX'],
    ['an end without its beginning', 'AAAA\n-----END CERTIFICATE-----\n', 'ERR_PEM_SYNTAX'],
  ])('%s is unreadable, and what is sound around it is described', async (_, block, code) => {
    const file = await tell(`${pem(root)}${block}${pem(ca)}`, { time })
    expect(
      file.parts.map(({ content }) => content.kind).filter((kind) => kind === 'certificate').length,
    ).toBeGreaterThan(0)
    const broken = file.parts.find(({ content }) => content.kind === 'unreadable')
    expect(broken?.content).toMatchObject({ code, problem: expect.stringMatching(/./) })
  })

  test('two files that were joined without a line end', async () => {
    const joined = pem(leaf).trimEnd() + pem(ca)
    expect(kinds(await tell(joined, { time }))).toEqual(['chain 1'])
  })

  test('bytes of a text, with or without a mark, also in UTF-16 as PowerShell writes it', async () => {
    const text = pem(root)
    const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
    for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}`), wide, wide.swap16()])
      expect(kinds(await tell(new Uint8Array(bytes), { time }))).toEqual(['certificate 1'])
  })

  test('DER of each kind', async () => {
    const csr = await csrOf()
    const crl = crlOf([ext(20, tlv(2, hex('01')))])
    for (const [der, kind] of [
      [root.der, 'certificate'],
      [csr.der, 'csr'],
      [crl.der, 'crl'],
    ] as const)
      expect(kinds(await tell(der, { time }))).toEqual([`${kind} undefined`])
  })

  test.each([
    ['', /empty/],
    ['hello', /BEGIN CERTIFICATE/],
    ['{"keys":[]}', /SpiffeBundle.fromJson/],
    [Buffer.from(pem(root)).toString('base64'), /base64/],
  ])('without any block: %s', async (text, hint) => {
    const refused = expect(tell(text)).rejects
    await refused.toMatchObject({ code: 'ERR_PEM_NO_BLOCK', message: expect.stringMatching(hint) })
  })

  test('DER that is nothing of these', async () => {
    await expect(tell(seq(tlv(2, hex('00'))))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_/),
      message: expect.stringContaining('neither a certificate'),
    })
  })

  test('a text that is too long', async () => {
    await expect(tell(' '.repeat(16 * 1024 * 1024 + 1))).rejects.toMatchObject({ code: 'ERR_PEM_LIMIT' })
  })

  test('of 300 blocks 256 are described', async () => {
    const block = `${publicPem('Lint CA')}`
    const file = await tell(block.repeat(300), { time })
    expect(file.parts).toHaveLength(256)
    expect(file.omitted).toEqual({ parts: 44 })
  })
})
