/**
 * PEM as Go's `encoding/pem` reads it: block after block, passing over everything that is none without a word.
 *
 * istiod reads its files this way, and what it passes over decides what it trusts.
 *
 * @module
 */

import { decodeBase64 } from '../../internal/base64.ts'

/** One block. */
export interface GoPemBlock {
  /** What stands after `BEGIN`, whatever it is. */
  readonly label: string
  /** Whether it has header lines (RFC 1421), such as `Proc-Type: 4,ENCRYPTED`. */
  readonly hasHeaders: boolean
  readonly bytes: Uint8Array
}

const BEGIN = '-----BEGIN '
const END = '\n-----END '
const DASHES = '-----'

/** The first block of a text. */
export function firstGoPemBlock(text: string): GoPemBlock | undefined {
  return nextBlock(text, 0)?.block
}

/** Every block of a text, in order. */
export function goPemBlocks(text: string): readonly GoPemBlock[] {
  const blocks: GoPemBlock[] = []
  for (let found = nextBlock(text, 0); found !== undefined; found = nextBlock(text, found.end))
    blocks.push(found.block)
  return blocks
}

interface FoundBlock {
  readonly block: GoPemBlock
  /** Where the line after its END line begins. */
  readonly end: number
}

/**
 * Goes from END line to END line. What belongs to one is the last BEGIN before it; where the two do not make a block,
 * both are passed over. Each character is looked at a fixed number of times.
 */
function nextBlock(text: string, start: number): FoundBlock | undefined {
  for (let from = start; ; ) {
    const end = text.indexOf(END, from)
    if (end === -1) return undefined
    const afterEnd = end + END.length
    const begin = text.slice(from, end).lastIndexOf(BEGIN)
    const isAtLine = begin === 0 || (begin > 0 && text.charAt(from + begin - 1) === '\n')
    const found = isAtLine ? readBlock(text, from + begin + BEGIN.length, end, afterEnd) : 'none'
    if (typeof found === 'object') return found
    if (found === 'ended') return undefined
    from = afterEnd
  }
}

/** `none`: these two lines make no block. `ended`: Go gives up, and what follows is not read either. */
function readBlock(
  text: string,
  labelStart: number,
  end: number,
  afterEnd: number,
): FoundBlock | 'none' | 'ended' {
  const [labelLine, bodyStart] = lineAt(text, labelStart)
  if (!labelLine.endsWith(DASHES)) return 'none'
  const label = labelLine.slice(0, -DASHES.length)
  let at = bodyStart
  let hasHeaders = false
  for (;;) {
    if (at >= text.length) return 'ended'
    const [line, next] = lineAt(text, at)
    if (!line.includes(':')) break
    hasHeaders = true
    at = next
  }
  // The END line itself was taken for a header.
  if (hasHeaders && end < at) return afterEnd < at ? 'ended' : 'none'
  if (!text.startsWith(label, afterEnd) || !text.startsWith(DASHES, afterEnd + label.length)) return 'none'
  const [rest] = lineAt(text, afterEnd + label.length + DASHES.length)
  if (rest !== '') return 'none'
  const bytes = end > at ? decodeLeniently(text.slice(at, end)) : new Uint8Array()
  if (bytes === undefined) return 'none'
  return { block: { label, hasHeaders, bytes }, end: lineAt(text, end + 1)[1] }
}

/** A line without its end and trailing blanks, and where the next one begins. */
function lineAt(text: string, start: number): readonly [line: string, next: number] {
  const lineFeed = text.indexOf('\n', start)
  if (lineFeed === -1) return [trimBlanks(text.slice(start)), text.length]
  const end = lineFeed > start && text.charAt(lineFeed - 1) === '\r' ? lineFeed - 1 : lineFeed
  return [trimBlanks(text.slice(start, end)), lineFeed + 1]
}

function trimBlanks(line: string): string {
  let end = line.length
  while (end > 0 && ' \t'.includes(line.charAt(end - 1))) end--
  return line.slice(0, end)
}

/** Bits left over at the end count for nothing, as in Go's `StdEncoding`. */
function decodeLeniently(text: string): Uint8Array | undefined {
  const packed = text.replace(/[ \t\r\n]/g, '')
  const pads = packed.endsWith('==') ? 2 : packed.endsWith('=') ? 1 : 0
  const decoded = decodeBase64(packed)
  if (decoded instanceof Uint8Array) return decoded
  if (decoded.reason !== 'trailing-bits' || pads === 0) return undefined
  const last = packed.length - pads - 1
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const value = alphabet.indexOf(packed.charAt(last)) & (pads === 2 ? 0x30 : 0x3c)
  const again = decodeBase64(packed.slice(0, last) + alphabet.charAt(value) + '='.repeat(pads))
  return again instanceof Uint8Array ? again : undefined
}
