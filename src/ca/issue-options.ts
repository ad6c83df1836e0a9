/**
 * Options that both kinds of issuance share.
 *
 * @module
 */

import type { AbortSignalLike } from '../internal/abort.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOneOf } from '../internal/options.ts'
import type { IssueOptions } from './authority-options.ts'
import { BACKDATE_RULES } from './issuance-rules.ts'
import { KEY_IDENTIFIER_METHODS, type KeyIdentifierMethod } from './key-identifier.ts'

/** As istiod. */
const DEFAULT_BACKDATE = '2m'

/** Their names. */
export const ISSUE_OPTION_NAMES: readonly string[] = [
  'lifetime',
  'backdate',
  'profile',
  'keyIdentifier',
  'signal',
  'subject',
  'subjectAltNames',
]

/** Reads them, before any work. @throws `TypeError`, `RangeError`. */
export function readIssueOptions(options: IssueOptions): {
  readonly lifetime: number
  readonly backdate: number
  readonly method: KeyIdentifierMethod
  readonly signal: AbortSignalLike | undefined
} {
  return {
    lifetime: readDuration(options.lifetime, 'lifetime'),
    backdate: readDuration(options.backdate ?? DEFAULT_BACKDATE, 'backdate', BACKDATE_RULES),
    method: checkOneOf(options.keyIdentifier ?? 'sha1', KEY_IDENTIFIER_METHODS, 'keyIdentifier'),
    signal: options.signal,
  }
}
