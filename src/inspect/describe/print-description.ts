/**
 * Prints descriptions for people.
 *
 * @module
 */

import type {
  BundleDescription,
  ChainDescription,
  CrlDescription,
  Description,
  FileDescription,
  FilePart,
} from './description.ts'
import { Page, spanText, whenText } from './description-page.ts'
import {
  emptyText,
  printCertificate,
  printCertificateLine,
  printCsr,
  printFindings,
  printTrust,
  verdictText,
} from './print-certificate.ts'

/** Certificates that are printed in full. Chains have a handful; of more, each has two lines. */
const MAX_FULL = 8

/**
 * Prints what `describe` answers: plain lines of at most 100 columns, without colour, with a final line end.
 *
 * Findings come last, worst first. Lists end after 16 elements and say how many are left. Text from outside is escaped once more, so
 * that descriptions which were stored as JSON print safely too. The text is for people: its wording may change in any release.
 *
 * @throws `TypeError` for what is no description.
 *
 * @example
 * ```ts
 * import { describe, printDescription } from 'mesh-pki/inspect'
 * import { Certificate } from 'mesh-pki/x509'
 *
 * declare const pem: string
 * console.log(printDescription(await describe(Certificate.fromPem(pem), { renewal: 'certManager' })))
 * ```
 */
export function printDescription(description: Description): string {
  const page = new Page()
  printAny(page, description)
  return page.toString()
}

/** Prints into a page that has other things too. */
export function printAny(page: Page, description: Description | FilePart['content']): void {
  switch (description?.kind) {
    case 'certificate':
      printCertificate(page, description)
      break
    case 'csr':
      printCsr(page, description)
      break
    case 'crl':
      printCrl(page, description)
      break
    case 'chain':
      printChain(page, description)
      break
    case 'bundle':
      printBundle(page, description)
      break
    case 'bundle-map':
      page.title(`Bundle map of ${description.bundles.length} trust domains`)
      page.field('sequence', description.sequence)
      for (const bundle of description.bundles) printBundle(page, bundle)
      printOmitted(page, description.omitted, 'bundles')
      break
    case 'file':
      printFile(page, description)
      break
    case 'private-key':
      page.title(`Private key (${description.label}): not read, and not to be shown`)
      break
    case 'unreadable':
      page.title(`Unreadable: ${description.label}`)
      page.field('problem', `${description.code}: ${description.problem}`)
      break
    case 'other':
      page.title(`A block ${description.label}: not described`)
      break
    default:
      throw new TypeError('printDescription takes what describe answers, a value with one of its kinds')
  }
}

function printFile(page: Page, { parts, omitted }: FileDescription): void {
  for (const { line, content } of parts) {
    page.at(parts.length > 1 ? line : undefined)
    printAny(page, content)
  }
  printOmitted(page, omitted, 'parts')
}

const ORDERS: Readonly<Record<ChainDescription['order'], string>> = {
  'leaf-first': 'leaf first, each before its issuer',
  reversed: 'REVERSED: peers take the first certificate for the leaf',
  mixed: 'MIXED: not each before its issuer',
  unrelated: 'some certificates are no issuers of the others',
  roots: 'roots side by side: a list of anchors',
}

function printChain(page: Page, chain: ChainDescription): void {
  const { certificates, links, order } = chain
  page.title(
    order === 'roots' ? `${certificates.length} roots` : `Chain of ${certificates.length} certificates`,
  )
  page.field('order', ORDERS[order])
  if (order !== 'roots') {
    page.field('root', chain.hasRoot ? 'is in it' : 'is not in it')
    for (const { position, certificate, words } of links)
      page.field(`${position}`, `${certificate}: ${words}`)
  }
  const asked = chain.trust?.[0]?.certificate
  const place = links.find(({ certificate }) => certificate === asked)?.position ?? 1
  if (place !== 1)
    page.field('verdicts', `are of ${place}, which issued no other; peers would take 1 for the leaf`)
  printTrust(page, chain.trust, certificates[place - 1])
  printFindings(page, chain.findings)
  for (const [at, certificate] of certificates.entries())
    if (certificates.length > MAX_FULL) printCertificateLine(page, certificate)
    else printCertificate(page, certificate, `${at + 1}`)
  printOmitted(page, chain.omitted, 'certificates')
}

function printBundle(page: Page, bundle: BundleDescription): void {
  const { x509Authorities, jwtAuthorities, skipped, omitted = {} } = bundle
  page.title(`Bundle of ${bundle.trustDomain}`)
  page.field('sequence', bundle.sequence)
  const { refreshHintSeconds: hint } = bundle
  page.field('refresh hint', hint === undefined ? undefined : spanText(hint * 1000))
  const count = x509Authorities.length + (omitted['x509Authorities'] ?? 0)
  page.field('X.509 authorities', `${count}`)
  for (const certificate of x509Authorities) {
    printCertificateLine(page, certificate)
    for (const { severity, code, message } of (certificate.findings ?? []).slice(0, 8))
      page.line(`${severity} ${code}: ${message}`, 4)
  }
  printOmitted(page, omitted, 'x509Authorities')
  page.field('JWT authorities', `${jwtAuthorities.count}`)
  page.list('key ids', jwtAuthorities.keyIds, omitted['keyIds'])
  page.list('skipped', skipped, omitted['skipped'])
}

function printCrl(page: Page, crl: CrlDescription): void {
  const { remainingMs, signature, omitted = {} } = crl
  const kinds = [crl.isDelta ? 'delta' : 'complete', ...(crl.isIndirect ? ['indirect'] : [])]
  page.title(`CRL: ${kinds.join(', ')}`)
  page.field('issuer', emptyText(crl.issuer))
  page.field('number', crl.number)
  page.field('starts from', crl.baseNumber)
  page.list('speaks of', crl.scope, omitted['scope'])
  page.field('this update', `${crl.thisUpdate}, ${whenText(-crl.ageMs)}`)
  page.field(
    'next update',
    crl.nextUpdate === undefined || remainingMs === undefined
      ? 'it does not say (RFC 5280 §5.1.2.4)'
      : `${crl.nextUpdate}, ${crl.state === 'expired' ? 'OVERDUE since ' : 'in '}${spanText(remainingMs)}`,
  )
  const reasons = Object.entries(crl.reasons).sort(([a], [b]) => (a < b ? -1 : 1))
  // A delta CRL takes back what is no longer on hold (RFC 5280 §5.3.1): that entry revokes nothing.
  page.field('revoked', `${crl.size - (crl.reasons['removeFromCRL'] ?? 0)}`)
  page.list(
    'reasons',
    reasons.map(([reason, count]) => `${reason}: ${count}`),
  )
  page.field('signature', crl.signatureAlgorithm)
  if (signature !== undefined)
    page.field('signed by', signature.ok ? signature.signer : `unknown: ${verdictText(signature)}`)
  page.field('authority key id', crl.authorityKeyIdentifier)
  page.list('delta CRLs', crl.deltaAddresses, omitted['deltaAddresses'])
  page.field('SHA-256', crl.fingerprint)
}

function printOmitted(page: Page, omitted: Readonly<Record<string, number>> | undefined, list: string): void {
  const count = omitted?.[list]
  if (count !== undefined) page.line(`and ${count} more ${list}, which are not described`)
}
