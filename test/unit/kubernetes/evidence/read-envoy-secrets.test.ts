import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readEnvoySecrets } from '../../../../src/kubernetes/evidence/read-envoy-secrets.ts'
import * as pem from '../fixtures.ts'
import { expectSealed, refusal } from '../support.ts'
import { configDump, istioctl } from './support.ts'

const CHAIN = pem.WORKLOAD + pem.INTERMEDIATE_A
const ROOTS = pem.ROOT_A + pem.ROOT_B
const read = (json: unknown) => readEnvoySecrets(json, { proxy: 'reviews.bookinfo' })
const base64 = (text: string) => Buffer.from(text).toString('base64')

test.each<[string, unknown]>([
  ['istioctl, parsed', istioctl(ROOTS, CHAIN)],
  ['istioctl, as text', JSON.stringify(istioctl(ROOTS, CHAIN), null, 2)],
  ['istioctl, as bytes', new TextEncoder().encode(JSON.stringify(istioctl(ROOTS, CHAIN)))],
  ['Envoy’s config_dump', configDump(ROOTS, CHAIN)],
])('%s', (_, json) => {
  const proxy = read(json)
  expect(proxy.findings).toEqual([])
  expect(proxy.proxy).toBe('reviews.bookinfo')
  expect(proxy.roots?.certificates.map((each) => each.toPem())).toEqual([pem.ROOT_A, pem.ROOT_B])
  expect(proxy.chain?.certificates.map((each) => each.toPem())).toEqual([pem.WORKLOAD, pem.INTERMEDIATE_A])
  expect(proxy.chain?.lastUpdated?.toISOString().slice(0, 19)).toBe('2026-05-31T22:00:00')
  expect(proxy.chain?.state).toBe('active')
  expect(proxy.secrets).toHaveLength(2)
})

test('by ?resource=dynamic_active_secrets each secret stands by itself', () => {
  const { configs } = configDump(ROOTS, CHAIN) as { configs: { dynamic_active_secrets: object[] }[] }
  const entries = configs[1]?.dynamic_active_secrets ?? []
  expect(read({ configs: entries }).roots?.certificates).toHaveLength(2)
  const warming = entries.map((entry) => ({ ...entry, version_info: 'uninitialized' }))
  expect(read({ configs: warming }).roots).toBeUndefined()
})

test('a private key is not read, whatever Envoy prints', () => {
  const dump = {
    dynamicActiveSecrets: [
      {
        name: 'default',
        secret: {
          tlsCertificate: {
            certificateChain: { inlineBytes: base64(CHAIN) },
            privateKey: { inlineBytes: base64(pem.RSA_KEY), inlineString: pem.INTERMEDIATE_A_KEY },
          },
        },
      },
      // Somebody put the key into the wrong place.
      { name: 'ROOTCA', secret: { validationContext: { trustedCa: { inlineString: pem.RSA_KEY } } } },
    ],
  }
  const proxy = read(dump)
  expect(proxy.findings.map(({ code }) => code)).toEqual(['certificate-unreadable', 'roots-missing'])
  expectSealed(proxy)
  expectSealed(inspect(read(JSON.stringify(dump)), { depth: 20 }))
})

test('warming secrets do not count, and are found', () => {
  const { dynamicActiveSecrets } = istioctl(ROOTS, CHAIN) as { dynamicActiveSecrets: object[] }
  const proxy = read({ dynamicWarmingSecrets: dynamicActiveSecrets })
  expect([proxy.roots, proxy.chain]).toEqual([undefined, undefined])
  expect(proxy.secrets.map(({ state }) => state)).toEqual(['warming', 'warming'])
  expect(new Set(proxy.findings.map(({ code }) => code))).toEqual(
    new Set(['secret-warming', 'roots-missing', 'chain-missing']),
  )
})

test('of two the one that was updated last counts', () => {
  const entry = (roots: string, lastUpdated: string) => ({
    name: 'ROOTCA',
    lastUpdated,
    secret: { validationContext: { trustedCa: { inlineBytes: base64(roots) } } },
  })
  const proxy = read({
    dynamicActiveSecrets: [
      entry(pem.ROOT_B, '2026-05-02T00:00:00Z'),
      entry(pem.ROOT_A, '2026-05-01T00:00:00Z'),
    ],
  })
  expect(proxy.roots?.certificates.map((each) => each.toPem())).toEqual([pem.ROOT_B])
  expect(proxy.findings.map(({ code }) => code)).toContain('secret-twice')
})

