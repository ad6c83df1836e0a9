/**
 * Lists of extensions (RFC 5280 §4.1.2.9), of certificates and of requests.
 *
 * @module
 */

import { equalRange } from '../internal/bytes.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import { isContent, readOid } from '../internal/oid.ts'
import type { ExtensionsLayout } from './certificate-layout.ts'
import { walkExtension } from './extension-walker.ts'
import type { Oid } from './extensions/extended-key-usage.ts'

/** One extension as it stands. */
export interface Extension {
  readonly oid: Oid
  readonly critical: boolean
  /** Content of extnValue. */
  readonly value: Uint8Array
}

/** The most extensions of one certificate. Real ones stay below 20. */
const MAX_EXTENSIONS = 128

/** Passes over Extensions and notes in `layout` where they are. `zeros` is a leniency. */
export function walkExtensions(cursor: DerCursor, layout: ExtensionsLayout, zeros: boolean): void {
  const list = cursor.enter(Tag.SEQUENCE, 'extensions')
  layout.extensionsStart = cursor.offset
  layout.extensionsEnd = cursor.limit
  const { bytes } = cursor
  if (cursor.atEnd)
    cursor.fail('ERR_CERTIFICATE_EXTENSION', 'extensions', 'an empty list (RFC 5280 §4.1.2.9)')
  let count = 0
  while (cursor.offset < cursor.limit) {
    if (++count > MAX_EXTENSIONS) cursor.fail('ERR_DER_LIMIT', 'extensions', `more than ${MAX_EXTENSIONS}`)
    const start = cursor.offset
    const extension = cursor.enter(Tag.SEQUENCE, 'extension')
    // Nearly all are 2.5.29.n: five octets that need no general reader.
    const known = isCertificateExtension(bytes, cursor.offset, cursor.limit)
    const oidStart = known ? cursor.offset + 2 : cursor.objectIdentifier('extnID')
    if (known) cursor.offset += 5
    const oidEnd = cursor.offset
    let critical = false
    if (cursor.peek() === Tag.BOOLEAN) {
      critical = cursor.boolean('critical')
      if (!critical)
        cursor.fail(
          'ERR_DER_ENCODING',
          'critical',
          'written although it has its default, FALSE (X.690 §11.5)',
        )
    }
    const value = cursor.enter(Tag.OCTET_STRING, 'extnValue')
    const arc = certificateExtensionArc(bytes, oidStart, oidEnd)
    const duplicate =
      arc >= 0
        ? mark(layout, arc, critical)
        : isRepeated(bytes, layout.extensionsStart, start, oidStart, oidEnd)
    if (duplicate) {
      cursor.fail(
        'ERR_CERTIFICATE_DUPLICATE_EXTENSION',
        'extensions',
        `${readOid(bytes, oidStart, oidEnd)} stands twice (RFC 5280 §4.2)`,
      )
    }
    if (critical && arc < 0 && layout.foreignCriticalStart === 0) layout.foreignCriticalStart = start
    walkExtension(cursor, layout, arc, oidStart, oidEnd, zeros)
    cursor.leave(value, 'extnValue')
    cursor.leave(extension, 'extension')
  }
  cursor.leave(list, 'extensions')
}

/** Visits the extensions of a checked list until the visitor answers true. */
export function forEachExtension(
  bytes: Uint8Array,
  layout: ExtensionsLayout,
  visit: (oidStart: number, oidEnd: number, critical: boolean, start: number, end: number) => boolean,
): void {
  const cursor = new DerCursor(bytes, layout.extensionsStart, layout.extensionsEnd)
  while (!cursor.atEnd) {
    const end = cursor.header(Tag.SEQUENCE, 'extension')
    const oidStart = cursor.objectIdentifier('extnID')
    const oidEnd = cursor.offset
    const critical = cursor.peek() === Tag.BOOLEAN && cursor.boolean('critical')
    cursor.header(Tag.OCTET_STRING, 'extnValue')
    if (visit(oidStart, oidEnd, critical, cursor.offset, end)) return
    cursor.offset = end
  }
}

/** A cursor over the value of one extension of a checked list; `undefined` where it is absent. */
export function findExtension(
  bytes: Uint8Array,
  layout: ExtensionsLayout,
  oid: readonly number[],
): DerCursor | undefined {
  let found: DerCursor | undefined
  forEachExtension(bytes, layout, (oidStart, oidEnd, _critical, start, end) => {
    if (!isContent(bytes, oidStart, oidEnd, oid)) return false
    found = new DerCursor(bytes, start, end)
    return true
  })
  return found
}

