/**
 * Whether two general names are the same.
 *
 * @module
 */

import { toHex } from '../internal/bytes.ts'
import type { GeneralName } from './general-name.ts'
import { canonicalRdns } from './name-comparison.ts'

/**
 * What equal names have in common, and others have not: hosts in any case (RFC 5280 §7.2, §7.5), directory names by §7.1,
 * everything else to the letter.
 */
export function generalNameKey(name: GeneralName): string {
  switch (name.type) {
    case 'dns':
      return `dns ${name.value.toLowerCase()}`
    case 'email': {
      const host = name.value.lastIndexOf('@') + 1
      return `email ${name.value.slice(0, host)}${name.value.slice(host).toLowerCase()}`
    }
    case 'directory': {
      const { der } = name.value
      return `directory ${JSON.stringify(canonicalRdns(der, 0, der.length))}`
    }
    case 'other':
      return `other ${name.form} ${name.oid ?? ''} ${toHex(name.value)}`
    default:
      return `${name.type} ${name.value}`
  }
}

/** Whether two lists hold the same names, each as often, in any order. */
export function sameGeneralNames(a: readonly GeneralName[], b: readonly GeneralName[]): boolean {
  if (a.length !== b.length) return false
  const [first, second] = [a, b].map((names) => names.map(generalNameKey).sort())
  return first?.every((key, i) => key === second?.[i]) === true
}
