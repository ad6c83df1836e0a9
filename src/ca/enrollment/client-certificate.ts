/**
 * Judges the certificate by which a cluster asks for its next one.
 *
 * @module
 */

import type { Clock } from '../../internal/clock.ts'
import { checkOptionNames, readFunction, typeName } from '../../internal/options.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import { CertificateList, type CertificateListInput } from '../../x509/certificate-list.ts'
import { soleClusterName } from './cluster-name.ts'
import { badCertificate, unavailable } from './enrollment-refusal.ts'
import type { LiveAnchors } from './live-anchors.ts'

/** CRLs, or a function that answers the newest. */
export type CrlSource =
  | CertificateListInput
  | readonly CertificateListInput[]
  | (() =>
      | CertificateListInput
      | readonly CertificateListInput[]
      | Promise<CertificateListInput | readonly CertificateListInput[]>)

/** How it is known that a certificate was revoked. At least one of both; where both are given, both are asked. */
export interface EnrollmentRevocation {
  /** Each certificate below the anchor must be shown not to be revoked, by a CRL that is valid now. */
  readonly crls?: CrlSource | undefined
  /** Asked for each certificate below the anchor. What is neither true nor false, or fails, refuses with status 503. */
  readonly isRevoked?: ((certificate: Certificate) => boolean | Promise<boolean>) | undefined
}

/** What a renewal is judged by. */
export interface RenewalRules {
  readonly anchors: LiveAnchors
  readonly revocation: EnrollmentRevocation | undefined
  readonly clock: Clock
  /** The most certificates that a client may present. */
  readonly maxCertificates: number
}

/** @throws `TypeError`. */
export function readRevocation(
  revocation: EnrollmentRevocation | undefined,
): EnrollmentRevocation | undefined {
  if (revocation === undefined) return undefined
  checkOptionNames(revocation, ['crls', 'isRevoked'], 'option "revocation"')
  const { crls, isRevoked } = revocation
  readFunction(isRevoked, 'revocation.isRevoked')
  if (crls === undefined && isRevoked === undefined)
    throw new TypeError(
      'option "revocation" needs "crls" or "isRevoked"; leave it out where nothing is revoked',
    )
  return { crls: crls === undefined || typeof crls === 'function' ? crls : readCrls(crls), isRevoked }
}

/** CRLs that do not change are read at once: the first renewal may be months away. @throws `TypeError`, `MeshPkiError`. */
function readCrls(crls: unknown): readonly CertificateList[] {
  const items: readonly unknown[] = Array.isArray(crls) ? crls : [crls]
  return items.flatMap((item) => {
    if (item instanceof CertificateList) return [item]
    if (item instanceof Uint8Array) return [CertificateList.fromDer(item)]
    if (typeof item === 'string') return [...CertificateList.listFromPem(item)]
    throw new TypeError(
      `option "revocation.crls" must hold CRLs in PEM (string), DER (Uint8Array) or CertificateList values, or be a function that answers them; got ${typeName(item)}`,
    )
  })
}

/**
 * The certificate of a client, and the cluster that it is for, by the certificate alone: a path for `clientAuth` to one
 * of the anchors (RFC 5280 §6), valid now, not revoked, no CA, with one name.
 *
 * @throws `EnrollmentRefusal` 403, 503.
 */
export async function verifyClient(
  presented: readonly Uint8Array[],
  { anchors, revocation, clock, maxCertificates }: RenewalRules,
): Promise<{ readonly certificate: Certificate; readonly name: string }> {
  const [leaf, ...intermediates] = presented
  if (leaf === undefined)
    throw badCertificate(
      'the client presented no certificate; renewal is over mutual TLS, with the current one',
    )
  if (presented.length > maxCertificates)
    throw badCertificate(
      `the client presented ${presented.length} certificates; at most ${maxCertificates} are read`,
    )
  const crls = typeof revocation?.crls === 'function' ? await revocation.crls() : revocation?.crls
  // A function that has no answer must not turn the check off.
  if (revocation?.crls !== undefined && (crls === undefined || crls === null))
    throw unavailable('the function "revocation.crls" answered nothing')
  const result = await checkPath(leaf, {
    store: (await anchors.current()).store,
    intermediates,
    purpose: 'clientAuth',
    time: clock.now(),
    ...(crls === undefined ? {} : { crls, revocation: 'require' as const }),
  })
  if (!result.ok) throw badCertificate(result.error.message, result.error)
  const { leaf: certificate, certificates, anchor } = result.path
  if (certificate.isCa)
    throw badCertificate(`${certificateLabel(certificate)} is a CA's; a cluster's is none`)
  const found = soleClusterName(certificate.subjectAltNames)
  if ('fault' in found) throw badCertificate(`${certificateLabel(certificate)}: ${found.fault}`)
  if (revocation?.isRevoked !== undefined)
    for (const one of certificates) if (one !== anchor) await askRevoked(one, revocation.isRevoked)
  return { certificate, name: found.name }
}

async function askRevoked(
  certificate: Certificate,
  isRevoked: NonNullable<EnrollmentRevocation['isRevoked']>,
): Promise<void> {
  const answer: unknown = await isRevoked(certificate)
  if (answer === false) return
  if (answer === true) throw badCertificate(`${certificateLabel(certificate)} is revoked`)
  throw unavailable('the function "revocation.isRevoked" answered neither true nor false')
}
