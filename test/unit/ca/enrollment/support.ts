/**
 * A relay as Gloo Mesh has it, made by the tests' own builder: a root, a CA that signs for clusters, servers, clients.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  createEnrollmentHandler,
  type EnrollmentConnection,
  type EnrollmentEvent,
  type EnrollmentHandlerOptions,
  memoryTokenStore,
  type TokenRecords,
  type TokenStore,
  type VersionedToken,
} from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { type ManualClock, manualClock } from '../../../../src/testing/index.ts'
import type { Certificate, GeneralNameInput } from '../../../../src/x509/index.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  dns,
  eku,
  type Forged,
  forge,
  keyUsage,
  NOW,
  type Recipe,
  SERVER_AUTH,
  san,
} from '../../verify/forge.ts'
import { forgeCrlCa } from '../../verify/forge-crl.ts'

export const SERVER = 'relay.gloo-mesh.example'
export const CLUSTER = 'cluster-1'

export const root = forgeCrlCa({ subject: 'relay root' })
export const signing = forgeCrlCa({ subject: 'relay signing CA', issuer: root })
/** Another root with the same names, and what is below it. */
export const otherRoot = forgeCrlCa({ subject: 'relay root', keys: pair() })
export const otherSigning = forgeCrlCa({ subject: 'relay signing CA', issuer: otherRoot, keys: pair() })

/** The key of the other root, certified by this one: self-issued, and no root (RFC 4210 §4.4, newWithOld). */
export const link = forgeCrlCa({ subject: 'relay root', issuer: root, keys: otherRoot.keys })

export function pair(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** A certificate for servers and clients, as Gloo's profile has it. Its key is new unless the recipe says otherwise. */
export const leafOf = (issuer: Forged, names: readonly Uint8Array[], recipe: Partial<Recipe> = {}): Forged =>
  forge({
    subject: 'leaf',
    issuer,
    keys: pair(),
    extensions: [basicConstraints(false), keyUsage(0), eku(SERVER_AUTH, CLIENT_AUTH), san(names)],
    ...recipe,
  })

export const clientOf = (name = CLUSTER, recipe: Partial<Recipe> = {}, issuer: Forged = signing): Forged =>
  leafOf(issuer, [dns(name)], recipe)

export const serverOf = (name = SERVER, recipe: Partial<Recipe> = {}, issuer: Forged = root): Forged =>
  leafOf(issuer, [dns(name)], recipe)

/** What `node:tls` presents for it. */
export const credentialsOf = (leaf: Forged, ...above: readonly Forged[]): { cert: string; key: string } => ({
  cert: [leaf, ...above].map(({ certificate }) => certificate.toPem()).join(''),
  key: leaf.keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
})

/** Certifies a public key that somebody else made. */
export function certify(
  publicKey: Uint8Array,
  recipe: Partial<Recipe>,
  names: readonly Uint8Array[],
): Certificate {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  // The issuer signs: the private half is not needed.
  return leafOf(signing, names, { keys: { publicKey: key, privateKey: signing.keys.privateKey }, ...recipe })
    .certificate
}

export const chainOf = (certificate: Certificate) => ({
  certificate,
  chain: [certificate, signing.certificate, root.certificate],
})

/** An issuer, and how often it was asked. */
export const issuerOf = (recipe: Partial<Recipe> = {}) => {
  const issued: Certificate[] = []
  const issue: EnrollmentHandlerOptions['issue'] = async ({ csr }, { name }) => {
    const certificate = certify(csr.publicKey, recipe, [dns(name)])
    issued.push(certificate)
    return chainOf(certificate)
  }
  return { issued, issue }
}

export const requestFor = async (
  name: string = CLUSTER,
  names: readonly GeneralNameInput[] = [{ type: 'dns', value: name }],
) => (await createCsr({ key: 'P-256', subjectAltNames: names })).csr

export const bodyOf = (csr: { toPem(): string }, more: object = {}): string =>
  JSON.stringify({ version: 1, csr: csr.toPem(), ...more })

interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly json: Record<string, string>
}

export interface HandlerFixture {
  readonly clock: ManualClock
  readonly tokens: TokenStore
  readonly events: EnrollmentEvent[]
  readonly issued: readonly Certificate[]
  readonly options: EnrollmentHandlerOptions
  enroll(token: string | undefined, body: string | Uint8Array, init?: PostInit): Promise<Answered>
  renew(peer: readonly Uint8Array[], body: string, init?: PostInit): Promise<Answered>
}

interface PostInit {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly client?: string
}

export function handlerFixture(options: Partial<EnrollmentHandlerOptions> = {}): HandlerFixture {
  const clock = (options.clock as ManualClock | undefined) ?? manualClock(NOW)
  const tokens = options.tokens ?? memoryTokenStore({ clock })
  const events: EnrollmentEvent[] = []
  const { issue, issued } = issuerOf()
  const all: EnrollmentHandlerOptions = {
    issue,
    tokens,
    clock,
    clientAnchors: signing.certificate,
    serverAnchors: root.certificate,
    reservedNames: [SERVER],
    onEvent: (event) => events.push(event),
    ...options,
  }
  const handler = createEnrollmentHandler(all)
  const post = async (
    path: string,
    body: string | Uint8Array,
    headers: Record<string, string>,
    connection: EnrollmentConnection,
    method = 'POST',
  ): Promise<Answered> => {
    const response = await handler(
      new Request(`https://${SERVER}${path}`, {
        method,
        headers,
        ...(method === 'GET' ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      }),
      connection,
    )
    return { status: response.status, headers: response.headers, json: JSON.parse(await response.text()) }
  }
  const json = { 'content-type': 'application/json' }
  return {
    clock,
    tokens,
    events,
    issued,
    options: all,
    enroll: (
      token,
      body,
      { path = '/enrollment/v1/enroll', method, headers = {}, client = '192.0.2.1' } = {},
    ) =>
      post(
        path,
        body,
        { ...json, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
        { client },
        method,
      ),
    renew: (peer, body, { path = '/enrollment/v1/renew', method, headers = {}, client = '192.0.2.1' } = {}) =>
      post(path, body, { ...json, ...headers }, { client, peerCertificates: peer }, method),
  }
}

/** What a database does: text in, text out, one write at a time, and other work between any two calls. */
export function databaseRecords(): TokenRecords & {
  readonly rows: Map<string, { text: string; version: number }>
} {
  const rows = new Map<string, { text: string; version: number }>()
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
  const revive = (name: string, value: unknown): unknown =>
    name === 'expiresAt' || name === 'until' ? new Date(String(value)) : value
  return {
    rows,
    read: async (hash): Promise<VersionedToken | undefined> => {
      await turn()
      const row = rows.get(hash)
      return row === undefined
        ? undefined
        : { record: JSON.parse(row.text, revive), version: String(row.version) }
    },
    write: async (hash, record, version) => {
      await turn()
      const row = rows.get(hash)
      if ((row === undefined ? undefined : String(row.version)) !== version) return false
      if (record === undefined) rows.delete(hash)
      else rows.set(hash, { text: JSON.stringify(record), version: (row?.version ?? 0) + 1 })
      return true
    },
  }
}
