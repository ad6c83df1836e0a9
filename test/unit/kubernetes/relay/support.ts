/**
 * A management cluster, a workload cluster, and the relay between them, over real TLS.
 */
import { createServer } from 'node:net'
import { onTestFinished } from 'vitest'
import {
  CertificateAuthority,
  createTokenStore,
  enrollmentIssuer,
  type IssuancePolicyInput,
  importEnrollmentToken,
  PROFILES,
} from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeRequest, KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { loadRelayServer } from '../../../../src/kubernetes/relay/load-relay-server.ts'
import {
  type RelayClientStepOptions,
  relayClientStep,
} from '../../../../src/kubernetes/relay/relay-client-step.ts'
import { relayServerStep } from '../../../../src/kubernetes/relay/relay-server-step.ts'
import { secretTokenRecords } from '../../../../src/kubernetes/relay/secret-token-records.ts'
import { encodeRelaySecret } from '../../../../src/kubernetes/secrets/encode-relay-secret.ts'
import { decodeRelaySecret, type RelayPairSecret } from '../../../../src/kubernetes/secrets/relay-secret.ts'
import { decodeRootSecret } from '../../../../src/kubernetes/secrets/root-secret.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import {
  createEnrollmentServer,
  type EnrollmentServerOptions,
  enrollmentDialer,
} from '../../../../src/node/index.ts'
import { type ManualClock, manualClock } from '../../../../src/testing/index.ts'
import {
  type Certificate,
  ExtendedKeyUsage,
  exportPrivateKey,
  importPrivateKey,
  type PrivateKey,
} from '../../../../src/x509/index.ts'

export const START = new Date('2026-03-01T00:00:00Z')
const DAY = 86_400_000
export const SERVER = { serverNames: ['relay.test'], keyAlgorithm: 'P-256', lifetime: '3650d' } as const
export const NAMESPACE = 'gloo-mesh'
export const day = (n: number): Date => new Date(START.getTime() + n * DAY)

export function world(clock: ManualClock = manualClock(START)) {
  const [management, workload] = [fakeKubeApi({ clock }), fakeKubeApi({ clock })]
  const client = (api: FakeKubeApi, transport: KubeTransport = api.transport(), own = clock) =>
    new KubeClient(transport, { fieldManager: 'relay', clock: own })
  return { clock, management, workload, client }
}

export async function settle(client: KubeClient, options: object = SERVER): Promise<void> {
  for (let i = 0; i < 12; i++) if (!(await relayServerStep(client, options)).changed) return
  throw new Error('it does not settle')
}

export const names = (api: FakeKubeApi): readonly string[] =>
  api.objects(KubeResources.secrets).map(({ metadata }) => metadata.name ?? '')

/** A Secret that must be there. */
export function secretOf(api: FakeKubeApi, name: string): KubeObject {
  const found = api.read(KubeResources.secrets, { namespace: NAMESPACE, name })
  if (found === undefined) throw new Error(`${name} is not there`)
  return found
}

export function pair(api: FakeKubeApi, name: string): RelayPairSecret {
  const secret = decodeRelaySecret(secretOf(api, name))
  if (secret.role !== 'server' && secret.role !== 'signing' && secret.role !== 'client')
    throw new Error(secret.role)
  return secret
}

export const dataOf = (api: FakeKubeApi, name: string): Record<string, string> => ({
  ...(secretOf(api, name)['data'] as Record<string, string>),
})

/** Somebody changes data of a Secret, and nothing else. */
export function put(api: FakeKubeApi, name: string, data: Record<string, unknown>): void {
  api.seed({ ...secretOf(api, name), data: { ...dataOf(api, name), ...data } })
}

/** As somebody else would have made it. */
export function withoutMark(object: KubeObject): KubeObject {
  const { labels: _labels, annotations: _annotations, ...metadata } = object.metadata
  return { ...object, metadata }
}

export async function drop(api: FakeKubeApi, ...all: readonly string[]): Promise<void> {
  const own = new KubeClient(api.transport(), { fieldManager: 'somebody' })
  for (const name of all)
    await own.remove(
      KubeResources.secrets,
      await own.get(KubeResources.secrets, { namespace: NAMESPACE, name }),
    )
}

/** Does something before the first request that fits, as another process would. */
export function interleaved(
  api: FakeKubeApi,
  fits: (request: KubeRequest) => boolean,
  first: () => Promise<unknown>,
): KubeTransport {
  const transport = api.transport()
  let isDone = false
  return {
    request: async (request) => {
      if (!isDone && fits(request)) {
        isDone = true
        await first()
      }
      return transport.request(request)
    },
    watch: (request) => transport.watch(request),
  }
}

