/**
 * That a root was made, noted beside its secret: so that a root which got lost is missed, and not made anew.
 *
 * @module
 */

import { instantText } from '../../internal/instant-text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { apiVersionOf, KubeResources } from '../api/kube-resource.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, type NamespacedName, recordAt, textAt } from '../objects/kube-object.ts'
import { DataKey } from '../objects/names.ts'

/**
 * The ConfigMap that notes the root in a secret: `<secret>.record`, in the same namespace.
 *
 * @example
 * ```ts
 * import { rootRecordName } from 'mesh-pki/kubernetes'
 *
 * console.log(rootRecordName({ namespace: 'mesh-pki', name: 'root-trust-policy.mesh-pki' }).name)
 * ```
 */
export function rootRecordName({ namespace, name }: NamespacedName): NamespacedName {
  return { namespace, name: `${name}.record` }
}

/** The member that names the root. */
const FINGERPRINT = 'sha256'

/** Makes the note. It holds the certificate, and nothing secret; it is immutable, as the root is. */
export function encodeRootRecord(
  secret: NamespacedName,
  certificate: Certificate,
  owner: string,
): KubeObject {
  return {
    apiVersion: apiVersionOf(KubeResources.configMaps),
    kind: KubeResources.configMaps.kind,
    metadata: { ...rootRecordName(secret), labels: { [FederationMark.owner]: owner } },
    immutable: true,
    data: {
      [FINGERPRINT]: certificate.fingerprint(),
      notAfter: instantText(certificate.notAfter.getTime()),
      [DataKey.rootCert]: certificate.toPem(),
    },
  }
}

/** The fingerprint (SHA-256) of the root that was noted; `undefined` where it cannot be read. */
export function readRootRecord(object: KubeObject): string | undefined {
  const text = textAt(recordAt(object, 'data'), FINGERPRINT)
  return text !== undefined && /^[0-9a-f]{64}$/.test(text) ? text : undefined
}
