/**
 * Who may have which certificate of a Kubernetes signer.
 *
 * @module
 */

import { IssuancePolicy, type IssuancePolicyInput } from '../../ca/policy/issuance-policy.ts'
import type { IdentityInput } from '../../ca/policy/names-of.ts'
import { Violations } from '../../ca/policy/policy-violation.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { checkOneOf, checkOptionNames, typeName } from '../../internal/options.ts'
import type { KeyUsageName } from '../../x509/extensions/key-usage.ts'
import type { NameInput } from '../../x509/name.ts'
import type { SigningRequest } from './signing-request.ts'
import { CERTIFICATE_USAGES, type CertificateUsage, usageBits } from './usages.ts'

/** What a requester may have. The rules of the policy hold for all of it. */
export interface SigningGrant {
  /** The names of the certificate. A text is a SPIFFE ID. The request may ask for these and no others. */
  readonly identities: readonly IdentityInput[]
  /** The subject, for policies that take it from the caller; those for CAs do by default. */
  readonly subject?: NameInput | undefined
  /** A shorter lifetime than was asked for. */
  readonly lifetime?: string | undefined
}

/**
 * Says what a requester may have, or why nothing. The key of the request is proven by then; its names are wishes.
 *
 * What it throws signs nothing and refuses nothing: it is asked again later.
 */
export type AuthorizeRequest = (
  request: SigningRequest,
  options: { readonly signal: AbortSignalLike | undefined },
) => SigningGrant | { readonly refuse: string } | Promise<SigningGrant | { readonly refuse: string }>

/** The rules of `IssuancePolicyInput` that a signer's policy may hold: usages come from requests, decisions from `authorize`. */
export type SigningRules = Omit<IssuancePolicyInput, 'name' | 'usage' | 'enrich' | 'authorize'>

/** A signer's policy as plain data, and one function. */
export interface SigningPolicyInput {
  /** What messages call it. */
  readonly name: string
  readonly authorize: AuthorizeRequest
  /** Rules for certificates of workloads. */
  readonly workload: SigningRules
  /** What workloads may ask for. Default: digital signature, key encipherment, server auth, client auth. */
  readonly usages?: readonly CertificateUsage[] | undefined
  /**
   * Rules for CAs; without them no request becomes one. The subject is that of the grant, unless the rules say
   * otherwise.
   */
  readonly ca?: SigningRules | undefined
  /** What CAs may ask for. Default: digital signature, key encipherment, cert sign, crl sign. */
  readonly caUsages?: readonly CertificateUsage[] | undefined
}

const MEMBERS = ['name', 'authorize', 'workload', 'usages', 'ca', 'caUsages']
const WORKLOAD_USAGES: readonly CertificateUsage[] = [
  'signing',
  'digital signature',
  'key encipherment',
  'server auth',
  'client auth',
]
const CA_USAGES: readonly CertificateUsage[] = [
  'signing',
  'digital signature',
  'key encipherment',
  'cert sign',
  'crl sign',
]

/** Derived policies that are kept; requests choose the usages. */
const MAX_DERIVED = 64

const MADE: unique symbol = Symbol('made')

/**
 * A signer's policy, read once and checked.
 *
 * Names never come from a request alone: they are those of the grant, and a request that asks for others is refused.
 *
 * @example
 * ```ts
 * import { SigningPolicy } from 'mesh-pki/kubernetes'
 *
 * const policy = SigningPolicy.from({
 *   name: 'shop',
 *   workload: { lifetime: { max: '24h', onTooLong: 'cap' } },
 *   authorize: ({ requester: { serviceAccount } }) =>
 *     serviceAccount?.namespace === 'shop'
 *       ? { identities: [`spiffe://prod.example.com/ns/shop/sa/${serviceAccount.name}`] }
 *       : { refuse: 'only service accounts of the namespace shop have certificates here' },
 * })
 * ```
 */
export class SigningPolicy {
  readonly #isMade = true
  readonly name: string
  /** Whether requests for CAs may be signed. */
  readonly signsCas: boolean
  /** @internal */
  readonly authorize: AuthorizeRequest
  readonly #workload: IssuancePolicyInput
  readonly #ca: IssuancePolicyInput | undefined
  readonly #usages: readonly CertificateUsage[]
  readonly #caUsages: readonly CertificateUsage[]
  readonly #bases: { readonly workload: IssuancePolicy; readonly ca: IssuancePolicy | undefined }
  readonly #derived = new Map<string, IssuancePolicy>()

  private constructor(proof: typeof MADE, input: SigningPolicyInput) {
    if (proof !== MADE) throw new TypeError('use SigningPolicy.from')
    const { name, authorize, workload, usages, ca, caUsages } = input
    if (typeof name !== 'string' || name === '' || name.length > 128)
      throw new TypeError(
        'option "name" must be a text of at most 128 characters: it stands in every refusal',
      )
    if (typeof authorize !== 'function')
      throw new TypeError(
        `option "authorize" must be a function that says who may have which names; got ${typeName(authorize)}`,
      )
    if (workload === undefined) throw new TypeError('a signing policy needs the option "workload"')
    if (ca === undefined && caUsages !== undefined)
      throw new TypeError('option "caUsages" is for CAs; it needs the option "ca"')
    this.name = name
    this.authorize = authorize
    this.signsCas = ca !== undefined
    this.#workload = { ...rules(workload, 'workload'), name }
    this.#ca =
      ca === undefined
        ? undefined
        : {
            profile: 'mesh-intermediate',
            subject: { from: 'caller', attributes: 'any' },
            ...rules(ca, 'ca'),
            name,
          }
    this.#usages = readWords(usages ?? WORKLOAD_USAGES, 'usages')
    this.#caUsages = readWords(caUsages ?? CA_USAGES, 'caUsages')
    this.#bases = {
      workload: checkedBase(this.#workload, 'workload', false),
      ca: this.#ca === undefined ? undefined : checkedBase(this.#ca, 'ca', true),
    }
    Object.freeze(this)
  }

