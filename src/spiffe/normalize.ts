/**
 * Identities that differ in case only, made one. A step of its own: nothing that decides about trust takes it.
 *
 * @module
 */

import { checkText, SCHEME } from './spiffe-grammar.ts'
import { SpiffeId, TrustDomain } from './spiffe-id.ts'

/**
 * Reads an identity whose scheme and trust domain may be in upper case, and lower-cases those (SPIFFE-ID §2.4).
 *
 * The path keeps its case, and nothing else is mended: what is then no SPIFFE ID is refused. Use it on what
 * people type, such as a configuration file. What a certificate says is read by `SpiffeId.parse`, which
 * refuses upper case: a verifier that compares text would take the two for different identities.
 *
 * @throws as `SpiffeId.parse`.
 *
 * @example
 * ```ts
 * import { normalizeSpiffeId } from 'mesh-pki/spiffe'
 *
 * console.log(String(normalizeSpiffeId('SPIFFE://Prod.Example.com/Web'))) // spiffe://prod.example.com/Web
 * ```
 */
export function normalizeSpiffeId(text: string): SpiffeId {
  checkText(text, 'the text given to normalizeSpiffeId')
  const slash = text.indexOf('/', SCHEME.length)
  const end = slash === -1 ? text.length : slash
  return SpiffeId.parse(lowerAscii(text.slice(0, end)) + text.slice(end))
}

/** The same for the bare name of a trust domain. @throws as `TrustDomain.parse`. */
export function normalizeTrustDomain(text: string): TrustDomain {
  checkText(text, 'the text given to normalizeTrustDomain')
  return TrustDomain.parse(lowerAscii(text))
}

/** `toLowerCase` would also turn U+212A, the Kelvin sign, into a "k". */
const lowerAscii = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
