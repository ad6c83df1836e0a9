/**
 * General names (RFC 5280 §4.2.1.6): what subject alternative names and name constraints are made of.
 *
 * @module
 */

import { latin1 } from '../internal/bytes.ts'
import { context, DerCursor, Tag } from '../internal/der.ts'
import { readOid } from '../internal/oid.ts'
import { escapeText } from '../internal/text.ts'
import { isAscii, walkDirectoryString } from './directory-string.ts'
import { formatIpAddress, formatIpRange } from './ip-address.ts'
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
export const MAX_GENERAL_NAMES = 8192

/** Context tags of RFC 5280 §4.2.1.6. */
export const GeneralNameTag = {
  otherName: 0xa0,
  rfc822Name: 0x81,
  dNSName: 0x82,
  x400Address: 0xa3,
  directoryName: 0xa4,
  ediPartyName: 0xa5,
  uniformResourceIdentifier: 0x86,
  iPAddress: 0x87,
  registeredID: 0x88,
} as const

/** Passes over one general name. `range` is true in name constraints, where an IP has a mask. */
export function walkGeneralName(cursor: DerCursor, what: string, range: boolean): void {
  const tag = cursor.peek()
  switch (tag) {
    case GeneralNameTag.uniformResourceIdentifier:
    case GeneralNameTag.dNSName:
    case GeneralNameTag.rfc822Name: {
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
    case GeneralNameTag.iPAddress: {
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
    case GeneralNameTag.directoryName: {
      const outer = cursor.enter(tag, what)
      walkName(cursor, what)
      cursor.leave(outer, what)
      return
    }
    case GeneralNameTag.otherName: {
      const outer = cursor.enter(tag, what)
      cursor.objectIdentifier(what)
      const value = cursor.enter(context(0), what)
      cursor.skipAny(what)
      cursor.leave(value, what)
      cursor.leave(outer, what)
      return
    }
    case GeneralNameTag.registeredID:
      cursor.objectIdentifier(what, tag)
      return
    case GeneralNameTag.x400Address:
      cursor.skipAny(what)
      return
    case GeneralNameTag.ediPartyName: {
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
    case GeneralNameTag.uniformResourceIdentifier:
      return { type: 'uri', value: latin1(bytes, start, end) }
    case GeneralNameTag.dNSName:
      return { type: 'dns', value: latin1(bytes, start, end) }
    case GeneralNameTag.rfc822Name:
      return { type: 'email', value: latin1(bytes, start, end) }
    case GeneralNameTag.iPAddress: {
      const address = bytes.subarray(start, end)
      return { type: 'ip', value: range ? formatIpRange(address) : formatIpAddress(address) }
    }
    case GeneralNameTag.directoryName:
      return { type: 'directory', value: Name.view(bytes, start, end) }
    case GeneralNameTag.registeredID:
      return { type: 'registered-id', value: readOid(bytes, start, end) }
    case GeneralNameTag.otherName: {
      const inner = new DerCursor(bytes, start, end)
      const oidStart = inner.objectIdentifier('otherName')
      const oid = readOid(bytes, oidStart, inner.offset)
      const valueEnd = inner.header(context(0), 'otherName')
      return { type: 'other', form: 'other-name', oid, value: bytes.slice(inner.offset, valueEnd) }
    }
    default:
      return {
        type: 'other',
        form: tag === GeneralNameTag.x400Address ? 'x400' : 'edi-party',
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
      return `DirName:${escapeText(String(name.value))}`
    case 'registered-id':
      return `RID:${name.value}`
    case 'other':
      return name.oid === undefined ? name.form : `othername:${name.oid}`
  }
}
