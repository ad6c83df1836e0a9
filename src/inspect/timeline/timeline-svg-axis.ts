/**
 * The axis of a timeline as SVG: bands, ticks, lengths, breaks, and the lines of steps.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { element, hover, number, widthOf, xmlText } from '../svg-text.ts'
import type { TimelineGate } from './timeline.ts'
import { slackOf, stepText } from './timeline-gates.ts'
import { spread, ticksOf } from './timeline-scale.ts'
import type { LaneFrame } from './timeline-svg-lanes.ts'
import { factText } from './timeline-table.ts'

/** Height of the axis, from its badges to its line. */
export const AXIS_HEIGHT = 80

/** What lies behind the lanes: bands of the stretches, whose scales differ, and the lines of steps. */
export function drawBehind({ scale, timeline }: LaneFrame, top: number, bottom: number): string {
  let svg = ''
  for (const [i, { x0, x1 }] of scale.segments.entries())
    if (i % 2 === 1)
      svg += element('rect', { x: x0, y: top, width: x1 - x0, height: bottom - top, class: 'mpt-band' })
  for (const { at, until } of timeline.gates)
    if (until > at)
      svg += element('rect', {
        x: scale.x(at),
        y: top,
        width: scale.x(until) - scale.x(at),
        height: bottom - top,
        class: 'mpt-strip',
      })
  return svg
}

/** The axis from `top` to its line, and the lines of steps down to `bottom`. */
export function drawAxis(frame: LaneFrame, top: number, bottom: number): string {
  const { scale, gutter, width } = frame
  const line = top + AXIS_HEIGHT
  const side = { x: gutter - 30, 'font-size': 9.5, 'text-anchor': 'end', class: 'mpt-soft' }
  let svg =
    element('line', { x1: gutter, x2: width - 20, y1: line, y2: line, class: 'mpt-axis' }) +
    element('text', { ...side, y: line - 8 }, 'scale changes at //')
  for (const [i, { from, to, x0, x1 }] of scale.segments.entries()) {
    if (i > 0) svg += drawBreak(x0, line)
    const length = formatDuration(to - from)
    const isEnd = i === 0 || i === scale.segments.length - 1
    if (!isEnd && widthOf(length, 11) + 14 < x1 - x0) svg += drawLength(x0, x1, top + 41, length)
  }
  return svg + drawTicks(frame, line) + drawGates(frame, top, bottom)
}

function drawBreak(x: number, y: number): string {
  const at = (dx: number): string =>
    `M${number(x + dx - 2)} ${number(y + 4)}L${number(x + dx + 2)} ${number(y - 4)}`
  return element('path', { d: at(-2) + at(2), class: 'mpt-axis', fill: 'none' })
}

function drawLength(x0: number, x1: number, y: number, length: string): string {
  const middle = (x0 + x1) / 2
  const half = widthOf(length, 11) / 2 + 3
  const arrow = (from: number, to: number, head: number): string =>
    `M${number(from)} ${number(y)}H${number(to)}M${number(to + head)} ${number(y - 3)}L${number(to)} ${number(y)}L${number(to + head)} ${number(y + 3)}`
  return (
    element('path', {
      d: arrow(middle - half, x0 + 2, 4) + arrow(middle + half, x1 - 2, -4),
      class: 'mpt-axis',
      'stroke-opacity': '.6',
      fill: 'none',
    }) +
    element(
      'text',
      { x: middle, y: y + 3.8, 'font-size': 11, 'text-anchor': 'middle', class: 'mpt-ink' },
      xmlText(length),
    )
  )
}

function drawTicks({ scale, clock, width }: LaneFrame, line: number): string {
  let svg = ''
  let day = ''
  let dayEnd = Number.NEGATIVE_INFINITY
  const room = clock.offsetAt(0) % 60_000 === 0 ? 42 : 60
  for (const { at, x, isKnot } of ticksOf(scale, clock, room)) {
    svg += element('line', { x1: x, x2: x, y1: line, y2: line - 4, class: 'mpt-axis' })
    const label = { 'font-size': 10, 'text-anchor': 'middle' }
    svg += element(
      'text',
      { x, y: line - 8, ...label, class: isKnot ? 'mpt-ink mpt-b' : 'mpt-soft' },
      clock.time(at),
    )
    const date = clock.date(at)
    if (date === day || x - 32 < dayEnd) continue
    const edge = x + 32 > width ? { x: width - 4, 'text-anchor': 'end' } : { x }
    svg += element('text', { y: line - 20, ...label, ...edge, class: 'mpt-soft' }, date)
    day = date
    dayEnd = x + 32
  }
  return svg
}

/** Numbers in circles, apart from each other, with a thread to where they belong. */
function drawGates({ timeline, scale, gutter, width }: LaneFrame, top: number, bottom: number): string {
  const xs = timeline.gates.map(({ at, until }) => (scale.x(at) + scale.x(until)) / 2)
  const places = spread(xs, gutter, width - 20, 19)
  let svg = ''
  for (const [i, gate] of timeline.gates.entries()) {
    const [x = 0, place = 0] = [xs[i], places[i]]
    const title = hover(
      gate.steps.map((step) => [stepText(step), ...step.facts.map(factText)].join('; ')).join(' | '),
    )
    svg += element('path', {
      d: `M${number(place)} ${number(top + 18)}L${number(x)} ${number(top + 30)}V${number(bottom)}`,
      class: 'mpt-gate',
      fill: 'none',
    })
    const isBroken = gate.steps.some(({ facts }) => facts.some(({ broken }) => broken))
    const room = (places[i + 1] ?? width - 10) - 10 - (place + 13)
    const words = tightest(gate).find((text) => widthOf(text, 10) <= room)
    if (words !== undefined)
      svg += element(
        'text',
        { x: place + 13, y: top + 13.6, 'font-size': 10, class: isBroken ? 'mpt-bad' : 'mpt-ink' },
        title + xmlText(words),
      )
    svg += element(
      'g',
      {},
      title +
        element('circle', { cx: place, cy: top + 10, r: 8.5, class: isBroken ? 'mpt-bad' : 'mpt-badge' }) +
        element(
          'text',
          {
            x: place,
            y: top + 13.6,
            'font-size': 10,
            'text-anchor': 'middle',
            class: 'mpt-badge-ink mpt-b',
          },
          String(i + 1),
        ),
    )
  }
  return svg
}

/** What has the least slack of all that a line waits for, in words and in fewer words. */
function tightest({ steps }: TimelineGate): readonly string[] {
  const facts = steps.flatMap((step) => step.facts)
  const [least] = [...facts].sort((a, b) => Number(b.broken) - Number(a.broken) || slackOf(a) - slackOf(b))
  if (least === undefined) return []
  const { id, condition, needs, has, slack } = least
  return [
    `${id}: ${condition}, needs ${needs}, has ${has}, slack ${slack}`,
    `${id}: ${condition}, slack ${slack}`,
    `${id}: slack ${slack}`,
    `slack ${slack}`,
  ]
}
