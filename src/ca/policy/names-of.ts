/**
 * Names as callers give them, and how they are compared.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { DerCursor } from '../../internal/der.ts'
import { typeName } from '../../internal/options.ts'
import { SpiffeId, toSpiffeId } from '../../spiffe/spiffe-id.ts'
import { type GeneralName, type GeneralNameInput, readGeneralNames } from '../../x509/general-name.ts'
import { encodeGeneralNames } from '../../x509/general-name-encoder.ts'
import { generalNameKey } from '../../x509/general-name-key.ts'

/** An identity: a SPIFFE ID as a value or a text, or any other name. */
export type IdentityInput = SpiffeId | string | GeneralNameInput | GeneralName

/** Reads names as a certificate would hold them. @throws `MeshPkiError` `ERR_GENERAL_NAME`, `ERR_SPIFFE_ID`; `TypeError`. */
export function readIdentities(input: readonly IdentityInput[], option: string): readonly GeneralName[] {
  if (!Array.isArray(input))
    throw new TypeError(`option "${option}" must be an array; got ${typeName(input)}`)
  const names = input.map((one, i): GeneralNameInput | GeneralName =>
    typeof one === 'string' || one instanceof SpiffeId
      ? { type: 'uri', value: readSpiffeId(one, `${option}[${i}]`) }
      : one,
  )
  if (names.length === 0) return []
  return freezeNames(unique(readGeneralNames(new DerCursor(encodeGeneralNames(names, option)))))
}

function readSpiffeId(id: string | SpiffeId, option: string): string {
  try {
    return String(toSpiffeId(id))
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    throw new MeshPkiError(
      error.code,
      `option "${option}": ${error.message}. A text is a SPIFFE ID; a name of another form is written as { type: 'dns', value: 'a.example' }`,
      { data: { ...error.data, option }, cause: error },
    )
  }
}

/** Functions of callers are shown these lists: they cannot change what is signed. */
export function freezeNames(names: readonly GeneralName[]): readonly GeneralName[] {
  for (const name of names) Object.freeze(name)
  return Object.freeze([...names])
}

/** Each name once, in order. */
export function unique(names: readonly GeneralName[]): readonly GeneralName[] {
  const seen = new Set<string>()
  return names.filter((name) => {
    const key = generalNameKey(name)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
