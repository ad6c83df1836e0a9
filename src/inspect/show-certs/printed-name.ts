/**
 * Names as OpenSSL prints them, compared with names in DER.
 *
 * @module
 */

import { attributeOid } from '../../x509/attribute-types.ts'
import type { Name } from '../../x509/name.ts'

/** Characters of a line that is read. */
const MAX_NAME = 16_384

interface PrintedAttribute {
  /** As it is printed: `CN`, `commonName`, or a dotted identifier. */
  readonly type: string
  readonly value: string
}

/**
 * Whether a printed name says what a name in DER says. It is read in each of OpenSSL's forms: `C = US, O = x`, `C=US, O=x` (3.2 and later),
 * and `/C=US/O=x` (before 1.1). `undefined` where it cannot be read, as where it was cut.
 */
export function isPrintedAs(name: Name, printed: string): boolean | undefined {
  const text = printed.trim()
  if (text.length > MAX_NAME) return undefined
  const wanted = name.rdns.flat()
  const found = text === '' ? [] : text.startsWith('/') ? readSlashes(text) : readCommas(text)
  if (found === undefined) return undefined
  return (
    found.length === wanted.length &&
    wanted.every(({ type, value }, i) => {
      const one = found[i]
      if (one === undefined) return false
      const oid = attributeOid(one.type) ?? one.type
      // Types that OpenSSL has another word for are told by their values.
      const isType = oid === type || (attributeOid(one.type) === undefined && !/^[\d.]+$/.test(one.type))
      return isType && (value === undefined || one.value === value)
    })
  )
}

/** `C = US, O = "a, b" + CN = c`: quoted where it must be, bytes above ASCII as `\C3\BC`. */
function readCommas(text: string): readonly PrintedAttribute[] | undefined {
  const found: PrintedAttribute[] = []
  let at = 0
  while (at < text.length) {
    const equals = text.indexOf('=', at)
    if (equals < 0) return undefined
    const type = text.slice(at, equals).trim()
    // A comma that was not escaped, as `-nameopt compat` leaves it, says no longer where a value ends.
    if (!/^[A-Za-z0-9.]+$/.test(type)) return undefined
    const start = skipBlanks(text, equals + 1)
    const read = text[start] === '"' ? readQuoted(text, start + 1) : readBare(text, start)
    if (read === undefined) return undefined
    found.push({ type, value: decodeHex(read.value) })
    at = skipBlanks(text, read.end)
    if (at < text.length && text[at] !== ',' && text[at] !== '+') return undefined
    at = skipBlanks(text, at + 1)
  }
  return found
}

interface ReadValue {
  /** With its escapes. */
  readonly value: string
  readonly end: number
}

function readQuoted(text: string, start: number): ReadValue | undefined {
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return { value: text.slice(start, i), end: i + 1 }
  }
  return undefined
}

function readBare(text: string, start: number): ReadValue {
  let end = start
  while (end < text.length && text[end] !== ',' && text[end] !== '+') end += text[end] === '\\' ? 2 : 1
  const stop = Math.min(end, text.length)
  return { value: text.slice(start, stop).trimEnd(), end: stop }
}

/** `/C=US/O=x`: nothing is escaped but bytes, so a slash is a new attribute only where a type follows. */
function readSlashes(text: string): readonly PrintedAttribute[] | undefined {
  const parts = text.split(/\/(?=[A-Za-z][A-Za-z]*=|\d+(?:\.\d+)+=)/).slice(1)
  const found = parts.map((part): PrintedAttribute => {
    const equals = part.indexOf('=')
    return { type: part.slice(0, equals), value: decodeHex(part.slice(equals + 1)) }
  })
  return found.length === 0 ? undefined : found
}

const skipBlanks = (text: string, from: number): number => {
  let at = from
  while (text[at] === ' ') at++
  return at
}

/** `\C3\BC` and `\,`. */
function decode(text: string): string {
  const bytes: number[] = []
  const encoder = new TextEncoder()
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '\\' ? /^[0-9A-Fa-f]{2}/.exec(text.slice(i + 1, i + 3))?.[0] : undefined
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16))
      i += 2
      continue
    }
    if (text[i] === '\\') i++
    const point = text.codePointAt(i)
    if (point === undefined) break
    const one = String.fromCodePoint(point)
    bytes.push(...encoder.encode(one))
    i += one.length - 1
  }
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

/** `\xC3\xBC`, as the old form prints bytes. */
function decodeHex(text: string): string {
  return decode(text.replaceAll(/\\x([0-9A-Fa-f]{2})/g, '\\$1'))
}
