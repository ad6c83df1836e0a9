/**
 * Refusals that have one reason, told once.
 *
 * @module
 */

import type { TrustCell, TrustMap } from './trust-map.ts'
import { fitted } from './trust-measure.ts'

/** Characters of a name. */
const MAX_NAME = 24

/** A reason, and whom it meets. */
export interface TrustRefusal {
  /** From 1 on, as cells that have no room for words refer to it. */
  readonly number: number
  readonly words: string
  readonly code: string
  readonly cells: readonly TrustCell[]
  /** What the verifier said to the first of them, and what would make it pass. */
  readonly problem: string
  readonly remedy: string
}

/** In the order of the matrix. */
export function refusalsOf({ cells }: TrustMap): readonly TrustRefusal[] {
  const groups = new Map<string, TrustCell[]>()
  for (const cell of cells.flat()) {
    if (cell.ok) continue
    const key = `${cell.code} ${cell.words}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [cell])
    else group.push(cell)
  }
  return [...groups.values()].flatMap((group, i) => {
    const [first] = group
    if (first === undefined) return []
    const { words, code, problem, remedy } = first
    return [{ number: i + 1, words, code, problem, remedy, cells: group }]
  })
}

/** Clusters from which on rows and columns are told in one. */
const LEAST_ALL = 3

/** `east → west, west → east`; `east → all` where a row is refused as a whole; and how many more. */
export function pairsOf({ clusters }: TrustMap, cells: readonly TrustCell[], most: number): string {
  const name = (i: number): string => fitted(clusters[i]?.name ?? '', MAX_NAME, (text) => [...text].length)
  const others = cells.filter(({ from, to }) => from !== to)
  const isEverybody =
    clusters.length >= LEAST_ALL &&
    others.length === clusters.length * (clusters.length - 1) &&
    (others.length === cells.length || cells.length === clusters.length ** 2)
  if (isEverybody) return `everybody → ${others.length === cells.length ? 'everybody else' : 'everybody'}`
  const words: string[] = []
  let rest = cells
  for (const [end, tell] of [
    ['from', (one: string, all: string) => `${one} → ${all}`],
    ['to', (one: string, all: string) => `${all} → ${one}`],
  ] as const)
    for (const { index } of clusters) {
      const own = rest.filter((cell) => cell[end] === index)
      const isWhole = own.length === clusters.length
      const isButItself = own.length === clusters.length - 1 && own.every(({ from, to }) => from !== to)
      if (clusters.length < LEAST_ALL || !(isWhole || isButItself)) continue
      words.push(tell(name(index), isWhole ? 'all' : 'all others'))
      rest = rest.filter((cell) => cell[end] !== index)
    }
  for (const { from, to } of rest)
    words.push(from === to ? `${name(from)} itself` : `${name(from)} → ${name(to)}`)
  const more = words.length - most
  return words.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/** What the verifier said, of the first where it said it to several. */
export const toldOf = ({ code, problem, cells }: TrustRefusal): string =>
  `${code}${cells.length > 1 ? ', the first' : ''}: ${problem}`

/** `2 of 4 pairs verified`. */
export function verifiedWords({ cells }: TrustMap): string {
  const all = cells.flat()
  return `${all.filter(({ ok }) => ok).length} of ${all.length} pairs verified`
}
