/**
 * A double of Vault and OpenBao: an HTTP server on loopback written from their published API documents. It is no Vault. It shows that
 * what we send is what the documents ask for, and that what they say is answered is read; not that a Vault does what they say.
 *
 * The documents: HashiCorp's "HTTP API", "PKI secrets engine", "Transit secrets engine", "Kubernetes auth method" and "Token auth
 * method"; OpenBao's "PKI secrets engine". Each field is cited where it is read.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type CertificateAuthority, createRootCa } from '../../../src/ca/index.ts'
import { Csr, createCsr } from '../../../src/csr/index.ts'
import type { Certificate } from '../../../src/x509/index.ts'
import { deferred } from '../node/support.ts'
import type { Misbehaviour, ReceivedRequest } from './issuer-contract.ts'
import { field, type Json, Refused } from './vault-double-json.ts'
import { type DoubleRole, signByRole, signIntermediate } from './vault-double-pki.ts'
import { keyOf, readKey, type TransitKey, type TransitType, transitSign } from './vault-double-transit.ts'

/** What was asked for, as it came. */
export interface Heard {
  readonly method: string
  readonly path: string
  readonly token: string | undefined
  readonly namespace: string | undefined
  readonly requested: string | undefined
  readonly body: Json
}

const LASTING: readonly (Misbehaviour | undefined)[] = [
  'unavailable',
  'refused',
  'credentials-expired',
  'hangs',
]

/** The server and what it holds. */
export class VaultDouble {
  readonly heard: Heard[] = []
  readonly received: ReceivedRequest[] = []
  readonly stored = new Map<string, Certificate>()
  readonly roles = new Map<string, DoubleRole>()
  readonly tokens = new Set<string>()
  /** Kubernetes auth: which JWT is good for which role. */
  readonly logins = new Map<string, { readonly role: string; lease: number; renewable: boolean }>()
  /** Key versions by name, oldest first. */
  readonly transit = new Map<string, TransitKey>()
  /** Answers instead of what is written here, once: `undefined` to go on as usual. */
  intercept: ((heard: Heard, response: ServerResponse) => boolean) | undefined
  issued = 0
  how: Misbehaviour | undefined
  /** Signs something else. */
  signsWrongly = false
  hung = deferred<void>()
  readonly #root: CertificateAuthority
  readonly #foreign: CertificateAuthority
  readonly #server: Server
  #counter = 0

