/**
 * Judges names against name constraints (RFC 5280 §4.2.1.10, §6.1.3 (b) and (c)).
 *
 * Everything that is not understood fails closed: a form that we do not compare, a constraint or a name
 * that is not well formed.
 *
 * @module
 */

import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isWithinDomain, normalizeDnsName } from '../x509/dns-name.ts'
import { formatGeneralName, type GeneralName } from '../x509/general-name.ts'
import { parseIpAddress, parseIpRange } from '../x509/ip-address.ts'
import { splitMailbox } from '../x509/mailbox.ts'
import type { Name } from '../x509/name.ts'
import { canonicalRdns } from '../x509/name-comparison.ts'

/** Counts comparisons; answers false when the budget is used up. */
export interface ComparisonBudget {
  take(count: number): boolean
}

/** Why a name is refused; `undefined` from {@link constraintViolation} means that none is. */
export type ConstraintViolation =
  | { readonly kind: 'violation'; readonly text: string }
  | { readonly kind: 'budget' }

const EMAIL_ATTRIBUTE = '1.2.840.113549.1.9.1'

/** The first name of `subject` that the constraints of `issuer` refuse. */
export function constraintViolation(
  issuer: Certificate,
  subject: Certificate,
  budget: ComparisonBudget,
): ConstraintViolation | undefined {
  return namesViolation(issuer, constrainedNames(subject), budget)
}

/** The first of some names that the constraints of `issuer` refuse. */
export function namesViolation(
  issuer: Certificate,
  names: readonly GeneralName[],
  budget: ComparisonBudget,
): ConstraintViolation | undefined {
  const constraints = issuer.nameConstraints
  if (constraints === undefined) return undefined
  // Reading them costs too: a peer may send thousands that are never compared.
  if (!budget.take(constraints.permitted.length + constraints.excluded.length + names.length))
    return { kind: 'budget' }
  for (const list of [constraints.permitted, constraints.excluded]) {
    for (const constraint of list) {
      if (!isWellFormed(constraint))
        return violation(`the constraint ${format(constraint)} is not well formed`)
    }
  }
  const prefixes = new Map<GeneralName, readonly string[]>()
  const permittedByType = byType(constraints.permitted)
  const excludedByType = byType(constraints.excluded)
  for (const name of names) {
    const permitted = permittedByType.get(name.type) ?? []
    const excluded = excludedByType.get(name.type) ?? []
    if (permitted.length + excluded.length === 0) continue
    if (!budget.take(permitted.length + excluded.length)) return { kind: 'budget' }
    const prepared = prepareName(name)
    if (prepared === undefined)
      return violation(
        `the name ${format(name)} cannot be compared with the constraints on its form, so it is refused`,
      )
    for (const constraint of excluded) {
      if (isWithin(prepared, constraint, 'excluded', prefixes))
        return violation(`the name ${format(name)} is in the excluded subtree ${format(constraint)}`)
    }
    if (
      permitted.length > 0 &&
      !permitted.some((constraint) => isWithin(prepared, constraint, 'permitted', prefixes))
    ) {
      return violation(`the name ${format(name)} is in none of the permitted subtrees ${list(permitted)}`)
    }
  }
  return undefined
}

const format = (name: GeneralName): string => escapeText(formatGeneralName(name))

function byType(constraints: readonly GeneralName[]): Map<GeneralName['type'], GeneralName[]> {
  const lists = new Map<GeneralName['type'], GeneralName[]>()
  for (const constraint of constraints) {
    const list = lists.get(constraint.type)
    if (list === undefined) lists.set(constraint.type, [constraint])
    else list.push(constraint)
  }
  return lists
}

function violation(text: string): ConstraintViolation {
  return { kind: 'violation', text }
}

function list(constraints: readonly GeneralName[]): string {
  return constraints.slice(0, 8).map(format).join(', ') + (constraints.length > 8 ? ', …' : '')
}

/** The names that constraints apply to: alternative names, the subject, and e-mail addresses in the subject without any in the former. */
function constrainedNames(certificate: Certificate): readonly GeneralName[] {
  const names: GeneralName[] = [...certificate.subjectAltNames]
  const { subject } = certificate
  if (subject.isEmpty) return names
  if (!names.some((name) => name.type === 'email')) {
    for (const value of subject.values(EMAIL_ATTRIBUTE)) names.push({ type: 'email', value })
  }
  names.push({ type: 'directory', value: subject })
  return names
}

/** Constraint forms that can be compared; the others are refused only when a name of their form is met. */
function isWellFormed(constraint: GeneralName): boolean {
  switch (constraint.type) {
    case 'dns':
      return constraint.value === '' || normalizeDnsName(withoutDot(constraint.value), false) !== undefined
    case 'email':
      return constraint.value.includes('@')
        ? splitMailbox(constraint.value) !== undefined
        : isHostConstraint(constraint.value)
    case 'uri':
      return isHostConstraint(constraint.value) && parseIpAddress(constraint.value) === undefined
    case 'ip':
      return parseIpRange(constraint.value, true) !== undefined
    default:
      return true
  }
}

function isHostConstraint(value: string): boolean {
  return normalizeDnsName(withoutDot(value), false) !== undefined
}

const withoutDot = (value: string): string => (value.startsWith('.') ? value.slice(1) : value)