/** The root that a step has made, as a CA. */
export async function rootOf(
  api: FakeKubeApi,
  clock: ManualClock,
): Promise<{ readonly ca: CertificateAuthority; readonly key: PrivateKey }> {
  const { certificate, privateKey } = decodeRootSecret(secretOf(api, 'mesh-pki-relay-root'))
  const key = await importPrivateKey(privateKey.reveal())
  return { ca: await CertificateAuthority.from({ certificate, signer: key, clock }), key }
}

/** A pair below a CA. */
export async function issue(
  ca: CertificateAuthority,
  name: string | readonly string[],
  options: {
    readonly profile?: 'gloo-relay-server' | 'gloo-relay-client'
    readonly lifetime?: string
    /** What it is for, where it is not what the profile says. */
    readonly usage?: 'serverAuth' | 'clientAuth'
  } = {},
): Promise<{ readonly certificate: Certificate; readonly key: string; readonly privateKey: PrivateKey }> {
  const { profile = 'gloo-relay-client', lifetime = '365d', usage } = options
  const all = [name].flat()
  const identities = all.map((value) => ({ type: 'dns' as const, value }))
  const own = await createCsr({ key: 'P-256', extractable: true, subjectAltNames: identities })
  const policy: IssuancePolicyInput = {
    name: 'test',
    profile:
      usage === undefined
        ? profile
        : {
            ...PROFILES[profile],
            name: 'test',
            extensions: PROFILES[profile].extensions.filter((one) => one !== 'nameConstraints'),
            extendedKeyUsage: [ExtendedKeyUsage[usage]],
          },
    names: { dns: { allow: all } },
    lifetime: { max: lifetime },
  }
  const { certificate } = await ca.sign(own.csr, policy, { identities })
  const privateKey = own.privateKey
  if (privateKey === undefined) throw new Error('no key')
  return { certificate, privateKey, key: await exportPrivateKey(privateKey, { format: 'pkcs8' }) }
}

/** A server's Secret that somebody brings. */
export async function bring(
  api: FakeKubeApi,
  ca: CertificateAuthority,
  options: Parameters<typeof issue>[2] = {},
): Promise<KubeObject> {
  const { certificate, key } = await issue(ca, 'relay.test', { profile: 'gloo-relay-server', ...options })
  const object = encodeRelaySecret({
    role: 'server',
    namespace: NAMESPACE,
    certificate,
    roots: ca.certificate,
    privateKey: key,
  })
  if (object.metadata === undefined) throw new Error('no metadata')
  const seeded = { ...object, metadata: object.metadata }
  api.seed(seeded)
  return seeded
}

/** A relay that runs. */
export async function relay(
  more: Partial<EnrollmentServerOptions> & { readonly lifetime?: string; readonly noToken?: boolean } = {},
) {
  const { lifetime = '365d', noToken = false, ...server } = more
  const made = world()
  const { management, workload, client, clock } = made
  const manager = client(management)
  await settle(manager)
  const material = await loadRelayServer(manager)
  const { signingCa, credentials, roots, token } = material
  const tokens = createTokenStore({ records: secretTokenRecords(manager, 'tokens'), clock })
  if (!noToken)
    await importEnrollmentToken({
      store: tokens,
      token: token.reveal(),
      uses: 'unlimited',
      expiresIn: 'never',
      clock,
    })
  const running = createEnrollmentServer({
    credentials: { cert: credentials.cert, key: credentials.key.reveal() },
    tokens,
    issue: enrollmentIssuer(signingCa, { lifetime }),
    clientAnchors: signingCa.certificate,
    serverAnchors: roots,
    clock,
    ...server,
  })
  const port = await listen(running.server)
  /** What somebody copies into the cluster, as meshctl does. */
  const copy = (...all: readonly string[]) => {
    for (const name of all) workload.seed(secretOf(management, name))
  }
  /** Another token in the workload cluster. */
  const giveToken = (text: string) => {
    const object = encodeRelaySecret({ role: 'identity-token', namespace: NAMESPACE, token: text })
    workload.seed({ ...object, metadata: object.metadata ?? {} })
  }
  const url = `https://127.0.0.1:${port}/enrollment/v1`
  const options = (cluster = 'cluster-1'): RelayClientStepOptions => ({
    cluster,
    url,
    serverName: 'relay.test',
    dial: (own) => enrollmentDialer({ credentials: own }),
  })
  const step = (
    transport: KubeTransport = workload.transport(),
    cluster = 'cluster-1',
    other: Partial<RelayClientStepOptions> = {},
  ) => relayClientStep(client(workload, transport), { ...options(cluster), ...other })
  const certificate = () => pair(workload, 'relay-client-tls-secret').certificate
  return {
    ...made,
    ...material,
    ...running,
    manager,
    tokens,
    url,
    copy,
    giveToken,
    options,
    step,
    certificate,
    drop: (...all: readonly string[]) => drop(workload, ...all),
  }
}

async function listen(server: ReturnType<typeof createEnrollmentServer>['server']): Promise<number> {
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
  return port
}
