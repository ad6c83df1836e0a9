/**
 * What the CA/Browser Forum's Baseline Requirements for TLS ask, as far as a certificate shows it.
 *
 * Profile `webpki` asks for all of these rules, the option `rules` for some. A private mesh is not bound by
 * them; they are here for certificates that public clients must accept.
 *
 * @module
 */

import { Certificate } from '../x509/certificate.ts'
import { normalizeDnsName } from '../x509/dns-name.ts'
import { isCriticalExtension } from '../x509/extension-list.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { ExtendedKeyUsage } from '../x509/extensions/extended-key-usage.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import type { GeneralName } from '../x509/general-name.ts'
import { parseIpAddress } from '../x509/ip-address.ts'
import { readPublicKeyInfo } from '../x509/public-key-info.ts'
import type { RuleViolation } from './rfc5280-rules.ts'

/** The rules by name, in alphabetical order. */
export const WEB_PKI_RULES = [
  'common-name-in-subject-alt-name',
  'leaf-extended-key-usage',
  'leaf-is-not-ca',
  'leaf-key-usage',
  'leaf-subject-alt-name',
  'root-authority-key-identifier',
  'root-extended-key-usage',
  'rsa-modulus-multiple-of-8',
  'subject-alt-name-not-critical',
  'version-3',
] as const

/** A rule of the Baseline Requirements. */
export type WebPkiRule = (typeof WEB_PKI_RULES)[number]

type Check = (holds: boolean, rule: WebPkiRule, text: string, section: string) => void

/** The rules that a certificate in its place breaks. `role` is `root` for a trust anchor. */
export function webPkiViolations(
  certificate: Certificate,
  role: 'leaf' | 'ca' | 'root',
): readonly RuleViolation<WebPkiRule>[] {
  const violations: RuleViolation<WebPkiRule>[] = []
  const check: Check = (holds, rule, text, section) => {
    if (!holds) violations.push({ rule, text, clause: `CA/Browser Forum BR §${section}` })
  }
  const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(certificate)
  const key = readPublicKeyInfo(Certificate.bytesOf(certificate), publicKeyStart, publicKeyEnd)
  check(
    key.kind !== 'RSA' || key.modulusBits % 8 === 0,
    'rsa-modulus-multiple-of-8',
    `an RSA modulus must have a multiple of 8 bits; found ${key.modulusBits}`,
    '6.1.5',
  )
  check(
    certificate.version === 3,
    'version-3',
    `expected an X.509 v3 certificate, found v${certificate.version}`,
    '7.1.1',
  )
  if (role === 'leaf') checkLeaf(certificate, check)
  if (role === 'root') checkRoot(certificate, check)
  return violations
}

function checkLeaf(certificate: Certificate, check: Check): void {
  const layout = Certificate.layoutOf(certificate)
  const names = certificate.subjectAltNames
  check(!certificate.isCa, 'leaf-is-not-ca', 'a CA certificate must not be used as a leaf', '7.1.2.7.8')
  check(
    (layout.keyUsage & (KeyUsageBit.keyCertSign | KeyUsageBit.cRLSign)) === 0,
    'leaf-key-usage',
    'a leaf must have neither keyCertSign nor cRLSign',
    '7.1.2.7.11',
  )
  const usages = certificate.extendedKeyUsage
  check(
    usages?.includes(ExtendedKeyUsage.serverAuth) === true &&
      !usages.includes(ExtendedKeyUsage.any) &&
      !isCriticalExtension(layout, ExtensionArc.extKeyUsage),
    'leaf-extended-key-usage',
    'a leaf must have extended key usage, not critical, with serverAuth and without anyExtendedKeyUsage',
    '7.1.2.7.10',
  )
  check(
    names.length > 0 && names.every(({ type }) => type === 'dns' || type === 'ip'),
    'leaf-subject-alt-name',
    'a leaf must have alternative names, and only DNS names and IP addresses',
    '7.1.2.7.12',
  )
  check(
    certificate.subject.isEmpty || !isCriticalExtension(layout, ExtensionArc.subjectAltName),
    'subject-alt-name-not-critical',
    'subject alternative names must not be critical where the subject is not empty',
    '7.1.2.7.12',
  )
  const stray = certificate.subject.values('CN').find((name) => !isAmong(name, names))
  check(
    stray === undefined,
    'common-name-in-subject-alt-name',
    'a common name that looks like a host must be one of the alternative names, character for character',
    '7.1.4.3',
  )
}

/**
 * Whether a common name is a copy of an alternative name, where it looks like a host at all: like an IP address
 * or not ASCII, or like a DNS name beside one that is no wildcard. "Example Service" is not bound by the rule.
 */
function isAmong(name: string, names: readonly GeneralName[]): boolean {
  if (names.some((other) => (other.type === 'dns' || other.type === 'ip') && other.value === name))
    return true
  if (looksLikeIpAddress(name) || !/^[\x20-\x7e]*$/.test(name)) return false
  const looksLikeDns = name.includes('.') && normalizeDnsName(name, true) !== undefined
  return !(looksLikeDns && names.some((other) => other.type === 'dns' && !other.value.startsWith('*.')))
}

/** In any spelling: dotted numbers, hexadecimal or with leading zeros, or hexadecimal groups with colons. */
function looksLikeIpAddress(name: string): boolean {
  if (parseIpAddress(name) !== undefined) return true
  if (/^(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){3}$/i.test(name) || /^0x[0-9a-f]{1,8}$/i.test(name))
    return true
  return /^[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*$/i.test(name)
}

function checkRoot(certificate: Certificate, check: Check): void {
  check(
    certificate.extendedKeyUsage === undefined,
    'root-extended-key-usage',
    'a root must not have extended key usage',
    '7.1.2.1.2',
  )
  const fields = certificate.authorityKeyIdentifierFields
  check(
    fields === undefined ||
      !certificate.isSelfIssued ||
      (fields.keyIdentifier === certificate.subjectKeyIdentifier &&
        fields.keyIdentifier !== undefined &&
        fields.authorityCertIssuer === undefined),
    'root-authority-key-identifier',
    "a root's authority key identifier must be its own subject key identifier and nothing else",
    '7.1.2.1.3',
  )
}
