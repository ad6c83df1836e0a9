/**
 * AlgorithmIdentifiers of RSASSA-PSS signatures (RFC 4055 §3.1).
 *
 * The parameters are part of what is verified, so they are read closely: one digest of SHA-2 for the message
 * and for MGF1, a salt as long as the digest, the default trailer. Go, rustls-webpki and the CA/Browser
 * Forum's Baseline Requirements §7.1.3.2.1 ask for the same.
 *
 * @module
 */

/** PSS with one digest throughout. */
export type PssAlgorithm = 'rsa-pss-sha256' | 'rsa-pss-sha384' | 'rsa-pss-sha512'

const NAMES: readonly PssAlgorithm[] = ['rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512']

/** The last arc of 2.16.840.1.101.3.4.2.n and the length of the digest. */
const DIGESTS: Readonly<Record<PssAlgorithm, readonly [arc: number, length: number]>> = {
  'rsa-pss-sha256': [1, 32],
  'rsa-pss-sha384': [2, 48],
  'rsa-pss-sha512': [3, 64],
}

const RSASSA_PSS = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]
const MGF1 = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8]
const NULL = [5, 0]

/** Whether an algorithm is PSS. */
export function isPss(algorithm: string): algorithm is PssAlgorithm {
  return algorithm.startsWith('rsa-pss-')
}

/** Octets of the salt. */
export function saltLength(algorithm: PssAlgorithm): number {
  return DIGESTS[algorithm][1]
}

/** DER of the AlgorithmIdentifier, digests with NULL parameters as RFC 4055 §2.1 writes them. */
export function encodePssAlgorithm(algorithm: PssAlgorithm): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encode(algorithm, NULL, NULL))
}

/**
 * The algorithm of an AlgorithmIdentifier; `undefined` for other algorithms and parameters. The parameters of
 * either digest may be NULL or absent: "implementations MUST accept both" (RFC 4055 §2.1).
 */
export function readPssAlgorithm(bytes: Uint8Array, start: number, end: number): PssAlgorithm | undefined {
  // The shortest, without NULLs, has 63 octets; nothing else that we know is longer than 15.
  if (end - start < 60) return undefined
  for (const name of NAMES) {
    for (const message of [NULL, []])
      for (const mask of [NULL, []]) if (isSame(encode(name, message, mask), bytes, start, end)) return name
  }
  return undefined
}

function encode(algorithm: PssAlgorithm, message: readonly number[], mask: readonly number[]): number[] {
  const [arc, length] = DIGESTS[algorithm]
  const digest = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, arc]
  return tlv(0x30, [
    ...RSASSA_PSS,
    ...tlv(0x30, [
      ...tlv(0xa0, tlv(0x30, [...digest, ...message])),
      ...tlv(0xa1, tlv(0x30, [...MGF1, ...tlv(0x30, [...digest, ...mask])])),
      ...tlv(0xa2, [2, 1, length]),
    ]),
  ])
}

/** Every value here is shorter than 128 octets. */
const tlv = (tag: number, content: readonly number[]): number[] => [tag, content.length, ...content]

function isSame(wanted: readonly number[], bytes: Uint8Array, start: number, end: number): boolean {
  return wanted.length === end - start && wanted.every((octet, i) => octet === bytes[start + i])
}
