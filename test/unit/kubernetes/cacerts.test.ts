import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  decodeCacerts,
  encodeCacerts,
  SealedPem,
  type SecretLike,
  SecretType,
} from '../../../src/kubernetes/index.ts'
import { Certificate } from '../../../src/x509/certificate.ts'
import * as pem from './fixtures.ts'
import { base64, expectSealed, plain, refusal, secretOf } from './support.ts'

const four = {
  'ca-cert.pem': pem.INTERMEDIATE_A,
  'ca-key.pem': pem.INTERMEDIATE_A_KEY,
  'cert-chain.pem': pem.INTERMEDIATE_A + pem.ROOT_A,
  'root-cert.pem': pem.ROOT_A,
}
const tls = { 'tls.crt': pem.INTERMEDIATE_A, 'tls.key': pem.INTERMEDIATE_A_KEY, 'ca.crt': pem.ROOT_A }
const names = (certificates: readonly Certificate[]) =>
  certificates.map(({ subject }) => subject.values('CN')[0])
const decode = (texts: Readonly<Record<string, string>>) => decodeCacerts(secretOf(texts))
const codes = (texts: Readonly<Record<string, string>>) => decode(texts).findings.map(({ code }) => code)
const without = (texts: Record<string, string>, key: string) =>
  Object.fromEntries(Object.entries(texts).filter(([each]) => each !== key))

