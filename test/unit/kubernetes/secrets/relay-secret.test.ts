import { describe, expect, test } from 'vitest'
import type { SecretLike } from '../../../../src/kubernetes/objects/secret-like.ts'
import { encodeRelaySecret } from '../../../../src/kubernetes/secrets/encode-relay-secret.ts'
import {
  decodeRelaySecret,
  RELAY_NAMES,
  type RelayRole,
} from '../../../../src/kubernetes/secrets/relay-secret.ts'
import * as pem from '../fixtures.ts'
import { expectSealed, plain, refusal, secretOf } from '../support.ts'

const at = (name: string): Partial<SecretLike> => ({ metadata: { name, namespace: 'gloo-mesh' } })
const pair = { 'tls.crt': pem.WORKLOAD, 'tls.key': pem.INTERMEDIATE_A_KEY, 'ca.crt': pem.ROOT_A }
const ca = { 'tls.crt': pem.INTERMEDIATE_A, 'tls.key': pem.INTERMEDIATE_A_KEY, 'ca.crt': pem.ROOT_A }

/** The table of the reference: names, and their keys. */
const TABLE: readonly (readonly [RelayRole, string, Readonly<Record<string, string>>])[] = [
  ['root', 'relay-root-tls-secret', { 'ca.crt': pem.ROOT_A }],
  ['server', 'relay-server-tls-secret', pair],
  ['signing', 'relay-tls-signing-secret', ca],
  ['client', 'relay-client-tls-secret', pair],
  ['identity-token', 'relay-identity-token-secret', { token: 'a shared secret' }],
  ['forwarding-identity-token', 'relay-forwarding-identity-token-secret', { token: 'another' }],
]

describe.each(TABLE)('%s', (role, name, texts) => {
  test('is told by its name, and by the option', () => {
    expect(RELAY_NAMES[role]).toBe(name)
    const secret = decodeRelaySecret(secretOf(texts, at(name)))
    expect(secret).toMatchObject({ role, findings: [] })
    expect(decodeRelaySecret(secretOf(texts, at('other')), { role }).role).toBe(role)
    expectSealed(secret)
  })

  test('is written as it was, and keeps what the base has', () => {
    const secret = secretOf(texts, at(name))
    expect(encodeRelaySecret(decodeRelaySecret(secret))).toEqual(secret)
    const base = secretOf(
      { ...texts, extra: 'kept' },
      { type: 'x/y', metadata: { name, namespace: 'relay', resourceVersion: '9', labels: { a: 'b' } } },
    )
    expect(encodeRelaySecret(decodeRelaySecret(base), base)).toEqual(base)
  })

  test('without one of its keys it is refused', () => {
    for (const key of Object.keys(texts)) {
      const rest = Object.fromEntries(Object.entries(texts).filter(([each]) => each !== key))
      const error = refusal(
        () => decodeRelaySecret(secretOf(rest, at(name))),
        'ERR_KUBERNETES_INCOMPLETE_SECRET',
      )
      expect(error.data).toMatchObject({ missing: [key] })
    }
  })
})

test('a token is sealed', () => {
  const secret = decodeRelaySecret(secretOf({ token: 'abc\n' }, at('relay-identity-token-secret')))
  if (secret.role !== 'identity-token') throw new Error(secret.role)
  expect(`${secret.token} ${JSON.stringify(secret)}`).not.toContain('abc')
  expect(secret.token.reveal()).toBe('abc\n')
  for (const token of ['', Buffer.from([0xff, 0xfe]).toString('latin1')]) {
    const bytes = Buffer.from(token, 'latin1').toString('base64')
    const damaged = { ...at('relay-identity-token-secret'), data: { token: bytes } }
    refusal(() => decodeRelaySecret(damaged), 'ERR_KUBERNETES_SECRET_DATA')
  }
})

test('the key of the root is found, never written, and taken out', () => {
  const secret = secretOf({ 'ca.crt': pem.ROOT_A, 'tls.key': pem.ROOT_A_KEY }, at('relay-root-tls-secret'))
  const root = decodeRelaySecret(secret)
  expect(root.findings).toMatchObject([{ code: 'root-key-present', key: 'tls.key' }])
  expectSealed(root)
  expect(Object.keys(encodeRelaySecret(root, secret).data ?? {})).toEqual(['ca.crt'])
})

test('a chain is sent with the certificate first', () => {
  const input = {
    role: 'client',
    certificate: pem.WORKLOAD,
    chain: pem.INTERMEDIATE_A,
    roots: [pem.ROOT_A, pem.ROOT_B],
    privateKey: pem.INTERMEDIATE_A_KEY,
  } as const
  const secret = encodeRelaySecret({ ...input, namespace: 'x' })
  expect(plain(secret, 'tls.crt')).toBe(pem.WORKLOAD + pem.INTERMEDIATE_A)
  expect(plain(secret, 'ca.crt')).toBe(pem.ROOT_A + pem.ROOT_B)
  expect(secret.metadata).toEqual({ name: 'relay-client-tls-secret', namespace: 'x' })
  const read = decodeRelaySecret(secret)
  expect(read.role === 'client' && read.chain.map(String)).toHaveLength(2)
})

test('refuses what does not belong there', () => {
  const server = {
    role: 'server',
    certificate: pem.WORKLOAD,
    roots: pem.ROOT_A,
    privateKey: pem.RSA_KEY,
  } as const
  // The recipe of the documentation: --cert=ca.crt.
  for (const role of ['server', 'client'] as const)
    refusal(
      () => encodeRelaySecret({ ...server, role, certificate: pem.ROOT_A }),
      'ERR_KUBERNETES_SECRET_LAYOUT',
    )
  refusal(() => encodeRelaySecret({ ...server, role: 'signing' }), 'ERR_CA_NOT_CA')
  refusal(() => encodeRelaySecret({ ...server, roots: pem.WORKLOAD }), 'ERR_CA_NOT_CA')
  refusal(() => encodeRelaySecret({ role: 'root', roots: [] }), 'ERR_KUBERNETES_INCOMPLETE_SECRET')
  refusal(() => encodeRelaySecret({ ...server, privateKey: pem.ROOT_A }), 'ERR_PEM_LABEL')
  refusal(() => encodeRelaySecret({ role: 'identity-token', token: '' }), 'ERR_KUBERNETES_SECRET_DATA')
  // @ts-expect-error a token is no server
  expect(() => encodeRelaySecret({ role: 'server', token: 'x' })).toThrow(TypeError)
  // @ts-expect-error no token
  expect(() => encodeRelaySecret({ role: 'identity-token' })).toThrow(TypeError)
  // @ts-expect-error an unknown role
  expect(() => encodeRelaySecret({ role: 'agent' })).toThrow('"role"')
  // @ts-expect-error an unknown option
  expect(() => encodeRelaySecret({ ...server, key: 'x' })).toThrow('"key"')
  refusal(() => decodeRelaySecret(secretOf(pair, at('some-server'))), 'ERR_KUBERNETES_SECRET_LAYOUT')
  expect(() => decodeRelaySecret(secretOf(pair), { role: 'x' as never })).toThrow(TypeError)
  expect(
    refusal(
      () => decodeRelaySecret(secretOf({ ...pair, 'tls.crt': 'x' }), { role: 'server' }),
      'ERR_PEM_NO_BLOCK',
    ).message,
  ).toMatch(/^Secret istio-system\/cacerts, key "tls\.crt": /)
})
