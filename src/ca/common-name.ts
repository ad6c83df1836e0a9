/**
 * What clients may take a common name for.
 *
 * @module
 */

import { normalizeDnsName } from '../x509/dns-name.ts'
import type { GeneralName } from '../x509/general-name.ts'
import { parseIpAddress } from '../x509/ip-address.ts'
import { splitMailbox } from '../x509/mailbox.ts'

/** `ub-common-name` of RFC 5280 appendix A. */
export const MAX_COMMON_NAME = 64

/** Dots of other scripts that IDNA takes for dots (RFC 3490 §3.1), and what it maps to nothing. */
const OTHER_DOTS = /[\u3002\uff0e\uff61]/g
const IGNORED = /\p{Default_Ignorable_Code_Point}/gu
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/**
 * What a common name is to those who look for names there: Java by IDNA, curl with a final dot left out, others with white space
 * at its ends. `name`: a name of that kind. `like-a-name`: none that can be compared, and yet some client may match it. `text`:
 * nobody's name; a single label is one to some clients and is left to denials. `control`: it holds control characters.
 */
export function readCommonName(
  value: string,
):
  | { readonly kind: 'name'; readonly name: GeneralName }
  | { readonly kind: 'like-a-name' | 'control' }
  | { readonly kind: 'text'; readonly label: string } {
  if (CONTROL.test(value)) return { kind: 'control' }
  const folded = value.normalize('NFKC').replace(OTHER_DOTS, '.').replace(IGNORED, '').trim()
  const text = folded.endsWith('.') ? folded.slice(0, -1) : folded
  const name = asName(text)
  if (name !== undefined) return { kind: 'name', name }
  if (!/\s/.test(text) && /[.:@*]/.test(text)) return { kind: 'like-a-name' }
  return { kind: 'text', label: text }
}

function asName(value: string): GeneralName | undefined {
  if (parseIpAddress(value) !== undefined) return { type: 'ip', value }
  if (/^[A-Za-z][A-Za-z0-9+.-]{0,31}:\/\//.test(value) || /^spiffe:/i.test(value))
    return { type: 'uri', value }
  if (splitMailbox(value) !== undefined) return { type: 'email', value }
  return value.includes('.') && normalizeDnsName(value, true) !== undefined
    ? { type: 'dns', value }
    : undefined
}
