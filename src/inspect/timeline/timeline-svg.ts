/**
 * A timeline as a picture.
 *
 * @module
 */

import { cutTo, element, hover, widthOf, xmlText } from '../svg-text.ts'
import type { Timeline } from './timeline.ts'
import type { TimelineClock } from './timeline-clock.ts'
import { timelineScale } from './timeline-scale.ts'
import { AXIS_HEIGHT, drawAxis, drawBehind } from './timeline-svg-axis.ts'
import { drawGroup, type LaneFrame } from './timeline-svg-lanes.ts'
import { fillOf, patterns, style } from './timeline-svg-style.ts'
import { drawTable } from './timeline-svg-table.ts'
import { tableOf } from './timeline-table.ts'

/** Authorities that the legend names. */
const LEGEND = 16

/** Draws it, `width` pixels wide and as high as it needs. */
export function timelineSvg(timeline: Timeline, clock: TimelineClock, width: number): string {
  const gutter = Math.round(Math.min(210, width * 0.24))
  const scale = timelineScale(timeline.knots, gutter, width - 20)
  const frame: LaneFrame = { timeline, scale, clock, gutter, width }
  const [legend, axisTop] = drawLegend(timeline, width, 66)
  const axisLine = axisTop + AXIS_HEIGHT
  let y = axisLine + 2
  let [lanes, headings] = ['', '']
  for (const group of timeline.groups) {
    const drawn = drawGroup(frame, group, y)
    lanes += drawn.lanes
    headings += drawn.heading
    y = drawn.end
  }
  const bottom = y
  const table = tableOf(timeline, clock)
  const [rows, height] = drawTable(frame, table, bottom + 22)
  const text = (at: number, size: number, rule: string, content: string): string =>
    element(
      'text',
      { x: 16, y: at, 'font-size': size, class: rule },
      hover(content) + xmlText(cutTo(content, width - 32, size)),
    )
  const span = `${clock.instant(timeline.from)} to ${clock.instant(timeline.to)}, time zone ${clock.zone}`
  const content = [
    hover(timeline.title),
    element(
      'desc',
      {},
      xmlText(
        `${timeline.figures}. ${table.steps.map(({ text: step, facts }) => [step, ...facts.map(({ text: fact }) => fact)].join(', ')).join('; ')}`,
        8000,
      ),
    ),
    style(),
    patterns(timeline.authorities.length),
    element('rect', { width, height, class: 'mpt-bg' }),
    text(26, 17, 'mpt-ink mpt-b', timeline.title),
    text(44, 11, 'mpt-soft', timeline.figures),
    text(59, 11, 'mpt-soft', span),
    legend,
    drawBehind(frame, axisLine, bottom),
    lanes,
    drawAxis(frame, axisTop, bottom),
    headings,
    drawTrueScale(frame, bottom + 4),
    rows,
  ].join('\n')
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${width} ${Math.ceil(height)}`,
      role: 'img',
      class: 'mpt',
    },
    content,
  )}\n`
}

function drawLegend({ authorities }: Timeline, width: number, top: number): readonly [string, number] {
  let [x, y] = [16, top + 8]
  let svg = ''
  for (const [i, id] of authorities.slice(0, LEGEND).entries()) {
    const name = cutTo(id, 240, 11)
    const room = 22 + widthOf(name, 11) + 18
    if (x + room > width - 16 && x > 16) [x, y] = [16, y + 18]
    svg +=
      element('rect', { x, y: y - 2, width: 16, height: 12, rx: 2, fill: fillOf(i) }) +
      element('text', { x: x + 22, y: y + 8, 'font-size': 11, class: 'mpt-ink' }, hover(id) + xmlText(name))
    x += room
  }
  if (authorities.length > LEGEND)
    svg += element(
      'text',
      { x, y: y + 8, 'font-size': 11, class: 'mpt-soft' },
      `and ${authorities.length - LEGEND} more`,
    )
  return [svg, y + 20]
}

/** The stretches once more, as long as they are, so that nobody takes a day for an hour. */
function drawTrueScale({ scale, timeline, gutter, width }: LaneFrame, y: number): string {
  const [x0, x1] = [gutter, width - 20]
  const perMs = (x1 - x0) / (timeline.to - timeline.from)
  let svg = element(
    'text',
    { x: gutter - 8, y: y + 8, 'font-size': 9, 'text-anchor': 'end', class: 'mpt-soft' },
    'the same, to scale',
  )
  let d = ''
  for (const { from, to, x0: top } of scale.segments) {
    const x = x0 + (from - timeline.from) * perMs
    svg += element('rect', { x, y: y + 3, width: (to - from) * perMs, height: 6, class: 'mpt-band' })
    if (from > timeline.from) d += `M${top.toFixed(1)} ${y - 4}L${x.toFixed(1)} ${y + 3}V${y + 9}`
  }
  return (
    svg +
    element('path', { d: `M${x0} ${y + 3}H${x1}V${y + 9}H${x0}Z`, class: 'mpt-rule', fill: 'none' }) +
    (d === '' ? '' : element('path', { d, class: 'mpt-axis', 'stroke-opacity': '.7', fill: 'none' }))
  )
}
