import { describe, expect, test } from 'vitest'
import { decodeCacerts, lintCacerts, type SecretLike } from '../../../src/kubernetes/index.ts'
import { codesOf, expectCase, otherRoot, publicPem, rootOf } from '../ca/lint/support.ts'
import * as fixtures from './fixtures.ts'
import {
  crl,
  crlCa,
  leafBelow,
  lint,
  partial,
  SECRET_CASES,
  usersCrl,
  withCrl,
} from './lint-cacerts-cases.ts'
import { at, CACERTS, ca, cacerts, named, pem, privatePem, root, TLS_FORM, tlsForm } from './lint-support.ts'
import { expectSealed, secretOf } from './support.ts'

describe('each finding, and the neighbour that is none', () => {
  test.each(SECRET_CASES.map((each) => [each.code, each] as const))('%s', (_, each) => expectCase(each))
})

describe('a sound secret has no finding', () => {
  test.each<[string, SecretLike]>([
    ['cacerts', cacerts()],
    ['the legacy layout', cacerts({ 'key.pem': '' })],
    ['cacerts with two roots, as a rotation has them', cacerts({ 'root-cert.pem': pem(root, otherRoot) })],
    ['the tls form', tlsForm()],
    [
      'istio-ca-secret, whose root-cert.pem is empty in old releases',
      secretOf(
        {
          'ca-cert.pem': pem(root),
          'ca-key.pem': privatePem('Lint Root'),
          'cert-chain.pem': '',
          'root-cert.pem': '',
          'key.pem': '',
        },
        { type: 'istio.io/ca-root', ...named('istio-ca-secret') },
      ),
    ],
    [
      "Gloo's root in two keys",
      secretOf(
        { 'root-cert.pem': pem(root), 'key.pem': privatePem('Lint Root') },
        { type: 'certificates.mesh.gloo.solo.io/generated_signing_cert', ...named('rtp.gloo-mesh') },
      ),
    ],
    [
      'the relay server',
      secretOf(
        { 'tls.crt': pem(leafBelow(ca), ca), 'tls.key': privatePem('Lint Workload'), 'ca.crt': pem(root) },
        named('relay-server-tls-secret'),
      ),
    ],
    ['the relay root', secretOf({ 'ca.crt': pem(root) }, named('relay-root-tls-secret'))],
    ['the bootstrap token', secretOf({ token: 'secret' }, named('relay-identity-token-secret'))],
    ["the agent's key", secretOf({ 'private-key': privatePem('agent') }, named('istiod'))],
    ['text in stringData', { metadata: { name: 'cacerts' }, stringData: CACERTS }],
  ])('%s', async (_, secret) => {
    expect(await lint(secret)).toEqual([])
  })
})

test('a ConfigMap is no secret: nothing else is said of it, and no command printed', async () => {
  const roots = { kind: 'ConfigMap', ...named('istio-ca-root-cert'), data: { 'root-cert.pem': pem(root) } }
  const findings = await lintCacerts(roots)
  expect(findings).toMatchObject([
    { code: 'unknown-secret', evidence: { found: 'an object of kind "ConfigMap"' } },
  ])
  expect(findings.map(({ command }) => command)).toEqual([undefined])
  for (const kind of ['Secret', undefined, 5 as never]) expect(await lint({ ...cacerts(), kind })).toEqual([])
})

