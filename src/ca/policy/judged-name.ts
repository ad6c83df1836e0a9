/**
 * A name of a certificate, read once for all entries of all lists.
 *
 * @module
 */

import { SpiffeId } from '../../spiffe/spiffe-id.ts'
import { uriHost } from '../../verify/name-constraints.ts'
import { normalizeDnsName } from '../../x509/dns-name.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import { formatIpAddress, parseIpAddress } from '../../x509/ip-address.ts'
import { splitMailbox } from '../../x509/mailbox.ts'
import { canonicalRdns } from '../../x509/name-comparison.ts'
import { type PresentedHost, readPresentedHost } from './host-pattern.ts'

/** The kinds of names that rules tell apart. A SPIFFE ID is a URI in a certificate, and a kind of its own here. */
export type NameKind = 'dns' | 'ip' | 'email' | 'uri' | 'spiffe' | 'directory' | 'registered-id'

/** A URI as rules see it. */
interface JudgedUri {
  readonly text: string
  /** Lower case. */
  readonly scheme: string
  /** `undefined` where there is none that can be compared, or user information stands before it. */
  readonly host: string | undefined
}

/** What a name is, by its kind; `undefined` in `value` for one that is not well formed. */
export type JudgedName =
  | { readonly kind: 'dns'; readonly value: PresentedHost | undefined }
  /** All addresses that reach the same host: the address itself first. */
  | { readonly kind: 'ip'; readonly value: readonly Uint8Array[] | undefined }
  | { readonly kind: 'email'; readonly value: { readonly local: string; readonly host: string } | undefined }
  | { readonly kind: 'uri'; readonly value: JudgedUri }
  | { readonly kind: 'spiffe'; readonly value: SpiffeId | undefined; readonly fault: string }
  | { readonly kind: 'directory'; readonly value: readonly string[] }
  | { readonly kind: 'registered-id'; readonly value: string }

/** Reads a name; `undefined` for a form that no rule can allow. */
export function readJudgedName(name: GeneralName): JudgedName | undefined {
  switch (name.type) {
    case 'dns':
      return { kind: 'dns', value: readHost(name.value) }
    case 'ip': {
      const address = parseIpAddress(name.value)
      return { kind: 'ip', value: address === undefined ? undefined : [address, ...embeddedIpv4(address)] }
    }
    case 'email':
      return { kind: 'email', value: splitMailbox(name.value) }
    case 'uri':
      return readUri(name.value)
    case 'directory': {
      const { der } = name.value
      return { kind: 'directory', value: canonicalRdns(der, 0, der.length) }
    }
    case 'registered-id':
      return { kind: 'registered-id', value: name.value }
    case 'other':
      return undefined
  }
}

/** A last label that is a number makes a host an address to some clients (WHATWG URL §3.5). */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i

function readHost(text: string): PresentedHost | undefined {
  return normalizeDnsName(text, true) === undefined || ENDS_IN_NUMBER.test(text)
    ? undefined
    : readPresentedHost(text)
}

function readUri(text: string): JudgedName {
  // Whoever compares schemes as RFC 3986 §3.1 says takes "SPIFFE:" for the same.
  if (/^spiffe:/i.test(text)) {
    try {
      return { kind: 'spiffe', value: SpiffeId.parse(text), fault: '' }
    } catch (error) {
      return {
        kind: 'spiffe',
        value: undefined,
        fault: error instanceof Error ? error.message : String(error),
      }
    }
  }
  const authority = /^[^:/?#]+:\/\/([^/?#\\]*)/.exec(text)?.[1] ?? ''
  return {
    kind: 'uri',
    value: {
      text,
      scheme: text.slice(0, Math.max(text.indexOf(':'), 0)).toLowerCase(),
      // Some readers take what stands before "@" or the first ":" for the host.
      host: authority.includes('@') ? undefined : uriHost(text),
    },
  }
}

/** Where an IPv6 address holds an IPv4 one: mapped, compatible, translated, NAT64 (RFC 6052), 6to4 (RFC 3056). */
const EMBEDDING: readonly (readonly [prefix: string, at: number])[] = [
  ['0000000000000000' + '0000ffff', 12],
  ['0000000000000000' + '00000000', 12],
  ['0000000000000000' + 'ffff0000', 12],
  ['0064ff9b00000000' + '00000000', 12],
  ['2002', 2],
]

/** IPv4 addresses that reach the same host as an IPv6 address, and the mapped form of an IPv4 address. */
function embeddedIpv4(address: Uint8Array): readonly Uint8Array[] {
  if (address.length === 4) return [parseIpAddress(`::ffff:${formatIpAddress(address)}`) ?? address]
  const hex = [...address].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return EMBEDDING.flatMap(([prefix, at]) => (hex.startsWith(prefix) ? [address.slice(at, at + 4)] : []))
}
