/**
 * Comparison of names under RFC 5280 §7.1, by a canonical text.
 *
 * Values are prepared as RFC 4518 §2 says: mapped, normalised (NFKC), case-folded, and their white
 * space made insignificant. Byte equality is tried first everywhere; this is the slow way.
 *
 * @module
 */

import { toHex } from '../internal/bytes.ts'
import { decodeString, isStringTag } from './directory-string.ts'
import { forEachAttribute } from './name-walker.ts'

/** Canonical text of a checked name. Equal texts mean equal names. */
export function canonicalName(bytes: Uint8Array, start: number, end: number): string {
  return canonicalRdns(bytes, start, end).join(',')
}

/** Canonical text of each RDN of a checked name, in DER order. */
export function canonicalRdns(bytes: Uint8Array, start: number, end: number): readonly string[] {
  const rdns: string[][] = []
  forEachAttribute(bytes, start, end, (rdn, type, tag, valueStart, contentStart, valueEnd) => {
    const value = isStringTag(tag)
      ? `"${prepare(decodeString(tag, bytes, contentStart, valueEnd)).replace(/["\\]/g, '\\$&')}"`
      : `#${toHex(bytes, valueStart, valueEnd)}`
    const members = rdns[rdn]
    const pair = `${type}=${value}`
    if (members === undefined) rdns[rdn] = [pair]
    else members.push(pair)
  })
  return rdns.map((members) => members.sort().join('+'))
}

/** Mapped to nothing: soft hyphen, joiners, variation selectors, most controls (RFC 4518 §2.2). */
const MAPPED_AWAY =
  /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u06dd\u070f\u1806\u200b-\u200f\u202a-\u202e\u2060-\u2063\u206a-\u206f\ufeff\ufff9-\ufffc]|\u034f|[\u180b-\u180e]|[\ufe00-\ufe0f]|[\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/gu

/** Mapped to a space: tab, line feeds and every separator (RFC 4518 §2.2). */
const MAPPED_TO_SPACE = /[\u0009-\u000d\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/gu

/** A value prepared for comparison (RFC 4518 §2). */
function prepare(value: string): string {
  if (/^[\x21-\x7e]*$/.test(value)) return value.toLowerCase()
  // JavaScript has no case folding; upper then lower folds what RFC 3454 table B.2 folds, but for the final
  // sigma, and for the dotless i, which B.2 leaves apart from i.
  const folded = value
    .replace(MAPPED_AWAY, '')
    .replace(MAPPED_TO_SPACE, ' ')
    .normalize('NFKC')
    .replace(/[^\u0131]+/gu, (part) => part.toUpperCase().toLowerCase())
    .replace(/\u03c2/gu, '\u03c3')
    .normalize('NFKC')
  return folded.replace(/ +/g, ' ').replace(/^ | $/g, '')
}
