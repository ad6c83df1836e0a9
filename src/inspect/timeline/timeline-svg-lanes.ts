/**
 * Lanes of a timeline as SVG.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'
import { cutTo, element, hover, number, widthOf, xmlText } from '../svg-text.ts'
import { STAGES_APART } from './authority-life.ts'
import type {
  MarkKind,
  Timeline,
  TimelineBar,
  TimelineGroup,
  TimelineLane,
  TimelineMark,
} from './timeline.ts'
import type { TimelineClock } from './timeline-clock.ts'
import type { TimelineScale } from './timeline-scale.ts'
import { fillOf } from './timeline-svg-style.ts'

/** Where lanes are drawn. */
export interface LaneFrame {
  readonly timeline: Timeline
  readonly scale: TimelineScale
  readonly clock: TimelineClock
  /** From the left edge to the axis. */
  readonly gutter: number
  readonly width: number
}

const HEIGHTS = { tall: 24, middle: 17, thin: 11 } as const
const FONTS = { tall: 11, middle: 11, thin: 9 } as const

/** A group from `top` on. The heading is to be drawn last: the lines of steps go through it. */
export function drawGroup(
  frame: LaneFrame,
  group: TimelineGroup,
  top: number,
): { readonly heading: string; readonly lanes: string; readonly end: number } {
  const { gutter, width } = frame
  let y = top + 26
  const titleWidth = widthOf(group.title, 13.5)
  const hintAt = Math.max(gutter, 16 + titleWidth + 14)
  const heading =
    element('line', { x1: 16, x2: width - 16, y1: top + 5, y2: top + 5, class: 'mpt-rule' }) +
    element(
      'text',
      { x: 16, y: y - 4, 'font-size': 13, class: 'mpt-ink mpt-b mpt-halo' },
      xmlText(group.title),
    ) +
    element(
      'text',
      { x: hintAt, y: y - 4, 'font-size': 11, class: 'mpt-soft mpt-halo' },
      xmlText(cutTo(group.hint, width - 16 - hintAt, 11)),
    )
  y += 4
  let lanes = ''
  let above: string | undefined
  for (const lane of group.lanes) {
    lanes += drawLane(frame, group.size, lane, y, lane.label === above)
    above = lane.label
    y += HEIGHTS[group.size]
  }
  return { heading, lanes, end: y + 4 }
}

function drawLane(
  frame: LaneFrame,
  size: TimelineGroup['size'],
  lane: TimelineLane,
  y: number,
  isSame: boolean,
): string {
  const { gutter } = frame
  const height = HEIGHTS[size]
  const font = FONTS[size]
  const base = y + height / 2 + font * 0.35
  const room = gutter - 28
  const tag = lane.tag === undefined ? '' : cutTo(lane.tag, room * 0.5, font)
  const label = isSame ? '' : cutTo(lane.label, room - (tag === '' ? 0 : widthOf(tag, font) + 8), font)
  const full = lane.tag === undefined ? lane.label : `${lane.label}: ${lane.tag}`
  let svg = ''
  if (label !== '')
    svg += element(
      'text',
      { x: 16, y: base, 'font-size': font, class: 'mpt-ink' },
      hover(full) + xmlText(label),
    )
  if (tag !== '')
    svg += element(
      'text',
      { x: gutter - 8, y: base, 'font-size': font, 'text-anchor': 'end', class: 'mpt-soft' },
      hover(full) + xmlText(tag),
    )
  const pad = size === 'thin' ? 2 : 2.5
  for (const bar of lane.bars) svg += drawBar(frame, bar, y + pad, height - 2 * pad, font)
  return svg + drawMarks(frame, lane.marks ?? [], y + height / 2, lane.bars.length === 0)
}

