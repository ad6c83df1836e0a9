/**
 * cert-manager on both sides: our issuers answer its requests, and it answers ours.
 */
import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type RequestCertificateOptions, requestCertificate } from '../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../src/csr/index.ts'
import { KubeResources, keyOf, nameOfKey, Reflector } from '../../../src/kubernetes/index.ts'
import { certManagerIssuer } from '../../../src/kubernetes/signers/cert-manager-issuer.ts'
import { certManagerIssuerStep } from '../../../src/kubernetes/signers/cert-manager-issuer-step.ts'
import { MeshIssuerResources } from '../../../src/kubernetes/signers/mesh-issuer.ts'
import { meshIssuerStep } from '../../../src/kubernetes/signers/mesh-issuer-step.ts'
import { RequestSigner } from '../../../src/kubernetes/signers/request-signer.ts'
import type { SignerEvent } from '../../../src/kubernetes/signers/signer-event.ts'
import { workloadSigning } from '../../../src/kubernetes/signers/workload-signing.ts'
import { until, untilTrue } from '../../support/until.ts'
import { certificateRequests } from './stand-ins.ts'
import {
  type AdapterUser,
  addCondition,
  base64,
  conditionsOf,
  type GetWorld,
  statusOf,
  textOf,
  type World,
  whileRunning,
  without,
} from './world.ts'

const { certManagerRequests: REQUESTS } = KubeResources
const { meshIssuers, clusterMeshIssuers } = MeshIssuerResources
const ID = 'spiffe://cluster.local/ns/shop/sa/cart'
const GROUP = 'pki.mesh-pki.dev'

/** One process that answers: its signer makes workloads of one name, and CAs under the intermediate's root. */
function answering({ hierarchy: { root, intermediate } }: World) {
  const events: SignerEvent[] = []
  const onEvent = (event: SignerEvent) => void events.push(event)
  const { authorize, ...rules } = workloadSigning({ identify: () => ID })
  const workloads = RequestSigner.from({ ca: intermediate, policy: { ...rules, authorize }, onEvent })
  const cas = RequestSigner.from({
    ca: root,
    policy: {
      ...rules,
      ca: { lifetime: { max: '90d', onTooLong: 'cap' }, pathLength: 0 },
      authorize: ({ isCa, csr }) =>
        isCa ? { identities: [], subject: String(csr.subject) } : { refuse: 'it makes CAs only' },
    },
    onEvent,
  })
  return {
    events,
    signers: new Map([
      ['workloads', workloads],
      ['cas', cas],
    ]),
  }
}

/** Our issuers and their requests, as a controller has them. */
function issuerController({ client }: AdapterUser, { signers }: ReturnType<typeof answering>) {
  const requests = new Reflector(client, REQUESTS)
  const all = () => requests.objects().map((one) => `request ${keyOf(one)}`)
  const issuers = [meshIssuers, clusterMeshIssuers].map((resource) => ({
    reflector: new Reflector(client, resource),
    // What waits for an issuer is looked at when something is seen of one.
    keysOf: ({ object }: { object: Parameters<typeof keyOf>[0] }) => [`issuer ${keyOf(object)}`, ...all()],
  }))
  return {
    sources: [
      {
        reflector: requests,
        keysOf: ({ object }: { object: Parameters<typeof keyOf>[0] }) => [`request ${keyOf(object)}`],
      },
      ...issuers,
    ],
    reconcile: (key: string) => {
      const [kind, name = ''] = key.split(' ')
      return kind === 'issuer'
        ? meshIssuerStep(client, nameOfKey(name), { signers })
        : certManagerIssuerStep(client, nameOfKey(name), { signers, cached: requests.get(name) })
    },
  }
}

