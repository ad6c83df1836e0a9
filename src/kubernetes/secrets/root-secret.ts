/**
 * Secrets of root CAs: Gloo Mesh's in both forms, the one that istiod makes for itself, cert-manager's and the relay's.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import type { Certificate, ReadCertificateOptions } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate, toCertificates } from '../../x509/certificate-input.ts'
import { DataKey, ISTIO_NAMESPACE, SecretName, SecretType } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { ISTIO_KEYS, TLS_KEYS } from './cacerts-layout.ts'
import type { SealedPem } from './sealed-pem.ts'
import { findDuplicateRoots, findKeyFindings, type SecretFinding } from './secret-finding.ts'
import { objectName, SecretReader } from './secret-reader.ts'
import { checkCas, chooseName, pemOf, pemOfKey, writeSecret } from './secret-writer.ts'

/**
 * `gloo-legacy`: `root-cert.pem` and `key.pem`. `gloo`: the four keys of Istio. `istio-self-signed`:
 * `istio-ca-secret`, five keys of which the last two, and in old releases `root-cert.pem`, are empty. `tls`:
 * `kubernetes.io/tls` with `ca.crt`, as cert-manager writes it. `relay`: `ca.crt` and `tls.key`, as the root of Gloo
 * Mesh's relay.
 */
export type RootSecretLayout = 'gloo-legacy' | 'gloo' | 'istio-self-signed' | 'tls' | 'relay'

/** What stands in the secret of a root CA. */
export interface RootSecret {
  readonly layout: RootSecretLayout
  /** The certificate that signs. */
  readonly certificate: Certificate
  /** What `cert-chain.pem` or `tls.crt` holds; empty where there is none. */
  readonly chain: readonly Certificate[]
  /** The trust anchors. */
  readonly roots: readonly Certificate[]
  readonly privateKey: SealedPem
  readonly findings: readonly SecretFinding[]
}

/** What {@link encodeRootSecret} writes. What {@link decodeRootSecret} returns fits. */
export interface RootSecretInput {
  readonly certificate: CertificateInput
  /** In `gloo` and `tls` the certificate by default, else nothing. */
  readonly chain?: CertificateInput | readonly CertificateInput[] | undefined
  /** The certificate by default. */
  readonly roots?: CertificateInput | readonly CertificateInput[] | undefined
  readonly privateKey: SealedPem | string
}

/** Which secret it becomes. Only `istio-ca-secret` has a name of its own. */
export type EncodeRootSecretOptions =
  | {
      readonly layout: 'gloo-legacy' | 'gloo' | 'tls' | 'relay'
      readonly name: string
      readonly namespace: string
    }
  | {
      readonly layout: 'istio-self-signed'
      readonly name?: string | undefined
      readonly namespace?: string | undefined
    }

const LAYOUTS: readonly RootSecretLayout[] = ['gloo-legacy', 'gloo', 'istio-self-signed', 'tls', 'relay']
const ISSUED_TYPES: readonly (string | undefined)[] = [SecretType.glooIssued, SecretType.smhIssued]

/** Which data keys a layout has its values in. */
interface Places {
  readonly required: readonly string[]
  readonly certificate: string
  readonly key: string
  /** Where the chain is, if it has one of its own. */
  readonly chain: string | undefined
  readonly roots: string
}

const PLACES: Readonly<Record<RootSecretLayout, Places>> = {
  'gloo-legacy': {
    required: [DataKey.rootCert, DataKey.key],
    certificate: DataKey.rootCert,
    key: DataKey.key,
    chain: undefined,
    roots: DataKey.rootCert,
  },
  gloo: {
    required: ISTIO_KEYS,
    certificate: DataKey.caCert,
    key: DataKey.caKey,
    chain: DataKey.certChain,
    roots: DataKey.rootCert,
  },
  'istio-self-signed': {
    required: [DataKey.caCert, DataKey.caKey],
    certificate: DataKey.caCert,
    key: DataKey.caKey,
    chain: DataKey.certChain,
    roots: DataKey.rootCert,
  },
  tls: {
    required: TLS_KEYS,
    certificate: DataKey.tlsCert,
    key: DataKey.tlsKey,
    chain: DataKey.tlsCert,
    roots: DataKey.tlsCa,
  },
  relay: {
    required: [DataKey.tlsCa, DataKey.tlsKey],
    certificate: DataKey.tlsCa,
    key: DataKey.tlsKey,
    chain: undefined,
    roots: DataKey.tlsCa,
  },
}

/**
 * Reads the secret of a root CA, or of a CA below one, in any of its layouts.
 *
 * The type `istio.io/ca-root` or the name `istio-ca-secret` decides for istiod's own, else the keys decide. Exactly one
 * layout must be there: a secret with two private keys is refused. An empty `root-cert.pem` of istiod's
 * stands for `ca-cert.pem`, as in istiod.
 *
 * **Warning**: with cert-manager, `ca.crt` is what the issuer calls its CA, which need not be the root.
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
  const layout = detectLayout(reader, secret.metadata?.name)
  const places = PLACES[layout]
  const read = (key: string) => (reader.isFilled(key) ? reader.certificates(key, options) : [])
  reader.require(places.required, `That is the layout "${layout}"`)
  const signers = reader.certificates(places.certificate, options)
  const [certificate] = signers
  if (certificate === undefined) throw reader.wrongLayout('no certificate')
  const declared =
    layout === 'istio-self-signed' ? read(places.roots) : reader.certificates(places.roots, options)
  const roots = declared.length === 0 ? signers : declared
  const privateKey = reader.privateKey(places.key)
  const findings = [...findKeyFindings(privateKey, places.key), ...findDuplicateRoots(roots, places.roots)]
  if (places.certificate === DataKey.caCert && signers.length > 1) {
    const message =
      `${places.certificate} holds ${signers.length} certificates; the first one signs. Move the others ` +
      `to ${DataKey.certChain}`
    findings.unshift({ code: 'extra-certificates', key: places.certificate, message })
  }
  return Object.freeze({
    layout,
    certificate,
    chain: Object.freeze([...(places.chain === undefined ? [] : read(places.chain))]),
    roots,
    privateKey,
    findings: Object.freeze(findings),
  })
}

/** Where a private key may stand. */
const KEY_PLACES: readonly string[] = [DataKey.caKey, DataKey.key, DataKey.tlsKey]

