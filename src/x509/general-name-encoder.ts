/**
 * Writes general names, and nothing that is not a name: what a reader may take for something else is refused.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { context } from '../internal/der.ts'
import { derAscii, derObjectIdentifier, derSequence, derValue } from '../internal/der-writer.ts'
import { isOid } from '../internal/oid.ts'
import { typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { normalizeDnsName } from './dns-name.ts'
import { type GeneralName, type GeneralNameInput, GeneralNameTag, MAX_GENERAL_NAMES } from './general-name.ts'
import { parseIpAddress, parseIpRange } from './ip-address.ts'
import { splitMailbox } from './mailbox.ts'
import { Name } from './name.ts'

/** The most characters of one name. URIs stay below 2 kB in practice; a SPIFFE ID has at most 2048 (SPIFFE-ID §2.3). */
const MAX_NAME = 8192

const TYPES = 'dns, email, uri, ip, directory, registered-id or other'

/**
 * DER of one general name. `range` is true for name constraints, whose forms differ: hosts and domains, and
 * addresses with a mask. `option` names the option in errors.
 *
 * @throws `MeshPkiError` `ERR_GENERAL_NAME`; `TypeError` for what is no general name at all.
 */
export function encodeGeneralName(
  name: GeneralNameInput | GeneralName,
  range: boolean,
  option: string,
): Uint8Array<ArrayBuffer> {
  if (typeof name !== 'object' || name === null) {
    throw new TypeError(
      `option "${option}" must hold objects such as { type: 'dns', value: 'example.com' }; got ${typeName(name)}`,
    )
  }
  switch (name.type) {
    case 'dns':
      return derAscii(
        GeneralNameTag.dNSName,
        range ? checkText(name, option) : checkDnsName(checkText(name, option)),
      )
    case 'email':
      return derAscii(
        GeneralNameTag.rfc822Name,
        range ? checkText(name, option) : checkMailbox(checkText(name, option)),
      )
    case 'uri':
      return derAscii(
        GeneralNameTag.uniformResourceIdentifier,
        range ? checkText(name, option) : checkUri(checkText(name, option)),
      )
    case 'ip': {
      const text = checkText(name, option)
      const bytes = range ? parseIpRange(text) : parseIpAddress(text)
      if (bytes === undefined) {
        throw fault(
          `${quote(text)} is not an IP ${range ? 'range such as 10.0.0.0/8, with no bit set outside the prefix' : 'address'}`,
        )
      }
      return derValue(GeneralNameTag.iPAddress, bytes)
    }
    case 'directory':
      return derValue(GeneralNameTag.directoryName, Name.from(name.value).der)
    case 'registered-id':
      if (!isOid(checkText(name, option))) throw fault(`${quote(name.value)} is not an object identifier`)
      return derObjectIdentifier(name.value, GeneralNameTag.registeredID)
    case 'other':
      if (
        name.form === 'other-name' &&
        name.oid !== undefined &&
        isOid(name.oid) &&
        name.value instanceof Uint8Array
      ) {
        return derValue(
          GeneralNameTag.otherName,
          derObjectIdentifier(name.oid),
          derValue(context(0), name.value),
        )
      }
      throw fault(
        'of the type "other", only the form other-name with an object identifier and a DER value can be written',
      )
    default:
      throw new TypeError(`option "${option}" holds a name without a known type; it must be ${TYPES}`)
  }
}

/** DER of GeneralNames. @throws as {@link encodeGeneralName}. */
export function encodeGeneralNames(
  names: readonly (GeneralNameInput | GeneralName)[],
  option: string,
): Uint8Array<ArrayBuffer> {
  if (!Array.isArray(names))
    throw new TypeError(`option "${option}" must be an array of general names; got ${typeName(names)}`)
  if (names.length === 0) throw fault(`option "${option}" is an empty list; leave it out for no names`)
  if (names.length > MAX_GENERAL_NAMES)
    throw fault(`option "${option}" holds ${names.length} names; at most ${MAX_GENERAL_NAMES} are written`)
  return derSequence(...names.map((name) => encodeGeneralName(name, false, option)))
}

/** Text that an IA5String of a name may hold: visible ASCII. */
function checkText(name: { readonly type: string; readonly value: unknown }, option: string): string {
  const { type, value } = name
  if (typeof value !== 'string')
    throw new TypeError(
      `option "${option}": the value of a name of type ${type} must be text; got ${typeName(value)}`,
    )
  if (value === '') throw fault(`a name of type ${type} must not be empty`)
  if (value.length > MAX_NAME)
    throw fault(`a name of type ${type} must not be longer than ${MAX_NAME} characters`)
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code > 0x20 && code < 0x7f) continue
    const what =
      code === 0
        ? 'a NUL character'
        : code < 0x80
          ? 'a blank or control character'
          : 'a character outside ASCII'
    throw fault(
      `the ${type} name ${quote(value)} has ${what} at position ${i + 1}; write hosts as A-labels (xn--…), the rest percent-encoded`,
    )
  }
  return value
}

/** "Preferred name syntax", with a wildcard as the whole left-most label; no underscores (RFC 5280 §4.2.1.6, RFC 1034 §3.5). */
function checkDnsName(value: string): string {
  if (
    normalizeDnsName(value, true) === undefined ||
    value.includes('_') ||
    parseIpAddress(value) !== undefined
  ) {
    throw fault(
      `${quote(value)} is not a DNS name: expected labels of letters, digits and hyphens, such as a.example.com or *.example.com. Addresses have the type "ip"`,
    )
  }
  return value
}

function checkMailbox(value: string): string {
  if (splitMailbox(value) === undefined)
    throw fault(`${quote(value)} is not a mailbox such as name@example.com`)
  return value
}

/** A scheme, and only characters of RFC 3986 §2: a comma or quote that is not among them could end the name for a reader of text. */
function checkUri(value: string): string {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(value)) {
    throw fault(`${quote(value)} is not a URI with a scheme, such as spiffe://example.org/a (RFC 3986 §3)`)
  }
  return value
}

function fault(message: string): MeshPkiError {
  return new MeshPkiError('ERR_GENERAL_NAME', `${message} (RFC 5280 §4.2.1.6)`)
}
