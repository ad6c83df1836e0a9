/**
 * Reads a few members out of the YAML of a mesh's configuration: block style, as Helm and istioctl write it.
 *
 * This is no YAML reader. What it does not know for certain it refuses, by line: anchors, tags, folded text, flow maps,
 * several documents, values over several lines, and plain values that YAML takes for something else than text. Members
 * that nobody asks for are passed over, whatever is in them.
 *
 * @module
 */

/** A value that was read. */
export type YamlValue = string | null | readonly YamlValue[] | ReadonlyMap<string, YamlValue>

/** Why a text cannot be read. Nothing of the text is in the message but line numbers. */
export class YamlProblem extends Error {
  /** `line` is 1-based; 0 where no single line is to blame. */
  constructor(line: number, problem: string) {
    super(line === 0 ? problem : `line ${line}: ${problem}`)
    this.name = 'YamlProblem'
  }
}

/** The API server takes no larger ConfigMap. */
const MAX_TEXT = 1_048_576
const MAX_DEPTH = 8

/** A key that needs no quotes, or one in quotes without escapes; then a colon and perhaps a value. */
const ENTRY = /^(?:"([^"\\]*)"|'([^']*)'|([A-Za-z_][\w./-]*))[ ]*:(?:[ ]+(.*))?$/
/** What YAML 1.1 reads as a boolean or nothing. */
const WORD = /^(?:y|n|yes|no|on|off|true|false|null|~)$/i
const NUMBER =
  /^[-+]?(?:\.?\d[\d_]*(?:\.[\d_]*)?(?:[eE][-+]?\d+)?|0[xob][\da-fA-F_]+|\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?|\.(?:inf|nan))$/i
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  n: '\n',
  r: '\r',
  t: '\t',
}

interface Line {
  readonly indent: number
  /** Without indentation and trailing blanks. */
  readonly text: string
}

/** Where a key or a dash stands. */
interface Place {
  readonly indent: number
  /** The least indentation of a list below it: a list may stand right below its key, and not below a dash. */
  readonly list: number
}

/** The top-level members of a document; each is read when it is asked for. */
export class MeshYaml {
  readonly #lines: readonly string[]
  /** Where each top-level key stands, and what is behind its colon. */
  readonly #top: ReadonlyMap<string, readonly [at: number, rest: string]>
  #at = 0

  /** @throws {@link YamlProblem} for a text of which the top level cannot be told. */
  constructor(text: string) {
    if (text.length > MAX_TEXT) throw new YamlProblem(1, `more than ${MAX_TEXT} characters`)
    this.#lines = text.replace(/^\ufeff/, '').split(/\r\n|\n/)
    this.#top = this.#scanTop()
  }

  /** A top-level member; `undefined` where there is none. @throws {@link YamlProblem}. */
  get(key: string): YamlValue | undefined {
    const found = this.#top.get(key)
    if (found === undefined) return undefined
    const [at, rest] = found
    this.#at = at + 1
    return this.#value(rest, at, { indent: 0, list: 0 }, 0)
  }

  #scanTop(): ReadonlyMap<string, readonly [number, string]> {
    const top = new Map<string, readonly [number, string]>()
    let isBegun = false
    for (const [at, raw] of this.#lines.entries()) {
      const line = significant(raw, at)
      if (line === undefined) continue
      if (line.indent > 0 || (isItem(line.text) && top.size > 0)) {
        if (top.size === 0) throw new YamlProblem(at + 1, 'an indented line before the first member')
        continue
      }
      if (/^---(?:[ ]+#.*)?$/.test(line.text) && !isBegun) {
        isBegun = true
        continue
      }
      isBegun = true
      const entry = readEntry(line.text)
      if (entry === undefined) throw new YamlProblem(at + 1, 'no member of a map that is read here')
      const [key, rest] = entry
      if (top.has(key)) throw new YamlProblem(at + 1, 'a member that stands twice')
      top.set(key, [at, rest])
    }
    return top
  }

