import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type ExternalIssuer,
  IssuerFailure,
  type IssuerRequest,
  localIssuer,
} from '../../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import {
  RequestSigner,
  type RequestSignerOptions,
} from '../../../../src/kubernetes/signers/request-signer.ts'
import { signCsrStep } from '../../../../src/kubernetes/signers/sign-csr-step.ts'
import {
  serviceAccountIdentity,
  workloadSigning,
} from '../../../../src/kubernetes/signers/workload-signing.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { SpiffeId } from '../../../../src/spiffe/index.ts'
import {
  createTestHierarchy,
  manualClock,
  seededRandom,
  type TestHierarchy,
} from '../../../../src/testing/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { CA_POLICY_INPUT, CART_ID, csrObject, NOW, POLICY, SIGNER_NAME, text } from './support.ts'

let hierarchy: TestHierarchy
let csr: Csr

beforeAll(async () => {
  hierarchy = await createTestHierarchy({ time: NOW })
  csr = (await createCsr({ key: 'P-256' })).csr
})

/** A cluster with one approved request, and an issuer that is elsewhere. */
function cluster(
  issuer: ExternalIssuer,
  options: Partial<RequestSignerOptions> = {},
  parts: Parameters<typeof csrObject>[1] = {},
) {
  const clock = manualClock(NOW)
  const api = fakeKubeApi({ clock })
  api.seed(csrObject(csr.toPem(), parts))
  const step = () => {
    const signer = RequestSigner.from({
      issuer,
      anchors: hierarchy.root.certificate,
      policy: POLICY,
      clock,
      random: seededRandom(1),
      attempts: 1,
      ...options,
    })
    const client = new KubeClient(api.transport(), { fieldManager: 'x', clock })
    return signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })
  }
  const status = () =>
    Object(api.read(KubeResources.certificateSigningRequests, { name: 'cart-1' })?.['status'])
  return { api, step, status, leaf: () => Certificate.listFromPem(text(status().certificate))[0] }
}

describe('signing by an external issuer', () => {
  it('asks for what the policy gives, and writes what was verified', async () => {
    const asked: IssuerRequest[] = []
    const local = localIssuer(hierarchy.intermediate, { clock: manualClock(NOW) })
    const { step, leaf, status } = cluster({
      ...local,
      issue: (request, options) => {
        asked.push(request)
        return local.issue(request, options)
      },
    })
    await step()
    expect(asked).toHaveLength(1)
    expect(asked[0]?.intent).toMatchObject({ isCa: false, lifetimeMs: 86_400_000 })
    expect(asked[0]?.requestId).toMatch(/^[0-9a-f]{32}$/)
    expect(leaf()?.subjectAltNames).toEqual([{ type: 'uri', value: CART_ID }])
    expect(Certificate.listFromPem(text(status().certificate))).toHaveLength(2)
  })

  it('names the same wish the same after a crash, so that nothing is made twice', async () => {
    const names: string[] = []
    const local = localIssuer(hierarchy.intermediate, { clock: manualClock(NOW) })
    const { api, step, leaf } = cluster({
      ...local,
      issue: (request, options) => {
        names.push(request.requestId)
        return local.issue(request, options)
      },
    })
    const serials = new Set<string | undefined>()
    for (let crash = 0; crash < 2; crash++) {
      api.faults.fail('broken-connection', { verb: 'update' })
      api.faults.fail('broken-connection', { verb: 'get', nth: 3 })
      await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
    }
    await step()
    serials.add(leaf()?.serialNumber)
    // After the first, lookup answers what was made.
    expect(names).toHaveLength(1)
    expect(serials.size).toBe(1)
  })

  it('fails a request that the issuer refuses for good, and throws what may pass', async () => {
    const issue = vi.fn<ExternalIssuer['issue']>()
    const { step, status } = cluster({ issue })
    issue.mockRejectedValueOnce(new IssuerFailure('it is down', { retryable: true, outcome: 'failed' }))
    await expect(step()).rejects.toMatchObject({ code: 'ERR_ISSUER_FAILED' })
    expect(status().conditions).toHaveLength(1)
    issue.mockRejectedValueOnce(new IssuerFailure('no such role', { retryable: false, outcome: 'failed' }))
    await step()
    expect(status().conditions[1]).toMatchObject({
      type: 'Failed',
      reason: 'SigningError',
      message: expect.stringContaining('no such role'),
    })
  })

  it('fails a request for which the issuer makes something else', async () => {
    const other = (await createCsr({ key: 'P-256' })).csr
    const { step, status } = cluster({
      issue: async () => hierarchy.intermediate.issueWorkload(other, { id: CART_ID, lifetime: '1h' }),
    })
    await step()
    expect(status().certificate).toBeUndefined()
    expect(status().conditions[1]).toMatchObject({ type: 'Failed', reason: 'SigningError' })
  })

  it('does not ask for what the policy refuses', async () => {
    const issue = vi.fn()
    const policy = workloadSigning({
      identify: serviceAccountIdentity('cluster.local'),
      names: { spiffe: { allow: ['spiffe://cluster.local/ns/bank/**'] } },
    })
    const { step, status } = cluster({ issue }, { policy })
    await step()
    expect(issue).not.toHaveBeenCalled()
    expect(status().conditions[1]).toMatchObject({ type: 'Failed', reason: 'SignerValidationFailure' })
  })

  it('asks for CAs with path length and constraints', async () => {
    const local = localIssuer(hierarchy.root, { clock: manualClock(NOW) })
    const policy = {
      ...CA_POLICY_INPUT,
      ca: {
        lifetime: { max: '90d', onTooLong: 'cap' as const },
        nameConstraints: { permitted: [{ type: 'uri' as const, value: 'cluster.local' }] },
      },
    }
    const { step, leaf } = cluster(local, { policy }, { spec: { usages: ['cert sign'] } })
    await step()
    expect(leaf()).toMatchObject({ isCa: true, pathLength: 0 })
    expect(leaf()?.nameConstraints?.permitted).toContainEqual({ type: 'uri', value: 'cluster.local' })
  })
})

