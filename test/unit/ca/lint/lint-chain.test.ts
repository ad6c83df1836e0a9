import { describe, expect, test } from 'vitest'
import { LINT_CODES, lintChain } from '../../../../src/ca/index.ts'
import { basicConstraints, EMPTY_NAME, keysOf, san, uri } from '../../verify/forge.ts'
import { CHAIN_CASES } from './lint-chain-cases.ts'
import {
  at,
  ca,
  caBelow,
  codesOf,
  expectCase,
  ID,
  leaf,
  leafBelow,
  pem,
  privatePem,
  root,
  rootOf,
  usage,
} from './support.ts'

const lint = (...parameters: Parameters<typeof lintChain>) =>
  lintChain(parameters[0], { time: at, anchors: root.certificate, ...parameters[1] })

describe('each finding, and the neighbour that is none', () => {
  test.each(CHAIN_CASES.map((each) => [each.code, each] as const))('%s', (_, each) => expectCase(each))
})

describe('a sound chain', () => {
  test.each([
    ['leaf and CA', pem(leaf, ca)],
    ['a CA by itself', pem(ca)],
    ['a root by itself', pem(root)],
    ['certificates as values', [leaf.certificate, ca.certificate]],
    ['DER', [leaf.der, ca.der]],
    ['PEM in bytes, as a file is read', Buffer.from(pem(leaf, ca))],
    ['CR LF and blanks', pem(leaf, ca).replaceAll('\n', ' \r\n')],
  ])('%s: no finding', async (_, input) => {
    expect(await lint(input)).toEqual([])
  })

  test('without anchors a chain that ends below a root is sound', async () => {
    expect(await lintChain(pem(leaf, ca), { time: at })).toEqual([])
  })

  test('the key of the leaf, private or public', async () => {
    expect(await lint(pem(leaf, ca), { key: privatePem('Lint Workload') })).toEqual([])
  })
})

describe('evidence', () => {
  test('names file, line and certificate, and the message says all in one', async () => {
    const [finding] = await lint(pem(leaf, ca, ca), { name: 'cert-chain.pem' })
    const line = pem(leaf, ca).split('\n').length
    expect(finding).toMatchObject({
      code: 'duplicate-certificate',
      severity: 'warning',
      evidence: { source: 'cert-chain.pem', line, position: 3, fingerprint: ca.certificate.fingerprint() },
      remedy: 'Delete it',
    })
    expect(finding?.message).toMatch(/^cert-chain\.pem, line \d+: "CN=Lint CA" \(serial [0-9a-f]+\): /)
  })

  test('errors come before warnings, and these before notes; among them by place', async () => {
    const findings = await lint(`note\n${pem(leaf, ca, root)}`, { time: new Date('2026-09-01T00:00:00Z') })
    const ranks = findings.map(({ severity }) => ['error', 'warning', 'info'].indexOf(severity))
    expect(ranks).toEqual([...ranks].sort())
    expect(new Set(ranks).size).toBeGreaterThan(1)
  })

  test('a key of another certificate: it says of which', async () => {
    const findings = await lint(pem(leaf, ca), { key: privatePem('Lint Root') })
    const finding = findings.find(({ code }) => code === 'key-mismatch')
    expect(finding?.message).toMatch(
      /the key belongs to another certificate: "CN=Lint Root" .* \(in anchors\.pem\)/,
    )
    const stranger = await lint(pem(leaf, ca), { key: privatePem('nobody') })
    expect(stranger.find(({ code }) => code === 'key-mismatch')?.message).toMatch(
      /to none of the certificates here/,
    )
  })

  test('no finding shows any of a private key, whatever is wrong with it', async () => {
    const key = privatePem('Lint Workload')
    const body = key.split('\n').slice(1, -2)
    const spoilt = [
      key,
      key.replace('-----END', '-----ENDE'),
      key.replace(/\n/g, '*\n'),
      body.join('\n'),
      `-----BEGIN ${body[0]}-----\n${body[1]}\n-----END ${body[0]}-----\n`,
    ]
    for (const text of spoilt) {
      const shown = JSON.stringify([
        await lint(text, { key: text }),
        await lint(pem(leaf) + text, { key: text, anchors: text }),
      ])
      for (const line of body) expect(shown).not.toContain(line.slice(0, 12))
    }
  })

  test('text from certificates is escaped', async () => {
    const evil = caBelow(root, 'evil \u001b[31m\u202e')
    const shown = JSON.stringify(await lint(pem(leafBelow(evil))))
    expect(shown).not.toMatch(/\\u001b|\u202e/)
  })
})