describe('decodeCacerts', () => {
  test('four keys', () => {
    const bundle = decode(four)
    expect(bundle).toMatchObject({ layout: 'istio', istioGenerated: false, findings: [] })
    expect(names([bundle.certificate])).toEqual(['Intermediate A'])
    expect(names(bundle.chain)).toEqual(['Intermediate A', 'Root A'])
    expect(names(bundle.roots)).toEqual(['Root A'])
    expect(bundle.privateKey.reveal()).toBe(pem.INTERMEDIATE_A_KEY)
    expect('crls' in bundle).toBe(false)
    expectSealed(bundle)
  })

  test('five keys, the fifth empty', () => {
    expect(decode({ ...four, 'key.pem': '' })).toMatchObject({ layout: 'istio-legacy', findings: [] })
    const bundle = decode({ ...four, 'key.pem': pem.ROOT_A_KEY })
    expect(bundle.findings).toMatchObject([{ code: 'root-key-present', key: 'key.pem' }])
    expectSealed(bundle)
  })

  test('kubernetes.io/tls', () => {
    const bundle = decodeCacerts(secretOf(tls, { type: 'kubernetes.io/tls' }))
    expect(bundle).toMatchObject({ layout: 'tls', findings: [] })
    expect(names(bundle.chain)).toEqual(['Intermediate A', 'Root A'])
    expect(names(bundle.roots)).toEqual(['Root A'])
  })

  test('tls.crt without a final line end is joined, and found', () => {
    const bundle = decode({ ...tls, 'tls.crt': pem.INTERMEDIATE_A.trimEnd() })
    expect(names(bundle.chain)).toEqual(['Intermediate A', 'Root A'])
    expect(bundle.findings).toMatchObject([{ code: 'tls-final-newline', key: 'tls.crt' }])
    expect(codes(tls)).toEqual([])
  })

  test('tls.crt decides where both forms stand', () => {
    const bundle = decode({ ...four, ...tls, 'tls.crt': pem.ROOT_B })
    expect(bundle).toMatchObject({ layout: 'tls', findings: [{ code: 'two-layouts' }] })
    expect(names([bundle.certificate])).toEqual(['Root B'])
    expect(codes({ ...tls, 'ca-crl.pem': pem.ROOT_A_CRL })).toEqual(['crl-ignored'])
    expect(codes({ ...tls, 'ca-crl.pem': '' })).toEqual([])
  })

  test('an empty chain is legal, several roots are read', () => {
    for (const empty of ['', '\n', ' \r\n'])
      expect(decode({ ...four, 'cert-chain.pem': empty }).chain).toEqual([])
    expect(names(decode({ ...four, 'root-cert.pem': pem.ROOT_A + pem.ROOT_B }).roots)).toEqual([
      'Root A',
      'Root B',
    ])
  })

  test('CRLs and the marker of istiod', () => {
    expect(decode({ ...four, 'ca-crl.pem': pem.ROOT_A_CRL }).crls).toBe(pem.ROOT_A_CRL)
    expect(decode({ ...four, 'ca-crl.pem': '' }).crls).toBeUndefined()
    expect(decode({ ...four, 'istio-generated': '' }).istioGenerated).toBe(true)
  })

  test('what Istio would refuse or pass over is found', () => {
    expect(codes({ ...four, 'ca-key.pem': pem.INTERMEDIATE_A_KEY_SEC1 })).toEqual([])
    expect(codes({ ...four, 'ca-key.pem': pem.RSA_KEY })).toEqual([])
    expect(codes({ ...four, 'ca-key.pem': pem.INTERMEDIATE_A_KEY_WITH_PARAMETERS })).toEqual([
      'ec-parameters',
    ])
    expect(codes({ ...four, 'ca-key.pem': pem.INTERMEDIATE_A_KEY_ENCRYPTED })).toEqual(['key-label'])
    expect(codes({ ...four, 'ca-cert.pem': pem.INTERMEDIATE_A + pem.ROOT_A })).toEqual(['extra-certificates'])
    expect(codes({ ...four, 'root-cert.pem': pem.ROOT_A + pem.ROOT_B })).toEqual([])
    const bundle = decode({ ...four, 'root-cert.pem': pem.ROOT_A + pem.ROOT_B + pem.ROOT_B })
    expect(bundle.findings).toMatchObject([{ code: 'duplicate-root', key: 'root-cert.pem' }])
    expect(bundle.findings[0]?.message).toContain(
      'certificate 3 of root-cert.pem is the same as certificate 2',
    )
    expect(bundle.roots).toHaveLength(3)
  })

  test('stringData counts before data', () => {
    const secret = { ...secretOf(four), stringData: { 'root-cert.pem': pem.ROOT_B } }
    expect(names(decodeCacerts(secret).roots)).toEqual(['Root B'])
    expect(names(decodeCacerts({ metadata: { name: 'x' }, stringData: four }).roots)).toEqual(['Root A'])
  })

  test('the value cannot be changed', () => {
    const bundle = decode({ ...four })
    for (const value of [bundle, bundle.chain, bundle.roots, bundle.findings, bundle.privateKey]) {
      expect(Object.isFrozen(value)).toBe(true)
    }
  })
})

