/**
 * Lanes that look the same, drawn once.
 *
 * @module
 */

import type { TimelineLane } from './timeline.ts'

/** Up to so many, each has its own all the same: there is room, and names are what people look for. */
const FEW = 12

/**
 * The lanes of all members, given by member; where there are many, members with the same bars are one.
 */
export function alikeLanes(
  members: readonly (readonly TimelineLane[])[],
  notes: string[],
): readonly TimelineLane[] {
  if (members.length <= FEW) return members.flat()
  const alike = new Map<string, { readonly lanes: readonly TimelineLane[]; count: number }>()
  for (const lanes of members) {
    const key = JSON.stringify(lanes.map(({ bars, tag }) => [bars, tag]))
    const known = alike.get(key)
    if (known === undefined) alike.set(key, { lanes, count: 1 })
    else known.count++
  }
  const note = 'Where members have the same lanes, the first of them stands for all'
  if (alike.size < members.length && !notes.includes(note)) notes.push(note)
  return [...alike.values()].flatMap(({ lanes, count }) =>
    lanes.map((lane) => (count === 1 ? lane : { ...lane, label: `${count} like ${lane.label}` })),
  )
}