export function describeCertManager(getWorld: GetWorld): void {
  let csr: Csr
  let names = 0

  beforeAll(async () => {
    await getWorld().define(certificateRequests(REQUESTS), REQUESTS)
    csr = (await createCsr({ key: 'P-256' })).csr
  })

  const makeIssuer = async (signer: string, kind: 'MeshIssuer' | 'ClusterMeshIssuer' = 'MeshIssuer') => {
    const name = `issuer-${++names}`
    await getWorld().admin.create(kind === 'MeshIssuer' ? meshIssuers : clusterMeshIssuers, {
      metadata: { name, ...(kind === 'MeshIssuer' ? { namespace: 'shop' } : {}) },
      spec: { signer },
    })
    return name
  }
  const refOf = (name: string) => ({ namespace: 'shop', name })
  const read = (name: string) => getWorld().admin.get(REQUESTS, refOf(name))
  /** What cert-manager makes for its users; its webhook has written who they are. */
  const ask = async (issuer: string, { spec = {}, approved = true, kind = 'MeshIssuer' } = {}) => {
    const name = `cart-${++names}`
    const world = getWorld()
    await world.admin.create(REQUESTS, {
      metadata: refOf(name),
      spec: {
        request: base64(csr.toPem()),
        issuerRef: { group: GROUP, kind, name: issuer },
        duration: '1h0m0s',
        usages: ['digital signature', 'server auth', 'client auth'],
        username: 'system:serviceaccount:shop:cart',
        groups: ['system:serviceaccounts'],
        ...spec,
      },
    })
    if (approved) await addCondition(world, REQUESTS, refOf(name), 'Approved')
    return name
  }
  const isAnswered = async (name: string, reason: string) =>
    conditionsOf(await read(name)).some((one) => one.startsWith('Ready') && one.endsWith(reason))

  describe('requests of cert-manager', () => {
    test('are answered once their issuer is ready, and each in its own way', async () => {
      const world = getWorld()
      const issuer = await world.user('cert-manager-issuer')
      const process = answering(world)
      let [early, good, wide, denied, open, wrong, foreign] = ['', '', '', '', '', '', '']
      let later = ''
      await whileRunning([{ user: issuer, ...issuerController(issuer, process) }], async () => {
        later = `issuer-${names + 2}`
        early = await ask(later)
        await untilTrue('it waits for its issuer', () => isAnswered(early, 'Pending'))
        expect(await makeIssuer('workloads')).toBe(later)
        const cluster = await makeIssuer('workloads', 'ClusterMeshIssuer')
        good = await ask(later)
        wide = await ask(cluster, { kind: 'ClusterMeshIssuer' })
        denied = await ask(later, { approved: false })
        await addCondition(world, REQUESTS, refOf(denied), 'Denied')
        open = await ask(later, { approved: false })
        wrong = await ask(later, { spec: { usages: ['code signing'] } })
        foreign = await ask(later, {
          spec: { issuerRef: { name: later, kind: 'MeshIssuer', group: 'x.example' } },
        })
        for (const name of [early, good, wide]) await untilTrue(name, () => isAnswered(name, 'Issued'))
        await untilTrue('denied', () => isAnswered(denied, 'Denied'))
        await untilTrue('failed', () => isAnswered(wrong, 'Failed'))
      })

      const found = await world.admin.get(meshIssuers, refOf(later))
      expect(conditionsOf(found)).toEqual(['Ready True Ready'])
      const [above, root] = world.hierarchy.intermediate.chain.map((one) => new X509Certificate(one.toPem()))
      for (const name of [early, good, wide]) {
        const request = await read(name)
        expect(conditionsOf(request)).toEqual(['Approved True Test', 'Ready True Issued'])
        const { certificate, ca, failureTime } = statusOf(request)
        const leaf = new X509Certificate(textOf(certificate))
        expect(above === undefined ? false : leaf.verify(above.publicKey)).toBe(true)
        expect(leaf.subjectAltName).toBe(`URI:${ID}`)
        expect(new X509Certificate(textOf(ca)).fingerprint256).toBe(root?.fingerprint256)
        expect(failureTime).toBeUndefined()
      }
      for (const [name, conditions] of [
        [denied, ['Denied True Test', 'Ready False Denied']],
        [wrong, ['Approved True Test', 'Ready False Failed']],
      ] as const) {
        expect(conditionsOf(await read(name))).toEqual(conditions)
        expect(statusOf(await read(name))).toMatchObject({ failureTime: expect.stringMatching(/Z$/) })
        expect(statusOf(await read(name))).not.toHaveProperty('certificate')
      }
      // What nobody has approved, or is another issuer's, is not even written to.
      expect(conditionsOf(await read(open))).toEqual([])
      expect(conditionsOf(await read(foreign))).toEqual(['Approved True Test'])
      expect(process.events.filter(({ type }) => type === 'signed')).toHaveLength(3)
      expect(issuer.transport.answered(403)).toEqual([])
    })

    test('a denial between decision and write makes the write fail, and is then what is answered', async () => {
      const world = getWorld()
      const name = await ask(await readyIssuer())
      let isDone = false
      const { client, transport } = await world.user('cert-manager-issuer', {
        before: async ({ method }) => {
          if (method !== 'PUT' || isDone) return
          isDone = true
          await addCondition(world, REQUESTS, refOf(name), 'Denied')
        },
      })
      const process = answering(world)
      const step = () => certManagerIssuerStep(client, refOf(name), { signers: process.signers })
      expect(await step()).toMatchObject({ changed: false })
      expect(transport.written()).toEqual([])
      expect(process.events.map(({ type }) => type)).toEqual(['dropped'])
      expect(await step()).toMatchObject({ changed: true })
      expect(conditionsOf(await read(name))).toEqual([
        'Approved True Test',
        'Denied True Test',
        'Ready False Denied',
      ])
      expect(statusOf(await read(name))).not.toHaveProperty('certificate')
    })

    test('and their issuers are not answered without the rules for their status', async () => {
      const world = getWorld()
      const name = await ask(await readyIssuer())
      const before = await read(name)
      const user = await world.user('cert-manager-issuer', { change: without('certificaterequests/status') })
      const process = answering(world)
      await expect(
        certManagerIssuerStep(user.client, refOf(name), { signers: process.signers }),
      ).rejects.toMatchObject({ code: 'ERR_KUBERNETES_FORBIDDEN', status: 403 })
      expect(await read(name)).toEqual(before)

      const unsaid = await makeIssuer('workloads')
      const other = await world.user('cert-manager-issuer', { change: without('meshissuers/status') })
      await expect(
        meshIssuerStep(other.client, refOf(unsaid), { signers: process.signers }),
      ).rejects.toMatchObject({ code: 'ERR_KUBERNETES_FORBIDDEN', status: 403 })
      expect(conditionsOf(await world.admin.get(meshIssuers, refOf(unsaid)))).toEqual([])
      for (const { transport } of [user, other]) expect(transport.written()).toEqual([])
      expect(process.events).toEqual([])
    })

    /** An issuer that says that it is ready, by somebody who may say so. */
    async function readyIssuer(): Promise<string> {
      const world = getWorld()
      const name = await makeIssuer('workloads')
      await meshIssuerStep(world.admin, refOf(name), { signers: answering(world).signers })
      return name
    }
  })

  describe('cert-manager as an issuer', () => {
    const namespace = 'istio-system'

    /** Approves or denies what is asked for, as long as a test runs. */
    const deciding = async (type: 'Approved' | 'Denied', work: () => Promise<void>) => {
      const world = getWorld()
      let isOver = false
      const deciding = until('the test is over', async () => {
        const { items } = await world.admin.list(REQUESTS, { namespace })
        for (const item of items)
          if (conditionsOf(item).length === 0)
            await addCondition(world, REQUESTS, { namespace, name: item.metadata.name ?? '' }, type)
        return isOver ? true : undefined
      })
      try {
        await work()
      } finally {
        isOver = true
        await deciding
      }
    }
    const issuerFor = ({ client }: AdapterUser, name: string) =>
      certManagerIssuer({ client, namespace, issuerRef: { group: GROUP, kind: 'ClusterMeshIssuer', name } })
    const wish = async (options: Partial<RequestCertificateOptions> = {}) => ({
      csr: (await createCsr({ subject: 'CN=Intermediate CA,O=Example', key: 'P-256' })).csr,
      isCa: true,
      lifetime: { max: '30d' },
      anchors: getWorld().hierarchy.root.certificate,
      ...options,
    })

    test('makes the CA that was asked for, once', async () => {
      const world = getWorld()
      const user = await world.user('cert-manager-client')
      const issuer = await world.user('cert-manager-issuer')
      const process = answering(world)
      await whileRunning([{ user: issuer, ...issuerController(issuer, process) }], async () => {
        const adapter = issuerFor(user, await makeIssuer('cas', 'ClusterMeshIssuer'))
        await deciding('Approved', async () => {
          const options = await wish({ requestId: 'wish-1' })
          const { certificate, chain } = await requestCertificate(adapter, options)
          expect(certificate.isCa).toBe(true)
          expect(String(certificate.subject)).toBe('CN=Intermediate CA,O=Example')
          expect(new X509Certificate(certificate.toPem()).ca).toBe(true)
          expect(chain.at(-1)?.equals(world.hierarchy.root.certificate)).toBe(true)
          const again = await requestCertificate(adapter, { ...options, resume: true })
          expect(again.certificate.equals(certificate)).toBe(true)
        })
      })
      const ours = process.events.filter(({ request }) => request.namespace === namespace)
      expect(ours.map(({ type }) => type)).toEqual(['signed'])
      expect(user.transport.written()).toEqual([
        `POST /apis/cert-manager.io/v1/namespaces/${namespace}/certificaterequests`,
      ])
      for (const { transport } of [user, issuer]) expect(transport.answered(403)).toEqual([])
    })

    test('says why it was denied, and is asked no second time', async () => {
      const world = getWorld()
      const user = await world.user('cert-manager-client')
      const adapter = issuerFor(user, 'nobody')
      await deciding('Denied', async () => {
        const options = await wish({ requestId: 'wish-2' })
        for (const resume of [false, true])
          await expect(requestCertificate(adapter, { ...options, resume })).rejects.toMatchObject({
            code: 'ERR_ISSUER_FAILED',
            message: expect.stringMatching(/was denied: .*by a test/),
          })
      })
      expect(user.transport.written()).toHaveLength(1)
    })

    test('is not asked by who may not create requests', async () => {
      const world = getWorld()
      const user = await world.user('cert-manager-client', {
        change: without('certificaterequests', 'create'),
      })
      const adapter = issuerFor(user, 'nobody')
      await expect(requestCertificate(adapter, await wish({ requestId: 'wish-3' }))).rejects.toMatchObject({
        code: 'ERR_ISSUER_FAILED',
        cause: { retryable: false, cause: { code: 'ERR_KUBERNETES_FORBIDDEN', status: 403 } },
      })
      expect(user.transport.log).toHaveLength(1)
      const ref = { namespace, name: 'mesh-pki-wish-3' }
      expect(await world.admin.find(REQUESTS, ref)).toBeUndefined()
    })
  })
}
