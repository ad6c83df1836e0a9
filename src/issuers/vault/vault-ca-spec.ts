/**
 * The VaultCA of Gloo Mesh's custom resources, as options.
 *
 * @module
 */

import { decodeBase64 } from '../../internal/base64.ts'
import { typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { readSigningPath } from './vault-path.ts'
import { readNamespace, readPath, readSegment, readServer, withoutSlashes } from './vault-server.ts'

/** A key of a Secret. */
export interface SecretKeyRef {
  readonly name: string
  readonly namespace: string | undefined
  readonly key: string
}

/** Where the CA of the Vault server is; it is for whoever makes the `fetch`. */
export type VaultServerCa =
  | { readonly from: 'inline'; readonly pem: string }
  | { readonly from: 'secret'; readonly secret: SecretKeyRef }
  | { readonly from: 'file'; readonly path: string }

/** How Vault is to know us; the secrets themselves are read by the caller. */
export type VaultCaAuth =
  | { readonly method: 'token'; readonly secret: SecretKeyRef }
  | {
      readonly method: 'kubernetes'
      readonly role: string
      /** The option `kubernetes.mount` of `vaultAuth`. */
      readonly mount: string
      /** Where the token of the service account is: of an account by name, or in a file that is mounted. */
      readonly jwt:
        | { readonly from: 'service-account'; readonly account: SecretKeyRef }
        | { readonly from: 'file'; readonly path: string }
    }

/** What a VaultCA says. */
export interface VaultCaSettings {
  /** The option `server` of `vaultAuth`. */
  readonly server: string
  /** The option `namespace` of `vaultAuth`. */
  readonly namespace: string | undefined
  /** The option `path` of `vaultIssuer`, out of `caPath`. */
  readonly path: string
  /** `csrPath`, as it stands; nothing here uses it. */
  readonly csrPath: string | undefined
  readonly ca: VaultServerCa | undefined
  readonly auth: VaultCaAuth
  /** What was read otherwise than it stands, or not at all, for people. */
  readonly notes: readonly string[]
}

/** What Gloo takes where the fields are absent. */
const MOUNT = '/v1/auth/kubernetes'
const MOUNTED_SA = '/var/run/secrets/kubernetes.io/serviceaccount'
const FIELDS = [
  'caPath',
  'csrPath',
  'server',
  'caBundle',
  'caSecretRef',
  'caLocalPath',
  'namespace',
  'tokenSecretRef',
  'kubernetesAuth',
]
const KUBERNETES_FIELDS = ['mountPath', 'role', 'secretTokenKey', 'serviceAccountRef', 'mountedSaPath']

/**
 * Reads the `vault` of an IssuedCertificate's or RootTrustPolicy's `agentCa`: Gloo Mesh 1.x and 2.x.
 *
 * Each field has its counterpart here. `notes` says what is odd: a leading `/v1`, a bundle that is PEM instead of base64, unknown
 * fields, and `csrPath`, which lets Vault make the key, while keys are made here where they are used.
 *
 * @param spec the object, as it comes out of JSON
 *
 * @throws `TypeError` that names the field for what cannot be used: no server, no role, two ways to be known.
 *
 * @example
 * ```ts
 * import { readVaultCa, vaultAuth, vaultIssuer } from 'mesh-pki/issuers/vault'
 *
 * declare function readToken(path: string): Promise<string>
 * const { server, namespace, path, auth, notes } = readVaultCa({
 *   server: 'https://vault.example:8200',
 *   caPath: 'pki/root/sign-intermediate',
 *   csrPath: 'pki_int/intermediate/generate/exported',
 *   kubernetesAuth: { role: 'mesh-ca' },
 * })
 * if (auth.method !== 'kubernetes' || auth.jwt.from !== 'file') throw new Error('a mounted token is expected')
 * const { role, mount, jwt } = auth
 * const issuer = vaultIssuer({
 *   auth: vaultAuth({ server, namespace, kubernetes: { role, mount, jwt: () => readToken(jwt.path) } }),
 *   path,
 * })
 * console.log(issuer.name, notes) // vault [ 'csrPath "pki_int/intermediate/generate/exported" is not used: …' ]
 * ```
 */
export function readVaultCa(spec: unknown): VaultCaSettings {
  const notes: string[] = []
  const vault = readObject(spec, 'vault', FIELDS, notes)
  const server = textOf(vault, 'server')
  if (server === undefined) throw new TypeError('vault.server is missing: the URL of the Vault server')
  const caPath = textOf(vault, 'caPath')
  if (caPath === undefined) throw new TypeError('vault.caPath is missing, such as pki/root/sign-intermediate')
  const csrPath = textOf(vault, 'csrPath')
  if (csrPath !== undefined)
    notes.push(
      `csrPath ${quote(csrPath, 128)} is not used: Vault would make the key, and here it is made where it is used`,
    )
  const isPlain = /^http:/i.test(server)
  if (isPlain)
    notes.push('server has the scheme http: vaultAuth takes that for loopback, or with insecure: true')
  return Object.freeze({
    server: readServer(server, true),
    namespace: readNamespace(textOf(vault, 'namespace')),
    path: readSigningPath(withoutVersion(caPath, 'caPath', notes)).path,
    csrPath,
    ca: readCa(vault, notes),
    auth: readAuth(vault, notes),
    notes: Object.freeze(notes),
  })
}

type Fields = ReadonlyMap<string, unknown>

function readCa(vault: Fields, notes: string[]): VaultServerCa | undefined {
  const given = ['caBundle', 'caSecretRef', 'caLocalPath'].filter((name) => isSet(vault.get(name)))
  if (given.length > 1) throw new TypeError(`vault has ${given.join(' and ')}, of which one is allowed`)
  const bundle = textOf(vault, 'caBundle')
  if (bundle !== undefined) return { from: 'inline', pem: readBundle(bundle, notes) }
  const path = textOf(vault, 'caLocalPath')
  if (path !== undefined) return { from: 'file', path }
  const secret = vault.get('caSecretRef')
  return isSet(secret)
    ? { from: 'secret', secret: readRef(secret, 'vault.caSecretRef', 'root-cert.pem', notes) }
    : undefined
}

/** A field of type bytes: base64 of the PEM text. */
function readBundle(text: string, notes: string[]): string {
  if (text.includes('-----BEGIN CERTIFICATE')) {
    notes.push('caBundle is PEM; Kubernetes writes base64 of PEM there')
    return text
  }
  const bytes = decodeBase64(text, 0, text.length, true)
  const pem = bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : ''
  if (!pem.includes('-----BEGIN CERTIFICATE'))
    throw new TypeError('vault.caBundle must be base64 of certificates in PEM')
  return pem
}

function readAuth(vault: Fields, notes: string[]): VaultCaAuth {
  const [token, kubernetes] = [vault.get('tokenSecretRef'), vault.get('kubernetesAuth')]
  if (isSet(token) === isSet(kubernetes))
    throw new TypeError('vault must have exactly one of tokenSecretRef and kubernetesAuth')
  if (isSet(token)) return { method: 'token', secret: readRef(token, 'vault.tokenSecretRef', 'token', notes) }
  const fields = readObject(kubernetes, 'vault.kubernetesAuth', KUBERNETES_FIELDS, notes)
  const role = textOf(fields, 'role')
  if (role === undefined) throw new TypeError('vault.kubernetesAuth.role is missing')
  const mountPath = withoutVersion(textOf(fields, 'mountPath') ?? MOUNT, 'mountPath', notes)
  const mount = /^auth\/(.+)$/.exec(mountPath)?.[1] ?? mountPath
  if (mount === mountPath)
    notes.push(
      `mountPath ${quote(mountPath, 128)} does not begin with auth/; it is read as auth/${escapeText(mount, 128)}`,
    )
  return {
    method: 'kubernetes',
    role: readSegment(role, 'kubernetesAuth.role'),
    mount: readPath(mount, 'kubernetesAuth.mountPath'),
    jwt: readJwt(fields, notes),
  }
}

function readJwt(fields: Fields, notes: string[]): Extract<VaultCaAuth, { method: 'kubernetes' }>['jwt'] {
  const key = textOf(fields, 'secretTokenKey') ?? 'token'
  const [account, path] = [fields.get('serviceAccountRef'), textOf(fields, 'mountedSaPath')]
  if (isSet(account) && path !== undefined)
    throw new TypeError(
      'vault.kubernetesAuth has serviceAccountRef and mountedSaPath, of which one is allowed',
    )
  return isSet(account)
    ? {
        from: 'service-account',
        account: readRef(account, 'vault.kubernetesAuth.serviceAccountRef', key, notes),
      }
    : { from: 'file', path: `${withoutSlashes(path ?? MOUNTED_SA)}/${key}` }
}

/** Gloo writes paths with the version of the API in front, or without. The default has it, so nothing is said of it. */
function withoutVersion(path: string, field: string, notes: string[]): string {
  const bare = withoutSlashes(path.replace(/^\/+/, ''))
  const below = bare.replace(/^v1\//, '')
  if (below !== path && path !== MOUNT)
    notes.push(`${field} ${quote(path, 128)} is read as ${quote(below, 128)}`)
  return below
}

function readRef(value: unknown, field: string, key: string, notes: string[]): SecretKeyRef {
  const ref = readObject(value, field, ['name', 'namespace'], notes)
  const name = textOf(ref, 'name')
  if (name === undefined) throw new TypeError(`${field}.name is missing`)
  return { name, namespace: textOf(ref, 'namespace'), key }
}

/** The members that are there. Those that nobody knows are told, in the first lines of `notes`. */
function readObject(value: unknown, field: string, known: readonly string[], notes: string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${field} must be an object; got ${typeName(value)}`)
  const foreign = Object.keys(value).filter((name) => !known.includes(name))
  for (const name of foreign.slice(0, 8)) notes.push(`${field} has an unknown field ${quote(name, 64)}`)
  if (foreign.length > 8) notes.push(`${field} has ${foreign.length - 8} more unknown fields`)
  return new Map(
    known.map((name) => [name, Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined]),
  )
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null

/** A text; absent where it is empty, as proto writes what is not set. */
function textOf(fields: Fields, name: string): string | undefined {
  const value = fields.get(name)
  if (!isSet(value) || value === '') return undefined
  if (typeof value !== 'string')
    throw new TypeError(`vault: ${name} must be a string; got ${typeName(value)}`)
  return value
}
