/**
 * Checks that what came back from Cloud KMS is what it sent, for what we sent, by the key that was meant.
 *
 * @module
 */

import { decodeBase64 } from '../../internal/base64.ts'
import type { JsonObject } from '../../internal/json.ts'
import { quote } from '../../internal/text.ts'
import { crc32c } from './crc32c.ts'
import { badAnswer, GoogleApiError, stringOf } from './google-api-error.ts'

/** Bytes of a member in base64. @throws {@link GoogleApiError}. */
export function bytesOf(body: JsonObject, member: string, what: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64(stringOf(body, member, what))
  if (bytes instanceof Uint8Array) return bytes
  throw badAnswer(`its member ${quote(member)} is no base64`, what)
}

/** Int64Value: a decimal in a string, since JSON's numbers have 53 bits. */
export const int64Text = (bytes: Uint8Array): string => String(crc32c(bytes))

/** @throws {@link GoogleApiError} that may pass: the answer is thrown away, and asked for again a few times. */
export function checkSum(body: JsonObject, member: string, bytes: Uint8Array, what: string): void {
  if (body.get(member) === int64Text(bytes)) return
  throw badAnswer(`${quote(member)} is not the CRC32C of what it came with`, what)
}

/** `false` or absent: the checksum of what we sent did not arrive, so nobody compared it. @throws the same. */
export function checkVerified(body: JsonObject, member: string, what: string): void {
  if (body.get(member) === true) return
  throw badAnswer(`${quote(member)} is not true, so what was sent may have been changed on the way`, what)
}

/** @throws {@link GoogleApiError} that is final: another key answered. */
export function checkName(body: JsonObject, name: string, what: string): void {
  const found = body.get('name')
  if (found === name) return
  throw new GoogleApiError(
    `Google's answer to ${what} is of another key version: ${typeof found === 'string' ? quote(found, 128) : 'it has no name'}`,
    { status: 200, code: 'OTHER_KEY', retryable: false, outcome: 'unknown' },
  )
}
