/**
 * Compares what an external issuer answered with what it was asked for.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes, toHex } from '../../internal/bytes.ts'
import { formatDuration } from '../../internal/duration.ts'
import { typeName } from '../../internal/options.ts'
import { checkPath } from '../../verify/verify-path.ts'
import { Certificate } from '../../x509/certificate.ts'
import {
  type CertificateInput,
  readAgain,
  toCertificate,
  toCertificates,
} from '../../x509/certificate-input.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import { purposeLabel } from '../../x509/extensions/extended-key-usage.ts'
import { sameGeneralNames } from '../../x509/general-name-key.ts'
import { readPublicKeyInfo } from '../../x509/public-key-info.ts'
import { dryRun } from '../dry-run.ts'
import { type CertificateMismatch, namesText, wordsText } from './certificate-mismatch.ts'
import type { Expectations } from './expectations.ts'

/** How far the issuer's clock may be ahead of ours. */
export const CLOCK_SKEW_MS = 60_000

/** Certificates that a chain may hold. Real ones have two to four. */
const MAX_CHAIN = 100

/** What could be read of an answer. */
export interface ReadAnswer {
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  /** Why some of the chain could not be read: it counts only where no path is found. */
  readonly unreadable: unknown
}

/** What must hold, and since when. */
export interface TimedExpectations extends Expectations {
  /** When the first certificate was made that may answer; `undefined` where it is resumed. */
  readonly madeSince: number | undefined
}

/** What {@link checkAnswer} found: no mismatch, then the path; or the mismatches. */
export interface CheckedAnswer {
  readonly mismatches: readonly CertificateMismatch[]
  /** From the certificate to the root. */
  readonly path: readonly Certificate[]
  readonly cause: unknown
}

/** Why an answer is none. */
interface NoAnswer {
  readonly found: string
  readonly cause?: unknown
}

/** Reads an answer, each member once; or says why it is none. @throws nothing, whatever it is. */
export function readAnswer(answer: unknown): ReadAnswer | NoAnswer {
  try {
    return readMembers(answer)
  } catch (cause) {
    return { found: 'an answer whose members cannot be read', cause }
  }
}

function readMembers(answer: unknown): ReadAnswer | NoAnswer {
  if (typeof answer !== 'object' || answer === null)
    return { found: answer === null ? 'null' : typeof answer }
  const { certificate: given, chain = [] } = answer as Readonly<Record<string, unknown>>
  if (given === undefined) return { found: 'an answer without a certificate' }
  const members: readonly unknown[] = Array.isArray(chain) ? chain : [chain]
  const count = members.length
  if (count > MAX_CHAIN) return { found: `a chain of ${count} members` }
  // By index: an iterator of its own need not end.
  const items = Array.from({ length: count }, (_, i) => members[i])
  let certificate: Certificate
  try {
    // Read again from its bytes, as strictly as any: what an adapter holds may have been read otherwise.
    certificate = Certificate.fromDer(Certificate.bytesOf(toCertificate(given as CertificateInput)))
  } catch (cause) {
    return { found: `a certificate that cannot be read: ${messageOf(cause, given)}`, cause }
  }
  let unreadable: unknown
  const read = items.flatMap((item) => {
    try {
      return item instanceof Certificate
        ? [readAgain(item)]
        : toCertificates(item as CertificateInput, 'chain', { leniency: ['generalized-time-before-2050'] })
    } catch (error) {
      unreadable ??= isOurs(error) ? error : new TypeError('not a certificate', { cause: error })
      return []
    }
  })
  return { certificate, chain: read.slice(0, MAX_CHAIN), unreadable }
}

function messageOf(cause: unknown, given: unknown): string {
  return isOurs(cause) ? cause.message : typeName(given)
}

/** Even the question can throw, of a `Proxy`. */
function isOurs(error: unknown): error is MeshPkiError {
  try {
    return error instanceof MeshPkiError
  } catch {
    return false
  }
}

