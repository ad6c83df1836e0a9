/**
 * What a policy refuses, and why.
 *
 * @module
 */

import { MeshPkiError, type MeshPkiErrorCode } from '../../errors.ts'
import { quote } from '../../internal/text.ts'

/** The rules of a policy. */
export type PolicyRule =
  | 'authorize'
  | 'basic-constraints'
  | 'critical'
  | 'email'
  | 'directory'
  | 'dns'
  | 'extended-key-usage'
  | 'extensions'
  | 'identities'
  | 'ip'
  | 'key'
  | 'key-usage'
  | 'lifetime'
  | 'name-constraints'
  | 'names'
  | 'other-name'
  | 'path-length'
  | 'registered-id'
  | 'rfc5280'
  | 'spiffe'
  | 'subject'
  | 'uri'

/** One broken rule. */
export interface PolicyViolation {
  readonly rule: PolicyRule
  /** Where it was broken: in what was asked for, or in the certificate that would have been signed. */
  readonly in: 'request' | 'certificate'
  /** What was found, what is allowed, and what to do. */
  readonly message: string
}

/** The codes of a {@link PolicyError}. */
export type PolicyErrorCode = Extract<MeshPkiErrorCode, `ERR_POLICY_${string}`>

/** How many violations a message spells out; `violations` holds all of them. */
const MAX_SHOWN = 16

/** A request that a policy refuses, with every rule that it breaks. Nothing was signed. */
export class PolicyError extends MeshPkiError {
  declare readonly code: PolicyErrorCode
  /** The name of the policy. */
  readonly policy: string
  /** All of them, those of the request first; at most 100 of the request and 100 of the certificate. */
  readonly violations: readonly PolicyViolation[]

  constructor(policy: string, subject: string, violations: readonly PolicyViolation[]) {
    const shown = violations.slice(0, MAX_SHOWN).map(({ message }, i) => `(${i + 1}) ${message}`)
    const more = violations.length > MAX_SHOWN ? `; and ${violations.length - MAX_SHOWN} more` : ''
    super(
      'ERR_POLICY_REFUSED',
      `the policy ${quote(policy, 64)} refuses the request of ${subject}, and nothing was signed: ${shown.join('; ')}${more}`,
      { data: { policy, violations } },
    )
    this.name = 'PolicyError'
    this.policy = policy
    this.violations = Object.freeze([...violations])
  }
}

/** A request of 64 kB may break thousands of rules; nobody reads more. */
const MAX_KEPT = 100

/** Collects violations of one place. */
export class Violations {
  readonly #in: PolicyViolation['in']
  readonly #list: PolicyViolation[] = []
  readonly #seen = new Set<string>()

  constructor(place: PolicyViolation['in']) {
    this.#in = place
  }

  /** Adds one; the same again is dropped. */
  add(rule: PolicyRule, message: string): void {
    const key = `${rule} ${message}`
    if (this.#list.length >= MAX_KEPT || this.#seen.has(key)) return
    this.#seen.add(key)
    this.#list.push(Object.freeze({ rule, in: this.#in, message }))
  }

  get list(): readonly PolicyViolation[] {
    return this.#list
  }
}
