/**
 * Approver and signer of CertificateSigningRequests.
 */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Csr, createCsr } from '../../../src/csr/index.ts'
import { type KubeClient, KubeResources, keyOf, Reflector } from '../../../src/kubernetes/index.ts'
import { type ApproveCsrOptions, approveCsrStep } from '../../../src/kubernetes/signers/approve-csr-step.ts'
import { RequestSigner } from '../../../src/kubernetes/signers/request-signer.ts'
import { signCsrStep } from '../../../src/kubernetes/signers/sign-csr-step.ts'
import type { SignerEvent } from '../../../src/kubernetes/signers/signer-event.ts'
import { serviceAccountIdentity, workloadSigning } from '../../../src/kubernetes/signers/workload-signing.ts'
import type { TestHierarchy } from '../../../src/testing/index.ts'
import { grant } from '../../support/kube-access.ts'
import { until } from '../../support/until.ts'
import {
  type AdapterUser,
  addCondition,
  base64,
  conditionsOf,
  type GetWorld,
  statusOf,
  textOf,
  whileRunning,
  without,
} from './world.ts'

const { certificateSigningRequests: CSRS } = KubeResources
const signerName = 'example.com/mesh'
const CART = 'system:serviceaccount:shop:cart'
const POLICY = workloadSigning({ identify: serviceAccountIdentity('cluster.local') })

const terms = (approver: string): ApproveCsrOptions => ({
  signerName,
  policy: POLICY,
  approver,
  judge: ({ requester, annotations }) =>
    annotations['example.com/deny'] !== undefined
      ? { deny: 'the test says so' }
      : requester.serviceAccount?.namespace === 'shop'
        ? { approve: 'the shop may' }
        : undefined,
})

/** A signer of one process: what it signed and what became of that. */
function signerOf({ intermediate }: TestHierarchy) {
  const events: SignerEvent[] = []
  let signatures = 0
  const signer = RequestSigner.from({
    ca: {
      chain: intermediate.chain,
      sign: (...args: Parameters<typeof intermediate.sign>) => {
        signatures++
        return intermediate.sign(...args)
      },
    },
    policy: POLICY,
    onEvent: (event) => void events.push(event),
  })
  const serials = (type: 'signed' | 'dropped') =>
    events.flatMap((event) => (event.type === type ? [event.certificate.serialNumber] : []))
  return { signer, events, serials, signatures: () => signatures }
}

