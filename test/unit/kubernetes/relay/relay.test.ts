import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTokenStore, enrollmentIssuer, importEnrollmentToken } from '../../../../src/ca/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import { loadRelayServer } from '../../../../src/kubernetes/relay/load-relay-server.ts'
import { relayClientStep } from '../../../../src/kubernetes/relay/relay-client-step.ts'
import { relayServerStep } from '../../../../src/kubernetes/relay/relay-server-step.ts'
import { secretTokenRecords } from '../../../../src/kubernetes/relay/secret-token-records.ts'
import { decodeRelaySecret, type RelayPairSecret } from '../../../../src/kubernetes/secrets/relay-secret.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { createEnrollmentServer, enrollmentDialer } from '../../../../src/node/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'

const START = new Date('2026-03-01T00:00:00Z')
const SERVER = { serverNames: ['relay.test'], keyAlgorithm: 'P-256', lifetime: '3650d' } as const

function world() {
  const clock = manualClock(START)
  const [management, workload] = [fakeKubeApi({ clock }), fakeKubeApi({ clock })]
  const client = (api: FakeKubeApi, transport: KubeTransport = api.transport()) =>
    new KubeClient(transport, { fieldManager: 'relay', clock })
  return { clock, management, workload, client }
}

async function settle(client: KubeClient): Promise<void> {
  for (let i = 0; i < 12; i++) if (!(await relayServerStep(client, SERVER)).changed) return
  throw new Error('it does not settle')
}

const names = (api: FakeKubeApi): readonly string[] =>
  api.objects(KubeResources.secrets).map(({ metadata }) => metadata.name ?? '')

const pair = (api: FakeKubeApi, name: string): RelayPairSecret => {
  const secret = decodeRelaySecret(api.read(KubeResources.secrets, { namespace: 'gloo-mesh', name }) ?? {})
  if (secret.role !== 'server' && secret.role !== 'signing' && secret.role !== 'client')
    throw new Error(secret.role)
  return secret
}

describe('the server of a relay', () => {
  test('gets root, signing CA, server certificate and token, in the names of Gloo Mesh', async () => {
    const { management, client } = world()
    await settle(client(management))
    expect([...names(management)].sort()).toEqual([
      'mesh-pki-relay-root',
      'relay-identity-token-secret',
      'relay-root-tls-secret',
      'relay-server-tls-secret',
      'relay-tls-signing-secret',
    ])
    const root = management.read(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'relay-root-tls-secret',
    })
    // It is copied to every cluster.
    expect(Object.keys(root?.['data'] ?? {})).toEqual(['ca.crt'])
    const server = pair(management, 'relay-server-tls-secret')
    expect(server.certificate.subjectAltNames).toEqual([{ type: 'dns', value: 'relay.test' }])
    expect(server.certificate.isCa).toBe(false)
    const signing = pair(management, 'relay-tls-signing-secret')
    expect(signing.certificate.isCa).toBe(true)
    // Gloo Mesh's profile (mesh-contracts §1.8): clientAuth and serverAuth, in this order.
    expect(signing.certificate.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'])
  })

  test('is whole after a crash behind any write', async () => {
    const undisturbed = world()
    await settle(undisturbed.client(undisturbed.management))
    const { writes } = undisturbed.management
    expect(writes).toBe(5)
    for (const answer of ['delivered', 'lost'] as const)
      for (let n = 0; n <= writes; n++) {
        const { management, client } = world()
        const doomed = management.transport()
        doomed.crashAfterWrite(n, { answer })
        await settle(client(management, doomed)).catch(() => {})
        const before = JSON.stringify(management.objects(KubeResources.secrets))
        await settle(client(management))
        expect(names(management)).toHaveLength(5)
        for (const secret of JSON.parse(before))
          expect(management.objects(KubeResources.secrets)).toContainEqual(secret)
        await loadRelayServer(client(management))
      }
  })

  test('what was there before is taken as it is, and refused where it cannot be used', async () => {
    const first = world()
    await settle(first.client(first.management))
    const other = world()
    await settle(other.client(other.management))
    const { management, client } = world()
    for (const name of ['relay-root-tls-secret', 'relay-tls-signing-secret', 'relay-server-tls-secret']) {
      const found = first.management.read(KubeResources.secrets, { namespace: 'gloo-mesh', name })
      const { labels: _none, ...metadata } = found?.metadata ?? {}
      management.seed({ ...found, metadata } as never)
    }
    await settle(client(management))
    expect(names(management)).toHaveLength(4)
    // The same with a server certificate below another root.
    const mixed = world()
    for (const [api, name] of [
      [first, 'relay-root-tls-secret'],
      [first, 'relay-tls-signing-secret'],
      [other, 'relay-server-tls-secret'],
    ] as const)
      mixed.management.seed(
        api.management.read(KubeResources.secrets, { namespace: 'gloo-mesh', name }) as never,
      )
    await expect(settle(mixed.client(mixed.management))).rejects.toThrow(
      /relay-server-tls-secret: it does not lead to/,
    )
    // And with a root whose key is nowhere.
    const bare = world()
    bare.management.seed(
      first.management.read(KubeResources.secrets, {
        namespace: 'gloo-mesh',
        name: 'relay-root-tls-secret',
      }) as never,
    )
    await expect(settle(bare.client(bare.management))).rejects.toThrow(/its key is not here/)
  })

  test('a server certificate that was made here is renewed; one that was brought is not', async () => {
    const { management, client, clock } = world()
    const short = { ...SERVER, lifetime: '100d' } as const
    for (let i = 0; i < 8; i++) await relayServerStep(client(management), short)
    const before = pair(management, 'relay-server-tls-secret').certificate
    clock.set(new Date(START.getTime() + 91 * 86_400_000))
    // The root ends with it, so that is made longer here.
    expect((await relayServerStep(client(management), short)).message).toMatch(/renewed/)
    expect(pair(management, 'relay-server-tls-secret').certificate.equals(before)).toBe(false)
    const found = management.read(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'relay-server-tls-secret',
    })
    const { labels: _none, ...metadata } = found?.metadata ?? {}
    management.seed({ ...found, metadata } as never)
    clock.set(new Date(START.getTime() + 99 * 86_400_000))
    expect((await relayServerStep(client(management), short)).changed).toBe(false)
  })
})

