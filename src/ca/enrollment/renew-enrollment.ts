/**
 * A cluster's next certificate, for its current one.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { checkOptionNames, readFunction, readInstant } from '../../internal/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../../x509/certificate-input.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import {
  type CheckedClientOptions,
  CLIENT_OPTIONS,
  type EnrollmentClientOptions,
  readClientOptions,
} from './client-options.ts'
import { soleClusterName } from './cluster-name.ts'
import { askForCertificate, type Enrollment } from './enrollment-client.ts'

/** Options of {@link renewEnrollment}. */
export interface RenewEnrollmentOptions extends EnrollmentClientOptions {
  /** The current certificate. `dial` must present it, with its key: the name is taken from it alone. */
  readonly certificate: CertificateInput
  /** When to begin, or a function that says so of the current certificate. Default: at once. */
  readonly renewAt?: Date | ((certificate: Certificate) => Date) | undefined
}

/**
 * Gets a cluster its next certificate over mutual TLS with the current one: the same name, a new key, no token.
 *
 * With `renewAt` it sleeps by the clock until then; the time-out begins after that. Everything else is as for `enroll`.
 *
 * @throws as `enroll`; `MeshPkiError` `ERR_ENROLLMENT_CERTIFICATE` for a current certificate that has expired or is none
 * of a cluster; `RangeError` for a `renewAt` at which it will have expired, and for a `key` that is the current one.
 *
 * @example
 * ```ts
 * import { renewEnrollment } from 'mesh-pki/ca'
 * import { enrollmentDialer } from 'mesh-pki/node'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare const certificate: Certificate, cert: string, key: string, relayRootPem: string
 * const renewed = await renewEnrollment({
 *   url: 'https://relay.example:9900/enrollment/v1',
 *   dial: enrollmentDialer({ credentials: { cert, key } }),
 *   anchors: relayRootPem,
 *   certificate,
 *   extractable: true,
 * })
 * ```
 */
export async function renewEnrollment(options: RenewEnrollmentOptions): Promise<Enrollment> {
  checkOptionNames(options, [...CLIENT_OPTIONS, 'certificate', 'renewAt'], 'renewEnrollment')
  const certificate = toCertificate(options.certificate)
  const { renewAt } = options
  const checked = readClientOptions(options)
  const found = soleClusterName(certificate.subjectAltNames)
  if ('fault' in found) throw unusable(certificate, `is none of a cluster: ${found.fault}`)
  if (renewAt !== undefined) await sleepUntil(renewAt, certificate, checked)
  const now = checked.clock.now().getTime()
  if (now > certificate.notAfter.getTime())
    throw unusable(
      certificate,
      `expired at ${certificate.notAfter.toISOString()}, and renews nothing any longer. Enroll again, with a token`,
    )
  const { publicKey } = certificate
  const checkKey = (next: Uint8Array): void => {
    if (equalBytes(next, publicKey))
      throw new RangeError('option "key" is the key of the current certificate; a renewal needs a new one')
  }
  return askForCertificate(checked, { operation: 'renew', name: found.name, token: undefined, checkKey })
}

async function sleepUntil(
  renewAt: NonNullable<RenewEnrollmentOptions['renewAt']>,
  certificate: Certificate,
  { clock, signal }: CheckedClientOptions,
): Promise<void> {
  if (!(renewAt instanceof Date)) readFunction(renewAt, 'renewAt')
  const due = readInstant(renewAt instanceof Date ? renewAt : renewAt(certificate), 'renewAt')
  if (due > certificate.notAfter.getTime())
    throw new RangeError(
      `option "renewAt" is ${new Date(due).toISOString()}, when the certificate has expired already (${certificate.notAfter.toISOString()})`,
    )
  if (signal?.aborted === true) throw signal.reason
  // Again, since a clock may be set back meanwhile.
  for (let rest = due - clock.now().getTime(); rest > 0; rest = due - clock.now().getTime())
    await clock.sleep(rest, signal)
}

function unusable(certificate: Certificate, problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_ENROLLMENT_CERTIFICATE',
    `the current certificate ${certificateLabel(certificate)} ${problem}`,
  )
}
