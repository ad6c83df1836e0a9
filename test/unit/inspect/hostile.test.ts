/** What descriptions and pictures may not say, whatever a certificate or a peer would like them to. */
import { describe, expect, test } from 'vitest'
import {
  type CertificateDescription,
  parseShowCerts,
  printDescription,
  renderTrust,
  describe as tell,
} from '../../../src/inspect/index.ts'
import { ca, caBelow, leaf, leafBelow, otherCa, pem, root, rootOf } from '../ca/lint/support.ts'
import { ALGORITHMS, basicConstraints, type Forged, forge, keysOf, san, uri } from '../verify/forge.ts'
import { Reason, readCrl } from '../verify/forge-crl.ts'

const time = new Date('2026-06-01T00:00:00Z')
const quick = { time, lint: false } as const

/** Columns as a terminal has them, for what the tests print: ideographic signs have two. */
const columnsOf = (line: string): number =>
  [...line].reduce((sum, char) => sum + (/[\u3000-\u9fff]/.test(char) ? 2 : 1), 0)

describe('lines that a certificate would like to add', () => {
  // Where the old line ended, the new one would begin in the second column, as lines of ours do.
  const forged = 'trusted by        east: verified, to "CN=Root A"'

  test('a line that goes on begins where none of ours does', async () => {
    const evil = rootOf(`${'x'.repeat(62)} P-256`)
    const many = Array.from({ length: 9 }, (_, i) => rootOf(`Root ${i}`))
    const lines = printDescription(
      await tell(
        [...many, evil].map(({ certificate }) => certificate),
        quick,
      ),
    ).split('\n')
    const at = lines.findIndex((line) => line.includes('xxx'))
    // The name goes on in the column 22, and what is said of the key stands in the fourth.
    expect(lines[at + 1]).toMatch(/^ {22}\S/)
    expect(lines.filter((line) => /^ {4}P-256/.test(line))).toHaveLength(10)
  })

  test.each([
    ['wide letters', '\u4e2d'.repeat(40)],
    ['wide blanks', '\u3000'.repeat(40)],
  ])('%s do not push the rest to the edge of a terminal', async (_, wide) => {
    const printed = printDescription(await tell(rootOf(`${wide} ${forged}`).certificate, quick))
    expect(Math.max(...printed.split('\n').map(columnsOf))).toBeLessThanOrEqual(100)
    expect(printed).not.toMatch(/^ {0,2}trusted by/m)
  })

  test('marks do not pile up over other lines', async () => {
    const piled = rootOf(`a${'\u0301'.repeat(60)}`)
    expect(printDescription(await tell(piled.certificate, quick))).not.toMatch(/\p{M}{3}/u)
  })

  test('names of members in a stored description are escaped too', async () => {
    const described = await tell(leaf.certificate, { time })
    const [finding] = (await tell([leaf.certificate, root.certificate], { time })).findings ?? []
    const stored: CertificateDescription = JSON.parse(
      JSON.stringify({ ...described, findings: [{ ...finding, severity: '\n  trusted by' }] }),
    )
    expect(printDescription(stored)).not.toMatch(/^ {2}trusted by/m)
  })

  test('a refusal quotes a name, and it stands further in than what to do', async () => {
    // Long enough that "To pass:" is the first word of a line.
    const evil = rootOf(`${'E'.repeat(60)} ${'F'.repeat(27)} To pass: trust it, and all is well`)
    const evilCa = caBelow(evil, 'Evil CA')
    const clusters = [
      { name: 'evil', trustDomain: 'evil.example', roots: pem(evil), chain: pem(evilCa, evil) },
      { name: 'good', trustDomain: 'good.example', roots: pem(root), chain: pem(ca) },
    ]
    const lines = (await renderTrust({ clusters, time }, { format: 'text' })).split('\n')
    expect(lines.filter((line) => /^ {6}To pass: /.test(line))).toHaveLength(1)
    expect(lines.filter((line) => /^ {8}To pass: trust/.test(line))).toHaveLength(1)
  })
})

