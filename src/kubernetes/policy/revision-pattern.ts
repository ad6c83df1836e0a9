/**
 * Patterns for the revision of an istiod: a small part of regular expressions that is matched in linear time.
 *
 * Gloo Mesh takes any regular expression. One that a policy brings along must not stall its reader, so patterns are
 * not given to the runtime's engine, which goes back and forth.
 *
 * @module
 */

/** A class of characters, and how often it may stand. */
interface Piece {
  readonly test: (code: number) => boolean
  readonly min: 0 | 1
  readonly isEndless: boolean
}

/** A revision is a label of DNS (RFC 1123 §2.1): a longer pattern is none for it. */
const MAX_PATTERN = 253
const MAX_TEXT = 253
/** What may be written with a backslash before it to stand for itself. */
const ESCAPABLE = '.-+*?()[]{}|^$\\/'

/**
 * Reads a pattern: literals, `.`, `\.`, `\d`, `[a-z0-9]`, `[^…]`, each with `*`, `+` or `?`, alternatives by `|` at the
 * top, and `^` and `$` at the ends. It matches the whole revision. `undefined` for everything else.
 */
export function compileRevision(pattern: string): ((revision: string) => boolean) | undefined {
  if (pattern.length > MAX_PATTERN) return undefined
  const alternatives = splitTop(pattern)?.map(readPieces)
  if (alternatives === undefined) return undefined
  const readable = alternatives.filter((pieces) => pieces !== undefined)
  if (readable.length !== alternatives.length) return undefined
  return (revision) =>
    revision.length <= MAX_TEXT && readable.some((pieces) => matchesWhole(pieces, revision))
}

/** The alternatives of a pattern; `|` in a class does not part them. */
function splitTop(pattern: string): readonly string[] | undefined {
  const parts: string[] = ['']
  let inClass = false
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i)
    if (char === '\\') {
      parts[parts.length - 1] += char + pattern.charAt(++i)
      continue
    }
    if (char === '[') inClass = true
    if (char === ']') inClass = false
    if (char === '|' && !inClass) parts.push('')
    else parts[parts.length - 1] += char
  }
  return inClass ? undefined : parts
}

function readPieces(alternative: string): readonly Piece[] | undefined {
  const text = alternative.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')
  const pieces: Piece[] = []
  let i = 0
  while (i < text.length) {
    const read = readClass(text, i)
    if (read === undefined) return undefined
    const [test, next] = read
    const quantifier = text.charAt(next)
    const isQuantified = quantifier !== '' && '*+?'.includes(quantifier)
    // A second one makes it lazy or possessive, which says nothing about whether the whole matches, or is a mistake.
    if (isQuantified && '*+?{'.includes(text.charAt(next + 1) || ' ')) return undefined
    pieces.push({
      test,
      min: quantifier === '*' || quantifier === '?' ? 0 : 1,
      isEndless: quantifier === '*' || quantifier === '+',
    })
    i = next + (isQuantified ? 1 : 0)
  }
  return pieces
}

type ClassTest = (code: number) => boolean

/** One class of characters, and where it ends. */
function readClass(text: string, at: number): readonly [ClassTest, number] | undefined {
  const char = text.charAt(at)
  if (char === '.') return [() => true, at + 1]
  if (char === '\\') {
    const escaped = text.charAt(at + 1)
    if (escaped === 'd') return [isDigit, at + 2]
    return escaped !== '' && ESCAPABLE.includes(escaped) ? [is(escaped), at + 2] : undefined
  }
  if (char === '[') return readBrackets(text, at + 1)
  return '()[]{}|*+?^$'.includes(char) ? undefined : [is(char), at + 1]
}

function readBrackets(text: string, at: number): readonly [ClassTest, number] | undefined {
  const end = text.indexOf(']', at)
  if (end === -1) return undefined
  const isNegated = text.charAt(at) === '^'
  const body = text.slice(isNegated ? at + 1 : at, end)
  // Nothing but letters, digits, dashes, dots and underscores, so that no escape or nested class needs a rule.
  if (!/^[A-Za-z0-9._-]+$/.test(body)) return undefined
  const ranges: (readonly [number, number])[] = []
  for (let i = 0; i < body.length; i++) {
    const from = body.charCodeAt(i)
    const isRange = body.charAt(i + 1) === '-' && i + 2 < body.length
    const to = isRange ? body.charCodeAt(i + 2) : from
    if (to < from) return undefined
    ranges.push([from, to])
    if (isRange) i += 2
  }
  const isIn: ClassTest = (code) => ranges.some(([from, to]) => code >= from && code <= to)
  return [isNegated ? (code) => !isIn(code) : isIn, end + 1]
}

const isDigit: ClassTest = (code) => code >= 0x30 && code <= 0x39

const is = (char: string): ClassTest => {
  const code = char.charCodeAt(0)
  return (found) => found === code
}

/** Follows all ways at the same time: pieces times characters, whatever the pattern is. */
function matchesWhole(pieces: readonly Piece[], text: string): boolean {
  let states = withSkipped(pieces, new Set([0]))
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const next = new Set<number>()
    for (const state of states) {
      const piece = pieces[state]
      if (piece?.test(code) !== true) continue
      next.add(state + 1)
      if (piece.isEndless) next.add(state)
    }
    states = withSkipped(pieces, next)
    if (states.size === 0) return false
  }
  return states.has(pieces.length)
}

/** The states with those that are reached without a character: a Set grows while it is walked. */
function withSkipped(pieces: readonly Piece[], states: Set<number>): Set<number> {
  for (const state of states) if (pieces[state]?.min === 0) states.add(state + 1)
  return states
}
