/**
 * One entry of an allow or deny list, ready to be compared.
 *
 * @module
 */

import { equalRange } from '../../internal/bytes.ts'
import { isOid } from '../../internal/oid.ts'
import { quote } from '../../internal/text.ts'
import { SpiffeId, TrustDomain } from '../../spiffe/spiffe-id.ts'
import { SpiffePathPattern } from '../../spiffe/spiffe-path-pattern.ts'
import { uriHost } from '../../verify/name-constraints.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import { parseIpAddress, parseIpRange } from '../../x509/ip-address.ts'
import { splitMailbox } from '../../x509/mailbox.ts'
import { Name, type NameInput } from '../../x509/name.ts'
import { canonicalRdns } from '../../x509/name-comparison.ts'
import { coversHost, readHostPattern, readPresentedHost, touchesHost } from './host-pattern.ts'

/** The kinds of names that rules tell apart. A SPIFFE ID is a URI in a certificate, and a kind of its own here. */
export type NameKind = 'dns' | 'ip' | 'email' | 'uri' | 'spiffe' | 'directory' | 'registered-id'

/** One entry of a list. */
export interface NameMatcher {
  readonly text: string
  /** Whether it describes all that the name stands for. */
  covers(name: GeneralName): boolean
  /** Whether it describes anything that the name stands for. */
  touches(name: GeneralName): boolean
}

/** The kind of a name; `undefined` for one that no rule can allow. */
export function kindOf(name: GeneralName): NameKind | undefined {
  switch (name.type) {
    case 'uri':
      // Whoever compares schemes as RFC 3986 §3.1 says takes "SPIFFE:" for the same.
      return /^spiffe:/i.test(name.value) ? 'spiffe' : 'uri'
    case 'other':
      return undefined
    default:
      return name.type
  }
}

/** Reads one entry. @throws `TypeError` that names the option; `MeshPkiError` `ERR_SPIFFE_PATTERN`, `ERR_NAME_SYNTAX`. */
export function readNameMatcher(
  kind: NameKind,
  entry: string | SpiffePathPattern | TrustDomain | NameInput,
  option: string,
): NameMatcher {
  switch (kind) {
    case 'spiffe':
      return spiffeMatcher(entry, option)
    case 'directory':
      return directoryMatcher(entry, option)
    default: {
      if (typeof entry !== 'string')
        throw new TypeError(`option "${option}" must hold texts; got ${typeof entry}`)
      return kind === 'dns'
        ? hostMatcher(entry, option)
        : kind === 'ip'
          ? addressMatcher(entry, option)
          : kind === 'email'
            ? mailboxMatcher(entry, option)
            : kind === 'uri'
              ? uriMatcher(entry, option)
              : oidMatcher(entry, option)
    }
  }
}

function hostMatcher(text: string, option: string): NameMatcher {
  const pattern = readHostPattern(text, option)
  const compare =
    (relation: typeof coversHost) =>
    (name: GeneralName): boolean => {
      const host = name.type === 'dns' ? readPresentedHost(name.value) : undefined
      return host !== undefined && relation(pattern, host)
    }
  return { text, covers: compare(coversHost), touches: compare(touchesHost) }
}

/** ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
const MAPPED = /* @__PURE__ */ Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)

