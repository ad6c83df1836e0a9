/**
 * Purposes of extended key usage as callers write them.
 *
 * @module
 */

import { isOid } from '../../internal/oid.ts'
import { quote } from '../../internal/text.ts'
import { ExtendedKeyUsage, type Oid } from '../../x509/extensions/extended-key-usage.ts'

/** A purpose: `'serverAuth'`, `'clientAuth'`, another name of `ExtendedKeyUsage`, or its object identifier. */
export type PurposeInput = keyof typeof ExtendedKeyUsage | Oid

/** The object identifier of a purpose. @throws `TypeError` that names the option. */
export function readPurpose(value: PurposeInput, option: string): Oid {
  for (const [name, oid] of Object.entries(ExtendedKeyUsage)) if (name === value) return oid
  if (typeof value === 'string' && isOid(value)) return value
  throw new TypeError(
    `option "${option}" must hold purposes such as "serverAuth" or object identifiers; got ${typeof value === 'string' ? quote(value, 64) : typeof value}`,
  )
}
