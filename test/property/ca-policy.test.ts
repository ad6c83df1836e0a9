import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { KeyRules } from '../../src/ca/index.ts'
import { type IssuancePolicyInput, PolicyError } from '../../src/ca/index.ts'
import { Csr } from '../../src/csr/index.ts'
import { MeshPkiError } from '../../src/errors.ts'
import type { Certificate } from '../../src/x509/index.ts'
import { hex, oid, rdn, seq, text, tlv } from '../fixtures/x509/der.ts'
import { at, DAY, HOUR, rootCa } from '../unit/ca/support.ts'
import { attribute, csrOf, EXTENSION_REQUEST, type ExtensionTuple, extensions } from '../unit/csr/support.ts'

/**
 * No accepted request ever yields a certificate outside of its policy. What "outside" means is spelled out here once more, by
 * regular expressions over the texts, from the rules as `docs/issuance.md` states them.
 */
const LABELS = ['a', 'b', 'admin', 'example', 'com', 'evil']
const host = fc
  .array(fc.constantFrom(...LABELS), { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'))
const path = fc
  .array(fc.constantFrom('ns', 'a', 'b', 'sa'), { minLength: 0, maxLength: 4 })
  .map((parts) => parts.map((part) => `/${part}`).join(''))
const spiffe = fc
  .tuple(fc.constantFrom('td', 'td2', 'evil'), path)
  .map(([td, rest]) => `spiffe://${td}${rest}`)

type KeyKind = NonNullable<KeyRules['allow']>[number]
type Named = readonly [type: 'dns' | 'uri' | 'email' | 'ip' | 'other' | 'rid', value: string]
const named: fc.Arbitrary<Named> = fc.oneof(
  { weight: 4, arbitrary: host.map((value): Named => ['dns', value]) },
  host.map((value): Named => ['dns', `*.${value}`]),
  { weight: 4, arbitrary: spiffe.map((value): Named => ['uri', value]) },
  fc
    .constantFrom(
      'SPIFFE://td/a',
      'spiffe://td/a/../b',
      'spiffe://td/a%2fb',
      'https://a.example/',
      'urn:x',
      'spiffe:',
    )
    .map((value): Named => ['uri', value]),
  host.map((value): Named => ['email', `a@${value}`]),
  fc
    .constantFrom('0a000001', 'c0000201', '00000000000000000000ffff0a000001')
    .map((value): Named => ['ip', value]),
  fc.constant<Named>(['other', '1.2.3']),
  fc.constant<Named>(['rid', '1.2.3']),
  fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map((value): Named => ['dns', value]),
)

function encoded([type, value]: Named): Uint8Array {
  switch (type) {
    case 'dns':
      return text(0x82, value)
    case 'uri':
      return text(0x86, value)
    case 'email':
      return text(0x81, value)
    case 'ip':
      return tlv(0x87, hex(value))
    case 'rid':
      return oid(value, 0x88)
    case 'other':
      return tlv(0xa0, oid(value), tlv(0xa0, text(0x0c, 'x')))
  }
}

const hostile: fc.Arbitrary<ExtensionTuple> = fc.constantFrom<ExtensionTuple>(
  ['2.5.29.19', seq(hex('0101ff')), true],
  ['2.5.29.19', seq(), true],
  ['2.5.29.15', hex('030205a0'), true],
  ['2.5.29.15', hex('03020106'), true],
  ['2.5.29.15', hex('03020780')],
  ['2.5.29.37', seq(hex('06082b06010505070302'))],
  ['2.5.29.37', seq(hex('06082b06010505070303'), hex('0604551d2500'))],
  ['2.5.29.30', seq(tlv(0xa0, seq(text(0x82, 'evil')))), true],
  ['2.5.29.32', seq(seq(hex('06032a0304')))],
  ['1.2.3.4.5', hex('0500'), true],
  ['2.5.29.14', tlv(4, hex('00'))],
  ['2.5.29.35', seq(tlv(0x80, hex('00')))],
)

const lists = <T>(entry: fc.Arbitrary<T>) =>
  fc.option(
    fc.record(
      { allow: fc.array(entry, { maxLength: 2 }), deny: fc.array(entry, { maxLength: 1 }) },
      { requiredKeys: [] },
    ),
    {
      nil: undefined,
    },
  )
const hostPattern = fc.tuple(fc.constantFrom('', '*.', '**.'), host).map(([prefix, rest]) => prefix + rest)
const spiffePattern = fc.oneof(
  { weight: 3, arbitrary: fc.constant('spiffe://td/**') },
  fc
    .tuple(
      fc.constantFrom('td', 'td2'),
      fc.array(fc.constantFrom('ns', 'a', '*', '**'), { minLength: 1, maxLength: 3 }),
    )
    .map(([td, parts]) => `spiffe://${td}/${parts.join('/')}`),
)

const askedNames: fc.Arbitrary<readonly Named[]> = fc.oneof(
  fc.constant<readonly Named[]>([['uri', 'spiffe://td/ns/a']]),
  { weight: 2, arbitrary: fc.array(named, { maxLength: 2 }) },
)
const USUAL: string = 'spiffe://td/ns/a'
const world = fc.record({
  namesFrom: fc.constantFrom('identities', 'request', 'both' as const),
  bound: fc.constantFrom('within-identities', 'any', undefined),
  dns: lists(hostPattern),
  spiffe: lists(spiffePattern),
  wildcards: fc.boolean(),
  keys: fc.constantFrom<readonly KeyKind[] | undefined>(undefined, undefined, ['Ed25519'], ['P-256']),
  organizations: fc.constantFrom('policy', 'any', ['x'] as const),
  purposes: fc.constantFrom(undefined, ['clientAuth'], ['clientAuth', 'serverAuth'] as const),
  ca: fc.constantFrom('refuse', 'ignore', undefined),
  max: fc.constantFrom(HOUR, DAY),
  onTooLong: fc.constantFrom('reject', 'cap' as const),
  asked: fc.constantFrom(undefined, undefined, HOUR, 2 * HOUR, 400 * DAY),
  rootLife: fc.constantFrom(HOUR / 2, 3650 * DAY),
  identities: fc.oneof({ weight: 4, arbitrary: fc.constant([USUAL]) }, fc.array(spiffe, { maxLength: 2 })),
  names: askedNames,
  more: fc.oneof(fc.constant([]), fc.uniqueArray(hostile, { maxLength: 3, selector: ([id]) => id })),
  organization: fc.constantFrom(undefined, 'x', 'y'),
  commonName: fc.constantFrom(
    undefined,
    undefined,
    undefined,
    'evil.com',
    'a.example',
    'spiffe://evil/a',
    'plain',
  ),
})
type World = typeof world extends fc.Arbitrary<infer T> ? T : never

function policyOf(w: World): IssuancePolicyInput {
  return {
    name: 'random',
    namesFrom: w.namesFrom,
    names: { dns: w.dns, spiffe: w.spiffe, wildcards: w.wildcards },
    request: { subjectAltNames: w.bound, ca: w.ca },
    keys: { allow: w.keys },
    subject:
      w.organizations === 'policy'
        ? { from: 'policy' }
        : { from: 'request', attributes: w.organizations === 'any' ? 'any' : { O: w.organizations } },
    usage: { extendedKeyUsage: { allow: w.purposes } },
    lifetime: { max: `${w.max}s`, default: '30m', onTooLong: w.onTooLong },
  } as IssuancePolicyInput
}

function requestOf(w: World): Csr {
  const san: readonly ExtensionTuple[] =
    w.names.length === 0 ? [] : [['2.5.29.17', seq(...w.names.map(encoded))]]
  const list = [...san, ...w.more]
  return Csr.fromDer(
    csrOf({
      subject: seq(
        ...(w.organization === undefined ? [] : [rdn('2.5.4.10', text(0x0c, w.organization))]),
        ...(w.commonName === undefined ? [] : [rdn('2.5.4.3', text(0x0c, w.commonName))]),
      ),
      attributes: list.length === 0 ? [] : [attribute(EXTENSION_REQUEST, extensions(...list))],
    }),
  )
}

/** Pattern texts as regular expressions. */
const hostExpression = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/\./g, '\\.')
      .replace(/^\*\*\\\./, '([^.]+\\.)+')
      .replace(/^\*\\\./, '[^.]+\\.')}$`,
    'i',
  )
const spiffeExpression = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('/')
      .map((part) => (part === '**' ? '[^/]+(/[^/]+)*' : part === '*' ? '[^/]*' : part))
      .join('/')}$`,
  )

