/**
 * Patterns for identities: a trust domain, and a path with globs for its segments.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'
import {
  checkText,
  findSegmentFault,
  findTrustDomainFault,
  type GrammarFault,
  MAX_ID_LENGTH,
  SCHEME,
  schemeFault,
} from './spiffe-grammar.ts'
import type { SpiffeId } from './spiffe-id.ts'

/** Any number of segments, but at least one. */
const ANY_SEGMENTS = '**'

/** What the constructor wants to see. */
const CHECKED: unique symbol = Symbol('checked')

/**
 * A pattern such as `spiffe://prod.example.com/ns/shop/sa/web-*`.
 *
 * The trust domain is literal: trust never spans domains by accident. In a segment, `*` stands for any
 * characters, also none; a segment that is `*` is any one segment, and one that is `**` is one or more. So
 * `/ns/**` does not match `/ns` itself. Matching takes time in proportion to pattern times path at most.
 *
 * URI name constraints of certificates (RFC 5280 §4.2.1.10) see host names only; this is what can say more.
 *
 * @example
 * ```ts
 * import { SpiffeId, SpiffePathPattern } from 'mesh-pki/spiffe'
 *
 * const pattern = SpiffePathPattern.parse('spiffe://prod.example.com/ns/shop/sa/*')
 * console.log(pattern.matches(SpiffeId.parse('spiffe://prod.example.com/ns/shop/sa/cart'))) // true
 * ```
 */
export class SpiffePathPattern {
  readonly #text: string
  readonly #trustDomain: string
  readonly #segments: readonly string[]

  private constructor(text: string, trustDomain: string, segments: readonly string[], proof: typeof CHECKED) {
    if (proof !== CHECKED) throw new TypeError('use SpiffePathPattern.parse')
    this.#text = text
    this.#trustDomain = trustDomain
    this.#segments = segments
    Object.freeze(this)
  }

  /**
   * Reads a pattern: a SPIFFE ID (SPIFFE-ID §2) in whose path `*` may stand.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_PATTERN`, with the `SpiffeRefusal` in `data.reason`; `TypeError` for
   * anything but a string.
   */
  static parse(text: string): SpiffePathPattern {
    checkText(text, 'a pattern')
    if (!text.startsWith(SCHEME)) throw refuse(text, schemeFault(text))
    if (text.length > MAX_ID_LENGTH)
      throw refuse(text, {
        reason: 'length',
        message: `the pattern has ${text.length} characters, at most ${MAX_ID_LENGTH} are allowed`,
        position: MAX_ID_LENGTH + 1,
      })
    const slash = text.indexOf('/', SCHEME.length)
    const end = slash === -1 ? text.length : slash
    const fault =
      text.indexOf('*') !== -1 && text.indexOf('*') < end
        ? ({
            reason: 'trust-domain-character',
            message: 'the trust domain of a pattern is literal; write a pattern for each trust domain',
            position: text.indexOf('*') + 1,
          } as const)
        : findTrustDomainFault(text, SCHEME.length, end)
    if (fault !== undefined) throw refuse(text, fault)
    const segments = slash === -1 ? [] : text.slice(slash + 1).split('/')
    let at = slash + 1
    for (const segment of segments) {
      checkSegment(text, segment, at)
      at += segment.length + 1
    }
    return new SpiffePathPattern(text, text.slice(SCHEME.length, end), segments, CHECKED)
  }

  /** Whether an identity is one of those that it describes. */
  matches(id: SpiffeId): boolean {
    return id.trustDomain.name === this.#trustDomain && matchesSegments(this.#segments, id.segments)
  }

  /** The name of its trust domain. */
  get trustDomain(): string {
    return this.#trustDomain
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

function checkSegment(text: string, segment: string, at: number): void {
  if (segment.includes(ANY_SEGMENTS) && segment !== ANY_SEGMENTS)
    throw refuse(text, {
      reason: 'path-character',
      message: '"**" stands for whole segments; inside of one, write a single "*"',
      position: at + segment.indexOf(ANY_SEGMENTS) + 1,
    })
  // A letter in place of each star: a segment such as ".*" is no dot segment.
  const fault = findSegmentFault(text.replaceAll('*', 'x'), at, at + segment.length)
  if (fault !== undefined) throw refuse(text, fault)
}

function refuse(text: string, { reason, message, position }: GrammarFault): MeshPkiError {
  return new MeshPkiError('ERR_SPIFFE_PATTERN', `pattern ${quote(text)}: ${message}`, {
    data: { reason, position },
  })
}

const matchesSegments = (pattern: readonly string[], path: readonly string[]): boolean =>
  matchesGreedily(pattern, path, (part) => part === ANY_SEGMENTS, 1, matchesSegment)

const matchesSegment = (pattern: string, segment: string): boolean =>
  matchesGreedily(
    pattern,
    segment,
    (part) => part === '*',
    0,
    (part, character) => part === character,
  )

/**
 * Matches one item after the other. Where it fails, only the last wildcard takes one item more: an earlier
 * one could not help, so there is no exponential search.
 */
function matchesGreedily(
  pattern: ArrayLike<string>,
  items: ArrayLike<string>,
  isWildcard: (part: string) => boolean,
  least: number,
  matchesItem: (part: string, item: string) => boolean,
): boolean {
  let p = 0
  let i = 0
  let wildcard = -1
  let resume = 0
  for (;;) {
    const part = p < pattern.length ? pattern[p] : undefined
    const item = i < items.length ? items[i] : undefined
    if (part !== undefined && isWildcard(part) && items.length - i >= least) {
      wildcard = p
      p++
      i += least
      resume = i
    } else if (part !== undefined && !isWildcard(part) && item !== undefined && matchesItem(part, item)) {
      p++
      i++
    } else if (part === undefined && item === undefined) return true
    else if (wildcard !== -1 && resume < items.length) {
      p = wildcard + 1
      i = ++resume
    } else return false
  }
}
