import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type ExternalIssuer,
  type RequestCertificateOptions,
  requestCertificate,
} from '../../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import {
  type CertManagerIssuerOptions,
  certManagerIssuer,
} from '../../../../src/kubernetes/signers/cert-manager-issuer.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import {
  createTestHierarchy,
  manualClock,
  seededRandom,
  type TestHierarchy,
} from '../../../../src/testing/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { rulesOf } from './rbac-support.ts'
import { base64, CART_ID, condition, NOW, text, wire } from './support.ts'

const { certManagerRequests: REQUESTS } = KubeResources

let hierarchy: TestHierarchy
let csr: Csr
let caCsr: Csr
let api: FakeKubeApi

beforeAll(async () => {
  hierarchy = await createTestHierarchy({ time: NOW })
  csr = (await createCsr({ key: 'P-256' })).csr
  caCsr = (await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })).csr
})

beforeEach(() => {
  api = fakeKubeApi({
    clock: manualClock(NOW),
    resources: [REQUESTS],
    users: { client: { rules: rulesOf('cert-manager-client.yaml') } },
  })
})

function issuer(options: Partial<CertManagerIssuerOptions> = {}): ExternalIssuer {
  const client = new KubeClient(api.transport({ user: 'client' }), {
    fieldManager: 'mesh-pki',
    clock: manualClock(NOW),
  })
  return certManagerIssuer({
    client,
    namespace: 'istio-system',
    issuerRef: { kind: 'ClusterIssuer', name: 'corporate' },
    ...options,
  })
}

/** What cert-manager and its issuer do: answer what has no answer yet. */
async function answerAll(
  answer: (request: ReturnType<typeof wire>) => object | Promise<object>,
): Promise<void> {
  for (const object of api.objects(REQUESTS))
    if (object['status'] === undefined) api.seed({ ...object, status: await answer(object) })
}

async function issued(
  request: ReturnType<typeof wire>,
  ca = hierarchy.root.certificate.toPem(),
): Promise<object> {
  const spec = Object(request['spec'])
  const pem = text(spec.request)
  const { chain } = spec.isCA
    ? await hierarchy.root.issueIntermediate(pem, { lifetime: '30d', pathLength: 0 })
    : await hierarchy.intermediate.issueWorkload(pem, { id: CART_ID, lifetime: '1h' })
  return {
    conditions: [condition('Approved'), condition('Ready', 'True', { reason: 'Issued' })],
    certificate: base64(
      chain
        .slice(0, -1)
        .map((one) => one.toPem())
        .join(''),
    ),
    ca: base64(ca),
  }
}

/** Asks, and lets cert-manager answer whenever we wait. */
function ask(
  from: ExternalIssuer,
  options: Partial<RequestCertificateOptions> = {},
  answer: Parameters<typeof answerAll>[0] = issued,
) {
  const clock = manualClock(NOW)
  return requestCertificate(from, {
    csr,
    id: CART_ID,
    lifetime: { max: '1h' },
    anchors: hierarchy.root.certificate,
    random: seededRandom(1),
    clock: {
      now: () => clock.now(),
      sleep: async (milliseconds, signal) => {
        // Time limits of calls are not reached; pauses between them are over at once.
        if (milliseconds >= 10_000) return clock.sleep(milliseconds, signal)
        clock.set(new Date(clock.now().getTime() + milliseconds))
        await answerAll(answer)
      },
    },
    ...options,
  })
}

