import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import {
  type AgentAction,
  type AgentView,
  decideAgentAction,
} from '../../../../src/kubernetes/federation/agent-decision.ts'
import { agentLabels, newKeySecret, newRequest } from '../../../../src/kubernetes/federation/agent-objects.ts'
import { answerRequest } from '../../../../src/kubernetes/federation/certificate-request.ts'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { type InstalledCa, roundOf, wishOf } from '../../../../src/kubernetes/federation/installed-ca.ts'
import type { IssuedCertificateSpec } from '../../../../src/kubernetes/federation/issued-certificate.ts'
import { readKey } from '../../../../src/kubernetes/federation/pending-request.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import type { PrivateKey } from '../../../../src/x509/index.ts'
import {
  AGENT_NAMESPACE,
  caUnder,
  HOST,
  installedOf,
  instant,
  type MadeCa,
  MINUTE,
  NOW,
  orderOf,
  pemOf,
  rootOf,
} from './parts.ts'

const labels = agentLabels(MESH_PKI_API, AGENT_NAMESPACE)
let a: CertificateAuthority
let b: CertificateAuthority
let east: MadeCa
let order: AgentView['order']
/** The first round of {@link order}: a key, its request, the key as such. */
let key: KubeObject
let request: KubeObject
let privateKey: PrivateKey

beforeAll(async () => {
  ;[a, b] = await Promise.all([rootOf('a'), rootOf('b')])
  east = await caUnder(a)
  order = orderOf({ trustBundle: pemOf(a) })
  const round = roundOf(wishOf(order.spec), undefined)
  key = await newKeySecret(order, round, labels)
  const pending = await readKey(key)
  if (pending === undefined) throw new Error('the key cannot be read')
  privateKey = pending.key
  request = madeAt(await newRequest(MESH_PKI_API, order, privateKey, round, labels), NOW)
})

const madeAt = (object: KubeObject, time: Date): KubeObject => {
  const metadata = { ...object.metadata, creationTimestamp: time.toISOString(), generation: 1 }
  return { ...object, metadata }
}

const decide = (more: Partial<AgentView>): Promise<AgentAction> =>
  decideAgentAction({
    order,
    installed: undefined,
    key: undefined,
    request: undefined,
    now: NOW,
    foreign: 'refuse',
    rootSwap: 'refuse',
    agentNamespace: AGENT_NAMESPACE,
    pinnedRoots: undefined,
    ...more,
  })

/** What was done, and where something is taken back, what. */
const brief = (action: AgentAction): string =>
  action.do === 'discard'
    ? `discard ${action.objects.map(({ kind }) => kind).join(' and ')}`
    : action.do === 'refuse'
      ? `refuse ${action.reason}`
      : action.do

/** One of ours, installed for what an order says. */
const ours = (
  ca: MadeCa,
  roots: readonly CertificateAuthority[],
  spec: IssuedCertificateSpec,
): Promise<InstalledCa> =>
  installedOf(ca, roots, {
    labels,
    annotations: { [FederationMark.wish]: wishOf(spec) },
  })

async function answered(terms: Parameters<typeof caUnder>[1] = {}, by = a): Promise<KubeObject> {
  const { certificate, chain } = await caUnder(by, { key: privateKey, ...terms })
  return answerRequest(request, { certificate, chain, roots: pemOf(by) })
}

