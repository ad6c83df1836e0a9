/**
 * Reads a certificate once, whole, and keeps where everything is.
 *
 * Every byte of the certificate is accounted for here, every extension of RFC 5280 §4.2 to its last.
 * What passes can be decoded without failing; {@link Certificate} decodes when asked.
 *
 * @module
 */

import { equalRange } from '../internal/bytes.ts'
import { context, contextPrimitive, count, DerCursor, Tag } from '../internal/der.ts'
import { readTime } from '../internal/der-time.ts'
import { walkAlgorithmIdentifier } from './algorithm-identifier.ts'
import { CertificateLayout } from './certificate-layout.ts'
import { walkExtensions } from './extension-list.ts'
import { walkName } from './name-walker.ts'
import { walkPublicKeyInfo } from './public-key-info.ts'

/**
 * A deviation from RFC 5280 that a reader may allow by name.
 *
 * `generalized-time-before-2050`: dates before 2050 as GeneralizedTime. A CA must not write them, but
 * "conforming applications MUST be able to process" both forms (RFC 5280 §4.1.2.5), and public roots have them.
 *
 * `trailing-zero-bits`: key usage whose bit list ends in zero bits (X.690 §11.2.2). Some public roots have it.
 */
export type CertificateLeniency = 'generalized-time-before-2050' | 'trailing-zero-bits'

/** Every leniency. */
export const ALL_LENIENCIES: readonly CertificateLeniency[] = [
  'generalized-time-before-2050',
  'trailing-zero-bits',
]

/** The most octets of one certificate. x509-limbo's largest has 78 kB; real ones stay below 10 kB. */
const MAX_CERTIFICATE = 262_144

/** Refuses what is too large to be a certificate, before anybody copies it. */
export function checkCertificateSize(bytes: Uint8Array): void {
  if (bytes.length <= MAX_CERTIFICATE) return
  new DerCursor(bytes).fail(
    'ERR_DER_LIMIT',
    'Certificate',
    `${bytes.length} bytes; at most ${MAX_CERTIFICATE} are read`,
  )
}

/** Reads the certificate that fills `bytes`. @throws `MeshPkiError` `ERR_DER_…` or `ERR_CERTIFICATE_…`. */
export function readCertificateLayout(
  bytes: Uint8Array,
  leniency: readonly CertificateLeniency[],
): CertificateLayout {
  const layout = new CertificateLayout()
  const cursor = new DerCursor(bytes)
  checkCertificateSize(bytes)
  const outer = cursor.enter(Tag.SEQUENCE, 'Certificate')
  layout.tbsStart = cursor.offset
  readTbs(cursor, layout, leniency)
  layout.tbsEnd = cursor.offset

  // The one inside was walked; the same bytes need no second walk, and others are refused whatever they are.
  const outerEnd = cursor.offset + layout.algorithmEnd - layout.algorithmStart
  if (
    outerEnd <= cursor.limit &&
    equalRange(bytes, layout.algorithmStart, layout.algorithmEnd, bytes, cursor.offset, outerEnd)
  ) {
    cursor.offset = outerEnd
  } else {
    walkAlgorithmIdentifier(cursor, 'signatureAlgorithm')
    cursor.fail(
      'ERR_CERTIFICATE_SIGNATURE_ALGORITHM',
      'signatureAlgorithm',
      'not the same as the signature field inside the certificate (RFC 5280 §4.1.1.2)',
    )
  }
  layout.signatureStart = cursor.octetAlignedBitString('signatureValue')
  layout.signatureEnd = cursor.offset
  cursor.leave(outer, 'Certificate')
  if (cursor.offset !== bytes.length) {
    cursor.fail(
      'ERR_DER_TRAILING_DATA',
      'Certificate',
      `${count(bytes.length - cursor.offset, 'byte')} after the certificate; give one certificate without anything behind it, or PEM for several`,
    )
  }
  return layout
}

function readTbs(
  cursor: DerCursor,
  layout: CertificateLayout,
  leniency: readonly CertificateLeniency[],
): void {
  const earlyGeneralizedTime = leniency.includes('generalized-time-before-2050')
  const outer = cursor.enter(Tag.SEQUENCE, 'tbsCertificate')
  if (cursor.peek() === context(0)) {
    const version = cursor.enter(context(0), 'version')
    layout.version = cursor.smallInteger('version') + 1
    cursor.leave(version, 'version')
    if (layout.version !== 2 && layout.version !== 3) {
      cursor.fail(
        'ERR_CERTIFICATE_VERSION',
        'version',
        `v${layout.version} written out; expected v3, v2, or nothing for v1 (RFC 5280 §4.1.2.1)`,
      )
    }
  }
  layout.serialStart = cursor.integer('serialNumber')
  layout.serialEnd = cursor.offset
  layout.algorithmStart = cursor.offset
  walkAlgorithmIdentifier(cursor, 'signature')
  layout.algorithmEnd = cursor.offset
  layout.issuerStart = cursor.offset
  walkName(cursor, 'issuer')
  layout.issuerEnd = cursor.offset
  const validity = cursor.enter(Tag.SEQUENCE, 'validity')
  layout.notBefore = readTime(cursor, 'notBefore', earlyGeneralizedTime)
  layout.notAfter = readTime(cursor, 'notAfter', earlyGeneralizedTime)
  cursor.leave(validity, 'validity')
  layout.subjectStart = cursor.offset
  walkName(cursor, 'subject')
  layout.subjectEnd = cursor.offset
  layout.publicKeyStart = cursor.offset
  walkPublicKeyInfo(cursor)
  layout.publicKeyEnd = cursor.offset
  for (let n = 1; n <= 2; n++) {
    if (cursor.peek() !== contextPrimitive(n)) continue
    if (layout.version === 1)
      cursor.fail('ERR_CERTIFICATE_VERSION', 'uniqueID', 'in a v1 certificate (RFC 5280 §4.1.2.8)')
    cursor.bitString('uniqueID', contextPrimitive(n))
  }
  if (cursor.peek() === context(3)) {
    if (layout.version !== 3) {
      cursor.fail(
        'ERR_CERTIFICATE_VERSION',
        'extensions',
        `in a v${layout.version} certificate; only v3 has them (RFC 5280 §4.1.2.9)`,
      )
    }
    const explicit = cursor.enter(context(3), 'extensions')
    walkExtensions(cursor, layout, leniency.includes('trailing-zero-bits'))
    cursor.leave(explicit, 'extensions')
  }
  cursor.leave(outer, 'tbsCertificate')
}
