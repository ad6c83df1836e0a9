import { describe, expect, test } from 'vitest'
import { decodeRootSecret, encodeRootSecret, SecretType } from '../../../src/kubernetes/index.ts'
import type { Certificate } from '../../../src/x509/certificate.ts'
import * as pem from './fixtures.ts'
import { expectSealed, plain, refusal, secretOf } from './support.ts'

const two = { 'root-cert.pem': pem.ROOT_A, 'key.pem': pem.ROOT_A_KEY }
const four = {
  'ca-cert.pem': pem.ROOT_A,
  'ca-key.pem': pem.ROOT_A_KEY,
  'cert-chain.pem': pem.ROOT_A,
  'root-cert.pem': pem.ROOT_A,
}
const own = { ...four, 'cert-chain.pem': '', 'key.pem': '' }
const ofIstiod = {
  type: SecretType.istioCaRoot,
  metadata: { name: 'istio-ca-secret', namespace: 'istio-system' },
}
const names = (certificates: readonly Certificate[]) =>
  certificates.map(({ subject }) => subject.values('CN')[0])
const root = { certificate: pem.ROOT_A, privateKey: pem.ROOT_A_KEY }
const place = { name: 'mesh.gloo-mesh', namespace: 'gloo-mesh' }

describe('decodeRootSecret', () => {
  test("Gloo's two keys", () => {
    const secret = decodeRootSecret(secretOf(two))
    expect(secret).toMatchObject({ layout: 'gloo-legacy', chain: [], findings: [] })
    expect([names([secret.certificate]), names(secret.roots)]).toEqual([['Root A'], ['Root A']])
    expect(secret.privateKey.reveal()).toBe(pem.ROOT_A_KEY)
    expectSealed(secret)
  })

  test("Gloo's four keys", () => {
    const secret = decodeRootSecret(secretOf(four))
    expect(secret.layout).toBe('gloo')
    expect([names(secret.chain), names(secret.roots)]).toEqual([['Root A'], ['Root A']])
    expect(decodeRootSecret(secretOf({ ...four, 'key.pem': '' })).layout).toBe('gloo')
  })

  test("istiod's own, with and without a root", () => {
    const secret = decodeRootSecret(secretOf(own, ofIstiod))
    expect(secret).toMatchObject({ layout: 'istio-self-signed', chain: [] })
    for (const texts of [
      { ...own, 'root-cert.pem': '' },
      { 'ca-cert.pem': pem.ROOT_A, 'ca-key.pem': pem.ROOT_A_KEY },
    ]) {
      expect(names(decodeRootSecret(secretOf(texts, ofIstiod)).roots)).toEqual(['Root A'])
    }
    const more = secretOf({ ...own, 'root-cert.pem': pem.ROOT_A + pem.ROOT_B }, ofIstiod)
    expect(names(decodeRootSecret(more).roots)).toEqual(['Root A', 'Root B'])
  })

  test("cert-manager's, and the relay's", () => {
    const tls = { 'tls.crt': pem.INTERMEDIATE_A, 'tls.key': pem.INTERMEDIATE_A_KEY, 'ca.crt': pem.ROOT_A }
    const secret = decodeRootSecret(secretOf(tls, { type: SecretType.tls, metadata: place }))
    expect(secret).toMatchObject({ layout: 'tls', findings: [] })
    expect([names([secret.certificate]), names(secret.chain), names(secret.roots)]).toEqual([
      ['Intermediate A'],
      ['Intermediate A'],
      ['Root A'],
    ])
    const relay = decodeRootSecret(secretOf({ 'ca.crt': pem.ROOT_A, 'tls.key': pem.ROOT_A_KEY }))
    expect(relay).toMatchObject({ layout: 'relay', chain: [] })
    expect(names(relay.roots)).toEqual(['Root A'])
    // Two keys: which one is meant cannot be told.
    const layout = 'ERR_KUBERNETES_SECRET_LAYOUT'
    refusal(() => decodeRootSecret(secretOf({ ...tls, ...two })), layout)
    refusal(() => decodeRootSecret(secretOf({ ...tls, ...four })), layout)
    refusal(() => decodeRootSecret(secretOf({ 'tls.key': pem.ROOT_A_KEY })), layout)
  })

  test('the name of istiod’s own decides too', () => {
    const opaque = secretOf({ ...own, 'root-cert.pem': '' }, { metadata: ofIstiod.metadata })
    expect(decodeRootSecret(opaque).layout).toBe('istio-self-signed')
    refusal(() => decodeRootSecret(secretOf({ ...own, 'root-cert.pem': '' })), 'ERR_PEM_NO_BLOCK')
  })

  test('findings', () => {
    const parameters = secretOf({ ...four, 'ca-key.pem': pem.INTERMEDIATE_A_KEY_WITH_PARAMETERS })
    expect(decodeRootSecret(parameters).findings).toMatchObject([
      { code: 'ec-parameters', key: 'ca-key.pem' },
    ])
    const extra = secretOf({ ...four, 'ca-cert.pem': pem.ROOT_A + pem.ROOT_B })
    expect(decodeRootSecret(extra).findings).toMatchObject([{ code: 'extra-certificates' }])
    const twice = secretOf({ ...two, 'root-cert.pem': pem.ROOT_A + pem.ROOT_A })
    expect(decodeRootSecret(twice).findings).toMatchObject([{ code: 'duplicate-root' }])
  })

  test('an empty root counts only for istiod', () => {
    refusal(() => decodeRootSecret(secretOf({ ...four, 'root-cert.pem': '' })), 'ERR_PEM_NO_BLOCK')
  })

  test.each(Object.keys(four).filter((key) => key !== 'ca-cert.pem'))(
    'refuses four keys without %s',
    (key) => {
      const texts = Object.fromEntries(Object.entries(four).filter(([each]) => each !== key))
      expect(
        refusal(() => decodeRootSecret(secretOf(texts)), 'ERR_KUBERNETES_INCOMPLETE_SECRET').data,
      ).toMatchObject({
        missing: [key],
      })
    },
  )

  test('refuses the rest', () => {
    const incomplete = 'ERR_KUBERNETES_INCOMPLETE_SECRET'
    refusal(() => decodeRootSecret(secretOf({ 'key.pem': pem.ROOT_A_KEY })), incomplete)
    refusal(() => decodeRootSecret(secretOf({ 'root-cert.pem': pem.ROOT_A })), incomplete)
    refusal(() => decodeRootSecret(secretOf({ 'ca-cert.pem': pem.ROOT_A }, ofIstiod)), incomplete)
    const layout = 'ERR_KUBERNETES_SECRET_LAYOUT'
    refusal(() => decodeRootSecret(secretOf({ ...four, 'key.pem': pem.ROOT_A_KEY })), layout)
    refusal(() => decodeRootSecret(secretOf({ 'tls.crt': pem.ROOT_A })), layout)
    for (const type of [SecretType.glooIssued, SecretType.smhIssued]) {
      expect(refusal(() => decodeRootSecret(secretOf(four, { type })), layout).message).toContain(
        'decodeCacerts',
      )
    }
    refusal(() => decodeRootSecret({ data: { 'ca-cert.pem': '*' } }), incomplete)
    const wrong = { ...secretOf(four), data: { ...secretOf(four).data, 'ca-key.pem': `${pem.ROOT_A_KEY}` } }
    refusal(() => decodeRootSecret(wrong), 'ERR_KUBERNETES_SECRET_DATA')
    expect(
      refusal(() => decodeRootSecret(secretOf({ ...two, 'key.pem': pem.ROOT_A })), 'ERR_PEM_LABEL').message,
    ).toMatch(/^Secret istio-system\/cacerts, key "key\.pem": /)
  })
})

