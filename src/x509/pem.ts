/**
 * PEM, the textual encoding of RFC 7468: read laxly, written strictly.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { encodeBase64 } from '../internal/base64.ts'
import { PemBodies } from '../internal/native-base64.ts'
import { quote } from '../internal/text.ts'

/** One block of a PEM text. */
export interface PemBlock {
  /** What stands after `BEGIN`, such as `CERTIFICATE`. */
  readonly label: string
  readonly der: Uint8Array
  /** 1-based: which block of the text. */
  readonly index: number
  /** 1-based: the line of its `-----BEGIN`. */
  readonly line: number
}

/** Labels that hold private keys: asked for a certificate, the answer names the mistake. */
const PRIVATE_KEY_LABEL = /PRIVATE KEY$/

/** The most characters and blocks of one text. Mozilla's whole root programme is 150 blocks and 0.25 MB. */
const MAX_TEXT = 64 * 1024 * 1024
const MAX_BLOCKS = 100_000

const BEGIN = '-----BEGIN '
const END = '-----END '

/**
 * Reads every block whose label is one of `labels`.
 *
 * Text outside of blocks is passed over (RFC 7468 §5.2); CR LF, trailing blanks and a missing last line
 * end are read. A block with another label is an error, as is anything in a block that is not base64.
 *
 * @throws `MeshPkiError` `ERR_PEM_…`, naming block and line.
 */
export function readPem(text: string | Uint8Array, labels: readonly string[]): readonly PemBlock[] {
  return scanPem(text, labels).map((block) => ({ ...block, der: block.der.slice() }))
}

/** {@link readPem} for readers of this package, who change no byte: blocks may be views of a buffer that they share. */
export function viewPem(
  text: string | Uint8Array,
  labels: readonly string[],
  others: 'refuse' | 'skip' = 'refuse',
): readonly PemBlock[] {
  return scanPem(text, labels, others)
}

/** Reads exactly one block. @throws `MeshPkiError` `ERR_PEM_BLOCK_COUNT` for more. */
export function readOnePem(text: string | Uint8Array, labels: readonly string[]): PemBlock {
  const blocks = scanPem(text, labels)
  const [first, second] = blocks
  if (first === undefined || second !== undefined) {
    throw new MeshPkiError(
      'ERR_PEM_BLOCK_COUNT',
      `expected one PEM block ${labels.join(' or ')}, found ${blocks.length}; the second begins at line ${second?.line ?? 0}. Use the list reader for several`,
      { data: { expected: 1, found: blocks.length } },
    )
  }
  return first
}

function scanPem(
  input: string | Uint8Array,
  labels: readonly string[],
  others: 'refuse' | 'skip' = 'refuse',
): PemBlock[] {
  const text = typeof input === 'string' ? input : decodeText(input)
  if (text.length > MAX_TEXT)
    throw new MeshPkiError(
      'ERR_PEM_LIMIT',
      `PEM text of ${text.length} characters; at most ${MAX_TEXT} are read`,
    )
  const blocks: PemBlock[] = []
  const bodies = new PemBodies(text)
  const carriageReturns = text.includes('\r')
  let at = 0
  let line = 1
  let counted = 0
  let skipped: string | undefined
  for (;;) {
    const begin = findBoundary(text, BEGIN, at)
    if (begin === -1) break
    line += countLines(text, counted, begin, carriageReturns)
    counted = begin
    const index = blocks.length + 1
    const where = `PEM block ${index} at line ${line}`
    if (index > MAX_BLOCKS) throw new MeshPkiError('ERR_PEM_LIMIT', `more than ${MAX_BLOCKS} PEM blocks`)
    const labelEnd = text.indexOf('-----', begin + BEGIN.length)
    const lineEnd = endOfLine(text, begin, carriageReturns)
    if (labelEnd === -1 || labelEnd > lineEnd || text.slice(labelEnd + 5, lineEnd).trim() !== '') {
      throw new MeshPkiError(
        'ERR_PEM_SYNTAX',
        `${where}: its BEGIN line does not end in five dashes${text.slice(begin, lineEnd).includes('-----', BEGIN.length) ? '; a second boundary on the same line often means that two files were joined without a line end between them' : ''} (RFC 7468 §3)`,
      )
    }
    const label = text.slice(begin + BEGIN.length, labelEnd)
    if (!labels.includes(label)) {
      if (others === 'refuse') throw wrongLabel(label, labels, where)
      skipped ??= label
      at = lineEnd
      continue
    }
    const endLine = `${END}${label}-----`
    const end = text.indexOf('-----', lineEnd)
    if (end === -1 || !text.startsWith(endLine, end)) throw unclosed(text, label, end, where)
    const body = decodeBody(bodies, text, lineEnd, end, where, line)
    const after = end + endLine.length
    if (text.slice(after, endOfLine(text, after, carriageReturns)).trim() !== '') {
      throw new MeshPkiError(
        'ERR_PEM_SYNTAX',
        `${where}: text after its END line on the same line; were two files joined without a line end between them? (RFC 7468 §3)`,
        { data: { block: index, line } },
      )
    }
    blocks.push({ label, der: body, index, line })
    if (bodies.lineFeeds > 0) {
      // The decoder has counted them.
      line += bodies.lineFeeds
      counted = end
    }
    at = after
  }
  if (blocks.length === 0) throw noBlock(text, labels, skipped)
  return blocks
}

