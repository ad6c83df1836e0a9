/**
 * Describes a certificate revocation list.
 *
 * @module
 */

import { SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { instantText } from '../../internal/instant-text.ts'
import { escapeText } from '../../internal/text.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { CertificateList } from '../../x509/certificate-list.ts'
import { shortHex } from './describe-certificate.ts'
import type { DescribeTerms } from './describe-options.ts'
import { generalNameText, Lists, NOT_CHECKABLE, nameText } from './described-text.ts'
import type { CrlDescription } from './description.ts'

/** Certificates whose keys are tried. */
const MAX_SIGNERS = 64

/** What it says, how old it is, and who signed it where candidates are given. */
export async function describeCrl(list: CertificateList, terms: DescribeTerms): Promise<CrlDescription> {
  const lists = new Lists()
  const { nextUpdate, crlNumber, baseCrlNumber, issuingDistributionPoint: point } = list
  const [from, until] = [list.thisUpdate.getTime(), nextUpdate?.getTime()]
  const { now } = terms
  return {
    kind: 'crl',
    at: terms.at,
    issuer: nameText(list.issuer),
    version: list.version,
    signatureAlgorithm: escapeText(list.signatureAlgorithm ?? list.signatureAlgorithmDescription, 160),
    authorityKeyIdentifier:
      list.authorityKeyIdentifier === undefined ? undefined : shortHex(list.authorityKeyIdentifier, 128),
    number: numberText(crlNumber),
    baseNumber: numberText(baseCrlNumber),
    isDelta: baseCrlNumber !== undefined,
    isIndirect: point?.indirectCrl === true,
    scope: scopeOf(point, lists),
    thisUpdate: instantText(from),
    nextUpdate: until === undefined ? undefined : instantText(until),
    ageMs: now - from,
    remainingMs: until === undefined ? undefined : until - now,
    state: stateOf(now, from, until),
    size: list.size,
    reasons: countReasons(list),
    deltaAddresses: lists.take(
      'deltaAddresses',
      (list.freshestCrl ?? []).flatMap(({ fullName }) => fullName ?? []),
      generalNameText,
    ),
    signature: await signatureOf(list, terms),
    fingerprint: list.fingerprint(),
    omitted: lists.omitted,
  }
}

/** RFC 5280 §5.2.3 allows 20 octets, which JSON has no number for. */
const numberText = (value: bigint | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

function stateOf(now: number, from: number, until: number | undefined): CrlDescription['state'] {
  if (now < from) return 'not-yet-valid'
  if (until === undefined) return 'without-next-update'
  return now > until ? 'expired' : 'current'
}

function scopeOf(point: CertificateList['issuingDistributionPoint'], lists: Lists): readonly string[] {
  if (point === undefined) return []
  const said: readonly (readonly [boolean, string])[] = [
    [point.onlyContainsUserCerts, 'only certificates of end entities'],
    [point.onlyContainsCaCerts, 'only certificates of CAs'],
    [point.onlyContainsAttributeCerts, 'only attribute certificates'],
    [point.onlySomeReasons !== undefined, 'only some reasons'],
    [point.relativeName !== undefined, 'a distribution point relative to its issuer'],
  ]
  return [
    ...said.filter(([is]) => is).map(([, words]) => words),
    ...lists.take('scope', point.fullName ?? [], generalNameText),
  ]
}

function countReasons(list: CertificateList): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { reason = 'none' } of list) counts[reason] = (counts[reason] ?? 0) + 1
  return counts
}

async function signatureOf(
  list: CertificateList,
  { anchors, intermediates }: DescribeTerms,
): Promise<CrlDescription['signature']> {
  const known = [...(anchors ?? []).flatMap(({ certificates }) => certificates), ...intermediates]
  if (known.length === 0) return undefined
  const namesakes = known.filter(({ subject }) => subject.equals(list.issuer))
  const candidates = namesakes.slice(0, MAX_SIGNERS)
  const oracle = new SignatureOracle()
  let isUnknown = false
  for (const candidate of candidates) {
    const signed = await oracle.isSignedBy(list, candidate)
    if (signed === true) return { ok: true, signer: certificateLabel(candidate) }
    isUnknown ||= signed === undefined
  }
  if (isUnknown) return { ok: false, reason: NOT_CHECKABLE }
  return {
    ok: false,
    reason:
      candidates.length === 0
        ? 'none of the certificates that were given bears the name of its issuer'
        : namesakes.length > MAX_SIGNERS
          ? `the keys of ${MAX_SIGNERS} certificates that bear the name of its issuer did not sign it; there are more, which were not tried`
          : 'a certificate that was given bears the name of its issuer, and its key did not sign it',
  }
}
