/**
 * The grammar of trust domain names and paths (SPIFFE-ID §2), read one character at a time.
 *
 * `URL` is no parser for identities: it drops line ends, resolves dot segments and lower-cases schemes, so
 * that texts which differ become the same identity.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'

/** Why a text is not a SPIFFE ID or not a trust domain: `data.reason` of the error. */
export type SpiffeRefusal =
  | 'empty'
  | 'length'
  | 'path-character'
  | 'path-dot-segment'
  | 'path-empty-segment'
  | 'path-trailing-slash'
  | 'scheme'
  | 'trust-domain-character'
  | 'trust-domain-length'
  | 'trust-domain-missing'

/** One departure from the grammar. */
export interface GrammarFault {
  readonly reason: SpiffeRefusal
  /** What was expected, what was found, what to do, and the clause. */
  readonly message: string
  /** 1-based: which character of the text. */
  readonly position: number
}

/** What stands before the trust domain. */
export const SCHEME = 'spiffe://'

/** SPIFFE-ID §2.3: no identity longer than this should be generated; longer ones are not read. */
export const MAX_ID_LENGTH = 2048

const MAX_TRUST_DOMAIN_LENGTH = 255
const SLASH = 0x2f

/** Checks `text[start..end)` against §2.1. */
export function findTrustDomainFault(text: string, start: number, end: number): GrammarFault | undefined {
  if (start === end) {
    return fault(
      'trust-domain-missing',
      start,
      'the trust domain is missing; name one, such as cluster.local',
      '2.1',
    )
  }
  if (end - start > MAX_TRUST_DOMAIN_LENGTH) {
    const problem =
      `the trust domain has ${end - start} bytes, at most ${MAX_TRUST_DOMAIN_LENGTH} are allowed; ` +
      'use a shorter name'
    return fault('trust-domain-length', start + MAX_TRUST_DOMAIN_LENGTH, problem, '2.3')
  }
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (isLowerNameCharacter(code)) continue
    const problem =
      `the trust domain has ${nameCharacter(text, i)}, only a-z, 0-9, ".", "-" and "_" are allowed; ` +
      `${trustDomainRemedy(text, start, code)}`
    return fault('trust-domain-character', i, problem, '2.1')
  }
  return undefined
}

/** Checks `text[start..end)`, which is empty or begins with a slash, against §2.2. */
export function findPathFault(text: string, start: number, end: number): GrammarFault | undefined {
  let from = start + 1
  while (from <= end) {
    const slash = text.indexOf('/', from)
    const to = slash === -1 ? end : slash
    if (from === end) {
      return fault('path-trailing-slash', end - 1, 'the path ends in "/"; leave that slash out', '2.2')
    }
    const found = findSegmentFault(text, from, to)
    if (found !== undefined) return found
    from = to + 1
  }
  return undefined
}

/** Checks one segment of a path, `text[start..end)`, against §2.2. */
export function findSegmentFault(text: string, start: number, end: number): GrammarFault | undefined {
  if (start === end) {
    return fault('path-empty-segment', start, 'a path segment is empty; fill it or leave it out', '2.2')
  }
  const segment = end - start > 2 ? '' : text.slice(start, end)
  if (segment === '.' || segment === '..') {
    return fault(
      'path-dot-segment',
      start,
      `a path segment is "${segment}"; write the path without relative steps`,
      '2.2',
    )
  }
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (isLowerNameCharacter(code) || isUpperCase(code)) continue
    const problem =
      `a path segment has ${nameCharacter(text, i)}, only A-Z, a-z, 0-9, ".", "-" and "_" are ` +
      `allowed; ${pathRemedy(code)}`
    return fault('path-character', i, problem, '2.2')
  }
  return undefined
}

/** Describes the first character that is not as in {@link SCHEME}. */
export function schemeFault(text: string): GrammarFault {
  let at = 0
  while (text.charCodeAt(at) === SCHEME.charCodeAt(at)) at++
  const remedy =
    text.slice(0, SCHEME.length).toLowerCase() === SCHEME ? 'write it in lower case' : `begin with ${SCHEME}`
  return fault(
    'scheme',
    at,
    `expected the scheme ${SCHEME}, found ${nameCharacter(text, at)}; ${remedy}`,
    '2',
  )
}

/** Makes a fault; `index` is 0-based. */
export function fault(reason: SpiffeRefusal, index: number, problem: string, clause: string): GrammarFault {
  return { reason, message: `${problem} (SPIFFE-ID §${clause})`, position: index + 1 }
}

/** Makes the error for a fault in `text`, which `what` names. */
export function grammarError(
  code: 'ERR_SPIFFE_ID' | 'ERR_SPIFFE_TRUST_DOMAIN',
  what: string,
  text: string,
  { reason, message, position }: GrammarFault,
): MeshPkiError {
  return new MeshPkiError(code, `${what} ${quote(text)}: ${message}`, { data: { reason, position } })
}

/** The character at an index, with its code point and its position from 1. */
export function nameCharacter(text: string, index: number): string {
  const code = text.codePointAt(index)
  if (code === undefined) return `the end of the text at position ${index + 1}`
  const hex = code.toString(16).toUpperCase().padStart(4, '0')
  return `${quote(String.fromCodePoint(code))} (U+${hex}) at position ${index + 1}`
}

/** Refuses anything but a string. @throws `TypeError`. */
export function checkText(text: unknown, what: string): void {
  if (typeof text === 'string') return
  throw new TypeError(`${what} must be a string; got ${text === null ? 'null' : typeof text}`)
}

function isLowerNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f
  )
}

function isUpperCase(code: number): boolean {
  return code >= 0x41 && code <= 0x5a
}

function trustDomainRemedy(text: string, start: number, code: number): string {
  if (isUpperCase(code)) return 'write it in lower case'
  if (start === 0 && text.startsWith(SCHEME)) {
    return 'pass the bare name, or take it from an identity by SpiffeId.parse(text).trustDomain'
  }
  switch (code) {
    case 0x3a:
      return 'leave the port out'
    case 0x40:
      return 'leave the user out'
    case 0x5b:
      return 'an IPv6 address is not a trust domain'
    default:
      return pathRemedy(code)
  }
}

function pathRemedy(code: number): string {
  switch (code) {
    case 0x2a:
      return 'for more than one identity take matchPattern or matchTrustDomain'
    case 0x25:
      return 'nothing is percent-encoded here'
    case 0x23:
      return 'leave the fragment out'
    case 0x3f:
      return 'leave the query out'
    case SLASH:
      return 'give each segment by itself'
    default:
      return 'leave it out'
  }
}