test('bundles by trust domain, as Envoy’s verifier of SPIFFE IDs has them', () => {
  const domain = (name: string, text: string) => ({ name, trust_bundle: { inline_bytes: base64(text) } })
  const proxy = read({
    configs: [
      {
        dynamic_active_secrets: [
          {
            name: 'ROOTCA',
            secret: {
              validation_context: {
                custom_validator_config: {
                  name: 'envoy.tls.cert_validator.spiffe',
                  typed_config: { trust_domains: [domain('td1', pem.ROOT_A), domain('td2', pem.ROOT_B)] },
                },
              },
            },
          },
        ],
      },
    ],
  })
  expect([...(proxy.roots?.byTrustDomain.keys() ?? [])]).toEqual(['td1', 'td2'])
  expect(proxy.roots?.certificates).toHaveLength(2)
})

test('other names', () => {
  const dump = JSON.stringify(istioctl(ROOTS, CHAIN))
    .replaceAll('ROOTCA', 'spiffe://td')
    .replaceAll('"default"', '"svid"')
  expect(read(dump).roots).toBeUndefined()
  const named = readEnvoySecrets(dump, { proxy: 'p', rootsName: 'spiffe://td', chainName: 'svid' })
  expect([named.roots?.certificates.length, named.chain?.certificates.length]).toEqual([2, 2])
})

describe('what is not known is a finding', () => {
  const roots = (trustedCa: unknown) => ({
    dynamicActiveSecrets: [{ name: 'ROOTCA', secret: { validationContext: { trustedCa } } }],
  })
  test.each<[string, unknown, string]>([
    ['a file', roots({ filename: '/etc/root.pem' }), 'certificate-by-file'],
    ['no base64', roots({ inlineBytes: '*' }), 'certificate-unreadable'],
    ['a number', roots({ inlineBytes: 5 }), 'certificate-unreadable'],
    ['nothing', roots({}), 'certificate-unreadable'],
    [
      'one broken among good ones',
      roots({ inlineString: `${pem.ROOT_A}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n` }),
      'certificate-unreadable',
    ],
    ['too much', roots({ inlineString: 'x'.repeat(4_194_305) }), 'certificate-unreadable'],
    ['entries of any kind', { dynamicActiveSecrets: [null, 5, 'x', [], {}] }, 'roots-missing'],
    ['no secrets', { dynamicActiveSecrets: [] }, 'roots-missing'],
    ['a dump without the part', { configs: [{ '@type': 'x' }] }, 'roots-missing'],
  ])('%s', (_, json, code) => {
    const proxy = read(json)
    expect(proxy.roots).toBeUndefined()
    expect(proxy.findings.map((each) => each.code)).toContain(code)
    expect(proxy.findings.every((each) => each.proxy === 'reviews.bookinfo')).toBe(true)
  })
})

describe('no dump', () => {
  test.each<[string, unknown]>([
    ['text', 'error: no pod'],
    ['half of JSON', '{"dynamicActiveSecrets": ['],
    ['a key', pem.RSA_KEY],
    ['another object', { kind: 'Secret' }],
    ['a list', []],
    ['nothing', null],
    ['an empty dump', { configs: [] }],
    ['too many secrets', { dynamicActiveSecrets: Array.from({ length: 1001 }, () => ({})) }],
  ])('%s', (_, json) => {
    refusal(() => read(json), 'ERR_KUBERNETES_EVIDENCE')
  })

  test('options', () => {
    expect(() => readEnvoySecrets({}, { proxy: '' })).toThrow('"proxy"')
    expect(() => readEnvoySecrets({}, { proxy: 'x', rootsName: 5 as never })).toThrow('"rootsName"')
    expect(() => readEnvoySecrets({}, { proxy: 'x', pod: 'x' } as never)).toThrow('"pod"')
    expect(() => readEnvoySecrets({}, undefined as never)).toThrow(TypeError)
  })
})
