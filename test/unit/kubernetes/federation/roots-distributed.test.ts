import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import type { InstalledCa } from '../../../../src/kubernetes/federation/installed-ca.ts'
import {
  type RootsDistributedOptions,
  rootsDistributed,
} from '../../../../src/kubernetes/federation/roots-distributed.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { caUnder, installedOf, NOW, pemOf, rootOf } from './parts.ts'

let a: CertificateAuthority
let b: CertificateAuthority
let installed: InstalledCa

beforeAll(async () => {
  ;[a, b] = await Promise.all([rootOf('a'), rootOf('b')])
  installed = await installedOf(await caUnder(a), [a, b])
})

/** A cluster with these namespaces, and the roots that istiod has put into each. */
function cluster(namespaces: Readonly<Record<string, string | undefined>>, phase = 'Active') {
  const clock = manualClock(NOW)
  const api = fakeKubeApi({ clock })
  const give = (namespace: string, roots: string, name = 'istio-ca-root-cert') =>
    api.seed({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: { 'root-cert.pem': roots },
    })
  for (const [name, roots] of Object.entries(namespaces)) {
    api.seed({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, status: { phase } })
    if (roots !== undefined) give(name, roots)
  }
  const client = new KubeClient(api.transport(), { fieldManager: 'agent', clock })
  const ask = (options?: RootsDistributedOptions) => rootsDistributed(client, options)(installed)
  return { give, ask }
}

describe('the roots are distributed', () => {
  test('where every namespace has exactly those of cacerts, and only then', async () => {
    const { ask, give } = cluster({ shop: pemOf(a, b), bank: pemOf(a, b) })
    expect(await ask()).toBe(true)
    for (const other of [pemOf(a), pemOf(b), '', 'x']) {
      give('bank', other)
      expect(await ask()).toBe(false)
    }
    // More than was withdrawn: the old root is still trusted there.
    give('bank', pemOf(a, b, await rootOf('c')))
    expect(await ask()).toBe(false)
    // The order of roots is no matter to a verifier.
    give('bank', pemOf(b, a))
    expect(await ask()).toBe(true)
  })

  test('not while a namespace has none', async () => {
    expect(await cluster({ shop: pemOf(a, b), bank: undefined }).ask()).toBe(false)
    expect(await cluster({ bank: undefined, shop: pemOf(a, b) }).ask()).toBe(false)
  })

  test('without those that istiod leaves out, or that are left out here', async () => {
    const all = { shop: pemOf(a, b), 'kube-public': undefined, 'kube-node-lease': undefined }
    expect(await cluster(all).ask()).toBe(true)
    expect(await cluster({ ...all, 'kube-system': undefined }).ask()).toBe(false)
    const { ask } = cluster({ shop: pemOf(a, b), legacy: undefined })
    expect(await ask()).toBe(false)
    expect(await ask({ skip: ['legacy'] })).toBe(true)
    expect(await ask({ skip: ['shop'] })).toBe(false)
    // Who says what is left out says all of it.
    expect(await cluster(all).ask({ skip: [] })).toBe(false)
  })

  test('without namespaces that end', async () => {
    expect(await cluster({ going: undefined }, 'Terminating').ask()).toBe(true)
    expect(await cluster({ going: undefined }).ask()).toBe(false)
  })

  test('by the ConfigMap of that name', async () => {
    const { ask, give } = cluster({ shop: pemOf(a, b) })
    expect(await ask({ name: 'roots-of-canary' })).toBe(false)
    give('shop', pemOf(a, b), 'roots-of-canary')
    give('shop', pemOf(a))
    expect([await ask({ name: 'roots-of-canary' }), await ask()]).toEqual([true, false])
  })

  test('not where cacerts cannot be read', async () => {
    const client = new KubeClient(fakeKubeApi().transport(), { fieldManager: 'agent' })
    expect(await rootsDistributed(client)({ ...installed, bundle: undefined })).toBe(false)
    expect(await rootsDistributed(client)(installed)).toBe(true)
  })
})