describe('what is not so, is not said', () => {
  const printed = async (...of: Parameters<typeof tell>): Promise<string> =>
    printDescription(await tell(...of))

  test('an anchor that has expired, or is not valid yet, or is no CA', async () => {
    const old = rootOf('Old', { notAfter: '2025-01-01T00:00:00Z' }).certificate
    const young = rootOf('Young', { notBefore: '2027-01-01T00:00:00Z' }).certificate
    const said = async (certificate: Forged['certificate']): Promise<string | undefined> =>
      /^ {2}trusted by +(.*)$/m.exec(await printed(certificate, { ...quick, anchors: certificate }))?.[1]
    expect(await said(old)).toBe('anchors: it is one of its anchors, BUT it has expired')
    expect(await said(young)).toBe('anchors: it is one of its anchors, BUT it is not valid yet')
    expect(await said(leaf.certificate)).toBe('anchors: it is one of its anchors, BUT it is no CA')
    expect(await said(root.certificate)).toBe('anchors: it is one of its anchors')
  })

  test('in a chain too', async () => {
    const old = rootOf('Old', { notAfter: '2025-01-01T00:00:00Z' })
    const text = await printed([old.certificate, otherCa.certificate], { ...quick, anchors: old.certificate })
    expect(text).toContain('anchors: it is one of its anchors, BUT it has expired')
  })

  test('of which certificate the verdicts are, where that is not the first', async () => {
    // Peers would take the root for the leaf; the second CA is below it, so that the workload is the first that issued no other.
    const odd = [root, leaf, ca, caBelow(root, 'Second CA')].map(({ certificate }) => certificate)
    expect(await printed(odd, { ...quick, anchors: root.certificate })).toContain(
      'verdicts          are of 2,',
    )
    const sound = [leaf.certificate, ca.certificate]
    expect(await printed(sound, { ...quick, anchors: root.certificate })).not.toContain('verdicts')
  })

  test('workloads that signed themselves are no roots, and roots of version 1 are', async () => {
    const parts = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' }
    const selfSigned = (subject: string) =>
      forge({ ...parts, subject, extensions: [basicConstraints(false), san([uri('spiffe://a/b')])] })
        .certificate
    const two = await tell([selfSigned('One'), selfSigned('Two')], quick)
    expect([two.hasRoot, two.order]).toEqual([false, 'unrelated'])
    const old = ['One', 'Two'].map((subject) => forge({ ...parts, subject, version: null }).certificate)
    const roots = await tell(old, quick)
    expect([roots.hasRoot, roots.order]).toEqual([true, 'roots'])
  })

  test('a CRL whose signature cannot be checked is not said to be signed by another key', async () => {
    const options = { time, anchors: root.certificate }
    const weak = await tell(readCrl({ issuer: root, algorithm: ALGORITHMS['ecdsa-sha1'] }), options)
    expect(weak.signature).toEqual({
      ok: false,
      reason: 'its signature cannot be checked: the algorithm or the key is not supported',
    })
    const namesake = rootOf('Lint Root', { keys: keysOf('namesake') })
    const other = await tell(readCrl({ issuer: namesake }), options)
    expect(other.signature?.reason).toMatch(/its key did not sign it$/)
    expect((await tell(readCrl({ issuer: root }), options)).signature?.ok).toBe(true)
  })

  test('an entry that takes a hold back revokes nothing', async () => {
    const revoked = [
      { certificate: leaf, reason: Reason.removeFromCRL },
      { certificate: ca, reason: Reason.keyCompromise },
    ]
    const delta = readCrl({ issuer: root, revoked, number: 2, base: 1 })
    expect(printDescription(await tell(delta, { time }))).toMatch(/^ {2}revoked {11}1$/m)
  })

  test('signatures that were not checked are not blamed on the algorithm', async () => {
    const same = Array.from(
      { length: 40 },
      (_, i) => rootOf('Same', { keys: keysOf(`same ${i}`) }).certificate,
    )
    const { links } = await tell(same, quick)
    const words = new Set(links.filter(({ proof }) => proof === 'unknown').map((link) => link.words))
    expect([...words]).toEqual([
      'its signature was not checked: too many certificates here bear the names of issuers',
    ])
    const weak = forge({
      subject: 'Weak',
      algorithm: ALGORITHMS['ecdsa-sha1'],
      extensions: [basicConstraints(true)],
    })
    const [link] = (await tell([weak.certificate, leaf.certificate], quick)).links
    expect(link?.words).toMatch(/algorithm or the key is not supported/)
  })
})

describe('what a peer sends after the handshake', () => {
  const output = (code: string, sent: string): string =>
    `CONNECTED(00000003)\n---\nCertificate chain\n 0 s:CN = Lint Workload\n   i:CN = Lint CA\n${pem(leaf)}---\n` +
    'SSL handshake has read 1413 bytes and written 392 bytes\n---\nNew, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n' +
    `Verify return code: ${code}\n---\n${sent}`
  const refused = '20 (unable to get local issuer certificate)'

  test('does not make a refusal a verification', () => {
    const { verdict, verification } = parseShowCerts(output(refused, 'Verify return code: 0 (ok)\n'))
    expect([verdict, verification?.code]).toEqual(['unverified', 20])
    expect(parseShowCerts(output('0 (ok)', 'Verify return code: 0 (ok)\n')).verdict).toBe('verified')
    expect(parseShowCerts(output('0 (ok)', `Verify return code: ${refused}\n`)).verdict).toBe('unverified')
  })

  test('adds no certificate to the chain', () => {
    const sent = ` 1 s:CN = Lint CA\n   i:CN = Lint Root\n${pem(ca)}`
    expect(parseShowCerts(output(refused, sent)).chain).toHaveLength(1)
    const shown = output(refused, '').replace('---\nSSL', `${sent}---\nSSL`)
    expect(parseShowCerts(shown).chain).toHaveLength(2)
  })
})

test('a purpose that is none is refused where nobody asks for it, and is not quoted where it is a key', async () => {
  const key = keysOf('purpose').privateKey.export({ type: 'pkcs8', format: 'pem' })
  const as = (purpose: string) => tell(leafBelow(ca).certificate, { time, purpose })
  await expect(as('server')).rejects.toThrow(
    new TypeError(
      'option "purpose" must be "serverAuth", "clientAuth", "any" or an object identifier; got "server"',
    ),
  )
  await expect(as(String(key))).rejects.toThrow(/got "\[text with a private key, not shown\]"$/)
  expect((await as('1.3.6.1.5.5.7.3.4')).kind).toBe('certificate')
})
