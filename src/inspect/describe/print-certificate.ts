/**
 * Prints certificates, requests, and what is said of them.
 *
 * @module
 */

import type { LintFinding } from '../../ca/lint/lint-finding.ts'
import type {
  CertificateDescription,
  CsrDescription,
  DescribedSpiffeId,
  DescribedSubject,
  DescribedVerdict,
  TrustVerdict,
} from './description.ts'
import { type Page, spanText, whenText } from './description-page.ts'

/** Prints a certificate under a title. */
export function printCertificate(
  page: Page,
  certificate: CertificateDescription,
  title = 'Certificate',
): void {
  page.title(`${title}: ${roleText(certificate)}`)
  const { validity, renewal, svid, nameConstraints, omitted = {} } = certificate
  page.field('subject', emptyText(certificate.subject))
  page.field('issuer', certificate.selfSigned ? 'itself, by its own key' : emptyText(certificate.issuer))
  page.field('serial number', certificate.serialNumber)
  if (certificate.version !== 3) page.field('version', `${certificate.version}`)
  printNames(page, certificate)
  if (svid?.ok === false) page.field('X509-SVID', `no: ${verdictText(svid)}`)
  page.field('valid from', validity.notBefore)
  page.field('valid to', `${validity.notAfter}, ${lifeText(certificate)}`)
  const due = renewal.inMs < 0 ? 'was due' : 'due'
  page.field('renewal', `${due} ${renewal.at}, ${whenText(renewal.inMs)} (${renewal.policy})`)
  printKey(page, certificate)
  if (nameConstraints !== undefined) {
    page.list('permitted names', nameConstraints.permitted, omitted['permitted'])
    page.list('excluded names', nameConstraints.excluded, omitted['excluded'])
  }
  page.list('policies', certificate.policies, omitted['policies'])
  page.field('subject key id', certificate.subjectKeyIdentifier)
  page.field('authority key id', certificate.authorityKeyIdentifier)
  page.list('CRLs', certificate.crlAddresses, omitted['crlAddresses'])
  page.list('OCSP', certificate.ocspAddresses, omitted['ocspAddresses'])
  page.list('issuer at', certificate.issuerAddresses, omitted['issuerAddresses'])
  printExtensions(page, 'other extension', certificate)
  page.field('SHA-256', certificate.fingerprint)
  printTrust(page, certificate.trust, certificate)
  printFindings(page, certificate.findings)
}

/** One line of a certificate among many. */
export function printCertificateLine(page: Page, certificate: CertificateDescription): void {
  page.line(`${roleText(certificate)}: ${emptyText(certificate.subject)}`)
  page.line(
    `${certificate.key.type}, to ${certificate.validity.notAfter}, ${lifeText(certificate)}; SHA-256 ${certificate.fingerprint}`,
    4,
  )
}

/** Prints a request. */
export function printCsr(page: Page, csr: CsrDescription): void {
  const { proofOfPossession: proof } = csr
  page.title(`Request: ${csr.isCa ? 'wants to be a CA' : 'for an end entity'}`)
  page.field('subject', emptyText(csr.subject))
  printNames(page, csr)
  page.field(
    'possession',
    proof.ok ? 'proven: signed by the key that it carries' : `not proven: ${verdictText(proof)}`,
  )
  printKey(page, csr)
  printExtensions(page, 'extensions', csr)
  page.list('attributes', csr.attributes, csr.omitted?.['attributes'])
  page.field('SHA-256', csr.fingerprint)
}

/** Prints what every set of anchors says of a certificate. */
export function printTrust(
  page: Page,
  trust: readonly TrustVerdict[] | undefined,
  of: CertificateDescription | undefined,
): void {
  for (const { anchors, isAnchor, path, svid, certificates = [] } of trust ?? []) {
    const yes = isAnchor ? anchorText(of) : pathText(certificates)
    page.field('trusted by', `${anchors}: ${path.ok || isAnchor ? yes : `no, ${verdictText(path)}`}`)
    if (svid === undefined) continue
    const isSame = !isAnchor && svid.code === path.code && svid.reason === path.reason
    const why = isSame ? 'no, for the same reason' : `no, ${verdictText(svid)}`
    page.field('', `${anchors}, as SVID: ${svid.ok ? 'verified' : why}`)
  }
}

