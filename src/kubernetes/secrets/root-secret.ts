/**
 * Secrets of root CAs: Gloo Mesh's in both forms, and the one that istiod makes for itself.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import type { Certificate, ReadCertificateOptions } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate, toCertificates } from '../../x509/certificate-input.ts'
import { DataKey, ISTIO_NAMESPACE, SecretName, SecretType } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { ISTIO_KEYS } from './cacerts-layout.ts'
import type { SealedPem } from './sealed-pem.ts'
import { findDuplicateRoots, findKeyFindings, type SecretFinding } from './secret-finding.ts'
import { objectName, SecretReader } from './secret-reader.ts'
import { checkCas, chooseName, pemOf, pemOfKey, writeSecret } from './secret-writer.ts'

/**
 * `gloo-legacy`: `root-cert.pem` and `key.pem`. `gloo`: the four keys of Istio. `istio-self-signed`:
 * `istio-ca-secret`, five keys of which the last two, and in old releases `root-cert.pem`, are empty.
 */
export type RootSecretLayout = 'gloo-legacy' | 'gloo' | 'istio-self-signed'

/** What stands in the secret of a root CA. */
export interface RootSecret {
  readonly layout: RootSecretLayout
  /** The certificate that signs. */
  readonly certificate: Certificate
  /** What `cert-chain.pem` holds; empty where there is none. */
  readonly chain: readonly Certificate[]
  /** The trust anchors. */
  readonly roots: readonly Certificate[]
  readonly privateKey: SealedPem
  readonly findings: readonly SecretFinding[]
}

/** What {@link encodeRootSecret} writes. What {@link decodeRootSecret} returns fits. */
export interface RootSecretInput {
  readonly certificate: CertificateInput
  /** In `gloo` the certificate by default, else nothing. */
  readonly chain?: CertificateInput | readonly CertificateInput[] | undefined
  /** The certificate by default. */
  readonly roots?: CertificateInput | readonly CertificateInput[] | undefined
  readonly privateKey: SealedPem | string
}

/** Which secret it becomes. Only `istio-ca-secret` has a name of its own. */
export type EncodeRootSecretOptions =
  | { readonly layout: 'gloo-legacy' | 'gloo'; readonly name: string; readonly namespace: string }
  | {
      readonly layout: 'istio-self-signed'
      readonly name?: string | undefined
      readonly namespace?: string | undefined
    }

const LAYOUTS: readonly RootSecretLayout[] = ['gloo-legacy', 'gloo', 'istio-self-signed']
const ISSUED_TYPES: readonly (string | undefined)[] = [SecretType.glooIssued, SecretType.smhIssued]

/**
 * Reads the secret of a root CA in any of its layouts.
 *
 * The type `istio.io/ca-root` decides for istiod's own, else the keys decide. Exactly one layout must be
 * there: a secret with two private keys is refused. An empty `root-cert.pem` of istiod's
 * stands for `ca-cert.pem`, as in istiod.
 *
 * @throws `MeshPkiError` as {@link decodeCacerts}; `ERR_KUBERNETES_SECRET_LAYOUT` also for an issued CA.
 *
 * @example
 * ```ts
 * import { decodeRootSecret, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * const root = decodeRootSecret(secret)
 * console.log(root.layout, String(root.certificate.subject))
 * ```
 */
export function decodeRootSecret(secret: SecretLike, options?: ReadCertificateOptions): RootSecret {
  const reader = new SecretReader(secret, 'decodeRootSecret')
  const layout = detectLayout(reader)
  const read = (key: string) => (reader.isFilled(key) ? reader.certificates(key, options) : [])
  const legacy = layout === 'gloo-legacy'
  const certificateKey = legacy ? DataKey.rootCert : DataKey.caCert
  const keyKey = legacy ? DataKey.key : DataKey.caKey
  reader.require(
    legacy
      ? [DataKey.rootCert, DataKey.key]
      : layout === 'gloo'
        ? ISTIO_KEYS
        : [DataKey.caCert, DataKey.caKey],
    `That is the layout "${layout}"`,
  )
  const signers = reader.certificates(certificateKey, options)
  const [certificate] = signers
  if (certificate === undefined) throw reader.wrongLayout('no certificate')
  const declared =
    layout === 'istio-self-signed' ? read(DataKey.rootCert) : reader.certificates(DataKey.rootCert, options)
  const roots = declared.length === 0 ? signers : declared
  const privateKey = reader.privateKey(keyKey)
  const findings = [...findKeyFindings(privateKey, keyKey), ...findDuplicateRoots(roots, DataKey.rootCert)]
  if (!legacy && signers.length > 1) {
    const message =
      `${certificateKey} holds ${signers.length} certificates; the first one signs. Move the others ` +
      `to ${DataKey.certChain}`
    findings.unshift({ code: 'extra-certificates', key: certificateKey, message })
  }
  return Object.freeze({
    layout,
    certificate,
    chain: Object.freeze([...(legacy ? [] : read(DataKey.certChain))]),
    roots,
    privateKey,
    findings: Object.freeze(findings),
  })
}