/** Every difference, not the first alone. @throws nothing for what the answer says. */
export async function checkAnswer(
  { certificate, chain, unreadable }: ReadAnswer,
  expected: TimedExpectations,
  now: number,
): Promise<CheckedAnswer> {
  const mismatches = [
    ...checkIdentity(certificate, expected),
    ...checkKind(certificate, expected),
    ...checkValidity(certificate, expected, now),
  ]
  let cause: unknown
  const verdict = await findPath(certificate, chain, expected, now)
  if ('problem' in verdict) {
    cause = verdict.cause ?? unreadable
    const note =
      unreadable instanceof MeshPkiError ? `; not all of the chain can be read: ${unreadable.message}` : ''
    mismatches.push({ field: verdict.field, expected: verdict.expected, found: `${verdict.problem}${note}` })
  }
  const { path = [] } = verdict
  mismatches.push(...checkIssuers(certificate, path.slice(1)))
  return { mismatches, path, cause }
}

function checkIdentity(certificate: Certificate, { csr, intent }: Expectations): CertificateMismatch[] {
  const found: CertificateMismatch[] = []
  const { publicKey, subject, subjectAltNames } = certificate
  if (!equalBytes(publicKey, csr.publicKey))
    found.push({ field: 'publicKey', expected: keyText(csr.publicKey), found: keyText(publicKey) })
  if (!subject.equals(intent.subject))
    found.push({ field: 'subject', expected: nameLabel(intent.subject), found: nameLabel(subject) })
  if (!sameGeneralNames(subjectAltNames, intent.subjectAltNames))
    found.push({
      field: 'subjectAltNames',
      expected: namesText(intent.subjectAltNames),
      found: namesText(subjectAltNames),
    })
  return found
}

function checkKind(certificate: Certificate, expected: Expectations): CertificateMismatch[] {
  const { intent } = expected
  const found: CertificateMismatch[] = []
  if (certificate.isCa !== intent.isCa)
    found.push({ field: 'isCa', expected: String(intent.isCa), found: String(certificate.isCa) })
  const pathLength = certificate.pathLength ?? 'none'
  if (pathLength !== intent.pathLength)
    found.push({ field: 'pathLength', expected: String(intent.pathLength), found: String(pathLength) })
  const usage = certificate.keyUsage ?? []
  if (intent.keyUsage.some((name) => !usage.includes(name)))
    found.push({
      field: 'keyUsage',
      expected: `at least ${wordsText(intent.keyUsage)}`,
      found: wordsText(usage),
    })
  if (!intent.isCa && (usage.includes('keyCertSign') || usage.includes('cRLSign')))
    found.push({ field: 'keyUsage', expected: 'neither keyCertSign nor cRLSign', found: wordsText(usage) })
  const purposes = certificate.extendedKeyUsage ?? []
  const wanted = intent.extendedKeyUsage
  const isSame =
    wanted.every((oid) => purposes.includes(oid)) && purposes.every((oid) => wanted.includes(oid))
  if (!intent.isCa && expected.purposes !== 'any' && !isSame)
    found.push({
      field: 'extendedKeyUsage',
      expected: wordsText(wanted.map(purposeLabel)),
      found: wordsText(purposes.slice(0, 8).map(purposeLabel)),
    })
  return [...found, ...checkConstraints(certificate, expected)]
}

function checkConstraints(
  { nameConstraints: given }: Certificate,
  { nameConstraints: wanted }: Expectations,
): CertificateMismatch[] {
  if (wanted === 'any') return []
  const lists = ['permitted', 'excluded'] as const
  if (lists.every((list) => sameGeneralNames(given?.[list] ?? [], wanted?.[list] ?? []))) return []
  const text = (value: typeof given): string =>
    value === undefined ? 'none' : lists.map((list) => `${list} ${namesText(value[list])}`).join('; ')
  return [{ field: 'nameConstraints', expected: text(wanted), found: text(given) }]
}

