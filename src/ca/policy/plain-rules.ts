/**
 * Rules as plain objects.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'

/**
 * Refuses rules that are no plain object: what a class or a prototype adds would not be read, and so not hold.
 *
 * @throws `TypeError`.
 */
export function checkRules(rules: unknown, names: readonly string[], what: string): void {
  checkOptionNames(rules, names, what)
  const prototype: unknown = Object.getPrototypeOf(rules)
  // Another realm has an Object.prototype of its own.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return
  throw new TypeError(
    `${what} must be a plain object: members that a class or prototype gives it would not be read. Spread them, as in { ...base, name: 'x' }`,
  )
}

/** A rule, or what stands for one that is absent. `null`, an empty member in YAML, is none of them and left to be refused. */
export function orDefault<T>(rule: T | undefined, fallback: T): T {
  return rule === undefined ? fallback : rule
}
