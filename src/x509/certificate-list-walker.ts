/**
 * Reads a CRL once, whole, and keeps where everything is (RFC 5280 §5.1).
 *
 * Every entry is checked and none becomes an object: a CRL of 100,000 entries costs its bytes.
 *
 * @module
 */

import { equalRange } from '../internal/bytes.ts'
import { context, count, DerCursor, Tag } from '../internal/der.ts'
import { readTime } from '../internal/der-time.ts'
import { walkAlgorithmIdentifier } from './algorithm-identifier.ts'
import { ExtensionsLayout } from './certificate-layout.ts'
import { findCertificateExtension, walkExtensions } from './extension-list.ts'
import { ExtensionArc } from './extension-walker.ts'
import { readIssuingDistributionPoint } from './extensions/issuing-distribution-point.ts'
import { walkName } from './name-walker.ts'
import { RevokedEntry, walkRevokedEntry } from './revoked-certificate.ts'

/** Where the parts of a CRL are. */
export class CertificateListLayout extends ExtensionsLayout {
  version = 1
  tbsStart = 0
  tbsEnd = 0
  /** The AlgorithmIdentifier, whole; the outer one is equal. */
  algorithmStart = 0
  algorithmEnd = 0
  issuerStart = 0
  issuerEnd = 0
  /** Milliseconds since the epoch. */
  thisUpdate = 0
  /** `undefined` where the field is absent. */
  nextUpdate: number | undefined
  /** The entries, without the header around them; equal where there is none. */
  entriesStart = 0
  entriesEnd = 0
  entryCount = 0
  /** The first entry with a critical extension that is not known; 0 for none. */
  unknownCriticalEntry = 0
  /** Whether any entry names another issuer. */
  hasCertificateIssuers = false
  signatureStart = 0
  signatureEnd = 0
}

/** The most octets of one CRL: more than a million entries. */
const MAX_CRL = 64 * 1024 * 1024

/** The most entries of one CRL; its index holds their numbers in 22 bits. */
const MAX_ENTRIES = 2 ** 22

/** Refuses what is too large, before anybody copies it. */
export function checkCrlSize(bytes: Uint8Array): void {
  if (bytes.length <= MAX_CRL) return
  new DerCursor(bytes).fail(
    'ERR_DER_LIMIT',
    'CertificateList',
    `${bytes.length} bytes; at most ${MAX_CRL} are read`,
  )
}

/** Reads the CRL that fills `bytes`. @throws `MeshPkiError` `ERR_DER_…`, `ERR_CRL_…` or `ERR_CERTIFICATE_…`. */
export function readCertificateListLayout(bytes: Uint8Array): CertificateListLayout {
  const layout = new CertificateListLayout()
  const cursor = new DerCursor(bytes)
  checkCrlSize(bytes)
  const outer = cursor.enter(Tag.SEQUENCE, 'CertificateList')
  layout.tbsStart = cursor.offset
  readTbs(cursor, layout)
  layout.tbsEnd = cursor.offset
  const algorithmStart = cursor.offset
  walkAlgorithmIdentifier(cursor, 'signatureAlgorithm')
  if (!equalRange(bytes, layout.algorithmStart, layout.algorithmEnd, bytes, algorithmStart, cursor.offset)) {
    cursor.fail(
      'ERR_CRL_SIGNATURE_ALGORITHM',
      'signatureAlgorithm',
      'not the same as the signature field inside the CRL (RFC 5280 §5.1.1.2)',
    )
  }
  layout.signatureStart = cursor.octetAlignedBitString('signatureValue')
  layout.signatureEnd = cursor.offset
  cursor.leave(outer, 'CertificateList')
  if (cursor.offset !== bytes.length) {
    cursor.fail(
      'ERR_DER_TRAILING_DATA',
      'CertificateList',
      `${count(bytes.length - cursor.offset, 'byte')} after the CRL; give one CRL without anything behind it, or PEM for several`,
    )
  }
  return layout
}

