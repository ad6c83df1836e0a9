/** The rules of `examples/kubernetes/rbac` are enough for the relay, and none of them is for nothing. */
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createEnrollmentToken,
  createRootCa,
  createTokenStore,
  enrollmentIssuer,
} from '../../../../src/ca/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { loadRelayServer } from '../../../../src/kubernetes/relay/load-relay-server.ts'
import { relayClientStep } from '../../../../src/kubernetes/relay/relay-client-step.ts'
import { relayServerStep } from '../../../../src/kubernetes/relay/relay-server-step.ts'
import { secretTokenRecords } from '../../../../src/kubernetes/relay/secret-token-records.ts'
import { encodeRelaySecret } from '../../../../src/kubernetes/secrets/encode-relay-secret.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { createEnrollmentServer, enrollmentDialer } from '../../../../src/node/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../../../src/x509/index.ts'
import { type Rule, rulesOf, unusedOf } from '../signers/rbac-support.ts'

const START = new Date('2026-03-01T00:00:00Z')
const DAY = 86_400_000
const FORBIDDEN = { code: 'ERR_KUBERNETES_FORBIDDEN' }
const SERVER = rulesOf('relay-server.yaml', 'mesh-pki-relay-server')
const CLIENT = rulesOf('relay-client.yaml', 'mesh-pki-relay-client')
/** The names are the default: those by which Gloo Mesh's servers are called. */
const SERVER_NAME = 'gloo-mesh-mgmt-server.gloo-mesh'

function start(rules: { readonly server?: readonly Rule[]; readonly client?: readonly Rule[] } = {}) {
  const { server = SERVER, client = CLIENT } = rules
  const clock = manualClock(START)
  const management = fakeKubeApi({ clock, users: { relay: { rules: server } } })
  const workload = fakeKubeApi({ clock, users: { relay: { rules: client } } })
  const as = (api: FakeKubeApi) =>
    new KubeClient(api.transport({ user: 'relay' }), { fieldManager: 'relay', clock })
  const step = () => relayServerStep(as(management), { keyAlgorithm: 'P-256', lifetime: '3650d' })
  const settle = async () => {
    for (let i = 0; i < 12; i++) if (!(await step()).changed) return
    throw new Error('it does not settle')
  }
  return { clock, management, workload, as, settle }
}

const denied = (api: FakeKubeApi) =>
  api.requests.filter(({ user, status }) => user === 'relay' && status === 403)
const used = (api: FakeKubeApi) => api.requests.filter(({ user }) => user === 'relay')

