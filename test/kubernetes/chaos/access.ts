/**
 * Credentials that end and rules that come and go, while controllers run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Clock } from '../../../src/internal/clock.ts'
import { inClusterNamespace, inClusterTransport } from '../../../src/kubernetes/in-cluster/index.ts'
import {
  Controller,
  KubeClient,
  KubeResources,
  type KubeRuntimeEvent,
  nameOfKey,
} from '../../../src/kubernetes/index.ts'
import { recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import { pause, until, untilTrue } from '../../support/until.ts'
import { type ChaosWorld, type GetChaos, MAPS, SECRETS, textIn, Watcher } from './world.ts'

const { serviceAccounts: ACCOUNTS } = KubeResources
const rbac = (kind: string) => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced: true,
})
const ROLES = rbac('Role')
const BINDINGS = rbac('RoleBinding')

/** A clock that is so many times faster than the machine's: for pauses of minutes. */
function fastClock(times: number): Clock {
  const started = performance.now()
  const from = Date.now()
  return {
    now: () => new Date(from + (performance.now() - started) * times),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, Math.min(milliseconds / times, 2 ** 31 - 1))
        signal?.addEventListener('abort', () => {
          clearTimeout(timer)
          reject(signal.reason)
        })
      }),
  }
}

/** Lets a user read and write ConfigMaps of a namespace. */
async function letIn({ admin }: ChaosWorld, namespace: string, user: string): Promise<void> {
  const name = `maps-${user.replaceAll(':', '-')}`
  const metadata = { namespace, name }
  await admin.create(ROLES, {
    metadata,
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'update'] }],
  })
  await admin.create(BINDINGS, {
    metadata,
    roleRef: { apiGroup: ROLES.group, kind: 'Role', name },
    subjects: [{ apiGroup: ROLES.group, kind: 'User', name: user }],
  })
}