  /** Reads a policy. @throws `TypeError`, `RangeError`, and `MeshPkiError` for names and patterns in it. */
  static from(input: SigningPolicy | SigningPolicyInput): SigningPolicy {
    if (typeof input === 'object' && input !== null && #isMade in input) return input
    checkOptionNames(input, MEMBERS, 'SigningPolicy.from')
    return new SigningPolicy(MADE, { ...input })
  }

  /** What may be asked for. */
  usagesFor(isCa: boolean): readonly CertificateUsage[] {
    return isCa ? this.#caUsages : this.#usages
  }

  /**
   * How long a certificate may be valid, in milliseconds, if `asked` is asked for; or why it may not.
   *
   * @internal
   */
  lifetimeFor(
    isCa: boolean,
    asked: number | undefined,
  ): { readonly lifetimeMs: number; readonly refusals: readonly string[] } {
    const violations = new Violations('request')
    const { granted } = this.#baseFor(isCa).lifetime.grant(asked, violations)
    return { lifetimeMs: granted, refusals: violations.list.map(({ message }) => message) }
  }

  /** How far before its issuance a certificate begins, in milliseconds. @internal */
  backdateFor(isCa: boolean): number {
    return this.#baseFor(isCa).lifetime.backdate
  }

  /** The name constraints of CAs, as they were given. @internal */
  get nameConstraints(): IssuancePolicyInput['nameConstraints'] {
    return this.#ca?.nameConstraints
  }

  /**
   * The policy by which a request is signed: with the usages that it asks for, and where it asks for none, with those of the
   * profile. A certificate without key usage, or without purposes, would be good for everything.
   *
   * @internal
   */
  issuancePolicyFor({ usages, isCa, csr }: Pick<SigningRequest, 'usages' | 'isCa' | 'csr'>): IssuancePolicy {
    const enciphers = csr.publicKeyType.startsWith('RSA')
    const key = JSON.stringify([isCa, enciphers, [...usages].sort()])
    const known = this.#derived.get(key)
    if (known !== undefined) return known
    const { keyUsage, extendedKeyUsage } = usageBits(usages)
    const base = this.#baseFor(isCa)
    const bits = isCa ? caBits(base.profile.keyUsage, keyUsage, enciphers) : keyUsage
    const input = isCa && this.#ca !== undefined ? this.#ca : this.#workload
    const policy = IssuancePolicy.from({
      ...input,
      usage: {
        ...(bits.length === 0 ? {} : { keyUsage: { impose: bits } }),
        ...(extendedKeyUsage.length === 0 ? {} : { extendedKeyUsage: { impose: extendedKeyUsage } }),
      },
    })
    if (this.#derived.size < MAX_DERIVED) this.#derived.set(key, policy)
    return policy
  }

  #baseFor(isCa: boolean): IssuancePolicy {
    const { workload, ca } = this.#bases
    return isCa && ca !== undefined ? ca : workload
  }
}

/** A CA has what its profile says, so that it can sign and revoke, and what is asked for beside. */
function caBits(
  own: readonly KeyUsageName[],
  asked: readonly KeyUsageName[],
  enciphers: boolean,
): readonly KeyUsageName[] {
  const extra = asked.filter((bit) => enciphers || (bit !== 'keyEncipherment' && bit !== 'dataEncipherment'))
  return [...new Set([...own, ...extra])]
}

function rules(input: SigningRules, option: string): SigningRules {
  if (typeof input !== 'object' || input === null)
    throw new TypeError(`option "${option}" must be an object with rules; got ${typeName(input)}`)
  for (const member of ['name', 'usage', 'enrich', 'authorize'])
    if (Object.hasOwn(input, member) && Reflect.get(input, member) !== undefined)
      throw new TypeError(
        `option "${option}" must not hold "${member}": the signing policy has a name, its usages and one function "authorize"`,
      )
  return input
}

function checkedBase(input: IssuancePolicyInput, option: string, isCa: boolean): IssuancePolicy {
  const policy = IssuancePolicy.from(input)
  if (policy.isCa !== isCa)
    throw new TypeError(
      `option "${option}" has the profile "${policy.profile.name}", which ${isCa ? 'makes no CAs' : 'makes CAs'}`,
    )
  if (policy.namesFrom !== 'identities' && !policy.request.bindsNames)
    throw new TypeError(
      `option "${option}" takes names from requests alone; add request.subjectAltNames: 'within-identities', so that "authorize" decides about them`,
    )
  return policy
}

function readWords(value: readonly CertificateUsage[], option: string): readonly CertificateUsage[] {
  if (!Array.isArray(value))
    throw new TypeError(`option "${option}" must be an array; got ${typeName(value)}`)
  return Object.freeze(value.map((word: unknown) => checkOneOf(word, CERTIFICATE_USAGES, option)))
}
