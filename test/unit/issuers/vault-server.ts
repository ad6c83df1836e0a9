/**
 * A real Vault or OpenBao in dev mode, where one is on the path.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../support/until.ts'

/** The program: `vault` or `bao`. */
const program = (): string | undefined =>
  ['vault', 'bao'].find((name) => spawnSync(name, ['version'], { timeout: 30_000 }).status === 0)

export const vaultAvailable = (): true | string =>
  program() === undefined ? 'no vault and no bao on the PATH' : true

/** Status and JSON of an answer. */
type Answer = { readonly status: number; readonly json: Record<string, unknown> }

/** A server with mounts `pki` and `transit`, and tokens by the policies of the document. */
export class VaultServer {
  readonly url: string
  readonly anchors: string
  readonly #process: ChildProcess
  readonly #home: string

  private constructor(url: string, anchors: string, child: ChildProcess, home: string) {
    this.url = url
    this.anchors = anchors
    this.#process = child
    this.#home = home
  }

  static async start(): Promise<VaultServer> {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const home = mkdtempSync(join(tmpdir(), 'vault-server-'))
    const child = spawn(
      program() ?? 'vault',
      ['server', '-dev', `-dev-root-token-id=${ROOT_TOKEN}`, `-dev-listen-address=127.0.0.1:${port}`],
      { env: { ...process.env, HOME: home }, stdio: 'ignore' },
    )
    await until('the Vault server', async () => ((await fetch(`${url}/v1/sys/health`)).ok ? true : undefined))
    const root = (path: string, body: object): Promise<Answer> => call(url, ROOT_TOKEN, path, body)
    await root('sys/mounts/pki', { type: 'pki', config: { max_lease_ttl: '87600h' } })
    const made = await root('pki/root/generate/internal', {
      common_name: 'Vault Root',
      organization: 'Example',
      key_type: 'ec',
      key_bits: 256,
      ttl: '87600h',
    })
    await root('pki/roles/mesh', {
      use_csr_sans: false,
      use_csr_common_name: false,
      require_cn: false,
      allowed_uri_sans: ['spiffe://cluster.local/*'],
      server_flag: true,
      client_flag: true,
      key_type: 'any',
      max_ttl: '72h',
    })
    await root('sys/mounts/transit', { type: 'transit' })
    for (const type of ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-2048'])
      await root(`transit/keys/${type}`, { type })
    // The key of the policy in the document, with a version that is not the latest.
    await root('transit/keys/mesh-root', { type: 'ecdsa-p256' })
    await root('transit/keys/mesh-root/rotate', {})
    const { certificate } = made.json['data'] as { readonly certificate: string }
    return new VaultServer(url, certificate, child, home)
  }

  /** A token with one of the policies in docs/providers/vault.md, by its number. */
  async tokenOf(policy: number): Promise<string> {
    const document = readFileSync('docs/providers/vault.md', 'utf8')
    const text = [...document.matchAll(/```hcl\n([\s\S]*?)```/g)][policy]?.[1]
    if (text === undefined) throw new Error(`docs/providers/vault.md has no policy ${policy}`)
    await call(this.url, ROOT_TOKEN, `sys/policies/acl/mesh-${policy}`, { policy: text })
    const { json } = await call(this.url, ROOT_TOKEN, 'auth/token/create', { policies: [`mesh-${policy}`] })
    return (json['auth'] as { readonly client_token: string }).client_token
  }

  /** What a public key of transit is, by the root token. */
  async publicKey(name: string, version: number): Promise<string> {
    const { json } = await call(this.url, ROOT_TOKEN, `transit/keys/${name}`)
    const { keys } = json['data'] as { readonly keys: Record<string, { readonly public_key: string }> }
    return keys[version]?.public_key ?? ''
  }

  /** A token that may do everything; for keys that the policies do not name. */
  readonly rootToken: string = ROOT_TOKEN

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill()
    await ended
    rmSync(this.#home, { recursive: true, force: true })
  }
}

const ROOT_TOKEN = 'root-token-of-the-tests'

async function call(url: string, token: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${url}/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-vault-token': token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: status ${response.status} ${text}`)
  return { status: response.status, json: text === '' ? {} : JSON.parse(text) }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
