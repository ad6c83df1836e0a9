/**
 * Strict base64 (RFC 4648 §4), decoded straight out of a larger text.
 *
 * @module
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BLANK = 64
const PAD = 65
const BAD = 66

const VALUES: Uint8Array = /* @__PURE__ */ (() => {
  const values = new Uint8Array(256).fill(BAD)
  for (let i = 0; i < 64; i++) values[ALPHABET.charCodeAt(i)] = i
  for (const blank of [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20]) values[blank] = BLANK
  values[0x3d] = PAD
  return values
})()

/** Why and where a text is not base64. */
export interface Base64Fault {
  readonly reason: 'character' | 'padding' | 'length' | 'trailing-bits'
  /** Index into the text. */
  readonly index: number
}

/**
 * Decodes `text[start..end)`. White space is passed over when `blanks` is true, and refused otherwise.
 * A wrong alphabet, missing or early padding and non-zero trailing bits are faults, never guesses.
 */
export function decodeBase64(
  text: string,
  start = 0,
  end: number = text.length,
  blanks = false,
): Uint8Array<ArrayBuffer> | Base64Fault {
  const out = new Uint8Array((((end - start) * 3) >> 2) + 3)
  let length = 0
  let group = 0
  let count = 0
  let index = start
  for (; index < end; index++) {
    // Whole groups first: a line of PEM is sixteen of them.
    while (count === 0 && index + 4 <= end) {
      const a = text.charCodeAt(index)
      const b = text.charCodeAt(index + 1)
      const c = text.charCodeAt(index + 2)
      const d = text.charCodeAt(index + 3)
      if ((a | b | c | d) > 0x7f) break
      const va = VALUES[a] ?? BAD
      const vb = VALUES[b] ?? BAD
      const vc = VALUES[c] ?? BAD
      const vd = VALUES[d] ?? BAD
      if ((va | vb | vc | vd) >= BLANK) break
      out[length++] = (va << 2) | (vb >> 4)
      out[length++] = (vb << 4) | (vc >> 2)
      out[length++] = (vc << 6) | vd
      index += 4
    }
    if (index >= end) break
    const code = text.charCodeAt(index)
    const value = code < 256 ? (VALUES[code] ?? BAD) : BAD
    if (value < BLANK) {
      group = (group << 6) | value
      if (++count === 4) {
        out[length++] = group >> 16
        out[length++] = group >> 8
        out[length++] = group
        group = 0
        count = 0
      }
    } else if (value === BLANK && blanks) continue
    else if (value === PAD) break
    else return { reason: 'character', index }
  }
  if (count === 0) {
    if (index < end) return { reason: 'padding', index }
    return out.slice(0, length)
  }
  if (count === 1) return { reason: 'length', index }
  let pads = 0
  const padStart = index
  for (; index < end; index++) {
    const code = text.charCodeAt(index)
    const value = code < 256 ? (VALUES[code] ?? BAD) : BAD
    if (value === PAD) pads++
    else if (!(value === BLANK && blanks)) return { reason: value === BAD ? 'character' : 'padding', index }
  }
  if (pads !== 4 - count) return { reason: 'padding', index: padStart }
  if (count === 2) {
    if ((group & 0x0f) !== 0) return { reason: 'trailing-bits', index: padStart }
    out[length++] = group >> 4
  } else {
    if ((group & 0x03) !== 0) return { reason: 'trailing-bits', index: padStart }
    out[length++] = group >> 10
    out[length++] = group >> 2
  }
  return out.slice(0, length)
}

const URL_ALPHABET = `${ALPHABET.slice(0, 62)}-_`

/** Encodes bytes as one line with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encode(bytes, ALPHABET)
  return text.length % 4 === 0 ? text : text.padEnd(text.length + 4 - (text.length % 4), '=')
}

/** Encodes bytes in the alphabet for URLs, without padding (RFC 4648 §5), as JSON Web Keys want them. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_ALPHABET)
}

/** Decodes text in the alphabet for URLs, without padding; `undefined` for anything else. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const plain = text.replaceAll('-', '+').replaceAll('_', '/')
  const decoded = decodeBase64(plain.padEnd(Math.ceil(plain.length / 4) * 4, '='))
  return decoded instanceof Uint8Array ? decoded : undefined
}

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = ''
  let i = 0
  for (; i + 2 < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text +=
      alphabet.charAt(group >> 18) +
      alphabet.charAt((group >> 12) & 63) +
      alphabet.charAt((group >> 6) & 63) +
      alphabet.charAt(group & 63)
  }
  const rest = bytes.length - i
  if (rest === 0) return text
  const group = ((bytes[i] ?? 0) << 8) | (rest === 2 ? (bytes[i + 1] ?? 0) : 0)
  text += alphabet.charAt(group >> 10) + alphabet.charAt((group >> 4) & 63)
  return rest === 1 ? text : text + alphabet.charAt((group << 2) & 63)
}
