/**
 * How a Secret of the relay shows that it was made here.
 *
 * @module
 */

import type { Certificate } from '../../x509/certificate.ts'
import { MESH_PKI_GROUP } from '../objects/api-group.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import type { ObjectMetaLike } from '../objects/secret-like.ts'

/** Label of what was made here. */
const MADE = `${MESH_PKI_GROUP}/relay`
/** Which certificate was made: labels outlive what somebody else puts into a Secret, as `kubectl apply` does. */
const CERTIFICATE = `${MESH_PKI_GROUP}/relay-certificate`

/** What a relay's server makes. */
export const MADE_LABELS: Readonly<Record<string, string>> = { [MADE]: 'server' }

/** The annotation of a pair with this certificate. */
export const annotationOf = (certificate: Certificate): Readonly<Record<string, string>> => ({
  [CERTIFICATE]: certificate.fingerprint(),
})

/** Whether a pair is still the one that was made here. Only such a pair is ever renewed. */
export function isMadePair({ metadata }: KubeObject, certificate: Certificate): boolean {
  const { labels, annotations }: ObjectMetaLike = metadata
  return labels?.[MADE] !== undefined && annotations?.[CERTIFICATE] === certificate.fingerprint()
}
