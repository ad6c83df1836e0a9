import { describe, expect, test } from 'vitest'
import { readRootTrustPolicy } from '../../../../src/kubernetes/policy/read-root-trust-policy.ts'
import { codesOf, refused, rootTrustPolicy, virtualMesh } from './support.ts'

const generated = (options: unknown = { ttlDays: 3650 }) => ({
  config: { mgmtServerCa: { generated: options } },
})
const read = (spec: unknown) => readRootTrustPolicy(rootTrustPolicy(spec))
const codes = (spec: unknown) => codesOf(read(spec).warnings)

describe('defaults', () => {
  // gloo-mesh: buildDefaultCertOptions.
  const root = {
    ttlDays: 365,
    lifetime: '365d',
    keyAlgorithm: 'RSA-4096',
    organization: 'gloo-mesh',
    gracePeriodRatio: 0.1,
  }

  test('what is left out, zero or empty gets those of Gloo Mesh', () => {
    for (const options of [
      {},
      { ttlDays: 0, rsaKeySizeBytes: 0, orgName: '', secretRotationGracePeriodRatio: 0 },
    ]) {
      const policy = read(generated(options))
      expect(policy.authority).toEqual({ source: 'generated', options: root })
      expect(policy.intermediate).toEqual({ ...root, organization: 'Istio' })
    }
  })

  test('what is given counts', () => {
    const policy = read({
      config: {
        mgmtServerCa: { generated: { ttlDays: 730, orgName: 'acme', rsaKeySizeBytes: 2048 } },
        intermediateCertOptions: { ttlDays: 1, secretRotationGracePeriodRatio: 0.1, orgName: 'mesh' },
      },
    })
    expect(policy).toMatchObject({
      kind: 'RootTrustPolicy',
      source: 'admin.gloo.solo.io/v2',
      name: 'root-trust-policy',
      namespace: 'gloo-mesh',
      uid: 'u-1',
      generation: 3,
      meshes: { all: true, selectors: [], references: [] },
      authority: { options: { ttlDays: 730, organization: 'acme', keyAlgorithm: 'RSA-2048' } },
      intermediate: { lifetime: '1d', organization: 'mesh', gracePeriodRatio: 0.1 },
      passive: [],
      autoRestartPods: false,
      warnings: [],
    })
  })

  test('no CA at all is one that is generated, with a warning', () => {
    for (const spec of [{}, { config: {} }, { config: { mgmtServerCa: {} } }, undefined]) {
      const policy = read(spec)
      expect(policy.authority).toEqual({ source: 'generated', options: root })
      expect(codesOf(policy.warnings)).toEqual(['authority-defaulted'])
    }
  })
})

describe('what is odd is read with a warning', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['a sound policy has none', generated(), []],
    ['{}', generated({}), ['generated-defaults']],
    ['null', generated(null), ['null-member']],
    ['a key size in bytes', generated({ ttlDays: 3650, rsaKeySizeBytes: 512 }), ['key-size-in-bytes']],
    ['an unknown field', { ...generated(), workspace: 'x' }, ['unknown-field']],
    ['an unknown option', generated({ ttlDays: 3650, ttlHours: 1 }), ['unknown-field']],
    ['a ratio of 1', generated({ ttlDays: 3650, secretRotationGracePeriodRatio: 1 }), ['ratio-out-of-range']],
    [
      'a ratio of -1',
      generated({ ttlDays: 3650, secretRotationGracePeriodRatio: -1 }),
      ['ratio-out-of-range'],
    ],
    [
      'a ratio of 0.95',
      generated({ ttlDays: 3650, secretRotationGracePeriodRatio: 0.95 }),
      ['renewal-at-once'],
    ],
    ['a number as text', generated({ ttlDays: '3650' }), ['number-as-text']],
    [
      'pods that are restarted',
      { config: { ...generated().config, autoRestartPods: true } },
      ['auto-restart-pods'],
    ],
    [
      'an intermediate that outlives the root',
      { config: { mgmtServerCa: { generated: { ttlDays: 30 } }, intermediateCertOptions: { ttlDays: 31 } } },
      ['root-shorter-than-intermediate'],
    ],
    [
      'a secret without a namespace',
      { config: { mgmtServerCa: { secretRef: { name: 'root' } } } },
      ['secret-namespace-defaulted'],
    ],
    [
      'passive CAs',
      {
        config: {
          ...generated().config,
          passiveCertificateAuthorities: [{ secretRef: { name: 'old', namespace: 'gloo-mesh' } }],
        },
      },
      ['passive-authorities'],
    ],
    [
      'the shape of the documentation: no list, and a list of labels',
      { ...generated(), applyToMeshes: { istio: { clusterSelector: [{ trust: 'shared' }] } } },
      ['selector-not-list', 'cluster-selector-list'],
    ],
    [
      'a selector without istio',
      { ...generated(), applyToMeshes: [{ namespace: 'istio-system' }] },
      ['selector-without-istio'],
    ],
  ])('%s', (_, spec, expected) => {
    expect(codes(spec)).toEqual(expected)
  })

  test('with the path, and what to do', () => {
    const [finding] = read(generated({ ttlDays: 3650, rsaKeySizeBytes: 512 })).warnings
    expect(finding).toEqual({
      code: 'key-size-in-bytes',
      path: 'spec.config.mgmtServerCa.generated.rsaKeySizeBytes',
      message: expect.stringMatching(
        /^RootTrustPolicy gloo-mesh\/root-trust-policy, spec\.config\.mgmtServerCa\.generated\.rsaKeySizeBytes: .*Write 4096$/,
      ),
    })
  })

  test('bytes are read as the bits that were meant; a ratio out of range as the default', () => {
    const of = (options: object) => read(generated(options)).authority
    expect(of({ rsaKeySizeBytes: 256 })).toMatchObject({ options: { keyAlgorithm: 'RSA-2048' } })
    expect(of({ rsaKeySizeBytes: 384 })).toMatchObject({ options: { keyAlgorithm: 'RSA-3072' } })
    expect(of({ rsaKeySizeBytes: 512 })).toMatchObject({ options: { keyAlgorithm: 'RSA-4096' } })
    expect(of({ secretRotationGracePeriodRatio: 1.5 })).toMatchObject({ options: { gracePeriodRatio: 0.1 } })
  })

  test('their number is bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`member${i}`, i]))
    const { warnings } = read({ ...generated(), ...many })
    expect(warnings).toHaveLength(101)
    expect(warnings.at(-1)).toMatchObject({ code: 'more-findings' })
  })
})

