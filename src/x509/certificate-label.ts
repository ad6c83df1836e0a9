/**
 * How messages name a certificate.
 *
 * @module
 */

import { escapeText, quote } from '../internal/text.ts'
import type { Certificate } from './certificate.ts'
import { formatGeneralName } from './general-name.ts'

/** A certificate in a few words: its subject, or its first alternative name where that is empty, and its serial number. */
export function certificateLabel(certificate: Certificate): string {
  const [name] = certificate.subject.isEmpty ? certificate.subjectAltNames : []
  const subject = name === undefined ? certificate.subject.toString() : formatGeneralName(name)
  const shown = subject === '' ? '(no subject)' : quote(subject, 160)
  return `${shown} (serial ${escapeText(certificate.serialNumber, 40)})`
}
