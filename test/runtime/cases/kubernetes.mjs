// The API server in memory, and two clusters that are federated by orders in it.
import {
  AuthorityLoader,
  agentStep,
  decodeCacerts,
  encodeCacerts,
  entitlementOf,
  federationStep,
  IssuanceLedger,
  issuerStep,
  KubeClient,
  KubeResources,
  MESH_PKI_API,
  rootCaStep,
} from 'mesh-pki/kubernetes'
import { fakeKubeApi } from 'mesh-pki/kubernetes/testing'
import { createTestHierarchy, manualClock } from 'mesh-pki/testing'
import { checkPath } from 'mesh-pki/verify'
import { exportPrivateKey, generateKeyPair } from 'mesh-pki/x509'
import { accepted, equal, fails, refused } from './assert.mjs'

const START = new Date('2026-03-01T00:00:00Z')
const CACERTS = { namespace: 'istio-system', name: 'cacerts' }
const ROOT = { namespace: 'mesh-pki', name: 'root-1.mesh-pki' }
const { issuedCertificates, certificateRequests } = MESH_PKI_API

function makeWorld() {
  const clock = manualClock(START)
  const makeApi = () => fakeKubeApi({ clock, resources: [issuedCertificates, certificateRequests] })
  const clientOf = (/** @type {ReturnType<typeof makeApi>} */ api, /** @type {string} */ fieldManager) =>
    new KubeClient(api.transport(), { fieldManager, clock })
  const manager = clientOf(makeApi(), 'manager')
  const clusters = ['east', 'west'].map((name) => ({ name, api: makeApi() }))
  const meshes = clusters.map(({ name, api }) => ({
    cluster: name,
    client: clientOf(api, 'manager'),
    order: { namespace: 'mesh-pki', name: `istiod-istio-system-${name}` },
    spec: {
      hosts: [`spiffe://${name}.example/ns/istio-system/sa/istiod`],
      organization: 'Istio',
      lifetime: '365d',
      keyAlgorithm: /** @type {const} */ ('P-256'),
      gracePeriodRatio: 0.1,
      target: CACERTS,
      podBounceDirective: undefined,
      pathLength: 0,
      workloadLifetime: '24h',
      rotation: undefined,
    },
  }))
  const federation = {
    owner: 'policy.mesh-pki',
    signer: 'root-1',
    loader: new AuthorityLoader(manager),
    authorities: { 'root-1': { secret: ROOT } },
    meshes,
  }
  return { clock, clientOf, manager, clusters, meshes, federation }
}

/** Lets everybody go on until nobody has anything to do. @param {ReturnType<typeof makeWorld>} world */
async function settle({ clientOf, manager, clusters, meshes, federation }) {
  const ledger = new IssuanceLedger(manager, 'mesh-pki')
  for (let round = 0; round < 30; round++) {
    let changed = (await federationStep(federation)).clusters.some((one) => one.changed)
    for (const [i, { name, api }] of clusters.entries()) {
      const order = meshes[i]?.order ?? ROOT
      const agent = await agentStep(clientOf(api, 'agent'), order, { agentNamespace: 'mesh-pki' })
      const issuer = await issuerStep(clientOf(api, 'issuer'), order, {
        cluster: name,
        ledger,
        entitlementOf: (wanted) => entitlementOf(federation, name, wanted),
      })
      changed = changed || agent.changed || issuer.changed
    }
    if (!changed) return
  }
  throw new Error('it does not settle')
}

/** @type {import('./assert.mjs').Case[]} */
export const kubernetesCases = [
  {
    name: 'an API server in memory writes, reads and refuses',
    async run() {
      const client = new KubeClient(fakeKubeApi().transport(), { fieldManager: 'test' })
      const metadata = { namespace: 'a', name: 'b' }
      const made = await client.create(KubeResources.configMaps, { metadata, data: { c: 'd' } })
      equal((await client.get(KubeResources.configMaps, metadata))['data'], { c: 'd' }, 'the data')
      const again = () => client.create(KubeResources.configMaps, { metadata })
      await fails(again, 'ERR_KUBERNETES_ALREADY_EXISTS', 'a second of that name')
      const next = await client.replace(KubeResources.configMaps, { ...made, data: { c: 'e' } })
      equal(next['data'], { c: 'e' }, 'the new data')
      const stale = () => client.replace(KubeResources.configMaps, { ...made, data: {} })
      await fails(stale, 'ERR_KUBERNETES_CONFLICT', 'a write of what was read before')
    },
  },
  {
    name: 'cacerts is written and read again',
    async run() {
      const { root, intermediate } = await createTestHierarchy()
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const pem = await exportPrivateKey(privateKey, { format: 'pkcs8' })
      const { certificate } = intermediate
      const roots = root.certificate
      const unreadable = () => encodeCacerts({ certificate, roots, privateKey: 'no PEM at all' })
      await fails(unreadable, 'ERR_PEM_NO_BLOCK', 'a key that is none')
      const read = decodeCacerts(encodeCacerts({ certificate, roots, privateKey: pem }))
      equal(read.certificate.fingerprint(), certificate.fingerprint(), 'the signing certificate')
      equal(read.roots.map(String), [String(roots)], 'the roots')
    },
  },
  {
    name: 'two clusters are federated by orders, and accept each other',
    async run() {
      const world = makeWorld()
      await rootCaStep(world.manager, ROOT, {
        subject: 'O=root-1',
        organization: 'root-1',
        lifetime: '3650d',
        keyAlgorithm: 'P-256',
        owner: 'policy.mesh-pki',
      })
      await settle(world)
      const [east, west] = world.clusters.map(({ api }) =>
        decodeCacerts(api.read(KubeResources.secrets, CACERTS) ?? {}),
      )
      if (east === undefined || west === undefined) throw new Error('two clusters')
      const { certificate, chain } = east
      const options = { intermediates: chain, time: world.clock.now(), purpose: /** @type {const} */ ('any') }
      accepted(await checkPath(certificate, { ...options, anchors: west.roots }), 'east in west')
      const { root } = await createTestHierarchy({ time: START })
      const foreign = await checkPath(certificate, { ...options, anchors: root.certificate })
      refused(foreign, 'ERR_PATH_NO_ISSUER', 'a mesh of another root')
    },
  },
]