function drawBar(frame: LaneFrame, bar: TimelineBar, y: number, height: number, font: number): string {
  const { scale, timeline, clock } = frame
  const [x0, x1] = [scale.x(bar.from), scale.x(bar.to)]
  const fill = fillOf(bar.authority)
  const name = timeline.authorities[bar.authority] ?? 'an authority that the trace does not name'
  const title = hover(
    `${bar.label !== undefined && bar.label !== name ? `${name}: ${bar.label}` : name}, ${WORDS[bar.shape]}, ${clock.instant(bar.from)} to ${clock.instant(bar.to)}`,
  )
  const bottom = y + height
  const path = (d: string): string => element('path', { d, fill }, title)
  const at = (x: number, to: number): string => `${number(x)} ${number(to)}`
  if (bar.shape === 'rise') return path(`M${at(x0, bottom)}L${at(x1, y)}L${at(x1, bottom)}Z`)
  if (bar.shape === 'fall') return path(`M${at(x0, y)}L${at(x1, bottom)}L${at(x0, bottom)}Z`)
  const isPart = bar.shape === 'some'
  const isLife = isPart && bar.label !== undefined
  // Some of many are lower too, for who does not see that they are paler.
  const inset = isPart && !isLife ? height * 0.25 : 0
  let svg = element(
    'rect',
    {
      x: x0,
      y: y + inset,
      width: Math.max(0.6, x1 - x0),
      height: height - 2 * inset,
      rx: height > 10 ? 2 : undefined,
      fill,
      class: isPart ? 'mpt-part' : undefined,
    },
    title,
  )
  if (bar.cuts !== undefined && bar.cuts.length > 0) {
    const seen = [...new Set(bar.cuts.map((time) => number(scale.x(time))))]
    const d = seen.map((x) => `M${x} ${number(y)}v${number(height)}`).join('')
    svg += element('path', { d, stroke: '#000', 'stroke-opacity': '.55', fill: 'none' })
  }
  const label = labelOf(bar, x1 - x0 - 8, font - 1, timeline.authorities)
  if (label !== '')
    svg += element(
      'text',
      {
        x: (x0 + x1) / 2,
        y: y + height / 2 + (font - 1) * 0.35,
        'font-size': font - 1,
        'text-anchor': 'middle',
        class: isPart ? 'mpt-ink' : 'mpt-on',
      },
      xmlText(label),
    )
  return svg
}

/** A name, cut where it must be; a stage whole, without those that it passed at once, or not at all. */
function labelOf(
  { label = '', authority }: TimelineBar,
  room: number,
  size: number,
  names: readonly string[],
): string {
  const whole = cutTo(label, room, size)
  if (whole === escapeText(label)) return whole
  if (names[authority] === label) return whole.length > 4 ? whole : ''
  const last = label.split(STAGES_APART).at(-1) ?? ''
  return cutTo(last, room, size) === last ? last : ''
}

const WORDS = { full: 'all', some: 'in part', rise: 'more and more', fall: 'less and less' } as const

/** Marks that would lie on each other are one, with their number. */
function drawMarks(frame: LaneFrame, marks: readonly TimelineMark[], y: number, counts: boolean): string {
  const groups: { readonly x: number; readonly marks: TimelineMark[] }[] = []
  for (const mark of marks) {
    const x = frame.scale.x(mark.at)
    const last = groups.at(-1)
    if (last !== undefined && x - last.x < 7) last.marks.push(mark)
    else groups.push({ x, marks: [mark] })
  }
  let svg = ''
  for (const [i, { x, marks: own }] of groups.entries()) {
    const [first] = own
    if (first === undefined) continue
    const texts = [...new Set(own.map(({ text }) => text))]
    const more = texts.length > 3 ? `; and ${texts.length - 3} more` : ''
    const title = hover(`${frame.clock.instant(first.at)}: ${texts.slice(0, 3).join('; ')}${more}`)
    svg += element('g', { transform: `translate(${number(x)} ${number(y)})` }, title + GLYPHS[first.kind])
    const next = groups[i + 1]?.x ?? Number.POSITIVE_INFINITY
    const count = `×${own.length}`
    const room = Math.min(next, frame.width) - x
    if (counts && own.length > 1 && room > 10 + widthOf(count, 9))
      svg += element('text', { x: x + 6, y: y + 3.2, 'font-size': 9, class: 'mpt-soft' }, count)
  }
  return svg
}

/** Shapes, so that no kind is told by its colour alone. */
export const GLYPHS: Readonly<Record<MarkKind, string>> = {
  failed:
    '<path class="mpt-halo" fill="none" d="M-4 -4L4 4M-4 4L4 -4"/><path class="mpt-x" d="M-4 -4L4 4M-4 4L4 -4"/>',
  forced: '<path class="mpt-ink" d="M-3 6V-6L6 -3L-1.5 0V6Z"/>',
  restored: '<path class="mpt-axis" fill="none" stroke-width="1.8" d="M-4 0A4 4 0 1 0 0 -4M0 -7V-1L-4 -4Z"/>',
  crashed: '<path class="mpt-bad" d="M0 -5L5 4H-5Z"/>',
  refused: '<path class="mpt-bad" d="M-4 -1.5H4V1.5H-4Z"/>',
  noted: '<circle class="mpt-soft" r="3"/>',
}