/** That somebody keeps it among the anchors does not make it good for anything. */
function anchorText(of: CertificateDescription | undefined): string {
  const faults = [
    ...(of?.validity.state === 'expired' ? ['it has expired'] : []),
    ...(of?.validity.state === 'not-yet-valid' ? ['it is not valid yet'] : []),
    ...(of?.isCa === false ? ['it is no CA'] : []),
  ]
  const text = 'it is one of its anchors'
  return faults.length === 0 ? text : `${text}, BUT ${faults.join(', and ')}`
}

/** Where it ends: what is between stands in the description. */
function pathText(certificates: readonly string[]): string {
  const between = certificates.length - 2
  const through = between <= 0 ? '' : `, through ${between === 1 ? 'one CA' : `${between} CAs`}`
  return `verified, to ${certificates.at(-1) ?? 'itself'}${through}`
}

/** Prints findings, as bad as they are. */
export function printFindings(page: Page, findings: readonly LintFinding[] | undefined): void {
  for (const { severity, code, message } of findings?.slice(0, 64) ?? [])
    page.field(severity, `${code}: ${message}`)
  if (findings !== undefined && findings.length > 64)
    page.field('', `and ${findings.length - 64} more findings`)
  if (findings?.length === 0) page.field('lint', 'nothing found')
}

/** A code and why. */
export function verdictText({ code, reason }: DescribedVerdict): string {
  return [code, reason].filter((part) => part !== undefined).join(': ')
}

/** A name, or that there is none. */
export const emptyText = (name: string): string => (name === '' ? '(empty)' : name)

function roleText({ role, pathLength, selfSigned }: CertificateDescription): string {
  const room = pathLength === undefined ? 'any number of CAs below' : `path length ${pathLength}`
  switch (role) {
    case 'root':
      return `root CA, ${room}`
    case 'intermediate':
      return `intermediate CA, ${room}`
    case 'workload':
      return `workload${selfSigned ? ', self-signed' : ''}`
    case 'end-entity':
      return `end entity without a SPIFFE ID${selfSigned ? ', self-signed' : ''}`
  }
}

function lifeText({ validity: { state, remainingMs, lifetimeMs } }: CertificateDescription): string {
  const life = spanText(lifetimeMs)
  if (state === 'expired') return `EXPIRED ${spanText(remainingMs)} ago, after ${life}`
  if (state === 'not-yet-valid') return `NOT YET VALID, lives ${life}`
  return `${spanText(remainingMs)} of ${life} left`
}

function printNames(page: Page, { spiffeIds, otherNames, omitted = {} }: DescribedSubject): void {
  page.list('SPIFFE ID', spiffeIds.map(spiffeText), omitted['spiffeIds'])
  page.list('other names', otherNames, omitted['otherNames'])
}

function spiffeText({ uri, valid, istio, problem = '' }: DescribedSpiffeId): string {
  if (!valid) return `${uri} is NO SPIFFE ID: ${problem}`
  return istio === undefined
    ? uri
    : `${uri} (Istio: namespace ${istio.namespace}, service account ${istio.serviceAccount})`
}

function printKey(page: Page, of: DescribedSubject): void {
  page.field('key', `${of.key.type}, SHA-256 ${of.key.fingerprint}`)
  page.field('signature', of.signatureAlgorithm)
  page.field('key usage', of.keyUsage?.join(', '))
  page.list('extended usage', of.extendedKeyUsage, of.omitted?.['extendedKeyUsage'])
}

function printExtensions(page: Page, name: string, { extensions, omitted = {} }: DescribedSubject): void {
  page.list(
    name,
    extensions.map(
      ({ oid, name, critical, octets }) =>
        `${name === undefined ? oid : `${name} (${oid})`}${critical ? ', critical' : ''}, ${octets} octets`,
    ),
    omitted['extensions'],
  )
}
