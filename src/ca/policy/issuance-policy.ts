/**
 * Policies: what may be asked for, what is taken from a request, and what is imposed.
 *
 * @module
 */

import { Csr } from '../../csr/csr.ts'
import { VerifiedCsr } from '../../csr/proof-of-possession.ts'
import { checkOneOf, readCount, readFunction } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { EncodedExtension } from '../extension-encoder.ts'
import { KEY_IDENTIFIER_METHODS, type KeyIdentifierMethod } from '../key-identifier.ts'
import { encodeNameConstraints, type NameConstraintsInput } from '../name-constraints-input.ts'
import type { CertificateProfile } from '../profiles/certificate-profile.ts'
import { anyProfile, type CertificateProfileName } from '../profiles/profiles.ts'
import { CompiledKeyRules, type KeyRules } from './key-rules.ts'
import { CompiledLifetimeRules, type LifetimeRules } from './lifetime-rules.ts'
import { CompiledNameRules, type NameRules } from './name-rules.ts'
import { checkRules } from './plain-rules.ts'
import type { AuthorizeHook, EnrichHook } from './policy-hooks.ts'
import { CompiledRequestRules, type RequestRules } from './request-rules.ts'
import { CompiledSubjectRules, type SubjectRules } from './subject-rules.ts'
import { CompiledUsageRules, type UsageRules } from './usage-rules.ts'

/** A policy as plain data, and two functions of the caller's. */
export interface IssuancePolicyInput {
  /** What messages call it. */
  readonly name: string
  /** The shape of what is signed: the name of a profile, or one of the caller's own. Default `'mesh-workload'`. */
  readonly profile?: CertificateProfileName | CertificateProfile | undefined
  /** What a request may ask for. */
  readonly request?: RequestRules | undefined
  /**
   * Where the names come from. `'identities'` (default): from the call, which knows whom it authenticated. `'request'`: from
   * the request; the rules `names` must then have an allow list, or `request.subjectAltNames` must bind them to the identities.
   * `'both'`: the identities first.
   */
  readonly namesFrom?: 'identities' | 'request' | 'both' | undefined
  /** Which names a certificate may bear, wherever they come from. */
  readonly names?: NameRules | undefined
  /** Default: empty for end entities; for CAs that of the request. */
  readonly subject?: SubjectRules | undefined
  readonly keys?: KeyRules | undefined
  readonly lifetime: LifetimeRules
  readonly usage?: UsageRules | undefined
  /** CAs: how many CAs may follow below. Default: that of the profile. */
  readonly pathLength?: number | 'none' | undefined
  /** CAs: subtrees for all names below. */
  readonly nameConstraints?: NameConstraintsInput | undefined
  /** How the subject key identifier is computed. Default `'sha1'`. */
  readonly keyIdentifier?: KeyIdentifierMethod | undefined
  /** Adds what the caller knows about the request, before it is authorised. */
  readonly enrich?: EnrichHook | undefined
  /** Has the last word before the certificate is made: only `true` lets it pass. */
  readonly authorize?: AuthorizeHook | undefined
}

const MEMBERS = [
  'name',
  'profile',
  'request',
  'namesFrom',
  'names',
  'subject',
  'keys',
  'lifetime',
  'usage',
  'pathLength',
  'nameConstraints',
  'keyIdentifier',
  'enrich',
  'authorize',
]

const MADE: unique symbol = Symbol('made')

/**
 * A policy, read once and checked: it does not change with the object that it was made from.
 *
 * @example
 * ```ts
 * import { createRootCa, IssuancePolicy } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 *
 * const policy = IssuancePolicy.from({
 *   name: 'shop workloads',
 *   names: { spiffe: { allow: ['spiffe://prod.example.com/ns/shop/**'] } },
 *   keys: { allow: ['P-256', 'Ed25519'] },
 *   lifetime: { max: '24h', onTooLong: 'cap' },
 * })
 * const ca = await createRootCa({ subject: 'CN=Shop CA,O=Example', lifetime: '365d' })
 * const { csr } = await createCsr({ key: 'P-256' })
 * const { certificate } = await ca.sign(csr, policy, {
 *   identities: ['spiffe://prod.example.com/ns/shop/sa/cart'],
 * })
 * ```
 */
export class IssuancePolicy {
  /** What tells an instance from what only has its prototype. */
  readonly #isMade = true
  readonly name: string
  /** @internal */
  readonly profile: CertificateProfile
  /** @internal */
  readonly request: CompiledRequestRules
  /** @internal */
  readonly namesFrom: 'identities' | 'request' | 'both'
  /** @internal */
  readonly names: CompiledNameRules
  /** @internal */
  readonly subject: CompiledSubjectRules
  /** @internal */
  readonly keys: CompiledKeyRules
  /** @internal */
  readonly lifetime: CompiledLifetimeRules
  /** @internal */
  readonly usage: CompiledUsageRules
  /** @internal */
  readonly pathLength: number | undefined
  /** @internal */
  readonly nameConstraints: EncodedExtension | undefined
  /** @internal */
  readonly keyIdentifier: KeyIdentifierMethod
  /** @internal */
  readonly enrich: EnrichHook | undefined
  /** @internal */
  readonly authorize: AuthorizeHook | undefined

