/**
 * Reads PEM as people leave it: what is broken is told, and what is sound around it is read all the same.
 *
 * The strict reader of `x509/pem.ts` ends at the first fault. A lint wants all of them.
 *
 * @module
 */

/** A block, from its BEGIN line to its END line. */
export interface ScannedBlock {
  readonly label: string
  readonly text: string
  /** 1-based. */
  readonly line: number
}

/** A place where the text is not PEM. */
interface ScanFault {
  readonly kind: 'joined' | 'unclosed' | 'boundary' | 'text'
  readonly line: number
}

/** What a text holds. */
export interface PemScan {
  readonly blocks: readonly ScannedBlock[]
  readonly faults: readonly ScanFault[]
  /** Whether the text has more pieces than are read. */
  readonly isCut: boolean
}

/** Blocks and faults of one text. Bundles of all public roots have 150. */
const MAX_PIECES = 1024

const BEGIN = '-----BEGIN '
const END = '-----END '
const DASHES = '-----'

interface OpenBlock {
  readonly label: string
  readonly line: number
  readonly lines: string[]
}

/** Scans a text line by line. It never throws. */
export function scanPemText(text: string): PemScan {
  const blocks: ScannedBlock[] = []
  const faults: ScanFault[] = []
  let open: OpenBlock | undefined
  let inText = false
  const close = (line: string): void => {
    if (open === undefined) return
    blocks.push({ label: open.label, line: open.line, text: `${[...open.lines, line].join('\n')}\n` })
    open = undefined
  }
  const begin = (label: string, line: number): OpenBlock => ({
    label,
    line,
    lines: [`-----BEGIN ${label}-----`],
  })
  for (const [at, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    if (blocks.length + faults.length > MAX_PIECES) return { blocks, faults, isCut: true }
    const number = at + 1
    const trimmed = line.trim()
    const joined = joinedLabels(trimmed)
    const beginLabel = labelAfter(BEGIN, trimmed)
    const endLabel = labelAfter(END, trimmed)
    if (joined !== undefined) {
      const [ended, begun] = joined
      faults.push({ kind: 'joined', line: number })
      close(`-----END ${ended}-----`)
      open = begin(begun, number)
    } else if (beginLabel !== undefined) {
      if (open !== undefined) faults.push({ kind: 'unclosed', line: open.line })
      open = begin(beginLabel, number)
    } else if (endLabel !== undefined) {
      if (open === undefined || open.label !== endLabel)
        faults.push({ kind: 'boundary', line: open?.line ?? number })
      else close(`-----END ${endLabel}-----`)
      open = undefined
    } else if (line.includes(BEGIN) || line.includes(END)) {
      faults.push({ kind: 'boundary', line: number })
      open = undefined
    } else if (open !== undefined) open.lines.push(line)
    else if (trimmed !== '') {
      // One fault for a stretch of text, such as what `openssl x509 -text` prints.
      if (!inText) faults.push({ kind: 'text', line: number })
      inText = true
      continue
    }
    if (trimmed !== '') inText = false
  }
  if (open !== undefined) faults.push({ kind: 'unclosed', line: open.line })
  return { blocks, faults, isCut: false }
}

/**
 * The label of a line that is one boundary. By index: a regular expression takes quadratic time for what is nearly
 * one.
 */
function labelAfter(boundary: string, line: string): string | undefined {
  const isBoundary =
    line.startsWith(boundary) && line.endsWith(DASHES) && line.length >= boundary.length + DASHES.length
  return isBoundary ? line.slice(boundary.length, -DASHES.length) : undefined
}

/** The labels of two files that were joined without a line end between them. */
function joinedLabels(line: string): readonly [ended: string, begun: string] | undefined {
  const at = line.startsWith(END) ? line.indexOf(BEGIN, END.length) : -1
  if (at < 0) return undefined
  const ended = labelAfter(END, line.slice(0, at).trimEnd())
  const begun = labelAfter(BEGIN, line.slice(at))
  return ended === undefined || begun === undefined ? undefined : [ended, begun]
}