function readTbs(cursor: DerCursor, layout: CertificateListLayout): void {
  const outer = cursor.enter(Tag.SEQUENCE, 'tbsCertList')
  if (cursor.peek() === Tag.INTEGER) {
    layout.version = cursor.smallInteger('version') + 1
    if (layout.version !== 2)
      cursor.fail(
        'ERR_CRL_VERSION',
        'version',
        `v${layout.version} written out; expected v2, or nothing for v1 (RFC 5280 §5.1.2.1)`,
      )
  }
  layout.algorithmStart = cursor.offset
  walkAlgorithmIdentifier(cursor, 'signature')
  layout.algorithmEnd = cursor.offset
  layout.issuerStart = cursor.offset
  walkName(cursor, 'issuer')
  layout.issuerEnd = cursor.offset
  // Applications must read both forms of dates (RFC 5280 §5.1.2.4, §4.1.2.5).
  layout.thisUpdate = readTime(cursor, 'thisUpdate', true)
  if (cursor.peek() === Tag.UTC_TIME || cursor.peek() === Tag.GENERALIZED_TIME)
    layout.nextUpdate = readTime(cursor, 'nextUpdate', true)
  layout.entriesStart = cursor.offset
  layout.entriesEnd = cursor.offset
  if (cursor.peek() === Tag.SEQUENCE) walkEntries(cursor, layout)
  if (cursor.peek() === context(0)) {
    if (layout.version !== 2)
      cursor.fail('ERR_CRL_VERSION', 'crlExtensions', 'in a v1 CRL; only v2 has them (RFC 5280 §5.1.2.1)')
    const explicit = cursor.enter(context(0), 'crlExtensions')
    walkExtensions(cursor, layout, false)
    cursor.leave(explicit, 'crlExtensions')
    walkCrlExtensions(cursor.bytes, layout)
  }
  cursor.leave(outer, 'tbsCertList')
}

/** An empty list must be left out (RFC 5280 §5.1.2.6), but some CAs write it, and it says the same. */
function walkEntries(cursor: DerCursor, layout: CertificateListLayout): void {
  const outer = cursor.enter(Tag.SEQUENCE, 'revokedCertificates')
  layout.entriesStart = cursor.offset
  layout.entriesEnd = cursor.limit
  const entry = new RevokedEntry()
  const extensions = layout.version === 2
  while (cursor.offset < cursor.limit) {
    const start = cursor.offset
    walkRevokedEntry(cursor, extensions, entry)
    if (++layout.entryCount > MAX_ENTRIES)
      cursor.fail('ERR_DER_LIMIT', 'revokedCertificates', `more than ${MAX_ENTRIES} entries`)
    if (entry.unknownCritical && layout.unknownCriticalEntry === 0) layout.unknownCriticalEntry = start
    if (entry.issuerStart !== 0) layout.hasCertificateIssuers = true
  }
  cursor.leave(outer, 'revokedCertificates')
}

/** The extensions that only CRLs have, each to its last byte. */
function walkCrlExtensions(bytes: Uint8Array, layout: CertificateListLayout): void {
  for (const [arc, name] of [
    [ExtensionArc.cRLNumber, 'cRLNumber'],
    [ExtensionArc.deltaCRLIndicator, 'deltaCRLIndicator'],
  ] as const) {
    const cursor = findCertificateExtension(bytes, layout, arc)
    if (cursor === undefined) continue
    const start = cursor.integer(name)
    const octets = cursor.offset - start - (bytes[start] === 0 ? 1 : 0)
    if (((bytes[start] ?? 0) & 0x80) !== 0 || octets > 20)
      cursor.fail('ERR_CRL_EXTENSION', name, 'negative, or longer than 20 octets (RFC 5280 §5.2.3)')
    finish(cursor, name)
  }
  const scope = findCertificateExtension(bytes, layout, ExtensionArc.issuingDistributionPoint)
  if (scope !== undefined) {
    readIssuingDistributionPoint(scope)
    finish(scope, 'issuingDistributionPoint')
  }
}

function finish(cursor: DerCursor, what: string): void {
  if (!cursor.atEnd) cursor.fail('ERR_DER_TRAILING_DATA', what, 'bytes after the value of the extension')
}