describe('what lintChain finds is found in the files', () => {
  test.each<[string, SecretLike, string, string]>([
    [
      'EC PARAMETERS',
      cacerts({
        'ca-key.pem': `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${privatePem('Lint CA')}`,
      }),
      'ec-parameters',
      'ca-key.pem',
    ],
    ['a key of another', cacerts({ 'ca-key.pem': privatePem('Lint Root') }), 'key-mismatch', 'ca-key.pem'],
    ['a reversed chain', cacerts({ 'cert-chain.pem': pem(root, ca) }), 'chain-reversed', 'cert-chain.pem'],
    [
      'a root without the CA below it',
      cacerts({ 'root-cert.pem': pem(otherRoot) }),
      'no-workload-verifies',
      'ca-cert.pem',
    ],
    ['a duplicate root', cacerts({ 'root-cert.pem': pem(root, root) }), 'duplicate-root', 'root-cert.pem'],
    ['an empty bundle', cacerts({ 'root-cert.pem': ' \n' }), 'empty', 'root-cert.pem'],
    [
      'a workload as the CA',
      cacerts({ 'ca-cert.pem': pem(leafBelow(ca)), 'ca-key.pem': privatePem('Lint Workload') }),
      'chain-without-signer',
      'cert-chain.pem',
    ],
    [
      'a key in the chain',
      cacerts({ 'cert-chain.pem': privatePem('Lint CA') + pem(ca) }),
      'private-key-among-certificates',
      'cert-chain.pem',
    ],
  ])('%s', async (_, secret, code, source) => {
    const findings = await lint(secret)
    expect(findings.find((each) => each.code === code)?.evidence.source).toBe(source)
  })
})

test('a workload certificate in ca-cert.pem of cacerts is not taken for a CA', async () => {
  const tls = tlsForm({ 'tls.crt': pem(leafBelow(ca)), 'tls.key': privatePem('Lint Workload') })
  // Named cacerts, it is meant to sign.
  expect(codesOf(await lint(tls))).toContain('not-a-ca')
  expect(codesOf(await lint({ ...tls, ...named('some-server') }))).not.toContain('not-a-ca')
})

describe('CRLs', () => {
  test('a CA of the chain without cRLSign is an error where CRLs are used, else a note', async () => {
    const { ROOT_A, INTERMEDIATE_A, INTERMEDIATE_A_KEY, ROOT_A_CRL } = fixtures
    const texts = {
      'ca-cert.pem': INTERMEDIATE_A,
      'ca-key.pem': INTERMEDIATE_A_KEY,
      'cert-chain.pem': INTERMEDIATE_A + ROOT_A,
      'root-cert.pem': ROOT_A,
    }
    const time = new Date('2026-12-12T00:00:00Z')
    expect(await lintCacerts(secretOf(texts), { time })).toEqual([])
    const findings = await lintCacerts(secretOf({ ...texts, 'ca-crl.pem': ROOT_A_CRL }), { time })
    // The root signed one, by OpenSSL; the intermediate has none.
    expect(findings.map(({ code, evidence }) => [code, evidence.certificate])).toEqual([
      ['crl-missing', expect.stringContaining('Intermediate A')],
    ])
  })

  test.each(Object.keys(partial))('the only one of the issuing CA is for %s', async (part) => {
    const text = partial[part] ?? ''
    const findings = (await lint(withCrl(text))).filter(({ code }) => code.startsWith('crl-'))
    expect(findings).toMatchObject([{ code: 'crl-scope', severity: 'error' }])
    expect(findings[0]?.evidence.found).toContain(part)
    // Beside a complete one it does no harm.
    expect(codesOf(await lint(withCrl(text + crl)))).not.toContain('crl-scope')
  })

  test('one for certificates of workloads is enough for the CA that signs them, not for a CA above', async () => {
    expect(codesOf(await lint(withCrl(usersCrl)))).not.toContain('crl-scope')
    const above = { 'ca-cert.pem': pem(ca), 'cert-chain.pem': pem(ca, crlCa.certificate) }
    const findings = await lint({ ...withCrl(usersCrl), stringData: above })
    expect(findings.find(({ code }) => code === 'crl-scope')?.evidence.certificate).toContain('Crl CA')
  })

  test('without cRLSign', async () => {
    const { usage } = await import('../ca/lint/support.ts')
    const { basicConstraints, keyIdOf, keysOf, ski } = await import('../verify/forge.ts')
    const bare = rootOf('Lint Root', {
      only: [basicConstraints(true), usage(5), ski(keyIdOf(keysOf('Lint Root')))],
    })
    const find = async (change: Record<string, string>) =>
      (await lint(cacerts({ 'cert-chain.pem': pem(ca, bare), 'root-cert.pem': pem(bare), ...change }))).find(
        ({ code }) => code === 'crl-sign-missing',
      )
    expect((await find({}))?.severity).toBe('info')
    expect((await find({ 'ca-crl.pem': crl }))?.severity).toBe('error')
  })
})