describe('what nothing depends on', () => {
  test('an expired root beside the one that counts is a warning', async () => {
    const old = rootOf('Old Root', { notAfter: '2025-01-01T00:00:00Z' })
    const findings = await lint(pem(leaf, ca), { anchors: pem(root, old) })
    expect(findings).toMatchObject([{ code: 'expired', severity: 'warning' }])
    const alone = rootOf('Lint Root', { notAfter: '2025-01-01T00:00:00Z' })
    const [worst] = await lint(pem(leaf, ca), { anchors: pem(alone) })
    expect(worst).toMatchObject({ code: 'expired', severity: 'error' })
  })

  test('a way up that is too short does not count where another is long enough', async () => {
    const short = rootOf('Lint Root', { pathLength: 0 })
    expect(await lint(pem(leaf, ca), { anchors: pem(short, root) })).toEqual([])
    expect(codesOf(await lint(pem(leaf, ca), { anchors: pem(short) }))).toContain('path-length')
  })
})

describe('signatures decide', () => {
  test('two CAs of one name: the one whose key signed is the issuer, in either order', async () => {
    const twin = caBelow(root, 'Lint CA', { keys: keysOf('twin') })
    for (const chain of [pem(leaf, ca, twin), pem(leaf, twin, ca)]) {
      const codes = codesOf(await lint(chain))
      expect(codes).not.toContain('path-refused')
      expect(codes).not.toContain('signature-mismatch')
      expect(codes).toContain('same-subject')
      expect(codes).toContain('unrelated-certificate')
    }
  })

  test('a root that bears the name of the issuer did not sign by that', async () => {
    const imposter = rootOf('Lint Root', { keys: keysOf('imposter') })
    const codes = codesOf(await lint(pem(leaf, ca), { anchors: imposter.certificate }))
    expect(codes).toEqual(expect.arrayContaining(['signature-mismatch', 'path-refused']))
  })

  test('a bounded number of them is checked, and what exceeds it is told', async () => {
    const twins = Array.from({ length: 40 }, (_, i) =>
      rootOf('Twin', { keys: keysOf(`twin ${i}`), only: [] }),
    )
    expect(codesOf(await lint(pem(...twins)))).toContain('lint-limit')
  })
})

describe('a CA without a name, as old Gloo Mesh releases issue it', () => {
  const named = (keys: string) =>
    caBelow(root, keys, {
      subject: EMPTY_NAME,
      keys: keysOf(keys),
      more: [san([uri('spiffe://cluster.local')], true)],
    })
  const [right, wrong] = [named('right'), named('wrong')]
  // Go leaves the authority key identifier out where both names are the same, here empty.
  const below = leafBelow(right, {
    subject: EMPTY_NAME,
    only: [basicConstraints(false), usage(0), san([uri(ID)], true)],
  })

  test('is told, and with it what OpenSSL refuses with -x509_strict (errors 83, 84, 85)', async () => {
    const codes = codesOf(await lint(pem(below, right)))
    expect([...codes].sort()).toEqual(['authority-key-identifier-missing', 'empty-issuer', 'empty-subject'])
  })

  test.each([
    ['right before wrong', [right, wrong]],
    ['wrong before right', [wrong, right]],
  ])('%s: the signature finds the issuer', async (_, above) => {
    const codes = codesOf(await lint(pem(below, ...above)))
    expect(codes).not.toContain('path-refused')
    expect(codes).toContain('same-subject')
  })

  test('the wrong one alone is refused by its signature', async () => {
    const codes = codesOf(await lint(pem(below, wrong)))
    expect(codes).toEqual(expect.arrayContaining(['signature-mismatch', 'path-refused']))
  })
})

test.each([
  ['broken lines', '-----BEGIN X\n'.repeat(100_000)],
  ['foreign blocks', '-----BEGIN X-----\n-----END X-----\n'.repeat(100_000)],
  ['a list', Array.from({ length: 5000 }, () => Uint8Array.of(0x30, 0))],
  ['a long text', 'x'.repeat(5_000_000)],
])('what is endless ends: %s', async (_, input) => {
  const findings = await lint(input)
  expect(codesOf(findings)).toContain('lint-limit')
  expect(findings.length).toBeLessThan(1100)
})

