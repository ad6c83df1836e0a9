/**
 * What RFC 5280 §4 asks of conforming CAs, beyond what §6 asks of verifiers.
 *
 * A certificate that breaks one of these rules verifies under profile `rfc5280`; OpenSSL refuses it with
 * `-x509_strict`. Nothing that is issued here may break one.
 *
 * @module
 */

import { Certificate } from '../x509/certificate.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'

/** The rules by name. */
type ConformanceRule =
  | 'authority-key-identifier'
  | 'basic-constraints-critical'
  | 'ca-key-usage'
  | 'ca-subject'
  | 'ca-subject-key-identifier'
  | 'critical-subject-alt-name'
  | 'issuer'
  | 'key-cert-sign'
  | 'key-identifier-not-critical'
  | 'name-constraints'
  | 'path-length'
  | 'serial-number'

/** A broken rule and what it says. */
export interface ConformanceViolation {
  readonly rule: ConformanceRule
  readonly text: string
}

/** The rules that a certificate breaks. `isRoot`: a root needs no authority key identifier (§4.2.1.1). */
export function conformanceViolations(
  certificate: Certificate,
  isRoot: boolean,
): readonly ConformanceViolation[] {
  const layout = Certificate.layoutOf(certificate)
  const { isCa, subject, pathLength } = certificate
  const { keyUsage } = layout
  const keyCertSign = (keyUsage & KeyUsageBit.keyCertSign) !== 0
  const emptySubject = subject.isEmpty
  const violations: ConformanceViolation[] = []
  const check = (holds: boolean, rule: ConformanceRule, text: string): void => {
    if (!holds) violations.push({ rule, text })
  }
  const serialOctets = layout.serialEnd - layout.serialStart
  const serialPositive =
    !certificate.serialNumber.startsWith('-') && /[1-9a-f]/.test(certificate.serialNumber)
  check(
    serialPositive && serialOctets <= 20,
    'serial-number',
    'the serial number must be positive and at most 20 octets (§4.1.2.2)',
  )
  check(!certificate.issuer.isEmpty, 'issuer', 'the issuer must not be empty (§4.1.2.4)')
  check(!(isCa && emptySubject), 'ca-subject', 'the subject of a CA must not be empty (§4.1.2.6)')
  check(
    !emptySubject || isCritical(layout, ExtensionArc.subjectAltName),
    'critical-subject-alt-name',
    'with an empty subject there must be a critical subject alternative name (§4.1.2.6)',
  )
  check(
    isRoot || layout.authorityKeyIdStart !== 0,
    'authority-key-identifier',
    'the authority key identifier is missing (§4.2.1.1)',
  )
  check(
    !isCritical(layout, ExtensionArc.authorityKeyIdentifier) &&
      !isCritical(layout, ExtensionArc.subjectKeyIdentifier),
    'key-identifier-not-critical',
    'key identifiers must not be critical (§4.2.1.1, §4.2.1.2)',
  )
  check(
    !isCa || layout.subjectKeyIdStart !== 0,
    'ca-subject-key-identifier',
    'a CA must have a subject key identifier (§4.2.1.2)',
  )
  check(!isCa || keyUsage !== 0, 'ca-key-usage', 'a CA must have key usage (§4.2.1.3)')
  check(isCa || !keyCertSign, 'key-cert-sign', 'keyCertSign is for CAs only (§4.2.1.3)')
  check(
    !isCa || isCritical(layout, ExtensionArc.basicConstraints),
    'basic-constraints-critical',
    'basic constraints of a CA must be critical (§4.2.1.9)',
  )
  check(
    pathLength === undefined || (isCa && keyCertSign),
    'path-length',
    'a path length is for CAs that sign certificates (§4.2.1.9)',
  )
  check(
    layout.nameConstraintsStart === 0 || (isCa && isCritical(layout, ExtensionArc.nameConstraints)),
    'name-constraints',
    'name constraints are for CAs, and critical (§4.2.1.10)',
  )
  return violations
}

function isCritical(layout: ReturnType<typeof Certificate.layoutOf>, arc: number): boolean {
  return ((arc < 32 ? layout.criticalLow : layout.criticalHigh) & (1 << (arc & 31))) !== 0
}
