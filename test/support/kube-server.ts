/**
 * A real etcd and kube-apiserver on loopback, whose certificates are ours: a TLS peer in Go checks them in every run.
 *
 * The programs are those of `$KUBEBUILDER_ASSETS`, as `setup-envtest` installs them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CertificateAuthority, createRootCa } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { type KubeHttpsTransport, kubeHttpsTransport } from '../../src/kubernetes/in-cluster/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../src/x509/index.ts'

/** Whether the two programs are there. */
export function kubernetesAvailable(): true | string {
  const assets = process.env['KUBEBUILDER_ASSETS']
  if (assets === undefined || assets === '')
    return 'KUBEBUILDER_ASSETS is not set; it names a folder with etcd and kube-apiserver'
  const missing = ['etcd', 'kube-apiserver'].filter((name) => !existsSync(join(assets, name)))
  return missing.length === 0 ? true : `no ${missing.join(' and no ')} in ${assets}`
}

/** Who asks: by a certificate of ours, or by a token. */
type KubeUser = { readonly user: string; readonly groups?: readonly string[] } | { readonly token: string }

export interface KubeServerOptions {
  /** Further flags of kube-apiserver, as `--watch-cache=false`. */
  readonly flags?: readonly string[]
  /** Another server whose etcd this one shares. Its certificates are shared, too. */
  readonly etcd?: KubeServer
  /** Static tokens, with their users and groups. */
  readonly tokens?: Readonly<Record<string, { readonly user: string; readonly groups?: readonly string[] }>>
}

export interface KubeServer {
  readonly url: string
  /** Of its etcd, without TLS. */
  readonly etcdUrl: string
  /** What its certificate is verified with. */
  readonly caPem: string
  /** `system:masters`. */
  readonly admin: KubeHttpsTransport
  transportFor(user: KubeUser): Promise<KubeHttpsTransport>
  /** A client certificate of ours, as PEM. */
  certificateFor(
    user: string,
    groups?: readonly string[],
  ): Promise<{ readonly certificate: string; readonly key: string }>
  /** Makes etcd forget all but the newest version. */
  compact(): Promise<void>
  kill(signal: NodeJS.Signals, which: 'apiserver' | 'etcd'): void
  /** Kills one of the two, kube-apiserver by default, and starts it again at the same address with what it had stored. */
  restart(which?: 'apiserver' | 'etcd'): Promise<void>
  /** The end of what kube-apiserver and etcd have written. */
  log(): string
  /** Kills what it started, and takes its files away. */
  stop(): Promise<void>
}

/** What the servers over one etcd have in common. */
interface Shared {
  readonly etcdUrl: string
  readonly authority: CertificateAuthority
  readonly etcdLog: string
  /** The process, which is another one after each {@link startEtcdAgain}. */
  etcd(): ChildProcess
  startEtcdAgain(): Promise<void>
}

const shared = new WeakMap<KubeServer, Shared>()

/** Starts a pair, or one more kube-apiserver over the etcd of another. Takes some three seconds. */
export async function startKubeServer(options: KubeServerOptions = {}): Promise<KubeServer> {
  const assets = process.env['KUBEBUILDER_ASSETS']
  if (assets === undefined) throw new Error(String(kubernetesAvailable()))
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-kube-'))
  const started: ChildProcess[] = []
  const killAll = (): void => {
    for (const child of started) child.kill('SIGKILL')
  }
  process.once('exit', killAll)
  try {
    const common =
      options.etcd === undefined ? await startEtcd(assets, folder, started) : sharedOf(options.etcd)
    const server = await startApiServer(assets, folder, options, common, started)
    const stop = async (): Promise<void> => {
      process.removeListener('exit', killAll)
      server.admin.close()
      await Promise.all(started.map(killed))
      rmSync(folder, { recursive: true, force: true })
    }
    const whole = Object.assign(server, { stop })
    shared.set(whole, common)
    return whole
  } catch (error) {
    process.removeListener('exit', killAll)
    await Promise.all(started.map(killed))
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function sharedOf(server: KubeServer): Shared {
  const common = shared.get(server)
  if (common === undefined) throw new Error('that server was not started here')
  return common
}

/** A dead process, whatever it was doing: on SIGTERM with etcd gone, kube-apiserver lingers. */
function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      resolve()
      return
    }
    child.once('exit', () => resolve())
    // One that was stopped must go on to die.
    child.kill('SIGCONT')
    child.kill('SIGKILL')
  })
}

function run(program: string, args: readonly string[], log: string): ChildProcess {
  const out = openSync(log, 'a')
  const child = spawn(program, args, { stdio: ['ignore', out, out] })
  child.on('error', () => {})
  return child
}

async function startEtcd(assets: string, folder: string, started: ChildProcess[]): Promise<Shared> {
  const [client, peer] = await freePorts(2)
  const etcdUrl = `http://127.0.0.1:${client}`
  const peerUrl = `http://127.0.0.1:${peer}`
  const etcdLog = join(folder, 'etcd.log')
  const start = (): ChildProcess => {
    const child = run(
      join(assets, 'etcd'),
      [
        `--data-dir=${join(folder, 'etcd')}`,
        '--unsafe-no-fsync',
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
      ],
      etcdLog,
    )
    started.push(child)
    return child
  }
  let etcd = start()
  const authority = await createRootCa({ subject: 'CN=Kubernetes Test CA', lifetime: '2d' })
  const startEtcdAgain = async (): Promise<void> => {
    await killed(etcd)
    etcd = start()
  }
  return { etcdUrl, authority, etcdLog, etcd: () => etcd, startEtcdAgain }
}

