/**
 * The ConfigMap by which istiod hands the trust anchors to every namespace.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import type { Certificate, ReadCertificateOptions } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import { ConfigMapName, DataKey, ISTIO_CONFIG_LABEL } from '../objects/names.ts'
import type { ConfigMapLike } from '../objects/secret-like.ts'
import { objectName, readCertificates, within } from './secret-reader.ts'
import { checkCas, checkSize, chooseName, pemOf } from './secret-writer.ts'

/** Where the ConfigMap is to stand. */
export interface RootConfigMapOptions {
  /** Needed unless the base has it. */
  readonly namespace?: string | undefined
  /** `'istio-ca-root-cert'` by default (istiod's `PILOT_CA_CERT_CONFIGMAP`). */
  readonly name?: string | undefined
}

/**
 * Makes an `istio-ca-root-cert` ConfigMap, or a new version of one.
 *
 * Like istiod it writes the key `root-cert.pem` and the label `istio.io/config: "true"`, and keeps what else
 * the base has.
 *
 * @throws `MeshPkiError`: `ERR_CA_NOT_CA` for a certificate that is no CA's (RFC 5280 §4.2.1.9),
 * `ERR_KUBERNETES_CONFIG_MAP` without a certificate or with more data than an API server takes;
 * `TypeError` for an unknown or missing option.
 *
 * @example
 * ```ts
 * import { encodeRootConfigMap } from 'mesh-pki/kubernetes'
 *
 * declare const roots: string
 * const configMap = encodeRootConfigMap(roots, { namespace: 'shop' })
 * console.log(configMap.metadata?.name) // istio-ca-root-cert
 * ```
 */
export function encodeRootConfigMap(
  roots: CertificateInput | readonly CertificateInput[],
  options: RootConfigMapOptions,
  base?: ConfigMapLike,
): ConfigMapLike {
  checkOptionNames(options, ['namespace', 'name'], 'encodeRootConfigMap')
  const name = chooseName('name', options.name, base, ConfigMapName.istioRoot)
  const namespace = chooseName('namespace', options.namespace, base, undefined)
  const where = `ConfigMap ${objectName({ name, namespace })}`
  const certificates = checkCas(toCertificates(roots, 'roots'), 'roots')
  if (certificates.length === 0) {
    throw new MeshPkiError(
      'ERR_KUBERNETES_CONFIG_MAP',
      `${where}: "roots" is empty; proxies would trust nobody. Give at least one trust anchor`,
    )
  }
  const data = { ...base?.data, [DataKey.rootCert]: pemOf(certificates) }
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
 * Reads the trust anchors out of an `istio-ca-root-cert` ConfigMap, in order.
 *
 * @throws `MeshPkiError`: `ERR_KUBERNETES_CONFIG_MAP` when `root-cert.pem` is missing or is not text, and
 * the codes of `Certificate.listFromPem`, with ConfigMap and key in front of the message.
 *
 * @example
 * ```ts
 * import { type ConfigMapLike, decodeRootConfigMap } from 'mesh-pki/kubernetes'
 *
 * declare const configMap: ConfigMapLike
 * for (const root of decodeRootConfigMap(configMap)) console.log(String(root.subject), root.fingerprint())
 * ```
 */
export function decodeRootConfigMap(
  configMap: ConfigMapLike,
  options?: ReadCertificateOptions,
): readonly Certificate[] {
  if (configMap === null || typeof configMap !== 'object' || Array.isArray(configMap)) {
    throw new TypeError(
      'decodeRootConfigMap takes a ConfigMap object; got ' +
        `${configMap === null ? 'null' : Array.isArray(configMap) ? 'an array' : typeof configMap}`,
    )
  }
  const name = objectName(configMap.metadata)
  const where = `ConfigMap ${name}, key "${DataKey.rootCert}"`
  const data: unknown = configMap.data ?? {}
  const value: unknown =
    typeof data === 'object' && data !== null
      ? Object.entries(data).find(([key]) => key === DataKey.rootCert)?.[1]
      : undefined
  if (typeof value !== 'string') {
    const present =
      typeof data === 'object' && data !== null
        ? Object.keys(data)
            .slice(0, 16)
            .map((key) => escapeText(key, 64))
            .join(', ')
        : ''
    const problem =
      value === undefined
        ? `missing; present: ${present === '' ? 'no key' : present}`
        : `expected text, found ${value === null ? 'null' : typeof value}`
    throw new MeshPkiError(
      'ERR_KUBERNETES_CONFIG_MAP',
      `${where}: ${problem}. Is this the ConfigMap that istiod writes?`,
      {
        data: { configMap: name, key: DataKey.rootCert },
      },
    )
  }
  return within(where, { configMap: name, key: DataKey.rootCert }, () => readCertificates(value, options))
}
