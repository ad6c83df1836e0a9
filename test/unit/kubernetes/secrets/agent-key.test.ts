import { expect, test } from 'vitest'
import { SecretType } from '../../../../src/kubernetes/objects/names.ts'
import { decodeAgentKey, encodeAgentKey } from '../../../../src/kubernetes/secrets/agent-key.ts'
import * as pem from '../fixtures.ts'
import { expectSealed, refusal, secretOf } from '../support.ts'

const metadata = { name: 'istiod-istio-system-cluster-1', namespace: 'gloo-mesh' }
const type = 'certificates.mesh.gloo.solo.io/generated_private_key'

test('as Gloo Mesh’s agent writes it', () => {
  const secret = encodeAgentKey({ privateKey: pem.RSA_KEY, ...metadata })
  expect(secret).toEqual(
    secretOf(
      { 'private-key': pem.RSA_KEY },
      {
        type,
        metadata: { ...metadata, labels: { 'agent.certificates.mesh.gloo.solo.io': 'gloo-mesh' } },
      },
    ),
  )
  const read = decodeAgentKey(secret)
  expect(read.findings).toEqual([])
  expect(read.privateKey.reveal()).toBe(pem.RSA_KEY)
  expectSealed(read)
  expect(encodeAgentKey(read, secret)).toEqual(secret)
  const other = encodeAgentKey({ privateKey: pem.RSA_KEY, ...metadata, agentNamespace: 'agents' })
  expect(other.metadata?.labels).toEqual({ 'agent.certificates.mesh.gloo.solo.io': 'agents' })
})

test('keys that the agent does not read are read here, with a finding', () => {
  const codes = (text: string) =>
    decodeAgentKey(secretOf({ 'private-key': text }, { type })).findings.map(({ code }) => code)
  expect(codes(pem.RSA_KEY)).toEqual([])
  expect(codes(pem.INTERMEDIATE_A_KEY)).toEqual(['key-label'])
  expect(codes(pem.INTERMEDIATE_A_KEY_SEC1)).toEqual(['key-label'])
  expect(codes(pem.INTERMEDIATE_A_KEY_ENCRYPTED)).toEqual(['key-label'])
  expect(codes(pem.INTERMEDIATE_A_KEY_WITH_PARAMETERS)).toEqual(['ec-parameters'])
})

test('refuses the rest', () => {
  for (const text of [pem.INTERMEDIATE_A_KEY, pem.INTERMEDIATE_A_KEY_SEC1])
    refusal(() => encodeAgentKey({ privateKey: text, ...metadata }), 'ERR_PEM_LABEL')
  refusal(() => encodeAgentKey({ privateKey: pem.ROOT_A, ...metadata }), 'ERR_PEM_LABEL')
  expect(() => encodeAgentKey({ privateKey: pem.RSA_KEY })).toThrow('"name" is needed')
  expect(() => encodeAgentKey({ privateKey: pem.RSA_KEY, ...metadata, agentNamespace: '' })).toThrow(
    '"agentNamespace"',
  )
  // @ts-expect-error an unknown option
  expect(() => encodeAgentKey({ privateKey: pem.RSA_KEY, ...metadata, label: 'x' })).toThrow('"label"')
  refusal(() => decodeAgentKey(secretOf({}, { type })), 'ERR_KUBERNETES_INCOMPLETE_SECRET')
  refusal(
    () => decodeAgentKey(secretOf({ 'private-key': pem.RSA_KEY }, { type: SecretType.glooIssued })),
    'ERR_KUBERNETES_SECRET_LAYOUT',
  )
  refusal(() => decodeAgentKey(secretOf({ 'private-key': pem.ROOT_A }, { type })), 'ERR_PEM_LABEL')
})
