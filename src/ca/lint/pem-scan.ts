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

const BEGIN_LINE = /^\s*-----BEGIN ([^\r\n]*?)-----\s*$/
const END_LINE = /^\s*-----END ([^\r\n]*?)-----\s*$/
/** Two files that were joined without a line end between them. */
const JOINED_LINE = /^\s*-----END ([^\r\n]*?)-----\s*-----BEGIN ([^\r\n]*?)-----\s*$/

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
    const joined = JOINED_LINE.exec(line)
    const [, beginLabel] = joined === null ? (BEGIN_LINE.exec(line) ?? []) : []
    const [, endLabel] = joined === null ? (END_LINE.exec(line) ?? []) : []
    if (joined !== null) {
      const [, ended = '', begun = ''] = joined
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
    } else if (/-----(BEGIN|END) /.test(line)) {
      faults.push({ kind: 'boundary', line: number })
      open = undefined
    } else if (open !== undefined) open.lines.push(line)
    else if (line.trim() !== '') {
      // One fault for a stretch of text, such as what `openssl x509 -text` prints.
      if (!inText) faults.push({ kind: 'text', line: number })
      inText = true
      continue
    }
    if (line.trim() !== '') inText = false
  }
  if (open !== undefined) faults.push({ kind: 'unclosed', line: open.line })
  return { blocks, faults, isCut: false }
}
