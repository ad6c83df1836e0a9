/**
 * How two things that should be the same are shown when they are not.
 *
 * @module
 */

import { toHex } from '../../internal/bytes.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import { canonicalName } from '../../x509/name-comparison.ts'

/** One difference between what was asked for and what an issuer answered. */
export interface CertificateMismatch {
  /** Which part: `publicKey`, `subject`, `subjectAltNames`, `isCa`, `pathLength`, `notAfter`, `chain`, … */
  readonly field: string
  readonly expected: string
  readonly found: string
}

/** Names that a message lists. */
const MAX_SHOWN = 8

/** General names as a person reads them. */
export function namesText(names: readonly GeneralName[]): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, MAX_SHOWN).map(formatGeneralName).join(', ')
  return names.length > MAX_SHOWN ? `${shown} and ${names.length - MAX_SHOWN} more` : shown
}

/** Words as a person reads them. */
export function wordsText(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.join(', ')
}

/** Whether two lists hold the same names, each as often, in any order. */
export function sameNames(a: readonly GeneralName[], b: readonly GeneralName[]): boolean {
  return a.length === b.length && nameKeys(a).join('\n') === nameKeys(b).join('\n')
}

/** A text for each name, in order; equal texts are equal names. Hosts in any case (RFC 5280 §7.2), the rest to the letter. */
export function nameKeys(names: readonly GeneralName[]): readonly string[] {
  return names.map(nameKey).sort()
}

function nameKey(name: GeneralName): string {
  switch (name.type) {
    case 'dns':
      return `dns:${name.value.toLowerCase()}`
    case 'directory': {
      const { der } = name.value
      return `directory:${canonicalName(der, 0, der.length)}`
    }
    case 'other':
      return `other:${name.form}:${name.oid ?? ''}:${toHex(name.value)}`
    default:
      return `${name.type}:${name.value}`
  }
}
