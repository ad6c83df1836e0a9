/**
 * Distinguished names: an immutable value over checked DER.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { equalRange, toHex } from '../internal/bytes.ts'
import { DerCursor } from '../internal/der.ts'
import { typeName } from '../internal/options.ts'
import { attributeShortName } from './attribute-types.ts'
import { decodeString, isStringTag } from './directory-string.ts'
import { canonicalName } from './name-comparison.ts'
import { encodeName, type RdnInput } from './name-encoder.ts'
import { parseNameText } from './name-parser.ts'
import { forEachAttribute, walkName } from './name-walker.ts'

/** One attribute of a relative distinguished name. */
export interface NameAttribute {
  /** The attribute type in dotted decimals. */
  readonly type: string
  /** Its short name, such as `CN`, if it has one. */
  readonly shortName: string | undefined
  /** Its text; `undefined` where the value is no string type. */
  readonly value: string | undefined
  /** The value as DER, tag and length included. */
  readonly der: Uint8Array
}

/** What functions that need a name accept: a {@link Name}, RFC 4514 text, or RDNs in DER order. */
export type NameInput = Name | string | readonly RdnInput[]

/**
 * A distinguished name (RFC 5280 §4.1.2.4).
 *
 * Text is RFC 4514, which writes the last RDN first: the name that OpenSSL shows as
 * `O = Istio, CN = Root CA` is `CN=Root CA,O=Istio` here.
 *
 * @example
 * ```ts
 * import { Name } from 'mesh-pki/x509'
 *
 * const name = Name.parse('CN=Root CA,O=Istio')
 * name.equals(Name.from([{ O: 'istio' }, { CN: 'root  ca' }])) // true (RFC 5280 §7.1)
 * ```
 */
export class Name {
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #end: number

  private constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /**
   * Reads a DER name; the bytes are copied.
   *
   * @throws `MeshPkiError` with an `ERR_DER_…` code.
   */
  static fromDer(der: Uint8Array): Name {
    if (!(der instanceof Uint8Array))
      throw new TypeError(`a name in DER must be a Uint8Array; got ${typeName(der)}`)
    const bytes = der.slice()
    const cursor = new DerCursor(bytes)
    walkName(cursor, 'Name')
    if (!cursor.atEnd)
      cursor.fail('ERR_DER_TRAILING_DATA', 'Name', `${bytes.length - cursor.offset} bytes after it`)
    return new Name(bytes, 0, bytes.length)
  }

  /**
   * Reads RFC 4514 text: `CN=Root CA,O=Istio`, `CN=a+OU=b,DC=example`, `1.2.3=#0c0161`.
   *
   * Country, serial number and DN qualifier become PrintableString, domain components and e-mail
   * addresses IA5String, the rest PrintableString where its characters allow and UTF8String otherwise.
   *
   * @throws `MeshPkiError` `ERR_NAME_SYNTAX` with the position.
   */
  static parse(text: string): Name {
    return Name.#made(encodeName(parseNameText(text)))
  }

  /**
   * Makes a name from RDNs in DER order, the broadest first: `[{ O: 'Istio' }, { CN: 'Root CA' }]`.
   * Two keys in one object make a multi-valued RDN.
   *
   * @throws `MeshPkiError` `ERR_NAME_SYNTAX` for an unknown attribute or a value it cannot hold.
   */
  static from(input: NameInput): Name {
    if (input instanceof Name) return input
    if (typeof input === 'string') return Name.parse(input)
    if (!Array.isArray(input)) throw new TypeError('a name must be a Name, RFC 4514 text or an array of RDNs')
    return Name.#made(encodeName(input))
  }

  /** @internal A name over bytes that were checked and will not change. */
  static view(bytes: Uint8Array, start: number, end: number): Name {
    return new Name(bytes, start, end)
  }

