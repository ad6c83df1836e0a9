/**
 * SPIFFE IDs and the trust domains they belong to. They stand in one file because each leads to the other.
 *
 * @module
 */

import { checkOptionNames } from '../internal/options.ts'
import {
  checkText,
  fault,
  findPathFault,
  findSegmentFault,
  findTrustDomainFault,
  type GrammarFault,
  grammarError,
  MAX_ID_LENGTH,
  SCHEME,
  schemeFault,
} from './spiffe-grammar.ts'

/** What the constructors below want to see: only what was read by the grammar becomes a value. */
const CHECKED: unique symbol = Symbol('checked')

/**
 * The name of a trust domain (SPIFFE-ID §2.1), such as `cluster.local`.
 *
 * @example
 * ```ts
 * import { TrustDomain } from 'mesh-pki/spiffe'
 *
 * const trustDomain = TrustDomain.parse('prod.example.com')
 * console.log(trustDomain.name, String(trustDomain.id)) // prod.example.com spiffe://prod.example.com
 * ```
 */
export class TrustDomain {
  readonly #name: string

  private constructor(name: string, proof: typeof CHECKED) {
    if (proof !== CHECKED) throw new TypeError('use TrustDomain.parse')
    this.#name = name
    Object.freeze(this)
  }

  /**
   * Reads a trust domain name, without a scheme.
   *
   * One to 255 characters of `a-z`, `0-9`, `.`, `-` and `_` (SPIFFE-ID §2.1, §2.3). Nothing is changed:
   * upper case is refused, and names that look like DNS names or addresses are treated like any other.
   * `lintTrustDomain` tells whether Istio takes the name too.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_TRUST_DOMAIN`, with the {@link SpiffeRefusal} in `data.reason`;
   * `TypeError` for anything but a string.
   */
  static parse(text: string): TrustDomain {
    checkText(text, 'the text given to TrustDomain.parse')
    const found = findTrustDomainFault(text, 0, text.length)
    if (found !== undefined) throw grammarError('ERR_SPIFFE_TRUST_DOMAIN', 'trust domain', text, found)
    return new TrustDomain(text, CHECKED)
  }

  /** The name. */
  get name(): string {
    return this.#name
  }

  /** The identity of the trust domain itself, without a path: what a signing certificate may carry. */
  get id(): SpiffeId {
    return SpiffeId.of(this)
  }

  /** A total order for `sort`: by name, character by character. */
  static compare(a: TrustDomain, b: TrustDomain): number {
    return compareText(a.#name, b.#name)
  }

  /** Whether both have the same name. */
  equals(other: TrustDomain): boolean {
    return other instanceof TrustDomain && other.#name === this.#name
  }

  /** The name. */
  toString(): string {
    return this.#name
  }

  /** The name. */
  toJSON(): string {
    return this.#name
  }
}

/** What an identity in Istio's form is made of. */
export interface IstioIdentityParts {
  /** `@` in a text becomes `.`, as in Istio. */
  readonly trustDomain: TrustDomain | string
  readonly namespace: string
  readonly serviceAccount: string
}

/**
 * A SPIFFE ID (SPIFFE-ID §2), such as `spiffe://cluster.local/ns/shop/sa/cart`.
 *
 * There is one text for one identity, so identities may be compared as text.
 *
 * @example
 * ```ts
 * import { SpiffeId } from 'mesh-pki/spiffe'
 *
 * const id = SpiffeId.parse('spiffe://cluster.local/ns/shop/sa/cart')
 * console.log(id.trustDomain.name, id.segments) // cluster.local [ 'ns', 'shop', 'sa', 'cart' ]
 * console.log(id.equals(SpiffeId.of('cluster.local', 'ns', 'shop', 'sa', 'cart'))) // true
 * ```
 */
export class SpiffeId {
  readonly #text: string
  readonly #trustDomain: TrustDomain

  private constructor(text: string, trustDomain: TrustDomain, proof: typeof CHECKED) {
    if (proof !== CHECKED) throw new TypeError('use SpiffeId.parse')
    this.#text = text
    this.#trustDomain = trustDomain
    Object.freeze(this)
  }

  /**
   * Reads a SPIFFE ID.
   *
   * At most 2048 bytes (SPIFFE-ID §2.3): the scheme `spiffe` in lower case, a trust domain (§2.1), and a
   * path that may be absent (§2.2). Nothing is changed. SPIFFE-ID §2.4 would let the case of scheme and trust
   * domain vary; §2.1 demands lower case, and so does every verifier that compares text.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_ID`, with the {@link SpiffeRefusal} in `data.reason`; `TypeError` for
   * anything but a string.
   */
  static parse(text: string): SpiffeId {
    checkText(text, 'the text given to SpiffeId.parse')
    const start = SCHEME.length
    const slash = text.indexOf('/', start)
    const end = slash === -1 ? text.length : slash
    const found =
      text === ''
        ? fault('empty', 0, `the text is empty; expected ${SCHEME}<trust domain>/<path>`, '2')
        : !text.startsWith(SCHEME)
          ? schemeFault(text)
          : (lengthFault(text) ??
            findTrustDomainFault(text, start, end) ??
            findPathFault(text, end, text.length))
    if (found !== undefined) throw grammarError('ERR_SPIFFE_ID', 'SPIFFE ID', text, found)
    return new SpiffeId(text, TrustDomain.parse(text.slice(start, end)), CHECKED)
  }

