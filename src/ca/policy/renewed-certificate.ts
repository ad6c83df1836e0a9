/**
 * A certificate that somebody renews.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { currentTime } from '../../internal/clock.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { Issuer } from '../issuer.ts'
import { revocationOf } from '../revocation/revocation-store.ts'

/**
 * Verifies that a certificate is of this CA's root, valid now, and not revoked as far as this CA's own store says.
 *
 * @throws `MeshPkiError` `ERR_POLICY_RENEWAL` with the `PathError` as cause.
 */
export async function verifyRenewed(
  issuer: Issuer,
  input: CertificateInput | readonly CertificateInput[],
): Promise<Certificate> {
  const [current, ...intermediates] = toCertificates(input, 'renews')
  if (current === undefined)
    throw new TypeError('option "renews" is an empty list; the certificate itself comes first')
  const anchor = issuer.chain[issuer.chain.length - 1] ?? issuer.certificate
  const result = await checkPath(current, {
    anchors: [anchor],
    intermediates: [...issuer.chain, ...intermediates],
    purpose: 'any',
    time: new Date(currentTime(issuer.clock)),
  })
  if (result.ok) {
    await checkNotRevoked(issuer, current)
    return current
  }
  throw new MeshPkiError(
    'ERR_POLICY_RENEWAL',
    `${certificateLabel(current)} cannot be renewed: it is no valid certificate below ${certificateLabel(anchor)}. ${result.error.message}. Ask for a new one as for the first time`,
    { cause: result.error },
  )
}

/** Only what this very CA issued is in its store. @throws `MeshPkiError` `ERR_POLICY_RENEWAL`, and what the store throws. */
async function checkNotRevoked(issuer: Issuer, current: Certificate): Promise<void> {
  const { certificate, revocations: store } = issuer
  if (store === undefined || !current.issuer.equals(certificate.subject)) return
  const reason = await revocationOf({ certificate, store }, current.serialNumber)
  if (reason === undefined) return
  throw new MeshPkiError(
    'ERR_POLICY_RENEWAL',
    `${certificateLabel(current)} cannot be renewed: it is revoked (${reason}). Ask for a new one as for the first time`,
    { data: { reason } },
  )
}
