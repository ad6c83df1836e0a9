/**
 * General names (RFC 5280 §4.2.1.6): what subject alternative names and name constraints are made of.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { latin1 } from '../internal/bytes.ts'
import { context, contextPrimitive, DerCursor, Tag } from '../internal/der.ts'
import { derAscii, derObjectIdentifier, derSequence, derValue } from '../internal/der-writer.ts'
import { isOid, readOid } from '../internal/oid.ts'
import { escapeText, quote } from '../internal/text.ts'
import { isAscii, walkDirectoryString } from './directory-string.ts'
import { formatIpAddress, formatIpRange, parseIpAddress, parseIpRange } from './ip-address.ts'
import { Name, type NameInput } from './name.ts'
import { walkName } from './name-walker.ts'

/** A name of a certificate beside its subject. */
export type GeneralName =
  /** `value` is the name as written, never lower-cased. */
  | { readonly type: 'dns' | 'email' | 'uri'; readonly value: string }
  /** `value` is dotted decimals or RFC 5952; in name constraints a range such as `10.0.0.0/8`. */
  | { readonly type: 'ip'; readonly value: string }
  | { readonly type: 'directory'; readonly value: Name }
  | { readonly type: 'registered-id'; readonly value: string }
  /** `form` says which; `oid` is that of an otherName; `value` is DER: of an otherName's value, else of the whole. */
  | {
      readonly type: 'other'
      readonly form: 'other-name' | 'x400' | 'edi-party'
      readonly oid?: string
      readonly value: Uint8Array
    }

/** A general name to be written. */
export type GeneralNameInput =
  | { readonly type: 'dns' | 'email' | 'uri' | 'ip' | 'registered-id'; readonly value: string }
  | { readonly type: 'directory'; readonly value: NameInput }

/** Names in one extension. RFC 5280 sets no limit; x509-limbo has cases of some 2,000. */
const MAX_GENERAL_NAMES = 8192

/** Context tags of RFC 5280 §4.2.1.6. */
const OTHER_NAME = context(0)
const RFC822_NAME = contextPrimitive(1)
const DNS_NAME = contextPrimitive(2)
const X400_ADDRESS = context(3)
const DIRECTORY_NAME = context(4)
const EDI_PARTY_NAME = context(5)
const URI = contextPrimitive(6)
const IP_ADDRESS = contextPrimitive(7)
const REGISTERED_ID = contextPrimitive(8)

/** Passes over one general name. `range` is true in name constraints, where an IP has a mask. */
export function walkGeneralName(cursor: DerCursor, what: string, range: boolean): void {
  const tag = cursor.peek()
  switch (tag) {
    case URI:
    case DNS_NAME:
    case RFC822_NAME: {
      const end = cursor.header(tag, what)
      if (!isAscii(cursor.bytes, cursor.offset, end)) {
        cursor.fail(
          'ERR_DER_VALUE',
          what,
          'a byte above 7F in an IA5String; internationalised names are written as A-labels (RFC 5280 §7.2)',
        )
      }
      cursor.offset = end
      return
    }
    case IP_ADDRESS: {
      const end = cursor.header(tag, what)
      const length = end - cursor.offset
      if (range ? length !== 8 && length !== 32 : length !== 4 && length !== 16) {
        cursor.fail(
          'ERR_DER_VALUE',
          what,
          `an iPAddress of ${length} octets; expected ${range ? '8 or 32' : '4 or 16'} (RFC 5280 §4.2.1.${range ? '10' : '6'})`,
        )
      }
      cursor.offset = end
      return
    }
    case DIRECTORY_NAME: {
      const outer = cursor.enter(tag, what)
      walkName(cursor, what)
      cursor.leave(outer, what)
      return
    }
    case OTHER_NAME: {
      const outer = cursor.enter(tag, what)
      cursor.objectIdentifier(what)
      const value = cursor.enter(context(0), what)
      cursor.skipAny(what)
      cursor.leave(value, what)
      cursor.leave(outer, what)
      return
    }
    case REGISTERED_ID:
      cursor.objectIdentifier(what, tag)
      return
    case X400_ADDRESS:
      cursor.skipAny(what)
      return
    case EDI_PARTY_NAME: {
      const outer = cursor.enter(tag, what)
      if (cursor.peek() === context(0)) walkPartyString(cursor, what, context(0))
      walkPartyString(cursor, what, context(1))
      cursor.leave(outer, what)
      return
    }
    default:
      cursor.fail('ERR_DER_UNEXPECTED_TAG', what, 'not a form of general name (RFC 5280 §4.2.1.6)')
  }
}

/** One field of an ediPartyName: a DirectoryString, so its tag is explicit (X.680 §31.2.7). */
function walkPartyString(cursor: DerCursor, what: string, tag: number): void {
  const outer = cursor.enter(tag, what)
  walkDirectoryString(cursor, what)
  cursor.leave(outer, what)
}

/** Passes over GeneralNames, at least one. */
export function walkGeneralNames(cursor: DerCursor, what: string, tag: number = Tag.SEQUENCE): void {
  const outer = cursor.enter(tag, what)
  if (cursor.atEnd) cursor.fail('ERR_DER_VALUE', what, 'no name in it (RFC 5280 §4.2.1.6)')
  let count = 0
  while (cursor.offset < cursor.limit) {
    if (++count > MAX_GENERAL_NAMES)
      cursor.fail('ERR_DER_LIMIT', what, `more than ${MAX_GENERAL_NAMES} names`)
    walkGeneralName(cursor, what, false)
  }
  cursor.leave(outer, what)
}

