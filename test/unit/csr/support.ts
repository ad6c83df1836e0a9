/**
 * Requests put together byte by byte, independent of the library's writer.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { concat, hex, oid, seq, set, text, tlv } from '../../fixtures/x509/der.ts'

/** The Ed25519 key of RFC 8032 §7.1, test 1. */
export const ED25519_KEY: KeyObject = createPrivateKey({
  key: Buffer.from(
    '302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'hex',
  ),
  format: 'der',
  type: 'pkcs8',
})

export const spki = (key: KeyObject): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }))

export const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
export const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7'

export const attribute = (type: string, ...values: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  seq(oid(type), set(...values))

/** An extension as dotted decimals, value and criticality. */
export type ExtensionTuple = readonly [id: string, value: Uint8Array, critical?: boolean]

export const extensions = (...list: readonly ExtensionTuple[]): Uint8Array<ArrayBuffer> =>
  seq(
    ...list.map(([id, value, critical]) => seq(oid(id), ...(critical ? [hex('0101ff')] : []), tlv(4, value))),
  )

export const subjectAltName = (...names: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => seq(...names)
export const uri = (value: string): Uint8Array<ArrayBuffer> => text(0x86, value)
export const dns = (value: string): Uint8Array<ArrayBuffer> => text(0x82, value)

export interface CsrParts {
  readonly version?: Uint8Array
  readonly subject?: Uint8Array
  readonly publicKey?: Uint8Array
  /** Attributes; the whole `[0]` field with `attributesField`. */
  readonly attributes?: readonly Uint8Array[]
  readonly attributesField?: Uint8Array
  readonly algorithm?: Uint8Array
  readonly signature?: Uint8Array
  readonly key?: KeyObject
  readonly digest?: string | null
}

/** A request, signed by the key unless a signature is given: its structure is all that is wrong with it. */
export function csrOf(parts: CsrParts = {}): Uint8Array<ArrayBuffer> {
  const key = parts.key ?? ED25519_KEY
  const info = seq(
    parts.version ?? hex('020100'),
    parts.subject ?? seq(),
    parts.publicKey ?? spki(key),
    parts.attributesField ?? tlv(0xa0, ...(parts.attributes ?? [])),
  )
  const signature = parts.signature ?? new Uint8Array(sign(parts.digest ?? null, info, key))
  return seq(info, parts.algorithm ?? hex('300506032b6570'), tlv(3, concat(hex('00'), signature)))
}
