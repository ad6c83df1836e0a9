/**
 * Reads RFC 4514 text.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { concatBytes, fromHex } from '../internal/bytes.ts'
import { quote } from '../internal/text.ts'
import { attributeValueFault } from './directory-string.ts'
import type { RdnInput } from './name-encoder.ts'

/** The most characters of text read. */
const MAX_TEXT = 65_536

/**
 * RDNs in DER order of RFC 4514 text. Spaces around `,`, `+` and `=` are passed over, as RFC 2253 §4 asks.
 *
 * @throws `MeshPkiError` `ERR_NAME_SYNTAX`.
 */
export function parseNameText(text: string): readonly RdnInput[] {
  if (typeof text !== 'string') throw new TypeError(`a name must be text; got ${typeof text}`)
  if (text.length > MAX_TEXT) throw fault(text, MAX_TEXT, `longer than ${MAX_TEXT} characters`)
  const rdns: RdnInput[] = []
  if (text.trim() === '') return rdns
  let at = 0
  let rdn: Record<string, string | Uint8Array> = Object.create(null)
  for (;;) {
    const equals = text.indexOf('=', at)
    if (equals === -1) throw fault(text, at, 'expected an attribute such as CN=…')
    const type = text
      .slice(at, equals)
      .trim()
      .replace(/^oid\./i, '')
    if (!/^(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)$/.test(type)) {
      throw fault(text, at, `${quote(type, 64)} is not an attribute type`)
    }
    if (Object.hasOwn(rdn, type)) throw fault(text, at, `${type} stands twice in one RDN`)
    const value = text
      .slice(equals + 1)
      .trimStart()
      .startsWith('#')
      ? hexValue(text, equals + 1)
      : stringValue(text, equals + 1)
    rdn[type] = value.value
    at = value.end
    const separator = text[at]
    if (separator !== '+') {
      rdns.unshift(rdn)
      rdn = Object.create(null)
    }
    if (separator === undefined) return rdns
    at++
    if (text.slice(at).trim() === '') throw fault(text, at, `nothing follows the "${separator}"`)
  }
}

function hexValue(text: string, start: number): { value: Uint8Array; end: number } {
  let end = start
  while (end < text.length && text[end] !== ',' && text[end] !== '+') end++
  const bytes = fromHex(text.slice(start, end).trim().slice(1))
  if (bytes === undefined || bytes.length === 0)
    throw fault(text, start, 'expected pairs of hex digits after "#"')
  const problem = attributeValueFault(bytes)
  if (problem !== undefined) throw fault(text, start, `the hex value is not one DER value (${problem})`)
  return { value: bytes, end }
}

function stringValue(text: string, start: number): { value: string; end: number } {
  let at = start
  while (text[at] === ' ') at++
  const parts: Uint8Array[] = []
  const encoder = new TextEncoder()
  let plain = ''
  let trailing = 0
  for (; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === ',' || char === '+') break
    if (char === '"' || char === ';' || char === '<' || char === '>' || char === '\0') {
      throw fault(text, at, `${quote(char)} must be escaped with a backslash`)
    }
    if (char !== '\\') {
      plain += char
      trailing = char === ' ' ? trailing + 1 : 0
      continue
    }
    trailing = 0
    const pair = text.slice(at + 1, at + 3)
    if (/^[0-9a-fA-F]{2}$/.test(pair)) {
      parts.push(encoder.encode(plain), Uint8Array.of(Number.parseInt(pair, 16)))
      plain = ''
      at += 2
    } else if (' "#+,;<=>\\'.includes(text.charAt(at + 1)) && at + 1 < text.length) {
      plain += text.charAt(++at)
    } else throw fault(text, at, 'a backslash must be followed by a special character or two hex digits')
  }
  parts.push(encoder.encode(plain.slice(0, plain.length - trailing)))
  try {
    return {
      value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(concatBytes(parts)),
      end: at,
    }
  } catch {
    throw fault(text, start, 'the escaped bytes are not UTF-8')
  }
}

function fault(text: string, at: number, problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_NAME_SYNTAX',
    `name ${quote(text, 128)} at character ${at + 1}: ${problem} (RFC 4514 §3)`,
    {
      data: { position: at },
    },
  )
}
