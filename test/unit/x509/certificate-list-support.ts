/**
 * CRLs of any shape, also wrong ones: DER by the tests' own builder, a signature that nobody made.
 */
import { commonName, concat, hex, seq, text, tlv } from '../../fixtures/x509/der.ts'
import { ext } from '../verify/forge.ts'

/** ecdsa-with-SHA256 (RFC 5758 §3.2). */
export const ECDSA_SHA256 = hex('300a06082a8648ce3d040302')
/** sha256WithRSAEncryption (RFC 4055 §5). */
export const RSA_SHA256 = hex('300d06092a864886f70d01010b0500')

export const utc = (value: string): Uint8Array => text(0x17, value)
export const generalized = (value: string): Uint8Array => text(0x18, value)

/** An INTEGER of the content octets that are given. */
export const int = (content: string): Uint8Array => tlv(2, hex(content))

export interface EntryParts {
  /** Content octets of the serial number, hex. */
  readonly serial: string
  readonly date?: Uint8Array
  readonly extensions?: readonly Uint8Array[]
  /** What stands behind the date, in place of `extensions`. */
  readonly rest?: Uint8Array
}

export const entryOf = ({ serial, date, extensions, rest }: EntryParts): Uint8Array =>
  seq(
    int(serial),
    date ?? utc('250601120000Z'),
    rest ?? (extensions === undefined ? hex('') : seq(...extensions)),
  )

export interface CrlParts {
  /** The whole field; v2 by default. */
  readonly version?: Uint8Array
  readonly algorithm?: Uint8Array
  readonly outerAlgorithm?: Uint8Array
  readonly issuer?: Uint8Array
  readonly thisUpdate?: Uint8Array
  readonly nextUpdate?: Uint8Array
  readonly entries?: readonly Uint8Array[]
  /** The whole field, in place of `entries`. */
  readonly entriesField?: Uint8Array
  readonly extensions?: readonly Uint8Array[]
  /** The whole `[0]` field, in place of `extensions`. */
  readonly extensionsField?: Uint8Array
  readonly signature?: Uint8Array
}

export const V1 = hex('')

export function tbsOf(parts: CrlParts = {}): Uint8Array {
  const entries = parts.entriesField ?? (parts.entries === undefined ? hex('') : seq(...parts.entries))
  const extensions =
    parts.extensionsField ?? (parts.extensions === undefined ? hex('') : tlv(0xa0, seq(...parts.extensions)))
  return seq(
    parts.version ?? hex('020101'),
    parts.algorithm ?? ECDSA_SHA256,
    parts.issuer ?? commonName('Issuer'),
    parts.thisUpdate ?? utc('250101000000Z'),
    parts.nextUpdate ?? utc('260101000000Z'),
    entries,
    extensions,
  )
}

export function crlOf(parts: CrlParts = {}): Uint8Array<ArrayBuffer> {
  return seq(
    tbsOf(parts),
    parts.outerAlgorithm ?? parts.algorithm ?? ECDSA_SHA256,
    parts.signature ?? hex('0309 00 3006020101020101'),
  )
}

export const crlNumber = (content: string): Uint8Array => ext(20, int(content))
export const deltaIndicator = (content: string): Uint8Array => ext(27, int(content), true)
export const issuingDistributionPoint = (...fields: readonly Uint8Array[]): Uint8Array =>
  ext(28, seq(...fields), true)
export const reasonCode = (reason: number): Uint8Array => ext(21, tlv(0x0a, Uint8Array.of(reason)))
export const invalidityDate = (date: string): Uint8Array => ext(24, generalized(date))
export const certificateIssuer = (...names: readonly Uint8Array[]): Uint8Array => ext(29, seq(...names), true)

/** Serial number as four content octets, positive and minimal. */
export const serialOf = (n: number): string => (0x40000000 + n).toString(16)

/** A CRL of `count` entries `serialOf(0)`, `serialOf(1)`, …, made without an object for each. */
export function largeCrl(count: number): Uint8Array {
  const template = entryOf({ serial: serialOf(0), extensions: [reasonCode(1)] })
  const entries = new Uint8Array(template.length * count)
  const view = new DataView(entries.buffer)
  for (let n = 0; n < count; n++) {
    entries.set(template, n * template.length)
    // Behind the headers of the SEQUENCE and of the INTEGER.
    view.setUint32(n * template.length + 4, 0x40000000 + n)
  }
  return crlOf({ entriesField: tlv(0x30, entries), extensions: [crlNumber('01')] })
}

/** FNV-1a of 32 bits, from a state that earlier octets left. */
function fnv1a(state: number, octets: Uint8Array): number {
  let hash = state
  for (const octet of octets) hash = Math.imul(hash ^ octet, 0x01000193)
  return hash >>> 0
}

/** Two blocks of four octets that lead from a state to the same state. */
function collidingBlocks(state: number): {
  readonly blocks: readonly [Uint8Array, Uint8Array]
  readonly next: number
} {
  const seen = new Map<number, Uint8Array>()
  for (let n = 0; ; n++) {
    const block = new Uint8Array(4)
    // First octets below 0x80 and not 0: the serial number stays positive and minimal.
    new DataView(block.buffer).setUint32(0, 0x40000000 + (Math.imul(n, 0x9e3779b1) >>> 3))
    const next = fnv1a(state, block)
    const other = seen.get(next)
    if (other !== undefined) return { blocks: [other, block], next }
    seen.set(next, block)
  }
}

/** 2^pairs serial numbers of one FNV-1a hash, by chaining collisions. */
export function collidingSerials(pairs: number): readonly string[] {
  let state = 0x811c9dc5
  let serials: Uint8Array[] = [hex('')]
  for (let i = 0; i < pairs; i++) {
    const { blocks, next } = collidingBlocks(state)
    serials = serials.flatMap((serial) => blocks.map((block) => concat(serial, block)))
    state = next
  }
  if (new Set(serials.map((serial) => fnv1a(0x811c9dc5, serial))).size !== 1)
    throw new Error('the serial numbers do not collide')
  return serials.map((serial) => Buffer.from(serial).toString('hex'))
}