/** {@link findExtension} for 2.5.29.n with n below 64. */
export function findCertificateExtension(
  bytes: Uint8Array,
  layout: ExtensionsLayout,
  arc: number,
): DerCursor | undefined {
  const present = arc < 32 ? layout.presentLow : layout.presentHigh
  return (present & (1 << (arc & 31))) === 0 ? undefined : findExtension(bytes, layout, [0x55, 0x1d, arc])
}

/** Whether 2.5.29.n is there and critical. */
export function isCriticalExtension(layout: ExtensionsLayout, arc: number): boolean {
  return ((arc < 32 ? layout.criticalLow : layout.criticalHigh) & (1 << (arc & 31))) !== 0
}

/** The first critical extension outside of `known`, dotted; `undefined` where there is none. */
export function unknownCriticalExtension(
  bytes: Uint8Array,
  layout: ExtensionsLayout,
  known: ExtensionSet,
): Oid | undefined {
  const low = layout.criticalLow & ~known.low
  const high = layout.criticalHigh & ~known.high
  if ((low | high) === 0 && layout.foreignCriticalStart === 0) return undefined
  for (let arc = 0; arc < 64; arc++)
    if (((arc < 32 ? low : high) & (1 << (arc & 31))) !== 0) return `2.5.29.${arc}`
  const cursor = new DerCursor(bytes, layout.foreignCriticalStart)
  cursor.header(Tag.SEQUENCE, 'extension')
  const start = cursor.objectIdentifier('extnID')
  return readOid(bytes, start, cursor.offset)
}

/** A set of extensions 2.5.29.n as bits. */
export interface ExtensionSet {
  readonly low: number
  readonly high: number
}

/** The set of some last arcs. */
export function extensionSet(arcs: readonly number[]): ExtensionSet {
  let low = 0
  let high = 0
  for (const arc of arcs) {
    if (arc < 32) low |= 1 << arc
    else high |= 1 << (arc - 32)
  }
  return { low, high }
}

/** Every extension of a checked list, as it stands. */
export function readExtensionList(bytes: Uint8Array, layout: ExtensionsLayout): readonly Extension[] {
  const extensions: Extension[] = []
  forEachExtension(bytes, layout, (oidStart, oidEnd, critical, start, end) => {
    extensions.push({ oid: readOid(bytes, oidStart, oidEnd), critical, value: bytes.slice(start, end) })
    return false
  })
  return extensions
}

/** Whether a whole OBJECT IDENTIFIER 2.5.29.n with n below 128 stands at `at`. */
function isCertificateExtension(bytes: Uint8Array, at: number, limit: number): boolean {
  return (
    at + 5 <= limit &&
    bytes[at] === Tag.OBJECT_IDENTIFIER &&
    bytes[at + 1] === 3 &&
    bytes[at + 2] === 0x55 &&
    bytes[at + 3] === 0x1d &&
    (bytes[at + 4] ?? 0x80) < 0x80
  )
}

/** The last arc of 2.5.29.n for n from 0 to 63; -1 for every other identifier. */
function certificateExtensionArc(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 3 || bytes[start] !== 0x55 || bytes[start + 1] !== 0x1d) return -1
  const arc = bytes[start + 2] ?? 0xff
  return arc < 64 ? arc : -1
}

/** Notes that 2.5.29.arc is there; answers whether it was already. */
function mark(layout: ExtensionsLayout, arc: number, critical: boolean): boolean {
  const bit = 1 << (arc & 31)
  if (arc < 32) {
    if ((layout.presentLow & bit) !== 0) return true
    layout.presentLow |= bit
    if (critical) layout.criticalLow |= bit
  } else {
    if ((layout.presentHigh & bit) !== 0) return true
    layout.presentHigh |= bit
    if (critical) layout.criticalHigh |= bit
  }
  return false
}

/** Whether an identifier stands among the extensions between two offsets. */
function isRepeated(bytes: Uint8Array, from: number, to: number, oidStart: number, oidEnd: number): boolean {
  const cursor = new DerCursor(bytes, from, to)
  while (!cursor.atEnd) {
    const end = cursor.header(Tag.SEQUENCE, 'extension')
    const start = cursor.objectIdentifier('extnID')
    if (equalRange(bytes, start, cursor.offset, bytes, oidStart, oidEnd)) return true
    cursor.offset = end
  }
  return false
}