function addressMatcher(text: string, option: string): NameMatcher {
  const address = parseIpAddress(text)
  const range = address === undefined ? parseIpRange(text) : parseIpRange(`${text}/${address.length * 8}`)
  if (range === undefined)
    throw new TypeError(
      `option "${option}" holds ${quote(text, 64)}; expected an address or a range such as "10.0.0.0/8" without host bits`,
    )
  const isWithin = (bytes: Uint8Array): boolean =>
    range.length === bytes.length * 2 &&
    bytes.every((byte, i) => (byte & (range[bytes.length + i] ?? 0)) === range[i])
  const bytesOf = (name: GeneralName): Uint8Array | undefined =>
    name.type === 'ip' ? parseIpAddress(name.value) : undefined
  return {
    text,
    covers: (name) => {
      const bytes = bytesOf(name)
      return bytes !== undefined && isWithin(bytes)
    },
    touches: (name) => {
      const bytes = bytesOf(name)
      if (bytes === undefined) return false
      // An IPv4 address in IPv6 form reaches the same host.
      const mapped = bytes.length === 16 && equalRange(bytes, 0, 12, MAPPED, 0, 12)
      return isWithin(bytes) || (mapped && isWithin(bytes.subarray(12)))
    },
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
  const covers = (name: GeneralName): boolean => {
    const found = name.type === 'email' ? splitMailbox(name.value) : undefined
    if (found === undefined) return false
    return pattern !== undefined
      ? coversHost(pattern, { host: found.host, wildcard: false })
      : found.host === mailbox?.host && found.local === mailbox.local
  }
  const touches = (name: GeneralName): boolean => {
    const found = name.type === 'email' ? splitMailbox(name.value) : undefined
    // Most servers take local parts in any case: a denial does too.
    return (
      covers(name) ||
      (found !== undefined &&
        mailbox !== undefined &&
        found.host === mailbox.host &&
        found.local.toLowerCase() === mailbox.local.toLowerCase())
    )
  }
  return { text, covers, touches }
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
    return {
      text,
      covers: (name) => name.type === 'uri' && name.value === text,
      touches: (name) => name.type === 'uri' && name.value.toLowerCase() === text.toLowerCase(),
    }
  }
  const scheme = whole[1]?.toLowerCase()
  const pattern = readHostPattern(whole[2], option)
  const relates = (name: GeneralName, unreadable: boolean): boolean => {
    if (name.type !== 'uri' || name.value.slice(0, name.value.indexOf(':')).toLowerCase() !== scheme)
      return false
    const host = uriHost(name.value)
    return host === undefined ? unreadable : coversHost(pattern, { host, wildcard: false })
  }
  // Whose host we cannot read, a client may read as the one that is denied.
  return { text, covers: (name) => relates(name, false), touches: (name) => relates(name, true) }
}

function spiffeMatcher(
  entry: string | SpiffePathPattern | TrustDomain | NameInput,
  option: string,
): NameMatcher {
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
  const covers = (name: GeneralName): boolean => {
    const id = spiffeIdOf(name)
    return id !== undefined && pattern.matches(id)
  }
  return { text: String(pattern), covers, touches: covers }
}

/** The SPIFFE ID that a name is; `undefined` where it is none, or not well formed. */
export function spiffeIdOf(name: GeneralName): SpiffeId | undefined {
  if (name.type !== 'uri') return undefined
  try {
    return SpiffeId.parse(name.value)
  } catch {
    return undefined
  }
}

function directoryMatcher(
  entry: string | SpiffePathPattern | TrustDomain | NameInput,
  option: string,
): NameMatcher {
  if (entry instanceof SpiffePathPattern || entry instanceof TrustDomain)
    throw new TypeError(`option "${option}" must hold names such as "O=Example"`)
  const prefix = Name.from(entry)
  const wanted = rdnsOf(prefix)
  const covers = (name: GeneralName): boolean => {
    if (name.type !== 'directory') return false
    const rdns = rdnsOf(name.value)
    return wanted.length <= rdns.length && wanted.every((rdn, i) => rdn === rdns[i])
  }
  return { text: String(prefix), covers, touches: covers }
}

function rdnsOf({ der }: Name): readonly string[] {
  return canonicalRdns(der, 0, der.length)
}

function oidMatcher(text: string, option: string): NameMatcher {
  if (!isOid(text))
    throw new TypeError(`option "${option}" holds ${quote(text, 64)}; expected an object identifier`)
  const covers = (name: GeneralName): boolean => name.type === 'registered-id' && name.value === text
  return { text, covers, touches: covers }
}
