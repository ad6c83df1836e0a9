/**
 * Where the cards of a picture of trust stand, and how its arrows run.
 *
 * Rows lie below each other, or beside each other where a row has too many cards for the width. `along` is a coordinate in the direction
 * of the arrows, `across` one along a row.
 *
 * @module
 */

import { groupBy } from '../../internal/group-by.ts'
import type { RowLink, TrustRows } from './trust-rows.ts'

/** Where a card stands. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** An arrow: points in pairs, from card to card by way of gaps that are kept free. It is straight within a pair. */
export interface Route {
  readonly from: number
  readonly to: number
  readonly isBack: boolean
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** A picture's graph. */
export interface TrustLayout {
  /** Whether rows are columns, and arrows run to the right. */
  readonly isSideways: boolean
  /** One for each card, in their order. */
  readonly boxes: readonly Box[]
  readonly routes: readonly Route[]
  /** What each row takes, over the whole width or height. */
  readonly bands: readonly Box[]
  readonly width: number
  readonly bottom: number
}

/** What a layout keeps to. */
export interface LayoutFrame {
  readonly width: number
  readonly top: number
  readonly margin: number
  /** How high a card is that has a width; it is told by its place among the cards. */
  heightOf(place: number, width: number): number
}

/** Cards of a row that would be narrower than that stand below each other. */
const LEAST_DOWN = 168
const LEAST_SIDEWAYS = 132
const MOST = 250
/** Between rows, for arrows. */
const GAP_DOWN = 46
const GAP_SIDEWAYS = 28
/** Between cards of a row. */
const APART = 14
/** What an arrow takes that passes a row. */
const PASSAGE = 14
/** Between the edge of a band and its cards, and what its label takes, which is upright where rows lie below each other. */
const PAD = 9
const LABEL = 20

interface Item {
  /** A card, or the link that passes. */
  readonly place: number
  readonly isCard: boolean
  readonly row: number
  size: number
  center: number
  readonly below: Item[]
}

/** Places cards and arrows; each row is sorted once. */
export function layoutTrust(rows: TrustRows, frame: LayoutFrame): TrustLayout {
  const { cards, links, count } = rows
  const items = cards.map(
    (card, place): Item => ({ place, isCard: true, row: card.row, size: 0, center: 0, below: [] }),
  )
  const passages = links.map(() => new Map<number, Item>())
  for (const [i, link] of links.entries()) {
    const [upper, lower] = endsOf(link, items)
    if (upper === undefined || lower === undefined) continue
    let at = lower
    for (let row = lower.row - 1; row > upper.row; row--) {
      const item: Item = { place: i, isCard: false, row, size: PASSAGE, center: 0, below: [at] }
      passages[i]?.set(row, item)
      at = item
    }
    if (!link.isBack) upper.below.push(at)
  }
  const all = [...items, ...passages.flatMap((some) => [...some.values()])]
  const byRow = Array.from({ length: count }, (_, row) => all.filter((item) => item.row === row))
  const inner = frame.width - 2 * frame.margin - LABEL - 2 * PAD
  const widest = byRow.map((row) => {
    const cardsIn = row.filter(({ isCard }) => isCard).length
    return (inner + APART - (row.length - cardsIn) * (PASSAGE + APART)) / Math.max(1, cardsIn) - APART
  })
  const isSideways = Math.min(...widest) < LEAST_DOWN
  const sizes = isSideways
    ? sizeSideways(byRow, frame)
    : sizeDown(byRow, frame, Math.min(MOST, ...widest), inner)
  orderRows(byRow, sizes.across)
  return place({ rows, frame, items, passages, byRow, isSideways }, sizes)
}

interface Sizes {
  /** Room along a row. */
  readonly across: number
  readonly cardWidth: number
  /** Heights of the cards, in their order. */
  readonly heights: readonly number[]
  /** Where the cards of each row begin, and how much they take, in the direction of arrows. */
  readonly starts: readonly number[]
  readonly depths: readonly number[]
  readonly width: number
}

/** Rows below each other: the cards of one are equally high. */
function sizeDown(
  byRow: readonly (readonly Item[])[],
  frame: LayoutFrame,
  cardWidth: number,
  across: number,
): Sizes {
  const heights: number[] = []
  const starts: number[] = []
  const depths: number[] = []
  let y = frame.top
  for (const row of byRow) {
    const cards = row.filter(({ isCard }) => isCard)
    const depth = Math.max(0, ...cards.map(({ place }) => frame.heightOf(place, cardWidth)))
    for (const item of cards) {
      item.size = cardWidth
      heights[item.place] = depth
    }
    starts.push(y + PAD)
    depths.push(depth)
    y += depth + 2 * PAD + GAP_DOWN
  }
  return { across, cardWidth, heights, starts, depths, width: frame.width }
}

/** Rows beside each other. */
function sizeSideways(byRow: readonly (readonly Item[])[], frame: LayoutFrame): Sizes {
  const columns = byRow.length
  const room = frame.width - 2 * frame.margin
  const wish = (room - (columns - 1) * GAP_SIDEWAYS) / columns - 2 * PAD
  const cardWidth = Math.max(LEAST_SIDEWAYS, Math.min(MOST, wish))
  const band = cardWidth + 2 * PAD
  const least = columns * band + (columns - 1) * GAP_SIDEWAYS
  const gap = GAP_SIDEWAYS + Math.max(0, room - least) / Math.max(1, columns - 1)
  const heights: number[] = []
  for (const item of byRow.flat())
    if (item.isCard) {
      item.size = frame.heightOf(item.place, cardWidth)
      heights[item.place] = item.size
    }
  return {
    across: Math.max(...byRow.map((row) => sum(row.map(({ size }) => size + APART)) - APART)),
    cardWidth,
    heights,
    starts: byRow.map((_, i) => frame.margin + i * (band + gap) + PAD),
    depths: byRow.map(() => cardWidth),
    width: Math.max(frame.width, least + 2 * frame.margin),
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** From the last row up: each card over the middle of what it signed, what signed nothing at the end. */
function orderRows(byRow: readonly Item[][], across: number): void {
  for (const [i, row] of [...byRow].reverse().entries()) {
    if (i === 0) {
      const spare = across - sum(row.map(({ size }) => size + APART)) + APART
      const apart = APART + spare / row.length
      let at = spare / row.length / 2
      for (const item of row) {
        item.center = at + item.size / 2
        at += item.size + apart
      }
      continue
    }
    for (const { below } of row) below.sort((a, b) => a.center - b.center)
    for (const item of row)
      item.center =
        item.below.length === 0
          ? Number.POSITIVE_INFINITY
          : sum(item.below.map(({ center }) => center)) / item.below.length
    row.sort((a, b) => (a.center === b.center ? 0 : a.center - b.center))
    spreadItems(row, across)
  }
}

/** Moves them apart: neighbours that are too near become a block around the middle of where they want to be. */
function spreadItems(row: readonly Item[], across: number): void {
  interface Block {
    readonly items: Item[]
    size: number
    start: number
  }
  const free = row.filter(({ center }) => center !== Number.POSITIVE_INFINITY)
  const last = free.at(-1)
  for (const item of row)
    if (item.center === Number.POSITIVE_INFINITY) item.center = last === undefined ? across / 2 : across * 2
  const clamp = (start: number, size: number): number => Math.max(0, Math.min(across - size, start))
  const blocks: Block[] = []
  for (const item of row) {
    let block: Block = {
      items: [item],
      size: item.size,
      start: clamp(item.center - item.size / 2, item.size),
    }
    for (;;) {
      const before = blocks.at(-1)
      if (before === undefined || before.start + before.size + APART <= block.start + 0.01) break
      blocks.pop()
      const joined: Block = {
        items: [...before.items, ...block.items],
        size: before.size + APART + block.size,
        start: 0,
      }
      let offset = 0
      let wish = 0
      for (const one of joined.items) {
        wish += Math.min(one.center, across) - one.size / 2 - offset
        offset += one.size + APART
      }
      joined.start = clamp(wish / joined.items.length, joined.size)
      block = joined
    }
    blocks.push(block)
  }
  for (const { items, start } of blocks) {
    let at = start
    for (const item of items) {
      item.center = at + item.size / 2
      at += item.size + APART
    }
  }
}

interface PlaceInput {
  readonly rows: TrustRows
  readonly frame: LayoutFrame
  readonly items: readonly Item[]
  readonly passages: readonly ReadonlyMap<number, Item>[]
  readonly byRow: readonly (readonly Item[])[]
  readonly isSideways: boolean
}

function place(
  { rows, frame, items, passages, byRow, isSideways }: PlaceInput,
  { across, cardWidth, heights, starts, depths, width }: Sizes,
): TrustLayout {
  const origin = isSideways ? frame.top + LABEL + PAD / 2 : frame.margin + LABEL + PAD
  const boxes = items.map((item): Box => {
    const height = heights[item.place] ?? 0
    const start = starts[item.row] ?? 0
    const begin = origin + item.center - item.size / 2
    return isSideways
      ? { x: start, y: begin, width: cardWidth, height }
      : { x: begin, y: start, width: cardWidth, height }
  })
  const point = (along: number, at: number): readonly [number, number] =>
    isSideways ? [along, at] : [at, along]
  const startOf = (item: Item): number => starts[item.row] ?? 0
  const endOf = (item: Item): number => startOf(item) + (depths[item.row] ?? 0)
  const shifts = portShifts(rows, items)
  const routes = rows.links.map((link, i): Route => {
    const [upper, lower] = endsOf(link, items)
    if (upper === undefined || lower === undefined) return { ...link, points: [] }
    const { out = 0, into = 0 } = shifts[i] ?? {}
    const points = [point(endOf(upper), origin + upper.center + out)]
    for (const item of [...(passages[i]?.values() ?? [])].reverse())
      points.push(point(startOf(item), origin + item.center), point(endOf(item), origin + item.center))
    points.push(point(startOf(lower), origin + lower.center + into))
    return { ...link, points: link.isBack ? points.reverse() : points }
  })
  const bands = byRow.map((_, row): Box => {
    const start = (starts[row] ?? 0) - PAD
    return isSideways
      ? { x: start, y: frame.top, width: cardWidth + 2 * PAD, height: LABEL + across + PAD * 1.5 }
      : {
          x: frame.margin,
          y: start,
          width: width - 2 * frame.margin,
          height: (depths[row] ?? 0) + 2 * PAD,
        }
  })
  const end = bands.at(-1)
  const bottom = end === undefined ? frame.top : end.y + end.height
  return { isSideways, boxes, routes, bands, width, bottom }
}

/** The ends of an arrow, the upper one first. */
const endsOf = (
  { from, to, isBack }: RowLink,
  items: readonly Item[],
): readonly [Item | undefined, Item | undefined] =>
  isBack ? [items[to], items[from]] : [items[from], items[to]]

interface PortShift {
  out: number
  into: number
}

/** How far from the middle of a card its arrows end, so that several do not end in one point. Those that begin there may. */
function portShifts({ links }: TrustRows, items: readonly Item[]): readonly PortShift[] {
  const ports = links.map((link) => ({ link, ends: endsOf(link, items), shift: { out: 0, into: 0 } }))
  const center = (item: Item | undefined): number => item?.center ?? 0
  for (const [side, far] of [
    [1, 0],
    [0, 1],
  ] as const)
    for (const group of groupBy(ports, ({ ends }) => String(ends[side]?.place)).values()) {
      if (side === 0 && !group.some(({ link }) => link.isBack)) continue
      group.sort((a, b) => center(a.ends[far]) - center(b.ends[far]))
      const step = Math.min(16, 60 / group.length)
      for (const [n, { shift }] of group.entries())
        shift[side === 1 ? 'into' : 'out'] = (n - (group.length - 1) / 2) * step
    }
  return ports.map(({ shift }) => shift)
}
