import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  clusterTrustBundleName,
  decodeClusterTrustBundle,
  encodeClusterTrustBundle,
} from '../../../../src/kubernetes/secrets/cluster-trust-bundle.ts'
import * as pem from '../fixtures.ts'
import { refusal } from '../support.ts'

const signerName = 'example.com/mesh'
const code = 'ERR_KUBERNETES_TRUST_BUNDLE'
const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 24)
const bundle = (spec: object, name: string) => ({ kind: 'ClusterTrustBundle', metadata: { name }, spec })

test('a name that says what is in it', () => {
  expect(clusterTrustBundleName(pem.ROOT_A, signerName)).toBe(`example.com:mesh:${digest(pem.ROOT_A)}`)
  expect(clusterTrustBundleName([pem.ROOT_A, pem.ROOT_B])).toBe(`roots-${digest(pem.ROOT_A + pem.ROOT_B)}`)
  expect(() => clusterTrustBundleName(pem.ROOT_A, 'mesh')).toThrow(TypeError)
})

test('writes what the API server takes, and reads it back', () => {
  const object = encodeClusterTrustBundle([pem.ROOT_A, pem.ROOT_B], { signerName })
  expect(object).toEqual({
    apiVersion: 'certificates.k8s.io/v1beta1',
    kind: 'ClusterTrustBundle',
    metadata: { name: `example.com:mesh:${digest(pem.ROOT_A + pem.ROOT_B)}` },
    spec: { signerName, trustBundle: pem.ROOT_A + pem.ROOT_B },
  })
  const read = decodeClusterTrustBundle(object)
  expect([read.signerName, read.roots.map((root) => root.toPem())]).toEqual([
    signerName,
    [pem.ROOT_A, pem.ROOT_B],
  ])
  const plain = encodeClusterTrustBundle(pem.ROOT_A, { name: 'mesh.roots', version: 'v1alpha1' })
  expect(plain).toMatchObject({
    apiVersion: 'certificates.k8s.io/v1alpha1',
    metadata: { name: 'mesh.roots' },
  })
  expect(decodeClusterTrustBundle(plain).signerName).toBeUndefined()
  // istiod's own can be read.
  const istio = { signerName: 'istio.io/istiod-ca', trustBundle: pem.ROOT_A }
  expect(decodeClusterTrustBundle(bundle(istio, 'istio.io:istiod-ca:root-cert')).roots).toHaveLength(1)
})

test('a new version keeps name, signer and what is not understood', () => {
  const base = {
    ...encodeClusterTrustBundle(pem.ROOT_A, { signerName, name: 'example.com:mesh:roots' }),
    extra: 1,
  }
  expect(encodeClusterTrustBundle(pem.ROOT_B, {}, base)).toEqual({
    ...base,
    spec: { signerName, trustBundle: pem.ROOT_B },
  })
  refusal(() => encodeClusterTrustBundle(pem.ROOT_B, { signerName: 'example.com/x' }, base), code)
  refusal(() => encodeClusterTrustBundle(pem.ROOT_B, { name: 'example.com:mesh:x' }, base), code)
})

describe('names', () => {
  test.each<[string, string | undefined, boolean]>([
    ['roots', undefined, true],
    ['a.b-c', undefined, true],
    ['a:b', undefined, false],
    ['Roots', undefined, false],
    ['-a', undefined, false],
    ['', undefined, false],
    ['x'.repeat(254), undefined, false],
    ['example.com:mesh:roots', signerName, true],
    ['example.com:mesh:', signerName, false],
    ['example.com:mesh:a:b', signerName, false],
    ['roots', signerName, false],
    ['example.com:other:roots', signerName, false],
  ])('%s of %s: %s', (name, signer, isValid) => {
    const spec = { ...(signer === undefined ? {} : { signerName: signer }), trustBundle: pem.ROOT_A }
    const decode = () => decodeClusterTrustBundle(bundle(spec, name))
    if (isValid) expect(decode().name).toBe(name)
    else refusal(decode, code)
    if (name === '') return
    const encode = () => encodeClusterTrustBundle(pem.ROOT_A, { name, signerName: signer })
    if (isValid) expect(encode().metadata.name).toBe(name)
    else refusal(encode, code)
  })
})

describe('content', () => {
  test.each<[string, unknown, string]>([
    ['nothing', undefined, code],
    ['an empty text', '', 'ERR_PEM_NO_BLOCK'],
    ['a workload certificate', pem.WORKLOAD, 'ERR_CA_NOT_CA'],
    ['another block', pem.ROOT_A_CRL, 'ERR_PEM_LABEL'],
    ['a key', pem.ROOT_A + pem.ROOT_A_KEY, 'ERR_PEM_LABEL'],
    ['one that stands twice', pem.ROOT_A + pem.ROOT_B + pem.ROOT_A, code],
    ['a header', pem.ROOT_A.replace('\n', '\nName: value\n\n'), 'ERR_PEM_BASE64'],
    ['too much', `${pem.ROOT_A}${'#'.repeat(1_048_576)}`, code],
  ])('%s is refused', (_, trustBundle, expected) => {
    refusal(() => decodeClusterTrustBundle(bundle({ trustBundle }, 'roots')), expected)
  })

  test('and not written', () => {
    refusal(() => encodeClusterTrustBundle([]), code)
    refusal(() => encodeClusterTrustBundle([pem.ROOT_A, pem.ROOT_A]), code)
    refusal(() => encodeClusterTrustBundle(pem.WORKLOAD), 'ERR_CA_NOT_CA')
    const many = Array.from({ length: 1900 }, () => pem.ROOT_A)
    expect(refusal(() => encodeClusterTrustBundle(many), code).message).toContain('1048576')
  })

  test('text around the blocks is allowed', () => {
    expect(
      decodeClusterTrustBundle(bundle({ trustBundle: `Subject: ours\n${pem.ROOT_A}` }, 'roots')).roots,
    ).toHaveLength(1)
  })
})

test('another kind, an impossible signer, no object', () => {
  refusal(() => decodeClusterTrustBundle({ kind: 'Secret', metadata: { name: 'x' } }), code)
  refusal(
    () => decodeClusterTrustBundle(bundle({ signerName: 'x', trustBundle: pem.ROOT_A }, 'x:roots')),
    code,
  )
  expect(() => decodeClusterTrustBundle(null as never)).toThrow(TypeError)
  expect(() => encodeClusterTrustBundle(pem.ROOT_A, { version: 'v2' as never })).toThrow('"version"')
  expect(() => encodeClusterTrustBundle(pem.ROOT_A, { signer: 'x' } as never)).toThrow('"signer"')
})
