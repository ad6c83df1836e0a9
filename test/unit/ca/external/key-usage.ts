import { hex, tlv } from '../../../fixtures/x509/der.ts'
import { ext } from '../../verify/forge.ts'

/** Two bits of key usage in one octet (RFC 5280 §4.2.1.3). */
export function keyUsageOf(a: number, b: number): Uint8Array {
  const last = Math.max(a, b)
  return ext(15, tlv(3, hex(`0${7 - last}`), Uint8Array.of((0x80 >> a) | (0x80 >> b))), true)
}