describe('a cluster without a CA', () => {
  test('gets a key, a request, and what was answered, one after the other', async () => {
    expect(brief(await decide({}))).toBe('make-key')
    expect(brief(await decide({ key }))).toBe('request')
    expect(brief(await decide({ key, request }))).toBe('wait')
    expect(brief(await decide({ key, request: await answered() }))).toBe('install')
  })

  test('uses no key of an earlier round: its request asks for what is no longer ordered', async () => {
    const now = orderOf({ trustBundle: pemOf(a), rotation: 'again' })
    expect(brief(await decide({ order: now, key }))).toBe('discard key')
    expect(brief(await decide({ order: now, key, request }))).toBe('discard request and key')
    // What was asked for and answered for the earlier wish is not installed for this one.
    expect(brief(await decide({ order: now, key, request: await answered() }))).toBe(
      'discard request and key',
    )
  })

  test('takes back a request that is not for the key that waits, and keeps the key', async () => {
    const round = roundOf(wishOf(order.spec), undefined)
    const other = await readKey(await newKeySecret(order, round, labels))
    if (other === undefined) throw new Error('unreachable')
    const strange = madeAt(await newRequest(MESH_PKI_API, order, other.key, round, labels), NOW)
    expect(brief(await decide({ key, request: strange }))).toBe('discard request')
    const earlier = madeAt(await newRequest(MESH_PKI_API, order, privateKey, 'earlier', labels), NOW)
    expect(brief(await decide({ key, request: earlier }))).toBe('discard request')
    const unreadable = { ...request, spec: { certificateSigningRequest: 'eA==' } }
    expect(brief(await decide({ key, request: unreadable }))).toBe('discard request')
    expect(brief(await decide({ key, request }))).toBe('wait')
  })

  test('asks anew for an answer that cannot be read, and not at once', async () => {
    const status = { state: 'FINISHED', observedGeneration: 1, signedCertificate: 'eA==' }
    const answered = { ...request, status }
    expect(await decide({ key, request: answered, now: instant(9 * MINUTE) })).toMatchObject({
      do: 'refuse',
      reason: 'CertificateRefused',
    })
    expect(brief(await decide({ key, request: answered, now: instant(10 * MINUTE) }))).toBe(
      'discard request and key',
    )
  })

  test('takes back what belongs to a key that is gone or cannot be read', async () => {
    expect(brief(await decide({ request }))).toBe('discard request')
    const damaged = { ...key, data: {} }
    expect(brief(await decide({ key: damaged, request }))).toBe('discard request and key')
  })

  test('touches no Secret of the order’s name that is none of its keys', async () => {
    for (const stranger of [
      { ...key, type: 'Opaque' },
      { ...key, metadata: { ...key.metadata, labels: { [FederationMark.agent]: 'other' } } },
    ])
      expect(brief(await decide({ key: stranger }))).toBe('refuse NameTaken')
  })

  test('says what an issuer refused, and asks anew after ten minutes, with a new key', async () => {
    const refused = answerRequest(request, { error: 'not you' })
    const soon = await decide({ key, request: refused, now: instant(9 * MINUTE) })
    expect(soon).toMatchObject({ do: 'refuse', reason: 'IssuerRefused' })
    expect(brief(await decide({ key, request: refused, now: instant(10 * MINUTE) }))).toBe(
      'discard request and key',
    )
  })

  test('has to know what to trust', async () => {
    const unbundled = orderOf()
    const round = roundOf(wishOf(unbundled.spec), undefined)
    const mine = await newKeySecret(unbundled, round, labels)
    const pending = await readKey(mine)
    if (pending === undefined) throw new Error('unreachable')
    const asked = madeAt(await newRequest(MESH_PKI_API, unbundled, pending.key, round, labels), NOW)
    const { certificate, chain } = await caUnder(a, { key: pending.key })
    const of = (roots: string) =>
      decide({ order: unbundled, key: mine, request: answerRequest(asked, { certificate, chain, roots }) })
    expect(brief(await of(''))).toBe('refuse NoRoots')
    const action = await of(pemOf(a))
    if (action.do !== 'install') throw new Error(action.do)
    expect(action.roots.map(String)).toEqual([String(a.certificate)])
  })
})

describe('a cluster whose CA is what was ordered', () => {
  test('rests until the renewal; what was under way goes', async () => {
    const installed = await ours(east, [a], order.spec)
    const action = await decide({ installed })
    if (action.do !== 'rest') throw new Error(action.do)
    // 36.5 of its 365 days remain then.
    const days = (action.renewAt.getTime() - NOW.getTime()) / 86_400_000
    expect(days).toBeGreaterThan(328)
    expect(days).toBeLessThan(329)
    expect(brief(await decide({ installed, key, request }))).toBe('discard request and key')
    // Somebody else's Secret of that name stays.
    const stranger = { ...key, type: 'Opaque' }
    expect(brief(await decide({ installed, key: stranger }))).toBe('rest')
  })

  test('is asked for anew when it was issued for another wish, or nobody knows for which', async () => {
    const of = async (annotations: Record<string, string>) =>
      brief(await decide({ installed: await installedOf(east, [a], { labels, annotations }) }))
    expect(await of({ [FederationMark.wish]: wishOf(order.spec) })).toBe('rest')
    expect(await of({ [FederationMark.wish]: 'another' })).toBe('make-key')
    expect(await of({})).toBe('make-key')
  })

  test('a round ends with the certificate that it began with', async () => {
    const now = orderOf({ trustBundle: pemOf(a), rotation: 'again' })
    const installed = await ours(east, [a], order.spec)
    const round = roundOf(wishOf(now.spec), installed)
    const mine = await newKeySecret(now, round, labels)
    expect(brief(await decide({ order: now, installed, key: mine }))).toBe('request')
    const since = await ours(await caUnder(a), [a], order.spec)
    expect(brief(await decide({ order: now, installed: since, key: mine }))).toBe('discard key')
  })

  test('gets other roots before another certificate', async () => {
    const installed = await ours(east, [a], order.spec)
    const wider = orderOf({ trustBundle: pemOf(a, b), rotation: 'again' })
    expect(brief(await decide({ order: wider, installed }))).toBe('publish-roots')
    expect(
      brief(
        await decide({ order: orderOf({ trustBundle: pemOf(a), rotation: 'again' }), installed, request }),
      ),
    ).toBe('discard request')
  })
})

