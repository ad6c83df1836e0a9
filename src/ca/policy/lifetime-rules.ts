/**
 * How long a certificate may be valid.
 *
 * @module
 */

import { formatDuration, readDuration } from '../../internal/duration.ts'
import { checkOneOf } from '../../internal/options.ts'
import { BACKDATE_RULES } from '../issuance-rules.ts'
import type { CertificateProfile } from '../profiles/certificate-profile.ts'
import { checkRules } from './plain-rules.ts'
import type { Violations } from './policy-violation.ts'

/** Rules for lifetimes, from issuance to `notAfter`. No certificate outlives its issuers, whatever they say. */
export interface LifetimeRules {
  /** Where the call asks for none. Default: that of the profile, at most `max`. */
  readonly default?: string | undefined
  /** The longest; `'none'` leaves it to the issuer's chain. */
  readonly max: string
  /** The shortest, also after a cap: a CA near its end would otherwise sign ever shorter certificates. Default `'1m'`. */
  readonly min?: string | undefined
  /** What happens to one that asks for more: `'reject'` (default), or `'cap'`, which the result tells. */
  readonly onTooLong?: 'reject' | 'cap' | undefined
  /** How far before issuance validity begins. Default: that of the profile. */
  readonly backdate?: string | undefined
}

/** What was asked for, and what is granted before the issuer's chain is asked; milliseconds. */
export interface GrantedLifetime {
  /** `undefined` where the call asks for none. */
  readonly asked: number | undefined
  readonly granted: number
}

/** {@link LifetimeRules}, read. */
export class CompiledLifetimeRules {
  readonly backdate: number
  readonly #default: number
  readonly #max: number
  readonly #min: number
  readonly #onTooLong: 'reject' | 'cap'

  constructor(rules: LifetimeRules, profile: CertificateProfile) {
    checkRules(rules, ['default', 'max', 'min', 'onTooLong', 'backdate'], 'option "lifetime"')
    this.#max = rules.max === 'none' ? Number.POSITIVE_INFINITY : readDuration(rules.max, 'lifetime.max')
    this.#default =
      rules.default === undefined
        ? Math.min(readDuration(profile.lifetime, 'profile.lifetime'), this.#max)
        : readDuration(rules.default, 'lifetime.default')
    // Less than a second is no life: notAfter is a whole second (RFC 5280 §4.1.2.5).
    this.#min = Math.max(
      readDuration(rules.min === undefined ? '1m' : rules.min, 'lifetime.min', { allowZero: true }),
      1000,
    )
    this.#onTooLong = checkOneOf(
      rules.onTooLong === undefined ? 'reject' : rules.onTooLong,
      ['reject', 'cap'],
      'lifetime.onTooLong',
    )
    this.backdate = readDuration(
      rules.backdate === undefined ? profile.backdate : rules.backdate,
      'lifetime.backdate',
      BACKDATE_RULES,
    )
    if (this.#default > this.#max || this.#default < this.#min)
      throw new RangeError(
        `option "lifetime.default" is ${formatDuration(this.#default)}, which the policy itself refuses: it allows ${this.#range()}`,
      )
    Object.freeze(this)
  }

  /** What a request gets. */
  grant(asked: number | undefined, violations: Violations): GrantedLifetime {
    const wanted = asked ?? this.#default
    if (wanted > this.#max && this.#onTooLong === 'reject')
      violations.add(
        'lifetime',
        `a lifetime of ${formatDuration(wanted)} was asked for; allowed is ${this.#range()}. Ask for less; the policy may say lifetime.onTooLong: 'cap' to cut it instead`,
      )
    if (wanted < this.#min)
      violations.add(
        'lifetime',
        `a lifetime of ${formatDuration(wanted)} was asked for; allowed is ${this.#range()}`,
      )
    return { asked, granted: Math.min(wanted, this.#max) }
  }

  /** Judges the validity of a certificate that is issued at `now` and was granted a lifetime. */
  judge(
    validity: { readonly notBefore: number; readonly notAfter: number },
    { granted }: GrantedLifetime,
    now: number,
    violations: Violations,
  ): void {
    const { notBefore, notAfter } = validity
    const lifetime = notAfter - now
    if (lifetime > this.#max)
      violations.add(
        'lifetime',
        `the certificate would be valid for ${formatDuration(lifetime)}; allowed is ${this.#range()}`,
      )
    // What was asked for too short is told where it was asked for.
    if (lifetime < this.#min && lifetime < granted)
      violations.add(
        'lifetime',
        `the certificate would be valid for ${formatDuration(lifetime)} only, because an issuer above it ends then; allowed is ${this.#range()}. Renew the issuing CA`,
      )
    if (notBefore !== now - this.backdate)
      violations.add(
        'lifetime',
        `the certificate would not begin ${formatDuration(this.backdate)} before its issuance`,
      )
  }

  #range(): string {
    const most =
      this.#max === Number.POSITIVE_INFINITY
        ? 'as long as its issuers are valid'
        : `at most ${formatDuration(this.#max)}`
    return `at least ${formatDuration(this.#min)}, ${most}`
  }
}