describe('selectors', () => {
  const selectorsOf = (applyToMeshes: unknown) => read({ ...generated(), applyToMeshes }).meshes

  test('all parts', () => {
    const istio = {
      revision: '1-2\\d',
      namespace: 'istio-system',
      clusterSelector: { trust: 'shared' },
      selector: { app: 'istiod' },
    }
    expect(selectorsOf([{ istio }])).toEqual({
      all: false,
      references: [],
      selectors: [
        {
          revision: '1-2\\d',
          namespace: 'istio-system',
          clusterLabels: { trust: 'shared' },
          labels: { app: 'istiod' },
        },
      ],
    })
  })

  test('nothing, an empty list and an empty selector are all meshes', () => {
    for (const value of [undefined, null, [], [{}], [{ istio: {} }]])
      expect(selectorsOf(value).all).toBe(true)
    expect(selectorsOf([{ istio: { namespace: 'x' } }]).all).toBe(false)
  })

  test('a misspelled selector does not become one for all meshes', () => {
    for (const item of [{ istio: { clusterSelectors: { a: 'b' } } }, { kubernetes: {} }]) {
      expect(() => selectorsOf([item])).toThrow('would select every mesh')
    }
    // With another member that restricts it, it is a warning.
    const spec = { ...generated(), applyToMeshes: [{ istio: { namespace: 'x', clusterSelectors: {} } }] }
    expect(codes(spec)).toEqual(['unknown-field'])
  })

  test('a label with two values', () => {
    const spec = { ...generated(), applyToMeshes: [{ istio: { clusterSelector: [{ a: '1' }, { a: '2' }] } }] }
    refused(() => read(spec), 'spec.applyToMeshes[0].istio.clusterSelector')
    const same = { ...generated(), applyToMeshes: [{ istio: { clusterSelector: [{ a: '1' }, { b: '2' }] } }] }
    expect(read(same).meshes.selectors[0]?.clusterLabels).toEqual({ a: '1', b: '2' })
  })
})

describe('Vault', () => {
  const vault = {
    server: 'https://vault:8200',
    caPath: 'pki/root/sign-intermediate',
    csrPath: 'pki_int/intermediate/generate/exported',
    kubernetesAuth: { role: 'gen-int-ca' },
  }
  const agent = (change: object = {}) => ({ config: { agentCa: { vault: { ...vault, ...change } } } })

  test('with the defaults of the login', () => {
    const policy = read(agent())
    expect(policy.warnings).toEqual([])
    expect(policy.authority).toEqual({
      source: 'agent',
      vault: {
        server: 'https://vault:8200',
        caPath: 'pki/root/sign-intermediate',
        csrPath: 'pki_int/intermediate/generate/exported',
        namespace: undefined,
        trust: undefined,
        login: {
          method: 'kubernetes',
          mountPath: '/v1/auth/kubernetes',
          role: 'gen-int-ca',
          secretTokenKey: 'token',
          mountedPath: '/var/run/secrets/kubernetes.io/serviceaccount',
        },
      },
    })
  })

  test('a token, a bundle in a secret, no TLS', () => {
    const policy = read(
      agent({
        server: 'http://vault:8200',
        kubernetesAuth: undefined,
        tokenSecretRef: { name: 'token', namespace: 'x' },
        caSecretRef: { name: 'ca', namespace: 'x' },
      }),
    )
    expect(codesOf(policy.warnings)).toEqual(['vault-without-tls'])
    expect(policy.authority).toMatchObject({
      vault: {
        login: { method: 'token', secret: { name: 'token', namespace: 'x' } },
        trust: { from: 'secret', secret: { name: 'ca' } },
      },
    })
  })

  test.each<[string, object, string]>([
    ['no server', { server: '' }, 'spec.config.agentCa.vault.server'],
    ['no URL', { server: 'vault:8200' }, 'spec.config.agentCa.vault.server'],
    ['no path', { caPath: undefined }, 'spec.config.agentCa.vault.caPath'],
    ['no login', { kubernetesAuth: undefined }, 'spec.config.agentCa.vault'],
    ['two logins', { tokenSecretRef: { name: 'a', namespace: 'b' } }, 'spec.config.agentCa.vault'],
    ['no role', { kubernetesAuth: {} }, 'spec.config.agentCa.vault.kubernetesAuth.role'],
    ['two bundles', { caBundle: 'x', caLocalPath: '/x' }, 'spec.config.agentCa.vault'],
  ])('%s', (_, change, path) => {
    refused(() => read(agent(change)), path)
  })
})

