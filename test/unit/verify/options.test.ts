import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  checkPath,
  checkPathSync,
  PathError,
  VerifiedPath,
  type VerifyPathOptions,
  verifyPath,
} from '../../../src/verify/index.ts'
import { NOW } from './forge.ts'
import { accepted, refused, trio, within } from './support.ts'

const hierarchy = trio()
const { leaf, ca, root } = hierarchy
const GOOD = { anchors: root.der, intermediates: [ca.der], time: NOW, purpose: 'any' } as const

/** Asks with options that the types would not allow. */
const wrongly = (options: object): unknown => Reflect.apply(checkPathSync, undefined, [leaf.der, options])

describe('the three functions agree', () => {
  test('on a good path: leaf first, anchor last', async () => {
    for (const path of [
      await verifyPath(leaf.der, GOOD),
      accepted(leaf.der, GOOD),
      await checkPath(leaf.der, GOOD).then((result) => (result.ok ? result.path : undefined)),
    ]) {
      expect(path).toBeInstanceOf(VerifiedPath)
      const wanted = [leaf.certificate, ca.certificate, root.certificate]
      expect(path?.certificates.map((certificate, i) => wanted[i]?.equals(certificate))).toEqual([
        true,
        true,
        true,
      ])
      expect(path?.certificates.at(-1)?.equals(root.certificate)).toBe(true)
      expect(path?.leaf.equals(leaf.certificate)).toBe(true)
      expect(Object.isFrozen(path) && Object.isFrozen(path?.certificates)).toBe(true)
    }
  })

  test('on a bad one', async () => {
    const ask = { ...GOOD, name: { dns: 'x.example' } }
    await expect(verifyPath(leaf.der, ask)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_PATH_NAME_MISMATCH' }),
    )
    await expect(verifyPath(leaf.der, ask)).rejects.toBeInstanceOf(PathError)
    const asynchronous = await checkPath(leaf.der, ask)
    const synchronous = refused(leaf.der, ask, 'ERR_PATH_NAME_MISMATCH')
    expect(asynchronous.ok ? undefined : asynchronous.error.message).toBe(synchronous.message)
  })
})

describe('every shape of a certificate', () => {
  const shapes = ({ certificate, der }: { certificate: typeof leaf.certificate; der: Uint8Array }) => [
    certificate,
    der,
    Buffer.from(der),
    certificate.toPem(),
    { rawData: Uint8Array.from(der).buffer },
    new X509Certificate(der),
  ]

  test('leaf, intermediates and anchors', () => {
    for (const one of shapes(leaf)) accepted(one, GOOD)
    for (const one of shapes(ca))
      for (const list of [one, [one]]) accepted(leaf.der, { ...GOOD, intermediates: list })
    for (const one of shapes(root))
      for (const list of [one, [one]]) accepted(leaf.der, { ...GOOD, anchors: list })
  })

  test('a PEM text may hold several anchors and intermediates, but one leaf', () => {
    const other = trio({ root: { subject: 'other root' }, ca: { subject: 'other ca' } })
    const [anchors, intermediates] = [
      other.root.certificate.toPem() + root.certificate.toPem(),
      other.ca.certificate.toPem() + ca.certificate.toPem(),
    ]
    accepted(leaf.der, { ...GOOD, anchors, intermediates })
    const error = refused(leaf.certificate.toPem() + ca.certificate.toPem(), GOOD, 'ERR_PATH_MALFORMED')
    expect(error.cause).toMatchObject({ code: 'ERR_PEM_BLOCK_COUNT' })
  })

  test.each([undefined, null, 7, {}, { raw: 'text' }, { rawData: [] }])('%j is none', (value) => {
    const call = (): unknown => Reflect.apply(checkPathSync, undefined, [value, GOOD])
    expect(call).toThrow(TypeError)
    expect(call).toThrow('"leaf" must be a Certificate, DER (Uint8Array) or PEM (string)')
  })
})