/** Why a certificate is outside of the policy. */
function outside(w: World, certificate: Certificate): string | undefined {
  const now = at(0).getTime()
  const lifetime = certificate.notAfter.getTime() - now
  if (lifetime > w.max * 1000 || lifetime > w.rootLife * 1000) return 'lifetime'
  if (certificate.isCa || certificate.keyUsage?.some((name) => name === 'keyCertSign' || name === 'cRLSign'))
    return 'CA'
  const allowed = ['2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.35', '2.5.29.37']
  if (certificate.extensions.some(({ oid: id }) => !allowed.includes(id))) return 'extension'
  if (
    certificate.extendedKeyUsage === undefined ||
    certificate.extendedKeyUsage.some((id) => !/^1\.3\.6\.1\.5\.5\.7\.3\.[12]$/.test(id))
  )
    return 'purpose'
  // Every request here has an Ed25519 key.
  if (w.keys !== undefined && !w.keys.includes('Ed25519')) return 'key'
  const { subject, subjectAltNames } = certificate
  if (w.organizations === 'policy' && !subject.isEmpty) return 'subject'
  if (
    Array.isArray(w.organizations) &&
    (subject.values('CN').length > 0 || subject.values('O').some((value) => value !== 'x'))
  )
    return 'subject'
  const closed = w.dns?.allow !== undefined || w.spiffe?.allow !== undefined
  const uris = subjectAltNames.filter(({ type }) => type === 'uri')
  if (uris.length > 1 && uris.some(({ value }) => /^spiffe:/i.test(String(value)))) return 'two identities'
  if (subjectAltNames.length === 0) return 'no name'
  for (const name of subjectAltNames) {
    if (name.type === 'other') return 'other name'
    const value = String(name.value)
    if (name.type === 'dns') {
      if (value.startsWith('*') && !w.wildcards) return `wildcard ${value}`
      const sample = value.startsWith('*.') ? `zzz${value.slice(1)}` : value
      if (closed && !w.dns?.allow?.some((pattern) => hostExpression(pattern).test(sample)))
        return `dns ${value}`
      if (w.dns?.deny?.some((pattern) => hostExpression(pattern).test(sample))) return `denied ${value}`
      // A wildcard must not stand for a host that is denied.
      if (
        value.startsWith('*.') &&
        w.dns?.deny?.some(
          (pattern) =>
            /^[a-z]+$/.test(pattern.slice(0, pattern.indexOf('.'))) &&
            pattern.slice(pattern.indexOf('.')) === value.slice(1),
        )
      )
        return `denied by ${value}`
    } else if (name.type === 'uri' && /^spiffe:/i.test(value)) {
      if (!/^spiffe:\/\/[a-z0-9]+(\/(?!\.)[a-z0-9]+)+$/.test(value)) return `malformed ${value}`
      if (closed && !w.spiffe?.allow?.some((pattern) => spiffeExpression(pattern).test(value)))
        return `spiffe ${value}`
      if (w.spiffe?.deny?.some((pattern) => spiffeExpression(pattern).test(value))) return `denied ${value}`
    } else if (closed) return `closed ${name.type}`
    const isIdentity = name.type === 'uri' && w.identities.includes(value)
    if (w.namesFrom === 'identities' && !isIdentity) return `not an identity: ${value}`
    if (w.bound === 'within-identities' && !isIdentity) return `not within: ${value}`
  }
  return undefined
}