  static #made(bytes: Uint8Array): Name {
    return new Name(bytes, 0, bytes.length)
  }

  /** A copy of the DER. */
  get der(): Uint8Array {
    return this.#bytes.slice(this.#start, this.#end)
  }

  /** @internal Octets of the DER. */
  get octets(): number {
    return this.#end - this.#start
  }

  /** Whether it has no RDN, as the subject of most workload certificates. */
  get isEmpty(): boolean {
    return this.#end - this.#start === 2
  }

  /** RDNs in DER order, each with its attributes. */
  get rdns(): readonly (readonly NameAttribute[])[] {
    const bytes = this.#bytes
    const rdns: NameAttribute[][] = []
    forEachAttribute(bytes, this.#start, this.#end, (rdn, type, tag, valueStart, contentStart, end) => {
      const attribute: NameAttribute = {
        type,
        shortName: attributeShortName(type),
        value: isStringTag(tag) ? decodeString(tag, bytes, contentStart, end) : undefined,
        der: bytes.slice(valueStart, end),
      }
      const members = rdns[rdn]
      if (members === undefined) rdns[rdn] = [attribute]
      else members.push(attribute)
    })
    return rdns
  }

  /** Every value of an attribute type, by dotted decimals or short name, in DER order. */
  values(type: string): readonly string[] {
    const wanted = type.toLowerCase()
    const found: string[] = []
    for (const rdn of this.rdns) {
      for (const attribute of rdn) {
        if (attribute.value === undefined) continue
        if (attribute.type === type || attribute.shortName?.toLowerCase() === wanted)
          found.push(attribute.value)
      }
    }
    return found
  }

  /** Whether two names are the same under RFC 5280 §7.1: case, white space and string type do not count. */
  equals(other: Name): boolean {
    if (!(other instanceof Name)) return false
    if (equalRange(this.#bytes, this.#start, this.#end, other.#bytes, other.#start, other.#end)) return true
    return this.#canonical() === other.#canonical()
  }

  #canonical(): string {
    return canonicalName(this.#bytes, this.#start, this.#end)
  }

  /** RFC 4514 text, last RDN first; control and bidirectional characters as `\XX` pairs. `''` for the empty name. */
  toString(): string {
    if (this.isEmpty) return ''
    const bytes = this.#bytes
    let text = ''
    let current = -1
    let rdnText = ''
    forEachAttribute(bytes, this.#start, this.#end, (rdn, type, tag, valueStart, contentStart, end) => {
      const shortName = attributeShortName(type)
      const value =
        shortName !== undefined && isStringTag(tag)
          ? escapeValue(decodeString(tag, bytes, contentStart, end))
          : `#${toHex(bytes, valueStart, end)}`
      const pair = `${shortName ?? type}=${value}`
      if (rdn === current) {
        rdnText += `+${pair}`
        return
      }
      if (current >= 0) text = text === '' ? rdnText : `${rdnText},${text}`
      current = rdn
      rdnText = pair
    })
    return text === '' ? rdnText : `${rdnText},${text}`
  }

  /** The same as `toString()`. */
  toJSON(): string {
    return this.toString()
  }
}

const MUST_ESCAPE = /["+,;<>\\]/g
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu
const PLAIN = /^[A-Za-z0-9.:/_*@()'?=-][A-Za-z0-9 .:/_*@()'?=-]*$/

function escapeValue(value: string): string {
  if (PLAIN.test(value) && !value.endsWith(' ')) return value
  let text = value.replace(MUST_ESCAPE, '\\$&').replace(UNSAFE, hexPairs)
  if (text.startsWith(' ') || text.startsWith('#')) text = `\\${text}`
  if (text.endsWith(' ') && value !== ' ') text = `${text.slice(0, -1)}\\ `
  return text
}

function hexPairs(char: string): string {
  let text = ''
  for (const byte of new TextEncoder().encode(char))
    text += `\\${byte.toString(16).padStart(2, '0').toUpperCase()}`
  return text
}

/** Reads a name option: a {@link NameInput}, with the option's name in the error. */
export function readNameOption(value: NameInput, option: string): Name {
  try {
    return Name.from(value)
  } catch (error) {
    if (error instanceof TypeError)
      throw new TypeError(`option "${option}": ${error.message}`, { cause: error })
    if (!(error instanceof MeshPkiError)) throw error
    throw new MeshPkiError(error.code, `option "${option}": ${error.message}`, {
      data: { ...error.data, option },
      cause: error,
    })
  }
}