describe('intermediates that cannot be read are passed over', () => {
  test.each([
    ['garbage bytes', [Uint8Array.of(0x30, 0x80, 1, 2), ca.der]],
    ['no bytes', [new Uint8Array(), ca.der]],
    ['trailing bytes', [Uint8Array.from([...ca.der, 0]), ca.der]],
    ['a text that is no PEM', ['hello', ca.der]],
    [
      'a block of garbage in a PEM text with good ones',
      [`-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n${ca.certificate.toPem()}`],
    ],
  ])('%s', (_title, intermediates) => {
    accepted(leaf.der, { ...GOOD, intermediates })
    refused(leaf.der, { ...GOOD, intermediates: intermediates.slice(0, -1) }, 'ERR_PATH_NO_ISSUER')
  })

  // What is missing may be what could not be read: the message must not hide it.
  test('the message says so when nobody issued the leaf', () => {
    const broken = [ca.der.slice(0, -1), new Uint8Array()]
    const error = refused(leaf.der, { ...GOOD, intermediates: broken }, 'ERR_PATH_NO_ISSUER')
    expect(error.message).toContain('no intermediate was sent or given (2 more cannot be read; the first: ')
    const bare = refused(leaf.der, { ...GOOD, intermediates: [] }, 'ERR_PATH_NO_ISSUER')
    expect(bare.message).not.toContain('cannot be read')
  })

  test('but what is no certificate by its type is misuse', () => {
    expect(() => wrongly({ ...GOOD, intermediates: [7] })).toThrow(TypeError)
  })

  test('garbage as leaf or anchor is an answer', () => {
    for (const bytes of [new Uint8Array(), Uint8Array.of(0x30, 3, 2, 1, 1), 'no pem']) {
      const error = refused(bytes, GOOD, 'ERR_PATH_MALFORMED')
      expect(error.message).toContain('cannot be read')
      expect(error.cause).toMatchObject({ code: expect.stringMatching(/^ERR_(DER|PEM)_/) })
      refused(leaf.der, { ...GOOD, anchors: bytes }, 'ERR_PATH_MALFORMED')
    }
  })
})

test('the defaults said aloud pass', () => {
  const aloud = {
    profile: 'rfc5280',
    rules: {},
    revocation: 'off',
    policies: {},
    anchorChecks: {},
    limits: {},
  } as const
  const { policies, revocation } = accepted(leaf.der, { ...GOOD, ...aloud })
  expect([policies, revocation]).toEqual([[], 'off'])
})

