/**
 * Writes the secrets of Gloo Mesh's relay.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import { type CertificateInput, toCertificate, toCertificates } from '../../x509/certificate-input.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import { DataKey, SecretType } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import {
  isTokenRole,
  RELAY_NAMES,
  RELAY_ROLES,
  type RelayPairRole,
  type RelayTokenRole,
} from './relay-secret.ts'
import type { SealedPem } from './sealed-pem.ts'
import { SealedToken } from './sealed-token.ts'
import { checkCas, chooseName, pemOf, pemOfKey, writeSecret } from './secret-writer.ts'

/** Where a secret of the relay is to stand. */
export interface RelayPlace {
  /** The usual one by default, or that of the base. */
  readonly name?: string | undefined
  /** `'gloo-mesh'` by default, or that of the base. */
  readonly namespace?: string | undefined
}

/** What {@link encodeRelaySecret} writes. What `decodeRelaySecret` returns fits. */
export type RelaySecretInput = RelayPlace &
  (
    | {
        readonly role: 'root'
        readonly roots: CertificateInput | readonly CertificateInput[]
      }
    | {
        readonly role: RelayPairRole
        /** A CA's for `signing`, and none for the others. */
        readonly certificate: CertificateInput
        /** What is sent: the certificate first. The certificate alone by default. */
        readonly chain?: CertificateInput | readonly CertificateInput[] | undefined
        readonly roots: CertificateInput | readonly CertificateInput[]
        readonly privateKey: SealedPem | string
      }
    | { readonly role: RelayTokenRole; readonly token: SealedToken | string }
  )

const PLACE = ['role', 'name', 'namespace', 'findings']
type TokenInput = Extract<RelaySecretInput, { readonly token: unknown }>
type RootInput = Extract<RelaySecretInput, { readonly role: 'root' }>

const isToken = (input: RelaySecretInput): input is TokenInput => isTokenRole(input.role)
const isRoot = (input: RelaySecretInput): input is RootInput => input.role === 'root'

/** The namespace of Gloo Mesh where nobody chose another. */
const GLOO_NAMESPACE = 'gloo-mesh'

/**
 * Makes a secret of Gloo Mesh's relay, or a new version of one.
 *
 * With `base`, its metadata, its type and every other data key stay as they are. The key of the root is never written
 * beside it, and taken out of a base that has it: the secret is copied to every cluster. Whether key and certificate
 * belong together is not checked.
 *
 * @throws `MeshPkiError`: `ERR_CA_NOT_CA` for a root or a signing CA that is none,
 * `ERR_KUBERNETES_SECRET_LAYOUT` for a CA certificate as server or client, `ERR_PEM_…` and `ERR_KEY_FORMAT` for the key,
 * `ERR_KUBERNETES_INCOMPLETE_SECRET` without roots, `ERR_KUBERNETES_SECRET_DATA` for a token that is none and for more
 * data than an API server takes; `TypeError` for an unknown option.
 *
 * @example
 * ```ts
 * import { encodeRelaySecret } from 'mesh-pki/kubernetes'
 *
 * declare const certificate: string, privateKey: string, roots: string
 * const secret = encodeRelaySecret({ role: 'client', certificate, privateKey, roots })
 * console.log(secret.metadata?.name) // relay-client-tls-secret
 * ```
 */
export function encodeRelaySecret(input: RelaySecretInput, base?: SecretLike): SecretLike {
  const role = checkOneOf(input?.role, RELAY_ROLES, 'role')
  const place = {
    name: chooseName('name', input.name, base, RELAY_NAMES[role]),
    namespace: chooseName('namespace', input.namespace, base, GLOO_NAMESPACE),
    type: SecretType.opaque,
  }
  if (isToken(input)) {
    checkOptionNames(input, [...PLACE, 'token'], 'encodeRelaySecret')
    const token = input.token instanceof SealedToken ? input.token : SealedToken.parse(input.token)
    return writeSecret({ ...place, entries: { [DataKey.token]: token.reveal() } }, base)
  }
  const roots = checkCas(toCertificates(input.roots, 'roots'), 'roots')
  if (roots.length === 0)
    throw new MeshPkiError(
      'ERR_KUBERNETES_INCOMPLETE_SECRET',
      `Secret ${place.namespace}/${place.name}: "roots" is empty; expected at least one trust anchor, the other side could not be verified`,
    )
  if (isRoot(input)) {
    checkOptionNames(input, [...PLACE, 'roots', 'privateKey'], 'encodeRelaySecret')
    return writeSecret({ ...place, entries: { [DataKey.tlsCa]: pemOf(roots) }, drop: [DataKey.tlsKey] }, base)
  }
  checkOptionNames(input, [...PLACE, 'certificate', 'chain', 'roots', 'privateKey'], 'encodeRelaySecret')
  const certificate = toCertificate(input.certificate, 'certificate')
  if (input.role === 'signing') checkCas([certificate], 'certificate')
  else if (certificate.isCa)
    throw new MeshPkiError(
      'ERR_KUBERNETES_SECRET_LAYOUT',
      `Secret ${place.namespace}/${place.name}: ${certificateLabel(certificate)} is a CA's certificate, and this secret is for the ${input.role} itself: was ca.crt put into tls.crt? Issue one below the CA`,
    )
  const given = input.chain === undefined ? [certificate] : toCertificates(input.chain, 'chain')
  const chain = given[0]?.equals(certificate) === true ? given : [certificate, ...given]
  checkCas(chain.slice(1), 'chain')
  const entries = {
    [DataKey.tlsCert]: pemOf(chain),
    [DataKey.tlsKey]: pemOfKey(input.privateKey),
    [DataKey.tlsCa]: pemOf(roots),
  }
  return writeSecret({ ...place, entries }, base)
}
