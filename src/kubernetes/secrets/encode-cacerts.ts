/**
 * Writes the secret of istiod's plug-in CA.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate, toCertificates } from '../../x509/certificate-input.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import { DataKey, ISTIO_NAMESPACE, SecretName, SecretType } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { CACERTS_LAYOUTS, type CacertsLayout, detectCacertsLayout } from './cacerts-layout.ts'
import type { SealedPem } from './sealed-pem.ts'
import { readCrls, SecretReader, within } from './secret-reader.ts'
import { checkCas, chooseName, pemOf, pemOfKey, writeSecret } from './secret-writer.ts'

/** What {@link encodeCacerts} writes. What `decodeCacerts` returns fits. */
export interface CacertsInput {
  /** The signing certificate: a CA's. */
  readonly certificate: CertificateInput
  /**
   * What istiod puts after each certificate that it issues: the signing certificate first, then those above
   * it. Signing certificate and roots by default, as Istio's `tools/certs` writes it. May be empty.
   */
  readonly chain?: CertificateInput | readonly CertificateInput[] | undefined
  /** The trust anchors, at least one. */
  readonly roots: CertificateInput | readonly CertificateInput[]
  /** One PEM block `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`. */
  readonly privateKey: SealedPem | string
  /** CRLs in PEM for `ca-crl.pem`. Those of the base stay by default; an empty text takes them out. */
  readonly crls?: string | undefined
  /** `'istio'` by default, or that of the base. */
  readonly layout?: CacertsLayout | undefined
  /**
   * The type of a new secret, such as `SecretType.glooIssued` for the four keys of Gloo Mesh since 1.1. That of the layout
   * by default: `Opaque`, Gloo's for `istio-legacy`, `kubernetes.io/tls`. That of a base cannot be changed.
   */
  readonly type?: string | undefined
  /** Whether to mark it as made by istiod. As the base has it by default. */
  readonly istioGenerated?: boolean | undefined
  /** `'istio-system'` by default, or that of the base. */
  readonly namespace?: string | undefined
  /** `'cacerts'` by default, or that of the base. */
  readonly name?: string | undefined
}

const INPUT_NAMES: readonly string[] = [
  'certificate',
  'chain',
  'roots',
  'privateKey',
  'crls',
  'layout',
  'type',
  'istioGenerated',
  'namespace',
  'name',
  // What decodeCacerts reports about; it is not written.
  'findings',
]

const TYPES: Readonly<Record<CacertsLayout, string>> = {
  istio: SecretType.opaque,
  'istio-legacy': SecretType.glooIssued,
  tls: SecretType.tls,
}

/**
 * Makes a `cacerts` secret, or a new version of one.
 *
 * With `base`, its metadata, its type (which Kubernetes does not let change) and every data key that is
 * none of this layout's stay as they are. Every PEM text ends in exactly one line end, so that Istio can join
 * `tls.crt` and `ca.crt`. In the `tls` layout there is no chain of its own: `tls.crt` holds the signing
 * certificate and what stands in `chain` between it and the roots.
 *
 * Only CAs are taken (RFC 5280 §4.2.1.9), and only a key that Istio reads. Whether key, certificate and roots
 * belong together is not checked.
 *
 * @throws `MeshPkiError`: `ERR_CA_NOT_CA` for a certificate in the wrong place, `ERR_PEM_…`
 * and `ERR_KEY_FORMAT` for the key, `ERR_KUBERNETES_INCOMPLETE_SECRET` without a root, or
 * without `chain` where none of the roots issued the certificate,
 * `ERR_KUBERNETES_SECRET_LAYOUT` for a layout that the base or the values do not fit,
 * `ERR_KUBERNETES_SECRET_DATA` for more data than an API server takes; `TypeError` for an unknown option.
 *
 * @example
 * ```ts
 * import { decodeCacerts, encodeCacerts, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const current: SecretLike
 * declare const newRoot: string
 * const bundle = decodeCacerts(current)
 * const next = encodeCacerts({ ...bundle, roots: [...bundle.roots, newRoot] }, current)
 * ```
 */