describe('RequestSigner', () => {
  const ca = () => ({
    sign: vi.fn(hierarchy.intermediate.sign.bind(hierarchy.intermediate)),
    chain: hierarchy.intermediate.chain,
  })

  it.each([
    ['neither CA nor issuer', () => ({ policy: POLICY })],
    [
      'both',
      () => ({ policy: POLICY, ca: ca(), issuer: { issue: vi.fn() }, anchors: hierarchy.root.certificate }),
    ],
    ['an issuer without anchors', () => ({ policy: POLICY, issuer: { issue: vi.fn() } })],
    ['anchors without an issuer', () => ({ policy: POLICY, ca: ca(), anchors: hierarchy.root.certificate })],
    ['a CA that is none', () => ({ policy: POLICY, ca: {} as never })],
    ['no policy', () => ({ ca: ca() }) as never],
    ['an unknown option', () => ({ policy: POLICY, ca: ca(), sign: 1 }) as never],
  ])('refuses %s', (_what, options) => {
    expect(() => RequestSigner.from(options())).toThrow(TypeError)
  })

  it('knows when its CA ends, which is when the first of its chain does', () => {
    const ends = Math.min(...hierarchy.intermediate.chain.map(({ notAfter }) => notAfter.getTime()))
    expect(RequestSigner.from({ policy: POLICY, ca: ca() }).notAfter).toEqual(new Date(ends))
  })
})

describe('workloadSigning', () => {
  const request = (username: string, namespace: string, name: string) => ({
    requester: { username, uid: undefined, groups: [], extra: {}, serviceAccount: { namespace, name } },
  })

  it('names service accounts as Istio does', () => {
    const identify = serviceAccountIdentity('prod.example.com')
    expect(String(identify(request('system:serviceaccount:shop:cart', 'shop', 'cart')))).toBe(
      'spiffe://prod.example.com/ns/shop/sa/cart',
    )
    expect(
      identify({
        requester: { username: 'jane', uid: undefined, groups: [], extra: {}, serviceAccount: undefined },
      }),
    ).toBeUndefined()
  })

  it('needs a function', () => {
    expect(() => workloadSigning({} as never)).toThrow(/identify/)
    expect(() => workloadSigning({ identify: SpiffeId.parse(CART_ID) } as never)).toThrow(TypeError)
    expect(() => serviceAccountIdentity('Not A Domain')).toThrow()
  })
})
