import { expect, test } from 'vitest'
import { decodeCrlConfigMap, encodeCrlConfigMap } from '../../../../src/kubernetes/secrets/crl-config-map.ts'
import { CertificateList } from '../../../../src/x509/index.ts'
import * as pem from '../fixtures.ts'
import { refusal } from '../support.ts'

test('writes what istiod writes', () => {
  expect(encodeCrlConfigMap(pem.ROOT_A_CRL, { namespace: 'shop' })).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio-ca-crl', namespace: 'shop', labels: { 'istio.io/config': 'true' } },
    data: { 'ca-crl.pem': pem.ROOT_A_CRL },
  })
})

test('takes CRLs in any shape, keeps what the base has, and is read back', () => {
  const list = CertificateList.fromPem(pem.ROOT_A_CRL)
  const base = {
    metadata: { name: 'x', namespace: 'shop', resourceVersion: '7' },
    data: { other: 'kept', 'ca-crl.pem': 'old' },
  }
  const next = encodeCrlConfigMap([list, list.der, pem.ROOT_A_CRL], {}, base)
  expect(next.metadata).toEqual({ ...base.metadata, labels: { 'istio.io/config': 'true' } })
  expect(next.data).toEqual({ other: 'kept', 'ca-crl.pem': pem.ROOT_A_CRL.repeat(3) })
  const read = decodeCrlConfigMap(next)
  expect(read.map((each) => each.equals(list))).toEqual([true, true, true])
})

test('refuses the rest', () => {
  refusal(() => encodeCrlConfigMap([], { namespace: 'x' }), 'ERR_KUBERNETES_CONFIG_MAP')
  refusal(() => encodeCrlConfigMap(pem.ROOT_A, { namespace: 'x' }), 'ERR_PEM_LABEL')
  refusal(() => encodeCrlConfigMap(pem.RSA_KEY, { namespace: 'x' }), 'ERR_PEM_LABEL')
  expect(() => encodeCrlConfigMap(pem.ROOT_A_CRL, {})).toThrow('"namespace" is needed')
  expect(() => encodeCrlConfigMap([5 as never], { namespace: 'x' })).toThrow(TypeError)
  const full = { metadata: { namespace: 'x' }, data: { other: 'x'.repeat(1_048_576) } }
  refusal(() => encodeCrlConfigMap(pem.ROOT_A_CRL, {}, full), 'ERR_KUBERNETES_CONFIG_MAP')
  for (const data of [undefined, {}, { 'ca-crl.pem': 5 as never }])
    refusal(() => decodeCrlConfigMap({ data }), 'ERR_KUBERNETES_CONFIG_MAP')
  refusal(() => decodeCrlConfigMap({ data: { 'ca-crl.pem': pem.RSA_KEY } }), 'ERR_PEM_LABEL')
  const message = refusal(
    () => decodeCrlConfigMap({ metadata: { name: 'a' }, data: { 'ca-crl.pem': '' } }),
    'ERR_PEM_NO_BLOCK',
  ).message
  expect(message).toMatch(/^ConfigMap a, key "ca-crl\.pem": /)
  expect(() => decodeCrlConfigMap(undefined as never)).toThrow(TypeError)
})
