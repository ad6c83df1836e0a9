/**
 * Name constraints (RFC 5280 §4.2.1.10).
 *
 * @module
 */

import { context, contextPrimitive, type DerCursor, Tag } from '../../internal/der.ts'
import { type GeneralName, readGeneralName, walkGeneralName } from '../general-name.ts'

const WHAT = 'nameConstraints'

/** Subtrees that names below a CA must lie in, and must not. */
export interface NameConstraints {
  /** A name of a form listed here must be within one of its subtrees. */
  readonly permitted: readonly GeneralName[]
  /** No name may be within any of these subtrees. */
  readonly excluded: readonly GeneralName[]
}

/**
 * Passes over the extension. It holds permitted or excluded subtrees or both, none of them empty;
 * `minimum` is 0 and `maximum` absent (RFC 5280 §4.2.1.10), and with DER neither is written.
 */
export function walkNameConstraints(cursor: DerCursor): void {
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  if (cursor.atEnd)
    cursor.fail(
      'ERR_CERTIFICATE_EXTENSION',
      WHAT,
      'neither permitted nor excluded subtrees (RFC 5280 §4.2.1.10)',
    )
  for (const tag of [context(0), context(1)]) {
    if (cursor.peek() !== tag) continue
    const subtrees = cursor.enter(tag, WHAT)
    if (cursor.atEnd)
      cursor.fail('ERR_CERTIFICATE_EXTENSION', WHAT, 'an empty list of subtrees (RFC 5280 §4.2.1.10)')
    while (cursor.offset < cursor.limit) {
      const subtree = cursor.enter(Tag.SEQUENCE, WHAT)
      walkGeneralName(cursor, WHAT, true)
      if (cursor.peek() === contextPrimitive(0) || cursor.peek() === contextPrimitive(1)) {
        cursor.fail(
          'ERR_CERTIFICATE_EXTENSION',
          WHAT,
          'a subtree with minimum or maximum, which must be 0 and absent (RFC 5280 §4.2.1.10)',
        )
      }
      cursor.leave(subtree, WHAT)
    }
    cursor.leave(subtrees, WHAT)
  }
  cursor.leave(outer, WHAT)
}

/** Reads the checked extension. */
export function readNameConstraints(cursor: DerCursor): NameConstraints {
  cursor.enter(Tag.SEQUENCE, WHAT)
  const lists: GeneralName[][] = [[], []]
  for (const [i, list] of lists.entries()) {
    if (cursor.peek() !== context(i)) continue
    const subtrees = cursor.enter(context(i), WHAT)
    while (cursor.offset < cursor.limit) {
      const subtree = cursor.enter(Tag.SEQUENCE, WHAT)
      list.push(readGeneralName(cursor, true))
      cursor.leave(subtree, WHAT)
    }
    cursor.leave(subtrees, WHAT)
  }
  return { permitted: lists[0] ?? [], excluded: lists[1] ?? [] }
}
