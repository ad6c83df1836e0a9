/**
 * Reads a policy member by member: what is missing is told from what is wrong, and what nobody asked for is found.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { isRecord } from '../objects/kube-object.ts'
import type { PolicyReport } from './policy-finding.ts'

/** What a member was found to be, for messages. */
const shown = (value: unknown): string =>
  typeof value === 'string' ? quote(value, 64) : typeof value === 'number' ? String(value) : typeName(value)

/** The most items of a list. A mesh of ten thousand clusters is not written by hand. */
const MAX_ITEMS = 10_000

/** One map of a policy. */
export class PolicyNode {
  readonly path: string
  readonly report: PolicyReport
  readonly #value: Readonly<Record<string, unknown>>
  readonly #asked = new Set<string>()

  private constructor(value: Readonly<Record<string, unknown>>, path: string, report: PolicyReport) {
    this.#value = value
    this.path = path
    this.report = report
  }

  /** @throws `MeshPkiError` `ERR_KUBERNETES_POLICY` for what is no map. */
  static of(value: unknown, path: string, report: PolicyReport): PolicyNode {
    if (isRecord(value)) return new PolicyNode(value, path, report)
    throw report.refuse(path, `expected a map, found ${shown(value)}`)
  }

  /** The path of a member. */
  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return Object.keys(this.#value).length === 0
  }

  /** Whether a member is there and not null. A null one counts as left out, as the API server takes it. */
  has(name: string): boolean {
    return this.raw(name) !== undefined
  }

  /** Whether a member is there, though it be null. */
  mentions(name: string): boolean {
    return Object.hasOwn(this.#value, name) && this.#value[name] !== undefined
  }

  /** A member as it is; `undefined` where it is missing or null. */
  raw(name: string): unknown {
    this.#asked.add(name)
    return this.mentions(name) ? (this.#value[name] ?? undefined) : undefined
  }

  /** A map. */
  node(name: string): PolicyNode | undefined {
    const value = this.raw(name)
    return value === undefined ? undefined : PolicyNode.of(value, this.at(name), this.report)
  }

  /** A list; `undefined` where it is missing. */
  list(name: string): readonly unknown[] | undefined {
    const value = this.raw(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw this.wrong(name, 'a list', value)
    return this.bounded(name, value)
  }

  /** Refuses a list that is too long to be meant. */
  bounded(name: string, items: readonly unknown[]): readonly unknown[] {
    if (items.length <= MAX_ITEMS) return Array.from(items)
    throw this.report.refuse(
      this.at(name),
      `a list of ${items.length}; at most ${MAX_ITEMS} are read. Split it`,
    )
  }

  /** A text; `undefined` where it is missing or empty, as proto3 takes an empty one for unset. */
  text(name: string): string | undefined {
    const value = this.raw(name)
    if (value === undefined || value === '') return undefined
    if (typeof value !== 'string') throw this.wrong(name, 'text', value)
    return value
  }

  /** A text that must be there. */
  needText(name: string, what: string): string {
    const value = this.text(name)
    if (value !== undefined) return value
    throw this.report.refuse(this.at(name), `${what} is missing. Write it there`)
  }

  /** True or false; false where it is missing. */
  flag(name: string): boolean {
    const value = this.raw(name)
    if (value === undefined) return false
    if (typeof value !== 'boolean') throw this.wrong(name, 'true or false', value)
    return value
  }

  /** A number; 0 where it is missing, as in proto3. A number that is written as text is read with a finding. */
  number(name: string): number {
    const value = this.raw(name)
    if (value === undefined) return 0
    if (typeof value === 'string' && /^\d{1,10}(\.\d{1,10})?$/.test(value)) {
      this.report.warn('number-as-text', this.at(name), `${quote(value)} is text; it is read as a number`)
      return Number(value)
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.wrong(name, 'a number', value)
    return value
  }

  /** A map of texts, as labels are; empty where it is missing. */
  labels(name: string): Readonly<Record<string, string>> {
    const value = this.raw(name)
    if (value === undefined) return {}
    return this.labelsOf(name, value)
  }

  /** {@link labels} of a value that was taken out before. */
  labelsOf(name: string, value: unknown): Readonly<Record<string, string>> {
    if (!isRecord(value)) throw this.wrong(name, 'a map of labels', value)
    const entries = Object.entries(value).map(([key, label]): readonly [string, string] => {
      if (typeof label === 'string') return [key, label]
      throw this.report.refuse(
        this.at(name),
        `the label ${quote(key, 64)} must be text; found ${shown(label)}. Put it in quotes`,
      )
    })
    return Object.freeze(Object.fromEntries(entries))
  }

  /** The refusal of a member of the wrong type. */
  wrong(name: string, expected: string, value: unknown): Error {
    return this.report.refuse(this.at(name), `expected ${expected}, found ${shown(value)}`)
  }

  /** The members that nobody asked for. */
  get unknown(): readonly string[] {
    return Object.keys(this.#value).filter((name) => !this.#asked.has(name))
  }

  /** Finds the members that nobody asked for: they may mean something that is then not done. */
  end(): void {
    for (const name of this.unknown) {
      this.report.warn(
        'unknown-field',
        this.at(name),
        'this member is not known here and has no effect; is it misspelled?',
      )
    }
  }
}
