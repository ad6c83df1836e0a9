/**
 * Checks on options: an unknown name is a mistake that must not be ignored.
 *
 * @module
 */

import { escapeText } from './text.ts'

/**
 * Refuses anything but an object whose keys are all in `names`.
 *
 * @throws `TypeError` that names the unknown option, the nearest known one, and all known ones.
 */
export function checkOptionNames(options: unknown, names: readonly string[], callee: string): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new TypeError(`${callee} takes an options object; got ${typeName(options)}`)
  }
  for (const key of Object.keys(options)) {
    if (names.includes(key)) continue
    const near = nearest(key, names)
    const hint = near === undefined ? '' : ` Did you mean "${near}"?`
    throw new TypeError(
      `${callee} has no option "${escapeText(key, 64)}".${hint} Known options: ${[...names].sort().join(', ')}`,
    )
  }
}

/** Refuses an options object that lacks what there is no default for. @throws `TypeError` that names it. */
export function checkRequired(options: object, names: readonly string[], callee: string): void {
  const missing = names.find((name) => (Reflect.get(options, name) ?? undefined) === undefined)
  if (missing !== undefined) throw new TypeError(`${callee} needs the option "${missing}"`)
}

/** Refuses a value that is not one of a closed set of strings. */
export function checkOneOf<T extends string>(value: unknown, known: readonly T[], option: string): T {
  for (const candidate of known) if (candidate === value) return candidate
  const found = typeof value === 'string' ? `"${escapeText(value, 64)}"` : typeof value
  throw new TypeError(
    `option "${option}" must be one of ${known.map((k) => `"${k}"`).join(', ')}; got ${found}`,
  )
}

/** An instant from a `Date` option, floored to whole seconds as certificates hold it. */
export function readInstant(value: unknown, option: string): number {
  if (!(value instanceof Date)) {
    throw new TypeError(`option "${option}" must be a Date; got ${value === null ? 'null' : typeof value}`)
  }
  const time = value.getTime()
  if (Number.isNaN(time)) throw new TypeError(`option "${option}" is an invalid Date (its time is NaN)`)
  return Math.floor(time / 1000) * 1000
}

/** A whole number in a range. */
export function readCount(value: unknown, option: string, min: number, max: number): number {
  if (typeof value !== 'number')
    throw new TypeError(`option "${option}" must be a number; got ${typeof value}`)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`option "${option}" must be a whole number from ${min} to ${max}; got ${value}`)
  }
  return value
}

function nearest(key: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.min(4, Math.ceil(key.length / 2))
  for (const name of names) {
    const distance = editDistance(key.slice(0, 64).toLowerCase(), name.toLowerCase())
    if (distance < bestDistance) {
      bestDistance = distance
      best = name
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** A boolean option; `undefined` is `fallback`. */
export function readFlag(value: unknown, option: string, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (typeof value !== 'boolean')
    throw new TypeError(`option "${option}" must be true or false; got ${typeName(value)}`)
  return value
}

/** What a person calls the type of a value. */
export function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
}

/** An option that is a function or absent. @throws `TypeError`. */
export function readFunction(value: unknown, option: string): void {
  if (value !== undefined && typeof value !== 'function')
    throw new TypeError(`option "${option}" must be a function; got ${typeName(value)}`)
}
