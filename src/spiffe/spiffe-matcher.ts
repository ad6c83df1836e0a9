/**
 * Who is expected at the other end.
 *
 * @module
 */

import { namedOption } from '../x509/certificate-input.ts'
import { checkText } from './spiffe-grammar.ts'
import { SpiffeId, type TrustDomain, toSpiffeId, toTrustDomain } from './spiffe-id.ts'
import { SpiffePathPattern } from './spiffe-path-pattern.ts'

/** Decides whether an identity is one that is expected. `String(matcher)` says in a message which are. */
export interface SpiffeMatcher {
  matches(id: SpiffeId): boolean
  toString(): string
}

/** What the option `expect` takes: an identity as a value or a text, or a matcher. */
export type ExpectedIdentity = SpiffeId | string | SpiffeMatcher

/** Exactly one identity. @throws as `SpiffeId.parse` for a text. */
export function matchId(expected: SpiffeId | string): SpiffeMatcher {
  const id = toSpiffeId(expected)
  return matcher((other) => other.equals(id), String(id))
}

/**
 * Any of several. An empty list matches nobody.
 *
 * @example
 * ```ts
 * import { matchOneOf, matchPattern } from 'mesh-pki/spiffe'
 *
 * const expect = matchOneOf(['spiffe://td/ns/shop/sa/cart', matchPattern('spiffe://td/ns/batch/sa/*')])
 * ```
 */
export function matchOneOf(expected: readonly ExpectedIdentity[]): SpiffeMatcher {
  if (!Array.isArray(expected)) throw new TypeError('matchOneOf takes an array of identities or matchers')
  const matchers = expected.map((one, i) => readMatcher(one, `matchOneOf[${i}]`))
  return matcher(
    (id) => matchers.some((one) => one.matches(id)),
    matchers.length === 0 ? 'nobody' : matchers.map(String).join(' or '),
  )
}

/** Whoever belongs to a trust domain. @throws as `TrustDomain.parse` for a text. */
export function matchTrustDomain(expected: TrustDomain | string): SpiffeMatcher {
  const trustDomain = toTrustDomain(expected)
  return matcher((id) => id.memberOf(trustDomain), `any identity of the trust domain ${trustDomain.name}`)
}

/** Whoever a {@link SpiffePathPattern} describes. @throws as `SpiffePathPattern.parse` for a text. */
export function matchPattern(expected: SpiffePathPattern | string): SpiffeMatcher {
  const pattern = expected instanceof SpiffePathPattern ? expected : SpiffePathPattern.parse(expected)
  return matcher((id) => pattern.matches(id), String(pattern))
}

/** Whoever a function accepts, by answering exactly `true`. The description stands in messages. */
export function matchWhere(predicate: (id: SpiffeId) => boolean, description: string): SpiffeMatcher {
  if (typeof predicate !== 'function') throw new TypeError('matchWhere takes a function of an identity')
  checkText(description, 'the description given to matchWhere')
  return readMatcher({ matches: predicate, toString: () => description }, 'matchWhere')
}

/** The option that says who is expected. @throws `TypeError` for what is neither an identity nor a matcher. */
function readMatcher(expected: ExpectedIdentity, option: string): SpiffeMatcher {
  if (typeof expected === 'string' || expected instanceof SpiffeId) return matchId(expected)
  // Whoever wrote it: an answer that only counts as true, such as a promise, lets nobody in.
  if (typeof expected === 'object' && expected !== null && typeof expected.matches === 'function')
    return matcher(
      (id) => expected.matches(id) === true,
      () => String(expected),
    )
  throw new TypeError(
    `option "${option}" must be a SPIFFE ID or a matcher, such as matchTrustDomain('prod.example.com'); got ${expected === null ? 'null' : typeof expected}`,
  )
}

/** The option `expect`. @throws as {@link readMatcher}; `MeshPkiError` `ERR_SPIFFE_ID`, naming the option. */
export function readExpectation(expected: ExpectedIdentity): SpiffeMatcher {
  try {
    return readMatcher(expected, 'expect')
  } catch (error) {
    throw namedOption(error, 'expect')
  }
}

/**
 * The option `expect` where it may be left out; read once. @throws as {@link readExpectation}; `TypeError` where it is
 * there and `undefined`.
 */
export function readOptionalExpectation(options: {
  readonly expect?: ExpectedIdentity
}): SpiffeMatcher | undefined {
  if (!('expect' in options)) return undefined
  const { expect } = options
  if (expect !== undefined) return readExpectation(expect)
  throw new TypeError(
    'option "expect" is undefined, which would let everybody in; is a variable not set? Leave the option out if nobody in particular is expected',
  )
}

function matcher(matches: (id: SpiffeId) => boolean, description: string | (() => string)): SpiffeMatcher {
  return Object.freeze({
    matches,
    toString: typeof description === 'string' ? () => description : description,
  })
}
