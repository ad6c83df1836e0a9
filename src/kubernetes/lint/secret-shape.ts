/**
 * Which kind of secret it is, as far as a lint goes: by type and name where they tell, else by its keys.
 *
 * @module
 */

import { DataKey, SecretName, SecretType } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import type { SecretReader } from '../secrets/secret-reader.ts'

/**
 * `cacerts`: the four keys of Istio's plug-in CA. `tls`: the same as `kubernetes.io/tls`. `istio-root`: istiod's own CA.
 * `gloo-root`: a root CA in the four keys, as Gloo Mesh makes and reads it. `gloo-legacy-root`: `root-cert.pem` and `key.pem`. `relay`: a pair for TLS with `ca.crt`, as the relay of
 * Gloo Mesh and cert-manager's leaves have. `roots`: `ca.crt` alone, perhaps with its key. `token`, `agent-key`: no
 * certificate in it.
 */
export type SecretShape =
  | 'cacerts'
  | 'tls'
  | 'istio-root'
  | 'gloo-root'
  | 'gloo-legacy-root'
  | 'relay'
  | 'roots'
  | 'token'
  | 'agent-key'

/** The data key of the relay's bootstrap token. */
const TOKEN = 'token'

const ISTIO_PARTS: readonly string[] = [DataKey.caCert, DataKey.caKey, DataKey.certChain, DataKey.rootCert]
const TLS_PARTS: readonly string[] = [DataKey.tlsCert, DataKey.tlsKey, DataKey.tlsCa]

/** The shape; `undefined` for a secret that is none of these. `isFilled`: whether a key is there and not blank. */
export function secretShapeOf(
  reader: SecretReader,
  { metadata }: SecretLike,
  isFilled: (key: string) => boolean,
): SecretShape | undefined {
  const has = (key: string): boolean => reader.has(key)
  const name = metadata?.name
  if (reader.type === SecretType.istioCaRoot || name === SecretName.istioCa) return 'istio-root'
  if (reader.type === SecretType.glooGeneratedRoot)
    return has(DataKey.caCert) ? 'gloo-root' : 'gloo-legacy-root'
  if (name === SecretName.cacerts) return has(DataKey.tlsCert) ? 'tls' : 'cacerts'
  if (TLS_PARTS.some(has)) {
    if (!has(DataKey.tlsCert)) return has(DataKey.tlsCa) ? 'roots' : undefined
    return typeof name === 'string' && name.startsWith('relay-') ? 'relay' : 'tls'
  }
  if (has(DataKey.rootCert) && isFilled(DataKey.key) && !has(DataKey.caCert) && !has(DataKey.caKey))
    return 'gloo-legacy-root'
  if (ISTIO_PARTS.some(has)) return 'cacerts'
  if (has(DataKey.privateKey)) return 'agent-key'
  return has(TOKEN) ? 'token' : undefined
}
