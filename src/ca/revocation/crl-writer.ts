/**
 * Writes a TBSCertList (RFC 5280 §5.1.2). Every entry is encoded once and copied twice, so the work grows with
 * their number and no faster.
 *
 * @module
 */

import { concatBytes, fromHex, integerFromHex } from '../../internal/bytes.ts'
import { context, contextPrimitive, Tag } from '../../internal/der.ts'
import { derTime } from '../../internal/der-time.ts'
import { derAscii, derOctetString, derSequence, derUnsigned, derValue } from '../../internal/der-writer.ts'
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from '../../x509/algorithm-identifier.ts'
import { encodeExtension } from '../extension-encoder.ts'
import type { ListedEntry } from './listed-entries.ts'
import { REASON_CODES } from './reason-codes.ts'

/** What a CRL says. Times in milliseconds, whole seconds. */
export interface CrlValues {
  readonly algorithm: SignatureAlgorithm
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array
  readonly authorityKeyId: Uint8Array
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly number: bigint
  /** Of a delta CRL. */
  readonly baseNumber: bigint | undefined
  /** DER of the issuing distribution point. */
  readonly scope: Uint8Array | undefined
  /** DER of the freshest CRL's distribution points. */
  readonly freshestCrl: Uint8Array | undefined
  readonly entries: readonly ListedEntry[]
}

/** `INTEGER 1`: version 2. */
const VERSION_2: Uint8Array = /* @__PURE__ */ Uint8Array.of(2, 1, 1)

/** DER of the TBSCertList. */
export function encodeTbsCertList(values: CrlValues): Uint8Array<ArrayBuffer> {
  const extensions = [
    encodeExtension('2.5.29.35', false, derSequence(derValue(contextPrimitive(0), values.authorityKeyId))),
    encodeExtension('2.5.29.20', false, derBigInteger(values.number)),
    ...(values.baseNumber === undefined
      ? []
      : [encodeExtension('2.5.29.27', true, derBigInteger(values.baseNumber))]),
    ...(values.scope === undefined ? [] : [encodeExtension('2.5.29.28', true, values.scope)]),
    ...(values.freshestCrl === undefined ? [] : [encodeExtension('2.5.29.46', false, values.freshestCrl)]),
  ]
  return derSequence(
    VERSION_2,
    encodeSignatureAlgorithm(values.algorithm),
    values.issuer,
    derTime(values.thisUpdate),
    derTime(values.nextUpdate),
    encodeEntries(values.entries),
    derValue(context(0), derSequence(...extensions)),
  )
}

/** The entries; nothing at all where there is none (RFC 5280 §5.1.2.6). */
function encodeEntries(entries: readonly ListedEntry[]): Uint8Array {
  // Not as arguments of one call: there may be more of them than a call can have.
  return entries.length === 0
    ? new Uint8Array()
    : derValue(Tag.SEQUENCE, concatBytes(entries.map(encodeEntry)))
}

function encodeEntry({ serialNumber, date, reason, invalidityDate }: ListedEntry): Uint8Array {
  const extensions: Uint8Array[] = []
  if (reason !== 'unspecified') extensions.push(encodeReason(REASON_CODES[reason]))
  if (invalidityDate !== undefined) extensions.push(encodeInvalidityDate(invalidityDate))
  return extensions.length === 0
    ? derSequence(derSerial(serialNumber), derTime(date))
    : derSequence(derSerial(serialNumber), derTime(date), derSequence(...extensions))
}

/** The extension reasonCode, an ENUMERATED below 11. */
const encodeReason = (code: number): Uint8Array =>
  Uint8Array.of(
    Tag.SEQUENCE,
    10,
    Tag.OBJECT_IDENTIFIER,
    3,
    0x55,
    0x1d,
    21,
    Tag.OCTET_STRING,
    3,
    Tag.ENUMERATED,
    1,
    code,
  )

/** The extension invalidityDate: GeneralizedTime also before 2050 (RFC 5280 §5.3.2). */
function encodeInvalidityDate(time: number): Uint8Array {
  const text = `${new Date(time).toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`
  return derSequence(
    Uint8Array.of(Tag.OBJECT_IDENTIFIER, 3, 0x55, 0x1d, 24),
    derOctetString(derAscii(Tag.GENERALIZED_TIME, text)),
  )
}

/** INTEGER from a checked serial number in hex. */
function derSerial(serialNumber: string): Uint8Array {
  const magnitude = serialNumber.startsWith('-') ? undefined : fromHex(serialNumber)
  return magnitude === undefined
    ? derValue(Tag.INTEGER, integerFromHex(serialNumber) ?? new Uint8Array())
    : derUnsigned(magnitude)
}

/** INTEGER from a number that is not negative. */
function derBigInteger(value: bigint): Uint8Array {
  const digits = value.toString(16)
  return derUnsigned(fromHex(digits.length % 2 === 0 ? digits : `0${digits}`) ?? new Uint8Array())
}

/** DER of freshestCRL with one distribution point. `fullName` is its name, tagged. */
export const encodeFreshestCrl = (fullName: Uint8Array): Uint8Array => derSequence(derSequence(fullName))
