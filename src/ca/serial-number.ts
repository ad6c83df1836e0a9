/**
 * Serial numbers.
 *
 * @module
 */

import type { RandomSource } from '../internal/web-crypto.ts'

/** Octets of a serial number: 126 random bits, within the 20 octets that RFC 5280 §4.1.2.2 allows. */
const SERIAL_OCTETS = 16

/** A random positive serial number of exactly 16 octets: its top bits are 01, so it needs no leading zero. */
export function randomSerialNumber(random: RandomSource): Uint8Array {
  const serial = random(new Uint8Array(SERIAL_OCTETS))
  if (!(serial instanceof Uint8Array) || serial.length !== SERIAL_OCTETS) {
    throw new TypeError('option "random" must fill the array that it is given and return it')
  }
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}