describe('misuse is a TypeError or RangeError that names the option', () => {
  test.each<[object, string]>([
    [{ ...GOOD, anchor: root.der }, 'has no option "anchor". Did you mean "anchors"?'],
    [{ ...GOOD, hostname: 'x' }, 'has no option "hostname"'],
    [{ ...GOOD, anchorChecks: { valid: false } }, 'option "anchorChecks" has no option "valid"'],
    [{ ...GOOD, limits: { signature: 1 } }, 'option "limits" has no option "signature"'],
    [{ ...GOOD, name: { host: 'x' } }, 'option "name" has no option "host"'],
    [{ ...GOOD, name: {} }, 'exactly one of dns, ip, email and uri'],
    [{ ...GOOD, name: { dns: 'a.example', ip: '1.2.3.4' } }, 'exactly one of dns, ip, email and uri'],
    [{ ...GOOD, name: { dns: '' } }, 'text that is not empty'],
    [{ ...GOOD, name: { dns: 7 } }, 'text that is not empty'],
    [{ ...GOOD, purpose: undefined }, 'option "purpose" is required'],
    [{ ...GOOD, purpose: 'tls' }, 'or an object identifier; got "tls"'],
    [
      { ...GOOD, purpose: `-----BEGIN PRIVATE KEY-----\n${'MIGH'.repeat(40)}` },
      'got a text of 188 characters',
    ],
    [{ ...GOOD, purpose: '3.1' }, 'option "purpose" is required'],
    [{ ...GOOD, ekuStrictness: 'strict' }, 'option "ekuStrictness" must be one of'],
    [{ ...GOOD, profile: 'rfc3280' }, 'option "profile" must be one of'],
    [{ ...GOOD, revocation: 'soft-fail' }, 'option "revocation" must be one of'],
    [{ ...GOOD, revocation: null }, 'option "revocation" must be one of'],
    [{ ...GOOD, profile: null }, 'option "profile" must be one of'],
    [{ ...GOOD, time: null }, 'option "time" must be a Date'],
    [{ ...GOOD, crls: [{}] }, 'option "crls" must hold CertificateList, DER (Uint8Array) or PEM (string)'],
    [{ ...GOOD, rules: { serial: true } }, 'option "rules" has no option "serial"'],
    [{ ...GOOD, rules: { issuer: 'yes' } }, 'option "rules.issuer" must be true or false'],
    [{ ...GOOD, policies: { explicit: true } }, 'option "policies" has no option "explicit"'],
    [{ ...GOOD, policies: { initial: [] } }, 'at least one object identifier'],
    [{ ...GOOD, policies: { initial: ['gold'] } }, 'must hold object identifiers; got "gold"'],
    [{ ...GOOD, policies: { inhibitAny: 1 } }, 'option "policies.inhibitAny" must be true or false'],
    [{ ...GOOD, time: '2026-06-01' }, 'option "time" must be a Date'],
    [{ ...GOOD, time: new Date(Number.NaN) }, 'option "time" is an invalid Date'],
    [{ ...GOOD, store: {} }, 'either the option "anchors" or the option "store"'],
    [{ ...GOOD, anchors: undefined }, 'either the option "anchors" or the option "store"'],
    [{ ...GOOD, anchors: undefined, store: {} }, 'option "store" must be a TrustStore'],
    [{ ...GOOD, maxIntermediates: '1' }, 'option "maxIntermediates" must be a number'],
  ])('%#: %j', (options, phrase) => {
    expect(() => wrongly(options)).toThrow(TypeError)
    expect(() => wrongly(options)).toThrow(phrase)
  })

  test.each<[Partial<VerifyPathOptions>, string]>([
    [{ maxIntermediates: -1 }, 'maxIntermediates'],
    [{ maxIntermediates: 0.5 }, 'maxIntermediates'],
    [{ limits: { signatures: 0 } }, 'limits.signatures'],
    [{ limits: { depth: 1 } }, 'limits.depth'],
    [{ limits: { comparisons: Number.NaN } }, 'limits.comparisons'],
  ])('%j', (options, phrase) => {
    expect(() => wrongly({ ...GOOD, ...options })).toThrow(RangeError)
    expect(() => wrongly({ ...GOOD, ...options })).toThrow(phrase)
  })

  test('no options at all, and checkPath rejects as checkPathSync throws', async () => {
    for (const options of [undefined, null, [], 'x']) {
      const call = (): unknown => Reflect.apply(checkPathSync, undefined, [leaf.der, options])
      expect(call).toThrow(TypeError)
    }
    const promise: Promise<unknown> = Reflect.apply(checkPath, undefined, [leaf.der, { ...GOOD, nmae: 1 }])
    await expect(promise).rejects.toThrow('has no option "nmae"')
  })
})

test('blocks of other kinds in a PEM text of the peer are passed over', () => {
  const key = '-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n'
  const bundle = `${key}${ca.certificate.toPem()}${key}`
  accepted(leaf.der, { anchors: root.der, intermediates: bundle })
  refused(leaf.der, { anchors: root.der, intermediates: key }, 'ERR_PATH_NO_ISSUER')
})

test('the options are not needed to be intact afterwards: inputs are copied', () => {
  const der = Uint8Array.from(leaf.der)
  const path = accepted(der, within(hierarchy))
  der.fill(0)
  expect(path.leaf.equals(leaf.certificate)).toBe(true)
})