describe('the client of a relay', () => {
  async function relay() {
    const made = world()
    const { management, workload, client, clock } = made
    const manager = client(management)
    await settle(manager)
    const { signingCa, credentials, roots, token } = await loadRelayServer(manager)
    const tokens = createTokenStore({ records: secretTokenRecords(manager, 'gloo-mesh'), clock })
    await importEnrollmentToken({
      store: tokens,
      token: token.reveal(),
      uses: 'unlimited',
      expiresIn: 'never',
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
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const address = probe.address()
        const free = typeof address === 'object' && address !== null ? address.port : 0
        probe.close(() => server.listen(free, '127.0.0.1', () => resolve(free)))
      })
    })
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    /** What somebody copies into the cluster, as meshctl does. */
    const copy = (name: string) =>
      workload.seed(management.read(KubeResources.secrets, { namespace: 'gloo-mesh', name }) as never)
    const step = (transport: KubeTransport = workload.transport(), cluster = 'cluster-1') =>
      relayClientStep(client(workload, transport), {
        cluster,
        url: `https://127.0.0.1:${port}/enrollment/v1`,
        serverName: 'relay.test',
        dial: (own) => enrollmentDialer({ credentials: own }),
      })
    const certificate = () => pair(workload, 'relay-client-tls-secret').certificate
    const drop = async (name: string) => {
      const own = client(workload)
      await own.remove(
        KubeResources.secrets,
        await own.get(KubeResources.secrets, { namespace: 'gloo-mesh', name }),
      )
    }
    return { ...made, copy, step, certificate, drop }
  }

  test('enrolls with the token, renews by its certificate, and says what it waits for', async () => {
    const world = await relay()
    expect((await world.step()).message).toMatch(/relay-root-tls-secret is not there/)
    world.copy('relay-root-tls-secret')
    expect((await world.step()).message).toMatch(/relay-identity-token-secret is not there/)
    world.copy('relay-identity-token-secret')
    expect((await world.step()).changed).toBe(true)
    const first = world.certificate()
    expect(first.subjectAltNames).toEqual([{ type: 'dns', value: 'cluster-1' }])
    // Gloo Mesh: 365 days at a ratio of 0.1 renew 36.5 days before the end.
    await world.drop('relay-identity-token-secret')
    world.clock.set(new Date(START.getTime() + 328 * 86_400_000))
    expect((await world.step()).changed).toBe(false)
    world.clock.set(new Date(START.getTime() + 329 * 86_400_000))
    expect((await world.step()).message).toMatch(/renewed/)
    expect(world.certificate().equals(first)).toBe(false)
    expect(world.certificate().publicKey).not.toEqual(first.publicKey)
  })

  test('recovers a Secret that was deleted or damaged', async () => {
    const world = await relay()
    world.copy('relay-root-tls-secret')
    world.copy('relay-identity-token-secret')
    await world.step()
    const first = world.certificate()
    await world.drop('relay-client-tls-secret')
    expect((await world.step()).changed).toBe(true)
    expect(world.certificate().equals(first)).toBe(false)
    const found = world.workload.read(KubeResources.secrets, {
      namespace: 'gloo-mesh',
      name: 'relay-client-tls-secret',
    })
    world.workload.seed({ ...found, data: { ...(found?.['data'] as object), 'tls.key': 'eA==' } } as never)
    expect((await world.step()).changed).toBe(true)
    expect((await world.step()).changed).toBe(false)
    // The token is gone, as meshctl deletes it: then a person has to bring one.
    await world.drop('relay-identity-token-secret')
    await world.drop('relay-client-tls-secret')
    expect((await world.step()).message).toMatch(/none can be had without the token/)
  })

  test('is whole after a crash behind its write, and takes no certificate for another cluster', async () => {
    const world = await relay()
    world.copy('relay-root-tls-secret')
    world.copy('relay-identity-token-secret')
    for (const answer of ['delivered', 'lost'] as const) {
      const doomed = world.workload.transport()
      doomed.crashAfterWrite(0, { answer })
      await expect(world.step(doomed)).rejects.toThrow()
    }
    expect((await world.step()).changed).toBe(true)
    expect((await world.step()).changed).toBe(false)
    // The Secret of another cluster was copied here.
    expect((await world.step(undefined, 'cluster-2')).message).toMatch(/is not for this cluster/)
    expect(world.certificate().subjectAltNames).toEqual([{ type: 'dns', value: 'cluster-2' }])
  })

  test('does not send its token to a server of another root', async () => {
    const world = await relay()
    const stranger = await relay()
    stranger.copy('relay-root-tls-secret')
    world.workload.seed(
      stranger.workload.read(KubeResources.secrets, {
        namespace: 'gloo-mesh',
        name: 'relay-root-tls-secret',
      }) as never,
    )
    world.copy('relay-identity-token-secret')
    await expect(world.step()).rejects.toMatchObject({ code: 'ERR_ENROLLMENT_SERVER' })
  })
})