export function describeAccess(getChaos: GetChaos): void {
  describe('a user without a rule', () => {
    test('is denied in one place, goes on in others, and here too once it is granted', async () => {
      const chaos = getChaos()
      const [open, closed] = [await chaos.namespace(), await chaos.namespace()]
      for (const namespace of [open, closed]) await chaos.put(namespace, 'a', '0')
      const user = chaos.name('user')
      await letIn(chaos, open, user)
      const transport = await chaos.server.transportFor({ user })
      const client = new KubeClient(transport, { fieldManager: 'chaos' })
      const events: (KubeRuntimeEvent & { readonly type: 'reconcile' })[] = []
      const controller = new Controller({
        name: 'counter',
        sources: [],
        keys: [`${open}/a`, `${closed}/a`],
        reconcile: async (key) => {
          await client.change(MAPS, nameOfKey(key), (found) => ({
            ...found,
            data: { v: String(Number(textIn(found)) + 1) },
          }))
          return { changed: true, requeueAfterMs: 3000 }
        },
        // A minute of its pauses is a second here.
        clock: fastClock(60),
        onEvent: (event) => void (event.type === 'reconcile' && events.push(event)),
      })
      const count = async (namespace: string) =>
        Number(textIn(await chaos.admin.get(MAPS, { namespace, name: 'a' })))
      const failures = () =>
        events.filter(({ key, outcome }) => key === `${closed}/a` && outcome === 'failed')
      const stop = new AbortController()
      const running = controller.run(stop.signal)
      try {
        await untilTrue('it is allowed in one', async () => (await count(open)) > 0)
        await untilTrue('it is denied in the other', () => failures().length > 4)
        const before = await count(open)
        await untilTrue('the other key goes on', async () => (await count(open)) > before + 5)
        expect(await count(closed)).toBe(0)
        for (const { error } of failures())
          expect(error).toMatchObject({ code: 'ERR_KUBERNETES_FORBIDDEN', status: 403, outcome: 'refused' })
        // Not at the first times, but then it is tried once a minute.
        for (const { againInMs } of failures().slice(3)) expect(againInMs).toBeGreaterThanOrEqual(60_000)

        await letIn(chaos, closed, user)
        await untilTrue('it is allowed in both', async () => (await count(closed)) > 1)

        const denials = failures().length
        const ref = { namespace: closed, name: `maps-${user}` }
        await chaos.admin.remove(BINDINGS, await chaos.admin.get(BINDINGS, ref))
        await untilTrue('it is denied again', () => failures().length > denials)
        const now = await count(open)
        await untilTrue('the other key goes on', async () => (await count(open)) > now + 5)
      } finally {
        stop.abort()
        await running
        transport.close()
      }
    })

    test('is told why nothing is watched, and watches once it is granted', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      await chaos.put(namespace, 'a', '1')
      const user = chaos.name('user')
      const transport = await chaos.server.transportFor({ user })
      const client = new KubeClient(transport, { fieldManager: 'chaos' })
      const watching = Watcher.over(client, namespace)
      // Nothing is synced by then; it is granted meanwhile.
      await pause(1000)
      await letIn(chaos, namespace, user)
      const watcher = await watching
      try {
        expect(new Set(watcher.failures)).toEqual(new Set(['ERR_KUBERNETES_FORBIDDEN']))
        await watcher.settled(chaos.admin)
        expect(watcher.told).toEqual(['added a 1'])
      } finally {
        await watcher.stop()
        transport.close()
      }
    })
  })

  describe('a token that has ended', () => {
    let folder: string
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'mesh-pki-pod-'))
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    test('is replaced by that in its file at once, and by none where there is none', async () => {
      const chaos = getChaos()
      const { admin, server } = chaos
      const namespace = await chaos.namespace()
      await chaos.put(namespace, 'a', '1')
      const account = { namespace, name: 'pod' }
      await admin.create(ACCOUNTS, { metadata: account })
      await letIn(chaos, namespace, `system:serviceaccount:${namespace}:pod`)
      /** A token that ends with a Secret: what kubelet mounts ends with its pod. */
      const newToken = async (name: string) => {
        const bound = await admin.create(SECRETS, { metadata: { namespace, name }, data: {} })
        const answer = await server.admin.request({
          method: 'POST',
          path: `/api/v1/namespaces/${namespace}/serviceaccounts/pod/token`,
          body: {
            spec: {
              audiences: [],
              expirationSeconds: 3600,
              boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid: bound.metadata.uid },
            },
          },
          signal: AbortSignal.timeout(10_000),
        })
        const token = textAt(recordAt(answer.body, 'status'), 'token')
        if (token === undefined) throw new Error(JSON.stringify(answer))
        return { token, end: () => admin.remove(SECRETS, bound) }
      }
      const mount = (token: string) => writeFileSync(join(folder, 'token'), token)
      const [first, second] = [await newToken('first'), await newToken('second')]
      writeFileSync(join(folder, 'ca.crt'), server.caPem)
      writeFileSync(join(folder, 'namespace'), namespace)
      mount(first.token)
      const { hostname: host, port } = new URL(server.url)
      const transport = inClusterTransport({ host, port, serviceAccountFolder: folder })
      const client = new KubeClient(transport, { fieldManager: 'pod' })
      const own = { namespace: await inClusterNamespace({ serviceAccountFolder: folder }), name: 'a' }
      const probe = await server.transportFor({ token: first.token })
      const isOver = async () => {
        const path = `/api/v1/namespaces/${namespace}/configmaps/a`
        const { status } = await probe.request({ method: 'GET', path, signal: AbortSignal.timeout(5000) })
        return status === 401
      }
      try {
        await until('its rules have effect', () => client.get(MAPS, own))
        await first.end()
        // What a server has found good it believes for ten seconds, unless it is another one.
        await server.restart()
        await untilTrue('the token has ended', isOver)

        const unauthorized = {
          code: 'ERR_KUBERNETES_UNAUTHORIZED',
          status: 401,
          outcome: 'refused',
        }
        const error: unknown = await client.get(MAPS, own).catch((cause: unknown) => cause)
        expect(error).toMatchObject(unauthorized)
        expect(String(error)).not.toContain(first.token.slice(0, 20))
        mount(second.token)
        // No minute is waited for: the answer of 401 has the file read again, and the request is sent once more.
        expect(textIn(await client.get(MAPS, own))).toBe('1')
        await client.change(MAPS, own, (found) => ({ ...found, data: { v: '2' } }))
        expect(textIn(await admin.get(MAPS, own))).toBe('2')

        const watcher = await Watcher.over(client, namespace)
        await watcher.settled(admin)
        await watcher.stop()
        expect(watcher.failures).toEqual([])
      } finally {
        probe.close()
        transport.close()
      }
    })
  })
}
