/**
 * What a request may ask for, whatever of it is taken.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { isOid } from '../../internal/oid.ts'
import { checkOneOf, readCount, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { type Oid, purposeLabel } from '../../x509/extensions/extended-key-usage.ts'
import { KEY_USAGE_NAMES, type KeyUsageName } from '../../x509/extensions/key-usage.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import { generalNameKey } from '../../x509/general-name-key.ts'
import type { Name } from '../../x509/name.ts'
import { type PurposeInput, readPurpose } from '../profiles/purpose.ts'
import { checkRules, orDefault } from './plain-rules.ts'
import type { Violations } from './policy-violation.ts'

/** Extensions that a request usually asks for. */
const EXTENSIONS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
} as const

/** Rules for requests. What they allow and the policy does not take is ignored. */
export interface RequestRules {
  /**
   * `'any'` (default): it is ignored unless the policy takes it. `'empty'`: no attribute. `'empty-organization'`: no
   * attribute but one organization without text, as Istio's agent writes it. `'no-common-name'`: no common name.
   */
  readonly subject?: 'any' | 'empty' | 'empty-organization' | 'no-common-name' | undefined
  /**
   * `'within-identities'` (default where names come from the call): each must be one of the caller's identities.
   * `'equal-identities'`: and none is missing. `'none'`: none. `'any'` (default where names come from the request).
   */
  readonly subjectAltNames?: 'within-identities' | 'equal-identities' | 'none' | 'any' | undefined
  /** Forms of names that may be asked for. Default: all. */
  readonly forms?: readonly GeneralName['type'][] | undefined
  /** The most URIs. Default: no limit of its own. */
  readonly maxUris?: number | undefined
  /** Extensions that may be asked for, by name or object identifier. Default: any. */
  readonly extensions?: 'any' | readonly (keyof typeof EXTENSIONS | Oid)[] | undefined
  /** Key usages that may be asked for. Default: any. */
  readonly keyUsage?: 'any' | readonly KeyUsageName[] | undefined
  /** Purposes that may be asked for. Default: any. */
  readonly extendedKeyUsage?: 'any' | readonly PurposeInput[] | undefined
  /** A request to become a CA, or for keyCertSign or cRLSign. Default `'refuse'`, for CA profiles `'ignore'`. */
  readonly ca?: 'refuse' | 'ignore' | undefined
}

const MEMBERS = [
  'subject',
  'subjectAltNames',
  'forms',
  'maxUris',
  'extensions',
  'keyUsage',
  'extendedKeyUsage',
  'ca',
]
const FORMS: readonly GeneralName['type'][] = [
  'dns',
  'email',
  'uri',
  'ip',
  'directory',
  'registered-id',
  'other',
]

/** {@link RequestRules}, read. */
export class CompiledRequestRules {
  readonly #subject: NonNullable<RequestRules['subject']>
  readonly #names: NonNullable<RequestRules['subjectAltNames']>
  readonly #forms: readonly GeneralName['type'][]
  readonly #maxUris: number
  readonly #extensions: readonly Oid[] | 'any'
  readonly #keyUsage: readonly KeyUsageName[] | 'any'
  readonly #purposes: readonly Oid[] | 'any'
  readonly #ca: 'refuse' | 'ignore'

