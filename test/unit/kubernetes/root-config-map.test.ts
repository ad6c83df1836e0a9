import { expect, test } from 'vitest'
import {
  type ConfigMapLike,
  decodeRootConfigMap,
  encodeRootConfigMap,
} from '../../../src/kubernetes/index.ts'
import * as pem from './fixtures.ts'
import { refusal } from './support.ts'

test('writes what istiod writes', () => {
  expect(encodeRootConfigMap([pem.ROOT_A, pem.ROOT_B], { namespace: 'shop' })).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio-ca-root-cert', namespace: 'shop', labels: { 'istio.io/config': 'true' } },
    data: { 'root-cert.pem': pem.ROOT_A + pem.ROOT_B },
  })
})

test('keeps what the base has beside', () => {
  const base = {
    metadata: { name: 'roots', namespace: 'shop', labels: { app: 'x' }, resourceVersion: '7' },
    data: { 'root-cert.pem': pem.ROOT_A, other: 'kept' },
    binaryData: { blob: 'AAAA' },
  }
  expect(encodeRootConfigMap(pem.ROOT_B, {}, base)).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...base.metadata, labels: { app: 'x', 'istio.io/config': 'true' } },
    data: { 'root-cert.pem': pem.ROOT_B, other: 'kept' },
    binaryData: { blob: 'AAAA' },
  })
  expect(() => encodeRootConfigMap(pem.ROOT_B, { name: 'other' }, base)).toThrow('renamed')
})

test('is read back in order, duplicates too', () => {
  const roots = decodeRootConfigMap(
    encodeRootConfigMap([pem.ROOT_A, pem.ROOT_B, pem.ROOT_B], { namespace: 'x' }),
  )
  expect(roots.map((root) => root.toPem())).toEqual([pem.ROOT_A, pem.ROOT_B, pem.ROOT_B])
  expect(Object.isFrozen(roots)).toBe(true)
})

test('refuses to write what is wrong', () => {
  refusal(() => encodeRootConfigMap([], { namespace: 'x' }), 'ERR_KUBERNETES_CONFIG_MAP')
  refusal(() => encodeRootConfigMap(pem.WORKLOAD, { namespace: 'x' }), 'ERR_CA_NOT_CA')
  refusal(() => encodeRootConfigMap(pem.RSA_KEY, { namespace: 'x' }), 'ERR_PEM_LABEL')
  expect(() => encodeRootConfigMap(pem.ROOT_A, {})).toThrow('"namespace" is needed')
  // @ts-expect-error an unknown option
  expect(() => encodeRootConfigMap(pem.ROOT_A, { nameSpace: 'x' })).toThrow('namespace')
  const full = { metadata: { name: 'x', namespace: 'y' }, data: { other: 'é'.repeat(524_288) } }
  refusal(() => encodeRootConfigMap(pem.ROOT_A, {}, full), 'ERR_KUBERNETES_CONFIG_MAP')
})

test.each<[string, unknown, string, string]>([
  ['no data', undefined, 'ERR_KUBERNETES_CONFIG_MAP', 'present: no key'],
  ['another key', { 'ca.crt': pem.ROOT_A }, 'ERR_KUBERNETES_CONFIG_MAP', 'present: ca.crt'],
  ['a number', { 'root-cert.pem': 5 }, 'ERR_KUBERNETES_CONFIG_MAP', 'found number'],
  ['null', { 'root-cert.pem': null }, 'ERR_KUBERNETES_CONFIG_MAP', 'found null'],
  ['data that is no map', 'text', 'ERR_KUBERNETES_CONFIG_MAP', 'missing'],
  ['no certificate', { 'root-cert.pem': '' }, 'ERR_PEM_NO_BLOCK', 'empty'],
  ['a key', { 'root-cert.pem': pem.ROOT_A_KEY }, 'ERR_PEM_LABEL', 'private key'],
])('refuses to read %s', (_, data, code, words) => {
  const configMap = { metadata: { name: 'istio-ca-root-cert', namespace: 'shop' }, data } as ConfigMapLike
  const { message } = refusal(() => decodeRootConfigMap(configMap), code)
  expect(message).toContain(words)
  expect(message).toMatch(/^ConfigMap shop\/istio-ca-root-cert, key "root-cert\.pem": /)
})

test.each([undefined, null, 'x', []])('takes no %j', (value) => {
  // @ts-expect-error not a ConfigMap
  expect(() => decodeRootConfigMap(value)).toThrow(TypeError)
})
