/**
 * Object identifiers as dotted decimals.
 *
 * @module
 */

/** Dotted decimals of a checked OBJECT IDENTIFIER's content. Arcs of any size (UUID arcs have 128 bits). */
export function readOid(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  let small = 0
  let big: bigint | undefined
  let first = true
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (big !== undefined) big = (big << 7n) | BigInt(byte & 0x7f)
    else if (small > 0x1ffffff) big = (BigInt(small) << 7n) | BigInt(byte & 0x7f)
    else small = small * 128 + (byte & 0x7f)
    if ((byte & 0x80) !== 0) continue
    if (first) {
      const arc = big === undefined && small < 80 ? Math.floor(small / 40) : 2
      text = `${arc}.${big === undefined ? small - arc * 40 : big - 80n}`
      first = false
    } else text += `.${big ?? small}`
    small = 0
    big = undefined
  }
  return text
}

/** Whether a text is an object identifier in dotted decimals that DER can hold. */
export function isOid(text: string): boolean {
  if (text.length > 256 || !/^[0-2](\.(0|[1-9]\d*))+$/.test(text)) return false
  const second = BigInt(text.split('.')[1] ?? '0')
  return text.startsWith('2') || second < 40n
}

/** Whether `bytes[start..end)` holds exactly these content octets. */
export function isContent(
  bytes: Uint8Array,
  start: number,
  end: number,
  content: readonly number[],
): boolean {
  if (end - start !== content.length) return false
  for (let i = 0; i < content.length; i++) if (bytes[start + i] !== content[i]) return false
  return true
}