  #value(rest: string, at: number, place: Place, depth: number): YamlValue {
    const { indent } = place
    if (depth > MAX_DEPTH) throw new YamlProblem(at + 1, 'values nested too deeply')
    if (rest === '' || rest.startsWith('#')) return this.#block(place, depth)
    const value = rest.startsWith('|')
      ? this.#literal(rest, at, indent)
      : rest.startsWith('[')
        ? flowList(rest, at)
        : rest === '{}'
          ? new Map()
          : scalar(rest, at)
    const next = this.#peek()
    if (next !== undefined && (next.indent > indent || (isItem(next.text) && next.indent >= place.list)))
      throw new YamlProblem(at + 1, 'a value over several lines')
    return value
  }

  #block({ indent, list }: Place, depth: number): YamlValue {
    const next = this.#peek()
    if (next === undefined) return null
    if (isItem(next.text)) return next.indent >= list ? this.#list(next.indent, depth + 1) : null
    return next.indent > indent ? this.#map(next.indent, depth + 1) : null
  }

  #list(indent: number, depth: number): readonly YamlValue[] {
    const items: YamlValue[] = []
    for (let line = this.#peek(); line !== undefined; line = this.#peek()) {
      if (line.indent < indent || !isItem(line.text)) break
      if (line.indent > indent) throw new YamlProblem(this.#at + 1, 'an unexpected indentation')
      const at = this.#at++
      const rest = line.text.slice(1).trimStart()
      const inner = indent + (line.text.length - rest.length)
      const entry = readEntry(rest)
      items.push(
        entry === undefined
          ? this.#value(rest, at, { indent, list: indent + 1 }, depth)
          : this.#map(inner, depth + 1, [entry, at]),
      )
    }
    return items
  }

  /** A map whose first entry may stand behind a dash. */
  #map(
    indent: number,
    depth: number,
    first?: readonly [readonly [string, string], number],
  ): ReadonlyMap<string, YamlValue> {
    const members = new Map<string, YamlValue>()
    const add = ([key, rest]: readonly [string, string], at: number): void => {
      if (WORD.test(key)) throw new YamlProblem(at + 1, 'a name that YAML takes for something else than text')
      if (members.has(key)) throw new YamlProblem(at + 1, 'a member that stands twice')
      members.set(key, this.#value(rest, at, { indent, list: indent }, depth))
    }
    if (first !== undefined) add(...first)
    for (let line = this.#peek(); line !== undefined; line = this.#peek()) {
      if (line.indent < indent || (line.indent === indent && isItem(line.text))) break
      const entry = line.indent === indent ? readEntry(line.text) : undefined
      if (entry === undefined) throw new YamlProblem(this.#at + 1, 'no member of a map that is read here')
      add(entry, this.#at++)
    }
    return members
  }

  /** `|`, `|-` and `|+`: lines as they are, without their common indentation. */
  #literal(header: string, at: number, indent: number): string {
    const [, chomping] = /^\|([-+]?)(?:[ ]+#.*)?$/.exec(header) ?? []
    if (chomping === undefined)
      throw new YamlProblem(at + 1, 'a header of a text block that is not read here')
    const lines: string[] = []
    let width: number | undefined
    /** The widest blank line before the first that is not. */
    let blank = 0
    for (; this.#at < this.#lines.length; this.#at++) {
      const raw = this.#lines[this.#at] ?? ''
      const own = raw.length - raw.trimStart().length
      if (own === raw.length) {
        if (/[^ ]/.test(raw.slice(0, width)))
          throw new YamlProblem(this.#at + 1, 'an indentation by something else than blanks')
        if (width === undefined) blank = Math.max(blank, own)
        // Blanks beyond the indentation are text.
        lines.push(raw.slice(width ?? own))
        continue
      }
      if (own <= indent) break
      width ??= own
      if (own < width || blank > width)
        throw new YamlProblem(this.#at + 1, 'a line of a text block that is indented too little')
      lines.push(raw.slice(width))
    }
    if (width === undefined) {
      if (chomping === '+') throw new YamlProblem(at + 1, 'an empty text block that keeps its line ends')
      return ''
    }
    // The last line end of the document is not followed by a line.
    if (this.#at === this.#lines.length && lines[lines.length - 1] === '') lines.pop()
    const text = lines.join('\n')
    if (chomping === '+') return `${text}\n`
    return chomping === '-' ? text.replace(/\n+$/, '') : `${text.replace(/\n+$/, '')}\n`
  }

  /** The next line that says something, and the cursor upon it. */
  #peek(): Line | undefined {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = significant(this.#lines[this.#at] ?? '', this.#at)
      if (line !== undefined) return line
    }
    return undefined
  }
}

function significant(raw: string, at: number): Line | undefined {
  const text = raw.trim()
  if (text === '' || text.startsWith('#')) return undefined
  const indent = raw.length - raw.trimStart().length
  if (/[^ ]/.test(raw.slice(0, indent)))
    throw new YamlProblem(at + 1, 'an indentation by something else than blanks')
  return { indent, text }
}

const isItem = (text: string): boolean => text === '-' || text.startsWith('- ')

function readEntry(text: string): readonly [key: string, rest: string] | undefined {
  const [, double, single, plain, rest = ''] = ENTRY.exec(text) ?? []
  const key = double ?? single ?? plain
  return key === undefined ? undefined : [key, rest.trim()]
}

/** Text on one line: in quotes, or plain where YAML takes it for text too. */
function scalar(text: string, at: number): string | null {
  if (text.startsWith('"')) return doubleQuoted(text, at)
  if (text.startsWith("'")) {
    const [, body] = /^'((?:[^']|'')*)'(?:[ ]+#.*)?$/.exec(text) ?? []
    if (body === undefined) throw new YamlProblem(at + 1, 'quotes that do not end on their line')
    return body.replaceAll("''", "'")
  }
  const plain = text.replace(/[ ]+#.*$/, '')
  if (plain === 'null' || plain === '~') return null
  if (/^(?:[&*!|>%@`{}[\],?]|-(?:[ ]|$))/.test(plain) || /:(?:[ ]|$)/.test(plain))
    throw new YamlProblem(at + 1, 'an anchor, a tag or another form that is not read here')
  if (WORD.test(plain) || NUMBER.test(plain))
    throw new YamlProblem(at + 1, 'a value that YAML takes for no text; put it in quotes')
  return plain
}

function doubleQuoted(text: string, at: number): string {
  let value = ''
  for (let i = 1; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '"') {
      if (/^(?:[ ]+#.*)?$/.test(text.slice(i + 1))) return value
      break
    }
    if (char !== '\\') {
      value += char
      continue
    }
    const letter = text.charAt(++i)
    const escaped = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined
    if (escaped === undefined) throw new YamlProblem(at + 1, 'an escape that is not read here')
    value += escaped
  }
  throw new YamlProblem(at + 1, 'quotes that do not end on their line')
}

/** `[a, "b"]` on one line, of texts alone. */
function flowList(text: string, at: number): readonly YamlValue[] {
  const [, body] = /^\[([^[\]{}#]*)\](?:[ ]+#.*)?$/.exec(text) ?? []
  if (body === undefined) throw new YamlProblem(at + 1, 'a list in brackets that is not read here')
  if (body.trim() === '') return []
  return body.split(',').map((item) => {
    const trimmed = item.trim()
    // A comma in quotes cuts them apart, which then do not end.
    if (trimmed === '') throw new YamlProblem(at + 1, 'an empty item in a list in brackets')
    return scalar(trimmed, at)
  })
}