/** Where a boundary stands at the beginning of a line. */
function findBoundary(text: string, boundary: string, from: number): number {
  for (let at = text.indexOf(boundary, from); at !== -1; at = text.indexOf(boundary, at + 1)) {
    const before = text.charCodeAt(at - 1)
    if (at === 0 || before === 0x0a || before === 0x0d || (at === 1 && before === 0xfeff)) return at
    if (isIndented(text, at)) return at
  }
  return -1
}

/** Whether nothing but blanks stands before `at` on its line. Looks at those blanks only: linear over a whole text. */
function isIndented(text: string, at: number): boolean {
  let start = at
  while (start > 0 && (text.charCodeAt(start - 1) === 0x20 || text.charCodeAt(start - 1) === 0x09)) start--
  return start === 0 || text.charCodeAt(start - 1) === 0x0a || text.charCodeAt(start - 1) === 0x0d
}

/** Where a line ends. Without a carriage return in the whole text the search is the runtime's. */
function endOfLine(text: string, from: number, carriageReturns = true): number {
  if (!carriageReturns) {
    const lineFeed = text.indexOf('\n', from)
    return lineFeed === -1 ? text.length : lineFeed
  }
  let at = from
  while (at < text.length && text.charCodeAt(at) !== 0x0a && text.charCodeAt(at) !== 0x0d) at++
  return at
}

/** Line ends between two positions: LF, CR LF, or CR alone. */
function countLines(text: string, from: number, to: number, carriageReturns: boolean): number {
  let lines = 0
  if (!carriageReturns) {
    for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) lines++
    return lines
  }
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x0a || (code === 0x0d && text.charCodeAt(i + 1) !== 0x0a)) lines++
  }
  return lines
}

function decodeBody(
  bodies: PemBodies,
  text: string,
  start: number,
  end: number,
  where: string,
  line: number,
): Uint8Array {
  const decoded = bodies.decode(start, end)
  if (decoded instanceof Uint8Array) {
    if (decoded.length === 0)
      throw new MeshPkiError('ERR_PEM_BASE64', `${where}: nothing between its BEGIN and END lines`)
    return decoded
  }
  const faultLine = line + countLines(text, start, decoded.index, true)
  const head = text.slice(start, Math.min(end, start + 256))
  if (/^\s*(Proc-Type|DEK-Info)\s*:/i.test(head)) {
    throw new MeshPkiError(
      'ERR_PEM_ENCRYPTED',
      `${where}: the legacy encryption of OpenSSL ("Proc-Type: 4,ENCRYPTED") is not read, its key derivation is one round of MD5; convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem`,
    )
  }
  const problems = {
    character: `a character that is not base64: ${quote(text.charAt(decoded.index))}`,
    padding: 'wrong "=" padding; is the block cut off?',
    length: 'a number of characters that no bytes encode to; is the block cut off?',
    'trailing-bits': 'bits left over at the end of the base64, so the text was altered or cut',
  }
  throw new MeshPkiError(
    'ERR_PEM_BASE64',
    `${where}: ${problems[decoded.reason]}, at line ${faultLine} (RFC 4648 §3)`,
    {
      data: { line: faultLine },
    },
  )
}

function wrongLabel(label: string, labels: readonly string[], where: string): MeshPkiError {
  const wanted = labels.join(' or ')
  const hint = PRIVATE_KEY_LABEL.test(label)
    ? '. This is a private key: keep it out of certificate files'
    : label === 'EC PARAMETERS'
      ? '. "openssl ecparam -genkey" writes this block before the key; delete it, or use openssl genpkey'
      : label === 'CERTIFICATE REQUEST' || label === 'NEW CERTIFICATE REQUEST'
        ? '. This is a request that a CA has yet to sign'
        : ''
  return new MeshPkiError('ERR_PEM_LABEL', `${where}: expected ${wanted}, found ${quote(label, 64)}${hint}`, {
    data: { expected: labels, found: label.slice(0, 64) },
  })
}

function unclosed(text: string, label: string, at: number, where: string): MeshPkiError {
  const found = at === -1 ? 'the text ends first' : `found ${quote(text.slice(at, endOfLine(text, at)), 64)}`
  return new MeshPkiError(
    'ERR_PEM_SYNTAX',
    `${where}: no line "${END}${label}-----" closes it; ${found} (RFC 7468 §3)`,
  )
}

function noBlock(text: string, labels: readonly string[], skipped: string | undefined): MeshPkiError {
  const hint =
    skipped !== undefined
      ? `it holds ${quote(skipped, 64)}`
      : text.trim() === ''
        ? 'the text is empty'
        : text.charCodeAt(0) === 0x30
          ? 'the input looks like DER; use the DER reader'
          : text.includes(END)
            ? 'it has an END line without a BEGIN line'
            : 'no line begins with "-----BEGIN "'
  return new MeshPkiError(
    'ERR_PEM_NO_BLOCK',
    `expected a PEM block ${labels.join(' or ')}, found none: ${hint}`,
  )
}

function decodeText(bytes: Uint8Array): string {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(`PEM must be a string or a Uint8Array; got ${bytes === null ? 'null' : typeof bytes}`)
  // Explanatory text may be in any encoding; Latin-1 keeps every byte apart and base64 intact.
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return new TextDecoder('latin1').decode(marked ? bytes.subarray(3) : bytes)
}

/** One block as RFC 7468 §3 writes it: 64 characters a line, LF, with a final line end. */
export function writePem(label: string, der: Uint8Array): string {
  const base64 = encodeBase64(der)
  let text = `-----BEGIN ${label}-----\n`
  for (let i = 0; i < base64.length; i += 64) text += `${base64.slice(i, i + 64)}\n`
  return `${text}-----END ${label}-----\n`
}
