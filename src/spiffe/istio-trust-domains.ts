/**
 * Trust domain aliases: Istio's way to let several trust domains mean the same principals.
 *
 * @module
 */

import { checkOptionNames, typeName } from '../internal/options.ts'
import { type IstioIdentity, parseIstioIdentity } from './istio-identity.ts'
import { checkText, SCHEME } from './spiffe-grammar.ts'
import { type SpiffeId, TrustDomain } from './spiffe-id.ts'

/** `meshConfig.trustDomain` and `meshConfig.trustDomainAliases`. */
export interface IstioTrustDomainOptions {
  readonly trustDomain: TrustDomain | string
  /** `trustDomainAliases` of the mesh's configuration. Default: none. */
  readonly aliases?: readonly (TrustDomain | string)[] | undefined
}

/** In a policy this name means the local trust domain and its aliases, whatever they are. */
const LOCAL_POINTER = 'cluster.local'

/**
 * A mesh's trust domain and its aliases, as istiod uses them.
 *
 * **Warning**: an alias gives every workload of the other trust domain the permissions of its namesake here.
 * It says nothing about which root may vouch for whom: that is the bundle of each trust domain.
 *
 * @example
 * ```ts
 * import { IstioTrustDomains } from 'mesh-pki/spiffe'
 *
 * const mesh = new IstioTrustDomains({ trustDomain: 'new-td', aliases: ['old-td'] })
 * console.log(mesh.expandPrincipal('cluster.local/ns/shop/sa/cart'))
 * // [ 'new-td/ns/shop/sa/cart', 'old-td/ns/shop/sa/cart' ]
 * ```
 */
export class IstioTrustDomains {
  readonly #names: readonly string[]
  readonly #aliases: readonly string[]

  /** Names are kept as they are written. @throws `TypeError` for names that are no text or empty. */
  constructor(options: IstioTrustDomainOptions) {
    checkOptionNames(options, ['trustDomain', 'aliases'], 'IstioTrustDomains')
    const { trustDomain, aliases = [] } = options
    if (!Array.isArray(aliases))
      throw new TypeError(`option "aliases" must be an array of trust domains; got ${typeName(aliases)}`)
    this.#aliases = [...new Set(aliases.map(readName))]
    this.#names = [...new Set([readName(trustDomain), ...this.#aliases])]
    Object.freeze(this)
  }

  /** The trust domain itself, then the aliases, each once. */
  get names(): readonly string[] {
    return [...this.#names]
  }

  /** Whether a trust domain is the mesh's own or an alias. */
  includes(trustDomain: string): boolean {
    return this.#names.includes(trustDomain)
  }

  /**
   * An identity in its own trust domain and under every alias, the given one first. That is what istiod makes of
   * the service accounts of a service (`ExpandWithTrustDomains`): the names that a client accepts from it.
   *
   * @throws as `parseIstioIdentity`.
   */
  expandIdentity(id: SpiffeId | string): readonly string[] {
    const text = String(id)
    const { namespace, serviceAccount } = parseIstioIdentity(text)
    const others = this.#aliases.map((name) => `${SCHEME}${name}/ns/${namespace}/sa/${serviceAccount}`)
    return [...new Set([text, ...others])]
  }

  /**
   * What istiod makes of a principal in an AuthorizationPolicy (`ReplaceTrustDomainAliases`): one of the
   * mesh's trust domains, or `cluster.local`, stands for all of them; a foreign one, `*` and what is not of
   * five parts stay as they are. Where the trust domain begins with `*`, names that it covers keep it.
   */
  expandPrincipal(principal: string): readonly string[] {
    checkText(principal, 'a principal')
    const [trustDomain, ...rest] = principal.split('/')
    if (trustDomain === undefined || rest.length !== 4 || trustDomain === '*') return [principal]
    if (trustDomain !== LOCAL_POINTER && !this.#names.some((name) => isCovered(name, trustDomain)))
      return [principal]
    const all = this.#names.map((name) =>
      hasSuffixPattern(name, trustDomain) ? principal : [name, ...rest].join('/'),
    )
    return [...new Set(all)]
  }

  /** Whether two identities are one principal here: the same account, both in the mesh or in one trust domain. */
  isSamePrincipal(a: SpiffeId | string, b: SpiffeId | string): boolean {
    const one = parseIstioIdentity(String(a))
    const other = parseIstioIdentity(String(b))
    return isSameAccount(one, other) && this.#isSameDomain(one.trustDomain, other.trustDomain)
  }

  #isSameDomain(a: string, b: string): boolean {
    return a === b || (this.includes(a) && this.includes(b))
  }
}

const isSameAccount = (a: IstioIdentity, b: IstioIdentity): boolean =>
  a.namespace === b.namespace && a.serviceAccount === b.serviceAccount

/** Istio lets the pattern stand on either side, at either end. */
const isCovered = (name: string, pattern: string): boolean =>
  name === pattern ||
  name === '*' ||
  hasPrefixPattern(name, pattern) ||
  hasPrefixPattern(pattern, name) ||
  hasSuffixPattern(name, pattern) ||
  hasSuffixPattern(pattern, name)

const hasPrefixPattern = (text: string, pattern: string): boolean =>
  pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1))

const hasSuffixPattern = (text: string, pattern: string): boolean =>
  pattern.startsWith('*') && text.endsWith(pattern.slice(1))

function readName(given: unknown): string {
  const name = given instanceof TrustDomain ? given.name : given
  if (typeof name !== 'string' || name === '')
    throw new TypeError('a trust domain of a mesh must be text that is not empty')
  return name
}