function detectLayout(reader: SecretReader): RootSecretLayout {
  if (ISSUED_TYPES.includes(reader.type)) {
    throw reader.wrongLayout(
      `its type ${reader.type} is that of an issued CA, not of a root; read it with decodeCacerts`,
    )
  }
  if (reader.type === SecretType.istioCaRoot) return 'istio-self-signed'
  const four = reader.has(DataKey.caCert) || reader.has(DataKey.caKey)
  if (four && reader.isFilled(DataKey.key)) {
    throw reader.wrongLayout(
      `two private keys, ${DataKey.caKey} and ${DataKey.key}: which one is the root's cannot be ` +
        'told. Keep one layout',
    )
  }
  if (four) return 'gloo'
  if (reader.has(DataKey.rootCert) || reader.has(DataKey.key)) return 'gloo-legacy'
  throw reader.wrongLayout(
    `not the secret of a root CA: expected ${ISTIO_KEYS.join(', ')}, or ${DataKey.rootCert}, ${DataKey.key}`,
  )
}

/**
 * Makes the secret of a root CA with exactly the keys and the type that its readers expect.
 *
 * @throws `MeshPkiError`: `ERR_CA_NOT_CA` for what is no CA (RFC 5280 §4.2.1.9), `ERR_PEM_…` and
 * `ERR_KEY_FORMAT` for the key, `ERR_KUBERNETES_SECRET_LAYOUT` for a chain or roots that `gloo-legacy` has
 * no place for; `TypeError` for an unknown or missing option.
 *
 * @example
 * ```ts
 * import { encodeRootSecret } from 'mesh-pki/kubernetes'
 *
 * declare const certificate: string
 * declare const privateKey: string
 * const secret = encodeRootSecret(
 *   { certificate, privateKey },
 *   { layout: 'gloo', name: 'root-trust-policy.gloo-mesh', namespace: 'gloo-mesh' },
 * )
 * ```
 */
export function encodeRootSecret(root: RootSecretInput, options: EncodeRootSecretOptions): SecretLike {
  checkOptionNames(
    root,
    ['certificate', 'chain', 'roots', 'privateKey', 'layout', 'findings'],
    'encodeRootSecret',
  )
  checkOptionNames(options, ['layout', 'name', 'namespace'], 'encodeRootSecret')
  const layout = checkOneOf(options.layout, LAYOUTS, 'layout')
  const own = layout === 'istio-self-signed'
  const name = chooseName('name', options.name, undefined, own ? SecretName.istioCa : undefined)
  const namespace = chooseName('namespace', options.namespace, undefined, own ? ISTIO_NAMESPACE : undefined)
  const certificate = toCertificate(root.certificate, 'certificate')
  checkCas([certificate], 'certificate')
  const given = root.roots === undefined ? [] : checkCas(toCertificates(root.roots, 'roots'), 'roots')
  const roots = given.length === 0 ? [certificate] : given
  const chain = root.chain === undefined ? undefined : checkCas(toCertificates(root.chain, 'chain'), 'chain')
  const key = pemOfKey(root.privateKey)
  const target = { name, namespace, type: own ? SecretType.istioCaRoot : SecretType.glooGeneratedRoot }
  if (layout === 'gloo-legacy') {
    const isAlone = (chain ?? []).every((each) => each.equals(certificate))
    if (!isAlone || roots[0]?.equals(certificate) !== true) {
      throw new MeshPkiError(
        'ERR_KUBERNETES_SECRET_LAYOUT',
        `Secret ${objectName(target)}: the layout "gloo-legacy" has no place for a chain, and its ` +
          'first root is the certificate that signs; use "gloo"',
      )
    }
    return writeSecret({ ...target, entries: { [DataKey.rootCert]: pemOf(roots), [DataKey.key]: key } })
  }
  const entries = {
    [DataKey.caCert]: pemOf([certificate]),
    [DataKey.caKey]: key,
    [DataKey.certChain]: pemOf(chain ?? (own ? [] : [certificate])),
    [DataKey.rootCert]: pemOf(roots),
    ...(own ? { [DataKey.key]: '' } : {}),
  }
  return writeSecret({ ...target, entries })
}
