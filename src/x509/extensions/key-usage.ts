/**
 * Key usage (RFC 5280 §4.2.1.3).
 *
 * @module
 */

import { type DerCursor, Tag } from '../../internal/der.ts'

/** What a key may be used for, in the order of the ASN.1 bits. */
export type KeyUsageName =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly'

/** All names, bit 0 first. */
export const KEY_USAGE_NAMES: readonly KeyUsageName[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
]

/** Bits as {@link walkKeyUsage} answers them. */
export const KeyUsageBit = { digitalSignature: 1, keyCertSign: 32, cRLSign: 64 } as const

/** Reads the extension as bits. At least one must be set (RFC 5280 §4.2.1.3). `zeros` allows trailing zero bits. */
export function walkKeyUsage(cursor: DerCursor, zeros: boolean): number {
  const bits = cursor.namedBits('keyUsage', KEY_USAGE_NAMES.length, Tag.BIT_STRING, zeros)
  if (bits === 0) cursor.fail('ERR_CERTIFICATE_EXTENSION', 'keyUsage', 'no bit is set (RFC 5280 §4.2.1.3)')
  return bits
}

/** Names of the set bits. */
export function keyUsageNames(bits: number): readonly KeyUsageName[] {
  const names: KeyUsageName[] = []
  let bit = 1
  for (const name of KEY_USAGE_NAMES) {
    if ((bits & bit) !== 0) names.push(name)
    bit <<= 1
  }
  return names
}
