/**
 * One text for one value, so that a digest says whether two values are the same.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../internal/bytes.ts'

/** JSON with the members of every object in the order of their names (by code units), and no white space. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value))
}

/** Whether two values are the same once they are sent: the order of members counts for nothing, nor do those that are `undefined`. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

/** What JSON keeps of a value: dates become text, functions and `undefined` go. @throws `TypeError` for what is no JSON. */
export function plainCopy(value: unknown): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(value) ?? 'null')
  return copy
}

/** SHA-256 of a text or of bytes, lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return toHex(sha256(typeof data === 'string' ? new TextEncoder().encode(data) : data))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, member]) => [name, sorted(member)]),
  )
}
