/**
 * Compares the name of a peer with those of its certificate (RFC 9525 §6).
 *
 * @module
 */

import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { normalizeDnsName } from '../x509/dns-name.ts'
import { formatGeneralName, type GeneralName } from '../x509/general-name.ts'
import { formatIpAddress, parseIpAddress } from '../x509/ip-address.ts'
import { splitMailbox } from '../x509/mailbox.ts'
import type { ReferenceName } from './options.ts'

/** A mismatch: what was expected and what the certificate has. */
export interface NameMismatch {
  readonly expected: string
  readonly found: string
  /** Why the expected name cannot be compared at all. */
  readonly malformed: boolean
}

/**
 * Whether a certificate is for the name; `undefined` when it is. Only subject alternative names count,
 * never the common name (RFC 9525 §1.4).
 */
export function nameMismatch(certificate: Certificate, name: ReferenceName): NameMismatch | undefined {
  const names = certificate.subjectAltNames
  const expected = expectedName(name)
  if (expected === undefined)
    return {
      expected: escapeText(String(Object.values(name)[0])),
      found: formatNames(names),
      malformed: true,
    }
  for (const candidate of names)
    if (candidate.type === expected.type && matches(candidate, expected.value)) return undefined
  return { expected: formatGeneralName(expected), found: formatNames(names), malformed: false }
}

function expectedName(name: ReferenceName): (GeneralName & { readonly value: string }) | undefined {
  if ('dns' in name) {
    const value = normalizeDnsName(name.dns, false)
    // An IP address is never a DNS name, although its text has the form of one.
    return value === undefined || parseIpAddress(value) !== undefined ? undefined : { type: 'dns', value }
  }
  if ('ip' in name) {
    const bytes = parseIpAddress(name.ip)
    return bytes === undefined ? undefined : { type: 'ip', value: formatIpAddress(bytes) }
  }
  if ('email' in name)
    return splitMailbox(name.email) === undefined ? undefined : { type: 'email', value: name.email }
  return { type: 'uri', value: name.uri }
}

function matches(candidate: GeneralName, expected: string): boolean {
  switch (candidate.type) {
    case 'dns':
      return matchesDns(candidate.value, expected)
    case 'email':
      return matchesMailbox(candidate.value, expected)
    case 'ip':
    case 'uri':
      return candidate.value === expected
    default:
      return false
  }
}

/** A wildcard stands for exactly one whole label, the left-most, and never for one right below a top-level domain. */
function matchesDns(presented: string, expected: string): boolean {
  const pattern = normalizeDnsName(presented, true)
  if (pattern === undefined) return false
  if (!pattern.startsWith('*.')) return pattern === expected
  const base = pattern.slice(1)
  if (base.indexOf('.', 1) === -1) return false
  return expected.indexOf('.') > 0 && expected.slice(expected.indexOf('.')) === base
}

function matchesMailbox(presented: string, expected: string): boolean {
  const a = splitMailbox(presented)
  const b = splitMailbox(expected)
  return a !== undefined && b !== undefined && a.local === b.local && a.host === b.host
}

function formatNames(names: readonly GeneralName[]): string {
  if (names.length === 0) return 'no subject alternative name (the common name is never used)'
  return (
    names
      .slice(0, 8)
      .map((name) => escapeText(formatGeneralName(name)))
      .join(', ') + (names.length > 8 ? `, and ${names.length - 8} more` : '')
  )
}
