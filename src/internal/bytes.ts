/**
 * Small byte helpers that work in every runtime.
 *
 * @module
 */

const HEX = '0123456789abcdef'

/** Lower-case hex of a byte range. */
export function toHex(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0
    text += HEX.charAt(byte >> 4) + HEX.charAt(byte & 15)
  }
  return text
}

/** Content of a minimal DER INTEGER as hex of its magnitude in whole octets, with a minus sign when negative. */
export function integerHex(bytes: Uint8Array, start: number, end: number): string {
  const first = bytes[start] ?? 0
  if (first === 0 && end - start > 1) return toHex(bytes, start + 1, end)
  if ((first & 0x80) === 0) return toHex(bytes, start, end)
  const magnitude = (1n << BigInt((end - start) * 8)) - BigInt(`0x${toHex(bytes, start, end)}`)
  const digits = magnitude.toString(16)
  return `-${digits.length % 2 === 0 ? digits : `0${digits}`}`
}

/** Bytes of an even-length hex string; `undefined` when it is not one. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16)
  return bytes
}

/** Content of the minimal DER INTEGER that {@link integerHex} shows; `undefined` where the text is not of its form. */
export function integerFromHex(text: string): Uint8Array | undefined {
  const digits = text.length > 1024 ? undefined : /^-?((?:[0-9a-f]{2})+)$/i.exec(text)?.[1]
  if (digits === undefined) return undefined
  const magnitude = BigInt(`0x${digits}`)
  const value = text.startsWith('-') ? -magnitude : magnitude
  let octets = 1
  while (value < -(1n << BigInt(octets * 8 - 1)) || value >= 1n << BigInt(octets * 8 - 1)) octets++
  const unsigned = value < 0n ? value + (1n << BigInt(octets * 8)) : value
  return fromHex(unsigned.toString(16).padStart(octets * 2, '0'))
}

/** Joins byte arrays into a new one. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Compares two byte arrays for equality. Not constant-time: only for public values. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  const { length } = a
  if (length !== b.length) return false
  // Four at a time: whole certificates are compared wherever one comes back.
  const x = new DataView(a.buffer, a.byteOffset, length)
  const y = new DataView(b.buffer, b.byteOffset, length)
  let i = 0
  for (; i + 4 <= length; i += 4) if (x.getInt32(i) !== y.getInt32(i)) return false
  for (; i < length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Compares a range of one array with a range of another. */
export function equalRange(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) if (a[i] !== b[j]) return false
  return true
}

/** Text of bytes known to be below 0x80, or to be read as Latin-1. Flat, not a rope: ropes triple the memory. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 4096) {
    const text: string = Reflect.apply(String.fromCharCode, undefined, bytes.subarray(start, end))
    return text
  }
  let text = ''
  for (let i = start; i < end; i += 4096) {
    text += latin1(bytes, i, Math.min(end, i + 4096))
  }
  return text
}

/** Bytes of an ASCII string that the caller has checked. */
export function asciiBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
