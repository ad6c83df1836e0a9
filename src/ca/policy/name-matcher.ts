/**
 * One entry of an allow or deny list, ready to be compared.
 *
 * @module
 */

import { isOid } from '../../internal/oid.ts'
import { quote } from '../../internal/text.ts'
import { TrustDomain } from '../../spiffe/spiffe-id.ts'
import { SpiffePathPattern } from '../../spiffe/spiffe-path-pattern.ts'
import { parseIpAddress, parseIpRange } from '../../x509/ip-address.ts'
import { splitMailbox } from '../../x509/mailbox.ts'
import { Name, type NameInput } from '../../x509/name.ts'
import { canonicalRdns } from '../../x509/name-comparison.ts'
import { equivalentUri } from './equivalent-uri.ts'
import { coversHost, readHostPattern, touchesHost } from './host-pattern.ts'
import type { JudgedName, NameKind } from './judged-name.ts'

/** What a list may hold. */
export type NameEntry = string | SpiffePathPattern | TrustDomain | NameInput

/** One entry of a list. */
export interface NameMatcher {
  readonly text: string
  /** Whether it describes all that the name stands for. */
  covers(name: JudgedName): boolean
  /** Whether it describes anything that the name stands for. */
  touches(name: JudgedName): boolean
}

/** Reads one entry. @throws `TypeError` that names the option; `MeshPkiError` `ERR_SPIFFE_PATTERN`, `ERR_NAME_SYNTAX`. */
export function readNameMatcher(kind: NameKind, entry: NameEntry, option: string): NameMatcher {
  if (kind === 'spiffe') return spiffeMatcher(entry, option)
  if (kind === 'directory') return directoryMatcher(entry, option)
  if (typeof entry !== 'string')
    throw new TypeError(`option "${option}" must hold texts; got ${typeof entry}`)
  return TEXT_MATCHERS[kind](entry, option)
}

const TEXT_MATCHERS: Readonly<
  Record<Exclude<NameKind, 'spiffe' | 'directory'>, (text: string, option: string) => NameMatcher>
> = {
  dns: hostMatcher,
  ip: addressMatcher,
  email: mailboxMatcher,
  uri: uriMatcher,
  'registered-id': oidMatcher,
}

function hostMatcher(text: string, option: string): NameMatcher {
  const pattern = readHostPattern(text, option)
  return {
    text,
    covers: ({ kind, value }) => kind === 'dns' && value !== undefined && coversHost(pattern, value),
    touches: ({ kind, value }) => kind === 'dns' && value !== undefined && touchesHost(pattern, value),
  }
}

function addressMatcher(text: string, option: string): NameMatcher {
  const address = parseIpAddress(text)
  const range = address === undefined ? parseIpRange(text) : parseIpRange(`${text}/${address.length * 8}`)
  if (range === undefined)
    throw new TypeError(
      `option "${option}" holds ${quote(text, 64)}; expected an address or a range such as "10.0.0.0/8" without host bits`,
    )
  const isWithin = (bytes: Uint8Array | undefined): boolean =>
    bytes !== undefined &&
    range.length === bytes.length * 2 &&
    bytes.every((byte, i) => (byte & (range[bytes.length + i] ?? 0)) === range[i])
  return {
    text,
    covers: ({ kind, value }) => kind === 'ip' && isWithin(value?.[0]),
    // An IPv4 address in one of its IPv6 forms reaches the same host.
    touches: ({ kind, value }) => kind === 'ip' && value?.some(isWithin) === true,
  }
}

function mailboxMatcher(text: string, option: string): NameMatcher {
  const any = text.startsWith('*@')
  const mailbox = any ? undefined : splitMailbox(text)
  if (!any && mailbox === undefined)
    throw new TypeError(
      `option "${option}" holds ${quote(text, 64)}; expected "user@example.com", or "*@" with a host pattern`,
    )
  const pattern = any ? readHostPattern(text.slice(2), option) : undefined
  const matches = (name: JudgedName, sameLocal: (a: string, b: string) => boolean): boolean => {
    if (name.kind !== 'email' || name.value === undefined) return false
    const { local, host } = name.value
    if (pattern !== undefined) return coversHost(pattern, { host, wildcard: false })
    return mailbox !== undefined && host === mailbox.host && sameLocal(local, mailbox.local)
  }
  return {
    text,
    covers: (name) => matches(name, (a, b) => a === b),
    // Most servers take local parts in any case: a denial does too.
    touches: (name) => matches(name, (a, b) => a.toLowerCase() === b.toLowerCase()),
  }
}

const WHOLE_HOST = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]+)\/\*\*$/

function uriMatcher(text: string, option: string): NameMatcher {
  if (/^spiffe:/i.test(text))
    throw new TypeError(
      `option "${option}" holds ${quote(text, 64)}; SPIFFE IDs have rules of their own, "names.spiffe"`,
    )
  const whole = WHOLE_HOST.exec(text)
  if (whole === null) {
    if (text.includes('*') || !/^[A-Za-z][A-Za-z0-9+.-]*:./.test(text))
      throw new TypeError(
        `option "${option}" holds ${quote(text, 64)}; expected a whole URI, or a scheme and host pattern with any path such as "https://*.example.com/**"`,
      )
    const denied = equivalentUri(text)
    return {
      text,
      covers: ({ kind, value }) => kind === 'uri' && value.text === text,
      touches: ({ kind, value }) => kind === 'uri' && equivalentUri(value.text) === denied,
    }
  }
  const scheme = whole[1]?.toLowerCase()
  const pattern = readHostPattern(whole[2], option)
  const relates = (name: JudgedName, unreadable: boolean): boolean => {
    if (name.kind !== 'uri' || name.value.scheme !== scheme) return false
    const { host } = name.value
    return host === undefined ? unreadable : coversHost(pattern, { host, wildcard: false })
  }
  // Whose host we cannot read, a client may read as the one that is denied.
  return { text, covers: (name) => relates(name, false), touches: (name) => relates(name, true) }
}

function spiffeMatcher(entry: NameEntry, option: string): NameMatcher {
  const pattern =
    entry instanceof SpiffePathPattern
      ? entry
      : entry instanceof TrustDomain
        ? SpiffePathPattern.parse(`spiffe://${entry.name}/**`)
        : typeof entry === 'string'
          ? SpiffePathPattern.parse(entry)
          : undefined
  if (pattern === undefined)
    throw new TypeError(
      `option "${option}" must hold patterns such as "spiffe://prod.example.com/ns/*/sa/*", or trust domains`,
    )
  const covers = ({ kind, value }: JudgedName): boolean =>
    kind === 'spiffe' && value !== undefined && pattern.matches(value)
  return { text: String(pattern), covers, touches: covers }
}

function directoryMatcher(entry: NameEntry, option: string): NameMatcher {
  if (entry instanceof SpiffePathPattern || entry instanceof TrustDomain)
    throw new TypeError(`option "${option}" must hold names such as "O=Example"`)
  const prefix = Name.from(entry)
  const { der } = prefix
  const wanted = canonicalRdns(der, 0, der.length)
  const covers = ({ kind, value }: JudgedName): boolean =>
    kind === 'directory' && wanted.length <= value.length && wanted.every((rdn, i) => rdn === value[i])
  return { text: String(prefix), covers, touches: covers }
}

function oidMatcher(text: string, option: string): NameMatcher {
  if (!isOid(text))
    throw new TypeError(`option "${option}" holds ${quote(text, 64)}; expected an object identifier`)
  const covers = ({ kind, value }: JudgedName): boolean => kind === 'registered-id' && value === text
  return { text, covers, touches: covers }
}