  private constructor(proof: typeof MADE, input: IssuancePolicyInput) {
    if (proof !== MADE) throw new TypeError('use IssuancePolicy.from')
    const { name, namesFrom, pathLength, nameConstraints, enrich, authorize } = input
    if (typeof name !== 'string' || name === '' || name.length > 128)
      throw new TypeError(
        'option "name" must be a text of at most 128 characters: it stands in every refusal',
      )
    this.name = name
    this.profile = endEntityOrCa(input.profile === undefined ? 'mesh-workload' : input.profile)
    this.namesFrom = checkOneOf(
      namesFrom === undefined ? 'identities' : namesFrom,
      ['identities', 'request', 'both'],
      'namesFrom',
    )
    this.request = new CompiledRequestRules(orNone(input.request), this.isCa, this.namesFrom)
    this.names = new CompiledNameRules(orNone(input.names), this.isCa, this.namesFrom)
    if (this.namesFrom !== 'identities' && !this.names.isClosed && !this.request.bindsNames)
      throw new TypeError(
        `the policy ${quote(name, 64)} takes names from requests and says nowhere which: give it an allow list under "names", or request.subjectAltNames: 'within-identities'`,
      )
    this.subject = new CompiledSubjectRules(
      input.subject === undefined
        ? this.isCa
          ? { from: 'request', attributes: 'any' }
          : { from: 'policy' }
        : input.subject,
    )
    this.keys = new CompiledKeyRules(orNone(input.keys))
    if (input.lifetime === undefined)
      throw new TypeError('a policy needs the option "lifetime", such as { max: \'24h\' }')
    this.lifetime = new CompiledLifetimeRules(input.lifetime, this.profile)
    this.usage = new CompiledUsageRules(orNone(input.usage), this.profile)
    if (!this.isCa && (pathLength !== undefined || nameConstraints !== undefined))
      throw new TypeError(
        'options "pathLength" and "nameConstraints" are for CAs; the profile is that of an end entity',
      )
    const length = pathLength === undefined ? this.profile.pathLength : pathLength
    this.pathLength = !this.isCa || length === 'none' ? undefined : readCount(length, 'pathLength', 0, 255)
    if (nameConstraints !== undefined && !this.profile.extensions.includes('nameConstraints'))
      throw new TypeError(`the profile "${this.profile.name}" has no place for name constraints`)
    this.nameConstraints = nameConstraints === undefined ? undefined : encodeNameConstraints(nameConstraints)
    this.keyIdentifier = checkOneOf(
      input.keyIdentifier === undefined ? 'sha1' : input.keyIdentifier,
      KEY_IDENTIFIER_METHODS,
      'keyIdentifier',
    )
    readFunction(enrich, 'enrich')
    readFunction(authorize, 'authorize')
    this.enrich = enrich
    this.authorize = authorize
    Object.freeze(this)
  }

  /** Reads a policy. @throws `TypeError`, `RangeError`, and `MeshPkiError` for names and patterns in it. */
  static from(input: IssuancePolicy | IssuancePolicyInput): IssuancePolicy {
    if (typeof input === 'object' && input !== null && #isMade in input) return input
    if (input instanceof Csr || VerifiedCsr.is(input))
      throw new TypeError(
        'a request stands where the policy is due: the order is ca.sign(csr, policy, options) and explainPolicy(policy, csr, options)',
      )
    checkRules(input, MEMBERS, 'a policy')
    return new IssuancePolicy(MADE, { ...input })
  }

  /** Whether it makes CAs. */
  get isCa(): boolean {
    return this.profile.role !== 'end-entity'
  }

  /** Its name. */
  toString(): string {
    return this.name
  }
}

/** No rules where there are none; what is there and no object is for the reader of the rules to refuse. */
function orNone<T extends object>(rules: T | undefined): T | Record<string, never> {
  return rules === undefined ? {} : rules
}

/** A policy signs requests; nobody requests a root. */
function endEntityOrCa(input: CertificateProfileName | CertificateProfile): CertificateProfile {
  const profile = anyProfile(input, 'end-entity', 'profile')
  if (profile.role === 'root')
    throw new RangeError(
      `option "profile": "${profile.name}" is for roots, which no policy signs; use createRootCa`,
    )
  return profile
}
