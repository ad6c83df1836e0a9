/**
 * Our transport to a real API server: what breaks, and how it goes on.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRootCa } from '../../src/ca/index.ts'
import { kubeHttpsTransport } from '../../src/kubernetes/in-cluster/index.ts'
import { KubeClient, KubeError, KubeResources, type KubeTransport } from '../../src/kubernetes/index.ts'
import { type KubeServer, kubernetesAvailable, startKubeServer } from '../support/kube-server.ts'
import { withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

const NS = 'default'
const KIND = KubeResources.configMaps
const clientOf = (transport: KubeTransport) => new KubeClient(transport, { fieldManager: 'test' })
const map = (name: string) => ({ metadata: { name, namespace: NS } })

const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'none',
    (error: unknown) => error,
  )

if (requirement('kubernetes', kubernetesAvailable)) {
  describe('our transport to a real API server', () => {
    let server: KubeServer

    beforeAll(async () => {
      server = await startKubeServer({ tokens: { good: { user: 'pod', groups: ['system:masters'] } } })
    })
    afterAll(() => server?.stop())

    test('a server with a certificate of another CA is none', async () => {
      const ca = (await createRootCa({ subject: 'CN=Other', lifetime: '1d' })).certificate.toPem()
      const transport = kubeHttpsTransport({ server: server.url, ca, token: 'good' })
      const error = await failureOf(clientOf(transport).list(KIND))
      expect(error).toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE', outcome: 'refused' })
    })

    test('a client’s certificate says who it is, and nothing more', async () => {
      const user = await server.transportFor({ user: 'jane', groups: ['mesh:readers', 'a, b+c'] })
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
      const resourceAttributes = { verb: 'list', resource: 'secrets' }
      const body = { spec: { resourceAttributes } }
      const answer = await user.request({ method: 'POST', path, body, signal: AbortSignal.timeout(10_000) })
      expect(answer).toMatchObject({ status: 201, body: { status: { allowed: false } } })
      const refused = await failureOf(clientOf(user).list(KIND))
      expect(refused).toMatchObject({ code: 'ERR_KUBERNETES_FORBIDDEN' })
      expect(String(refused)).toContain('"jane"')
      user.close()
    })

    test('a token that was renewed is taken up by the request that needs it', () =>
      withTemporaryFolder(async (folder) => {
        const tokenFile = join(folder, 'token')
        writeFileSync(tokenFile, 'old')
        const transport = kubeHttpsTransport({ server: server.url, ca: server.caPem, tokenFile })
        const client = clientOf(transport)
        expect(await failureOf(client.list(KIND))).toMatchObject({ code: 'ERR_KUBERNETES_UNAUTHORIZED' })
        writeFileSync(tokenFile, 'good\n')
        await client.create(KIND, map('renewed'))
        transport.close()
      }))

    test('two servers over one etcd see the same', async () => {
      const second = await startKubeServer({ etcd: server })
      try {
        const made = await clientOf(server.admin).create(KIND, map('seen'))
        const seen = await clientOf(second.admin).get(KIND, { name: 'seen', namespace: NS })
        expect(seen).toEqual(made)
        const stale = { ...made, data: { x: '1' } }
        await clientOf(second.admin).replace(KIND, stale)
        const error = await failureOf(clientOf(server.admin).replace(KIND, stale))
        expect(error).toMatchObject({ code: 'ERR_KUBERNETES_CONFLICT' })
      } finally {
        await second.stop()
      }
    })

    test('a watch breaks with its server, and goes on with the next from where it was', async () => {
      const client = clientOf(server.admin)
      const { resourceVersion } = await client.list(KIND, { namespace: NS })
      const signal = AbortSignal.timeout(60_000)
      const watch = async (from: string, seen: string[], until: string) => {
        const selection = { namespace: NS, resourceVersion: from, timeoutSeconds: 60 }
        for await (const { type, object } of client.watch(KIND, selection, { signal })) {
          if (type === 'ADDED') seen.push(object.metadata.name ?? '')
          if (object.metadata.name === until) return object.metadata.resourceVersion ?? ''
        }
        return ''
      }
      const before: string[] = []
      await client.create(KIND, map('before'))
      const last = await watch(resourceVersion, before, 'before')
      const broken = failureOf(watch(last, before, 'never'))
      await new Promise((resolve) => setTimeout(resolve, 300))
      server.kill('SIGKILL', 'apiserver')
      expect(await broken).toBeInstanceOf(KubeError)
      const down = await failureOf(client.create(KIND, map('lost')))
      expect(down).toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE', outcome: 'unknown' })
      expect(await failureOf(client.list(KIND))).toMatchObject({ outcome: 'refused' })
      await server.restart()
      await client.create(KIND, map('after'))
      const after: string[] = []
      await watch(last, after, 'after')
      expect([before, after]).toEqual([['before'], ['after']])
    })
  })
}
