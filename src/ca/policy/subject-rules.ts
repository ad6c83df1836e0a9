/**
 * What the subject of a certificate is, and what it may be.
 *
 * @module
 */

import { derObjectIdentifier, derSequence, derSetOf } from '../../internal/der-writer.ts'
import { checkOneOf, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { attributeOid } from '../../x509/attribute-types.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import { Name, type NameAttribute, type NameInput, readNameOption } from '../../x509/name.ts'
import { MAX_COMMON_NAME } from '../common-name.ts'
import type { CompiledNameRules } from './name-rules.ts'
import { checkRules } from './plain-rules.ts'
import type { Violations } from './policy-violation.ts'

/** Attributes by short name or object identifier: the values that are allowed, or `'any'`. */
export type SubjectAttributes = Readonly<Record<string, readonly string[] | 'any'>>

/** A common name that is made. `first-name-if-asked`: as istiod, when the request has one; `first-dns-name`: as SPIRE. */
export type CommonNameRule = 'first-name-if-asked' | 'first-dns-name'

/**
 * Where the subject comes from.
 *
 * `policy`: it is `value`, whatever is asked for; empty where that is left out. `request`: it is that of the request,
 * whose attributes must all be in `attributes` (`'any'`: whatever it is). `caller`: it is the option `subject` of the call, under
 * the same rule.
 */
export type SubjectRules =
  | {
      readonly from: 'policy'
      readonly value?: NameInput | undefined
      readonly commonName?: CommonNameRule | undefined
    }
  | {
      readonly from: 'request' | 'caller'
      readonly attributes: SubjectAttributes | 'any'
      readonly commonName?: CommonNameRule | undefined
    }

const COMMON_NAME = '2.5.4.3'
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1'

/** {@link SubjectRules}, read. */
export class CompiledSubjectRules {
  readonly from: SubjectRules['from']
  readonly #value: Name
  readonly #attributes: ReadonlyMap<string, readonly string[] | 'any'> | 'any'
  readonly #commonName: CommonNameRule | undefined

  constructor(rules: SubjectRules) {
    checkRules(rules, ['from', 'value', 'attributes', 'commonName'], 'option "subject"')
    this.from = checkOneOf(rules.from, ['policy', 'request', 'caller'], 'subject.from')
    this.#commonName =
      rules.commonName === undefined
        ? undefined
        : checkOneOf<CommonNameRule>(
            rules.commonName,
            ['first-name-if-asked', 'first-dns-name'],
            'subject.commonName',
          )
    if (rules.from === 'policy') {
      if ('attributes' in rules)
        throw new TypeError('option "subject.attributes" is for a subject from the request or the caller')
      this.#value = readNameOption(rules.value ?? [], 'subject.value')
      this.#attributes = 'any'
    } else {
      if ('value' in rules) throw new TypeError('option "subject.value" is for a subject from the policy')
      this.#value = Name.from([])
      this.#attributes = readAttributes(rules.attributes)
    }
    Object.freeze(this)
  }

  /** The common name that a certificate gets by the rule `commonName`; `undefined` where it gets none so. */
  madeCommonName(requested: Name, names: readonly GeneralName[]): string | undefined {
    if (this.#commonName === 'first-dns-name') return textOf(names.find(({ type }) => type === 'dns'))
    if (this.#commonName !== 'first-name-if-asked' || requested.values('CN').length === 0) return undefined
    return textOf(names[0])
  }

  /** The subject that a certificate gets. With a rule for common names none stays that was asked for. */
  subjectOf(requested: Name, given: Name | undefined, names: readonly GeneralName[]): Name {
    const base =
      this.from === 'policy' ? this.#value : this.from === 'request' ? requested : (given ?? this.#value)
    return this.#commonName === undefined ? base : withCommonName(base, this.madeCommonName(requested, names))
  }

  /** Judges a subject: its attributes, and what in it others take for names. */
  judge(subject: Name, made: string | undefined, names: CompiledNameRules, violations: Violations): void {
    for (const attribute of subject.rdns.flat()) {
      const isMade = made !== undefined && attribute.type === COMMON_NAME && attribute.value === made
      if (this.#attributes !== 'any' && !isMade) judgeAttribute(attribute, this.#attributes, violations)
      // What the policy itself names, value by value, is meant.
      const isNamed = this.from === 'policy' ? !isMade : this.#lists(attribute)
      judgeAsName(attribute, isNamed, names, violations)
    }
  }

  #lists({ type, value }: NameAttribute): boolean {
    if (this.#attributes === 'any' || value === undefined) return false
    const values = this.#attributes.get(type)
    return values !== undefined && values !== 'any' && values.includes(value)
  }
}

/** A name with one common name, or none, the last RDN; everything else as it stands, string types included. */
function withCommonName(base: Name, commonName: string | undefined): Name {
  const kept = base.rdns
    .map((rdn) => rdn.filter(({ type }) => type !== COMMON_NAME))
    .filter((rdn) => rdn.length > 0)
  const made = commonName === undefined ? [] : Name.from([{ CN: commonName }]).rdns
  return Name.fromDer(
    derSequence(
      ...[...kept, ...made].map((rdn) =>
        derSetOf(rdn.map(({ type, der }) => derSequence(derObjectIdentifier(type), der))),
      ),
    ),
  )
}

/** Two attributes are names to those who look for them there. */
function judgeAsName(
  { type, value }: NameAttribute,
  isNamed: boolean,
  names: CompiledNameRules,
  violations: Violations,
): void {
  if (type !== COMMON_NAME && type !== EMAIL_ADDRESS) return
  if (value === undefined)
    violations.add('subject', 'the subject holds a common name or an e-mail address that is no text')
  else if (type === EMAIL_ADDRESS) {
    // Name constraints hold for it too (RFC 5280 §4.2.1.10).
    if (!isNamed) names.judgeOne({ type: 'email', value }, violations)
  } else if (value.length > MAX_COMMON_NAME)
    violations.add(
      'subject',
      `the subject holds a common name of ${value.length} characters; at most ${MAX_COMMON_NAME} are allowed (RFC 5280 appendix A)`,
    )
  else names.judgeCommonName(value, isNamed, violations)
}

function judgeAttribute(
  { type, shortName = type, value }: NameAttribute,
  allowed: ReadonlyMap<string, readonly string[] | 'any'>,
  violations: Violations,
): void {
  const values = allowed.get(type)
  if (values === undefined)
    violations.add(
      'subject',
      `the subject holds ${shortName}${value === undefined ? '' : ` ${quote(value, 64)}`}, which is not among ${[...allowed.keys()].join(', ') || 'none'}`,
    )
  else if (values !== 'any' && (value === undefined || !values.includes(value)))
    violations.add(
      'subject',
      `${shortName} of the subject is ${value === undefined ? 'no text' : quote(value, 64)}; allowed: ${values.map((one) => quote(one, 64)).join(', ')}`,
    )
}

function readAttributes(
  attributes: SubjectAttributes | 'any',
): ReadonlyMap<string, readonly string[] | 'any'> | 'any' {
  if (attributes === 'any') return 'any'
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw new TypeError(
      `option "subject.attributes" must be 'any' or an object such as { O: ['Istio'], CN: 'any' }; got ${typeName(attributes)}`,
    )
  const read = new Map<string, readonly string[] | 'any'>()
  for (const [name, values] of Object.entries(attributes)) {
    const oid = attributeOid(name) ?? (/^\d+(\.\d+)+$/.test(name) ? name : undefined)
    if (oid === undefined)
      throw new TypeError(`option "subject.attributes" holds the unknown attribute ${quote(name, 64)}`)
    if (read.has(oid))
      throw new TypeError(`option "subject.attributes" holds ${quote(name, 64)} under two names`)
    if (values !== 'any' && (!Array.isArray(values) || values.some((value) => typeof value !== 'string')))
      throw new TypeError(`option "subject.attributes.${name}" must be 'any' or an array of texts`)
    read.set(oid, values === 'any' ? 'any' : [...values])
  }
  return read
}

/** The text of a name where it fits into a common name. */
function textOf(name: GeneralName | undefined): string | undefined {
  return name !== undefined && typeof name.value === 'string' && name.value.length <= MAX_COMMON_NAME
    ? name.value
    : undefined
}