describe('what cannot be understood is refused', () => {
  const ca = 'spec.config.mgmtServerCa'
  test.each<[string, unknown, string]>([
    [
      'generated and secretRef',
      { config: { mgmtServerCa: { generated: {}, secretRef: { name: 'a', namespace: 'b' } } } },
      ca,
    ],
    ['a management CA and Vault', { config: { mgmtServerCa: {}, agentCa: {} } }, 'spec.config'],
    ['agentCa without Vault', { config: { agentCa: {} } }, 'spec.config.agentCa'],
    [
      'the secret of istiod as the root',
      { config: { mgmtServerCa: { secretRef: { name: 'cacerts', namespace: 'istio-system' } } } },
      `${ca}.secretRef`,
    ],
    ['a secret without a name', { config: { mgmtServerCa: { secretRef: {} } } }, `${ca}.secretRef.name`],
    ['text as a config', { config: 'x' }, 'spec.config'],
    ['text as a spec', 'x', 'spec'],
    ['a list as options', generated([]), `${ca}.generated`],
    ['days in a map', generated({ ttlDays: {} }), `${ca}.generated.ttlDays`],
    ['half a day', generated({ ttlDays: 0.5 }), `${ca}.generated.ttlDays`],
    ['days below zero', generated({ ttlDays: -1 }), `${ca}.generated.ttlDays`],
    ['seconds in place of days', generated({ ttlDays: 31_536_000 }), `${ca}.generated.ttlDays`],
    ['an endless life', generated({ ttlDays: Number.POSITIVE_INFINITY }), `${ca}.generated.ttlDays`],
    ['a key of 1024', generated({ rsaKeySizeBytes: 1024 }), `${ca}.generated.rsaKeySizeBytes`],
    ['a key of 16384', generated({ rsaKeySizeBytes: 16_384 }), `${ca}.generated.rsaKeySizeBytes`],
    ['a long organization', generated({ orgName: 'x'.repeat(65) }), `${ca}.generated.orgName`],
    ['a flag as text', { config: { autoRestartPods: 'true' } }, 'spec.config.autoRestartPods'],
    ['a text as selectors', { ...generated(), applyToMeshes: 'all' }, 'spec.applyToMeshes'],
    [
      'a number as a label',
      { applyToMeshes: [{ istio: { selector: { a: 1 } } }] },
      'spec.applyToMeshes[0].istio.selector',
    ],
    [
      'an empty passive CA',
      { config: { passiveCertificateAuthorities: [{}] } },
      'spec.config.passiveCertificateAuthorities[0]',
    ],
    [
      'too many passive CAs',
      { config: { passiveCertificateAuthorities: new Array(10_001).fill({}) } },
      'spec.config.passiveCertificateAuthorities',
    ],
  ])('%s', (_, spec, path) => {
    refused(() => read(spec), path)
  })

  test('another kind, another version, no name, no object', () => {
    const code = expect.objectContaining({ code: 'ERR_KUBERNETES_POLICY' })
    for (const object of [
      virtualMesh({}),
      { ...rootTrustPolicy({}), apiVersion: 'admin.gloo.solo.io/v1' },
      { ...rootTrustPolicy({}), metadata: {} },
      { ...rootTrustPolicy({}), kind: undefined },
      {},
    ]) {
      expect(() => readRootTrustPolicy(object)).toThrow(code)
    }
    for (const value of [undefined, null, 'x', []])
      expect(() => readRootTrustPolicy(value)).toThrow(TypeError)
  })

  test('foreign text is quoted, and members of the prototype are not taken for the policy’s', () => {
    expect(() => read({ config: { mgmtServerCa: '\u001b[31m\u202e' } })).toThrow('\\u{1b}[31m\\u{202e}')
    expect(
      read(generated(JSON.parse('{"__proto__": {"ttlDays": 1}, "ttlDays": 3650}'))).authority,
    ).toMatchObject({
      options: { ttlDays: 3650 },
    })
  })
})
