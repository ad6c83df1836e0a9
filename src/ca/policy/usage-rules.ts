/**
 * Key usage and extended key usage under a policy.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { checkOneOf, typeName } from '../../internal/options.ts'
import { type Oid, purposeLabel } from '../../x509/extensions/extended-key-usage.ts'
import { KEY_USAGE_NAMES, type KeyUsageName } from '../../x509/extensions/key-usage.ts'
import type { CertificateProfile } from '../profiles/certificate-profile.ts'
import { type PurposeInput, readPurpose } from '../profiles/purpose.ts'
import { checkRules } from './plain-rules.ts'
import type { Violations } from './policy-violation.ts'

/** Values that a certificate gets, and values that a request may choose from. */
export interface UsageRule<T> {
  /** What a certificate has where the request chooses nothing. Default: that of the profile. */
  readonly impose?: readonly T[] | undefined
  /** Where it is given, a request that asks for some of these gets just those. */
  readonly allow?: readonly T[] | undefined
}

/** Rules for usages. */
export interface UsageRules {
  readonly keyUsage?: UsageRule<KeyUsageName> | undefined
  readonly extendedKeyUsage?: UsageRule<PurposeInput> | undefined
}

/** Combinations that are kept; requests choose them. */
const MAX_DERIVED = 32

const CA_BITS: readonly KeyUsageName[] = ['keyCertSign', 'cRLSign']

/** {@link UsageRules}, read. */
export class CompiledUsageRules {
  readonly #profile: CertificateProfile
  readonly #keyUsage: Compiled<KeyUsageName>
  readonly #purposes: Compiled<Oid>
  readonly #derived = new Map<string, CertificateProfile>()

  constructor(rules: UsageRules, profile: CertificateProfile) {
    checkRules(rules, ['keyUsage', 'extendedKeyUsage'], 'option "usage"')
    this.#keyUsage = compile(
      rules.keyUsage === undefined ? {} : rules.keyUsage,
      profile.keyUsage,
      'usage.keyUsage',
      (value, option) => checkOneOf(value, KEY_USAGE_NAMES, option),
    )
    this.#purposes = compile(
      rules.extendedKeyUsage === undefined ? {} : rules.extendedKeyUsage,
      profile.extendedKeyUsage,
      'usage.extendedKeyUsage',
      readPurpose,
    )
    const all = [...this.#keyUsage.impose, ...(this.#keyUsage.allow ?? [])]
    if (profile.role === 'end-entity' && all.some((name) => CA_BITS.includes(name)))
      throw new RangeError(
        'option "usage.keyUsage" of an end entity must not hold keyCertSign or cRLSign (RFC 5280 §4.2.1.3)',
      )
    if (
      profile.role !== 'end-entity' &&
      profile.keyUsage.length > 0 &&
      !this.#keyUsage.impose.includes('keyCertSign')
    )
      throw new RangeError('option "usage.keyUsage" of a CA must hold keyCertSign (RFC 5280 §4.2.1.3)')
    this.#profile = profile
  }

  /** The profile with the usages that a request gets; the same object where nothing differs. */
  profileFor(csr: Csr, violations: Violations): CertificateProfile {
    const keyUsage = choose(this.#keyUsage, csr.keyUsage, 'key-usage', (name) => name, violations)
    const extendedKeyUsage = choose(
      this.#purposes,
      csr.extendedKeyUsage,
      'extended-key-usage',
      purposeLabel,
      violations,
    )
    const profile = this.#profile
    if (isEqual(keyUsage, profile.keyUsage) && isEqual(extendedKeyUsage, profile.extendedKeyUsage))
      return profile
    // The same object for the same usages: a template is compiled for each.
    const key = [...keyUsage, '', ...extendedKeyUsage].join(' ')
    const known = this.#derived.get(key)
    if (known !== undefined) return known
    const derived = Object.freeze({ ...profile, keyUsage, extendedKeyUsage })
    if (this.#derived.size < MAX_DERIVED) this.#derived.set(key, derived)
    return derived
  }

  /** Judges the usages of a certificate. */
  judge(
    keyUsage: readonly KeyUsageName[] | undefined,
    purposes: readonly Oid[] | undefined,
    violations: Violations,
  ): void {
    for (const name of keyUsage ?? [])
      if (!this.#keyUsage.impose.includes(name) && this.#keyUsage.allow?.includes(name) !== true)
        violations.add(
          'key-usage',
          `the certificate would have key usage ${name}, which the policy does not give`,
        )
    for (const oid of purposes ?? [])
      if (!this.#purposes.impose.includes(oid) && this.#purposes.allow?.includes(oid) !== true)
        violations.add(
          'extended-key-usage',
          `the certificate would be for ${purposeLabel(oid)}, which the policy does not give`,
        )
    // Without either extension a certificate is good for everything.
    if (keyUsage === undefined && this.#keyUsage.impose.length > 0)
      violations.add(
        'key-usage',
        'the certificate would have no key usage, so its key would be good for everything: none of those that it gets fits this kind of key',
      )
    if (purposes === undefined && this.#purposes.impose.length > 0)
      violations.add(
        'extended-key-usage',
        'the certificate would have no extended key usage, so it would be for any purpose',
      )
  }
}

interface Compiled<T> {
  readonly impose: readonly T[]
  readonly allow: readonly T[] | undefined
}

function compile<T extends string, Input>(
  rule: UsageRule<Input>,
  fallback: readonly T[],
  option: string,
  read: (value: Input, option: string) => T,
): Compiled<T> {
  checkRules(rule, ['impose', 'allow'], `option "${option}"`)
  const list = (values: readonly Input[], name: string): readonly T[] => {
    if (!Array.isArray(values))
      throw new TypeError(`option "${option}.${name}" must be an array; got ${typeName(values)}`)
    return [...new Set(values.map((value) => read(value, `${option}.${name}`)))]
  }
  return {
    impose: rule.impose === undefined ? fallback : list(rule.impose, 'impose'),
    allow: rule.allow === undefined ? undefined : list(rule.allow, 'allow'),
  }
}

/** What is asked for where that may be chosen; else what is imposed. */
function choose<T>(
  { impose, allow }: Compiled<T>,
  asked: readonly T[] | undefined,
  rule: 'key-usage' | 'extended-key-usage',
  label: (value: T) => string,
  violations: Violations,
): readonly T[] {
  if (asked === undefined || allow === undefined) return impose
  const refused = asked.filter((value) => !allow.includes(value))
  if (refused.length > 0)
    violations.add(
      rule,
      `the request asks for ${refused.map(label).join(', ')}; it may choose from ${allow.map(label).join(', ') || 'nothing'}`,
    )
  const chosen = [...new Set(asked)].filter((value) => allow.includes(value))
  return chosen.length === 0 ? impose : chosen
}

const isEqual = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i])
