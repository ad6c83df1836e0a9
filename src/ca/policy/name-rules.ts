/**
 * Which names a certificate may bear.
 *
 * @module
 */

import { readCount, readFlag, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import type { TrustDomain } from '../../spiffe/spiffe-id.ts'
import type { SpiffePathPattern } from '../../spiffe/spiffe-path-pattern.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import type { NameInput } from '../../x509/name.ts'
import { readCommonName } from '../common-name.ts'
import { type JudgedName, type NameKind, readJudgedName } from './judged-name.ts'
import { type NameEntry, type NameMatcher, readNameMatcher } from './name-matcher.ts'
import { checkRules } from './plain-rules.ts'
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
/** Entries that a message lists. */
const MAX_LISTED = 6

/** {@link NameRules}, read. */
export class CompiledNameRules {
  readonly #allow = new Map<NameKind, readonly NameMatcher[]>()
  readonly #deny = new Map<NameKind, readonly NameMatcher[]>()
  readonly #wildcards: boolean
  readonly #remedy: string
  readonly min: number
  readonly max: number

  constructor(rules: NameRules, isCa: boolean, namesFrom: 'identities' | 'request' | 'both' = 'identities') {
    checkRules(rules, [...Object.values(MEMBERS), 'wildcards', 'min', 'max'], 'option "names"')
    for (const kind of KINDS) {
      const member = MEMBERS[kind]
      const lists: unknown = rules[member]
      if (lists === undefined) continue
      const option = `names.${member}`
      checkRules(lists, ['allow', 'deny'], `option "${option}"`)
      const { allow, deny } = lists as NameLists<NameEntry>
      if (allow !== undefined) this.#allow.set(kind, readList(kind, allow, `${option}.allow`))
      if (deny !== undefined) this.#deny.set(kind, readList(kind, deny, `${option}.deny`))
    }
    this.#remedy =
      namesFrom === 'identities'
        ? 'say whose it is by the option "identities"'
        : namesFrom === 'request'
          ? 'the request must ask for them: this policy takes names from there'
          : 'say whose it is by the option "identities", or in the request'
    this.#wildcards = readFlag(rules.wildcards, 'names.wildcards', false)
    this.max = readCount(rules.max === undefined ? MAX_NAMES : rules.max, 'names.max', 0, 8192)
    this.min = readCount(rules.min === undefined ? (isCa ? 0 : 1) : rules.min, 'names.min', 0, this.max)
    Object.freeze(this)
  }

  /** Whether there is any allow list. */
  get isClosed(): boolean {
    return this.#allow.size > 0
  }

  /** Whether there is any list at all. */
  get #hasLists(): boolean {
    return this.#allow.size + this.#deny.size > 0
  }

  /** Whether so many names are looked at one by one. */
  isTooMany(count: number): boolean {
    return count > this.max
  }

  /** Judges every name of a certificate. */
  judge(names: readonly GeneralName[], violations: Violations): void {
    if (names.length < this.min)
      violations.add(
        'names',
        `the certificate has ${names.length} alternative names, at least ${this.min} are needed; ${this.#remedy}`,
      )
    if (this.isTooMany(names.length))
      violations.add(
        'names',
        `the certificate has ${names.length} alternative names, at most ${this.max} are allowed`,
      )
    else for (const name of names) this.judgeOne(name, violations)
  }

  /** Judges one name. */
  judgeOne(name: GeneralName, violations: Violations): void {
    const judged = readJudgedName(name)
    const shown = `the name ${escapeText(formatGeneralName(name))}`
    if (judged === undefined) {
      violations.add('other-name', `${shown} is of a form that no policy can allow`)
      return
    }
    const { kind } = judged
    const fault = malformation(judged)
    if (fault !== undefined) {
      violations.add(kind, `${shown} ${fault}`)
      return
    }
    const denied = this.#deny.get(kind)?.find((matcher) => matcher.touches(judged))
    if (denied !== undefined) {
      violations.add(kind, `${shown} is denied by "${escapeText(denied.text)}"`)
      return
    }
    if (judged.kind === 'dns' && judged.value?.wildcard === true && !this.#wildcards) {
      violations.add(kind, `${shown} is a wildcard, which needs { wildcards: true }`)
      return
    }
    const allowed = this.#allow.get(kind)
    if (allowed === undefined ? this.isClosed : !allowed.some((matcher) => matcher.covers(judged)))
      violations.add(kind, `${shown} is not allowed; allowed ${WORDS[kind]}: ${describe(allowed)}`)
  }

  /**
   * Judges a common name as what a client may take it for. `isNamed` is whether the policy itself says this very text: then
   * only denials count.
   */
  judgeCommonName(value: string, isNamed: boolean, violations: Violations): void {
    const read = readCommonName(value)
    const shown = `the common name ${quote(value, 64)}`
    if (read.kind === 'control') violations.add('subject', `${shown} holds control characters`)
    else if (read.kind === 'name' && !isNamed) this.judgeOne(read.name, violations)
    else if (read.kind === 'like-a-name' && !isNamed && this.#hasLists)
      violations.add(
        'subject',
        `${shown} looks like a name and is none that can be compared; list it under "subject.attributes" if it is meant`,
      )
    else if (read.kind === 'name' || read.kind === 'text') {
      // A single label is a host to some clients: no allow list can be asked, but a denial holds.
      const name: GeneralName = read.kind === 'name' ? read.name : { type: 'dns', value: read.label }
      const judged = readJudgedName(name)
      const denied =
        judged === undefined
          ? undefined
          : this.#deny.get(judged.kind)?.find((matcher) => matcher.touches(judged))
      if (denied !== undefined)
        violations.add('subject', `${shown} is denied by "${escapeText(denied.text)}"`)
    }
  }
}

function readList(kind: NameKind, entries: readonly NameEntry[], option: string): readonly NameMatcher[] {
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
function malformation(name: JudgedName): string | undefined {
  if (name.value !== undefined) return undefined
  switch (name.kind) {
    case 'spiffe':
      return `is no SPIFFE ID: ${name.fault}`
    case 'dns':
      return 'is no DNS name (RFC 5280 §4.2.1.6), or an address to some clients'
    case 'email':
      return 'is no mailbox that can be compared (RFC 5280 §4.2.1.6)'
    default:
      return 'is not well formed (RFC 5280 §4.2.1.6)'
  }
}
