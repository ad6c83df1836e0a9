/**
 * Patterns for host names.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import { normalizeDnsName } from '../../x509/dns-name.ts'
import { parseIpAddress } from '../../x509/ip-address.ts'

/**
 * A host as it is written, `*.` before a domain for exactly one label below it, or `**.` for one or more. `**` alone is
 * any host. The domain itself is not among those below it.
 */
export interface HostPattern {
  readonly text: string
  readonly depth: 'exact' | 'one' | 'many'
  /** Lower case; empty for `**`. */
  readonly domain: string
}

/** Reads a pattern. @throws `TypeError` that names the option. */
export function readHostPattern(text: unknown, option: string): HostPattern {
  if (typeof text !== 'string') throw fault(option, `must hold texts; got ${typeof text}`)
  if (text === '**') return { text, depth: 'many', domain: '' }
  const depth = text.startsWith('**.') ? 'many' : text.startsWith('*.') ? 'one' : 'exact'
  const domain = normalizeDnsName(text.slice(depth === 'many' ? 3 : depth === 'one' ? 2 : 0), false)
  if (domain === undefined || parseIpAddress(domain) !== undefined)
    throw fault(
      option,
      `holds ${quote(text, 64)}; expected a host such as "db.example.com", "*.example.com" (one label below) or "**.example.com" (any number)`,
    )
  return { text, depth, domain }
}

const fault = (option: string, problem: string): TypeError => new TypeError(`option "${option}" ${problem}`)

/** A host name of a certificate, lower case; a wildcard stands for all names one label below `host`. */
export interface PresentedHost {
  readonly host: string
  readonly wildcard: boolean
}

/** Reads a name as certificates hold it; `undefined` where it is not well formed. */
export function readPresentedHost(name: string): PresentedHost | undefined {
  const host = normalizeDnsName(name, true)
  if (host === undefined || parseIpAddress(host) !== undefined) return undefined
  return host.startsWith('*.') ? { host: host.slice(2), wildcard: true } : { host, wildcard: false }
}

/** Whether a pattern describes everything that a name stands for. */
export function coversHost({ depth, domain }: HostPattern, { host, wildcard }: PresentedHost): boolean {
  if (domain === '') return true
  if (wildcard) {
    if (depth === 'exact') return false
    return host === domain || (depth === 'many' && host.endsWith(`.${domain}`))
  }
  if (depth === 'exact') return host === domain
  if (!host.endsWith(`.${domain}`)) return false
  return depth === 'many' || !host.slice(0, -domain.length - 1).includes('.')
}

/** Whether a pattern describes anything that a name stands for: what a denial asks. */
export function touchesHost(pattern: HostPattern, name: PresentedHost): boolean {
  if (coversHost(pattern, name)) return true
  // "*.example.com" also stands for the one host "admin.example.com".
  const { depth, domain } = pattern
  return (
    name.wildcard &&
    depth === 'exact' &&
    domain.slice(domain.indexOf('.') + 1) === name.host &&
    domain.includes('.')
  )
}
