/**
 * What RFC 5280 §4 asks of conforming CAs, beyond what §6 asks of verifiers.
 *
 * A certificate that breaks one of these rules verifies under profile `rfc5280`; OpenSSL refuses most of them
 * with `-x509_strict`. Profile `webpki` asks for all, the option `rules` for some. Nothing that is issued here
 * may break one.
 *
 * @module
 */

import { Tag } from '../internal/der.ts'
import { Certificate } from '../x509/certificate.ts'
import { normalizeDnsName } from '../x509/dns-name.ts'
import { isCriticalExtension } from '../x509/extension-list.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import { formatGeneralName, type GeneralName } from '../x509/general-name.ts'
import { parseIpAddress } from '../x509/ip-address.ts'
import { splitMailbox } from '../x509/mailbox.ts'

/** The rules by name, in alphabetical order. */
export const RFC5280_RULES = [
  'authority-key-identifier',
  'basic-constraints-critical',
  'ca-key-usage',
  'ca-subject',
  'ca-subject-key-identifier',
  'critical-subject-alt-name',
  'information-access-not-critical',
  'issuer',
  'key-cert-sign',
  'key-identifier-not-critical',
  'name-constraints',
  'path-length',
  'policy-constraints-critical',
  'serial-number',
  'subject-alt-name-syntax',
  'validity-encoding',
] as const

/** A rule of RFC 5280 §4. */
export type Rfc5280Rule = (typeof RFC5280_RULES)[number]

/** A broken rule and what it says. */
export interface RuleViolation<Rule extends string> {
  readonly rule: Rule
  /** What must hold, with what was found where that is short. */
  readonly text: string
  readonly clause: string
}

/** Where a certificate stands, as far as rules ask. */
export interface RuleContext {
  /** A self-signed root, or an anchor: it needs no authority key identifier (§4.2.1.1). */
  readonly isRoot: boolean
  /** A trust anchor, whose serial number nobody compares. */
  readonly isAnchor: boolean
}

/** The rules of RFC 5280 §4 that a certificate breaks. */
export function rfc5280Violations(
  certificate: Certificate,
  { isRoot, isAnchor }: RuleContext,
): readonly RuleViolation<Rfc5280Rule>[] {
  const layout = Certificate.layoutOf(certificate)
  const { isCa, subject, pathLength } = certificate
  const { keyUsage } = layout
  const keyCertSign = (keyUsage & KeyUsageBit.keyCertSign) !== 0
  const emptySubject = subject.isEmpty
  const violations: RuleViolation<Rfc5280Rule>[] = []
  const check = (holds: boolean, rule: Rfc5280Rule, text: string, section: string): void => {
    if (!holds) violations.push({ rule, text, clause: `RFC 5280 §${section}` })
  }
  const critical = (arc: number): boolean => isCriticalExtension(layout, arc)
  const present = (arc: number): boolean =>
    ((arc < 32 ? layout.presentLow : layout.presentHigh) & (1 << (arc & 31))) !== 0
  check(
    isAnchor || isPositive(certificate.serialNumber, layout.serialEnd - layout.serialStart),
    'serial-number',
    'the serial number must be positive and at most 20 octets',
    '4.1.2.2',
  )
  check(!certificate.issuer.isEmpty, 'issuer', 'the issuer must not be empty', '4.1.2.4')
  check(hasCanonicalDates(certificate), 'validity-encoding', 'dates before 2050 must be UTCTime', '4.1.2.5')
  check(!(isCa && emptySubject), 'ca-subject', 'the subject of a CA must not be empty', '4.1.2.6')
  check(
    !emptySubject || critical(ExtensionArc.subjectAltName),
    'critical-subject-alt-name',
    'with an empty subject there must be a critical subject alternative name',
    '4.1.2.6',
  )
  check(
    isRoot || layout.authorityKeyIdStart !== 0,
    'authority-key-identifier',
    'the authority key identifier is missing',
    '4.2.1.1',
  )
  check(
    !critical(ExtensionArc.authorityKeyIdentifier) && !critical(ExtensionArc.subjectKeyIdentifier),
    'key-identifier-not-critical',
    'key identifiers must not be critical',
    '4.2.1.1, §4.2.1.2',
  )
  check(
    !isCa || layout.subjectKeyIdStart !== 0,
    'ca-subject-key-identifier',
    'a CA must have a subject key identifier',
    '4.2.1.2',
  )
  check(!isCa || keyUsage !== 0, 'ca-key-usage', 'a CA must have key usage', '4.2.1.3')
  check(isCa || !keyCertSign, 'key-cert-sign', 'keyCertSign is for CAs only', '4.2.1.3')
  check(
    !isCa || critical(ExtensionArc.basicConstraints),
    'basic-constraints-critical',
    'basic constraints of a CA must be critical',
    '4.2.1.9',
  )
  check(
    pathLength === undefined || (isCa && keyCertSign),
    'path-length',
    'a path length is for CAs that sign certificates',
    '4.2.1.9',
  )
  check(
    layout.nameConstraintsStart === 0 || (isCa && critical(ExtensionArc.nameConstraints)),
    'name-constraints',
    'name constraints are for CAs, and critical',
    '4.2.1.10',
  )
  check(
    [ExtensionArc.policyConstraints, ExtensionArc.inhibitAnyPolicy].every(
      (arc) => !present(arc) || critical(arc),
    ),
    'policy-constraints-critical',
    'policy constraints and inhibit-any-policy must be critical',
    '4.2.1.11, §4.2.1.14',
  )
  check(
    !hasCriticalInformationAccess(certificate),
    'information-access-not-critical',
    'authority and subject information access must not be critical',
    '4.2.2.1, §4.2.2.2',
  )
  return violations
}

