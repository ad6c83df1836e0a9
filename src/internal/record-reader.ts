/**
 * Reads JSON objects of our own forms strictly, member by member.
 *
 * @module
 */

import { readDuration } from './duration.ts'
import { instantOf, instantText } from './instant-text.ts'
import { isJsonArray, isJsonObject, type JsonValue } from './json.ts'
import { typeName } from './options.ts'
import { quote } from './text.ts'

/** What JSON.parse would have answered, for documents without integers above 2^53. */
export function plainJson(value: JsonValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (isJsonArray(value)) return value.map(plainJson)
  if (isJsonObject(value)) return Object.fromEntries([...value].map(([name, one]) => [name, plainJson(one)]))
  return value
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

/** One object. Members that nobody asked for are refused by {@link RecordReader.end}: they may mean something. */
export class RecordReader {
  readonly #record: object
  readonly #where: string
  readonly #refuse: (problem: string) => Error
  readonly #asked = new Set<string>()

  /** @throws what `refuse` makes, where the value is no object. */
  constructor(value: unknown, where: string, refuse: (problem: string) => Error) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw refuse(`${where} must be an object; got ${typeName(value)}`)
    this.#record = value
    this.#where = where
    this.#refuse = refuse
  }

  /** A member as it is; each is read once. */
  raw(name: string): unknown {
    this.#asked.add(name)
    return Object.hasOwn(this.#record, name) ? Reflect.get(this.#record, name) : undefined
  }

  /** Whether the member is there. */
  has(name: string): boolean {
    return Object.hasOwn(this.#record, name) && Reflect.get(this.#record, name) !== undefined
  }

  /** A text of a form. */
  text(name: string, form: RegExp, expected: string): string {
    const value = this.raw(name)
    if (typeof value !== 'string' || !form.test(value)) throw this.problem(name, expected, value)
    return value
  }

  /** One of a closed set of texts. */
  oneOf<T extends string>(name: string, known: readonly T[]): T {
    const value = this.raw(name)
    for (const one of known) if (one === value) return one
    throw this.problem(name, `one of ${known.join(', ')}`, value)
  }

  /** A whole number from 0 on. */
  count(name: string): number {
    const value = this.raw(name)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw this.problem(name, 'a whole number', value)
    return value
  }

  /** A number from 0 to 1. */
  fraction(name: string): number {
    const value = this.raw(name)
    if (typeof value !== 'number' || !(value >= 0 && value <= 1))
      throw this.problem(name, 'a number from 0 to 1', value)
    return value
  }

  /** True or false. */
  flag(name: string): boolean {
    const value = this.raw(name)
    if (typeof value !== 'boolean') throw this.problem(name, 'true or false', value)
    return value
  }

  /** Milliseconds of a duration such as `24h`, zero allowed. */
  duration(name: string): number {
    const value = this.raw(name)
    try {
      return readDuration(value, name, { allowZero: true })
    } catch {
      throw this.problem(name, "a duration such as '24h'", value)
    }
  }

  /** Milliseconds of an instant such as `2026-01-01T00:00:00Z`. */
  instant(name: string): number {
    return instantOf(this.instantText(name))
  }

  /** The text of such an instant, in the one form that it has. */
  instantText(name: string): string {
    const value = this.raw(name)
    const time = typeof value === 'string' && INSTANT.test(value) ? instantOf(value) : Number.NaN
    if (typeof value !== 'string' || Number.isNaN(time) || instantText(time) !== value)
      throw this.problem(name, 'an instant such as 2026-01-01T00:00:00Z', value)
    return value
  }

  /** The items of an array, each read by `read`. */
  list<T>(name: string, max: number, read: (item: unknown, where: string) => T): readonly T[] {
    const value = this.raw(name)
    if (!Array.isArray(value) || value.length > max)
      throw this.problem(name, `an array of at most ${max} items`, value)
    // Array.from reads holes as undefined, which map() would pass over.
    return Array.from<unknown>(value).map((item, i) => read(item, `${this.#where}.${name}[${i}]`))
  }

  /** An object inside of this one. */
  record(name: string): RecordReader {
    return new RecordReader(this.raw(name), `${this.#where}.${name}`, this.#refuse)
  }

  /** The members of an object whose names are data. */
  entries(name: string): readonly (readonly [string, RecordReader])[] {
    const value = this.raw(name)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.problem(name, 'an object', value)
    return Object.entries(value).map(([key, one]) => [
      key,
      new RecordReader(one, `${this.#where}.${name}.${key}`, this.#refuse),
    ])
  }

  /** Refuses members that were not asked for. */
  end(): void {
    for (const name of Object.keys(this.#record))
      if (!this.#asked.has(name))
        throw this.#refuse(`${this.#where} has the unknown member ${quote(name, 64)}`)
  }

  /** The refusal of a member's value. */
  problem(name: string, expected: string, found: unknown): Error {
    const shown =
      typeof found === 'string'
        ? quote(found, 64)
        : typeof found === 'number'
          ? String(found)
          : typeName(found)
    return this.#refuse(`${this.#where}.${name} must be ${expected}; got ${shown}`)
  }
}
