/** cert-manager as an issuer, over an API server in memory and a signer that answers each request as it comes. */

import { createRootCa } from '../../../src/ca/index.ts'
import { Csr, createCsr } from '../../../src/csr/index.ts'
import {
  KubeClient,
  type KubeObject,
  KubeResources,
  type KubeTransport,
} from '../../../src/kubernetes/index.ts'
import { certManagerIssuer } from '../../../src/kubernetes/signers/cert-manager-issuer.ts'
import { readGoDuration } from '../../../src/kubernetes/signers/go-duration.ts'
import { fakeKubeApi } from '../../../src/kubernetes/testing/index.ts'
import { base64, condition } from '../kubernetes/signers/support.ts'
import { deferred } from '../node/support.ts'
import {
  type IssuerWorld,
  issuerContract,
  type Misbehaviour,
  type ReceivedRequest,
} from './issuer-contract.ts'

const { certManagerRequests: REQUESTS } = KubeResources
const REFUSAL = 'no such team here'

const newRoot = () => createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key: 'P-256' })

async function certManagerWorld(): Promise<IssuerWorld> {
  const [root, foreign] = [await newRoot(), await newRoot()]
  const api = fakeKubeApi({ resources: [REQUESTS], clock: { now: () => new Date(), sleep: async () => {} } })
  const received: ReceivedRequest[] = []
  const answered = new Set<string>()
  let issued = 0
  let how: Misbehaviour | undefined
  let hung = deferred<void>()

  /** What the issuer behind cert-manager makes of a request. */
  const sign = async (spec: ReadonlyMap<string, unknown>) => {
    const wanted = Csr.fromPem(Buffer.from(String(spec.get('request')), 'base64').toString())
    const csr = how === 'other-request' ? (await createCsr({ key: 'P-256' })).csr : wanted
    const ca = how === 'other-root' ? foreign : root
    if (how === 'ca-for-leaf')
      return ca.issueIntermediate(csr, { lifetime: '24h', pathLength: 0, subject: 'CN=not a leaf' })
    const [name] = wanted.subjectAltNames ?? []
    const id = name?.type === 'uri' ? name.value : 'spiffe://cluster.local/ns/default/sa/web'
    return ca.issueWorkload(csr, { id, lifetime: how === 'longer-lifetime' ? '60d' : '24h' })
  }

  const statusOf = async (object: KubeObject): Promise<object> => {
    const spec = new Map(Object.entries(Object(object['spec'])))
    if (how === 'refused')
      return { conditions: [condition('Denied', 'True', { reason: 'Policy', message: REFUSAL })] }
    if (how === 'garbage') return { conditions: [condition('Ready', 'True')], certificate: base64('garbage') }
    const { chain } = await sign(spec)
    issued++
    const pem = chain.slice(0, -1).map((one) => one.toPem())
    return {
      conditions: [condition('Ready', 'True', { reason: 'Issued' })],
      certificate: base64(pem.join('')),
    }
  }

  /** Answers what has no answer yet, once each. */
  const work = async (): Promise<void> => {
    for (const object of api.objects(REQUESTS)) {
      const { uid = '' } = object.metadata
      if (answered.has(uid)) continue
      answered.add(uid)
      const spec = Object(object['spec'])
      received.push({
        csrPem: Buffer.from(String(spec.request), 'base64').toString(),
        lifetimeSeconds: (readGoDuration(spec.duration) ?? Number.NaN) / 1000,
        isCa: spec.isCA === true,
        pathLength: undefined,
      })
      api.seed({ ...object, status: await statusOf(object) })
    }
  }

  const inner = api.transport()
  const transport: KubeTransport = {
    watch: (request, ...rest) => inner.watch(request, ...rest),
    request: async (request) => {
      if (how === 'hangs') hung.resolve()
      try {
        return await inner.request(request)
      } finally {
        await work()
      }
    },
  }
  const client = new KubeClient(transport, { fieldManager: 'mesh-pki' })
  return {
    issuer: certManagerIssuer({
      client,
      namespace: 'istio-system',
      issuerRef: { kind: 'ClusterIssuer', name: 'corporate' },
    }),
    anchors: root.certificate.toPem(),
    received: () => received,
    issued: () => issued,
    misbehave: (next) => {
      how = next
      const at = { resource: REQUESTS }
      if (next === 'throttled-once') api.faults.fail({ status: 429, reason: 'TooManyRequests' }, at)
      if (next === 'unavailable-once') api.faults.fail({ status: 503 }, at)
      if (next === 'unavailable') api.faults.fail({ status: 503 }, { ...at, times: Number.POSITIVE_INFINITY })
      if (next === 'hangs') api.faults.hang({ ...at, times: Number.POSITIVE_INFINITY })
      if (next === 'answer-lost') api.faults.failAfter('broken-connection', { ...at, verb: 'create' })
    },
    recover: () => {
      how = undefined
      api.faults.clear()
      hung = deferred()
    },
    hung: () => hung.promise,
    refusal: REFUSAL,
    secrets: [],
    close: async () => api.faults.clear(),
  }
}

// A CertificateRequest has no member for a path length, so CAs are not asked for here. A token that is not taken is tried
// again: the file of a projected one is read anew.
issuerContract('certManagerIssuer', certManagerWorld, {
  kinds: ['workload'],
  without: ['credentials-expired'],
})