describe('decodeCacerts refuses', () => {
  test.each(Object.keys(four))('a secret without %s', (key) => {
    const error = refusal(() => decode(without(four, key)), 'ERR_KUBERNETES_INCOMPLETE_SECRET')
    expect(error.message).toMatch(/^Secret istio-system\/cacerts: /)
    expect(error.message).toContain(`missing: ${key};`)
    expect(error.data).toMatchObject({ missing: [key], present: Object.keys(without(four, key)).sort() })
  })

  test.each(['tls.key', 'ca.crt'])('the tls form without %s', (key) => {
    const error = refusal(() => decode(without(tls, key)), 'ERR_KUBERNETES_INCOMPLETE_SECRET')
    expect(error.data).toMatchObject({ missing: [key] })
  })

  test('another kind of secret', () => {
    const layout = 'ERR_KUBERNETES_SECRET_LAYOUT'
    expect(refusal(() => decode({}), layout).message).toContain('Present: no key')
    expect(refusal(() => decode({ password: 'x' }), layout).message).toContain('Present: password')
    expect(refusal(() => decode(without(tls, 'tls.crt')), layout).message).toContain('ca-cert.pem')
    const gloo = { 'root-cert.pem': pem.ROOT_A, 'key.pem': pem.ROOT_A_KEY }
    expect(refusal(() => decode(gloo), layout).message).toContain('decodeRootSecret')
    expect(refusal(() => decodeCacerts({}), layout).message).toContain('Secret (unnamed)')
  })

  test.each<[string, unknown, string]>([
    ['plain PEM', pem.INTERMEDIATE_A_KEY, 'plain PEM'],
    ['a number', 5, 'found number'],
    ['null', null, 'found null'],
    ['bytes', [1, 2], 'found an array'],
    ['no base64', `${base64(pem.INTERMEDIATE_A_KEY)}*`, 'base64'],
    ['base64url', '_-_-', 'base64'],
    ['lines of base64', base64(pem.INTERMEDIATE_A_KEY).replace(/.{76}/g, '$&\n'), 'one line'],
    ['cut base64', base64(pem.INTERMEDIATE_A_KEY).slice(0, -3), 'base64'],
  ])('%s as a value', (_, value, words) => {
    for (const key of Object.keys(four)) {
      const secret = { ...secretOf(four), data: { ...secretOf(four).data, [key]: value } } as SecretLike
      const error = refusal(() => decodeCacerts(secret), 'ERR_KUBERNETES_SECRET_DATA')
      expect(error.message).toMatch(`Secret istio-system/cacerts, key "${key}": `)
      expect(error.message).toContain(words)
      expect(error.data).toMatchObject({ secret: 'istio-system/cacerts', key })
    }
  })

  test.each([5, 'text', [four]])('the map %j', (data) => {
    const secret = { ...secretOf(four), data } as unknown as SecretLike
    refusal(() => decodeCacerts(secret), 'ERR_KUBERNETES_SECRET_DATA')
    refusal(
      () => decodeCacerts({ ...secretOf(four), stringData: data } as unknown as SecretLike),
      'ERR_KUBERNETES_SECRET_DATA',
    )
  })

  test('certificates that cannot be read, with the cause', () => {
    const broken = pem.ROOT_A.replace(/\n.{8}/, '\nAAAAAAAA')
    for (const key of ['ca-cert.pem', 'cert-chain.pem', 'root-cert.pem']) {
      const error = refusal(() => decode({ ...four, [key]: pem.ROOT_B + broken }), 'ERR_DER_UNEXPECTED_TAG')
      expect(error.message).toContain(`Secret istio-system/cacerts, key "${key}": PEM block 2 at line`)
      expect(error.cause).toMatchObject({ code: error.code })
      expect(error.data).toMatchObject({ secret: 'istio-system/cacerts', key, block: 2 })
    }
    refusal(() => decode({ ...four, 'root-cert.pem': '' }), 'ERR_PEM_NO_BLOCK')
    refusal(() => decode({ ...four, 'ca-cert.pem': 'garbage' }), 'ERR_PEM_NO_BLOCK')
    refusal(() => decode({ ...four, 'ca-crl.pem': pem.ROOT_A }), 'ERR_PEM_LABEL')
    refusal(() => decode({ ...four, 'ca-crl.pem': 'garbage' }), 'ERR_PEM_NO_BLOCK')
  })

  test('keys in the wrong place, and shows none of them', () => {
    for (const key of ['ca-cert.pem', 'cert-chain.pem', 'root-cert.pem', 'ca-crl.pem']) {
      const cut = `-----BEGIN CERTIFICATE-----\nAAAA\n-----BEGIN PRIVATE KEY-----${pem.RSA_KEY.slice(33)}`
      const glued = pem.ROOT_A + cut
      for (const text of [pem.INTERMEDIATE_A_KEY, pem.ROOT_A + pem.RSA_KEY, glued]) {
        expect(refusal(() => decode({ ...four, [key]: text }), 'ERR_PEM_LABEL').message).toContain(`"${key}"`)
      }
    }
  })

  test.each<[string, string, string]>([
    ['nothing', '', 'ERR_PEM_NO_BLOCK'],
    ['garbage', 'garbage', 'ERR_PEM_NO_BLOCK'],
    ['bare base64', base64(pem.RSA_KEY), 'ERR_PEM_NO_BLOCK'],
    ['a certificate', pem.ROOT_A, 'ERR_PEM_LABEL'],
    ['a certificate after the key', pem.INTERMEDIATE_A_KEY + pem.ROOT_A, 'ERR_PEM_LABEL'],
    ['two keys', pem.INTERMEDIATE_A_KEY + pem.RSA_KEY, 'ERR_PEM_BLOCK_COUNT'],
    ['parameters alone', pem.INTERMEDIATE_A_KEY_WITH_PARAMETERS.slice(0, 77), 'ERR_PEM_BLOCK_COUNT'],
    ['a key under a passphrase of old', pem.INTERMEDIATE_A_KEY_LEGACY_ENCRYPTED, 'ERR_PEM_ENCRYPTED'],
    ['a key without its end', pem.RSA_KEY.slice(0, 900), 'ERR_PEM_SYNTAX'],
    ['a key on one line', pem.RSA_KEY.replaceAll('\n', ''), 'ERR_PEM_SYNTAX'],
    [
      'a key with a blank line of dashes',
      pem.RSA_KEY.replace(/\n(.{64}\n.{64})\n/, '\n-----$1\n'),
      'ERR_PEM_SYNTAX',
    ],
    ['a key with a wrong character', pem.RSA_KEY.replace(/\n(.)/, '\n*$1'), 'ERR_PEM_BASE64'],
    [
      'a key as its own label',
      `-----BEGIN ${base64(pem.RSA_KEY).slice(0, 60)}-----\n${pem.RSA_KEY}`,
      'ERR_PEM_LABEL',
    ],
    ['a key with a line lost', pem.RSA_KEY.replace(/\n.{64}\n/, '\n'), 'ERR_KEY_FORMAT'],
    ['a key cut at a line', pem.RSA_KEY.replace(/(\n.{64}){3}\n(?=.*\n-----END)/, '\n'), 'ERR_KEY_FORMAT'],
  ])('%s in the place of the key', (_, text, code) => {
    for (const [texts, key] of [
      [{ ...four, 'ca-key.pem': text }, 'ca-key.pem'],
      [{ ...tls, 'tls.key': text }, 'tls.key'],
    ] as const) {
      const error = refusal(() => decode(texts), code)
      expect(error.message).toContain(`Secret istio-system/cacerts, key "${key}": private key: `)
    }
    refusal(() => SealedPem.parse(text), code)
    refusal(
      () => encodeCacerts({ certificate: pem.INTERMEDIATE_A, roots: pem.ROOT_A, privateKey: text }),
      code,
    )
  })

  test('hostile names, escaped', () => {
    const secret = secretOf({ 'a\u001b[2J': 'x' }, { metadata: { name: 'x\u202e', namespace: 'y\u0000' } })
    expect(refusal(() => decodeCacerts(secret), 'ERR_KUBERNETES_SECRET_LAYOUT').message).not.toMatch(
      /[\u001b\u202e\u0000]/,
    )
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`key-${at}`, 'x']))
    expect(refusal(() => decode(many), 'ERR_KUBERNETES_SECRET_LAYOUT').message.length).toBeLessThan(600)
  })

  test.each([undefined, null, 5, 'secret', []])('%j in place of a secret', (value) => {
    // @ts-expect-error not a secret
    expect(() => decodeCacerts(value)).toThrow(TypeError)
  })
})

