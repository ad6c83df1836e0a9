/**
 * The cards of a picture of trust in rows: roots first, clusters last, and each CA as near to its clusters as its chain allows.
 *
 * @module
 */

import type { TrustMap, TrustStranger } from './trust-map.ts'

/** What a card is about. */
export type TrustCard =
  | { readonly kind: 'authority'; readonly authority: number }
  | { readonly kind: 'cluster'; readonly cluster: number }
  | { readonly kind: 'stranger'; readonly stranger: TrustStranger }
  | { readonly kind: 'others' }

/** A card and its row. */
export interface RowCard {
  readonly card: TrustCard
  readonly row: number
}

/** A signature: the certificate of `to` by the key of `from`. Places in the list of cards. */
export interface RowLink {
  readonly from: number
  readonly to: number
  /** Whether it goes back up, as where two roots signed each other. */
  readonly isBack: boolean
}

/** Cards, row by row, and what links them. */
export interface TrustRows {
  readonly cards: readonly RowCard[]
  readonly links: readonly RowLink[]
  readonly count: number
}

/** Assigns rows. Linear in cards and links. */
export function trustRows({ authorities, clusters, others }: TrustMap): TrustRows {
  const cards: TrustCard[] = [
    ...authorities.map(({ index }) => ({ kind: 'authority', authority: index }) as const),
    ...clusters.map(({ index }) => ({ kind: 'cluster', cluster: index }) as const),
  ]
  const clusterAt = authorities.length
  const pairs: (readonly [from: number, to: number])[] = []
  const known = new Map<string, number>()
  const addStrangers = (strangers: readonly TrustStranger[], to: number): void => {
    for (const stranger of strangers) {
      const key = `${stranger.why}: ${stranger.name}`
      const at = known.get(key) ?? cards.push({ kind: 'stranger', stranger }) - 1
      known.set(key, at)
      pairs.push([at, to])
    }
  }
  for (const { index, issuers, strangers } of authorities) {
    for (const issuer of issuers) pairs.push([issuer, index])
    addStrangers(strangers, index)
  }
  for (const { index, issuedBy, strangers } of clusters) {
    for (const issuer of issuedBy) pairs.push([issuer, clusterAt + index])
    addStrangers(strangers, clusterAt + index)
  }
  const { heights, back } = climb(cards.length, pairs)
  const last = Math.max(1, ...clusters.map(({ index }) => heightAbove(clusterAt + index, pairs, back)))
  const parents = new Set(pairs.filter((_, i) => !back.has(i)).map(([, to]) => to))
  const rowOf = (place: number): number => {
    const card = cards[place]
    if (card?.kind === 'cluster') return last
    const isTop = card?.kind === 'authority' && authorities[card.authority]?.letter !== undefined
    return isTop && !parents.has(place) ? 0 : Math.max(0, last - (heights[place] ?? last))
  }
  const placed = cards.map((card, place) => ({ card, row: rowOf(place) }))
  if (others > 0) placed.push({ card: { kind: 'others' }, row: 0 })
  return {
    cards: placed,
    links: pairs.map(([from, to], i) => ({ from, to, isBack: back.has(i) })),
    count: last + 1,
  }
}

type Pairs = readonly (readonly [from: number, to: number])[]

/** How many links lie, at most, between a card and what is lowest below it, and which links close a circle. */
function climb(
  count: number,
  pairs: Pairs,
): { readonly heights: readonly number[]; readonly back: ReadonlySet<number> } {
  const below = Array.from({ length: count }, (): number[] => [])
  for (const [i, [from]] of pairs.entries()) below[from]?.push(i)
  const heights = Array.from({ length: count }, () => -1)
  const open = new Set<number>()
  const back = new Set<number>()
  const visit = (place: number): number => {
    const known = heights[place] ?? 0
    if (known >= 0) return known
    open.add(place)
    let height = 0
    for (const i of below[place] ?? []) {
      const to = pairs[i]?.[1] ?? place
      if (open.has(to)) back.add(i)
      else height = Math.max(height, visit(to) + 1)
    }
    open.delete(place)
    heights[place] = height
    return height
  }
  for (let place = 0; place < count; place++) visit(place)
  return { heights, back }
}

/** The longest way from a card upwards. */
function heightAbove(place: number, pairs: Pairs, back: ReadonlySet<number>): number {
  const above = new Map<number, number[]>()
  for (const [i, [from, to]] of pairs.entries())
    if (!back.has(i)) above.set(to, [...(above.get(to) ?? []), from])
  const known = new Map<number, number>()
  const visit = (at: number): number => {
    const height = known.get(at) ?? Math.max(0, ...(above.get(at) ?? []).map((one) => visit(one) + 1))
    known.set(at, height)
    return height
  }
  return visit(place)
}