export function encodeCacerts(bundle: CacertsInput, base?: SecretLike): SecretLike {
  checkOptionNames(bundle, INPUT_NAMES, 'encodeCacerts')
  const reader = new SecretReader(base ?? {}, 'encodeCacerts')
  const layout = chooseLayout(bundle, reader)
  const certificate = toCertificate(bundle.certificate, 'certificate')
  checkCas([certificate], 'certificate')
  const roots = checkCas(toCertificates(bundle.roots, 'roots'), 'roots')
  if (roots.length === 0) {
    throw new MeshPkiError(
      'ERR_KUBERNETES_INCOMPLETE_SECRET',
      '"roots" is empty; expected at least one trust anchor, istiod does not start without',
    )
  }
  const chain =
    bundle.chain === undefined ? undefined : checkCas(toCertificates(bundle.chain, 'chain'), 'chain')
  const values = {
    certificate,
    chain: chain ?? defaultChain(certificate, roots),
    roots,
    key: pemOfKey(bundle.privateKey),
  }
  const entries = layout === 'tls' ? tlsEntries(values) : istioEntries(values)
  if (layout === 'istio-legacy' && !reader.has(DataKey.key)) entries[DataKey.key] = ''
  const drop: string[] = []
  const { crls, istioGenerated } = bundle
  if (crls !== undefined) {
    if (typeof crls !== 'string') throw new TypeError(`option "crls" must be PEM text; got ${typeof crls}`)
    if (crls.trim() === '') drop.push(DataKey.caCrl)
    else if (layout === 'tls') {
      throw reader.wrongLayout(
        `Istio reads no ${DataKey.caCrl} in the ${DataKey.tlsCert} form; use the layout "istio" to revoke`,
      )
    } else entries[DataKey.caCrl] = within('option "crls"', { option: 'crls' }, () => readCrls(crls))
  }
  if (istioGenerated === true) entries[DataKey.istioGenerated] = ''
  if (istioGenerated === false) drop.push(DataKey.istioGenerated)
  const name = chooseName('name', bundle.name, base, SecretName.cacerts)
  const namespace = chooseName('namespace', bundle.namespace, base, ISTIO_NAMESPACE)
  return writeSecret(
    { name, namespace, type: chooseType(bundle.type, base) ?? TYPES[layout], entries, drop },
    base,
  )
}

/** The type that was asked for. Kubernetes lets nobody change that of a secret which is there. */
function chooseType(type: string | undefined, base: SecretLike | undefined): string | undefined {
  if (type === undefined) return undefined
  if (typeof type !== 'string' || type === '')
    throw new TypeError(
      `option "type" must be a string that is not empty; got ${type === '' ? '""' : typeof type}`,
    )
  if (base?.type !== undefined && base.type !== type)
    throw new TypeError(
      `option "type" is ${quote(type, 128)}, but the base object has ${quote(base.type, 128)}; the type of a secret cannot be changed`,
    )
  return type
}

interface Values {
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly roots: readonly Certificate[]
  readonly key: string
}

function istioEntries({ certificate, chain, roots, key }: Values): Record<string, string> {
  return {
    [DataKey.caCert]: pemOf([certificate]),
    [DataKey.caKey]: key,
    [DataKey.certChain]: pemOf(chain),
    [DataKey.rootCert]: pemOf(roots),
  }
}

function tlsEntries({ certificate, chain, roots, key }: Values): Record<string, string> {
  const own = chain[0]?.equals(certificate) === true ? chain : [certificate, ...chain]
  return {
    [DataKey.tlsCert]: pemOf(withoutRoots(own, roots)),
    [DataKey.tlsKey]: key,
    [DataKey.tlsCa]: pemOf(roots),
  }
}

/** Istio puts `ca.crt` after `tls.crt` itself, so roots at the end of the chain need not stand there too. */
function withoutRoots(chain: readonly Certificate[], roots: readonly Certificate[]): readonly Certificate[] {
  const cut = chain.length - roots.length
  const ends = cut >= 1 && roots.every((root, index) => chain[cut + index]?.equals(root) === true)
  return ends ? chain.slice(0, cut) : chain
}

/** A signing certificate that is itself a root stands once. @throws `MeshPkiError` where a CA between it and the roots is missing. */
function defaultChain(certificate: Certificate, roots: readonly Certificate[]): readonly Certificate[] {
  if (!roots.some((root) => root.subject.equals(certificate.issuer)))
    throw new MeshPkiError(
      'ERR_KUBERNETES_INCOMPLETE_SECRET',
      `${certificateLabel(certificate)} was issued by ${nameLabel(certificate.issuer)}, which is none of the roots: expected the option "chain" with every CA between. Without them no workload of this cluster verifies elsewhere`,
    )
  return [certificate, ...roots.filter((root) => !root.equals(certificate))]
}

function chooseLayout(bundle: CacertsInput, reader: SecretReader): CacertsLayout {
  const existing = detectCacertsLayout((key) => reader.has(key))
  const layout =
    bundle.layout === undefined ? (existing ?? 'istio') : checkOneOf(bundle.layout, CACERTS_LAYOUTS, 'layout')
  if (existing !== undefined && (existing === 'tls') !== (layout === 'tls')) {
    throw reader.wrongLayout(
      `the base has the layout "${existing}", so "${layout}" cannot be written into it: Istio ` +
        `would go on reading ${DataKey.tlsCert} alone. Delete the other form first, or leave ` +
        '"layout" out',
    )
  }
  return layout
}