describe('certManagerIssuer', () => {
  it('makes a CertificateRequest, waits, and answers what was verified', async () => {
    const { certificate, chain } = await ask(issuer({ annotations: { 'example.com/why': 'a test' } }), {
      requestId: 'wish-1',
    })
    expect(certificate.subjectAltNames).toEqual([{ type: 'uri', value: CART_ID }])
    expect(chain.at(-1)?.equals(hierarchy.root.certificate)).toBe(true)
    const [object, ...more] = api.objects(REQUESTS)
    expect(more).toEqual([])
    expect(object?.metadata).toMatchObject({
      namespace: 'istio-system',
      name: 'mesh-pki-wish-1',
      annotations: { 'pki.mesh-pki.dev/request-id': 'wish-1', 'example.com/why': 'a test' },
    })
    expect(object?.['spec']).toEqual({
      request: base64(csr.toPem()),
      issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'corporate' },
      duration: '1h0m0s',
      isCA: false,
      usages: ['digital signature', 'server auth', 'client auth'],
    })
  })

  it('asks for CAs', async () => {
    const { certificate } = await ask(issuer(), {
      csr: caCsr,
      id: undefined,
      isCa: true,
      pathLength: 0,
      lifetime: { max: '30d' },
    })
    expect(certificate.isCa).toBe(true)
    expect(Object(api.objects(REQUESTS)[0]?.['spec'])).toMatchObject({
      isCA: true,
      duration: '720h0m0s',
      usages: ['cert sign', 'crl sign'],
    })
  })

  it('gives a name that an object can have to wishes that have none', async () => {
    await ask(issuer(), { requestId: 'Wish_1.x' })
    await ask(issuer(), { requestId: 'wish_1.x' })
    const names = api.objects(REQUESTS).map(({ metadata }) => metadata.name)
    expect(new Set(names).size).toBe(2)
    for (const name of names) expect(name).toMatch(/^mesh-pki-[0-9a-f]{32}$/)
  })

  it('asks once, however often its answers are lost', async () => {
    api.faults.failAfter('broken-connection', { verb: 'create' })
    await ask(issuer())
    expect(api.requests.filter(({ verb, changed }) => verb === 'create' && changed)).toHaveLength(1)
    expect(api.objects(REQUESTS)).toHaveLength(1)
  })

  it('adopts its own request after a crash, and what became of it', async () => {
    await issuer().issue(
      { csr, requestId: 'wish-1', intent: await intentOf() },
      { signal: new AbortController().signal },
    )
    await answerAll(issued)
    const { certificate } = await ask(issuer(), { requestId: 'wish-1' })
    expect(api.objects(REQUESTS)).toHaveLength(1)
    const [leaf] = Certificate.listFromPem(text(Object(api.objects(REQUESTS)[0]?.['status']).certificate))
    expect(leaf?.equals(certificate)).toBe(true)
  })

  it.each([
    ['another key', (spec: object) => ({ ...spec, request: base64(caCsr.toPem()) })],
    ['no request', (spec: object) => ({ ...spec, request: 'junk' })],
    [
      'another issuer',
      (spec: object) => ({
        ...spec,
        issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'other' },
      }),
    ],
    ['another life', (spec: object) => ({ ...spec, duration: '2h0m0s' })],
    ['a CA', (spec: object) => ({ ...spec, isCA: true })],
    ['other usages', (spec: object) => ({ ...spec, usages: ['any'] })],
  ])('does not adopt a request of %s', async (_what, change) => {
    await ask(issuer(), { requestId: 'wish-1' })
    const [object] = api.objects(REQUESTS)
    api.seed(wire({ ...object, spec: change(Object(object?.['spec'])) }))
    await expect(ask(issuer(), { requestId: 'wish-1' })).rejects.toMatchObject({
      code: 'ERR_ISSUER_FAILED',
      message: expect.stringContaining('of another wish'),
    })
  })

  it('does not take the outcome of another wish, though it is of the same issuer', async () => {
    await ask(issuer(), { requestId: 'wish-1' })
    const [made] = api.objects(REQUESTS)
    if (made === undefined) throw new Error('it was made')
    const annotations = { ...made.metadata.annotations, 'pki.mesh-pki.dev/request-id': 'wish-2' }
    api.seed(wire({ ...made, metadata: { ...made.metadata, annotations } }))
    await expect(ask(issuer(), { requestId: 'wish-1', resume: true })).rejects.toMatchObject({
      code: 'ERR_ISSUER_FAILED',
      message: expect.stringContaining('of another wish'),
    })
  })

  it('does not adopt what bears no name of ours', async () => {
    api.seed(
      wire({
        apiVersion: 'cert-manager.io/v1',
        kind: 'CertificateRequest',
        metadata: { namespace: 'istio-system', name: 'mesh-pki-wish-1' },
        spec: {},
      }),
    )
    await expect(ask(issuer(), { requestId: 'wish-1' })).rejects.toMatchObject({ code: 'ERR_ISSUER_FAILED' })
    // Nor does it take another's object for the outcome of its own wish.
    await expect(ask(issuer(), { requestId: 'wish-1', resume: true })).rejects.toMatchObject({
      code: 'ERR_ISSUER_FAILED',
      message: expect.stringContaining('of another wish'),
    })
  })

  it.each([
    ['Denied', [condition('Denied', 'True', { message: 'not you' })], /denied: .*not you/],
    [
      'Denied, as the issuer wrote it',
      [condition('Ready', 'False', { reason: 'Denied', message: 'not you' })],
      /denied: .*not you/,
    ],
    [
      'InvalidRequest',
      [condition('InvalidRequest', 'True', { message: 'bad usages' })],
      /invalid: .*bad usages/,
    ],
    [
      'Failed',
      [condition('Ready', 'False', { reason: 'Failed', message: 'no quota' })],
      /failed: .*no quota/,
    ],
  ])('gives up where it is %s', async (_what, conditions, message) => {
    const answer = () => ({ conditions })
    const expected = { code: 'ERR_ISSUER_FAILED', message: expect.stringMatching(message) }
    await expect(ask(issuer(), {}, answer)).rejects.toMatchObject(expected)
    // It stays so: no second request is made, nor after a restart.
    await expect(ask(issuer(), { resume: true }, answer)).rejects.toMatchObject(expected)
    expect(api.objects(REQUESTS)).toHaveLength(1)
    // Without a second attempt it is told all the same, and is asked for once.
    await expect(ask(issuer(), { attempts: 1, requestId: 'other' }, answer)).rejects.toMatchObject(expected)
    expect(api.requests.filter(({ verb }) => verb === 'create')).toHaveLength(2)
  })

  it('takes no root from ca.crt', async () => {
    const other = await createTestHierarchy({ time: NOW })
    await expect(ask(issuer(), { anchors: other.root.certificate })).rejects.toMatchObject({
      code: 'ERR_ISSUER_MISMATCH',
    })
    // And needs none: the true root is the caller's.
    const junk = await ask(issuer(), { requestId: 'wish-2' }, async (request) => ({
      ...(await issued(request)),
      ca: base64('junk'),
    }))
    expect(junk.chain).toHaveLength(3)
  })

  it('uses what stands in ca.crt as a step on the way, where it is one', async () => {
    const { chain } = await ask(issuer(), {}, async (request) => {
      const status: Record<string, unknown> = {
        ...(await issued(request, hierarchy.intermediate.certificate.toPem())),
      }
      const [leaf] = Certificate.listFromPem(text(status['certificate']))
      return { ...status, certificate: base64(leaf?.toPem() ?? '') }
    })
    expect(chain).toHaveLength(3)
  })

  it('says that a certificate may have been made where it cannot be read', async () => {
    await expect(
      ask(issuer(), { attempts: 1 }, () => ({
        conditions: [condition('Ready', 'True', { reason: 'Issued' })],
        certificate: base64('junk'),
      })),
    ).rejects.toMatchObject({ code: 'ERR_ISSUER_OUTCOME_UNKNOWN' })
  })

  it.each([
    ['is forbidden', 403, 'Forbidden', 'ERR_ISSUER_FAILED', 1],
    ['is throttled', 429, 'TooManyRequests', undefined, 2],
    ['is down', 503, 'ServiceUnavailable', undefined, 2],
  ])('where it %s', async (_what, status, reason, code, creates) => {
    api.faults.fail({ status, reason }, { verb: 'create' })
    const asked = ask(issuer())
    if (code === undefined) await asked
    else await expect(asked).rejects.toMatchObject({ code })
    expect(api.requests.filter(({ verb }) => verb === 'create').length).toBe(creates)
  })

  it.each([
    ['no client', { client: undefined }],
    ['a namespace that is none', { namespace: '../x' }],
    ['no issuer', { issuerRef: undefined }],
    ['an issuer without a name', { issuerRef: { name: '' } }],
    ['a kind that is none', { issuerRef: { name: 'x', kind: 'issuer' } }],
    ['a prefix that no object may have', { namePrefix: 'Mesh' }],
    ['annotations of cert-manager', { annotations: { 'cert-manager.io/private-key-secret-name': 'x' } }],
    ['annotations of ours', { annotations: { 'pki.mesh-pki.dev/request-id': 'x' } }],
    ['an unknown option', { name: 'x' }],
  ])('refuses %s', (_what, options) => {
    expect(() => issuer(options as never)).toThrow(TypeError)
  })

  it('has no word for some purposes', async () => {
    await expect(ask(issuer(), { purposes: ['1.3.6.1.5.2.3.5'] })).rejects.toMatchObject({
      code: 'ERR_ISSUER_FAILED',
      message: expect.stringContaining('1.3.6.1.5.2.3.5'),
    })
    expect(api.writes).toBe(0)
  })
})

/** The intent of the wish that `ask` has, caught on its way. */
async function intentOf() {
  let caught: Parameters<ExternalIssuer['issue']>[0]['intent'] | undefined
  const catcher: ExternalIssuer = {
    issue: async ({ intent }) => {
      caught = intent
      throw new Error('caught')
    },
  }
  await ask(catcher, { attempts: 1 }).catch(() => {})
  if (caught === undefined) throw new Error('an issuer is asked')
  return caught
}