export function describeCsrs(getWorld: GetWorld): void {
  let cart: KubeClient
  let csr: Csr
  let names = 0

  beforeAll(async () => {
    const { server, clientOf } = getWorld()
    await grant(server.admin, CART, [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests'],
        verbs: ['create', 'get', 'delete'],
      },
    ])
    cart = await clientOf(CART)
    csr = (await createCsr({ key: 'P-256' })).csr
  })

  const ask = async (
    spec: object = {},
    { client = cart, deny = false, name = `cart-${++names}` } = {},
  ): Promise<string> => {
    await client.create(CSRS, {
      metadata: { name, ...(deny ? { annotations: { 'example.com/deny': 'yes' } } : {}) },
      spec: {
        request: base64(csr.toPem()),
        signerName,
        usages: ['digital signature', 'server auth', 'client auth'],
        ...spec,
      },
    })
    return name
  }
  const read = (name: string) => getWorld().admin.get(CSRS, { name })
  const approve = (name: string) => addCondition(getWorld(), CSRS, { name }, 'Approved', { part: 'approval' })
  const certificateOf = async (name: string): Promise<string> => {
    const found = statusOf(await read(name))['certificate']
    return found === undefined ? '' : textOf(found)
  }
  const watched = ({ client }: AdapterUser) => {
    const reflector = new Reflector(client, CSRS, { fieldSelector: `spec.signerName=${signerName}` })
    return {
      reflector,
      sources: [
        { reflector, keysOf: ({ object }: { object: Parameters<typeof keyOf>[0] }) => [keyOf(object)] },
      ],
    }
  }

  describe('CertificateSigningRequests', () => {
    test('are approved or denied, and signed once though two signers run', async () => {
      const { user, hierarchy, admin } = getWorld()
      const approver = await user('csr-approver')
      const users = [await user('csr-signer'), await user('csr-signer')]
      const signers = users.map(() => signerOf(hierarchy))
      const good: string[] = []
      let [denied, asCa, foreign, stranger] = ['', '', '', '']
      await whileRunning(
        [
          {
            user: approver,
            sources: watched(approver).sources,
            reconcile: (key) => approveCsrStep(approver.client, key, terms(approver.name)),
          },
          ...users.map((own, i) => {
            const { reflector, sources } = watched(own)
            const { signer } = signers[i] ?? signerOf(hierarchy)
            return {
              user: own,
              sources,
              reconcile: (key: string) =>
                signCsrStep(own.client, key, { signer, signerName, cached: reflector.get(key) }),
            }
          }),
        ],
        async () => {
          for (let i = 0; i < 6; i++) good.push(await ask())
          denied = await ask({}, { deny: true })
          asCa = await ask({ usages: ['cert sign'] })
          foreign = await ask({ signerName: 'example.com/other' })
          stranger = await ask({}, { client: admin })
          await approve(stranger)
          await until('all are answered', async () => {
            for (const name of good) if ((await certificateOf(name)) === '') return undefined
            for (const name of [denied, asCa, stranger])
              if (!conditionsOf(await read(name)).some((one) => /Denied|Failed/.test(one))) return undefined
            return true
          })
        },
      )

      const [issuer] = hierarchy.intermediate.chain
      const issuerKey = new X509Certificate(issuer?.toPem() ?? '').publicKey
      const requested = createPublicKey({ key: Buffer.from(csr.publicKey), format: 'der', type: 'spki' })
      const serials: string[] = []
      for (const name of good) {
        expect(conditionsOf(await read(name))).toEqual(['Approved True ApprovedByPolicy'])
        const pem = await certificateOf(name)
        expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
        const leaf = new X509Certificate(pem)
        expect(leaf.verify(issuerKey)).toBe(true)
        expect(leaf.publicKey.equals(requested)).toBe(true)
        expect(leaf.subjectAltName).toBe('URI:spiffe://cluster.local/ns/shop/sa/cart')
        expect(leaf.ca).toBe(false)
        serials.push(leaf.serialNumber.toLowerCase())
      }
      expect(conditionsOf(await read(denied))).toEqual(['Denied True DeniedByPolicy'])
      expect(conditionsOf(await read(asCa))).toEqual(['Denied True SignerWouldRefuse'])
      expect(conditionsOf(await read(stranger))).toEqual([
        'Approved True Test',
        'Failed True SignerValidationFailure',
      ])
      expect(statusOf(await read(foreign))).toEqual({})
      for (const name of [denied, asCa, stranger]) expect(await certificateOf(name)).toBe('')

      // One certificate was written for each, and it is the one that a signer says it has handed out.
      const told = signers.flatMap(({ serials }) => serials('signed'))
      const normal = (list: readonly string[]) => list.map((one) => BigInt(`0x${one}`)).sort()
      expect(normal(told)).toEqual(normal(serials))
      const dropped = signers.flatMap(({ serials }) => serials('dropped'))
      expect(normal(dropped).filter((one) => normal(serials).includes(one))).toEqual([])
      const writes = users.flatMap(({ transport }) => transport.written())
      expect(writes.filter((one) => one.startsWith('PUT')).sort()).toEqual(
        [...good, stranger]
          .map((name) => `PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/${name}/status`)
          .sort(),
      )
      for (const { transport } of [approver, ...users]) expect(transport.answered(403)).toEqual([])
    })

    test('a change between decision and write costs no second signature', async () => {
      const { user, hierarchy, admin } = getWorld()
      const name = await ask()
      await approve(name)
      let isTouched = false
      const { client, transport } = await user('csr-signer', {
        before: async ({ method }) => {
          if (method !== 'PUT' || isTouched) return
          isTouched = true
          await admin.change(CSRS, { name }, (found) => ({
            ...found,
            metadata: { ...found.metadata, labels: { touched: 'yes' } },
          }))
        },
      })
      const own = signerOf(hierarchy)
      expect(await signCsrStep(client, name, { signer: own.signer, signerName })).toMatchObject({
        changed: true,
      })
      expect([own.signatures(), own.serials('signed').length]).toEqual([1, 1])
      expect(transport.log.filter(({ method }) => method === 'PUT').map(({ status }) => status)).toEqual([
        409, 200,
      ])
      expect((await read(name)).metadata.labels).toEqual({ touched: 'yes' })
      // It has its certificate: nothing more is done, by nobody.
      const other = signerOf(hierarchy)
      const before = await read(name)
      expect(await signCsrStep(client, name, { signer: other.signer, signerName })).toMatchObject({
        changed: false,
      })
      expect([other.signatures(), await read(name)]).toEqual([0, before])
    })

    test.each<[string, (world: ReturnType<GetWorld>, name: string) => Promise<void>]>([
      ['a failure that somebody else wrote', (world, name) => addCondition(world, CSRS, { name }, 'Failed')],
      [
        'a certificate of somebody else',
        async ({ admin, hierarchy }, name) => {
          const pem = hierarchy.workload.toPem()
          const write = (found: object) => ({
            ...found,
            status: { ...Object(found).status, certificate: base64(pem) },
          })
          await admin.change(CSRS, { name }, (found) => ({ ...found, ...write(found) }), { part: 'status' })
        },
      ],
      [
        'another request of the name',
        async ({ admin }, name) => {
          await admin.remove(CSRS, await admin.get(CSRS, { name }))
          await ask({}, { name })
        },
      ],
      [
        'nothing',
        async ({ admin }, name) => {
          await admin.remove(CSRS, await admin.get(CSRS, { name }))
        },
      ],
    ])('%s between decision and write makes the write fail', async (_what, meanwhile) => {
      const world = getWorld()
      const name = await ask()
      await approve(name)
      let isDone = false
      const { client, transport } = await world.user('csr-signer', {
        before: async ({ method }) => {
          if (method !== 'PUT' || isDone) return
          isDone = true
          await meanwhile(world, name)
        },
      })
      const own = signerOf(world.hierarchy)
      expect(await signCsrStep(client, name, { signer: own.signer, signerName })).toMatchObject({
        changed: false,
      })
      expect(transport.written()).toEqual([])
      expect([own.signatures(), own.serials('signed'), own.serials('dropped').length]).toEqual([1, [], 1])
      const now = await world.admin.find(CSRS, { name })
      const pem = now === undefined ? '' : textOf(statusOf(now)['certificate'] ?? '')
      expect(['', world.hierarchy.workload.toPem()]).toContain(pem)
    })

    test('a denial between decision and write of an approval stands, and nothing is signed', async () => {
      const world = getWorld()
      const name = await ask()
      let isDone = false
      const approver = await world.user('csr-approver', {
        before: async ({ method }) => {
          if (method !== 'PUT' || isDone) return
          isDone = true
          await addCondition(world, CSRS, { name }, 'Denied', { part: 'approval' })
        },
      })
      expect(await approveCsrStep(approver.client, name, terms(approver.name))).toEqual({
        changed: false,
        message: 'it was denied',
      })
      expect(approver.transport.written()).toEqual([])
      const signer = await world.user('csr-signer')
      const own = signerOf(world.hierarchy)
      expect(await signCsrStep(signer.client, name, { signer: own.signer, signerName })).toMatchObject({
        changed: false,
        message: 'it was denied',
      })
      expect([own.signatures(), conditionsOf(await read(name))]).toEqual([0, ['Denied True Test']])
    })

    test('nobody signs without the verb sign, or approves without the verb approve', async () => {
      const { user, hierarchy } = getWorld()
      const name = await ask()
      const made = await read(name)
      const approver = await user('csr-approver', { change: without('signers') })
      await expect(approveCsrStep(approver.client, name, terms(approver.name))).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_FORBIDDEN',
        status: 403,
        outcome: 'refused',
      })
      expect(await read(name)).toEqual(made)

      await approve(name)
      const approved = await read(name)
      const signer = await user('csr-signer', { change: without('signers') })
      const own = signerOf(hierarchy)
      for (let i = 0; i < 2; i++)
        await expect(
          signCsrStep(signer.client, name, { signer: own.signer, signerName }),
        ).rejects.toMatchObject({ code: 'ERR_KUBERNETES_FORBIDDEN', status: 403 })
      // What could not be written is kept for when it can, so that denial costs one signature.
      expect([own.signatures(), own.events]).toEqual([1, []])
      expect(await read(name)).toEqual(approved)
      for (const { transport } of [approver, signer]) expect(transport.written()).toEqual([])
    })

    test('a signer cannot approve, and an approver cannot sign', async () => {
      const { user, hierarchy } = getWorld()
      const name = await ask()
      const signer = await user('csr-signer')
      await expect(approveCsrStep(signer.client, name, terms(signer.name))).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_FORBIDDEN',
      })
      await approve(name)
      const approver = await user('csr-approver')
      const { signer: by } = signerOf(hierarchy)
      await expect(signCsrStep(approver.client, name, { signer: by, signerName })).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_FORBIDDEN',
      })
      expect([await certificateOf(name), conditionsOf(await read(name))]).toEqual([
        '',
        ['Approved True Test'],
      ])
    })
  })
}
