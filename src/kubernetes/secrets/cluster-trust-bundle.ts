/**
 * ClusterTrustBundles of `certificates.k8s.io`: trust anchors that the kubelet puts into pods.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { toHex } from '../../internal/bytes.ts'
import { checkOneOf, checkOptionNames, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { Certificate, type ReadCertificateOptions } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { isRecord, type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import { isSignerName } from '../signers/signer-name.ts'
import { within } from './secret-reader.ts'
import { checkCas, pemOf } from './secret-writer.ts'

/** What stands in a ClusterTrustBundle. */
export interface ClusterTrustBundle {
  readonly name: string
  /** Whose roots these are; `undefined` where the bundle belongs to no signer. */
  readonly signerName: string | undefined
  readonly roots: readonly Certificate[]
}

/** Options of {@link encodeClusterTrustBundle}. */
export interface ClusterTrustBundleEncoding {
  /** That of the base by default, else {@link clusterTrustBundleName}. */
  readonly name?: string | undefined
  /** `<domain>/<path>`; that of the base by default. It cannot be changed. */
  readonly signerName?: string | undefined
  /** The version that the server has. Default `'v1beta1'`, or that of the base. */
  readonly version?: 'v1' | 'v1beta1' | 'v1alpha1' | undefined
}

const CODE = 'ERR_KUBERNETES_TRUST_BUNDLE'
const KIND = KubeResources.clusterTrustBundles.kind
const GROUP = KubeResources.clusterTrustBundles.group

/** Versions of the kind, the better first. @internal */
export const TRUST_BUNDLE_VERSIONS = ['v1', 'v1beta1', 'v1alpha1'] as const

/** What the API server takes of `spec.trustBundle`. */
const MAX_BUNDLE_BYTES = 1_048_576
/** kube-controller-manager's publisher names bundles by the first 12 octets of a digest. */
const DIGEST_CHARACTERS = 24
const DIGEST = /^[0-9a-f]{24}$/
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const MAX_NAME = 253

/**
 * A name that says what is in a bundle: the signer with `:` in place of `/`, `:` and the first 12 octets of the SHA-256
 * of its PEM in hex; without a signer, `roots-` and these. As each content has a name of its own, the next bundle is made
 * before the last one goes.
 *
 * @throws `TypeError` for what is no name of a signer; what reading certificates throws.
 *
 * @example
 * ```ts
 * import { clusterTrustBundleName } from 'mesh-pki/kubernetes'
 *
 * declare const roots: string
 * console.log(clusterTrustBundleName(roots, 'example.com/mesh')) // example.com:mesh:5e884898da28047151d0e56f
 * ```
 */
export function clusterTrustBundleName(
  roots: CertificateInput | readonly CertificateInput[],
  signerName?: string,
): string {
  return trustBundleName(trustBundlePrefix(readSigner(signerName)), pemOf(toCertificates(roots, 'roots')))
}

/** The name in a series that says what is in a bundle. @internal */
export function trustBundleName(prefix: string, pem: string): string {
  return prefix + toHex(sha256(new TextEncoder().encode(pem))).slice(0, DIGEST_CHARACTERS)
}

/**
 * How the names of a series of bundles begin: with the signer's, as every name of a signer's bundle must, or else with a word.
 *
 * @internal
 */
export function trustBundlePrefix(signerName: string | undefined, word = 'roots'): string {
  return signerName === undefined ? `${word}-` : `${signerName.replace('/', ':')}:`
}

/** Whether a name is one of a series: the prefix and a digest. @internal */
export function isTrustBundleName(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && DIGEST.test(name.slice(prefix.length))
}

function readSigner(signerName: string | undefined): string | undefined {
  if (signerName === undefined || isSignerName(signerName)) return signerName
  throw new TypeError(
    `option "signerName" must be a name such as example.com/mesh; got ${typeof signerName === 'string' ? quote(signerName, 64) : typeName(signerName)}`,
  )
}

/**
 * Makes a ClusterTrustBundle, or a new version of one.
 *
 * As the API server wants it: blocks `CERTIFICATE` alone, without headers, each a CA's, each once, at least one, at most
 * 1 MiB; with a signer, a name that begins with the signer's.
 *
 * **Warning**: `istio.io:istiod-ca:root-cert` is istiod's own, which writes it again.
 *
 * @throws `MeshPkiError`: `ERR_CA_NOT_CA` for a certificate that is no CA's, `ERR_KUBERNETES_TRUST_BUNDLE` for none, for
 * one that stands twice, for too many bytes, for a name that does not fit and for another signer than the base has;
 * `TypeError` for options.
 *
 * @example
 * ```ts
 * import { encodeClusterTrustBundle } from 'mesh-pki/kubernetes'
 *
 * declare const roots: string
 * const bundle = encodeClusterTrustBundle(roots, { signerName: 'example.com/mesh' })
 * console.log(bundle.metadata.name) // example.com:mesh:…
 * ```
 */
