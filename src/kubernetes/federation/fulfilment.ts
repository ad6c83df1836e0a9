/**
 * Whether the CA of a cluster is what was ordered.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { quote } from '../../internal/text.ts'
import { renewalTime } from '../../rotation/renewal-time.ts'
import { distinctCertificates } from '../../verify/trust-store.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { readCertificates } from '../secrets/secret-reader.ts'
import type { ForeignSecretRule } from './agent-decision.ts'
import { hasNames, type InstalledCa, leadsTo, wishOf } from './installed-ca.ts'
import type { IssuedCertificate, IssuedCertificateSpec } from './issued-certificate.ts'

/** What is compared. */
export interface FulfilmentView {
  readonly order: IssuedCertificate
  readonly installed: InstalledCa | undefined
  readonly now: Date
  readonly foreign: ForeignSecretRule
}

/** Certificates begin some minutes before they are made, so that clocks may differ; that is no longer life. */
const BACKDATE_MS = 600_000

/** Why the installed CA is not what was ordered; `undefined` where it is. */
export async function whyNotFulfilled(
  { order, installed, now, foreign }: FulfilmentView,
  bundle: readonly Certificate[] | undefined,
): Promise<string | undefined> {
  const { spec } = order
  if (installed === undefined) return 'there is no CA yet'
  if (installed.bundle === undefined) return installed.problem ?? 'it cannot be read'
  const { certificate, roots } = installed.bundle
  if (!certificate.isCa) return 'its certificate is no CA’s'
  // One that was taken over keeps its names for as long as nothing else is ordered.
  const keepsNames = installed.isOurs ? installed.adopted === wishOf(spec) : foreign === 'adopt'
  if (!keepsNames && !hasNames(certificate, spec.hosts)) return 'its names are not those that were ordered'
  const other = installed.isOurs || keepsNames ? undefined : whyOtherTerms(certificate, spec)
  if (other !== undefined) return other
  const renewAt = renewalTime(certificate, { gracePeriodRatio: spec.gracePeriodRatio })
  if (renewAt <= now) return `it is due for renewal since ${renewAt.toISOString()}`
  if (!(await leadsTo(installed.bundle, roots, now))) return 'it does not lead to the roots beside it'
  if (bundle !== undefined && !(await leadsTo(installed.bundle, bundle, now)))
    return 'it does not lead to the roots that were ordered'
  return (await leadsTo(installed.bundle, rootsOfAuthority(spec, bundle ?? roots), now))
    ? undefined
    : `it does not lead to a root of the authority that was ordered, ${quote(spec.authority ?? '', 64)}`
}

/** Of some roots those that are the ordered authority's; all where the order does not say which these are. */
export function rootsOfAuthority(
  { authorityRoots }: IssuedCertificateSpec,
  roots: readonly Certificate[],
): readonly Certificate[] {
  return authorityRoots === undefined
    ? roots
    : roots.filter((root) => authorityRoots.includes(root.fingerprint()))
}

/** Whether it is certain under which authority a CA is that leads to the roots of an order. */
export function namesOneAuthority(
  { authorityRoots }: IssuedCertificateSpec,
  bundle: readonly Certificate[],
): boolean {
  return authorityRoots !== undefined || distinctCertificates(bundle).length === 1
}

/** A CA that may do more than was ordered is another one. */
function whyOtherTerms(certificate: Certificate, spec: IssuedCertificateSpec): string | undefined {
  const { pathLength, publicKeyType, notAfter, notBefore } = certificate
  if ((pathLength ?? 'none') !== spec.pathLength)
    return `its path length is ${pathLength ?? 'none'}, and ${spec.pathLength} was ordered`
  if (publicKeyType !== spec.keyAlgorithm)
    return `its key is ${publicKeyType}, and ${spec.keyAlgorithm} was ordered`
  const life = notAfter.getTime() - notBefore.getTime()
  return life > readDuration(spec.lifetime, 'lifetime') + BACKDATE_MS
    ? `it lives longer than the ${spec.lifetime} that were ordered`
    : undefined
}

/** The roots that shall stand in `cacerts` from now on, where they differ and the CA that is there is under them. */
export async function rootsToPublish(
  { order: { spec }, installed, now }: FulfilmentView,
  bundle: readonly Certificate[] | undefined,
): Promise<readonly Certificate[] | undefined> {
  const found = installed?.bundle
  if (bundle === undefined || found === undefined) return undefined
  const isSame =
    found.roots.length === bundle.length &&
    found.roots.every((root, i) => root.equals(bundle[i] ?? found.certificate))
  const isNumbered =
    installed?.bundleSequence === spec.bundleSequence && installed?.rollover === spec.rollover
  if (isSame && isNumbered) return undefined
  return (await leadsTo(found, bundle, now)) ? bundle : undefined
}

/** Whether roots that work would give way to others: nobody would trust both, and istiod ignores such a change. */
export async function isSwap(
  { installed, now }: FulfilmentView,
  bundle: readonly Certificate[],
): Promise<boolean> {
  const found = installed?.bundle
  if (found === undefined || !(await leadsTo(found, found.roots, now))) return false
  const [before, after] = [found.roots, bundle].map(
    (roots) => new Set(roots.map((root) => root.fingerprint())),
  )
  if (before === undefined || after === undefined) return false
  const isWithin = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
    [...a].every((one) => b.has(one))
  return !isWithin(before, after) && !isWithin(after, before)
}

/** The roots of an order; an error where they cannot be read or are none. */
export function readTrustBundle(text: string | undefined): readonly Certificate[] | undefined | MeshPkiError {
  if (text === undefined) return undefined
  try {
    const roots = readCertificates(text)
    const other = roots.find((root) => !root.isCa)
    if (other === undefined) return roots
    return new MeshPkiError(
      'ERR_CA_NOT_CA',
      `the certificate of ${quote(String(other.subject))} is not a CA’s`,
    )
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}