function checkValidity(
  certificate: Certificate,
  expected: TimedExpectations,
  now: number,
): CertificateMismatch[] {
  const { notBefore, notAfter } = Certificate.layoutOf(certificate)
  const { lifetimeMs } = expected.intent
  const found: CertificateMismatch[] = []
  if (notBefore > now)
    found.push({
      field: 'notBefore',
      expected: `at most ${instant(now)}, which is now`,
      found: instant(notBefore),
    })
  const { madeSince, backdateMs } = expected
  if (madeSince !== undefined && notBefore < madeSince - backdateMs - CLOCK_SKEW_MS)
    found.push({
      field: 'age',
      expected: `begun at ${instant(madeSince - backdateMs)} or later; "lifetime.backdate" is ${formatDuration(backdateMs)}`,
      found: `begun at ${instant(notBefore)}`,
    })
  if (notAfter < now) {
    found.push({
      field: 'notAfter',
      expected: `at least ${instant(now)}, which is now`,
      found: instant(notAfter),
    })
  } else if (notAfter - now < expected.minLifetimeMs - CLOCK_SKEW_MS) {
    found.push({
      field: 'lifetime',
      expected: `at least ${formatDuration(expected.minLifetimeMs)}`,
      found: `${formatDuration(notAfter - now)}, until ${instant(notAfter)}`,
    })
  }
  const total = notAfter - notBefore
  if (notAfter - now > lifetimeMs + CLOCK_SKEW_MS || total > lifetimeMs + backdateMs)
    found.push({
      field: 'lifetime',
      expected: `at most ${formatDuration(lifetimeMs)}, begun at most ${formatDuration(backdateMs)} ago`,
      found: `${formatDuration(total)}, until ${instant(notAfter)}`,
    })
  return found
}

type PathVerdict =
  | { readonly path: readonly Certificate[] }
  | {
      readonly field: string
      readonly expected: string
      readonly problem: string
      readonly cause: MeshPkiError | undefined
      readonly path?: readonly Certificate[]
    }

/** A path to an anchor that was expected; for a CA one that a workload below it verifies by. */
async function findPath(
  certificate: Certificate,
  chain: readonly Certificate[],
  { anchors, intent, purposes }: Expectations,
  now: number,
): Promise<PathVerdict> {
  const expected = `a path to ${anchors.slice(0, 3).map(certificateLabel).join(' or ')}`
  const time = new Date(now)
  const [first = 'any', ...others] = purposes === 'any' ? [] : purposes
  const found = await checkPath(certificate, { anchors, intermediates: chain, time, purpose: first })
  if (!found.ok) return { field: 'chain', expected, problem: found.error.message, cause: found.error }
  const path = found.path.certificates
  const above = path.slice(1)
  if (above.length === 0)
    return {
      field: 'chain',
      expected,
      problem: 'the root itself in place of a certificate',
      cause: undefined,
    }
  // One path must do for everything: it is the chain that is handed out.
  for (const purpose of others) {
    const result = await checkPath(certificate, {
      anchors: above.slice(-1),
      intermediates: above,
      time,
      purpose,
    })
    if (!result.ok) return { field: 'chain', expected, problem: result.error.message, cause: result.error }
  }
  // An issuer of the same name is refused elsewhere; here it could stand in for the certificate.
  const isNamesake = above.some((issuer) => issuer.subject.equals(certificate.subject))
  if (!intent.isCa || !certificate.isCa || isNamesake) return { path }
  try {
    await dryRun({ certificate, above, signer: undefined, now, anchor: 'any', anchors: above.slice(-1) })
    return { path }
  } catch (cause) {
    if (!(cause instanceof MeshPkiError)) throw cause
    const below = 'a CA below which a workload verifies'
    return { field: 'issuance', expected: below, problem: cause.message, cause, path }
  }
}

/** Self-issued certificates are exempt from path length; one with an issuer's key could sign in its place. */
function checkIssuers(certificate: Certificate, issuers: readonly Certificate[]): CertificateMismatch[] {
  const found: CertificateMismatch[] = []
  const others = issuers.filter((issuer) => !issuer.equals(certificate))
  const namesake = others.find((issuer) => issuer.subject.equals(certificate.subject))
  if (certificate.isSelfIssued || (namesake !== undefined && !certificate.subject.isEmpty))
    found.push({
      field: 'issuer',
      expected: 'issuers of other names than its own',
      found: namesake === undefined ? 'a self-issued certificate' : certificateLabel(namesake),
    })
  const twin = others.find((issuer) => equalBytes(issuer.publicKey, certificate.publicKey))
  if (twin !== undefined)
    found.push({
      field: 'publicKey',
      expected: 'a key that no issuer has',
      found: `the key of ${certificateLabel(twin)}`,
    })
  return found
}

function keyText(publicKey: Uint8Array): string {
  return `${readPublicKeyInfo(publicKey).description} with SHA-256 ${toHex(sha256(publicKey))}`
}

const instant = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')
