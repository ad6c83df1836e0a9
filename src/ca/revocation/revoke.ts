/**
 * Revokes certificates.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { integerFromHex, integerHex, toHex } from '../../internal/bytes.ts'
import { currentTime } from '../../internal/clock.ts'
import { FIRST_INSTANT, LAST_INSTANT } from '../../internal/der-time.ts'
import { instantOf, instantText } from '../../internal/instant-text.ts'
import { checkOneOf, checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { Certificate } from '../../x509/certificate.ts'
import { readAgain } from '../../x509/certificate-input.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import type { RevocationReason } from '../../x509/revoked-certificate.ts'
import { isSignedBy } from '../../x509/signed-parts.ts'
import { importVerificationKey } from '../../x509/verification-key.ts'
import { subjectKeyIdOf } from '../dry-run.ts'
import { KEY_IDENTIFIER_METHODS, keyIdentifier } from '../key-identifier.ts'
import { REASON_NAMES } from './reason-codes.ts'
import type { RevocationEntry, RevocationState } from './revocation-state.ts'
import { type RevocationContext, type StateChange, updateState } from './revocation-store.ts'

/** Options of `CertificateAuthority.revoke`. */
export interface RevokeOptions {
  /**
   * Why. `unspecified` is written by leaving the reason out (RFC 5280 §5.3.1). `certificateHold` can be lifted by
   * `removeFromCRL`, or become another reason; no other can.
   */
  readonly reason: RevocationReason
  /** Since when it is revoked. Default: now; not later. */
  readonly date?: Date | undefined
  /** Since when the key is known or suspected to be compromised (RFC 5280 §5.3.2). */
  readonly invalidityDate?: Date | undefined
  readonly signal?: AbortSignalLike | undefined
}

/** What `CertificateAuthority.revoke` did. */
export interface RevocationChange {
  /** Lower-case hex. */
  readonly serialNumber: string
  /** `false` where it was revoked before: the first date and reason stay. */
  readonly changed: boolean
  /** What CRLs say from the next one on; `removeFromCRL` where nothing is said any more. */
  readonly reason: RevocationReason
  readonly date: Date
}

/** Who is revoked. */
interface Revoked {
  readonly serialNumber: string
  /** For messages. */
  readonly label: string
  readonly notAfter?: string | undefined
  readonly isCa?: boolean | undefined
}

/**
 * Revokes a certificate of this CA, or a serial number in hex. It counts from the next CRL on.
 *
 * Doing it again changes nothing, so it may be retried. With the certificate rather than its serial number, its
 * issuer and signature are checked, its entry ends some time after its expiry, and lists for CAs or for users alone leave it out
 * where they should.
 *
 * @throws `MeshPkiError` `ERR_CA_REVOCATION_ISSUER`, `ERR_CA_REVOCATION_REASON`, `ERR_CA_REVOCATION_CONFLICT`,
 * `ERR_CA_REVOCATION_STORE`, `ERR_CA_REVOCATION_STATE`; `TypeError` and `RangeError` for options.
 */
export async function revoke(
  context: RevocationContext,
  certificate: Certificate | string,
  options: RevokeOptions,
): Promise<RevocationChange> {
  checkOptionNames(options, ['reason', 'date', 'invalidityDate', 'signal'], 'revoke')
  const reason = checkOneOf(options.reason, REASON_NAMES, 'reason')
  const given = { date: options.date, invalidityDate: options.invalidityDate }
  const signal = readSignal(options.signal)
  const now = currentTime(context.clock)
  const date = given.date === undefined ? now : readRange(given.date, 'date')
  if (date > now)
    throw new RangeError(
      `option "date" must not lie in the future; got ${instantText(date)}, and it is ${instantText(now)}`,
    )
  const invalidityDate =
    given.invalidityDate === undefined
      ? undefined
      : instantText(readRange(given.invalidityDate, 'invalidityDate'))
  const revoked = await readRevoked(certificate, context.certificate)
  const asked = { reason, date: instantText(date), invalidityDate }
  const { entry, changed } = await updateState(context, (state) => change(state, revoked, asked), signal)
  return {
    serialNumber: entry.serialNumber,
    changed,
    reason: entry.reason,
    date: new Date(instantOf(entry.date)),
  }
}

type Asked = Pick<RevocationEntry, 'reason' | 'date' | 'invalidityDate'>

interface Change {
  readonly entry: RevocationEntry
  readonly changed: boolean
}

function change(state: RevocationState, revoked: Revoked, asked: Asked): StateChange<Change> {
  const { serialNumber, notAfter, isCa } = revoked
  const at = state.entries.findIndex((entry) => entry.serialNumber === serialNumber)
  const before = state.entries[at]
  const date = dateAfter(before, asked, revoked)
  if (before !== undefined && date === undefined)
    return { next: undefined, answer: { entry: before, changed: false } }
  const entry: RevocationEntry = {
    ...before,
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(isCa === undefined ? {} : { isCa }),
    serialNumber,
    reason: asked.reason,
    date: date ?? asked.date,
    invalidityDate: asked.invalidityDate ?? (wasHeld(before) ? before?.invalidityDate : undefined),
    // A list with the last number may be in the making, without this change.
    since: String(BigInt(state.number) + 1n),
  }
  const entries = [...state.entries]
  entries[at < 0 ? entries.length : at] = entry
  return { next: { ...state, entries }, answer: { entry, changed: true } }
}