/**
 * The alternative names of a certificate that are not well formed (§4.2.1.6). Apart from the other rules, since
 * what is issued here was checked when its names were encoded.
 */
export function nameSyntaxViolations(
  certificate: Certificate,
): readonly RuleViolation<'subject-alt-name-syntax'>[] {
  return certificate.subjectAltNames
    .filter((name) => !isWellFormed(name))
    .map((name) => ({
      rule: 'subject-alt-name-syntax',
      text: `alternative names must be well formed; found ${formatGeneralName(name)}`,
      clause: 'RFC 5280 §4.2.1.6',
    }))
}

function isPositive(serialNumber: string, octets: number): boolean {
  return !serialNumber.startsWith('-') && /[1-9a-f]/.test(serialNumber) && octets <= 20
}

/** 2050-01-01T00:00:00Z. */
const YEAR_2050 = 2_524_608_000_000

/** Peers' dates are read in both forms; validity stands right behind the issuer. */
function hasCanonicalDates(certificate: Certificate): boolean {
  const { issuerEnd, notBefore, notAfter } = Certificate.layoutOf(certificate)
  const bytes = Certificate.bytesOf(certificate)
  const first = issuerEnd + 2
  const second = first + 2 + (bytes[first + 1] ?? 0)
  return (
    (notBefore >= YEAR_2050 || bytes[first] === Tag.UTC_TIME) &&
    (notAfter >= YEAR_2050 || bytes[second] === Tag.UTC_TIME)
  )
}

/** What §4.2.1.6 asks of DNS names ("preferred name syntax", so no underscore), mailboxes and URIs. */
function isWellFormed(name: GeneralName): boolean {
  switch (name.type) {
    case 'dns':
      return (
        normalizeDnsName(name.value, true) !== undefined &&
        !name.value.includes('_') &&
        parseIpAddress(name.value) === undefined
      )
    case 'email':
      return splitMailbox(name.value) !== undefined
    case 'uri':
      return /^[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/[^/?#\s]+|(?!\/\/)[^\s])[^\s]*$/.test(name.value)
    default:
      return true
  }
}

const INFORMATION_ACCESS = ['1.3.6.1.5.5.7.1.1', '1.3.6.1.5.5.7.1.11']

function hasCriticalInformationAccess(certificate: Certificate): boolean {
  if (Certificate.layoutOf(certificate).foreignCriticalStart === 0) return false
  return certificate.extensions.some(({ oid, critical }) => critical && INFORMATION_ACCESS.includes(oid))
}
