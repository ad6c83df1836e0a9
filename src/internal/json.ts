/**
 * JSON (RFC 8259) read token by token: a member that stands twice is an error, and integers keep every digit.
 *
 * `JSON.parse` takes the last of two equal members without a word, so that two readers of one document can see
 * two different ones, and it rounds integers above 2^53.
 *
 * @module
 */

import { MeshPkiError, type MeshPkiErrorCode } from '../errors.ts'
import { quote } from './text.ts'

/** A value. Objects are maps, so that no name of a member is special; integers are bigints. */
export type JsonValue = null | boolean | string | number | bigint | readonly JsonValue[] | JsonObject

/** The members of an object, in order. */
export type JsonObject = ReadonlyMap<string, JsonValue>

/** Arrays and objects in one another. SPIFFE bundle maps need 5. */
const MAX_DEPTH = 32

/** Digits of an integer. 2^64 has 20. */
const MAX_DIGITS = 64

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** Characters of a string up to a quote, a backslash, or what may not stand there. */
const PLAIN = /[^"\\\u0000-\u001f]*/y
const BLANK = /[ \t\n\r]*/y
const LITERALS: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/**
 * Reads one JSON text, given as text or as UTF-8.
 *
 * @throws `MeshPkiError` `ERR_JSON_SYNTAX`, `ERR_JSON_DUPLICATE_KEY`, `ERR_JSON_LIMIT`, with the position.
 */
export function readJson(input: string | Uint8Array): JsonValue {
  const reader = new JsonReader(typeof input === 'string' ? input : decodeUtf8(input))
  return reader.document()
}

/** Whether a value is an object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map
}

/** Whether a value is an array. */
export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new MeshPkiError('ERR_JSON_SYNTAX', 'JSON must be UTF-8; these bytes are not (RFC 8259 §8.1)', {
      cause,
    })
  }
}

class JsonReader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonValue {
    const value = this.#value()
    this.#skipBlank()
    if (this.#at < this.#text.length) throw this.#syntax('nothing behind the value')
    return value
  }

  #value(): JsonValue {
    this.#skipBlank()
    const next = this.#text.charAt(this.#at)
    if (next === '{') return this.#nested(() => this.#object())
    if (next === '[') return this.#nested(() => this.#array())
    if (next === '"') return this.#string()
    for (const [word, value] of LITERALS)
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    return this.#number()
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH)
      throw this.#error('ERR_JSON_LIMIT', `values nested deeper than ${MAX_DEPTH}`)
    this.#at++
    const value = read()
    this.#depth--
    return value
  }

  #object(): JsonObject {
    const members = new Map<string, JsonValue>()
    if (this.#take('}')) return members
    do {
      this.#skipBlank()
      const start = this.#at
      if (this.#text.charAt(start) !== '"') throw this.#syntax('the name of a member')
      const name = this.#string()
      if (members.has(name)) {
        this.#at = start
        throw this.#error(
          'ERR_JSON_DUPLICATE_KEY',
          `the member ${quote(name, 64)} stands twice, so readers could see two different documents (RFC 8259 §4)`,
        )
      }
      if (!this.#take(':')) throw this.#syntax('":"')
      members.set(name, this.#value())
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#syntax('"," or "}"')
    return members
  }

  #array(): readonly JsonValue[] {
    const items: JsonValue[] = []
    if (this.#take(']')) return items
    do items.push(this.#value())
    while (this.#take(','))
    if (!this.#take(']')) throw this.#syntax('"," or "]"')
    return items
  }

  #string(): string {
    this.#at++
    let value = ''
    for (;;) {
      value += this.#match(PLAIN)
      const next = this.#text.charAt(this.#at)
      if (next === '"') break
      if (next !== '\\') throw this.#syntax('the end of a string, without control characters in it')
      this.#at++
      value += this.#escape()
    }
    this.#at++
    return value
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at)
    const hex = letter === 'u' ? this.#text.slice(this.#at + 1, this.#at + 5) : ''
    if (letter === 'u' && /^[0-9a-fA-F]{4}$/.test(hex)) {
      this.#at += 5
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    const value = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined
    if (value === undefined) throw this.#syntax('an escape of JSON')
    this.#at++
    return value
  }

  #number(): number | bigint {
    const start = this.#at
    const text = this.#match(NUMBER)
    if (text === '') throw this.#syntax('a value')
    if (!/^-?\d+$/.test(text)) return Number(text)
    if (text.length > MAX_DIGITS) {
      this.#at = start
      throw this.#error('ERR_JSON_LIMIT', `an integer of more than ${MAX_DIGITS} digits`)
    }
    return BigInt(text)
  }

  #take(character: string): boolean {
    this.#skipBlank()
    if (this.#text.charAt(this.#at) !== character) return false
    this.#at++
    return true
  }

  #skipBlank(): void {
    this.#match(BLANK)
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += text.length
    return text
  }

  #syntax(expected: string): MeshPkiError {
    const code = this.#text.codePointAt(this.#at)
    const found = code === undefined ? 'the end' : quote(String.fromCodePoint(code))
    return this.#error('ERR_JSON_SYNTAX', `expected ${expected}, found ${found} (RFC 8259)`)
  }

  #error(code: MeshPkiErrorCode, problem: string): MeshPkiError {
    const before = this.#text.slice(0, this.#at)
    const line = before.split('\n').length
    const column = this.#at - before.lastIndexOf('\n')
    return new MeshPkiError(code, `JSON at line ${line}, column ${column}: ${problem}`, {
      data: { line, column },
    })
  }
}
