/**
 * Writes DER. For the pieces that vary from one certificate to the next, and for values that must be
 * built synchronously; whole structures come from the `@peculiar` door.
 *
 * @module
 */

import { asciiBytes, concatBytes } from './bytes.ts'
import { Tag } from './der.ts'

/** Octets that tag and length take for content of `length` octets. */
export function headerLength(length: number): number {
  if (length < 0x80) return 2
  if (length < 0x100) return 3
  if (length < 0x10000) return 4
  return length < 0x1000000 ? 5 : 6
}

/** Writes tag and length at `offset`; answers the offset after them. */
export function writeHeader(out: Uint8Array, offset: number, tag: number, length: number): number {
  const size = headerLength(length)
  out[offset] = tag
  if (size === 2) {
    out[offset + 1] = length
    return offset + 2
  }
  const octets = size - 2
  out[offset + 1] = 0x80 | octets
  for (let i = 0; i < octets; i++) out[offset + 2 + i] = length >>> (8 * (octets - 1 - i))
  return offset + size
}

/** One value: tag, length, and the parts as content. */
export function derValue(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(headerLength(length) + length)
  let offset = writeHeader(out, 0, tag, length)
  for (const part of parts) {
    out.set(part, offset)
    offset += part.length
  }
  return out
}

/** SEQUENCE of the parts in order. */
export const derSequence = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  derValue(Tag.SEQUENCE, ...parts)

/** SET OF with its members in DER order, shorter and lower first (X.690 §11.6). */
export function derSetOf(members: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return derValue(Tag.SET, ...[...members].sort(compareSetMembers))
}

/** OCTET STRING. */
export const derOctetString = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  derValue(Tag.OCTET_STRING, bytes)

/** BIT STRING of whole octets. */
export const derBitString = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  derValue(Tag.BIT_STRING, Uint8Array.of(0), bytes)

/** INTEGER from unsigned big-endian bytes, in its shortest form. */
export function derUnsigned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  if (trimmed.length === 0) return Uint8Array.of(Tag.INTEGER, 1, 0)
  return ((trimmed[0] ?? 0) & 0x80) !== 0
    ? derValue(Tag.INTEGER, Uint8Array.of(0), trimmed)
    : derValue(Tag.INTEGER, trimmed)
}

/** INTEGER from a whole number from 0 to 2^31-1. */
export function derSmallInteger(value: number): Uint8Array<ArrayBuffer> {
  return derUnsigned(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value))
}

/** NULL. */
export const derNull = (): Uint8Array<ArrayBuffer> => Uint8Array.of(Tag.NULL, 0)

/** A string type of single-byte characters that the caller has checked. */
export const derAscii = (tag: number, text: string): Uint8Array<ArrayBuffer> =>
  derValue(tag, asciiBytes(text))

/** OBJECT IDENTIFIER from dotted decimals that the caller has checked. */
export function derObjectIdentifier(
  oid: string,
  tag: number = Tag.OBJECT_IDENTIFIER,
): Uint8Array<ArrayBuffer> {
  return derValue(tag, oidContent(oid))
}

/** Content octets of an object identifier (X.690 §8.19). */
function oidContent(oid: string): Uint8Array {
  const arcs = oid.split('.').map((arc) => BigInt(arc))
  const [first = 0n, second = 0n, ...rest] = arcs
  return concatBytes([first * 40n + second, ...rest].map(base128))
}

function base128(value: bigint): Uint8Array {
  const septets = [Number(value & 0x7fn)]
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) septets.unshift(Number(rest & 0x7fn) | 0x80)
  return Uint8Array.from(septets)
}

/** Order of SET OF members (X.690 §11.6): as octet strings, the shorter padded with zeros. */
function compareSetMembers(a: Uint8Array, b: Uint8Array): number {
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
