/**
 * How messages name a certificate.
 *
 * @module
 */

import { integerHex } from '../internal/bytes.ts'
import { quote } from '../internal/text.ts'
import { Certificate } from './certificate.ts'
import { formatGeneralName } from './general-name.ts'
import type { Name } from './name.ts'

/** Octets of a name that is written out; a longer one would be cut anyway, and writing it takes time. */
const MAX_NAME = 8192

/** Octets of a serial number that is written out. RFC 5280 §4.1.2.2 allows 20. */
const MAX_SERIAL = 20

/** A certificate in a few words: its subject, or its first alternative name where that is empty, and its serial number. */
export function certificateLabel(certificate: Certificate): string {
  const [name] = certificate.subject.isEmpty ? certificate.subjectAltNames : []
  const shown =
    name !== undefined ? quote(formatGeneralName(name), 160) : nameLabel(certificate.subject, '(no subject)')
  const { serialStart, serialEnd } = Certificate.layoutOf(certificate)
  const octets = serialEnd - serialStart
  const serial =
    octets > MAX_SERIAL + 1
      ? `of ${octets} octets`
      : integerHex(Certificate.bytesOf(certificate), serialStart, serialEnd)
  return `${shown} (serial ${serial})`
}

/** A name in quotes, escaped and cut; `empty` for the empty one. */
export function nameLabel(name: Name, empty = 'the empty name'): string {
  if (name.isEmpty) return empty
  return name.octets > MAX_NAME ? `a name of ${name.octets} octets` : quote(String(name), 160)
}
