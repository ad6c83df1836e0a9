/**
 * Has an external issuer make a certificate, and verifies it before anybody sees it.
 *
 * @module
 */

import { verifyProofOfPossession } from '../../csr/proof-of-possession.ts'
import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { readRetryPolicy } from '../../internal/backoff.ts'
import { type Clock, currentTime, readClock } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readFlag, readFunction, typeName } from '../../internal/options.ts'
import { sleepBy } from '../../internal/within-time.ts'
import { Certificate } from '../../x509/certificate.ts'
import type { IssuedCertificate } from '../authority-options.ts'
import type { CertificateMismatch } from './certificate-mismatch.ts'
import {
  CLOCK_SKEW_MS,
  checkAnswer,
  type ReadAnswer,
  readAnswer,
  type TimedExpectations,
} from './check-answer.ts'
import { readExpectations, shownIntent } from './expectations.ts'
import type { ExternalIssuer } from './external-issuer.ts'
import { callIssuer, issuerLabel } from './issuer-call.ts'
import { REQUEST_OPTION_NAMES, type RequestCertificateOptions } from './request-options.ts'

/**
 * Asks an external issuer for a certificate and answers it only if it is what was asked for: the key of the request,
 * subject, names, CA or not, path length, key usage and purposes, name constraints, lifetime, and a path to a root
 * that is expected; below a CA a throw-away leaf must verify. The chain is the path that was verified, root last,
 * whatever the issuer sent beside it.
 *
 * A certificate whose validity began more than `lifetime.backdate` before it was asked for is refused, since it may be in
 * use; an idempotent issuer has ten minutes more. Only what `lookup` answers to `resume` may be older, and `lifetime.min`
 * says what must be left of it.
 *
 * A wish has one name, `requestId`, in all attempts. After a timeout, and after a failure that may have made a
 * certificate, the issuer is asked what became of it before it is asked again.
 *
 * @throws `MeshPkiError` `ERR_CSR_SIGNATURE` and `ERR_KEY_…` for the request; `ERR_ISSUER_MISMATCH`, with every
 * difference in `data.mismatches`; `ERR_ISSUER_FAILED`, `ERR_ISSUER_TIMEOUT`, `ERR_ISSUER_OUTCOME_UNKNOWN`;
 * `ERR_CA_SUBJECT` for a CA without a name; `TypeError` and `RangeError` for options; the reason of the signal.
 *
 * @example
 * ```ts
 * import { CertificateAuthority, type ExternalIssuer, requestCertificate } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 *
 * declare const vault: ExternalIssuer, rootPem: string
 * const { csr, signer } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })
 * const issued = await requestCertificate(vault, {
 *   csr,
 *   isCa: true,
 *   pathLength: 0,
 *   lifetime: { max: '90d' },
 *   anchors: rootPem,
 * })
 * const ca = await CertificateAuthority.from({ ...issued, signer })
 * ```
 */
export async function requestCertificate(
  issuer: ExternalIssuer,
  options: RequestCertificateOptions,
): Promise<IssuedCertificate> {
  checkOptionNames(options, REQUEST_OPTION_NAMES, 'requestCertificate')
  checkIssuer(issuer)
  const canLookUp = typeof issuer.lookup === 'function'
  const isIdempotent = issuer.idempotent === true
  const given = { ...options }
  const clock = readClock(given.clock)
  const signal = readSignal(given.signal)
  const policy = readRetryPolicy(given, '30s')
  const pendingMs = readDuration(given.pendingTimeout ?? '5m', 'pendingTimeout')
  const resume = readFlag(given.resume, 'resume', false)
  readFunction(given.onEvent, 'onEvent')
  if (resume && !canLookUp) throw new TypeError('option "resume" needs an issuer with the method lookup()')
  if (signal?.aborted === true) throw signal.reason
  const { csr } = await verifyProofOfPossession(given.csr)
  const expected = readExpectations(given, csr)
  const { requestId } = expected
  const request = Object.freeze({ csr, requestId, intent: shownIntent(expected.intent) })
  const now = currentTime(clock)
  const { answer, isResumed } = await callIssuer({
    issuer,
    request,
    resume,
    canLookUp,
    isIdempotent,
    policy,
    pendingMs,
    clock,
    signal,
    onEvent: given.onEvent,
  })
  const read = readAnswer(answer)
  if ('found' in read) {
    const mismatch = { field: 'certificate', expected: 'a certificate and its chain', found: read.found }
    throw mismatched(issuer, requestId, [mismatch], undefined, read.cause)
  }
  // What is resumed may have been made at any time before; what is repeated, since an idempotent issuer made it.
  const madeSince = isResumed ? undefined : isIdempotent ? now - REPEATED_MS : now
  return judge(issuer, read, { ...expected, madeSince }, clock, signal)
}