function detectLayout(reader: SecretReader, name: string | undefined): RootSecretLayout {
  if (ISSUED_TYPES.includes(reader.type)) {
    throw reader.wrongLayout(
      `its type ${reader.type} is that of an issued CA, not of a root; read it with decodeCacerts`,
    )
  }
  if (reader.type === SecretType.istioCaRoot || name === SecretName.istioCa) return 'istio-self-signed'
  const four = reader.has(DataKey.caCert) || reader.has(DataKey.caKey)
  const filled = KEY_PLACES.filter(
    (key) => reader.has(key) && (key === DataKey.caKey || reader.isFilled(key)),
  )
  if (filled.length > 1) {
    throw reader.wrongLayout(
      `more than one private key, ${filled.join(' and ')}: which one is the root's cannot be ` +
        'told. Keep one layout',
    )
  }
  if (four) return 'gloo'
  if (reader.has(DataKey.rootCert) || reader.has(DataKey.key)) return 'gloo-legacy'
  if (reader.has(DataKey.tlsKey)) {
    if (reader.has(DataKey.tlsCert)) return 'tls'
    if (reader.has(DataKey.tlsCa)) return 'relay'
  }
  throw reader.wrongLayout(
    `not the secret of a root CA: expected ${ISTIO_KEYS.join(', ')}, or ${DataKey.rootCert}, ${DataKey.key}, ` +
      `or ${TLS_KEYS.join(', ')}, or ${DataKey.tlsCa}, ${DataKey.tlsKey}`,
  )
}

/**
 * Makes the secret of a root CA with exactly the keys and the type that its readers expect, or a new version of one.
 *
 * With `base`, its metadata, its type (which Kubernetes does not let change) and every data key that is none of this
 * layout's stay as they are.
 *
 * @throws `MeshPkiError`: `ERR_CA_NOT_CA` for what is no CA (RFC 5280 §4.2.1.9), `ERR_PEM_…` and
 * `ERR_KEY_FORMAT` for the key, `ERR_KUBERNETES_SECRET_LAYOUT` for a chain or roots that `gloo-legacy` and `relay` have
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
export function encodeRootSecret(
  root: RootSecretInput,
  options: EncodeRootSecretOptions,
  base?: SecretLike,
): SecretLike {
  checkOptionNames(
    root,
    ['certificate', 'chain', 'roots', 'privateKey', 'layout', 'findings'],
    'encodeRootSecret',
  )
  checkOptionNames(options, ['layout', 'name', 'namespace'], 'encodeRootSecret')
  const layout = checkOneOf(options.layout, LAYOUTS, 'layout')
  const own = layout === 'istio-self-signed'
  const name = chooseName('name', options.name, base, own ? SecretName.istioCa : undefined)
  const namespace = chooseName('namespace', options.namespace, base, own ? ISTIO_NAMESPACE : undefined)
  const certificate = toCertificate(root.certificate, 'certificate')
  checkCas([certificate], 'certificate')
  const given = root.roots === undefined ? [] : checkCas(toCertificates(root.roots, 'roots'), 'roots')
  const roots = given.length === 0 ? [certificate] : given
  const chain = root.chain === undefined ? undefined : checkCas(toCertificates(root.chain, 'chain'), 'chain')
  const key = pemOfKey(root.privateKey)
  const target = { name, namespace, type: TYPES[layout] }
  const places = PLACES[layout]
  if (places.chain === undefined) {
    const isAlone = (chain ?? []).every((each) => each.equals(certificate))
    if (!isAlone || roots[0]?.equals(certificate) !== true) {
      throw new MeshPkiError(
        'ERR_KUBERNETES_SECRET_LAYOUT',
        `Secret ${objectName(target)}: the layout "${layout}" has no place for a chain, and its ` +
          'first root is the certificate that signs; use "gloo"',
      )
    }
    return writeSecret({ ...target, entries: { [places.roots]: pemOf(roots), [places.key]: key } }, base)
  }
  if (layout === 'tls') {
    const links = chain ?? []
    const sent = links[0]?.equals(certificate) === true ? links : [certificate, ...links]
    return writeSecret(
      {
        ...target,
        entries: {
          [DataKey.tlsCert]: pemOf(sent),
          [DataKey.tlsKey]: key,
          [DataKey.tlsCa]: pemOf(roots),
        },
      },
      base,
    )
  }
  const entries = {
    [DataKey.caCert]: pemOf([certificate]),
    [DataKey.caKey]: key,
    [DataKey.certChain]: pemOf(chain ?? (own ? [] : [certificate])),
    [DataKey.rootCert]: pemOf(roots),
    ...(own ? { [DataKey.key]: '' } : {}),
  }
  return writeSecret({ ...target, entries }, base)
}

/** The types of new secrets. */
const TYPES: Readonly<Record<RootSecretLayout, string>> = {
  'gloo-legacy': SecretType.glooGeneratedRoot,
  gloo: SecretType.glooGeneratedRoot,
  'istio-self-signed': SecretType.istioCaRoot,
  tls: SecretType.tls,
  relay: SecretType.opaque,
}
