/**
 * Reads the secret of istiod's plug-in CA.
 *
 * @module
 */

import type { Certificate, ReadCertificateOptions } from '../../x509/certificate.ts'
import { DataKey } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { type CacertsLayout, detectCacertsLayout, ISTIO_KEYS, TLS_KEYS } from './cacerts-layout.ts'
import type { SealedPem } from './sealed-pem.ts'
import { findDuplicateRoots, findKeyFindings, type SecretFinding } from './secret-finding.ts'
import { SecretReader } from './secret-reader.ts'

/** What stands in a `cacerts` secret. */
export interface CacertsBundle {
  readonly layout: CacertsLayout
  /** The signing certificate. */
  readonly certificate: Certificate
  /** What istiod puts after each certificate that it issues, in order. */
  readonly chain: readonly Certificate[]
  /** The trust anchors. */
  readonly roots: readonly Certificate[]
  /** The key of the signing certificate, sealed. */
  readonly privateKey: SealedPem
  /** The PEM text of `ca-crl.pem`, when there is one. */
  readonly crls?: string
  /** Whether istiod made the secret itself. */
  readonly istioGenerated: boolean
  /** What is odd, though it can be read. */
  readonly findings: readonly SecretFinding[]
}

/**
 * Reads a `cacerts` secret in any of its layouts.
 *
 * As in istiod, `tls.crt` decides for the `kubernetes.io/tls` form, where the chain is `tls.crt` followed by
 * `ca.crt`; only the first certificate of `ca-cert.pem` or `tls.crt` signs, and `cert-chain.pem` may be
 * empty. Beyond istiod, every certificate must be well formed (RFC 5280 §4.1): istiod passes over what it
 * cannot read in `root-cert.pem`. Nothing is verified here: whether key, certificate and root belong
 * together is another question.
 *
 * @throws `MeshPkiError`: `ERR_KUBERNETES_SECRET_LAYOUT` for another kind of secret,
 * `ERR_KUBERNETES_INCOMPLETE_SECRET` when a key is missing, `ERR_KUBERNETES_SECRET_DATA` for a value that is
 * not base64; and the codes of `Certificate.listFromPem` and {@link SealedPem.parse}, with secret and key
 * in front of the message. No error shows key material.
 *
 * @example
 * ```ts
 * import { decodeCacerts, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * const { certificate, roots, findings } = decodeCacerts(secret)
 * console.log(String(certificate.subject), roots.length)
 * for (const { code, message } of findings) console.warn(code, message)
 * ```
 */
export function decodeCacerts(secret: SecretLike, options?: ReadCertificateOptions): CacertsBundle {
  const reader = new SecretReader(secret, 'decodeCacerts')
  const layout = detectCacertsLayout((key) => reader.has(key))
  if (layout === undefined) {
    const hint =
      reader.has(DataKey.rootCert) && reader.has(DataKey.key)
        ? 'this is a root CA of Gloo Mesh; read it with decodeRootSecret'
        : `expected ${ISTIO_KEYS.join(', ')}, or ${TLS_KEYS.join(', ')}`
    throw reader.wrongLayout(`not a secret of istiod's plug-in CA: ${hint}`)
  }
  return layout === 'tls' ? readTlsForm(reader, options) : readIstioForm(reader, layout, options)
}

function readIstioForm(
  reader: SecretReader,
  layout: CacertsLayout,
  options: ReadCertificateOptions | undefined,
): CacertsBundle {
  reader.require(
    ISTIO_KEYS,
    'Istio 1.27 and later does not start with an incomplete secret; earlier ones sign with a CA of their own',
  )
  const signers = reader.certificates(DataKey.caCert, options)
  const chain = reader.isFilled(DataKey.certChain) ? reader.certificates(DataKey.certChain, options) : []
  const crls = reader.isFilled(DataKey.caCrl) ? reader.crls(DataKey.caCrl) : undefined
  const findings: SecretFinding[] = []
  if (signers.length > 1) {
    const message =
      `${DataKey.caCert} holds ${signers.length} certificates; Istio signs by the first and passes ` +
      `over the rest. Move them to ${DataKey.certChain}`
    findings.push({ code: 'extra-certificates', key: DataKey.caCert, message })
  }
  if (reader.isFilled(DataKey.key)) {
    const message =
      `${DataKey.key} is not empty: the key of a root does not belong into a workload cluster. ` +
      'Delete its content, and replace the root if others could read it'
    findings.push({ code: 'root-key-present', key: DataKey.key, message })
  }
  const parts = {
    layout,
    signers,
    chain,
    roots: reader.certificates(DataKey.rootCert, options),
    privateKey: reader.privateKey(DataKey.caKey),
    crls,
  }
  return toBundle(reader, parts, { key: DataKey.caKey, roots: DataKey.rootCert }, findings)
}

function readTlsForm(reader: SecretReader, options: ReadCertificateOptions | undefined): CacertsBundle {
  reader.require(
    TLS_KEYS,
    `Istio takes the ${DataKey.tlsCert} form because that key is there; an issuer that gives no ` +
      `${DataKey.tlsCa} cannot fill it`,
  )
  const signers = reader.certificates(DataKey.tlsCert, options)
  const roots = reader.certificates(DataKey.tlsCa, options)
  const findings: SecretFinding[] = []
  if (!reader.text(DataKey.tlsCert).endsWith('\n')) {
    const message =
      `${DataKey.tlsCert} does not end in a line end; Istio joins it with ${DataKey.tlsCa} as it ` +
      'is, which breaks the chain. End it in a line end'
    findings.push({ code: 'tls-final-newline', key: DataKey.tlsCert, message })
  }
  if (reader.has(DataKey.caCert) || reader.has(DataKey.caKey)) {
    const message =
      `${DataKey.tlsCert} and ${DataKey.caCert} stand side by side; Istio reads ${DataKey.tlsCert} ` +
      'and passes over the other. Keep one form'
    findings.push({ code: 'two-layouts', key: DataKey.caCert, message })
  }
  if (reader.isFilled(DataKey.caCrl)) {
    const message =
      `${DataKey.caCrl} stands beside ${DataKey.tlsCert}, where Istio does not look for it: nothing ` +
      `is revoked. Use the form with ${DataKey.caCert}`
    findings.push({ code: 'crl-ignored', key: DataKey.caCrl, message })
  }
  const parts = {
    layout: 'tls' as const,
    signers,
    chain: [...signers, ...roots],
    roots,
    privateKey: reader.privateKey(DataKey.tlsKey),
    crls: undefined,
  }
  return toBundle(reader, parts, { key: DataKey.tlsKey, roots: DataKey.tlsCa }, findings)
}

interface Parts {
  readonly layout: CacertsLayout
  readonly signers: readonly Certificate[]
  readonly chain: readonly Certificate[]
  readonly roots: readonly Certificate[]
  readonly privateKey: SealedPem
  readonly crls: string | undefined
}

function toBundle(
  reader: SecretReader,
  { layout, signers, chain, roots, privateKey, crls }: Parts,
  keys: { readonly key: string; readonly roots: string },
  findings: readonly SecretFinding[],
): CacertsBundle {
  const [certificate] = signers
  if (certificate === undefined) throw reader.wrongLayout('no signing certificate')
  return Object.freeze({
    layout,
    certificate,
    chain: Object.freeze([...chain]),
    roots,
    privateKey,
    ...(crls === undefined ? {} : { crls }),
    istioGenerated: reader.has(DataKey.istioGenerated),
    findings: Object.freeze([
      ...findings,
      ...findKeyFindings(privateKey, keys.key),
      ...findDuplicateRoots(roots, keys.roots),
    ]),
  })
}