describe('a cacerts of somebody else', () => {
  const foreign = (ca: MadeCa, roots: readonly CertificateAuthority[]) =>
    installedOf(ca, roots, { labels: {} })

  test('gets no roots written into it before it is replaced, where it is to be', async () => {
    const other = await caUnder(a, { hosts: [`${HOST}-2`] })
    const wider = orderOf({ trustBundle: pemOf(a, b) })
    const installed = await foreign(other, [a])
    expect(brief(await decide({ order: wider, installed, foreign: 'replace' }))).toBe('make-key')
    expect(brief(await decide({ order: wider, installed, foreign: 'refuse' }))).toBe('refuse ForeignSecret')
    // The same of ours gets them.
    expect(brief(await decide({ order: wider, installed: await ours(east, [a], wider.spec) }))).toBe(
      'publish-roots',
    )
  })

  test('is taken over where it is what was ordered, and refused where it is not', async () => {
    const same = await foreign(east, [a])
    const renamed = await foreign(await caUnder(a, { hosts: [`${HOST}-2`] }), [a])
    for (const rule of ['refuse', 'adopt', 'replace'] as const)
      expect(brief(await decide({ installed: same, foreign: rule }))).toBe('adopt')
    expect(brief(await decide({ installed: renamed }))).toBe('refuse ForeignSecret')
    expect(brief(await decide({ installed: renamed, foreign: 'adopt' }))).toBe('adopt')
    expect(brief(await decide({ installed: renamed, foreign: 'replace' }))).toBe('make-key')
    const elsewhere = await foreign(await caUnder(b), [b])
    expect(brief(await decide({ installed: elsewhere, foreign: 'adopt' }))).toBe('refuse ForeignSecret')
  })
})

describe('what is trusted', () => {
  test('is exchanged for nothing else at once, unless that is allowed', async () => {
    const installed = await ours(east, [a], order.spec)
    const swapped = orderOf({ trustBundle: pemOf(b) })
    expect(brief(await decide({ order: swapped, installed }))).toBe('refuse RootSwap')
    expect(brief(await decide({ order: swapped, installed, rootSwap: 'allow' }))).toBe('make-key')
    const wider = orderOf({ trustBundle: pemOf(a, b) })
    expect(brief(await decide({ order: wider, installed }))).toBe('publish-roots')
  })

  test('nor through an answer, where the roots come with it', async () => {
    const wish = orderOf({ rotation: 'again' })
    const installed = await ours(east, [a], orderOf().spec)
    const round = roundOf(wishOf(wish.spec), installed)
    const mine = await newKeySecret(wish, round, labels)
    const pending = await readKey(mine)
    if (pending === undefined) throw new Error('unreachable')
    const asked = madeAt(await newRequest(MESH_PKI_API, wish, pending.key, round, labels), NOW)
    const { certificate, chain } = await caUnder(b, { key: pending.key })
    const of = (roots: string, more: Partial<AgentView> = {}) =>
      decide({
        order: wish,
        installed,
        key: mine,
        request: answerRequest(asked, { certificate, chain, roots }),
        ...more,
      })
    expect(brief(await of(pemOf(b)))).toBe('refuse RootSwap')
    expect(brief(await of(pemOf(b), { rootSwap: 'allow' }))).toBe('install')
    expect(brief(await of(pemOf(a, b)))).toBe('install')
    expect(brief(await of(pemOf(a, b), { pinnedRoots: [a.certificate] }))).toBe('refuse RootNotPinned')
    expect(brief(await of(pemOf(a, b), { pinnedRoots: [a.certificate, b.certificate] }))).toBe('install')
  })

  test('is none but what was pinned, whatever the order says', async () => {
    const wider = orderOf({ trustBundle: pemOf(a, b) })
    const installed = await ours(east, [a], wider.spec)
    const of = (...pinned: readonly CertificateAuthority[]) =>
      decide({ order: wider, installed, pinnedRoots: pinned.map((one) => one.certificate) })
    expect(brief(await of(a))).toBe('refuse RootNotPinned')
    expect(brief(await of(a, b))).toBe('publish-roots')
  })

  test('must be readable', async () => {
    const broken = orderOf({ trustBundle: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n' })
    expect(brief(await decide({ order: broken }))).toBe('refuse InvalidTrustBundle')
    const leafy = orderOf({ trustBundle: east.certificate.toPem() })
    // A CA below a root may be an anchor.
    expect(brief(await decide({ order: leafy }))).toBe('make-key')
  })
})

describe('an order that is none of the agent’s business', () => {
  test('is ignored; one that would write over its own key is refused', async () => {
    expect(brief(await decide({ order: orderOf({ target: undefined }) }))).toBe('ignore')
    const own = { namespace: order.namespace, name: order.name }
    expect(brief(await decide({ order: orderOf({ target: own }) }))).toBe('refuse InvalidTarget')
    const beside = { namespace: 'istio-system', name: order.name }
    expect(brief(await decide({ order: orderOf({ target: beside }) }))).toBe('make-key')
  })
})
