/**
 * Durations as Go writes them: `2160h0m0s`.
 *
 * @module
 */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

const FORM = /^(?:\d{1,16}(?:\.\d{0,16})?|\.\d{1,16})(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h)$/
const PART = /(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g
/** Go's `time.Duration` is 64 bits of nanoseconds: some 292 years. */
const MAX_MS = 9_223_372_036_854

/**
 * Milliseconds of a duration as `time.ParseDuration` takes it, rounded down; `undefined` for what is none, is negative,
 * or does not fit into 64 bits of nanoseconds.
 */
export function readGoDuration(text: unknown): number | undefined {
  if (typeof text !== 'string' || text.length > 64) return undefined
  const plain = text.startsWith('+') ? text.slice(1) : text
  if (plain === '0') return 0
  const parts = plain.match(PART) ?? []
  if (parts.length === 0 || parts.join('') !== plain || !parts.every((part) => FORM.test(part)))
    return undefined
  const total = parts.reduce((sum, part) => {
    const unit = /[a-z\u00b5\u03bc]+$/.exec(part)?.[0] ?? ''
    return sum + Number(part.slice(0, part.length - unit.length)) * (UNIT_MS[unit] ?? Number.NaN)
  }, 0)
  // A billionth of a millisecond makes up for what 2.3 s lose in binary fractions.
  return total <= MAX_MS ? Math.floor(total + 1e-6) : undefined
}

/** Writes whole seconds as Go's `Duration.String()`: `2160h0m0s`, `15m0s`, `30s`. What is below a second is cut. */
export function formatGoDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}h${m}m${s}s` : m > 0 ? `${m}m${s}s` : `${s}s`
}
