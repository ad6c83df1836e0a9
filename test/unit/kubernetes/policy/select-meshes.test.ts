import { describe, expect, test } from 'vitest'
import type { Inventory, InventoryMesh } from '../../../../src/kubernetes/policy/inventory.ts'
import { readRootTrustPolicy } from '../../../../src/kubernetes/policy/read-root-trust-policy.ts'
import { readVirtualMesh } from '../../../../src/kubernetes/policy/read-virtual-mesh.ts'
import { selectMeshes } from '../../../../src/kubernetes/policy/select-meshes.ts'
import { codesOf, rootTrustPolicy, virtualMesh } from './support.ts'

const mesh = (name: string, change: Partial<InventoryMesh> = {}): InventoryMesh => ({
  name,
  namespace: 'istio-system',
  trustDomain: 'cluster.local',
  ...change,
})
const inventory: Inventory = {
  clusters: [
    {
      name: 'c2',
      labels: { trust: 'shared', region: 'eu' },
      meshes: [
        mesh('m3', { revision: '1-26', labels: { app: 'istiod' } }),
        mesh('m2', { namespace: 'other' }),
      ],
    },
    { name: 'c1', labels: { trust: 'own' }, meshes: [mesh('m1', { revision: '1-27' })] },
    { name: 'c3', meshes: [] },
  ],
}
const select = (applyToMeshes: unknown) => {
  const spec = { config: { mgmtServerCa: { generated: { ttlDays: 9999 } } }, applyToMeshes }
  const { meshes, findings } = selectMeshes(readRootTrustPolicy(rootTrustPolicy(spec)), inventory)
  return { names: meshes.map((each) => each.mesh.name), codes: codesOf(findings), meshes }
}

describe('RootTrustPolicy', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['no selector is all, sorted', undefined, ['m1', 'm2', 'm3']],
    ['an empty one too', [{ istio: {} }], ['m1', 'm2', 'm3']],
    ['by the labels of the cluster', [{ istio: { clusterSelector: { trust: 'shared' } } }], ['m2', 'm3']],
    ['all labels', [{ istio: { clusterSelector: { trust: 'shared', region: 'us' } } }], []],
    ['by namespace', [{ istio: { namespace: 'other' } }], ['m2']],
    ['by the labels of istiod', [{ istio: { selector: { app: 'istiod' } } }], ['m3']],
    ['by revision', [{ istio: { revision: '1-27' } }], ['m1']],
    ['by a pattern', [{ istio: { revision: '1-2[67]' } }], ['m1', 'm3']],
    ['one without a revision is the default one', [{ istio: { revision: 'default' } }], ['m2']],
    ['the whole revision', [{ istio: { revision: '1-2' } }], []],
    ['several selectors', [{ istio: { namespace: 'other' } }, { istio: { revision: '1-27' } }], ['m1', 'm2']],
    ['a label that every object has', [{ istio: { selector: { toString: 'x' } } }], []],
  ])('%s', (_, applyToMeshes, expected) => {
    const { names, codes } = select(applyToMeshes)
    expect([names, codes]).toEqual([expected, []])
  })

  test('a pattern that is not read is compared as it is', () => {
    const { names, codes } = select([{ istio: { revision: '(1-26)' } }])
    expect([names, codes]).toEqual([[], ['revision-not-read']])
  })

  test('each says by what it was selected', () => {
    expect(select(undefined).meshes[0]?.reason).toContain('all meshes')
    const [first] = select([{ istio: { namespace: 'none' } }, { istio: { revision: '1-27' } }]).meshes
    expect(first?.reason).toContain('selector 2')
  })
})

test('VirtualMesh: references, and those that lead nowhere', () => {
  const policy = readVirtualMesh(virtualMesh({ meshes: [{ name: 'm3' }, { name: 'gone' }, { name: 'm1' }] }))
  const { meshes, findings } = selectMeshes(policy, inventory)
  expect(meshes.map((each) => [each.cluster.name, each.mesh.name, each.reason])).toEqual([
    ['c1', 'm1', 'the policy names it'],
    ['c2', 'm3', 'the policy names it'],
  ])
  expect(findings).toMatchObject([{ code: 'mesh-not-found', path: 'spec.meshes[1]' }])
  expect(selectMeshes(readVirtualMesh(virtualMesh({})), inventory).meshes).toEqual([])
})

test('an inventory of another form is refused', () => {
  const policy = readVirtualMesh(virtualMesh({}))
  const of = (clusters: unknown) => () => selectMeshes(policy, { clusters } as never)
  expect(of('x')).toThrow(TypeError)
  expect(of([{ name: '', meshes: [] }])).toThrow('inventory.clusters[0].name')
  expect(of([{ name: 'a', meshes: 'x' }])).toThrow('meshes must be a list')
  expect(of([{ name: 'a', meshes: [], extra: 1 }])).toThrow('"extra"')
  expect(
    of([
      { name: 'a', meshes: [] },
      { name: 'a', meshes: [] },
    ]),
  ).toThrow(RangeError)
  expect(of([{ name: 'a', meshes: [mesh('m'), mesh('m')] }])).toThrow(RangeError)
  expect(of([{ name: 'a', meshes: [{ name: 'm', namespace: 'n' }] }])).toThrow('trustDomain')
})
