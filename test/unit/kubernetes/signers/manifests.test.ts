import { describe, expect, it } from 'vitest'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import { MeshIssuerResources } from '../../../../src/kubernetes/signers/mesh-issuer.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { readYaml } from './rbac-support.ts'
import { wire } from './support.ts'

const FILES = [
  'cert-manager-client',
  'cert-manager-issuer',
  'cluster-trust-bundles',
  'csr-approver',
  'csr-signer',
  'pod-certificate-signer',
  'restarts',
  'root-config-maps',
  'trust-manager',
]

/** Those that keep keys, certificates and tokens; what else is held to the same. */
const KEEPERS = [
  'agent',
  'agent-evidence',
  'inventory',
  'issuer-management',
  'issuer-remote',
  'relay-client',
  'relay-server',
]

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules?: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
    readonly resourceNames?: readonly string[]
  }[]
  readonly roleRef?: { readonly kind: string; readonly name: string }
}

const manifests = (file: string) => readYaml(`rbac/${file}.yaml`) as readonly Manifest[]

describe.each([...FILES, ...KEEPERS])('the roles of %s', (file) => {
  const rules = manifests(file).flatMap((one) => one.rules ?? [])

  it('name what they grant, and no more', () => {
    expect(rules.length).toBeGreaterThan(0)
    for (const { apiGroups, resources, verbs, resourceNames = [] } of rules) {
      for (const word of [...apiGroups, ...resources, ...verbs]) expect(word).not.toContain('*')
      // Kubernetes cannot limit create to names: a rule that does grants nothing.
      if (resourceNames.length > 0) expect(verbs).not.toContain('create')
      if (resources.includes('signers')) expect(resourceNames.length).toBeGreaterThan(0)
    }
  })

  it('never reach pods, roles and tokens, nor secrets that are not theirs', () => {
    const resources = rules.flatMap((one) => one.resources)
    for (const word of ['pods', 'serviceaccounts', 'serviceaccounts/token', 'roles', 'clusterroles'])
      expect(resources).not.toContain(word)
    if (FILES.includes(file)) expect(resources).not.toContain('secrets')
    // To list them is to read them all.
    for (const { resources, verbs, resourceNames } of rules)
      if (resources.includes('secrets') && resourceNames === undefined) expect(verbs).not.toContain('list')
    expect(rules.flatMap((one) => one.verbs)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/impersonate|escalate|bind/)]),
    )
  })

  it('are each bound, and nothing else is', () => {
    const key = (kind: string, name: string) => `${kind} ${name}`
    const roles = manifests(file)
      .filter(({ kind }) => kind.endsWith('Role'))
      .map(({ kind, metadata }) => key(kind, metadata.name))
    const bound = manifests(file).flatMap(({ roleRef }) =>
      roleRef === undefined ? [] : [key(roleRef.kind, roleRef.name)],
    )
    expect(bound.sort()).toEqual(roles.sort())
  })
})

it('who signs does not approve, and who approves does not sign', () => {
  const verbs = (file: string) =>
    manifests(file)
      .flatMap((one) => one.rules ?? [])
      .flatMap((one) => one.verbs)
  expect(verbs('csr-signer')).not.toContain('approve')
  expect(verbs('csr-approver')).not.toContain('sign')
  const parts = manifests('csr-signer')
    .flatMap((one) => one.rules ?? [])
    .flatMap((one) => one.resources)
  expect(parts).not.toContain('certificatesigningrequests/approval')
})

describe.each([
  ['meshissuers', MeshIssuerResources.meshIssuers],
  ['clustermeshissuers', MeshIssuerResources.clusterMeshIssuers],
])('the definition of %s', (file, resource) => {
  const definition = wire(readYaml(`crds/${file}.yaml`)[0])

  it('is taken, and serves the kind that we ask for', async () => {
    const api = fakeKubeApi()
    const client = new KubeClient(api.transport(), { fieldManager: 'test' })
    expect(await client.serves(resource)).toBe(false)
    await client.create(KubeResources.customResourceDefinitions, definition)
    expect(await client.serves(resource)).toBe(true)
    const ref = { name: 'mesh', ...(resource.namespaced ? { namespace: 'shop' } : {}) }
    const made = await client.create(resource, { metadata: ref, spec: { signer: 'istio' } })
    await expect(
      client.create(resource, { metadata: { ...ref, name: 'b' }, spec: { signer: '' } }),
    ).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_INVALID',
    })
    // Status is written apart, and conditions are a map by type.
    await client.replace(resource, { ...made, status: { conditions: [] } })
    expect(api.read(resource, ref)?.['status']).toBeUndefined()
    for (const type of ['Ready', 'Other'])
      await new KubeClient(api.transport(), { fieldManager: type }).apply(
        resource,
        {
          metadata: ref,
          status: {
            conditions: [
              { type, status: 'True', reason: 'X', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
            ],
          },
        },
        { part: 'status' },
      )
    expect(Object(api.read(resource, ref)?.['status']).conditions).toHaveLength(2)
  })
})
