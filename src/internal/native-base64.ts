/**
 * Base64 by the runtime's own decoder, for text in the one form that writers of PEM use.
 *
 * The decoder of Node passes over what is no base64. So the form is checked first: lines of 64 characters, the
 * last one shorter, and nothing else; then the number of octets tells whether anything was passed over.
 *
 * @module
 */

import { type Base64Fault, decodeBase64 } from './base64.ts'

/** Characters of a line (RFC 7468 §2). */
const LINE = 64
const LINE_FEED = 0x0a
const PAD = 0x3d

/** `node:buffer`'s decoder: writes at most `length` octets into the bytes that it is called on, and answers how many. */
interface NativeBytes {
  base64Write(text: string, offset: number, length: number): number
}

type WrapBytes = (bytes: ArrayBuffer) => NativeBytes

/** Octets that several bodies share at most: who keeps one keeps the others' for so long. */
const SLAB = 65_536

/** Decodes the bodies of one PEM text. What it answers are views into buffers that they share. */
export class PemBodies {
  readonly #text: string
  readonly #wrap: WrapBytes | undefined
  #slab = new ArrayBuffer(0)
  #target: NativeBytes | undefined
  #used = 0
  /** Line feeds of the body that was decoded last, where they were counted; 0 otherwise. */
  lineFeeds = 0

  constructor(text: string) {
    this.#text = text
    // Of wider characters the runtime's decoder looks at the lower half only.
    this.#wrap = /[^\u0000-\u00ff]/.test(text) ? undefined : nativeBase64()
  }

  /** The octets of `text[start..end)`, white space passed over; or what is wrong with it. */
  decode(start: number, end: number): Uint8Array | Base64Fault {
    const most = Math.ceil(((end - start) * 3) / 4)
    const target = this.#room(most, end)
    const octets = target === undefined ? -1 : decodeLines(target, this.#used, this.#text, start, end)
    this.lineFeeds = octets === -1 ? 0 : 2 + Math.floor((end - start - 2) / (LINE + 1))
    if (octets === -1) return decodeBase64(this.#text, start, end, true)
    const body = new Uint8Array(this.#slab, this.#used, octets)
    this.#used += octets
    return body
  }

  /** A text with one body gets a buffer of its size. */
  #room(most: number, end: number): NativeBytes | undefined {
    if (this.#wrap === undefined) return undefined
    if (this.#slab.byteLength - this.#used < most) {
      const rest = Math.ceil(((this.#text.length - end) * 3) / 4)
      this.#slab = new ArrayBuffer(Math.max(most, Math.min(SLAB, most + rest)))
      this.#target = this.#wrap(this.#slab)
      this.#used = 0
    }
    return this.#target
  }
}

/** The decoder of this runtime. Node, Bun and Deno have one. */
function nativeBase64(): WrapBytes | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  const module = process?.getBuiltinModule?.('node:buffer')
  if (!hasBuffer(module)) return undefined
  const native = module.Buffer
  return typeof native.prototype.base64Write === 'function' ? (bytes) => native.from(bytes) : undefined
}

function hasBuffer(module: unknown): module is {
  readonly Buffer: { readonly prototype: Partial<NativeBytes>; from(bytes: ArrayBuffer): NativeBytes }
} {
  return (
    typeof module === 'object' && module !== null && 'Buffer' in module && typeof module.Buffer === 'function'
  )
}

/**
 * Decodes `text[start..end)` into `target` at `offset`; answers how many octets, or -1 where the text is not in
 * the usual form, so that the strict decoder has to say what it is.
 */
function decodeLines(target: NativeBytes, offset: number, text: string, start: number, end: number): number {
  if (text.charCodeAt(start) !== LINE_FEED || text.charCodeAt(end - 1) !== LINE_FEED) return -1
  let lines = 0
  for (let at = start + 1 + LINE; at < end - 1; at += LINE + 1) {
    if (text.charCodeAt(at) !== LINE_FEED) return -1
    lines++
  }
  const body = text.slice(start + 1, end - 1)
  const characters = body.length - lines
  const pads = body.charCodeAt(body.length - 1) !== PAD ? 0 : body.charCodeAt(body.length - 2) === PAD ? 2 : 1
  // Its alphabet for URLs is read as well.
  if (characters === 0 || characters % 4 !== 0 || body.includes('-') || body.includes('_')) return -1
  const octets = (characters / 4) * 3 - pads
  // No text of so many characters has more octets. Without a length workerd takes that of the text, and refuses it.
  if (target.base64Write(body, offset, octets) !== octets) return -1
  // The bits that no octet holds must be zero: the strict decoder reads the last group again.
  return pads > 0 && !(decodeBase64(body, body.length - 4) instanceof Uint8Array) ? -1 : octets
}