const brief = rootCa({ lifetime: `${HOUR / 2}s` })
const lasting = rootCa()

test('no accepted request yields a certificate outside of the policy; a refusal signs nothing', async () => {
  let signed = 0
  let refused = 0
  await fc.assert(
    fc.asyncProperty(world, async (w) => {
      const csr = requestOf(w)
      let outcome: Certificate
      try {
        const root = await (w.rootLife < DAY ? brief : lasting)
        const lifetime = w.asked === undefined ? undefined : `${w.asked}s`
        outcome = (await root.sign(csr, policyOf(w), { identities: w.identities, lifetime })).certificate
      } catch (error) {
        // A policy that takes names from anybody is a mistake, not a refusal.
        if (error instanceof TypeError) {
          expect(error.message).toContain('says nowhere which')
          return
        }
        expect(error).toBeInstanceOf(MeshPkiError)
        if (error instanceof PolicyError) expect(error.violations.length).toBeGreaterThan(0)
        refused++
        return
      }
      signed++
      expect(outside(w, outcome)).toBe(undefined)
      // A request for a CA was not silently turned into a leaf, unless the policy says so.
      if (w.ca !== 'ignore') expect(csr.isCa || csr.keyUsage?.includes('keyCertSign') === true).toBe(false)
    }),
    { numRuns: 3000 },
  )
  // The property means something only where both happen.
  expect(signed).toBeGreaterThan(100)
  expect(refused).toBeGreaterThan(1000)
})