/** The date of the entry that follows; `undefined` where the entry stays. @throws `MeshPkiError` `ERR_CA_REVOCATION_REASON`. */
function dateAfter(
  before: RevocationEntry | undefined,
  { reason, date }: Asked,
  revoked: Revoked,
): string | undefined {
  if (wasHeld(before)) {
    if (reason === 'certificateHold') return undefined
    // It was not to be trusted since the hold began; what is lifted has a date of its own.
    return reason === 'removeFromCRL' ? date : before?.date
  }
  const isListed = before !== undefined && before.reason !== 'removeFromCRL'
  if (reason !== 'removeFromCRL') return isListed ? undefined : date
  if (before?.reason === 'removeFromCRL') return undefined
  throw new MeshPkiError(
    'ERR_CA_REVOCATION_REASON',
    `${revoked.label} ${isListed ? `is revoked for ${before.reason}` : 'is not revoked'}: removeFromCRL lifts a certificateHold and nothing else (RFC 5280 §5.3.1). ${isListed ? 'A revocation is final; issue a new certificate' : 'Is it the right certificate?'}`,
    { data: { serialNumber: revoked.serialNumber, reason: before?.reason } },
  )
}

const wasHeld = (entry: RevocationEntry | undefined): boolean => entry?.reason === 'certificateHold'

async function readRevoked(input: Certificate | string, issuer: Certificate): Promise<Revoked> {
  if (input instanceof Certificate) {
    const certificate = readAgain(input)
    checkNamesIssuer(certificate, issuer)
    await checkSignedBy(certificate, issuer)
    return {
      serialNumber: certificate.serialNumber,
      label: certificateLabel(certificate),
      notAfter: instantText(certificate.notAfter.getTime()),
      isCa: certificate.isCa,
    }
  }
  const content = typeof input === 'string' && input.length <= 128 ? integerFromHex(input) : undefined
  if (content === undefined)
    throw new TypeError(
      `revoke takes a Certificate or a serial number in whole octets of hex, as Certificate.serialNumber has it; got ${typeof input === 'string' ? quote(input, 64) : typeName(input)}`,
    )
  const serialNumber = integerHex(content, 0, content.length)
  return { serialNumber, label: `the serial number ${serialNumber}` }
}

/** A serial number means something only together with its issuer (RFC 5280 §4.1.2.2). */
function checkNamesIssuer(certificate: Certificate, issuer: Certificate): void {
  const refuse = (what: string, expected: string, found: string): MeshPkiError =>
    new MeshPkiError(
      'ERR_CA_REVOCATION_ISSUER',
      `${certificateLabel(certificate)} was not issued by ${certificateLabel(issuer)}: expected the ${what} ${expected}, found ${found}. Revoke it at the CA that issued it; its serial number here may be another certificate's (RFC 5280 §5.1.2.6)`,
      { data: { expected, found } },
    )
  if (!certificate.issuer.equals(issuer.subject))
    throw refuse('issuer', nameLabel(issuer.subject), nameLabel(certificate.issuer))
  const found = certificate.authorityKeyIdentifier
  const own = subjectKeyIdOf(issuer)
  // Who issued below a CA without an identifier has computed one, by either method.
  const known =
    own === undefined
      ? KEY_IDENTIFIER_METHODS.map((method) => toHex(keyIdentifier(issuer.publicKey, method)))
      : [toHex(own)]
  if (found !== undefined && !known.includes(found))
    throw refuse('authority key identifier', known.join(' or '), quote(found, 64))
  if (certificate.equals(issuer))
    throw new MeshPkiError(
      'ERR_CA_REVOCATION_ISSUER',
      `${certificateLabel(certificate)} is the CA itself: what it says of itself nobody can believe. Take it out of the trust bundles instead`,
    )
}

/**
 * Its `notAfter` and `isCa` decide in which lists the entry is, and how long: a forgery with the serial number of
 * another would end a revocation early.
 */
async function checkSignedBy(certificate: Certificate, issuer: Certificate): Promise<void> {
  if (await isSignedBy(certificate, await importVerificationKey(issuer.publicKey))) return
  const { signatureAlgorithm, signatureAlgorithmDescription, serialNumber } = certificate
  throw new MeshPkiError(
    'ERR_CA_REVOCATION_ISSUER',
    signatureAlgorithm === undefined
      ? `${certificateLabel(certificate)} is signed with ${escapeText(signatureAlgorithmDescription)}, which is not accepted, so whether ${certificateLabel(issuer)} issued it is not known. If it did, revoke the serial number ${serialNumber}`
      : `${certificateLabel(certificate)} says that ${certificateLabel(issuer)} issued it, and its signature is not by that CA's key: it was changed or forged. Revoke the certificate from the CA's own records, or its serial number`,
  )
}

function readRange(value: unknown, option: string): number {
  const time = readInstant(value, option)
  if (time < FIRST_INSTANT || time > LAST_INSTANT)
    throw new RangeError(`option "${option}" must lie between 1950 and 9999 (RFC 5280 §4.1.2.5)`)
  return time
}