/** A name ready to be compared. */
type Prepared =
  | { readonly type: 'dns'; readonly host: string; readonly wildcard: boolean }
  | { readonly type: 'email'; readonly local: string; readonly host: string }
  | { readonly type: 'uri'; readonly host: string }
  | { readonly type: 'ip'; readonly bytes: Uint8Array }
  | { readonly type: 'directory'; readonly rdns: readonly string[] }

function prepareName(name: GeneralName): Prepared | undefined {
  switch (name.type) {
    case 'dns': {
      const host = normalizeDnsName(name.value, true)
      if (host === undefined) return undefined
      return host.startsWith('*.')
        ? { type: 'dns', host: host.slice(2), wildcard: true }
        : { type: 'dns', host, wildcard: false }
    }
    case 'email': {
      const mailbox = splitMailbox(name.value)
      return mailbox === undefined ? undefined : { type: 'email', ...mailbox }
    }
    case 'uri': {
      const host = uriHost(name.value)
      return host === undefined ? undefined : { type: 'uri', host }
    }
    case 'ip': {
      const bytes = parseIpAddress(name.value)
      return bytes === undefined ? undefined : { type: 'ip', bytes }
    }
    case 'directory':
      return { type: 'directory', rdns: rdnsOf(name.value) }
    default:
      return undefined
  }
}

function rdnsOf(name: Name): readonly string[] {
  const { der } = name
  return canonicalRdns(der, 0, der.length)
}

/** The RDNs of a constraint, read once for all names. */
function prefixOf(
  constraint: GeneralName & { readonly type: 'directory' },
  known: Map<GeneralName, readonly string[]>,
): readonly string[] {
  let prefix = known.get(constraint)
  if (prefix === undefined) {
    prefix = rdnsOf(constraint.value)
    known.set(constraint, prefix)
  }
  return prefix
}

function isWithin(
  name: Prepared,
  constraint: GeneralName,
  subtree: 'permitted' | 'excluded',
  prefixes: Map<GeneralName, readonly string[]>,
): boolean {
  switch (name.type) {
    case 'dns':
      return constraint.type === 'dns' && isDnsWithin(name, constraint.value.toLowerCase(), subtree)
    case 'email':
      return constraint.type === 'email' && isMailboxWithin(name, constraint.value)
    case 'uri':
      return constraint.type === 'uri' && isHostWithin(name.host, constraint.value.toLowerCase())
    case 'ip':
      return constraint.type === 'ip' && isAddressWithin(name.bytes, constraint.value)
    case 'directory':
      return constraint.type === 'directory' && startsWithRdns(name.rdns, prefixOf(constraint, prefixes))
  }
}

/**
 * RFC 5280 has no leading dot here; OpenSSL, Go and Mozilla read it as "subdomains only", and so do we.
 * A wildcard is within a permitted subtree when all that it matches is, and within an excluded one when
 * any is: excluding `foo.example.com` refuses `*.example.com`.
 */
function isDnsWithin(
  name: { readonly host: string; readonly wildcard: boolean },
  constraint: string,
  subtree: 'permitted' | 'excluded',
): boolean {
  if (constraint === '') return true
  const domain = withoutDot(constraint)
  const subdomainsOnly = constraint !== domain
  if (!name.wildcard) return isWithinDomain(name.host, domain) && !(subdomainsOnly && name.host === domain)
  if (isWithinDomain(name.host, domain)) return true
  return (
    subtree === 'excluded' &&
    !subdomainsOnly &&
    domain.slice(domain.indexOf('.') + 1) === name.host &&
    domain.includes('.')
  )
}

function isMailboxWithin(
  name: { readonly local: string; readonly host: string },
  constraint: string,
): boolean {
  const mailbox = constraint.includes('@') ? splitMailbox(constraint) : undefined
  if (mailbox !== undefined) return mailbox.local === name.local && mailbox.host === name.host
  return isHostWithin(name.host, constraint.toLowerCase())
}

/** A host, or with a leading dot everything below a domain but not the domain itself. */
function isHostWithin(host: string, constraint: string): boolean {
  const domain = withoutDot(constraint)
  return constraint === domain ? host === domain : host !== domain && isWithinDomain(host, domain)
}

function isAddressWithin(address: Uint8Array, constraint: string): boolean {
  const range = parseIpRange(constraint, true)
  if (range === undefined || range.length !== address.length * 2) return false
  for (let i = 0; i < address.length; i++) {
    if (((address[i] ?? 0) & (range[address.length + i] ?? 0)) !== range[i]) return false
  }
  return true
}

function startsWithRdns(rdns: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= rdns.length && prefix.every((rdn, i) => rdn === rdns[i])
}

/**
 * The host of a URI with an authority (RFC 3986 §3.2), lower case; `undefined` where there is none or it is
 * an IP address: such URIs must be refused under a constraint (RFC 5280 §4.2.1.10).
 */
export function uriHost(uri: string): string | undefined {
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri)
  const authority = match?.[1]
  if (authority === undefined) return undefined
  const at = authority.lastIndexOf('@')
  // What stands before the "@" must be user information: some readers take "a\@b" for the host a.
  if (!/^[\w.~!$&'()*+,;=:%-]*$/.test(authority.slice(0, Math.max(at, 0)))) return undefined
  const host = authority.slice(at + 1).replace(/:\d*$/, '')
  return parseIpAddress(host) === undefined ? normalizeDnsName(host, false) : undefined
}