  /**
   * Makes the identity of a path in a trust domain; without segments, that of the trust domain itself.
   *
   * Each segment follows SPIFFE-ID §2.2, so none can hold a slash and become two.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_TRUST_DOMAIN` for a trust domain given as text, `ERR_SPIFFE_ID` for
   * a segment and for a result of more than 2048 bytes; `TypeError` for values of another type.
   *
   * @example
   * ```ts
   * import { SpiffeId } from 'mesh-pki/spiffe'
   *
   * const id = SpiffeId.of('prod.example.com', 'payments', 'mysql')
   * console.log(String(id)) // spiffe://prod.example.com/payments/mysql
   * ```
   */
  static of(trustDomain: TrustDomain | string, ...segments: readonly string[]): SpiffeId {
    const domain = toTrustDomain(trustDomain)
    let text = `${SCHEME}${domain.name}`
    for (const [index, segment] of segments.entries()) {
      checkSegment(segment, `path segment ${index + 1}`)
      text += `/${segment}`
    }
    const found = lengthFault(text)
    if (found !== undefined) throw grammarError('ERR_SPIFFE_ID', 'SPIFFE ID', text, found)
    return new SpiffeId(text, domain, CHECKED)
  }

  /**
   * Makes `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, the form of Istio's workloads.
   *
   * As in Istio, an empty namespace or service account is refused and `@` in the trust domain becomes `.`;
   * beyond Istio, the result is a SPIFFE ID (SPIFFE-ID §2).
   *
   * @throws as {@link of}; `TypeError` for an unknown part.
   *
   * @example
   * ```ts
   * import { SpiffeId } from 'mesh-pki/spiffe'
   *
   * const id = SpiffeId.forIstio({ trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'cart' })
   * console.log(String(id)) // spiffe://cluster.local/ns/shop/sa/cart
   * ```
   */
  static forIstio(parts: IstioIdentityParts): SpiffeId {
    checkOptionNames(parts, ['trustDomain', 'namespace', 'serviceAccount'], 'SpiffeId.forIstio')
    const { trustDomain, namespace, serviceAccount } = parts
    checkSegment(namespace, 'namespace')
    checkSegment(serviceAccount, 'service account')
    const domain = typeof trustDomain === 'string' ? trustDomain.replaceAll('@', '.') : trustDomain
    return SpiffeId.of(domain, 'ns', namespace, 'sa', serviceAccount)
  }

  /** A total order for `sort`: by trust domain, then by path, character by character. */
  static compare(a: SpiffeId, b: SpiffeId): number {
    return TrustDomain.compare(a.#trustDomain, b.#trustDomain) || compareText(a.#text, b.#text)
  }

  /** The trust domain. */
  get trustDomain(): TrustDomain {
    return this.#trustDomain
  }

  /** The path with its leading slash; empty without a path. */
  get path(): string {
    return this.#text.slice(SCHEME.length + this.#trustDomain.name.length)
  }

  /** The parts of the path between its slashes; none without a path. A new list on every call. */
  get segments(): readonly string[] {
    return this.path.split('/').slice(1)
  }

  /** The identity with more segments behind its path. @throws as {@link of}. */
  join(...segments: readonly string[]): SpiffeId {
    return SpiffeId.of(this.#trustDomain, ...this.segments, ...segments)
  }

  /** Whether it belongs to a trust domain. A text is read by {@link TrustDomain.parse}, which may throw. */
  memberOf(trustDomain: TrustDomain | string): boolean {
    return this.#trustDomain.equals(toTrustDomain(trustDomain))
  }

  /** Whether both are the same identity. */
  equals(other: SpiffeId): boolean {
    return other instanceof SpiffeId && other.#text === this.#text
  }

  /** The whole text. */
  toString(): string {
    return this.#text
  }

  /** The whole text. */
  toJSON(): string {
    return this.#text
  }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function lengthFault(text: string): GrammarFault | undefined {
  if (text.length <= MAX_ID_LENGTH) return undefined
  const problem = `the identity has ${text.length} bytes, at most ${MAX_ID_LENGTH} are allowed; shorten it`
  return fault('length', MAX_ID_LENGTH, problem, '2.3')
}

function checkSegment(segment: string, what: string): void {
  checkText(segment, what)
  const found = findSegmentFault(segment, 0, segment.length)
  if (found !== undefined) throw grammarError('ERR_SPIFFE_ID', what, segment, found)
}

/** A trust domain as callers write it. @throws as {@link TrustDomain.parse}; `TypeError` for other values. */
export function toTrustDomain(value: TrustDomain | string): TrustDomain {
  if (typeof value === 'string') return TrustDomain.parse(value)
  if (value instanceof TrustDomain) return value
  throw new TypeError(
    `a trust domain must be a TrustDomain or a string; got ${value === null ? 'null' : typeof value}`,
  )
}

/** An identity as callers write it. @throws as {@link SpiffeId.parse}; `TypeError` for other values. */
export function toSpiffeId(value: SpiffeId | string): SpiffeId {
  return value instanceof SpiffeId ? value : SpiffeId.parse(value)
}
