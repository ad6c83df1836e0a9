/**
 * Restarts of workloads. The test is the controller of their kinds: the server has none.
 */
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type KubeClient, type KubeResource, KubeResources } from '../../../src/kubernetes/index.ts'
import { numberAt, recordAt } from '../../../src/kubernetes/objects/kube-object.ts'
import { CACERTS_HASH_ANNOTATION, type RestartRef } from '../../../src/kubernetes/trust/plan-restarts.ts'
import { restartStep } from '../../../src/kubernetes/trust/restart-step.ts'
import { ROOT_A, ROOT_B } from '../../unit/kubernetes/fixtures.ts'
import { type GetWorld, without } from './world.ts'

const { deployments, statefulSets, daemonSets, configMaps: MAPS } = KubeResources
const RESOURCES: Readonly<Record<RestartRef['kind'], KubeResource>> = {
  Deployment: deployments,
  StatefulSet: statefulSets,
  DaemonSet: daemonSets,
}
const TARGETS: readonly (RestartRef & { readonly labels: Readonly<Record<string, string>> })[] = [
  { kind: 'Deployment', namespace: 'shop', name: 'cart', labels: { app: 'cart' } },
  { kind: 'StatefulSet', namespace: 'shop', name: 'store', labels: { app: 'store' } },
  { kind: 'DaemonSet', namespace: 'istio-ingress', name: 'gateway', labels: { istio: 'ingressgateway' } },
  { kind: 'Deployment', namespace: 'istio-system', name: 'istiod', labels: { app: 'istiod' } },
]
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

export function describeRestarts(getWorld: GetWorld): void {
  const read = ({ kind, namespace, name }: RestartRef) =>
    getWorld().admin.get(RESOURCES[kind], { namespace, name })
  const annotationsOf = async (ref: RestartRef) =>
    recordAt(recordAt(recordAt(recordAt(await read(ref), 'spec'), 'template'), 'metadata'), 'annotations')
  const restarted = async (hash: string) => {
    const names: string[] = []
    for (const ref of TARGETS)
      if ((await annotationsOf(ref))[CACERTS_HASH_ANNOTATION] === hash) names.push(ref.name)
    return names
  }
  /** What the controller of its kind writes when all pods are of the newest generation. */
  const rollOut = (ref: RestartRef) =>
    getWorld().admin.change(
      RESOURCES[ref.kind],
      { namespace: ref.namespace, name: ref.name },
      (found) => ({
        ...found,
        status: {
          observedGeneration: numberAt(found.metadata, 'generation'),
          ...(ref.kind === 'DaemonSet'
            ? {
                desiredNumberScheduled: 2,
                currentNumberScheduled: 2,
                numberMisscheduled: 0,
                numberReady: 2,
                updatedNumberScheduled: 2,
                numberAvailable: 2,
              }
            : {
                replicas: 2,
                updatedReplicas: 2,
                readyReplicas: 2,
                ...(ref.kind === 'Deployment' ? { availableReplicas: 2 } : {}),
              }),
        },
      }),
      { part: 'status' },
    )
  const distribute = async (namespace: string, roots: string) => {
    const { admin } = getWorld()
    const ref = { namespace, name: 'istio-ca-root-cert' }
    const data = { 'root-cert.pem': roots }
    if ((await admin.find(MAPS, ref)) === undefined) await admin.create(MAPS, { metadata: ref, data })
    else await admin.change(MAPS, ref, (found) => ({ ...found, data }))
  }
  const step = (client: KubeClient, hash: string, enabled = true) =>
    restartStep(
      client,
      TARGETS.map(({ kind, namespace, name }) => ({ kind, namespace, name })),
      { cacertsHash: hash, rootCert: ROOT_A, enabled },
    )

  describe('restarts', () => {
    beforeAll(async () => {
      const { admin } = getWorld()
      for (const { kind, namespace, name, labels } of TARGETS) {
        await admin.create(RESOURCES[kind], {
          metadata: { namespace, name },
          spec: {
            ...(kind === 'DaemonSet' ? {} : { replicas: 2 }),
            ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
            selector: { matchLabels: labels },
            template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'none' }] } },
          },
        })
        await rollOut({ kind, namespace, name })
      }
    })

    test('are only told of unless they are switched on, with less than the rules', async () => {
      const { user } = getWorld()
      const { client, transport } = await user('restarts', {
        change: (rule) =>
          rule.resources.includes('configmaps')
            ? undefined
            : { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'patch') },
      })
      const { changed, plan } = await step(client, hashOf('off'), false)
      expect([changed, plan.condition.status, plan.condition.reason]).toEqual([false, 'True', 'RestartsOff'])
      expect([transport.written(), transport.answered(403)]).toEqual([[], []])
    })

    test('go from istiod over gateways to workloads, one after the other, each once', async () => {
      const { user } = getWorld()
      const { client, transport } = await user('restarts')
      const hash = hashOf('on')
      for (const namespace of ['shop', 'istio-ingress']) await distribute(namespace, ROOT_B)
      const order: string[] = []
      for (let i = 0; i < 20; i++) {
        const result = await step(client, hash)
        const { restarted: ref, plan } = result
        if (ref !== undefined) {
          order.push(ref.name)
          // Its pods are not there yet: nothing else is restarted.
          const next = await step(client, hash)
          expect(next.restarted).toBeUndefined()
          expect(next.plan.items.find(({ state }) => state === 'rolling')?.name).toBe(ref.name)
          await rollOut(ref)
          continue
        }
        if (plan.condition.status === 'False') break
        const waiting = plan.items.find(({ state }) => state === 'waiting')
        expect(waiting?.why).toMatch(/root ConfigMap/)
        await distribute(waiting?.namespace ?? '', ROOT_A)
      }
      expect(order).toEqual(['istiod', 'gateway', 'cart', 'store'])
      expect(await restarted(hash)).toHaveLength(4)
      expect(await step(client, hash)).toMatchObject({ changed: false, restarted: undefined })
      expect(transport.written().map((one) => one.split(' ')[0])).toEqual([
        'PATCH',
        'PATCH',
        'PATCH',
        'PATCH',
      ])
      expect(transport.answered(403)).toEqual([])
    })

    test('of what has changed meanwhile are left to the next step', async () => {
      const { user, admin } = getWorld()
      const hash = hashOf('changed')
      let isDone = false
      const { client, transport } = await user('restarts', {
        before: async ({ method }) => {
          if (method !== 'PATCH' || isDone) return
          isDone = true
          await admin.change(deployments, { namespace: 'istio-system', name: 'istiod' }, (found) => ({
            ...found,
            spec: { ...Object(found['spec']), paused: true },
          }))
        },
      })
      expect(await step(client, hash)).toMatchObject({ changed: false, restarted: undefined })
      expect([transport.written(), transport.answered(409).length]).toEqual([[], 1])
      const { plan } = await step(client, hash)
      expect(plan.items[0]).toMatchObject({ name: 'istiod', state: 'skipped', why: 'it is paused' })
      expect(await restarted(hash)).toEqual([])
      await admin.change(deployments, { namespace: 'istio-system', name: 'istiod' }, (found) => ({
        ...found,
        spec: { ...Object(found['spec']), paused: false },
      }))
    })

    test('are not made without the rule to patch', async () => {
      const { user } = getWorld()
      const hash = hashOf('denied')
      const { client, transport } = await user('restarts', { change: without('deployments', 'patch') })
      await expect(step(client, hash)).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_FORBIDDEN',
        status: 403,
      })
      expect([await restarted(hash), transport.written()]).toEqual([[], []])
    })
  })
}
