/**
 * The ConfigMap by which istiod hands CRLs to every namespace.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { CertificateList, type CertificateListInput } from '../../x509/certificate-list.ts'
import { isRecord, recordAt } from '../objects/kube-object.ts'
import { ConfigMapName, DataKey, ISTIO_CONFIG_LABEL } from '../objects/names.ts'
import type { ConfigMapLike } from '../objects/secret-like.ts'
import { objectName, within } from './secret-reader.ts'
import { checkSize, chooseName } from './secret-writer.ts'

/** Where the ConfigMap is to stand. */
export interface CrlConfigMapOptions {
  /** Needed unless the base has it. */
  readonly namespace?: string | undefined
  /** `'istio-ca-crl'` by default (istiod's `PILOT_CRL_CONFIGMAP`). */
  readonly name?: string | undefined
}

/**
 * Makes an `istio-ca-crl` ConfigMap, or a new version of one: the key `ca-crl.pem`, and the label
 * `istio.io/config: "true"`. What else the base has is kept.
 *
 * **Warning**: Envoy refuses every certificate below a CA of the chain that has no CRL, once there is one for another.
 *
 * @throws `MeshPkiError`: `ERR_KUBERNETES_CONFIG_MAP` without a CRL or with more data than an API server takes; the codes
 * of `CertificateList.listFromPem`; `TypeError` for an unknown or missing option.
 *
 * @example
 * ```ts
 * import { encodeCrlConfigMap } from 'mesh-pki/kubernetes'
 *
 * declare const crls: string
 * const configMap = encodeCrlConfigMap(crls, { namespace: 'shop' })
 * ```
 */
export function encodeCrlConfigMap(
  crls: CertificateListInput | readonly CertificateListInput[],
  options: CrlConfigMapOptions,
  base?: ConfigMapLike,
): ConfigMapLike {
  checkOptionNames(options, ['namespace', 'name'], 'encodeCrlConfigMap')
  const name = chooseName('name', options.name, base, ConfigMapName.istioCrl)
  const namespace = chooseName('namespace', options.namespace, base, undefined)
  const where = `ConfigMap ${objectName({ name, namespace })}`
  const lists = toLists(crls)
  if (lists.length === 0)
    throw new MeshPkiError(
      'ERR_KUBERNETES_CONFIG_MAP',
      `${where}: "crls" is empty; delete the ConfigMap where nothing is revoked by CRLs`,
    )
  const data = { ...base?.data, [DataKey.caCrl]: lists.map((list) => list.toPem()).join('') }
  const encoder = new TextEncoder()
  checkSize(
    'ERR_KUBERNETES_CONFIG_MAP',
    where,
    Object.values(data).map((text) => encoder.encode(text).length),
  )
  return {
    ...base,
    apiVersion: base?.apiVersion ?? 'v1',
    kind: base?.kind ?? 'ConfigMap',
    metadata: {
      ...base?.metadata,
      name,
      namespace,
      labels: { ...base?.metadata?.labels, [ISTIO_CONFIG_LABEL]: 'true' },
    },
    data,
  }
}

/**
 * Reads the CRLs out of an `istio-ca-crl` ConfigMap, in order.
 *
 * @throws `MeshPkiError`: `ERR_KUBERNETES_CONFIG_MAP` when `ca-crl.pem` is missing or is not text, and the codes of
 * `CertificateList.listFromPem`, with ConfigMap and key in front of the message.
 *
 * @example
 * ```ts
 * import { type ConfigMapLike, decodeCrlConfigMap } from 'mesh-pki/kubernetes'
 *
 * declare const configMap: ConfigMapLike
 * for (const crl of decodeCrlConfigMap(configMap)) console.log(String(crl.issuer), crl.nextUpdate)
 * ```
 */
export function decodeCrlConfigMap(configMap: ConfigMapLike): readonly CertificateList[] {
  const given: unknown = configMap
  if (!isRecord(given))
    throw new TypeError(`decodeCrlConfigMap takes a ConfigMap object; got ${typeName(given)}`)
  const name = objectName(configMap.metadata)
  const where = `ConfigMap ${name}, key "${DataKey.caCrl}"`
  const value = recordAt(given, 'data')[DataKey.caCrl]
  const facts = { configMap: name, key: DataKey.caCrl }
  if (typeof value !== 'string')
    throw new MeshPkiError(
      'ERR_KUBERNETES_CONFIG_MAP',
      `${where}: ${value === undefined ? 'missing' : `expected text, found ${typeName(value)}`}. Is this the ConfigMap in which istiod distributes CRLs?`,
      { data: facts },
    )
  return within(where, facts, () => Object.freeze([...CertificateList.listFromPem(value)]))
}

function toLists(crls: CertificateListInput | readonly CertificateListInput[]): readonly CertificateList[] {
  const items: readonly CertificateListInput[] = isList(crls) ? crls : [crls]
  return items.flatMap((item): readonly CertificateList[] => {
    if (item instanceof CertificateList) return [item]
    if (typeof item === 'string') return CertificateList.listFromPem(item)
    if (item instanceof Uint8Array) return [CertificateList.fromDer(item)]
    throw new TypeError(
      `"crls" must hold CRLs: PEM (string), DER (Uint8Array) or CertificateList values; got ${typeName(item)}`,
    )
  })
}

function isList(
  input: CertificateListInput | readonly CertificateListInput[],
): input is readonly CertificateListInput[] {
  return Array.isArray(input)
}