async function startApiServer(
  assets: string,
  folder: string,
  options: KubeServerOptions,
  common: Shared,
  started: ChildProcess[],
): Promise<Omit<KubeServer, 'stop'> & { admin: KubeHttpsTransport }> {
  const [port = 0] = await freePorts(1)
  const url = `https://127.0.0.1:${port}`
  const log = join(folder, 'kube-apiserver.log')
  const flags = await flagsOf(folder, port, options, common)
  const caPem = common.authority.certificate.toPem()
  const start = (): ChildProcess => {
    const child = run(join(assets, 'kube-apiserver'), flags, log)
    started.push(child)
    return child
  }
  let child = start()
  const certificateFor = async (user: string, groups: readonly string[] = []) => {
    const subject = [...groups.map((group) => `O=${escaped(group)}`), `CN=${escaped(user)}`].join(',')
    return issue(common.authority, 'gloo-relay-client', subject, [{ type: 'dns', value: 'client.test' }])
  }
  const transportFor = async (user: KubeUser): Promise<KubeHttpsTransport> => {
    if ('token' in user) return kubeHttpsTransport({ server: url, ca: caPem, token: user.token })
    const { certificate, key } = await certificateFor(user.user, user.groups)
    return kubeHttpsTransport({ server: url, ca: caPem, clientCertificate: certificate, clientKey: key })
  }
  const admin = await transportFor({ user: 'admin', groups: ['system:masters'] })
  const written = (): string =>
    [common.etcdLog, log].map((file) => readFileSync(file, 'utf8').slice(-3000)).join('\n')
  await untilReady(admin, () => child, written)
  return {
    url,
    etcdUrl: common.etcdUrl,
    caPem,
    admin,
    transportFor,
    certificateFor,
    compact: () => compact(common.etcdUrl, admin),
    kill: (signal, which) => {
      ;(which === 'etcd' ? common.etcd() : child).kill(signal)
    },
    restart: async (which = 'apiserver') => {
      if (which === 'etcd') await common.startEtcdAgain()
      else {
        await killed(child)
        child = start()
      }
      await untilReady(admin, () => child, written)
    },
    log: written,
  }
}

async function flagsOf(
  folder: string,
  port: number,
  options: KubeServerOptions,
  { authority, etcdUrl }: Shared,
): Promise<readonly string[]> {
  const put = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const serving = await issue(authority, 'gloo-relay-server', 'CN=kube-apiserver', [
    { type: 'ip', value: '127.0.0.1' },
    { type: 'dns', value: 'localhost' },
  ])
  // Kubernetes reads keys of service accounts in this form only.
  const accounts = await generateKeyPair('P-256', { extractable: true })
  const key = put('accounts.key', await exportPrivateKey(accounts.privateKey, { format: 'sec1' }))
  const tokens = Object.entries(options.tokens ?? {}).map(
    ([token, { user, groups = [] }]) => `${token},${user},${user}-uid,"${groups.join(',')}"\n`,
  )
  mkdirSync(join(folder, 'certs'))
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'certs')}`,
    `--tls-cert-file=${put('serving.pem', serving.certificate)}`,
    `--tls-private-key-file=${put('serving.key', serving.key)}`,
    `--client-ca-file=${put('clients.pem', authority.certificate.toPem())}`,
    ...(tokens.length === 0 ? [] : [`--token-auth-file=${put('tokens.csv', tokens.join(''))}`]),
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://127.0.0.1/',
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    '--disable-admission-plugins=ServiceAccount',
    ...(options.flags ?? []),
  ]
}

type San = { readonly type: 'dns' | 'ip'; readonly value: string }

async function issue(
  authority: CertificateAuthority,
  profile: 'gloo-relay-server' | 'gloo-relay-client',
  subject: string,
  identities: readonly San[],
): Promise<{ readonly certificate: string; readonly key: string }> {
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const { csr } = await createCsr({ key: privateKey })
  const { certificate } = await authority.sign(
    csr,
    {
      name: 'kubernetes',
      profile,
      subject: { from: 'policy', value: subject },
      names: { dns: { allow: ['localhost', 'client.test'] }, ip: { allow: ['127.0.0.1'] } },
      lifetime: { max: '1d' },
    },
    { identities },
  )
  const key = await exportPrivateKey(privateKey, { format: 'pkcs8' })
  return { certificate: certificate.toPem(), key }
}

/** RFC 4514 §2.4: what users and groups have of special characters. */
const escaped = (text: string): string => text.replace(/[,+"\\<>;#=]/g, '\\$&')

async function untilReady(
  admin: KubeHttpsTransport,
  child: () => ChildProcess,
  log: () => string,
): Promise<void> {
  const until = performance.now() + 60_000
  while (performance.now() < until) {
    if (child().exitCode !== null) throw new Error(`kube-apiserver ended:\n${log()}`)
    const signal = AbortSignal.timeout(2000)
    // Ready comes before the namespaces that the server makes itself.
    const answers = await Promise.all(
      ['/readyz', '/api/v1/namespaces/default', '/api/v1/namespaces/kube-system'].map((path) =>
        admin.request({ method: 'GET', path, signal }).catch(() => undefined),
      ),
    )
    if (answers.every((answer) => answer?.status === 200)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`kube-apiserver is not ready after a minute:\n${log()}`)
}

async function compact(etcdUrl: string, admin: KubeHttpsTransport): Promise<void> {
  const signal = AbortSignal.timeout(10_000)
  const path = '/api/v1/namespaces'
  const { body } = await admin.request({ method: 'GET', path, query: { limit: 1 }, signal })
  const { metadata } = body as { readonly metadata: { readonly resourceVersion: string } }
  const answer = await fetch(`${etcdUrl}/v3/kv/compaction`, {
    method: 'POST',
    body: JSON.stringify({ revision: metadata.resourceVersion, physical: true }),
    signal,
  })
  // What is compacted already is refused, which is as good.
  await answer.text()
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
