import { describe, expect, test } from 'vitest'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import {
  type IssuedCertificateInput,
  readIssuedCertificate,
} from '../../../../src/kubernetes/federation/issued-certificate.ts'
import { orderStep } from '../../../../src/kubernetes/federation/order-step.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { HOST, TARGET } from './parts.ts'
import { World } from './support.ts'

const resource = MESH_PKI_API.issuedCertificates
const ref = { namespace: 'mesh-pki', name: 'istiod-istio-system-east' }

const order = (spec: Partial<IssuedCertificateInput['spec']> = {}): IssuedCertificateInput => ({
  ...ref,
  spec: {
    hosts: [HOST],
    organization: 'Istio',
    lifetime: '365d',
    keyAlgorithm: 'P-256',
    gracePeriodRatio: 0.1,
    target: TARGET,
    ...spec,
  },
})

function cluster() {
  const world = new World(['east'])
  const api = world.apiOf('east')
  const client = world.client(api, 'manager')
  const give = (input: IssuedCertificateInput, owner = 'mine', beforeWrite?: () => void) =>
    orderStep(client, input, { owner, beforeWrite })
  const found = (): KubeObject => {
    const object = api.read(resource, ref)
    if (object === undefined) throw new Error('there is no order')
    return object
  }
  return { api, client, give, found }
}

describe('an order', () => {
  test('is given, left alone while it says what it shall, and changed when it does not', async () => {
    const { api, give, found } = cluster()
    expect((await give(order())).changed).toBe(true)
    const { writes } = api
    expect((await give(order())).changed).toBe(false)
    expect(api.writes).toBe(writes)
    expect((await give(order({ lifetime: '100d' }))).changed).toBe(true)
    expect(readIssuedCertificate(found()).spec.lifetime).toBe('100d')
    expect(found().metadata.labels).toEqual({ [FederationMark.owner]: 'mine' })
  })

  test('of another owner is left alone; one of nobody is taken over', async () => {
    const { api, give, found } = cluster()
    await give(order(), 'theirs')
    const before = found()
    await expect(give(order({ lifetime: '100d' }))).rejects.toMatchObject({ code: 'ERR_KUBERNETES_ORDER' })
    // Nor is one that says the same already: its label says whose it is.
    await expect(give(order())).rejects.toMatchObject({ code: 'ERR_KUBERNETES_ORDER' })
    expect(found()).toEqual(before)
    api.seed({ ...before, metadata: { ...before.metadata, labels: { app: 'x' } } })
    expect((await give(order({ lifetime: '100d' }))).changed).toBe(true)
    expect(found().metadata.labels).toEqual({ app: 'x', [FederationMark.owner]: 'mine' })
    expect((await give(order({ lifetime: '200d' }))).changed).toBe(true)
    // Also where it says already what it shall.
    const { [FederationMark.owner]: _owner, ...labels } = found().metadata.labels ?? {}
    api.seed({ ...found(), metadata: { ...found().metadata, labels } })
    expect((await give(order({ lifetime: '200d' }))).changed).toBe(true)
    await expect(give(order(), 'theirs')).rejects.toMatchObject({ code: 'ERR_KUBERNETES_ORDER' })
  })

  test('that follows a later revision of the same rollover stays: nobody goes back to what was withdrawn', async () => {
    const { give, found } = cluster()
    await give(order({ rollover: 'a>b', revision: 7, trustBundle: 'later' }))
    const before = found()
    for (const revision of [6, 0, undefined])
      await expect(give(order({ rollover: 'a>b', revision, trustBundle: 'earlier' }))).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_ORDER',
      })
    expect(found()).toEqual(before)
    for (const next of [
      { rollover: 'a>b', revision: 7, trustBundle: 'same' },
      { rollover: 'a>b', revision: 8, trustBundle: 'next' },
      // Revisions of one rollover say nothing of another.
      { rollover: 'b>c', revision: 1, trustBundle: 'another' },
    ])
      expect((await give(order(next))).changed).toBe(true)
  })

  test('after a rollover is given without one', async () => {
    const { give, found } = cluster()
    await give(order({ rollover: 'a>b', revision: 7, bundleSequence: 9, trustBundle: 'x' }))
    expect((await give(order({ trustBundle: 'x' }))).changed).toBe(true)
    expect(readIssuedCertificate(found()).spec).toMatchObject({
      rollover: undefined,
      revision: undefined,
      bundleSequence: undefined,
    })
  })

  test('keeps its status, and members that nobody here knows', async () => {
    const { api, give, found } = cluster()
    await give(order())
    const before = found()
    api.seed({
      ...before,
      status: { state: 'FINISHED' },
      metadata: { ...before.metadata, finalizers: ['x/y'] },
    })
    await give(order({ lifetime: '100d' }))
    expect(found()).toMatchObject({ status: { state: 'FINISHED' }, metadata: { finalizers: ['x/y'] } })
  })

  test('that somebody makes or changes meanwhile is not written over', async () => {
    const { api, give, found } = cluster()
    const other = cluster()
    await other.give(order({ lifetime: '1d' }))
    const theirs = other.found()
    expect(await give(order(), 'mine', () => api.seed(theirs))).toMatchObject({ changed: false })
    expect(readIssuedCertificate(found()).spec.lifetime).toBe('1d')
    await expect(
      give(order(), 'mine', () =>
        api.seed({ ...theirs, metadata: { ...theirs.metadata, labels: { v: '2' } } }),
      ),
    ).rejects.toMatchObject({ code: 'ERR_KUBERNETES_CONFLICT' })
    expect(readIssuedCertificate(found()).spec.lifetime).toBe('1d')
  })

  test('is written by nobody who must not write', async () => {
    const { api, give } = cluster()
    const stop = () => {
      throw new Error('no longer the leader')
    }
    const { writes } = api
    await expect(give(order(), 'mine', stop)).rejects.toThrow('no longer the leader')
    expect(api.writes).toBe(writes)
    await give(order())
    await expect(give(order({ lifetime: '1d' }), 'mine', stop)).rejects.toThrow('no longer the leader')
    // Where there is nothing to write, nobody asks.
    expect((await give(order(), 'mine', stop)).changed).toBe(false)
    expect(api.writes).toBe(writes + 1)
  })
})