  private constructor(root: CertificateAuthority, foreign: CertificateAuthority) {
    this.#root = root
    this.#foreign = foreign
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        const refused = error instanceof Refused ? error : new Refused(500, String(error))
        reply(response, refused.status, { errors: refused.errors })
      })
    })
  }

  static async start(): Promise<VaultDouble> {
    const root = (cn: string): Promise<CertificateAuthority> =>
      createRootCa({ subject: `CN=${cn},O=Example`, lifetime: '3650d', key: 'P-256' })
    const double = new VaultDouble(await root('Vault Root'), await root('Vault Root'))
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve))
    return double
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get anchors(): string {
    return this.#root.certificate.toPem()
  }

  addKey(name: string, type: TransitType, versions = 1): void {
    this.transit.set(name, { type, keys: Array.from({ length: versions }, (_, i) => keyOf(type, i)) })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await text(request)
    const header = (name: string): string | undefined => request.headers[name]?.toString()
    const heard: Heard = {
      method: request.method ?? '',
      path: request.url ?? '',
      // HTTP API, Authentication: `X-Vault-Token`. Namespaces: `X-Vault-Namespace`. The `X-Vault-Request` header.
      token: header('x-vault-token'),
      namespace: header('x-vault-namespace'),
      requested: header('x-vault-request'),
      body: content === '' ? {} : JSON.parse(content),
    }
    this.heard.push(heard)
    if (this.intercept?.(heard, response) === true) return
    const path = heard.path.replace(/^\/v1\//, '')
    if (/^auth\/.+\/login$/.test(path)) return reply(response, 200, this.#login(path, heard))
    if (heard.token === undefined || !this.tokens.has(heard.token))
      throw new Refused(403, '1 error occurred:\n\t* permission denied\n\n')
    if (path === 'auth/token/renew-self') return reply(response, 200, this.#renew(heard))
    const signing =
      /^pki\/(?:root|issuer\/[^/]+)\/(sign-intermediate)$|^pki\/(?:issuer\/[^/]+\/)?sign\/([^/]+)$/.exec(path)
    if (signing !== null) {
      const answer = await this.#sign(heard, signing[2], response)
      if (answer !== undefined) reply(response, 200, answer)
      return
    }
    const answer = this.#read(heard.method, path, heard)
    if (answer !== undefined) reply(response, 200, answer)
  }

  /** What does not make certificates. */
  #read(method: string, path: string, heard: Heard): Json | undefined {
    // PKI API, List certificates: `data.keys` are serial numbers; an empty list is status 404.
    // HTTP API, API operations: `GET` with `?list=true` is `LIST`.
    if (method === 'GET' && path === 'pki/certs?list=true') {
      if (this.stored.size === 0) throw new Refused(404)
      return { data: { keys: [...this.stored.keys()] } }
    }
    // PKI API, Read certificate: `data.certificate`.
    const serial = /^pki\/cert\/(.+)$/.exec(path)?.[1]
    const certificate = serial === undefined ? undefined : this.stored.get(serial)
    if (certificate !== undefined) return { data: { certificate: certificate.toPem(), revocation_time: 0 } }
    // PKI API, Read issuer certificate, `/json`: `data.certificate`, `data.ca_chain`.
    if (/^pki\/issuer\/[^/]+\/json$/.test(path))
      return { data: { certificate: this.anchors, ca_chain: [this.anchors] } }
    const [, name = ''] = /^transit\/(?:keys|sign)\/([^/]+)/.exec(path) ?? []
    const key = this.transit.get(name)
    if (key !== undefined && path === `transit/keys/${name}`) return readKey(name, key)
    const hash = /^transit\/sign\/[^/]+(?:\/(.+))?$/.exec(path)?.[1]
    if (key !== undefined && path.startsWith('transit/sign/')) return this.#transitSign(key, hash, heard.body)
    throw new Refused(404)
  }

  /** Kubernetes auth method API, Login: `role`, `jwt`; `auth.client_token`, `auth.lease_duration`, `auth.renewable`. */
  #login(path: string, { body }: Heard): Json {
    const { role, jwt } = body
    const known = this.logins.get(`${path} ${String(jwt)}`)
    if (known === undefined || known.role !== role)
      throw new Refused(403, `permission denied: ${String(jwt)}`)
    const client_token = `hvs.login-${++this.#counter}`
    this.tokens.add(client_token)
    return {
      auth: { client_token, policies: ['mesh'], lease_duration: known.lease, renewable: known.renewable },
    }
  }

  /** Token auth method API, Renew a token (self). */
  #renew({ token }: Heard): Json {
    const [lease] = this.logins.values()
    return {
      auth: { client_token: token, policies: ['mesh'], lease_duration: lease?.lease ?? 0, renewable: true },
    }
  }

  /** PKI API, Sign intermediate, and Sign certificate by a role. */
  async #sign(heard: Heard, role: string | undefined, response: ServerResponse): Promise<Json | undefined> {
    const { body } = heard
    const isCa = role === undefined
    const csr = Csr.fromPem(field(body, 'csr'))
    const lifetimeSeconds = Number(/^(\d+)s$/.exec(field(body, 'ttl'))?.[1])
    // `max_path_length` (int: -1): -1 is no limit.
    const length = Number(body['max_path_length'] ?? -1)
    const pathLength = isCa && length >= 0 ? length : undefined
    this.received.push({ csrPem: field(body, 'csr'), lifetimeSeconds, isCa, pathLength })
    const now = this.how
    if (!LASTING.includes(now)) this.how = undefined
    // HTTP API, HTTP status codes; 429 is also what a rate limit quota answers.
    if (now === 'throttled-once') throw new Refused(429, 'request path "pki": rate limit quota exceeded')
    if (now === 'unavailable-once' || now === 'unavailable') throw new Refused(503, 'Vault is sealed')
    if (now === 'credentials-expired')
      throw new Refused(403, 'permission denied', `invalid token ${heard.token}`)
    if (now === 'refused')
      throw new Refused(
        400,
        `names not allowed by this role \u001b[31m\u202e${heard.token}`,
        'x'.repeat(5000),
      )
    const asked = now === 'other-request' ? (await createCsr({ key: 'P-256', subject: 'CN=other' })).csr : csr
    const seconds = now === 'longer-lifetime' ? lifetimeSeconds * 2 : lifetimeSeconds
    const ca = now === 'other-root' ? this.#foreign : this.#root
    const certificate =
      isCa || now === 'ca-for-leaf'
        ? await signIntermediate(
            ca,
            asked,
            { ...body, use_csr_values: isCa && body['use_csr_values'] },
            seconds,
            pathLength,
          )
        : await signByRole(ca, csr, asked, body, seconds, this.#role(role))
    this.issued++
    const serial_number = certificate.serialNumber.replace(/..(?!$)/g, '$&:')
    this.stored.set(serial_number, certificate)
    if (now === 'hangs') {
      this.hung.resolve()
      return undefined
    }
    if (now === 'answer-lost') {
      response.destroy()
      return undefined
    }
    if (now === 'garbage') {
      response.end('<html>502 Bad Gateway</html>')
      return undefined
    }
    // Sample response: `certificate`, `issuing_ca`, `ca_chain`, `serial_number`.
    const issuing_ca = ca.certificate.toPem()
    return {
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data: { certificate: certificate.toPem(), issuing_ca, ca_chain: [issuing_ca], serial_number },
      auth: null,
    }
  }

  #role(name: string): DoubleRole {
    const role = this.roles.get(name)
    if (role === undefined) throw new Refused(400, `unknown role: ${name}`)
    return role
  }

  /** What goes wrong with a signature, or the signature. */
  #transitSign(key: TransitKey, hash: string | undefined, body: Json): Json | undefined {
    const now = this.how
    if (!LASTING.includes(now)) this.how = undefined
    if (now === 'refused') throw new Refused(400, 'signing with this key is not allowed')
    if (now === 'throttled-once') throw new Refused(429, 'rate limit quota exceeded')
    if (now === 'unavailable') throw new Refused(503, 'Vault is sealed')
    if (now === 'credentials-expired') throw new Refused(403, 'permission denied')
    if (now === 'hangs') {
      this.hung.resolve()
      return undefined
    }
    return transitSign(key, hash, body, this.signsWrongly)
  }
}

function reply(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