export function encodeClusterTrustBundle(
  roots: CertificateInput | readonly CertificateInput[],
  options: ClusterTrustBundleEncoding = {},
  base?: KubeObject,
): KubeObject {
  checkOptionNames(options, ['name', 'signerName', 'version'], 'encodeClusterTrustBundle')
  const spec = recordAt(base, 'spec')
  const before = textAt(spec, 'signerName')
  const signerName = readSigner(options.signerName) ?? before
  const certificates = checkCas(toCertificates(roots, 'roots'), 'roots')
  const pem = pemOf(certificates)
  const name = options.name ?? base?.metadata.name ?? trustBundleName(trustBundlePrefix(signerName), pem)
  if (typeof name !== 'string') throw new TypeError(`option "name" must be text; got ${typeName(name)}`)
  const where = `${KIND} ${escapeText(name)}`
  if (base !== undefined && before !== signerName)
    throw problem(
      where,
      `its signer is ${before === undefined ? 'none' : quote(before, 64)} and cannot be changed; make another bundle for ${quote(signerName ?? '', 64)}`,
    )
  if (base?.metadata.name !== undefined && base.metadata.name !== name)
    throw problem(where, `the base is ${quote(base.metadata.name, 64)}; an object cannot be renamed`)
  checkName(where, name, signerName)
  checkContent(where, pem, certificates)
  const version =
    options.version === undefined ? undefined : checkOneOf(options.version, TRUST_BUNDLE_VERSIONS, 'version')
  return {
    ...base,
    apiVersion: version === undefined ? (base?.apiVersion ?? `${GROUP}/v1beta1`) : `${GROUP}/${version}`,
    kind: KIND,
    metadata: { ...base?.metadata, name },
    spec: { ...spec, ...(signerName === undefined ? {} : { signerName }), trustBundle: pem },
  }
}

/**
 * Reads a ClusterTrustBundle, by the rules of {@link encodeClusterTrustBundle}: what an API server would not take is
 * refused, whoever brings it.
 *
 * @throws `MeshPkiError`: `ERR_KUBERNETES_TRUST_BUNDLE`, `ERR_CA_NOT_CA`, and the codes of `Certificate.listFromPem`, with
 * the bundle in front of the message; `TypeError` for what is no object.
 *
 * @example
 * ```ts
 * import { decodeClusterTrustBundle, type KubeObject } from 'mesh-pki/kubernetes'
 *
 * declare const object: KubeObject
 * const { signerName, roots } = decodeClusterTrustBundle(object)
 * console.log(signerName, roots.length)
 * ```
 */
export function decodeClusterTrustBundle(
  object: KubeObject,
  options?: ReadCertificateOptions,
): ClusterTrustBundle {
  const given: unknown = object
  if (!isRecord(given))
    throw new TypeError(`decodeClusterTrustBundle takes a ${KIND} object; got ${typeName(given)}`)
  const name = textAt(recordAt(given, 'metadata'), 'name') ?? ''
  const where = `${KIND} ${name === '' ? '(unnamed)' : escapeText(name)}`
  const kind = textAt(given, 'kind')
  if (kind !== undefined && kind !== KIND) throw problem(where, `it is of kind ${quote(kind, 64)}`)
  const spec = recordAt(given, 'spec')
  const signerName = textAt(spec, 'signerName')
  if (signerName !== undefined && !isSignerName(signerName))
    throw problem(where, `its signer ${quote(signerName, 64)} is none; expected <domain>/<path>`)
  checkName(where, name, signerName)
  const pem = textAt(spec, 'trustBundle')
  if (pem === undefined) throw problem(where, 'spec.trustBundle is missing')
  // A header inside of a block is no base64, so that the reader refuses it.
  const roots = within(where, { name }, () => Certificate.listFromPem(pem, options))
  within(where, { name }, () => checkCas(roots, 'spec.trustBundle'))
  checkContent(where, pem, roots)
  return Object.freeze({ name, signerName, roots: Object.freeze([...roots]) })
}

function problem(where: string, text: string): MeshPkiError {
  return new MeshPkiError(CODE, `${where}: ${text}`, { data: { object: where } })
}

function checkName(where: string, name: string, signerName: string | undefined): void {
  const prefix = signerName === undefined ? '' : trustBundlePrefix(signerName)
  if (!name.startsWith(prefix))
    throw problem(
      where,
      `the name of a bundle of ${quote(signerName ?? '', 64)} must begin with ${quote(prefix, 64)}`,
    )
  const rest = name.slice(prefix.length)
  if (rest.length <= MAX_NAME && SUBDOMAIN.test(rest)) return
  throw problem(
    where,
    signerName === undefined && name.includes(':')
      ? 'a ":" in the name is for bundles of a signer; name the signer, or take it out'
      : `${quote(rest, 64)} is no name: lower-case letters, digits, "-" and ".", at most ${MAX_NAME}`,
  )
}

function checkContent(where: string, pem: string, certificates: readonly Certificate[]): void {
  if (certificates.length === 0) throw problem(where, 'it holds no certificate, and must hold one')
  const bytes = new TextEncoder().encode(pem).length
  if (bytes > MAX_BUNDLE_BYTES)
    throw problem(
      where,
      `${bytes} bytes; at most ${MAX_BUNDLE_BYTES} are taken. Leave certificates out that nobody needs any more`,
    )
  const seen = new Set<string>()
  for (const certificate of certificates) {
    const before = seen.size
    if (seen.add(certificate.fingerprint()).size === before)
      throw problem(
        where,
        `${certificateLabel(certificate)} stands twice, which no API server takes. Leave it out once`,
      )
  }
}