/** A server over the tokens of another namespace, and a client that is given one. */
async function relay(world: ReturnType<typeof start>) {
  const { management, workload, as, clock, settle } = world
  await settle()
  const { signingCa, credentials, roots } = await loadRelayServer(as(management))
  const tokens = createTokenStore({ records: secretTokenRecords(as(management), 'mesh-pki-tokens'), clock })
  const { token, hash } = await createEnrollmentToken({
    store: tokens,
    name: 'cluster-1',
    expiresIn: '1d',
    clock,
  })
  const { server } = createEnrollmentServer({
    credentials: { cert: credentials.cert, key: credentials.key.reveal() },
    tokens,
    issue: enrollmentIssuer(signingCa, { lifetime: '365d' }),
    clientAnchors: signingCa.certificate,
    serverAnchors: roots,
    clock,
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  workload.seed(
    management.read(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'relay-root-tls-secret',
    }) as never,
  )
  workload.seed(encodeRelaySecret({ role: 'identity-token', namespace: 'gloo-mesh', token }) as never)
  const enroll = () =>
    relayClientStep(as(workload), {
      cluster: 'cluster-1',
      url: `https://127.0.0.1:${port}/enrollment/v1`,
      serverName: SERVER_NAME,
      dial: (own) => enrollmentDialer({ credentials: own }),
    })
  return { tokens, hash, enroll }
}

/** The rules, with one pair more or less that may be written: that which is served by may be anyway. */
const withUpdateOf = (...more: readonly string[]): readonly Rule[] =>
  SERVER.map((rule) =>
    rule.namespace === 'gloo-mesh' && rule.verbs.includes('update')
      ? { ...rule, resourceNames: ['relay-server-tls-secret', ...more] }
      : rule,
  )

/** Below a root that somebody brought, with its key, both pairs come to their end. */
async function signingRenewed(rules: readonly Rule[]): Promise<FakeKubeApi> {
  const world = start({ server: rules })
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const clock = world.clock
  const { certificate } = await createRootCa({
    subject: 'CN=theirs',
    lifetime: '7300d',
    key: privateKey,
    clock,
  })
  const root = encodeRelaySecret({ role: 'root', namespace: 'gloo-mesh', roots: certificate })
  const key = Buffer.from(await exportPrivateKey(privateKey, { format: 'pkcs8' })).toString('base64')
  world.management.seed({ ...root, data: { ...root.data, 'tls.key': key } } as never)
  await world.settle()
  clock.set(new Date(START.getTime() + 3400 * DAY))
  await world.settle()
  return world.management
}

describe('the relay', () => {
  test('makes, enrolls and renews with its rules, and uses all of them', async () => {
    const world = start()
    const { tokens, hash, enroll } = await relay(world)
    expect((await enroll()).message).toMatch(/is enrolled/)
    world.clock.set(new Date(START.getTime() + 330 * DAY))
    expect((await enroll()).message).toMatch(/is renewed/)
    expect(await tokens.remove(hash)).toBe(true)
    world.clock.set(new Date(START.getTime() + 3300 * DAY))
    await world.settle()
    expect([denied(world.management), denied(world.workload)]).toEqual([[], []])
    const signing = await signingRenewed(withUpdateOf('relay-tls-signing-secret'))
    expect(unusedOf(SERVER, [...used(world.management), ...used(signing)])).toEqual([])
    expect(unusedOf(CLIENT, used(world.workload))).toEqual([])
  })

  test('a signing CA below a root that outlives it is renewed by who may write it, and by nobody else', async () => {
    expect(denied(await signingRenewed(withUpdateOf('relay-tls-signing-secret')))).toEqual([])
    await expect(signingRenewed(withUpdateOf())).rejects.toMatchObject(FORBIDDEN)
  })

  test('its server makes nothing without the rule to create, and reads no other Secret', async () => {
    const world = start({
      server: SERVER.filter(({ namespace, verbs }) => namespace !== 'gloo-mesh' || !verbs.includes('create')),
    })
    await expect(world.settle()).rejects.toMatchObject(FORBIDDEN)
    expect(world.management.objects(KubeResources.secrets)).toEqual([])
    const client = start()
    const own = client.as(client.management)
    await expect(
      own.get(KubeResources.secrets, { namespace: 'gloo-mesh', name: 'license-keys' }),
    ).rejects.toMatchObject(FORBIDDEN)
    // What was made once is not written anew, but for the certificate of the server.
    await client.settle()
    const root = await own.get(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'mesh-pki-relay-root',
    })
    await expect(own.replace(KubeResources.secrets, root)).rejects.toMatchObject(FORBIDDEN)
  })

  test('its tokens are in the namespace of their own, or nowhere', async () => {
    const world = start()
    const store = createTokenStore({
      records: secretTokenRecords(world.as(world.management), 'kube-system'),
      clock: world.clock,
    })
    await expect(
      createEnrollmentToken({ store, name: 'cluster-1', expiresIn: '1d', clock: world.clock }),
    ).rejects.toMatchObject(FORBIDDEN)
  })

  test('its client keeps nothing without the rule to create, and changes nothing that was copied', async () => {
    const world = start({ client: CLIENT.filter(({ verbs }) => !verbs.includes('create')) })
    const { enroll } = await relay(world)
    await expect(enroll()).rejects.toMatchObject(FORBIDDEN)
    const names = world.workload.objects(KubeResources.secrets).map(({ metadata }) => metadata.name)
    expect(names).not.toContain('relay-client-tls-secret')
    const own = world.as(world.workload)
    const root = await own.get(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'relay-root-tls-secret',
    })
    await expect(own.replace(KubeResources.secrets, root)).rejects.toMatchObject(FORBIDDEN)
  })
})
