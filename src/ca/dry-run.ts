/**
 * Proves that what a CA signs will verify, before anybody depends on it.
 *
 * istiod checks its CA as if it were the leaf, and so accepts a root with path length 0 over an
 * intermediate, below which no workload ever verifies. Here a throw-away leaf goes the whole way.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import type { AbortSignalLike } from '../internal/abort.ts'
import { checkUnsignedLeaf } from '../verify/dry-run.ts'
import type { PathError } from '../verify/path-error.ts'
import { type CheckPathResult, checkPath } from '../verify/verify-path.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { Name } from '../x509/name.ts'
import { defaultSignatureAlgorithm } from '../x509/private-key.ts'
import { readPublicKeyInfo } from '../x509/public-key-info.ts'
import { isSelfSigned } from '../x509/self-signed.ts'
import { checkPublicKeyInfo } from '../x509/verification-key.ts'
import { CertificateTemplate } from './certificate-template.ts'
import { PROFILES } from './profiles/profiles.ts'
import { type CheckedSigner, unsignedCertificate } from './sign-certificate.ts'

/** What a dry run starts from. */
export interface DryRunParameters {
  readonly certificate: Certificate
  /** Certificates that may lead from it to its root. */
  readonly above: readonly Certificate[]
  /** Its signer, for a signed run; `undefined` where the key is elsewhere or may not sign for a test. */
  readonly signer: CheckedSigner | undefined
  /** Given to the signer. */
  readonly signal?: AbortSignalLike | undefined
  readonly now: number
  /** Names that the throw-away leaf bears: DER of GeneralNames. Default: none. */
  readonly names?: Uint8Array | undefined
  /** Whether the last certificate that is known may stand for a root. */
  readonly anchor: 'self-signed' | 'any'
  /** What the path must end in, where that is not to be found among the certificates. */
  readonly anchors?: readonly Certificate[] | undefined
}

/** The outcome of a dry run. */
export interface DryRunResult {
  /** The certificate and its issuers, root last, each one's signature verified. */
  readonly chain: readonly Certificate[]
  /** Set where extended key usage in the chain refuses server or client authentication. */
  readonly refusedPurpose: PathError | undefined
}

/** Runs the whole verification on a throw-away leaf. @throws `MeshPkiError` `ERR_CA_DRY_RUN` with the `PathError` as cause. */
export async function dryRun(parameters: DryRunParameters): Promise<DryRunResult> {
  const leaf = await throwAwayLeaf(parameters)
  const anchors = parameters.anchors ?? anchorsOf(parameters)
  const intermediates = [parameters.certificate, ...parameters.above]
  const check = (purpose: 'serverAuth' | 'clientAuth' | 'any'): Promise<CheckPathResult> => {
    const options = { anchors, purpose, time: new Date(parameters.now) }
    return parameters.signer === undefined
      ? checkUnsignedLeaf(leaf, intermediates, options)
      : checkPath(leaf, { ...options, intermediates })
  }
  const any = await check('any')
  if (!any.ok) {
    throw new MeshPkiError(
      'ERR_CA_DRY_RUN',
      `no certificate that ${certificateLabel(parameters.certificate)} signs would verify. Is the option "chain" complete and of this CA? ${any.error.message}`,
      { cause: any.error },
    )
  }
  let refusedPurpose: PathError | undefined
  for (const purpose of ['serverAuth', 'clientAuth'] as const) {
    const result = await check(purpose)
    if (!result.ok) refusedPurpose ??= result.error
  }
  return { chain: any.path.certificates.slice(1), refusedPurpose }
}

/** Self-signed certificates of what was given; where `any` is allowed and there is none, the last. */
function anchorsOf({ certificate, above, anchor }: DryRunParameters): readonly Certificate[] {
  const all = [certificate, ...above]
  const roots = all.filter(isSelfSigned)
  if (roots.length > 0) return roots
  const last = all[all.length - 1] ?? certificate
  if (anchor === 'any') return [last]
  throw new MeshPkiError(
    'ERR_CA_CHAIN',
    `the chain of ${certificateLabel(certificate)} ends at ${certificateLabel(last)}, which is not a self-signed root: lifetimes and path length above it are unknown, and what is issued could outlive its root. Pass every certificate above it, root included, as the option "chain"; or { anchor: 'any' } if relying parties trust that certificate itself`,
  )
}

/** A leaf for the CA's own key, valid for the instant of the check only. It is never handed out. */
async function throwAwayLeaf({
  certificate,
  signer,
  now,
  signal,
  names,
}: DryRunParameters): Promise<Certificate> {
  const { publicKey } = certificate
  const kind = checkPublicKeyInfo(readPublicKeyInfo(publicKey))
  const algorithm = signer?.signer.signatureAlgorithm ?? defaultSignatureAlgorithm(kind)
  const layout = Certificate.layoutOf(certificate)
  const template = await CertificateTemplate.compile({
    profile: PROFILES['mesh-workload'],
    issuer: certificate.subject.der,
    algorithm,
    pathLength: undefined,
    authorityKeyId: subjectKeyIdOf(certificate),
    enciphers: false,
  })
  const tbs = template.build({
    serialNumber: Uint8Array.of(1),
    notBefore: Math.max(layout.notBefore, now - 1000),
    notAfter: now,
    // Below a CA without a name, a leaf without one that has the CA's key would be the CA once more.
    subject: Name.from(certificate.subject.isEmpty ? [{ CN: 'dry run' }] : []).der,
    publicKey,
    subjectKeyId: undefined,
    subjectAltNames: names,
  })
  return signer === undefined
    ? unsignedCertificate(tbs, { publicKey, signatureAlgorithm: algorithm, sign: () => new Uint8Array() })
    : signer.certify(tbs, signal)
}

/** The octets of a certificate's subject key identifier. */
export function subjectKeyIdOf(certificate: Certificate): Uint8Array | undefined {
  const { subjectKeyIdStart, subjectKeyIdEnd } = Certificate.layoutOf(certificate)
  return subjectKeyIdStart === 0
    ? undefined
    : Certificate.bytesOf(certificate).slice(subjectKeyIdStart, subjectKeyIdEnd)
}
