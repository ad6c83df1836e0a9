/**
 * A real kube-apiserver, asked over TLS with our certificates and our transport, keeps the contract that the one in memory is
 * held to in `test/unit/kubernetes/testing/contract.test.ts`.
 */
import type { KubeTransport } from '../../src/kubernetes/index.ts'
import type { FakeKubeRule } from '../../src/kubernetes/testing/index.ts'
import { describeKubeApi } from '../contract/kubernetes-api.ts'
import { grant } from '../support/kube-access.ts'
import { kubernetesAvailable, startKubeServer } from '../support/kube-server.ts'
import { requirement } from '../support/require.ts'

if (requirement('kubernetes', kubernetesAvailable)) {
  describeKubeApi('a real API server', async () => {
    const server = await startKubeServer()
    // What is watched here comes from etcd itself, so that a compaction is felt at once.
    const second = await startKubeServer({ etcd: server, flags: ['--watch-cache=false'] })
    const opened: { close(): void }[] = []
    const keep = <T extends KubeTransport & { close(): void }>(transport: T): T => {
      opened.push(transport)
      return transport
    }
    return {
      api: {
        admin: server.admin,
        uncached: second.admin,
        as: async (user: string, groups: readonly string[], rules: readonly FakeKubeRule[]) => {
          await grant(server.admin, user, rules)
          return keep(await server.transportFor({ user, groups }))
        },
        stranger: async () => keep(await server.transportFor({ token: 'nobody-has-this' })),
        compact: () => server.compact(),
      },
      stop: async () => {
        for (const transport of opened) transport.close()
        await second.stop()
        await server.stop()
      },
    }
  })
}