describe('Istio of a given release', () => {
  const incomplete = cacerts({ 'root-cert.pem': undefined })
  test.each([
    ['1.26.5', /signs with a CA of its own, silently/],
    ['1.27.0', /does not start/],
    [undefined, /1\.27/],
  ])('%s with an incomplete secret', async (istioVersion, message) => {
    const [finding] = (await lint(incomplete, { istioVersion })).filter(
      ({ code }) => code === 'incomplete-secret',
    )
    expect(finding?.message).toMatch(message)
    expect(finding?.message).toContain('missing root-cert.pem')
  })
})

describe('the key of a root', () => {
  test('as the signing key of cacerts is a warning, unless istiod made it', async () => {
    const texts = {
      'ca-cert.pem': pem(root),
      'ca-key.pem': privatePem('Lint Root'),
      'cert-chain.pem': pem(root),
      'root-cert.pem': pem(root),
    }
    expect(await lint(secretOf(texts))).toMatchObject([{ code: 'root-key-present', severity: 'warning' }])
    expect(await lint(secretOf({ ...texts, 'istio-generated': '' }))).toEqual([])
  })

  test('in the relay root that every cluster has', async () => {
    const texts = { 'ca.crt': pem(root), 'tls.key': privatePem('Lint Root') }
    expect(codesOf(await lint(secretOf(texts, named('relay-root-tls-secret'))))).toContain('root-key-present')
  })
})

describe('ca-key.pem', () => {
  test('a public key signs nothing', async () => {
    for (const label of ['Lint CA', 'Lint Root']) {
      const findings = await lint(cacerts({ 'ca-key.pem': publicPem(label) }))
      expect(findings).toMatchObject([
        {
          code: 'key-unreadable',
          severity: 'error',
          evidence: { source: 'ca-key.pem', found: 'a public key' },
        },
      ])
    }
    expect(codesOf(await lint(tlsForm({ 'tls.key': publicPem('Lint CA') })))).toEqual(['key-unreadable'])
  })

  test('a broken block before the good key: "openssl pkey" reads none', async () => {
    const good = privatePem('Lint CA')
    const broken = `-----BEGIN PRIVATE KEY-----\nAAAA\n${good}`
    expect(codesOf(await lint(cacerts({ 'ca-key.pem': broken })))).toEqual(['key-unreadable'])
    expect(await lint(cacerts({ 'ca-key.pem': `# key\n${good}` }))).toEqual([])
  })
})

test('metadata of whatever JSON does not make it throw', async () => {
  const odd: readonly unknown[] = [
    { toString: 1, valueOf: 2 },
    { name: [] },
    null,
    5,
    ['x'],
    { toJSON: null },
  ]
  for (const namespace of odd) {
    const parts = [
      { metadata: { name: 'cacerts', namespace }, stringData: { 'ca-cert.pem': '' } },
      { metadata: { name: namespace, namespace }, stringData: { 'ca-cert.pem': '' } },
      { metadata: namespace, stringData: { 'ca-cert.pem': '' }, type: namespace },
    ]
    for (const part of parts) {
      const secret = JSON.parse(JSON.stringify(part)) as SecretLike
      const findings = await lint(secret, { gloo: true })
      expect(codesOf(findings)).toEqual(expect.arrayContaining(['incomplete-secret', 'agent-label-missing']))
      for (const { command } of findings.filter(({ code }) => code === 'agent-label-missing'))
        expect(command).toContain('-n istio-system ')
    }
  }
})

