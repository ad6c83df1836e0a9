/**
 * Basic constraints (RFC 5280 §4.2.1.9).
 *
 * @module
 */

import { type DerCursor, Tag } from '../../internal/der.ts'

const WHAT = 'basicConstraints'

/** Reads the extension. Bit 0 of the answer: is a CA; the rest: path length + 1, or 0 for none. */
export function walkBasicConstraints(cursor: DerCursor): number {
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  let isCa = false
  let pathLength = -1
  if (cursor.peek() === Tag.BOOLEAN) {
    isCa = cursor.boolean(WHAT)
    if (!isCa)
      cursor.fail('ERR_DER_ENCODING', WHAT, 'cA written although it has its default, FALSE (X.690 §11.5)')
  }
  if (cursor.peek() === Tag.INTEGER) pathLength = cursor.smallInteger(WHAT)
  cursor.leave(outer, WHAT)
  return (isCa ? 1 : 0) + (pathLength + 1) * 2
}