describe('lines that are nearly boundaries', () => {
  // Two million characters: by a regular expression that tries every place this takes minutes.
  test.each([
    ['an END and many BEGINs', `-----END ${'----------BEGIN '.repeat(131_072)}x`],
    ['dashes and blanks', `-----END ${`-----${' '.repeat(250)}`.repeat(8192)}x`],
    ['many BEGINs far apart', `-----END ${`-----${' '.repeat(250)}-----BEGIN `.repeat(8192)}x`],
    ['a BEGIN of dashes', `-----BEGIN ${'-----  '.repeat(300_000)}x`],
  ])('%s: a broken block, not for ever', async (_, line) => {
    expect(codesOf(await lint(`${line}\n${pem(leaf, ca)}`))).toContain('broken-pem')
    expect(codesOf(await lint(pem(leaf, ca), { key: line }))).toContain('key-unreadable')
  })

  test('blanks around boundaries', async () => {
    expect(await lint(pem(leaf, ca).replaceAll('-----\n', '-----  \n  '))).toEqual([])
  })

  test('joined with blanks between: both certificates are read', async () => {
    const text = pem(leaf, ca).replace('-----\n-----BEGIN', '-----   -----BEGIN')
    const findings = await lint(text)
    expect(codesOf(findings)).toEqual(['broken-pem'])
    expect(findings[0]?.message).toMatch(/joined/)
  })
})

describe('lists far beyond the limits', () => {
  const many = Array.from({ length: 1024 }, () => pem(leaf).repeat(1000))
  const broken = Array.from({ length: 1024 }, () => '-----BEGIN CERTIFICATE-----\n'.repeat(1000))
  test.each([
    ['certificates', many],
    ['pieces', broken],
  ])('%s are not even parsed', async (_, texts) => {
    const findings = await lint(texts)
    expect(findings.filter(({ code }) => code === 'lint-limit').length).toBe(1)
    expect(findings.length).toBeLessThan(1100)
  })
})

describe('Istio of a given release', () => {
  const long = pem(leafBelow(ca, { notAfter: '2027-06-01T00:00:00Z' }), ca)
  test.each([
    ['1.28.6', /does not cap/],
    ['1.29.2', /does not cap/],
    [undefined, /before 1\.28\.7/],
  ])('%s issues leaves that outlive their CA', async (istioVersion, message) => {
    const findings = await lint(long, { istioVersion })
    expect(findings.find(({ code }) => code === 'outlives-issuer')?.message).toMatch(message)
  })
  test.each(['1.28.7', '1.29.3', '1.30.0', 'v1.31.0-alpha'])('%s does not', async (istioVersion) => {
    const findings = await lint(long, { istioVersion })
    expect(findings.find(({ code }) => code === 'outlives-issuer')?.message).not.toMatch(/istiod/)
  })
})

test('spiffe: false leaves identities alone', async () => {
  const chain = pem(leafBelow(ca, { id: 'spiffe://UPPER_case/ns/a/sa/b' }), ca)
  expect(codesOf(await lint(chain))).toEqual(['trust-domain'])
  expect(await lint(chain, { spiffe: false })).toEqual([])
})

test('the purpose is that of the verdict', async () => {
  const codes = codesOf(await lint(pem(leaf, ca), { purpose: '1.3.6.1.5.5.7.3.3' }))
  expect(codes).toEqual(['path-refused'])
  expect(await lint(pem(leaf, ca), { purpose: 'serverAuth' })).toEqual([])
})

describe('misuse', () => {
  const call = (...parameters: readonly unknown[]): Promise<unknown> =>
    Promise.resolve(Reflect.apply(lintChain, undefined, parameters))
  test.each([
    ['an unknown option', ['', { ancors: '' }], /Did you mean "anchors"/],
    ['a number', [5], /chain\.pem/],
    ['a key in bytes', ['', { key: new Uint8Array() }], /option "key"/],
    ['a time in milliseconds', ['', { time: 0 }], /option "time"/],
    ['a release that is none', ['', { istioVersion: 'latest' }], /option "istioVersion"/],
    ['a name that is none', ['', { name: 1 }], /option "name"/],
  ])('%s', async (_, parameters, message) => {
    await expect(call(...parameters)).rejects.toThrow(message)
  })
})

test('codes are kebab-case and distinct', () => {
  expect(LINT_CODES.filter((code) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(code))).toEqual([])
  expect(new Set(LINT_CODES).size).toBe(LINT_CODES.length)
})
