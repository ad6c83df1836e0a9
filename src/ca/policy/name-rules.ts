/**
 * Which names a certificate may bear.
 *
 * @module
 */

import { checkOptionNames, readCount, readFlag, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { SpiffeId, type TrustDomain } from '../../spiffe/spiffe-id.ts'
import type { SpiffePathPattern } from '../../spiffe/spiffe-path-pattern.ts'
import { normalizeDnsName } from '../../x509/dns-name.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import { parseIpAddress } from '../../x509/ip-address.ts'
import { splitMailbox } from '../../x509/mailbox.ts'
import type { NameInput } from '../../x509/name.ts'
import { kindOf, type NameKind, type NameMatcher, readNameMatcher } from './name-matcher.ts'
import type { Violations } from './policy-violation.ts'

/** Names of one kind. What is denied is refused even where it is allowed. */
export interface NameLists<Entry = string> {
  readonly allow?: readonly Entry[] | undefined
  readonly deny?: readonly Entry[] | undefined
}

/**
 * Rules for names. An allow list for one kind closes all kinds that have none. Without any, whatever is not denied
 * passes; names from a request need at least one.
 */
export interface NameRules {
  /** Hosts: `db.example.com`, `*.example.com` (exactly one label below), `**.example.com` (any number). */
  readonly dns?: NameLists | undefined
  /** Addresses and ranges: `10.0.0.0/8`. */
  readonly ip?: NameLists | undefined
  /** Mailboxes: `ops@example.com`, `*@example.com`. */
  readonly email?: NameLists | undefined
  /** Whole URIs, or scheme and host with any path: `https://*.example.com/**`. SPIFFE IDs are under `spiffe`. */
  readonly uri?: NameLists | undefined
  /** Patterns of trust domain and path: `spiffe://prod.example.com/ns/**`; a `TrustDomain` is all of it. */
  readonly spiffe?: NameLists<string | SpiffePathPattern | TrustDomain> | undefined
  /** Beginnings of names: `O=Example` in RFC 4514 text is the name and all below it. */
  readonly directory?: NameLists<NameInput> | undefined
  readonly registeredId?: NameLists | undefined
  /** Whether a DNS name may be a wildcard such as `*.example.com`; it must be allowed as well. Default `false`. */
  readonly wildcards?: boolean | undefined
  /** The fewest alternative names. Default 1 for end entities, 0 for CAs. */
  readonly min?: number | undefined
  /** The most alternative names. Default 100. */
  readonly max?: number | undefined
}

const MEMBERS: Readonly<Record<NameKind, keyof NameRules>> = {
  dns: 'dns',
  ip: 'ip',
  email: 'email',
  uri: 'uri',
  spiffe: 'spiffe',
  directory: 'directory',
  'registered-id': 'registeredId',
}
const KINDS: readonly NameKind[] = ['dns', 'ip', 'email', 'uri', 'spiffe', 'directory', 'registered-id']
const WORDS: Readonly<Record<NameKind, string>> = {
  dns: 'DNS names',
  ip: 'IP addresses',
  email: 'e-mail addresses',
  uri: 'URIs',
  spiffe: 'SPIFFE IDs',
  directory: 'directory names',
  'registered-id': 'registered identifiers',
}
const MAX_NAMES = 100
/** What a client that reads C strings cuts at, or a log shows as something else. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/
/** No white space, and what only names have. */
const LIKE_A_NAME = /^\S*[.:@*]\S*$/
/** Entries that a message lists. */
const MAX_LISTED = 6

/** {@link NameRules}, read. */
export class CompiledNameRules {
  readonly #allow = new Map<NameKind, readonly NameMatcher[]>()
  readonly #deny = new Map<NameKind, readonly NameMatcher[]>()
  readonly #wildcards: boolean
  readonly min: number
  readonly max: number

  constructor(rules: NameRules, isCa: boolean) {
    checkOptionNames(rules, [...Object.values(MEMBERS), 'wildcards', 'min', 'max'], 'option "names"')
    for (const kind of KINDS) {
      const member = MEMBERS[kind]
      const lists: unknown = rules[member]
      if (lists === undefined) continue
      const option = `names.${member}`
      checkOptionNames(lists, ['allow', 'deny'], `option "${option}"`)
      const { allow, deny } = lists as NameLists<string>
      if (allow !== undefined) this.#allow.set(kind, readList(kind, allow, `${option}.allow`))
      if (deny !== undefined) this.#deny.set(kind, readList(kind, deny, `${option}.deny`))
    }
    this.#wildcards = readFlag(rules.wildcards, 'names.wildcards', false)
    this.max = readCount(rules.max ?? MAX_NAMES, 'names.max', 0, 8192)
    this.min = readCount(rules.min ?? (isCa ? 0 : 1), 'names.min', 0, this.max)
  }

  /** Whether there is any allow list. */
  get isClosed(): boolean {
    return this.#allow.size > 0
  }

  /** Judges every name of a certificate. */
  judge(names: readonly GeneralName[], violations: Violations): void {
    if (names.length < this.min)
      violations.add(
        'names',
        `the certificate has ${names.length} alternative names, at least ${this.min} are needed; say whose it is by the option "identities"`,
      )
    if (names.length > this.max) {
      violations.add(
        'names',
        `the certificate has ${names.length} alternative names, at most ${this.max} are allowed`,
      )
      return
    }
    for (const name of names) this.judgeOne(name, violations)
  }

  /** Judges one name. */
  judgeOne(name: GeneralName, violations: Violations): void {
    const kind = kindOf(name)
    const shown = `the name ${escapeText(formatGeneralName(name))}`
    if (kind === undefined) {
      violations.add('other-name', `${shown} is of a form that no policy can allow`)
      return
    }
    const fault = malformation(name, kind)
    if (fault !== undefined) {
      violations.add(kind, `${shown} ${fault}`)
      return
    }
    const denied = this.#deny.get(kind)?.find((matcher) => matcher.touches(name))
    if (denied !== undefined) {
      violations.add(kind, `${shown} is denied by "${escapeText(denied.text)}"`)
      return
    }
    if (kind === 'dns' && name.type === 'dns' && name.value.startsWith('*') && !this.#wildcards) {
      violations.add(kind, `${shown} is a wildcard, which needs { wildcards: true }`)
      return
    }
    const allowed = this.#allow.get(kind)
    if (allowed === undefined ? this.isClosed : !allowed.some((matcher) => matcher.covers(name)))
      violations.add(kind, `${shown} is not allowed; allowed ${WORDS[kind]}: ${describe(allowed)}`)
  }

  /** Judges a common name as what it looks like. */
  judgeCommonName(value: string, violations: Violations): void {
    const name = asName(value)
    if (name !== undefined) {
      this.judgeOne(name, violations)
      return
    }
    if (UNPRINTABLE.test(value)) {
      violations.add('subject', `the common name ${quote(value, 64)} holds control characters`)
      return
    }
    if (this.isClosed && LIKE_A_NAME.test(value)) {
      violations.add(
        'subject',
        `the common name ${quote(value, 64)} looks like a name and is none that can be compared`,
      )
      return
    }
    // A single label is a host to some clients: no allow list can be asked, but a denial holds.
    const denied = this.#deny.get('dns')?.find((matcher) => matcher.touches({ type: 'dns', value }))
    if (denied !== undefined)
      violations.add(
        'subject',
        `the common name ${quote(value, 64)} is denied by "${escapeText(denied.text)}"`,
      )
  }
}

function readList(kind: NameKind, entries: readonly string[], option: string): readonly NameMatcher[] {
  if (!Array.isArray(entries))
    throw new TypeError(`option "${option}" must be an array; got ${typeName(entries)}`)
  return entries.map((entry, i) => readNameMatcher(kind, entry, `${option}[${i}]`))
}

function describe(allowed: readonly NameMatcher[] | undefined): string {
  if (allowed === undefined || allowed.length === 0) return 'none'
  const shown = allowed.slice(0, MAX_LISTED).map(({ text }) => escapeText(text))
  return shown.join(', ') + (allowed.length > MAX_LISTED ? `, and ${allowed.length - MAX_LISTED} more` : '')
}

/** What is wrong with a name as such; it could not be compared with any list. */
function malformation(name: GeneralName, kind: NameKind): string | undefined {
  switch (kind) {
    case 'spiffe':
      try {
        if (name.type === 'uri') SpiffeId.parse(name.value)
        return undefined
      } catch (error) {
        return `is no SPIFFE ID: ${error instanceof Error ? error.message : String(error)}`
      }
    case 'dns':
      return name.type === 'dns' &&
        normalizeDnsName(name.value, true) !== undefined &&
        parseIpAddress(name.value) === undefined
        ? undefined
        : 'is no DNS name (RFC 5280 §4.2.1.6)'
    case 'email':
      return name.type === 'email' && splitMailbox(name.value) !== undefined
        ? undefined
        : 'is no mailbox that can be compared (RFC 5280 §4.2.1.6)'
    default:
      return undefined
  }
}

/** A text as the name that a client may take it for; `undefined` for anything else. */
function asName(value: string): GeneralName | undefined {
  if (parseIpAddress(value) !== undefined) return { type: 'ip', value }
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(value) || /^spiffe:/i.test(value)) return { type: 'uri', value }
  if (splitMailbox(value) !== undefined) return { type: 'email', value }
  return value.includes('.') && normalizeDnsName(value, true) !== undefined
    ? { type: 'dns', value }
    : undefined
}
