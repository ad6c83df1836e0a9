/**
 * A real API server on loopback: etcd and kube-apiserver out of `$KUBEBUILDER_ASSETS`, as `setup-envtest` installs them. Their
 * certificates are made here, so a TLS peer written in Go checks what this library makes.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CertificateAuthority, createRootCa } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { KubeClient, KubeResources } from 'mesh-pki/kubernetes'
import { type KubeHttpsTransport, kubeHttpsTransport } from 'mesh-pki/kubernetes/in-cluster'
import { exportPrivateKey, generateKeyPair } from 'mesh-pki/x509'

/** A running server. */
export interface ApiServer {
  readonly name: string
  /** A client of a user, who shows a certificate of ours. */
  clientOf(user: string, groups?: readonly string[]): Promise<KubeClient>
  stop(): void
}

/** Starts one. Takes some three seconds. */
export async function startApiServer(name: string): Promise<ApiServer> {
  const assets = process.env['KUBEBUILDER_ASSETS']
  if (assets === undefined)
    throw new Error(
      'set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver; setup-envtest makes one',
    )
  const folder = mkdtempSync(join(tmpdir(), `mesh-pki-demo-${name}-`))
  const children: ChildProcess[] = []
  const transports: KubeHttpsTransport[] = []
  const stop = (): void => {
    for (const transport of transports) transport.close()
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  process.once('exit', stop)
  const run = (program: string, args: readonly string[]): void => {
    const log = openSync(join(folder, `${program}.log`), 'a')
    children.push(spawn(join(assets, program), args, { stdio: ['ignore', log, log] }))
  }
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const [etcdUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`]
  run('etcd', [
    `--data-dir=${join(folder, 'data')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ])
  const authority = await createRootCa({ subject: `CN=Kubernetes of ${name}`, lifetime: '1d' })
  const put = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text, { mode: 0o600 })
    return join(folder, file)
  }
  const serving = await certify(authority, 'CN=kube-apiserver', '127.0.0.1')
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const accounts = put('accounts.key', await exportPrivateKey(privateKey, { format: 'sec1' }))
  mkdirSync(join(folder, 'certs'))
  run('kube-apiserver', [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'certs')}`,
    `--tls-cert-file=${put('serving.pem', serving.cert)}`,
    `--tls-private-key-file=${put('serving.key', serving.key)}`,
    `--client-ca-file=${put('clients.pem', authority.certificate.toPem())}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://127.0.0.1/',
    `--service-account-key-file=${accounts}`,
    `--service-account-signing-key-file=${accounts}`,
    '--disable-admission-plugins=ServiceAccount',
  ])
  const clientOf = async (user: string, groups: readonly string[] = []): Promise<KubeClient> => {
    const subject = [...groups.map((group) => `O=${group}`), `CN=${user}`].join(',')
    const { cert, key } = await certify(authority, subject)
    const ca = authority.certificate.toPem()
    const server = `https://127.0.0.1:${port}`
    const transport = kubeHttpsTransport({ server, ca, clientCertificate: cert, clientKey: key })
    transports.push(transport)
    return new KubeClient(transport, { fieldManager: user })
  }
  try {
    await untilReady(await clientOf('admin', ['system:masters']), folder)
  } catch (error) {
    stop()
    throw error
  }
  return { name, clientOf, stop }
}

async function certify(
  authority: CertificateAuthority,
  subject: string,
  address?: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const { csr } = await createCsr({ key: privateKey })
  const policy = {
    name: 'demo',
    profile: 'gloo-relay-client' as const,
    subject: { from: 'policy' as const, value: subject },
    names: { dns: { allow: ['client.demo'] }, ip: { allow: ['127.0.0.1'] } },
    lifetime: { max: '1d' },
  }
  const identity =
    address === undefined
      ? { type: 'dns' as const, value: 'client.demo' }
      : { type: 'ip' as const, value: address }
  const { certificate } = await authority.sign(csr, policy, { identities: [identity] })
  return { cert: certificate.toPem(), key: await exportPrivateKey(privateKey, { format: 'pkcs8' }) }
}

async function untilReady(admin: KubeClient, folder: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await admin.get(KubeResources.namespaces, { name: 'default' })
      return
    } catch (error) {
      if (tries > 300)
        throw new Error(readFileSync(join(folder, 'kube-apiserver.log'), 'utf8').slice(-2000), {
          cause: error,
        })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
