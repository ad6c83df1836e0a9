/**
 * Writes names as DER.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { Tag } from '../internal/der.ts'
import { derAscii, derObjectIdentifier, derSequence, derSetOf, derValue } from '../internal/der-writer.ts'
import { isOid } from '../internal/oid.ts'
import { typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { attributeOid, isIa5Only, isPrintableOnly } from './attribute-types.ts'
import { attributeValueFault, isPrintable } from './directory-string.ts'

/** One RDN: attribute type (short name or dotted decimals) to text, or to a DER value. */
export type RdnInput = Readonly<Record<string, string | Uint8Array>>

/** The most characters in one value: `ub-name` of RFC 5280 appendix A. */
const MAX_VALUE = 32_768

/** DER of a name from RDNs in DER order. @throws `MeshPkiError` `ERR_NAME_SYNTAX`. */
export function encodeName(rdns: readonly RdnInput[]): Uint8Array<ArrayBuffer> {
  return derSequence(
    ...rdns.map((rdn) => {
      if (rdn === null || typeof rdn !== 'object')
        throw fault('an RDN must be an object such as { CN: "Root CA" }')
      const entries = Object.entries(rdn)
      if (entries.length === 0) throw fault('an RDN needs at least one attribute (RFC 5280 §4.1.2.4)')
      return derSetOf(entries.map(([type, value]) => encodeAttribute(type, value)))
    }),
  )
}

function encodeAttribute(type: string, value: string | Uint8Array): Uint8Array {
  const oid = isOid(type) ? type : attributeOid(type)
  if (oid === undefined) {
    throw fault(
      `unknown attribute type ${quote(type)}; use a short name (CN, O, OU, C, L, ST, DC, UID, …) or dotted decimals`,
    )
  }
  if (typeof value === 'string') return derSequence(derObjectIdentifier(oid), encodeValue(oid, type, value))
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`the value of the attribute "${type}" must be text or DER; got ${typeName(value)}`)
  }
  const problem = attributeValueFault(value)
  if (problem !== undefined) throw fault(`the value of ${quote(type)} is not one DER value (${problem})`)
  return derSequence(derObjectIdentifier(oid), value)
}

function encodeValue(oid: string, type: string, value: string): Uint8Array {
  if (value.includes('\0'))
    throw fault(`the value of ${quote(type)} contains a NUL character, which readers cut at`)
  if (/\p{Cs}/u.test(value)) throw fault(`the value of ${quote(type)} contains half of a surrogate pair`)
  if (value.length > MAX_VALUE)
    throw fault(`the value of ${quote(type)} is longer than ${MAX_VALUE} characters`)
  if (isIa5Only(oid)) {
    if (!/^[\x01-\x7f]*$/.test(value))
      throw fault(`the value of ${quote(type)} must be ASCII (IA5String); got ${quote(value)}`)
    return derAscii(Tag.IA5_STRING, value)
  }
  if (isPrintable(value)) return derAscii(Tag.PRINTABLE_STRING, value)
  if (isPrintableOnly(oid)) {
    throw fault(
      `the value of ${quote(type)} must be a PrintableString (letters, digits and '()+,-./:=?); got ${quote(value)}`,
    )
  }
  return derValue(Tag.UTF8_STRING, new TextEncoder().encode(value))
}

function fault(message: string): MeshPkiError {
  return new MeshPkiError('ERR_NAME_SYNTAX', message)
}