  constructor(rules: RequestRules, isCa: boolean, namesFrom: 'identities' | 'request' | 'both') {
    checkRules(rules, MEMBERS, 'option "request"')
    this.#subject = checkOneOf(
      orDefault(rules.subject, 'any'),
      ['any', 'empty', 'empty-organization', 'no-common-name'],
      'request.subject',
    )
    this.#names = checkOneOf(
      orDefault(rules.subjectAltNames, namesFrom === 'identities' ? 'within-identities' : 'any'),
      ['within-identities', 'equal-identities', 'none', 'any'],
      'request.subjectAltNames',
    )
    this.#forms = readList(orDefault(rules.forms, FORMS), 'request.forms', (form, option) =>
      checkOneOf(form, FORMS, option),
    )
    this.#maxUris =
      rules.maxUris === undefined
        ? Number.POSITIVE_INFINITY
        : readCount(rules.maxUris, 'request.maxUris', 0, 8192)
    this.#extensions =
      orDefault(rules.extensions, 'any') === 'any'
        ? 'any'
        : readList(orDefault(rules.extensions, []), 'request.extensions', readExtension)
    this.#keyUsage =
      orDefault(rules.keyUsage, 'any') === 'any'
        ? 'any'
        : readList(orDefault(rules.keyUsage, []), 'request.keyUsage', (name, option) =>
            checkOneOf(name, KEY_USAGE_NAMES, option),
          )
    this.#purposes =
      orDefault(rules.extendedKeyUsage, 'any') === 'any'
        ? 'any'
        : readList(orDefault(rules.extendedKeyUsage, []), 'request.extendedKeyUsage', readPurpose)
    this.#ca = checkOneOf(orDefault(rules.ca, isCa ? 'ignore' : 'refuse'), ['refuse', 'ignore'], 'request.ca')
    Object.freeze(this)
  }

  /** Whether names of a request can be no others than its sender's identities. */
  get bindsNames(): boolean {
    return this.#names === 'within-identities' || this.#names === 'equal-identities'
  }

  /** Judges a request against what its sender was authenticated as. */
  judge(csr: Csr, identities: readonly GeneralName[], maxNames: number, violations: Violations): void {
    this.#judgeSubject(csr.subject, violations)
    const { subjectAltNames } = csr
    if (subjectAltNames.length > maxNames)
      violations.add(
        'names',
        `the request asks for ${subjectAltNames.length} names; at most ${maxNames} are allowed`,
      )
    else this.#judgeNames(subjectAltNames, identities, violations)
    if (this.#extensions !== 'any')
      for (const { oid } of csr.extensions)
        if (!this.#extensions.includes(oid))
          violations.add(
            'extensions',
            `the request asks for the extension ${oid}; allowed are ${this.#extensions.join(', ') || 'none'}`,
          )
    for (const name of csr.keyUsage ?? [])
      if (this.#keyUsage !== 'any' && !this.#keyUsage.includes(name))
        violations.add(
          'key-usage',
          `the request asks for key usage ${name}; allowed are ${this.#keyUsage.join(', ') || 'none'}`,
        )
    for (const oid of csr.extendedKeyUsage ?? [])
      if (this.#purposes !== 'any' && !this.#purposes.includes(oid))
        violations.add(
          'extended-key-usage',
          `the request asks for ${purposeLabel(oid)}; allowed are ${this.#purposes.map(purposeLabel).join(', ') || 'none'}`,
        )
    const signs = csr.keyUsage?.some((name) => name === 'keyCertSign' || name === 'cRLSign') === true
    if (this.#ca === 'refuse' && (csr.isCa || signs))
      violations.add('basic-constraints', 'the request asks to become a CA, and this policy makes none')
  }

  #judgeSubject(subject: Name, violations: Violations): void {
    const attributes = subject.rdns.flat()
    const found = quote(String(subject), 160)
    if (this.#subject === 'no-common-name' && subject.values('CN').length > 0)
      violations.add('subject', `the request has the subject ${found}; a common name is not allowed`)
    if (this.#subject === 'empty' && attributes.length > 0)
      violations.add('subject', `the request has the subject ${found}; it must be empty`)
    if (
      this.#subject === 'empty-organization' &&
      (attributes.length > 1 || attributes.some(({ shortName, value }) => shortName !== 'O' || value !== ''))
    )
      violations.add(
        'subject',
        `the request has the subject ${found}; it must be empty, or one organization without text`,
      )
  }

  #judgeNames(
    asked: readonly GeneralName[],
    identities: readonly GeneralName[],
    violations: Violations,
  ): void {
    const uris = asked.filter(({ type }) => type === 'uri').length
    if (uris > this.#maxUris)
      violations.add('names', `the request asks for ${uris} URIs; at most ${this.#maxUris} are allowed`)
    const known = new Set(identities.map(generalNameKey))
    for (const name of asked) {
      const shown = `the request asks for the name ${escapeText(formatGeneralName(name))}`
      if (!this.#forms.includes(name.type))
        violations.add('names', `${shown}; allowed are ${this.#forms.join(', ') || 'none'}`)
      if (this.#names === 'none') violations.add('names', `${shown}; requests must not ask for any`)
      if (this.bindsNames && !known.has(generalNameKey(name)))
        violations.add(
          'identities',
          `${shown}, but its sender is ${identities.length === 0 ? 'nobody that the option "identities" names' : list(identities)}`,
        )
    }
    if (this.#names !== 'equal-identities') return
    const askedFor = new Set(asked.map(generalNameKey))
    for (const identity of identities)
      if (!askedFor.has(generalNameKey(identity)))
        violations.add(
          'identities',
          `the request does not ask for ${escapeText(formatGeneralName(identity))}, which its sender is; it must ask for exactly its identities`,
        )
  }
}

function readExtension(value: keyof typeof EXTENSIONS | Oid, option: string): Oid {
  for (const [name, oid] of Object.entries(EXTENSIONS)) if (name === value) return oid
  if (typeof value === 'string' && isOid(value)) return value
  throw new TypeError(`option "${option}" must hold names of extensions or object identifiers`)
}

function readList<T, Input>(
  values: readonly Input[] | string,
  option: string,
  read: (value: Input, option: string) => T,
): readonly T[] {
  if (typeof values === 'string' || !Array.isArray(values))
    throw new TypeError(`option "${option}" must be an array; got ${typeName(values)}`)
  return values.map((value) => read(value, option))
}

const list = (names: readonly GeneralName[]): string =>
  names
    .slice(0, 6)
    .map((name) => escapeText(formatGeneralName(name)))
    .join(', ') + (names.length > 6 ? `, and ${names.length - 6} more` : '')
