/**
 * How two things that should be the same are shown when they are not.
 *
 * @module
 */

import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'

/** One difference between what was asked for and what an issuer answered. */
export interface CertificateMismatch {
  /** Which part: `publicKey`, `subject`, `subjectAltNames`, `isCa`, `pathLength`, `age`, `notAfter`, `chain`, … */
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