/** How long an idempotent issuer may answer a repeated request by the certificate that it made. */
const REPEATED_MS = 600_000

async function judge(
  issuer: ExternalIssuer,
  read: ReadAnswer,
  expected: TimedExpectations,
  clock: Clock,
  signal: AbortSignalLike | undefined,
): Promise<IssuedCertificate> {
  const { notBefore, notAfter } = Certificate.layoutOf(read.certificate)
  let now = currentTime(clock)
  // An issuer that does not backdate, and whose clock is ahead: waiting costs less than another certificate.
  if (notBefore > now && notBefore - now <= CLOCK_SKEW_MS) {
    await sleepBy(clock, notBefore - now, signal)
    now = currentTime(clock)
  }
  const { mismatches, path, cause } = await checkAnswer(read, expected, now)
  const [certificate, ...issuers] = path
  if (mismatches.length > 0 || certificate === undefined)
    throw mismatched(issuer, expected.requestId, mismatches, read.certificate, cause)
  const cappedBy = issuers.find((above) => Certificate.layoutOf(above).notAfter === notAfter)
  const chain = Object.freeze([...path])
  const isShorter = notAfter - now < expected.intent.lifetimeMs - CLOCK_SKEW_MS
  return cappedBy === undefined || !isShorter ? { certificate, chain } : { certificate, chain, cappedBy }
}

function checkIssuer(issuer: ExternalIssuer): void {
  if (typeof issuer === 'object' && issuer !== null && typeof issuer.issue === 'function') return
  throw new TypeError(
    `requestCertificate takes an ExternalIssuer, which has a method issue(); got ${typeName(issuer)}`,
  )
}

function mismatched(
  issuer: ExternalIssuer,
  requestId: string,
  mismatches: readonly CertificateMismatch[],
  certificate: Certificate | undefined,
  cause: unknown,
): MeshPkiError {
  const list = mismatches
    .map(({ field, expected, found }) => `${field}: expected ${expected}, found ${found}`)
    .join('; ')
  const { serialNumber } = certificate ?? {}
  const remedy = serialNumber === undefined ? '' : `. ${remedyFor(mismatches, serialNumber)}`
  return new MeshPkiError(
    'ERR_ISSUER_MISMATCH',
    `what ${issuerLabel(issuer)} answered is not what it was asked for, and is not used: ${list}${remedy}`,
    {
      data: {
        requestId,
        mismatches: Object.freeze(mismatches.map((mismatch) => Object.freeze({ ...mismatch }))),
        ...(certificate === undefined ? {} : { serialNumber, fingerprint: certificate.fingerprint() }),
      },
      cause,
    },
  )
}

function remedyFor(mismatches: readonly CertificateMismatch[], serialNumber: string): string {
  const differs = (name: string): boolean => mismatches.some(({ field }) => field === name)
  if (differs('publicKey'))
    return `The certificate with serial number ${serialNumber} may be that of another request: look there before anything is revoked`
  // Another wish by the same name may have been granted long ago.
  if (differs('age'))
    return `The certificate with serial number ${serialNumber} was made before it was asked for, and may be in use. To get another, ask by another requestId or, better, for a new key; resume: true takes what lookup answers`
  return `Revoke the certificate with serial number ${serialNumber} there`
}
