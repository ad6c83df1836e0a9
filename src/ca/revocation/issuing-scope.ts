/**
 * Which certificates a CRL of ours speaks about (RFC 5280 §5.2.5).
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { fromHex, toHex } from '../../internal/bytes.ts'
import { context, contextPrimitive, DerCursor } from '../../internal/der.ts'
import { derSequence, derValue } from '../../internal/der-writer.ts'
import { checkOneOf, checkOptionNames, readFlag, typeName } from '../../internal/options.ts'
import {
  type IssuingDistributionPoint,
  readIssuingDistributionPoint,
} from '../../x509/extensions/issuing-distribution-point.ts'
import { MAX_GENERAL_NAMES } from '../../x509/general-name.ts'
import { encodeGeneralName } from '../../x509/general-name-encoder.ts'
import type { RevocationReason } from '../../x509/revoked-certificate.ts'
import { REASON_FLAG_NAMES, REASON_FLAGS, type ReasonFlagName } from './reason-codes.ts'
import type { RevocationEntry } from './revocation-state.ts'

/** The scope of a CRL; what is left out does not narrow it. It must say something. */
export interface IssuingDistributionPointInput {
  /** URIs of the place. The CRL then counts for certificates that name one of them as a distribution point. */
  readonly fullName?: readonly string[] | undefined
  /** No certificates of CAs. Not together with `onlyContainsCaCerts`. */
  readonly onlyContainsUserCerts?: boolean | undefined
  /** No certificates but those of CAs. */
  readonly onlyContainsCaCerts?: boolean | undefined
  /** Only these reasons; what was revoked without a reason is in every list. */
  readonly onlySomeReasons?: readonly ReasonFlagName[] | undefined
}

/** A scope as lists are made for it. */
export interface IssuingScope {
  /** DER of the extension's value, hex; empty for none. */
  readonly key: string
  readonly der: Uint8Array | undefined
  readonly point: IssuingDistributionPoint | undefined
}

const OPTION = 'issuingDistributionPoint'

/** The option "issuingDistributionPoint". @throws `TypeError`; `MeshPkiError` `ERR_GENERAL_NAME`. */
export function readScopeOption(input: IssuingDistributionPointInput | undefined): IssuingScope {
  if (input === undefined) return { key: '', der: undefined, point: undefined }
  checkOptionNames(
    input,
    ['fullName', 'onlyContainsUserCerts', 'onlyContainsCaCerts', 'onlySomeReasons'],
    `option "${OPTION}"`,
  )
  const { fullName, onlySomeReasons } = input
  const users = readFlag(input.onlyContainsUserCerts, `${OPTION}.onlyContainsUserCerts`, false)
  const cas = readFlag(input.onlyContainsCaCerts, `${OPTION}.onlyContainsCaCerts`, false)
  if (users && cas)
    throw new TypeError(
      `option "${OPTION}" has onlyContainsUserCerts and onlyContainsCaCerts: the list would be about nothing. Issue two lists, or one without both (RFC 5280 §5.2.5)`,
    )
  const parts: Uint8Array[] = []
  if (fullName !== undefined) parts.push(encodeFullName(fullName, `${OPTION}.fullName`))
  if (users) parts.push(derValue(contextPrimitive(1), Uint8Array.of(0xff)))
  if (cas) parts.push(derValue(contextPrimitive(2), Uint8Array.of(0xff)))
  if (onlySomeReasons !== undefined) parts.push(encodeReasons(onlySomeReasons))
  if (parts.length === 0)
    throw new TypeError(
      `option "${OPTION}" says nothing: leave it out for a CRL about every certificate (RFC 5280 §5.2.5)`,
    )
  return scopeOf(derSequence(...parts))
}

/** The scope that a state has recorded; `undefined` for what is not written here. */
export function readScopeKey(key: string): IssuingScope | undefined {
  if (key === '') return readScopeOption(undefined)
  const der = key === key.toLowerCase() ? fromHex(key) : undefined
  if (der === undefined) return undefined
  try {
    const cursor = new DerCursor(der)
    const { indirectCrl, onlyContainsAttributeCerts, relativeName } = readIssuingDistributionPoint(cursor)
    const isOurs = cursor.atEnd && !indirectCrl && !onlyContainsAttributeCerts && relativeName === undefined
    return isOurs ? scopeOf(der) : undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

function scopeOf(der: Uint8Array): IssuingScope {
  return { key: toHex(der), der, point: readIssuingDistributionPoint(new DerCursor(der)) }
}

/** Whether the certificate of an entry may be of the scope's kind. Unknown ones are of both. */
export function isOfKind({ point }: IssuingScope, { isCa }: RevocationEntry): boolean {
  if (point?.onlyContainsUserCerts === true) return isCa !== true
  return point?.onlyContainsCaCerts !== true || isCa !== false
}

/** Whether entries of a reason are in a list. There is no flag for `unspecified`: it revokes everywhere. */
export function isOfReason({ point }: IssuingScope, reason: RevocationReason): boolean {
  if (point?.onlySomeReasons === undefined || reason === 'unspecified' || reason === 'removeFromCRL')
    return true
  return (point.onlySomeReasons & REASON_FLAGS[reason]) !== 0
}

/** DER of a DistributionPointName, tagged `[0]`, of URIs. @throws `TypeError`; `MeshPkiError` `ERR_GENERAL_NAME`. */
export function encodeFullName(uris: readonly string[], option: string): Uint8Array {
  if (!Array.isArray(uris) || uris.length === 0 || uris.length > MAX_GENERAL_NAMES)
    throw new TypeError(
      `option "${option}" must be an array of 1 to ${MAX_GENERAL_NAMES} URIs; got ${Array.isArray(uris) ? uris.length : typeName(uris)}`,
    )
  const names = uris.map((value) => encodeGeneralName({ type: 'uri', value }, false, option))
  return derValue(context(0), derValue(context(0), ...names))
}

/** DER of ReasonFlags, tagged `[3]`: a named bit list without trailing zeros (X.690 §11.2.2). */
function encodeReasons(reasons: readonly ReasonFlagName[]): Uint8Array {
  const option = `${OPTION}.onlySomeReasons`
  if (!Array.isArray(reasons) || reasons.length === 0)
    throw new TypeError(
      `option "${option}" must be an array of at least one reason; leave it out for all of them`,
    )
  let flags = 0
  for (const reason of reasons) flags |= REASON_FLAGS[checkOneOf(reason, REASON_FLAG_NAMES, option)]
  const highest = 31 - Math.clz32(flags)
  const octets = new Uint8Array((highest >> 3) + 1)
  for (let bit = 0; bit <= highest; bit++)
    if ((flags & (1 << bit)) !== 0) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return derValue(contextPrimitive(3), Uint8Array.of(7 - (highest & 7)), octets)
}
