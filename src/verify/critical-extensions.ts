/**
 * Critical extensions that are not understood (RFC 5280 §4.2, §6.1.4 (o), §6.1.5 (e)).
 *
 * @module
 */

import { escapeText } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { extensionSet, unknownCriticalExtension } from '../x509/extension-list.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { type Finding, finding } from './finding.ts'

/** Extensions that may be critical: those whose meaning is judged here. */
const JUDGED = /* @__PURE__ */ extensionSet([
  ExtensionArc.keyUsage,
  ExtensionArc.subjectAltName,
  ExtensionArc.basicConstraints,
  ExtensionArc.nameConstraints,
  ExtensionArc.certificatePolicies,
  ExtensionArc.policyMappings,
  ExtensionArc.policyConstraints,
  ExtensionArc.extKeyUsage,
  ExtensionArc.inhibitAnyPolicy,
])

/** Where CRLs are is judged only when CRLs are. */
const JUDGED_WITH_REVOCATION = /* @__PURE__ */ extensionSet([
  ExtensionArc.cRLDistributionPoints,
  ExtensionArc.freshestCRL,
])

/** Qualifiers of RFC 5280 §4.2.1.4: a pointer to a practice statement, and a notice to the user. */
const POLICY_QUALIFIERS: readonly string[] = ['1.3.6.1.5.5.7.2.1', '1.3.6.1.5.5.7.2.2']

/**
 * Refuses a certificate with a critical extension that is not judged, or with one that "contains information
 * that it cannot process": policy qualifiers of other kinds, alternative names of no form that is compared.
 */
export function checkCriticalExtensions(
  certificate: Certificate,
  depth: number,
  revocation: boolean,
): Finding | undefined {
  const layout = Certificate.layoutOf(certificate)
  if ((layout.criticalLow | layout.criticalHigh) === 0 && layout.foreignCriticalStart === 0) return undefined
  const known = revocation
    ? { low: JUDGED.low | JUDGED_WITH_REVOCATION.low, high: JUDGED.high | JUDGED_WITH_REVOCATION.high }
    : JUDGED
  const oid = unknownCriticalExtension(Certificate.bytesOf(certificate), layout, known)
  if (oid === undefined) return checkContents(certificate, depth)
  const shown = escapeText(oid)
  return finding('ERR_PATH_CRITICAL_EXTENSION', certificate, depth, [], () => ({
    problem: `it has the critical extension ${shown}, which is not judged here, so the certificate must be refused`,
    clause: 'RFC 5280 §4.2',
    expected: 'no critical extension that is not understood',
    found: shown,
    remedy: 'Have it issued without the extension, or with the extension not critical',
    data: { oid: shown },
  }))
}

function checkContents(certificate: Certificate, depth: number): Finding | undefined {
  const { criticalLow, criticalHigh } = Certificate.layoutOf(certificate)
  const refuse = (extension: string, found: string): Finding =>
    finding('ERR_PATH_CRITICAL_EXTENSION', certificate, depth, [], () => ({
      problem: `its critical extension ${extension} has ${found}, which cannot be judged, so the certificate must be refused`,
      clause: 'RFC 5280 §4.2',
      found,
      remedy: 'Have it issued without it, or with the extension not critical',
    }))
  if ((criticalHigh & (1 << (ExtensionArc.certificatePolicies - 32))) !== 0) {
    const qualifiers = certificate.certificatePolicies?.flatMap((policy) => policy.qualifiers) ?? []
    const unknown = qualifiers.find(({ oid }) => !POLICY_QUALIFIERS.includes(oid))
    if (unknown !== undefined)
      return refuse('certificatePolicies', `the qualifier ${escapeText(unknown.oid)}`)
  }
  if ((criticalLow & (1 << ExtensionArc.subjectAltName)) !== 0) {
    if (certificate.subjectAltNames.every((name) => name.type === 'other')) {
      return refuse('subjectAltName', 'no name of a form that is known')
    }
  }
  return undefined
}
