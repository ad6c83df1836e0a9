/**
 * Text and lists from outside, bounded and escaped for a description.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'
import { formatGeneralName, type GeneralName } from '../../x509/general-name.ts'
import type { Name } from '../../x509/name.ts'

/** Elements of one list that are described. Mesh certificates have one name; those for the web have some hundred. */
const MAX_LISTED = 64

/** Octets of a name that is written out: a longer one would be cut anyway, and writing it takes time. */
const MAX_NAME = 8192

/** Of a signature of which nothing can be said. */
export const NOT_CHECKABLE = 'its signature cannot be checked: the algorithm or the key is not supported'

/** Characters of a message: those of errors are cut where they are made. */
const MAX_MESSAGE = 2048

/** A name as RFC 4514 writes it; empty for the empty one. */
export function nameText(name: Name): string {
  return name.octets > MAX_NAME ? `(a name of ${name.octets} octets)` : escapeText(String(name))
}

/** A general name with its form before it. */
export function generalNameText(name: GeneralName): string {
  if (name.type === 'directory') return `DirName:${nameText(name.value)}`
  return escapeText(formatGeneralName(name))
}

/** A sentence that may quote what comes from outside. */
export const messageText = (text: string): string => escapeText(text, MAX_MESSAGE)

/** Cuts lists, and keeps how much was left out of which. */
export class Lists {
  readonly #omitted: Record<string, number> = {}

  /** The first elements of a list, each as it is described. */
  take<T, R>(list: string, items: readonly T[], describe: (item: T) => R, max: number = MAX_LISTED): R[] {
    this.leaveOut(list, items.length - max)
    return items.slice(0, max).map(describe)
  }

  /** Notes that some are left out. */
  leaveOut(list: string, count: number): void {
    if (count > 0) this.#omitted[list] = (this.#omitted[list] ?? 0) + count
  }

  /** `undefined` where nothing is left out. */
  get omitted(): Readonly<Record<string, number>> | undefined {
    return Object.keys(this.#omitted).length === 0 ? undefined : this.#omitted
  }
}

/** Freezes a value that was made here, and takes away members that are `undefined`, as JSON does. */
export function settled<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) Reflect.deleteProperty(value, key)
    else settled(member)
  }
  return Object.freeze(value)
}
