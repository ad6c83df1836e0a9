/**
 * Secrets of the relay between the agents of Gloo Mesh and its management server: what they hold, and reading them.
 *
 * @module
 */

import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import type { Certificate, ReadCertificateOptions } from '../../x509/certificate.ts'
import { DataKey, SecretName } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import type { SealedPem } from './sealed-pem.ts'
import { SealedToken } from './sealed-token.ts'
import { findDuplicateRoots, findKeyFindings, type SecretFinding } from './secret-finding.ts'
import { SecretReader, within } from './secret-reader.ts'

/**
 * `root`: what agents verify the server by. `server`: its certificate. `signing`: the CA that signs agents. `client`: the
 * certificate of an agent. `identity-token`: what an agent shows the first time; `forwarding-identity-token`: the same
 * for a relay in between.
 */
export type RelayRole = 'root' | RelayPairRole | RelayTokenRole

/** Roles with a certificate and its key. */
export type RelayPairRole = 'server' | 'signing' | 'client'

/** Roles with a token. */
export type RelayTokenRole = 'identity-token' | 'forwarding-identity-token'

/** `relay-root-tls-secret`. */
export interface RelayRootSecret {
  readonly role: 'root'
  readonly roots: readonly Certificate[]
  /** The key of the root. It does not belong there: the secret is copied to every cluster. */
  readonly privateKey?: SealedPem | undefined
  readonly findings: readonly SecretFinding[]
}

/** `relay-server-tls-secret`, `relay-tls-signing-secret`, `relay-client-tls-secret`. */
export interface RelayPairSecret {
  readonly role: RelayPairRole
  readonly certificate: Certificate
  /** All of `tls.crt`, the certificate first. */
  readonly chain: readonly Certificate[]
  /** `ca.crt`. */
  readonly roots: readonly Certificate[]
  readonly privateKey: SealedPem
  readonly findings: readonly SecretFinding[]
}

/** `relay-identity-token-secret`, `relay-forwarding-identity-token-secret`. */
export interface RelayTokenSecret {
  readonly role: RelayTokenRole
  readonly token: SealedToken
  readonly findings: readonly SecretFinding[]
}

/** A secret of the relay. */
export type RelaySecret = RelayRootSecret | RelayPairSecret | RelayTokenSecret

/** Options of {@link decodeRelaySecret}. */
export interface DecodeRelaySecretOptions extends ReadCertificateOptions {
  /** What the secret is for, where its name is not the usual one. */
  readonly role?: RelayRole | undefined
}

/** The usual name of each. */
export const RELAY_NAMES: Readonly<Record<RelayRole, string>> = {
  root: SecretName.relayRoot,
  server: SecretName.relayServer,
  signing: SecretName.relaySigning,
  client: SecretName.relayClient,
  'identity-token': SecretName.relayIdentityToken,
  'forwarding-identity-token': SecretName.relayForwardingIdentityToken,
}

/** Every role. */
export const RELAY_ROLES: readonly RelayRole[] = [
  'root',
  'server',
  'signing',
  'client',
  'identity-token',
  'forwarding-identity-token',
]

/** Whether a role is one with a token. */
export const isTokenRole = (role: RelayRole): role is RelayTokenRole =>
  role === 'identity-token' || role === 'forwarding-identity-token'

const PAIR_KEYS: readonly string[] = [DataKey.tlsCert, DataKey.tlsKey, DataKey.tlsCa]

/**
 * Reads a secret of Gloo Mesh's relay; its name tells which one it is, or the option `role`.
 *
 * Nothing is verified: whether key and certificate belong together, and who may be called what, `lintCacerts` says.
 *
 * @throws `MeshPkiError`: `ERR_KUBERNETES_SECRET_LAYOUT` for another secret, `ERR_KUBERNETES_INCOMPLETE_SECRET` when a
 * key is missing, `ERR_KUBERNETES_SECRET_DATA` for a value that cannot be read; and the codes of
 * `Certificate.listFromPem` and `SealedPem.parse`, with secret and key in front. No error shows a key or a token.
 *
 * @example
 * ```ts
 * import { decodeRelaySecret, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * const relay = decodeRelaySecret(secret)
 * if (relay.role === 'client') console.log(relay.certificate.subjectAltNames) // the name of the cluster
 * if (relay.role === 'identity-token') console.log(relay.token) // [sealed token]
 * ```
 */
export function decodeRelaySecret(secret: SecretLike, options: DecodeRelaySecretOptions = {}): RelaySecret {
  checkOptionNames(options, ['role', 'leniency'], 'decodeRelaySecret')
  const reader = new SecretReader(secret, 'decodeRelaySecret')
  const role =
    options.role === undefined
      ? RELAY_ROLES.find((each) => RELAY_NAMES[each] === secret.metadata?.name)
      : checkOneOf(options.role, RELAY_ROLES, 'role')
  if (role === undefined)
    throw reader.wrongLayout(
      `its name is none of the relay's, ${Object.values(RELAY_NAMES).join(', ')}; say what it is for by the option "role"`,
    )
  const read = options.leniency === undefined ? undefined : { leniency: options.leniency }
  if (isTokenRole(role)) return readToken(reader, role)
  return role === 'root' ? readRoot(reader, read) : readPair(reader, role, read)
}

function readToken(reader: SecretReader, role: RelayTokenRole): RelayTokenSecret {
  reader.require([DataKey.token], 'The relay shows it the first time')
  const text = reader.text(DataKey.token)
  const token = within(`${reader.where}, key "${DataKey.token}"`, { key: DataKey.token }, () =>
    SealedToken.parse(text),
  )
  return Object.freeze({ role, token, findings: Object.freeze([]) })
}

function readRoot(reader: SecretReader, options: ReadCertificateOptions | undefined): RelayRootSecret {
  reader.require([DataKey.tlsCa], 'Agents verify the relay server by it')
  const roots = reader.certificates(DataKey.tlsCa, options)
  const privateKey = reader.isFilled(DataKey.tlsKey) ? reader.privateKey(DataKey.tlsKey) : undefined
  const findings: SecretFinding[] = [...findDuplicateRoots(roots, DataKey.tlsCa)]
  if (privateKey !== undefined)
    findings.push({
      code: 'root-key-present',
      key: DataKey.tlsKey,
      message: `${DataKey.tlsKey} holds the key of the root beside ${DataKey.tlsCa}; verifying needs the certificate alone, and this secret is copied to every cluster. Delete it there, and replace the root if others could read it`,
    })
  return Object.freeze({
    role: 'root',
    roots,
    ...(privateKey === undefined ? {} : { privateKey }),
    findings: Object.freeze(findings),
  })
}

function readPair(
  reader: SecretReader,
  role: RelayPairRole,
  options: ReadCertificateOptions | undefined,
): RelayPairSecret {
  reader.require(PAIR_KEYS, 'The relay reads all three')
  const chain = reader.certificates(DataKey.tlsCert, options)
  const [certificate] = chain
  if (certificate === undefined) throw reader.wrongLayout('no certificate')
  const roots = reader.certificates(DataKey.tlsCa, options)
  const privateKey = reader.privateKey(DataKey.tlsKey)
  return Object.freeze({
    role,
    certificate,
    chain,
    roots,
    privateKey,
    findings: Object.freeze([
      ...findKeyFindings(privateKey, DataKey.tlsKey),
      ...findDuplicateRoots(roots, DataKey.tlsCa),
    ]),
  })
}
