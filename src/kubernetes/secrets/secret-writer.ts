/**
 * Puts values into a secret and leaves everything else in it as it is.
 *
 * @module
 */

import { ISTIO_KEY_LABELS } from '../../ca/lint/istio-key-labels.ts'
import { MeshPkiError } from '../../errors.ts'
import { encodeBase64 } from '../../internal/base64.ts'
import { quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { ObjectMetaLike, SecretLike } from '../objects/secret-like.ts'
import { SealedPem } from './sealed-pem.ts'
import { endLine, objectName } from './secret-reader.ts'

/** The API server takes no more data in one Secret or ConfigMap. */
const MAX_DATA_BYTES = 1_048_576

/** What is to be written. */
interface SecretContent {
  readonly name: string
  readonly namespace: string
  /** The type of a new secret. */
  readonly type: string
  /** Text by key. */
  readonly entries: Readonly<Record<string, string>>
  /** Keys to take out. */
  readonly drop?: readonly string[]
}

/** Makes the secret. @throws `MeshPkiError` `ERR_KUBERNETES_SECRET_DATA` for one that no API server takes. */
export function writeSecret(
  { name, namespace, type, entries, drop = [] }: SecretContent,
  base: SecretLike = {},
): SecretLike {
  const { stringData, ...rest } = base
  const touched = new Set([...Object.keys(entries), ...drop])
  const keep = (values: Readonly<Record<string, string>> | undefined) =>
    Object.entries(values ?? {}).filter(([key]) => !touched.has(key))
  const encoder = new TextEncoder()
  const data = Object.fromEntries([
    ...keep(base.data),
    ...Object.entries(entries).map(([key, text]) => [key, encodeBase64(encoder.encode(text))] as const),
  ])
  const plain = keep(stringData)
  checkSize('ERR_KUBERNETES_SECRET_DATA', `Secret ${objectName({ name, namespace })}`, [
    ...Object.values(data).map((value) => Math.floor((value.length * 3) / 4)),
    ...plain.map(([, value]) => encoder.encode(value).length),
  ])
  return {
    ...rest,
    apiVersion: base.apiVersion ?? 'v1',
    kind: base.kind ?? 'Secret',
    metadata: { ...base.metadata, name, namespace },
    type: base.type ?? type,
    data,
    ...(plain.length === 0 ? {} : { stringData: Object.fromEntries(plain) }),
  }
}

/** Refuses what no API server takes. */
export function checkSize(
  code: 'ERR_KUBERNETES_CONFIG_MAP' | 'ERR_KUBERNETES_SECRET_DATA',
  where: string,
  sizes: readonly number[],
): void {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= MAX_DATA_BYTES) return
  throw new MeshPkiError(
    code,
    `${where}: ${total} bytes of data; the API server takes at most ${MAX_DATA_BYTES}. Leave ` +
      'certificates out that nobody needs any more',
  )
}

/** The name to write: the option, else that of the base, else a default. No object is renamed. */
export function chooseName(
  field: 'name' | 'namespace',
  option: string | undefined,
  base: { readonly metadata?: ObjectMetaLike | undefined } | undefined,
  fallback: string | undefined,
): string {
  if (option !== undefined && (typeof option !== 'string' || option === '')) {
    throw new TypeError(
      `option "${field}" must be a string that is not empty; got ` +
        `${typeof option === 'string' ? '""' : typeof option}`,
    )
  }
  const existing = base?.metadata?.[field]
  if (option !== undefined && existing !== undefined && option !== existing) {
    throw new TypeError(
      `option "${field}" is ${quote(option)}, but the base object has ${quote(String(existing))}; ` +
        'an object cannot be renamed',
    )
  }
  const chosen = option ?? existing ?? fallback
  if (chosen === undefined) throw new TypeError(`option "${field}" is needed`)
  return chosen
}

/** PEM of certificates, one after the other. */
export function pemOf(certificates: readonly Certificate[]): string {
  return certificates.map((certificate) => certificate.toPem()).join('')
}

/** PEM of a key that Istio reads. @throws `MeshPkiError` as `SealedPem.parse`, `ERR_PEM_LABEL` for others. */
export function pemOfKey(key: SealedPem | string): string {
  const sealed = key instanceof SealedPem ? key : SealedPem.parse(key)
  const { labels } = sealed
  if (labels.length !== 1 || !ISTIO_KEY_LABELS.includes(sealed.label)) {
    throw new MeshPkiError(
      'ERR_PEM_LABEL',
      `private key: expected one PEM block ${ISTIO_KEY_LABELS.join(' or ')}, found ` +
        `${labels.join(' and ')}; Istio refuses that. Convert it with: openssl pkcs8 -topk8 ` +
        '-nocrypt -in old.pem -out new.pem',
      { data: { expected: ISTIO_KEY_LABELS, found: labels } },
    )
  }
  return endLine(sealed.reveal())
}

/** Refuses certificates that sign nothing where CAs belong. */
export function checkCas(certificates: readonly Certificate[], option: string): readonly Certificate[] {
  for (const [index, certificate] of certificates.entries()) {
    if (certificate.isCa) continue
    const which = certificates.length === 1 ? '' : ` (certificate ${index + 1})`
    throw new MeshPkiError(
      'ERR_CA_NOT_CA',
      `"${option}"${which}: the certificate of ${quote(String(certificate.subject))} is not a ` +
        `CA's: it has no basic constraints with cA TRUE (RFC 5280 §4.2.1.9). Put a CA certificate ` +
        'here',
      { data: { option, index } },
    )
  }
  return certificates
}
