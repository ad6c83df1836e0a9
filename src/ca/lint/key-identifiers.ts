/**
 * Whether a certificate names the issuer that it has. Go does not ask; OpenSSL and BoringSSL pass over an issuer that
 * does not fit.
 *
 * @module
 */

import { PathError } from '../../verify/path-error.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'

/** What a certificate says of its issuer, and what the issuer says of itself. */
export interface IssuerMismatch {
  /** `key`: the key identifier. `serial`: authorityCertIssuer or authorityCertSerialNumber. */
  readonly by: 'key' | 'serial'
  readonly named: string
  readonly found: string
}

/** How the authority key identifier of `subject` contradicts `issuer`; `undefined` where it fits or says nothing. */
export function issuerMismatch(subject: Certificate, issuer: Certificate): IssuerMismatch | undefined {
  const fields = subject.authorityKeyIdentifierFields
  if (fields === undefined) return undefined
  const { keyIdentifier, authorityCertIssuer, authorityCertSerialNumber } = fields
  const { subjectKeyIdentifier, serialNumber } = issuer
  if (
    keyIdentifier !== undefined &&
    subjectKeyIdentifier !== undefined &&
    keyIdentifier !== subjectKeyIdentifier
  ) {
    return {
      by: 'key',
      named: `authority key identifier ${keyIdentifier}`,
      found: `subject key identifier ${subjectKeyIdentifier}`,
    }
  }
  if (authorityCertSerialNumber !== undefined && authorityCertSerialNumber !== serialNumber) {
    return {
      by: 'serial',
      named: `authorityCertSerialNumber ${authorityCertSerialNumber}`,
      found: `serial number ${serialNumber}`,
    }
  }
  const directory = authorityCertIssuer?.find(({ type }) => type === 'directory')
  if (directory?.type === 'directory' && !directory.value.equals(issuer.issuer)) {
    return {
      by: 'serial',
      named: `authorityCertIssuer ${nameLabel(directory.value)}`,
      found: `issuer ${nameLabel(issuer.issuer)}`,
    }
  }
  return undefined
}

/** A verification: the path with its root last, or why there is none. */
export type PathAnswer<E> =
  | { readonly ok: true; readonly certificates: readonly Certificate[] }
  | { readonly ok: false; readonly error: E }

/** What a path is looked for in. */
export interface PathMaterial {
  readonly intermediates: readonly Certificate[]
  readonly anchors: readonly Certificate[]
}

/** A sound chain needs one round, and one more for each certificate beside it that was issued again. */
const MAX_ROUNDS = 32

/** Why no path is found in which each certificate names the issuer that it has; `undefined` where one is. */
export async function whyNoFittingPath<E>(
  material: PathMaterial,
  verify: (material: PathMaterial) => Promise<PathAnswer<E>>,
): Promise<E | PathError | undefined> {
  let { intermediates, anchors } = material
  let first: PathError | undefined
  for (let round = 0; round < MAX_ROUNDS && anchors.length > 0; round++) {
    const answer = await verify({ intermediates, anchors })
    if (!answer.ok) return first ?? answer.error
    const link = firstMisfit(answer.certificates)
    if (link === undefined) return undefined
    first ??= misfitError(link, answer.certificates)
    const { subject, issuer, depth } = link
    const fitting = [...intermediates, ...anchors].some(
      (other) =>
        !other.equals(issuer) &&
        !other.equals(subject) &&
        other.subject.equals(issuer.subject) &&
        issuerMismatch(subject, other) === undefined,
    )
    // Where nobody else may be its issuer, no path leads through the certificate; without the first there is none.
    if (!fitting && depth === 0) return first
    const dropped = fitting ? issuer : subject
    const keeps = (each: Certificate): boolean => !each.equals(dropped)
    intermediates = intermediates.filter(keeps)
    anchors = anchors.filter(keeps)
  }
  return first
}

interface Misfit {
  readonly subject: Certificate
  readonly issuer: Certificate
  readonly depth: number
  readonly mismatch: IssuerMismatch
}

function firstMisfit(path: readonly Certificate[]): Misfit | undefined {
  for (const [depth, subject] of path.entries()) {
    const issuer = path[depth + 1]
    const mismatch = issuer === undefined ? undefined : issuerMismatch(subject, issuer)
    if (issuer !== undefined && mismatch !== undefined) return { subject, issuer, depth, mismatch }
  }
  return undefined
}

function misfitError({ subject, issuer, depth, mismatch }: Misfit, path: readonly Certificate[]): PathError {
  const { named, found } = mismatch
  const clause = 'RFC 5280 §4.2.1.1'
  const problem = `${certificateLabel(subject)} names ${named}, but ${certificateLabel(issuer)}, whose key signed it, has ${found}: Go accepts that, OpenSSL and Envoy find no issuer (error 20)`
  const remedy =
    mismatch.by === 'key'
      ? 'Issue the issuer again for its key with the identifier that is named, or let the certificate be issued again'
      : 'Let the certificate be issued again, with the key identifier of its issuer alone'
  return new PathError('ERR_PATH_NO_ISSUER', `${problem} (${clause}). ${remedy}`, {
    depth,
    certificate: subject,
    path,
    problem,
    clause,
    expected: named,
    found,
    remedy,
  })
}
