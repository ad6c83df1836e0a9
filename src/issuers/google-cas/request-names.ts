/**
 * One wish, as CA Service names it.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../internal/bytes.ts'
import { isId } from './resource-name.ts'

/** `certificateId` matches `[a-zA-Z0-9_-]{1,63}`. Ours may have periods, which it cannot; then it is a digest of it. */
export function certificateIdOf(requestId: string): string {
  return isId(requestId) ? requestId : `mesh-pki-${digestOf('certificateId', requestId)}`
}

/**
 * `requestId` must be a UUID other than zero. AIP-155, which it follows, asks for version 4: the bits are set so, though they
 * are of a digest and not random.
 */
export function uuidOf(requestId: string): string {
  const hex = digestOf('requestId', requestId)
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** 128 bits of a digest, other ones for each use. */
const digestOf = (use: string, requestId: string): string =>
  toHex(sha256(new TextEncoder().encode(`mesh-pki google-cas ${use} ${requestId}`)), 0, 16)