describe('SealedPem', () => {
  test('shows itself only when asked', () => {
    const sealed = SealedPem.parse(pem.INTERMEDIATE_A_KEY_SEC1)
    expect([sealed.label, sealed.labels]).toEqual(['EC PRIVATE KEY', ['EC PRIVATE KEY']])
    expect(sealed.reveal()).toBe(pem.INTERMEDIATE_A_KEY_SEC1)
    const shown = '[sealed PRIVATE KEY]'
    expect([String(sealed), `${sealed}`, inspect(sealed), inspect({ a: [sealed] })]).toEqual([
      shown,
      shown,
      shown,
      `{ a: [ ${shown} ] }`,
    ])
    expect(JSON.stringify({ sealed })).toBe(`{"sealed":"${shown}"}`)
    expectSealed(sealed)
    expect(Object.isFrozen(sealed)).toBe(true)
    expect({ ...sealed }).toEqual({})
    // @ts-expect-error not a string
    expect(() => SealedPem.parse(undefined)).toThrow(TypeError)
  })
})

describe('encodeCacerts', () => {
  const input = { certificate: pem.INTERMEDIATE_A, roots: pem.ROOT_A, privateKey: pem.INTERMEDIATE_A_KEY }

  test('writes what tools/certs of Istio writes', () => {
    const secret = encodeCacerts(input)
    expect(secret).toEqual(secretOf(four))
    expect(plain(secret, 'cert-chain.pem')).toBe(pem.INTERMEDIATE_A + pem.ROOT_A)
  })

  test('every layout has its keys and type', () => {
    const shapeOf = (secret: SecretLike) => [secret.type, Object.keys(secret.data ?? {}).sort()]
    expect(shapeOf(encodeCacerts({ ...input, layout: 'istio' }))).toEqual(['Opaque', Object.keys(four)])
    expect(shapeOf(encodeCacerts({ ...input, layout: 'istio-legacy' }))).toEqual([
      'certificates.mesh.gloo.solo.io/issued_certificate',
      [...Object.keys(four), 'key.pem'].sort(),
    ])
    expect(shapeOf(encodeCacerts({ ...input, layout: 'tls' }))).toEqual([
      'kubernetes.io/tls',
      Object.keys(tls).sort(),
    ])
    expect(encodeCacerts({ ...input, name: 'x', namespace: 'y' }).metadata).toEqual({
      name: 'x',
      namespace: 'y',
    })
    expect(encodeCacerts({ ...input, layout: 'tls' }).data).toEqual(secretOf(tls).data)
  })

  test('ends every PEM in one line end', () => {
    for (const privateKey of [pem.RSA_KEY.trimEnd(), `${pem.RSA_KEY}\r\n\n`]) {
      const secret = encodeCacerts({ ...input, privateKey, crls: pem.ROOT_A_CRL.trimEnd() })
      for (const key of Object.keys(secret.data ?? {})) expect(plain(secret, key)).toMatch(/[^\n\r ]\n$/)
    }
  })

  test('a signer that is its own root stands once in the chain; an empty chain stays empty', () => {
    const self = { certificate: pem.ROOT_A, roots: pem.ROOT_A + pem.ROOT_B, privateKey: pem.ROOT_A_KEY }
    expect(plain(encodeCacerts(self), 'cert-chain.pem')).toBe(pem.ROOT_A + pem.ROOT_B)
    expect(plain(encodeCacerts({ ...input, chain: [] }), 'cert-chain.pem')).toBe('')
    expect(plain(encodeCacerts({ ...self, roots: pem.ROOT_A, layout: 'tls' }), 'tls.crt')).toBe(pem.ROOT_A)
  })

  test('keeps of the base what is not its own', () => {
    const metadata = {
      name: 'cacerts',
      namespace: 'mesh',
      labels: { app: 'x' },
      annotations: { note: 'y' },
      resourceVersion: '41',
      uid: 'u-1',
      managedFields: [{ manager: 'kubectl' }],
    }
    const base = {
      ...secretOf({ ...four, extra: 'kept', 'istio-generated': '', 'ca-crl.pem': pem.ROOT_A_CRL }),
      metadata,
      type: SecretType.glooIssued,
      immutable: false,
    }
    const next = encodeCacerts({ ...input, roots: [pem.ROOT_A, pem.ROOT_B] }, base)
    expect(next.metadata).toEqual(metadata)
    expect(next).toMatchObject({
      type: SecretType.glooIssued,
      immutable: false,
      apiVersion: 'v1',
      kind: 'Secret',
    })
    expect(Object.keys(next.data ?? {}).sort()).toEqual(Object.keys(base.data ?? {}).sort())
    expect(plain(next, 'extra')).toBe('kept')
    expect(plain(next, 'ca-crl.pem')).toBe(pem.ROOT_A_CRL)
    expect(plain(next, 'root-cert.pem')).toBe(pem.ROOT_A + pem.ROOT_B)
    expect(plain(base, 'root-cert.pem')).toBe(pem.ROOT_A)
    const taken = encodeCacerts({ ...input, crls: '', istioGenerated: false }, base)
    expect(Object.keys(taken.data ?? {}).sort()).toEqual([...Object.keys(four), 'extra'].sort())
  })

  test('does not lose a key that stands in the base, nor let stringData override', () => {
    const base = {
      ...secretOf({ ...four, 'key.pem': pem.ROOT_A_KEY }),
      stringData: { 'root-cert.pem': pem.ROOT_B, note: 'kept' },
    }
    const next = encodeCacerts(input, base)
    expect(plain(next, 'key.pem')).toBe(pem.ROOT_A_KEY)
    expect(next.stringData).toEqual({ note: 'kept' })
    expect(decodeCacerts(next)).toMatchObject({ layout: 'istio-legacy' })
    expect(names(decodeCacerts(next).roots)).toEqual(['Root A'])
    expect('stringData' in encodeCacerts(input, { ...base, stringData: { 'root-cert.pem': 'x' } })).toBe(
      false,
    )
  })

  test('keeps the layout of the base and refuses to put two into one secret', () => {
    const base = secretOf(tls, { type: 'kubernetes.io/tls' })
    expect(encodeCacerts(input, base)).toEqual(base)
    refusal(() => encodeCacerts({ ...input, layout: 'istio' }, base), 'ERR_KUBERNETES_SECRET_LAYOUT')
    refusal(() => encodeCacerts({ ...input, layout: 'tls' }, secretOf(four)), 'ERR_KUBERNETES_SECRET_LAYOUT')
    expect(encodeCacerts({ ...input, layout: 'istio-legacy' }, secretOf(four)).data).toHaveProperty(
      'key.pem',
      '',
    )
    refusal(
      () => encodeCacerts({ ...input, layout: 'tls', crls: pem.ROOT_A_CRL }),
      'ERR_KUBERNETES_SECRET_LAYOUT',
    )
  })

  test('refuses what stands in the wrong place', () => {
    const notCa = (change: object) =>
      refusal(() => encodeCacerts({ ...input, ...change }), 'ERR_CA_NOT_CA').message
    expect(notCa({ certificate: pem.WORKLOAD })).toContain('"certificate"')
    expect(notCa({ roots: [pem.ROOT_A, pem.WORKLOAD] })).toContain('"roots" (certificate 2)')
    expect(notCa({ chain: [pem.WORKLOAD, pem.ROOT_A] })).toContain('"chain" (certificate 1)')
    refusal(() => encodeCacerts({ ...input, roots: [] }), 'ERR_KUBERNETES_INCOMPLETE_SECRET')
    // Of three tiers the middle one cannot be guessed: without it workloads of this cluster verify nowhere.
    const unfinished = { ...input, roots: pem.ROOT_B, chain: undefined }
    const missing = refusal(() => encodeCacerts(unfinished), 'ERR_KUBERNETES_INCOMPLETE_SECRET')
    expect(missing.message).toMatch(
      /"CN=Intermediate A,O=Istio" .* issued by "CN=Root A,O=Istio".*option "chain"/,
    )
    expect(plain(encodeCacerts({ ...unfinished, chain: pem.INTERMEDIATE_A }), 'root-cert.pem')).toBe(
      pem.ROOT_B,
    )
    refusal(
      () => encodeCacerts({ ...input, certificate: pem.INTERMEDIATE_A + pem.ROOT_A }),
      'ERR_PEM_BLOCK_COUNT',
    )
    refusal(() => encodeCacerts({ ...input, certificate: pem.RSA_KEY }), 'ERR_PEM_LABEL')
    refusal(() => encodeCacerts({ ...input, crls: pem.ROOT_A }), 'ERR_PEM_LABEL')
    refusal(() => encodeCacerts({ ...input, crls: pem.RSA_KEY }), 'ERR_PEM_LABEL')
  })

  test('refuses keys that Istio does not read', () => {
    for (const privateKey of [pem.INTERMEDIATE_A_KEY_SEC1, pem.RSA_KEY, SealedPem.parse(pem.RSA_KEY)]) {
      expect(decodeCacerts(encodeCacerts({ ...input, privateKey })).findings).toEqual([])
    }
    for (const privateKey of [pem.INTERMEDIATE_A_KEY_WITH_PARAMETERS, pem.INTERMEDIATE_A_KEY_ENCRYPTED]) {
      refusal(() => encodeCacerts({ ...input, privateKey }), 'ERR_PEM_LABEL')
      refusal(() => encodeCacerts({ ...input, privateKey: SealedPem.parse(privateKey) }), 'ERR_PEM_LABEL')
    }
  })

  test('refuses misuse', () => {
    // @ts-expect-error an unknown option
    expect(() => encodeCacerts({ ...input, root: pem.ROOT_A })).toThrow('roots')
    // @ts-expect-error an unknown layout
    expect(() => encodeCacerts({ ...input, layout: 'gloo' })).toThrow(TypeError)
    // @ts-expect-error no key
    expect(() => encodeCacerts({ certificate: pem.ROOT_A, roots: pem.ROOT_A })).toThrow(TypeError)
    // @ts-expect-error not text
    expect(() => encodeCacerts({ ...input, crls: 5 })).toThrow(TypeError)
    expect(() => encodeCacerts({ ...input, name: '' })).toThrow(TypeError)
    expect(() => encodeCacerts({ ...input, name: 'other' }, secretOf(four))).toThrow('renamed')
    expect(() => encodeCacerts({ ...input, name: 'cacerts' }, secretOf(four))).not.toThrow()
  })

  test('refuses more than an API server takes', () => {
    const rest = secretOf({ ...four, extra: 'x'.repeat(1_040_000) })
    expect(() => encodeCacerts(input, rest)).not.toThrow()
    const full = secretOf({ ...four, extra: 'x'.repeat(1_048_000) })
    expect(refusal(() => encodeCacerts(input, full), 'ERR_KUBERNETES_SECRET_DATA').message).toContain(
      '1048576',
    )
  })

  test('a new secret may have another type, one that is there keeps its own', () => {
    const type = SecretType.glooIssued
    expect(encodeCacerts({ ...input, type }).type).toBe('certificates.mesh.gloo.solo.io/issued_certificate')
    expect(encodeCacerts({ ...input, type }, secretOf(four, { type })).type).toBe(type)
    expect(() => encodeCacerts({ ...input, type }, secretOf(four))).toThrow('cannot be changed')
    expect(() => encodeCacerts({ ...input, type: '' })).toThrow('"type"')
  })

  test('takes certificates in any shape', () => {
    const certificate = Certificate.fromPem(pem.INTERMEDIATE_A)
    const roots = [Certificate.fromPem(pem.ROOT_A), { raw: Certificate.fromPem(pem.ROOT_B).der }]
    const secret = encodeCacerts({ ...input, certificate, roots })
    expect(plain(secret, 'root-cert.pem')).toBe(pem.ROOT_A + pem.ROOT_B)
  })
})