test("the agent's label is asked for where the type says that Gloo issued it", async () => {
  const type = 'certificates.mesh.gloo.solo.io/issued_certificate'
  const [finding] = await lint(cacerts({}, { type }))
  expect(finding).toMatchObject({
    code: 'agent-label-missing',
    command: 'kubectl label secret cacerts -n istio-system agent.certificates.mesh.gloo.solo.io=gloo-mesh',
  })
})

test('every finding of decodeCacerts is one of lintCacerts', async () => {
  const secrets = [
    cacerts({
      'ca-cert.pem': pem(ca, root),
      'key.pem': privatePem('Lint Root'),
      'root-cert.pem': pem(root, root),
    }),
    cacerts({ 'ca-key.pem': fixtures.INTERMEDIATE_A_KEY_WITH_PARAMETERS }),
    cacerts({ 'ca-key.pem': fixtures.INTERMEDIATE_A_KEY_ENCRYPTED }),
    tlsForm({ 'tls.crt': pem(ca).trimEnd(), 'ca-cert.pem': pem(ca), 'ca-crl.pem': crl }),
  ]
  const seen = new Set<string>()
  for (const secret of secrets) {
    const codes = codesOf(await lint(secret))
    for (const { code } of decodeCacerts(secret).findings) {
      expect(codes).toContain(code)
      seen.add(code)
    }
  }
  expect([...seen].sort()).toEqual([
    'crl-ignored',
    'duplicate-root',
    'ec-parameters',
    'extra-certificates',
    'key-label',
    'root-key-present',
    'tls-final-newline',
    'two-layouts',
  ])
})

describe('no key is shown', () => {
  const keys = Object.values(fixtures).filter((text) => text.includes('KEY-----'))
  test.each([...Object.keys(CACERTS), 'key.pem', 'ca-crl.pem', ...Object.keys(TLS_FORM)])(
    'when one stands in %s, whole or damaged',
    async (place) => {
      for (const key of keys) {
        const base = place.endsWith('.pem') ? cacerts : tlsForm
        for (const text of [key, key.replace(/-----END/, '-END'), key.replaceAll('\n', ' ')]) {
          expectSealed(await lint(base({ [place]: text })))
          const secret = base()
          expectSealed(await lint({ ...secret, data: { ...secret.data, [place]: text } }))
        }
      }
    },
  )
})

test('names of data keys are escaped, and never become part of a command', async () => {
  const evil = '$(reboot)\u001b[2J'
  const shown = JSON.stringify(await lint(secretOf({ [evil]: 'x' }, named('x'))))
  expect(shown).not.toMatch(/\\u001b/)
  const label = await lint(cacerts({}, { metadata: { name: 'cacerts', namespace: '$(reboot)' } }), {
    gloo: true,
  })
  expect(label.map(({ command }) => command).join()).not.toContain('reboot')
})

describe('misuse', () => {
  test.each<[string, readonly unknown[], RegExp]>([
    ['no secret', [undefined], /Secret object/],
    ['an unknown option', [cacerts(), { multiroot: true }], /no option "multiroot"/],
    ['a release that is none', [cacerts(), { istioVersion: 1.28 }], /option "istioVersion"/],
    ['gloo', [cacerts(), { gloo: 'yes' }], /option "gloo"/],
  ])('%s', async (_, parameters, message) => {
    await expect(Promise.resolve(Reflect.apply(lintCacerts, undefined, parameters))).rejects.toThrow(message)
  })

  test('data that is no map is a finding', async () => {
    const secret = Reflect.apply(Object, undefined, [
      { metadata: { name: 'cacerts' }, data: 'x' },
    ]) as SecretLike
    expect(codesOf(await lintCacerts(secret, { time: at }))).toContain('secret-data')
  })
})
