import { describe, expect, test } from 'vitest'
import { readVaultCa } from '../../../src/issuers/vault/index.ts'

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

const SPEC = {
  server: 'https://vault.example:8200',
  caPath: 'pki/root/sign-intermediate',
  kubernetesAuth: { role: 'mesh-ca' },
}
const TOKEN = { tokenSecretRef: { name: 'vault-token', namespace: 'gloo-mesh' }, kubernetesAuth: undefined }

describe('a VaultCA', () => {
  test('with the defaults of Gloo', () => {
    expect(readVaultCa(SPEC)).toEqual({
      server: 'https://vault.example:8200',
      namespace: undefined,
      path: 'pki/root/sign-intermediate',
      csrPath: undefined,
      ca: undefined,
      auth: {
        method: 'kubernetes',
        role: 'mesh-ca',
        mount: 'kubernetes',
        jwt: { from: 'file', path: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
      },
      notes: [],
    })
  })

  test('with every field of Kubernetes authentication', () => {
    const { auth, ca, namespace, csrPath, notes } = readVaultCa({
      ...SPEC,
      csrPath: 'pki_int/intermediate/generate/exported',
      namespace: 'admin/mesh/',
      caBundle: base64(PEM),
      kubernetesAuth: {
        mountPath: '/v1/auth/clusters/kind2',
        role: 'mesh-ca',
        secretTokenKey: 'jwt',
        serviceAccountRef: { name: 'istiod', namespace: 'istio-system' },
      },
    })
    expect(auth).toEqual({
      method: 'kubernetes',
      role: 'mesh-ca',
      mount: 'clusters/kind2',
      jwt: { from: 'service-account', account: { name: 'istiod', namespace: 'istio-system', key: 'jwt' } },
    })
    expect(ca).toEqual({ from: 'inline', pem: PEM })
    expect(namespace).toBe('admin/mesh')
    expect(csrPath).toBe('pki_int/intermediate/generate/exported')
    expect(notes).toEqual([
      'csrPath "pki_int/intermediate/generate/exported" is not used: Vault would make the key, and here it is made where it is used',
      'mountPath "/v1/auth/clusters/kind2" is read as "auth/clusters/kind2"',
    ])
  })

  test('with a token, and the CA of the server in a Secret', () => {
    const { auth, ca } = readVaultCa({ ...SPEC, ...TOKEN, caSecretRef: { name: 'vault-ca' } })
    expect(auth).toEqual({
      method: 'token',
      secret: { name: 'vault-token', namespace: 'gloo-mesh', key: 'token' },
    })
    expect(ca).toEqual({
      from: 'secret',
      secret: { name: 'vault-ca', namespace: undefined, key: 'root-cert.pem' },
    })
  })

  test('with files, another key, and what proto leaves empty', () => {
    const { auth, ca, notes } = readVaultCa({
      ...SPEC,
      namespace: '',
      caBundle: null,
      caLocalPath: '/etc/vault/ca.pem',
      kubernetesAuth: { role: 'mesh-ca', mountedSaPath: '/var/run/secrets/vault/', secretTokenKey: 'jwt' },
    })
    expect(ca).toEqual({ from: 'file', path: '/etc/vault/ca.pem' })
    expect(auth).toMatchObject({ jwt: { from: 'file', path: '/var/run/secrets/vault/jwt' } })
    expect(notes).toEqual([])
  })
})

describe('odd forms are told', () => {
  test.each<[string, object, string]>([
    [
      'caPath with the version',
      { caPath: '/v1/pki/root/sign-intermediate' },
      'caPath "/v1/pki/root/sign-intermediate" is read as "pki/root/sign-intermediate"',
    ],
    ['a bundle in PEM', { caBundle: PEM }, 'caBundle is PEM; Kubernetes writes base64 of PEM there'],
    [
      'http',
      { server: 'http://vault.vault.svc:8200' },
      'server has the scheme http: vaultAuth takes that for loopback, or with insecure: true',
    ],
    ['an unknown field', { caPaths: 'x\u001b[31m' }, 'vault has an unknown field "caPaths"'],
    [
      'an unknown field of the authentication',
      { kubernetesAuth: { role: 'a', audience: 'vault' } },
      'vault.kubernetesAuth has an unknown field "audience"',
    ],
    [
      'a mount without auth/',
      { kubernetesAuth: { role: 'a', mountPath: 'kind2' } },
      'mountPath "kind2" does not begin with auth/; it is read as auth/kind2',
    ],
  ])('%s', (_, changes, note) => {
    expect(readVaultCa({ ...SPEC, ...changes }).notes).toEqual([note])
  })

  test('a thousand unknown fields are counted', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x\u202e${i}`, 1]))
    const { notes } = readVaultCa({ ...SPEC, ...many })
    expect(notes).toHaveLength(9)
    expect(notes.at(0)).toBe('vault has an unknown field "x\\u{202e}0"')
    expect(notes.at(-1)).toBe('vault has 992 more unknown fields')
  })
})

describe('what cannot be used is refused, with its field', () => {
  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /vault must be an object; got undefined/],
    ['a list', [], /got an array/],
    ['no server', { ...SPEC, server: undefined }, /vault\.server is missing/],
    ['a server with a password', { ...SPEC, server: 'https://a:b@c' }, /user information/],
    ['no caPath', { ...SPEC, caPath: '' }, /vault\.caPath is missing/],
    ['a caPath that signs nothing', { ...SPEC, caPath: 'pki/ca/pem' }, /"path" must end in/],
    ['a number', { ...SPEC, namespace: 5 }, /namespace must be a string; got number/],
    [
      'no authentication',
      { ...SPEC, kubernetesAuth: null },
      /exactly one of tokenSecretRef and kubernetesAuth/,
    ],
    ['two', { ...SPEC, tokenSecretRef: { name: 'a' } }, /exactly one/],
    ['no role', { ...SPEC, kubernetesAuth: {} }, /kubernetesAuth\.role is missing/],
    ['a Secret without a name', { ...SPEC, ...TOKEN, tokenSecretRef: {} }, /tokenSecretRef\.name is missing/],
    ['two bundles', { ...SPEC, caBundle: base64(PEM), caLocalPath: '/a' }, /caBundle and caLocalPath/],
    ['a bundle that is none', { ...SPEC, caBundle: '!!' }, /caBundle must be base64 of certificates/],
    ['base64 of something else', { ...SPEC, caBundle: base64('hello') }, /caBundle must be base64/],
    [
      'two tokens',
      { ...SPEC, kubernetesAuth: { role: 'a', mountedSaPath: '/a', serviceAccountRef: { name: 'b' } } },
      /serviceAccountRef and mountedSaPath/,
    ],
    [
      'a mount upwards',
      { ...SPEC, kubernetesAuth: { role: 'a', mountPath: '/v1/auth/../sys' } },
      /mountPath/,
    ],
  ])('%s', (_, spec, text) => {
    expect(() => readVaultCa(spec)).toThrow(text)
    expect(() => readVaultCa(spec)).toThrow(TypeError)
  })

  // Minutes, where the end of a text is looked for from each slash.
  test('many slashes, not at the end', () => {
    const long = `a${'/'.repeat(600_000)}x`
    const kubernetesAuth = { role: 'a', mountedSaPath: long }
    expect(() => readVaultCa({ ...SPEC, caPath: long })).toThrow(/"path" must be names/)
    expect(() => readVaultCa({ ...SPEC, kubernetesAuth: { role: 'a', mountPath: long } })).toThrow(
      /mountPath/,
    )
    expect(readVaultCa({ ...SPEC, server: `https://${long}`, kubernetesAuth }).auth).toMatchObject({
      jwt: { from: 'file', path: `${long}/token` },
    })
  })

  test('slashes at the end are left out', () => {
    const kubernetesAuth = { role: 'a', mountedSaPath: '/a//' }
    const { server, path, auth } = readVaultCa({
      ...SPEC,
      server: 'https://vault.example/x/v1//',
      caPath: `${SPEC.caPath}//`,
      kubernetesAuth,
    })
    expect([server, path]).toEqual(['https://vault.example/x', SPEC.caPath])
    expect(auth).toMatchObject({ jwt: { path: '/a/token' } })
  })

  test('fields of a prototype are not read', () => {
    expect(() => readVaultCa(Object.create(SPEC))).toThrow(/server is missing/)
  })
})