describe('encodeRootSecret', () => {
  test('writes exactly the keys and the type of each layout', () => {
    const gloo = { type: 'certificates.mesh.gloo.solo.io/generated_signing_cert', metadata: place }
    expect(encodeRootSecret(root, { layout: 'gloo-legacy', ...place })).toEqual(secretOf(two, gloo))
    expect(encodeRootSecret(root, { layout: 'gloo', ...place })).toEqual(secretOf(four, gloo))
    expect(encodeRootSecret(root, { layout: 'istio-self-signed' })).toEqual(
      secretOf(own, { ...ofIstiod, type: 'istio.io/ca-root' }),
    )
    expect(encodeRootSecret(root, { layout: 'istio-self-signed', ...place }).metadata).toEqual(place)
  })

  test.each(['gloo-legacy', 'gloo', 'istio-self-signed', 'tls', 'relay'] as const)(
    '%s is read back',
    (layout) => {
      const secret = encodeRootSecret(root, { layout, ...place })
      const read = decodeRootSecret(secret)
      expect(read.layout).toBe(layout)
      expect(encodeRootSecret(read, { layout, ...place })).toEqual(secret)
    },
  )

  test('a new version keeps what the base has', () => {
    const base = secretOf(
      { ...own, extra: 'kept' },
      { ...ofIstiod, metadata: { ...ofIstiod.metadata, resourceVersion: '7', labels: { a: 'b' } } },
    )
    const next = encodeRootSecret(
      { certificate: pem.ROOT_B, privateKey: pem.ROOT_A_KEY },
      { layout: 'istio-self-signed' },
      base,
    )
    expect(next.metadata).toEqual(base.metadata)
    expect([plain(next, 'extra'), plain(next, 'ca-cert.pem'), plain(next, 'root-cert.pem')]).toEqual([
      'kept',
      pem.ROOT_B,
      pem.ROOT_B,
    ])
    expect(() => encodeRootSecret(root, { layout: 'istio-self-signed', name: 'x' }, base)).toThrow('renamed')
  })

  test('the tls layout sends the CAs below the root, and is of the type that Kubernetes has for it', () => {
    const secret = encodeRootSecret(
      {
        certificate: pem.INTERMEDIATE_A,
        chain: [pem.INTERMEDIATE_A],
        roots: pem.ROOT_A,
        privateKey: pem.INTERMEDIATE_A_KEY,
      },
      { layout: 'tls', ...place },
    )
    expect(secret.type).toBe('kubernetes.io/tls')
    expect([plain(secret, 'tls.crt'), plain(secret, 'ca.crt')]).toEqual([pem.INTERMEDIATE_A, pem.ROOT_A])
    refusal(
      () =>
        encodeRootSecret(
          { certificate: pem.INTERMEDIATE_A, roots: pem.ROOT_A, privateKey: pem.INTERMEDIATE_A_KEY },
          { layout: 'relay', ...place },
        ),
      'ERR_KUBERNETES_SECRET_LAYOUT',
    )
  })

  test('gloo-legacy has one certificate', () => {
    const legacy = { layout: 'gloo-legacy', ...place } as const
    expect(
      plain(
        encodeRootSecret({ ...root, chain: pem.ROOT_A, roots: pem.ROOT_A + pem.ROOT_B }, legacy),
        'root-cert.pem',
      ),
    ).toBe(pem.ROOT_A + pem.ROOT_B)
    for (const change of [{ roots: pem.ROOT_B }, { chain: [pem.INTERMEDIATE_A, pem.ROOT_A] }]) {
      refusal(() => encodeRootSecret({ ...root, ...change }, legacy), 'ERR_KUBERNETES_SECRET_LAYOUT')
    }
  })

  test('refuses what is no CA, no key, no name', () => {
    const gloo = { layout: 'gloo', ...place } as const
    refusal(() => encodeRootSecret({ ...root, certificate: pem.WORKLOAD }, gloo), 'ERR_CA_NOT_CA')
    refusal(() => encodeRootSecret({ ...root, roots: [pem.ROOT_A, pem.WORKLOAD] }, gloo), 'ERR_CA_NOT_CA')
    refusal(() => encodeRootSecret({ ...root, privateKey: pem.ROOT_A }, gloo), 'ERR_PEM_LABEL')
    // @ts-expect-error no name
    expect(() => encodeRootSecret(root, { layout: 'gloo', namespace: 'x' })).toThrow('"name" is needed')
    // @ts-expect-error an unknown layout
    expect(() => encodeRootSecret(root, { layout: 'pem', ...place })).toThrow(TypeError)
    // @ts-expect-error an unknown option
    expect(() => encodeRootSecret({ ...root, key: 'x' }, gloo)).toThrow(TypeError)
  })
})
