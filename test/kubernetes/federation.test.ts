/**
 * A management cluster and two workload clusters, each a real API server: from a RootTrustPolicy to `cacerts`, by controllers that
 * may do what is documented and nothing else.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AuthorityLoader,
  agentController,
  decodeCacerts,
  type Inventory,
  IssuanceLedger,
  issuerController,
  KubeClient,
  type KubeObject,
  KubeResources,
  type KubeRuntimeEvent,
  LeaseElector,
  MESH_PKI_API,
  type PolicyReport,
  type PolicyStepOptions,
  policyController,
  policyEntitlement,
  readRootTrustPolicy,
} from '../../src/kubernetes/index.ts'
import { checkPath } from '../../src/verify/index.ts'
import { allow, install } from '../support/kube-manifests.ts'
import { type KubeServer, kubernetesAvailable, startKubeServer } from '../support/kube-server.ts'
import { requirement } from '../support/require.ts'

const NAMESPACES = ['mesh-pki', 'istio-system']
const CACERTS = { namespace: 'istio-system', name: 'cacerts' }
const CLUSTERS = ['east', 'west'] as const

const inventory: Inventory = {
  clusters: CLUSTERS.map((name) => ({
    name,
    agentNamespace: 'mesh-pki',
    meshes: [
      {
        name: `istiod-istio-system-${name}`,
        namespace: 'istio-system',
        trustDomain: `${name}.example`,
        serviceAccount: 'istiod-service-account',
      },
    ],
  })),
}

const policy = readRootTrustPolicy({
  apiVersion: 'admin.gloo.solo.io/v2',
  kind: 'RootTrustPolicy',
  metadata: { name: 'root-trust-policy', namespace: 'mesh-pki' },
  spec: {
    config: {
      mgmtServerCa: { generated: { rsaKeySizeBytes: 2048 } },
      intermediateCertOptions: { ttlDays: 1, rsaKeySizeBytes: 2048, secretRotationGracePeriodRatio: 0.1 },
    },
  },
})

/** Waits for something to be true, and says what was not. */
async function until<T>(what: string, look: () => Promise<T | undefined>, seconds = 60): Promise<T> {
  const end = performance.now() + seconds * 1000
  let last: unknown
  while (performance.now() < end) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what} did not come to be`, { cause: last })
}

if (requirement('kubernetes', kubernetesAvailable)) {
  describe('a federation over real API servers', () => {
    const servers = new Map<string, KubeServer>()
    const admins = new Map<string, KubeClient>()
    const stop = new AbortController()
    const running: Promise<void>[] = []
    const opened: { close(): void }[] = []
    const denied: KubeRuntimeEvent[] = []
    const reports: PolicyReport[] = []
    let options: PolicyStepOptions

    const serverOf = (name: string): KubeServer => {
      const server = servers.get(name)
      if (server === undefined) throw new Error(name)
      return server
    }
    const adminOf = (name: string): KubeClient => {
      const admin = admins.get(name)
      if (admin === undefined) throw new Error(name)
      return admin
    }
    /** A client of a user with a certificate of ours; what it is denied is noted. */
    const clientOf = async (cluster: string, user: string): Promise<KubeClient> => {
      const transport = await serverOf(cluster).transportFor({ user })
      opened.push(transport)
      return new KubeClient(transport, {
        fieldManager: user,
        onEvent: (event) => {
          if (event.type === 'request' && event.code === 'ERR_KUBERNETES_FORBIDDEN') denied.push(event)
        },
      })
    }
    const cacertsOf = async (cluster: string) =>
      decodeCacerts(await adminOf(cluster).get(KubeResources.secrets, CACERTS))
    const orderOf = (cluster: string) => ({ namespace: 'mesh-pki', name: `istiod-istio-system-${cluster}` })
    const stateOf = async (cluster: string): Promise<string> => {
      const order: KubeObject = await adminOf(cluster).get(MESH_PKI_API.issuedCertificates, orderOf(cluster))
      return String(Reflect.get(Object(order['status']), 'state'))
    }
    const finished = (cluster: string) =>
      until(`the order of ${cluster} is finished`, async () =>
        (await stateOf(cluster)) === 'FINISHED' ? true : undefined,
      )

    beforeAll(async () => {
      for (const name of ['management', ...CLUSTERS]) {
        const server = await startKubeServer()
        servers.set(name, server)
        admins.set(
          name,
          await install(server.admin, NAMESPACES, [
            MESH_PKI_API.issuedCertificates,
            MESH_PKI_API.certificateRequests,
          ]),
        )
      }
      await allow(adminOf('management'), 'manager', 'issuer-management')
      for (const cluster of CLUSTERS) {
        await allow(adminOf(cluster), 'manager', 'issuer-remote')
        await allow(adminOf(cluster), 'agent', 'agent')
      }
      // Rules of RBAC take effect a moment after they were taken.
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const management = await clientOf('management', 'manager')
      const remote = new Map(
        await Promise.all(CLUSTERS.map(async (name) => [name, await clientOf(name, 'manager')] as const)),
      )
      options = {
        policy,
        inventory,
        management,
        clusters: Object.fromEntries(remote),
        loader: new AuthorityLoader(management),
      }
      const ledger = new IssuanceLedger(management, 'mesh-pki')
      running.push(
        policyController({
          current: () => options,
          watch: [...remote.values()].map((client) => ({ client, namespace: 'mesh-pki' })),
          clock: management.clock,
          onReport: (report) => void reports.push(report),
        }).run(stop.signal),
      )
      for (const [cluster, client] of remote) {
        const agent = await clientOf(cluster, 'agent')
        running.push(
          issuerController(client, {
            cluster,
            namespace: 'mesh-pki',
            ledger,
            entitlementOf: (order) => policyEntitlement(options, cluster, order),
          }).run(stop.signal),
          agentController(agent, { agentNamespace: 'mesh-pki' }).run(stop.signal),
        )
      }
    })

    afterAll(async () => {
      stop.abort()
      await Promise.all(running)
      for (const one of opened) one.close()
      for (const server of servers.values()) await server.stop()
    })

    test('both clusters get a CA of their own under the root that was generated', async () => {
      for (const cluster of CLUSTERS) await finished(cluster)
      const [east, west] = [await cacertsOf('east'), await cacertsOf('west')]
      expect(east.roots[0]?.fingerprint()).toBe(west.roots[0]?.fingerprint())
      expect(east.certificate.fingerprint()).not.toBe(west.certificate.fingerprint())
      for (const [mine, other] of [
        [east, west],
        [west, east],
      ] as const) {
        const verdict = await checkPath(mine.certificate, {
          anchors: other.roots,
          intermediates: mine.chain,
          purpose: 'any',
        })
        expect(verdict.ok).toBe(true)
      }
      expect(
        reports
          .at(-1)
          ?.orders.map(({ cluster }) => cluster)
          .sort(),
      ).toEqual(['east', 'west'])
    })

    test('nobody was denied anything, and nobody may do more than is documented', async () => {
      expect(denied).toEqual([])
      const remote = await clientOf('east', 'manager')
      const agent = await clientOf('east', 'agent')
      // The issuer of the management side reads no Secret of a workload cluster, the agent lists none.
      await expect(remote.get(KubeResources.secrets, CACERTS)).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_FORBIDDEN',
      })
      await expect(agent.list(KubeResources.secrets, { namespace: 'istio-system' })).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_FORBIDDEN',
      })
      await expect(
        agent.get(KubeResources.secrets, { namespace: 'kube-system', name: 'x' }),
      ).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_FORBIDDEN',
      })
    })

    test('keys stay where they were made', async () => {
      const { privateKey } = await cacertsOf('east')
      const body = Buffer.from(privateKey.reveal()).toString('base64').slice(100, 160)
      for (const cluster of ['management', 'west'])
        for (const resource of [KubeResources.secrets, KubeResources.configMaps]) {
          const { items } = await adminOf(cluster).list(resource)
          expect(JSON.stringify(items)).not.toContain(body)
        }
      const { items } = await adminOf('east').list(KubeResources.secrets, { namespace: 'mesh-pki' })
      expect(items).toEqual([])
    })

    test('a cacerts that was deleted comes back, with another key', async () => {
      const before = (await cacertsOf('east')).certificate.fingerprint()
      const admin = adminOf('east')
      await admin.remove(KubeResources.secrets, await admin.get(KubeResources.secrets, CACERTS))
      const after = await until('another CA', async () => {
        const { certificate } = await cacertsOf('east')
        return certificate.fingerprint() === before ? undefined : certificate
      })
      expect(after.fingerprint()).not.toBe(before)
    })

    test.each([0, 120])('survives kill -9 of an API server %i ms into an issuance', async (ms) => {
      const before = (await cacertsOf('west')).certificate.fingerprint()
      const admin = adminOf('west')
      await admin.remove(KubeResources.secrets, await admin.get(KubeResources.secrets, CACERTS))
      await new Promise((resolve) => setTimeout(resolve, ms))
      await serverOf('west').restart()
      await until(
        'a CA that was installed anew',
        async () => {
          const { certificate } = await cacertsOf('west')
          return certificate.fingerprint() !== before && (await stateOf('west')) === 'FINISHED'
            ? true
            : undefined
        },
        90,
      )
      const { certificate, roots } = await cacertsOf('west')
      expect(roots[0]?.fingerprint()).toBe((await cacertsOf('east')).roots[0]?.fingerprint())
      const left = await until('the end of the clean-up', async () => {
        const { items } = await admin.list(KubeResources.secrets, { namespace: 'mesh-pki' })
        return items.length === 0 ? items : undefined
      })
      expect(left).toEqual([])
      // What is installed was signed once: there is one entry for its key, and it is that certificate.
      const { items } = await adminOf('management').list(KubeResources.configMaps, {
        namespace: 'mesh-pki',
        labelSelector: 'pki.mesh-pki.dev/ledger=issued',
      })
      const pem = certificate.toPem()
      expect(
        items.filter((item) => String(Reflect.get(Object(item['data']), 'certificate.pem')) === pem),
      ).toHaveLength(1)
    })

    test('a leader that dies is followed by the next one', async () => {
      const admin = adminOf('management')
      const lock = {
        namespace: 'mesh-pki',
        name: 'mesh-pki-issuer',
        leaseDuration: '4s',
        renewDeadline: '3s',
        retryPeriod: '1s',
      }
      const led: string[] = []
      const elect = async (identity: string, signal: AbortSignal) => {
        const elector = new LeaseElector(await clientOf('management', 'manager'), { ...lock, identity })
        await elector.run(async (leading) => {
          led.push(identity)
          await new Promise<void>((resolve) => leading.addEventListener('abort', () => resolve()))
        }, signal)
      }
      const [first, second] = [new AbortController(), new AbortController()]
      const a = elect('a', first.signal)
      await until('a leads', async () => (led.includes('a') ? true : undefined))
      const b = elect('b', second.signal)
      first.abort()
      await a
      await until('b leads', async () => (led.includes('b') ? true : undefined))
      expect(led).toEqual(['a', 'b'])
      second.abort()
      await b
      const lease = await admin.get(KubeResources.leases, lock)
      expect(Reflect.get(Object(lease['spec']), 'leaseTransitions')).toBe(1)
    })
  })
}