/** Reads one checked general name. */
export function readGeneralName(cursor: DerCursor, range: boolean): GeneralName {
  const { bytes } = cursor
  const tag = cursor.peek()
  const whole = cursor.offset
  const end = cursor.header(tag, 'GeneralName')
  const start = cursor.offset
  cursor.offset = end
  switch (tag) {
    case URI:
      return { type: 'uri', value: latin1(bytes, start, end) }
    case DNS_NAME:
      return { type: 'dns', value: latin1(bytes, start, end) }
    case RFC822_NAME:
      return { type: 'email', value: latin1(bytes, start, end) }
    case IP_ADDRESS: {
      const address = bytes.subarray(start, end)
      return { type: 'ip', value: range ? formatIpRange(address) : formatIpAddress(address) }
    }
    case DIRECTORY_NAME:
      return { type: 'directory', value: Name.view(bytes, start, end) }
    case REGISTERED_ID:
      return { type: 'registered-id', value: readOid(bytes, start, end) }
    case OTHER_NAME: {
      const inner = new DerCursor(bytes, start, end)
      const oidStart = inner.objectIdentifier('otherName')
      const oid = readOid(bytes, oidStart, inner.offset)
      const valueEnd = inner.header(context(0), 'otherName')
      return { type: 'other', form: 'other-name', oid, value: bytes.slice(inner.offset, valueEnd) }
    }
    default:
      return {
        type: 'other',
        form: tag === X400_ADDRESS ? 'x400' : 'edi-party',
        value: bytes.slice(whole, end),
      }
  }
}

/** Reads checked GeneralNames. */
export function readGeneralNames(cursor: DerCursor, tag: number = Tag.SEQUENCE): readonly GeneralName[] {
  const outer = cursor.enter(tag, 'GeneralNames')
  const names: GeneralName[] = []
  while (cursor.offset < cursor.limit) names.push(readGeneralName(cursor, false))
  cursor.leave(outer, 'GeneralNames')
  return names
}

/** DER of one general name. @throws `MeshPkiError` `ERR_GENERAL_NAME`. */
export function encodeGeneralName(
  name: GeneralNameInput | GeneralName,
  range = false,
): Uint8Array<ArrayBuffer> {
  switch (name.type) {
    case 'dns':
      return derAscii(DNS_NAME, checkIa5(name.type, name.value))
    case 'email':
      return derAscii(RFC822_NAME, checkIa5(name.type, name.value))
    case 'uri':
      return derAscii(URI, checkIa5(name.type, name.value))
    case 'ip': {
      const bytes = range ? parseIpRange(name.value) : parseIpAddress(name.value)
      if (bytes === undefined) {
        throw fault(
          `${quote(name.value)} is not an IP ${range ? 'range such as 10.0.0.0/8, with no bit set outside the prefix' : 'address'}`,
        )
      }
      return derValue(IP_ADDRESS, bytes)
    }
    case 'directory':
      return derValue(DIRECTORY_NAME, Name.from(name.value).der)
    case 'registered-id':
      if (!isOid(name.value)) throw fault(`${quote(name.value)} is not an object identifier`)
      return derObjectIdentifier(name.value, REGISTERED_ID)
    case 'other':
      if (name.form === 'other-name' && name.oid !== undefined && isOid(name.oid)) {
        return derValue(OTHER_NAME, derObjectIdentifier(name.oid), derValue(context(0), name.value))
      }
      throw fault('only the otherName form of "other" can be written')
    default:
      throw new TypeError(
        'a general name needs a type: dns, email, uri, ip, directory, registered-id or other',
      )
  }
}

/** DER of GeneralNames. */
export function encodeGeneralNames(
  names: readonly (GeneralNameInput | GeneralName)[],
): Uint8Array<ArrayBuffer> {
  if (!Array.isArray(names) || names.length === 0)
    throw fault('a list of general names needs at least one (RFC 5280 §4.2.1.6)')
  return derSequence(...names.map((name) => encodeGeneralName(name)))
}

/** A general name as a person reads it: `DNS:example.com`, `URI:spiffe://…`. Control characters are escaped. */
export function formatGeneralName(name: GeneralName): string {
  switch (name.type) {
    case 'dns':
      return `DNS:${escapeText(name.value)}`
    case 'email':
      return `email:${escapeText(name.value)}`
    case 'uri':
      return `URI:${escapeText(name.value)}`
    case 'ip':
      return `IP:${name.value}`
    case 'directory':
      return `DirName:${String(name.value)}`
    case 'registered-id':
      return `RID:${name.value}`
    case 'other':
      return name.oid === undefined ? name.form : `othername:${name.oid}`
  }
}

function checkIa5(type: string, value: string): string {
  if (typeof value !== 'string')
    throw new TypeError(`the value of a ${type} name must be text; got ${typeof value}`)
  if (value === '') throw fault(`a ${type} name must not be empty`)
  if (value.length > 8192) throw fault(`a ${type} name must not be longer than 8192 characters`)
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code <= 0x20 || code >= 0x7f) {
      const what =
        code === 0
          ? 'a NUL character'
          : code < 0x7f
            ? 'a blank or control character'
            : 'a character outside ASCII'
      throw fault(
        `the ${type} name ${quote(value)} has ${what} at position ${i + 1}; write hosts as A-labels (xn--…), the rest percent-encoded`,
      )
    }
  }
  return value
}

function fault(message: string): MeshPkiError {
  return new MeshPkiError('ERR_GENERAL_NAME', `${message} (RFC 5280 §4.2.1.6)`)
}
