/**
 * The forms in which istiod finds its plug-in CA.
 *
 * @module
 */

import { DataKey } from '../objects/names.ts'

/**
 * `istio`: four keys. `istio-legacy`: a fifth, empty `key.pem`, as Gloo Mesh before 1.1 and istiod itself
 * write it. `tls`: `kubernetes.io/tls` with `ca.crt`, since Istio 1.15.
 */
export type CacertsLayout = 'istio' | 'istio-legacy' | 'tls'

/** Every layout. */
export const CACERTS_LAYOUTS: readonly CacertsLayout[] = ['istio', 'istio-legacy', 'tls']

/** The keys that Istio's own form must have. */
export const ISTIO_KEYS: readonly string[] = [
  DataKey.caCert,
  DataKey.caKey,
  DataKey.certChain,
  DataKey.rootCert,
]

/** The keys that the `kubernetes.io/tls` form must have. */
export const TLS_KEYS: readonly string[] = [DataKey.tlsCert, DataKey.tlsKey, DataKey.tlsCa]

/** Keys of which one is enough to tell that `cacerts` is meant; a root secret has `root-cert.pem` too. */
const ISTIO_SIGNER_KEYS: readonly string[] = [DataKey.caCert, DataKey.caKey, DataKey.certChain]

/** The layout by the keys that are there, as istiod chooses; `undefined` for another kind of secret. */
export function detectCacertsLayout(has: (key: string) => boolean): CacertsLayout | undefined {
  if (has(DataKey.tlsCert)) return 'tls'
  if (ISTIO_SIGNER_KEYS.some(has)) return has(DataKey.key) ? 'istio-legacy' : 'istio'
  return has(DataKey.rootCert) && !has(DataKey.key) ? 'istio' : undefined
}
