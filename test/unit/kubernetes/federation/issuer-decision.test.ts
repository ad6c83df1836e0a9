import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import {
  answerRequest,
  encodeCertificateRequest,
} from '../../../../src/kubernetes/federation/certificate-request.ts'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import {
  decideIssuance,
  type Entitlement,
  type IssuerView,
  isAnswered,
} from '../../../../src/kubernetes/federation/issuer-decision.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import type { KeyAlgorithm } from '../../../../src/x509/index.ts'
import { caUnder, HOST, ORDER, orderOf, pemOf, rootOf } from './parts.ts'

let a: CertificateAuthority
let request: KubeObject
let entitlement: Entitlement

interface Asked {
  readonly key?: KeyAlgorithm
  readonly names?: Parameters<typeof createCsr>[0]['subjectAltNames']
}

async function asking({ key = 'P-256', names = [{ type: 'uri', value: HOST }] }: Asked = {}) {
  const { csr } = await createCsr({ subject: 'O=Istio', subjectAltNames: names, key })
  const object = encodeCertificateRequest(MESH_PKI_API.certificateRequests, {
    ...ORDER,
    csr,
    round: 'r',
    labels: {},
  })
  return { ...object, metadata: { ...object.metadata, uid: 'u', generation: 2 } }
}

beforeAll(async () => {
  a = await rootOf('a')
  request = await asking()
  entitlement = {
    hosts: [HOST],
    lifetime: '365d',
    pathLength: 0,
    keyAlgorithm: 'P-256',
    organization: 'Istio',
    authority: a,
    authorityId: 'root-1',
    roots: pemOf(a),
  }
})

const decide = (more: Partial<IssuerView> = {}): string =>
  decideIssuance({ cluster: 'east', request, order: orderOf().object, entitlement, ...more }).do

describe('a request', () => {
  test('is signed where the order is what was decided here', () => {
    const decision = decideIssuance({ cluster: 'east', request, order: orderOf().object, entitlement })
    expect(decision).toMatchObject({ do: 'sign', entitlement })
  })

  test('is refused where no policy knows it, and waits where nothing may be signed now', () => {
    expect(decide({ entitlement: undefined })).toBe('refuse')
    expect(decide({ entitlement: { hold: 'the journal is old' } })).toBe('wait')
    expect(decide({ order: undefined })).toBe('wait')
  })

  test.each([
    ['names', { hosts: ['spiffe://west.example/ns/istio-system/sa/istiod'] }],
    ['one name more', { hosts: [HOST, 'spiffe://west.example/ns/istio-system/sa/istiod'] }],
    ['a longer life', { lifetime: '366d' }],
    ['another kind of key', { keyAlgorithm: 'P-384' as const }],
    ['CAs below', { pathLength: 1 }],
    ['no limit of CAs below', { pathLength: 'none' as const }],
    ['another authority', { authority: 'root-2' }],
  ])('waits while the order in the cluster asks for %s: nobody there decides', (_name, spec) => {
    expect(decide({ order: orderOf(spec).object })).toBe('wait')
    expect(decide({ order: orderOf({ authority: 'root-1' }).object })).toBe('sign')
  })

  test('is signed for an order that names no authority, as in Gloo’s kind', () => {
    expect(decide({ order: orderOf({ authority: undefined }).object })).toBe('sign')
  })

  test('waits for an order that cannot be read', () => {
    const { object } = orderOf()
    expect(decide({ order: { ...object, spec: { hosts: [] } } })).toBe('wait')
  })

  test.each(['P-384', 'RSA-2048'] as const)('for a key of another kind (%s) is refused', async (key) => {
    expect(decide({ request: await asking({ key }) })).toBe('refuse')
    const order = orderOf({ keyAlgorithm: key }).object
    const allowed = { ...entitlement, keyAlgorithm: key }
    expect(decide({ request: await asking({ key }), order, entitlement: allowed })).toBe('sign')
  })

  test('with a name that it is not entitled to is refused; without names it is not', async () => {
    for (const names of [
      [
        { type: 'uri', value: HOST },
        { type: 'uri', value: `${HOST}-2` },
      ],
      [{ type: 'dns', value: 'istiod.istio-system.svc' }],
    ] as const)
      expect(decide({ request: await asking({ names }) })).toBe('refuse')
    expect(decide({ request: await asking({ names: [] }) })).toBe('sign')
  })

  test('that cannot be read is refused', () => {
    expect(decide({ request: { ...request, spec: {} } })).toBe('refuse')
    expect(decide({ request: { ...request, spec: { certificateSigningRequest: 'eA==' } } })).toBe('refuse')
  })
})

describe('an answer', () => {
  test('stays, whether it was a certificate or a refusal, as long as the request is the same', async () => {
    const { certificate, chain } = await caUnder(a)
    for (const answered of [
      answerRequest(request, { certificate, chain, roots: pemOf(a) }),
      answerRequest(request, { error: 'no' }),
    ]) {
      expect(isAnswered(answered)).toBe(true)
      // Nor does it change when no policy knows the order any longer.
      expect(decide({ request: answered, entitlement: undefined })).toBe('ignore')
      const changed = { ...answered, metadata: { ...answered.metadata, generation: 3 } }
      expect(isAnswered(changed)).toBe(false)
      expect(decide({ request: changed })).toBe('sign')
    }
  })

  test('is none while it is waited for', () => {
    const waiting = answerRequest(request, { waitsFor: 'the order' })
    expect(isAnswered(waiting)).toBe(false)
    expect(decide({ request: waiting })).toBe('sign')
    expect(isAnswered(request)).toBe(false)
  })
})
