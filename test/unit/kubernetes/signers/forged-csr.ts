/**
 * PKCS#10 requests that no library of ours would make, put together octet by octet (RFC 2986 §4, RFC 2985 §5.4.2).
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export function tlv(tag: number, ...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

export const oid = (...octets: readonly number[]): Uint8Array => tlv(6, Uint8Array.from(octets))
const EXTENSION_REQUEST = oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14)
/** szOID_CERT_EXTENSIONS, 1.3.6.1.4.1.311.2.1.14. */
const MICROSOFT_EXTENSIONS: Uint8Array = oid(0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 14)

/** An extension of id-ce, 2.5.29. */
export const extension = (id: number, value: Uint8Array, critical = false): Uint8Array =>
  tlv(0x30, oid(0x55, 0x1d, id), ...(critical ? [tlv(1, Uint8Array.of(255))] : []), tlv(4, value))

export const subjectAltName = (...names: readonly Uint8Array[]): Uint8Array =>
  extension(17, tlv(0x30, ...names))
export const uri = (text: string): Uint8Array => tlv(0x86, Buffer.from(text, 'latin1'))
export const commonName = (text: string): Uint8Array =>
  tlv(0x30, tlv(0x31, tlv(0x30, oid(0x55, 4, 3), tlv(0x0c, text))))

export const extensionRequest = (...extensions: readonly Uint8Array[]): Uint8Array =>
  tlv(0x30, EXTENSION_REQUEST, tlv(0x31, tlv(0x30, ...extensions)))
/** Two lists of extensions in one attribute. */
export const doubleValue = (one: Uint8Array, two: Uint8Array): Uint8Array =>
  tlv(0x30, EXTENSION_REQUEST, tlv(0x31, tlv(0x30, one), tlv(0x30, two)))
export const microsoftRequest = (...extensions: readonly Uint8Array[]): Uint8Array =>
  tlv(0x30, MICROSOFT_EXTENSIONS, tlv(0x31, tlv(0x30, ...extensions)))

export interface Forgery {
  readonly attributes?: readonly Uint8Array[]
  readonly subject?: Uint8Array
  readonly key?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
}

/** The request in DER, signed by its key: it is well made, but for what it asks. */
export function forge({ attributes = [], subject = tlv(0x30), key = newKey() }: Forgery = {}): Uint8Array {
  const info = tlv(
    0x30,
    tlv(2, Uint8Array.of(0)),
    subject,
    key.publicKey.export({ format: 'der', type: 'spki' }),
    tlv(0xa0, ...attributes),
  )
  const isRsa = key.publicKey.asymmetricKeyType === 'rsa'
  const algorithm = isRsa
    ? tlv(0x30, oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11), tlv(5))
    : tlv(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2))
  return tlv(0x30, info, algorithm, tlv(3, Uint8Array.of(0), sign('sha256', info, key.privateKey)))
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

export const block = (der: Uint8Array, label = 'CERTIFICATE REQUEST'): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`
