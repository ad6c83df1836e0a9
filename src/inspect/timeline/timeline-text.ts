/**
 * A timeline as text, for terminals and pull requests.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { escapeText } from '../../internal/text.ts'
import { wrap } from '../wrap-text.ts'
import { STAGES_APART } from './authority-life.ts'
import type { MarkKind, Timeline, TimelineLane } from './timeline.ts'
import type { TimelineClock } from './timeline-clock.ts'
import { spread, type TimelineScale, ticksOf, timelineScale } from './timeline-scale.ts'
import { tableOf } from './timeline-table.ts'

const SIGNS: Readonly<Record<MarkKind, string>> = {
  failed: 'x',
  forced: '!',
  restored: '<',
  crashed: '^',
  refused: '-',
  noted: '*',
}

/** Writes it, in lines of at most `width` characters. */
export function timelineText(timeline: Timeline, clock: TimelineClock, width: number): string {
  const gutter = Math.min(30, Math.floor(width * 0.26))
  const columns = width - gutter
  const scale = timelineScale(timeline.knots, 0, columns)
  const chart: Chart = { timeline, scale, gutter, columns }
  const lines = [
    ...wrap(escapeText(timeline.title), width, { indent: 0 }),
    ...wrap(escapeText(timeline.figures), width, { indent: 0 }),
    `${clock.instant(timeline.from)} to ${clock.instant(timeline.to)}, time zone ${clock.zone}`,
    '',
    ...wrap(legend(timeline), width, { indent: 0 }),
    ...wrap(
      'Capital letters: all of it; small ones: in part. The scale changes at every "/" of the axis; the lengths between stand above it.',
      width,
      { indent: 0 },
    ),
    '',
    ...axis(chart, clock),
  ]
  for (const { title, lanes } of timeline.groups) {
    lines.push('', title)
    let above: string | undefined
    for (const lane of lanes) {
      lines.push(drawLane(chart, lane, lane.label === above))
      above = lane.label
    }
  }
  lines.push(...words(timeline, clock, width))
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

interface Chart {
  readonly timeline: Timeline
  readonly scale: TimelineScale
  readonly gutter: number
  readonly columns: number
}

/** A letter for each authority; those beyond the alphabet share a sign. */
const letterOf = (authority: number): string =>
  authority < 0 ? '?' : authority < 26 ? String.fromCharCode(65 + authority) : '#'

function legend({ authorities, groups }: Timeline): string {
  const letters = authorities.slice(0, 26).map((id, i) => `${letterOf(i)} = ${escapeText(id)}`)
  const kinds = new Map<MarkKind, string>()
  for (const { lanes } of groups)
    for (const { bars, label, marks = [] } of lanes)
      for (const { kind } of marks) if (bars.length === 0) kinds.set(kind, label)
  return [
    ...letters,
    ...(authorities.length > 26 ? [`# = ${authorities.length - 26} more`] : []),
    ...[...kinds].map(([kind, label]) => `${SIGNS[kind]} = ${label}`),
  ].join('   ')
}

/** Numbers of steps, lengths of stretches, ticks, and the line. */
function axis({ timeline, scale, gutter, columns }: Chart, clock: TimelineClock): readonly string[] {
  const row = (label: string, fill = ' '): string[] => [
    ...label.padEnd(gutter).slice(0, gutter),
    ...fill.repeat(columns),
  ]
  const write = (cells: string[], at: number, text: string): void => {
    const start = Math.max(0, Math.min(columns - text.length, Math.round(at)))
    for (const [i, char] of [...text].entries()) cells[gutter + start + i] = char
  }
  const column = (time: number): number => Math.min(columns - 1, Math.floor(scale.x(time)))
  const [numbers, lengths, dates, times, line] = [
    row('step'),
    row('length'),
    row('date'),
    row('time'),
    row('', '-'),
  ]
  const gates = timeline.gates.map(({ at }) => column(at))
  const gap = timeline.gates.length > 9 ? 3 : 2
  for (const [i, place] of spread(gates, 0, columns - 2, gap).entries()) write(numbers, place, String(i + 1))
  for (const [i, { from, to, x0, x1 }] of scale.segments.entries()) {
    const text = formatDuration(to - from)
    const isEnd = i === 0 || i === scale.segments.length - 1
    if (!isEnd && text.length + 1 <= x1 - x0) write(lengths, x0 + (x1 - x0 - text.length) / 2, text)
    if (i > 0) write(line, Math.floor(x0), '/')
  }
  let [day, end] = ['', -1]
  for (const { at, x } of ticksOf(scale, clock, 9)) {
    const start = Math.floor(x)
    const time = clock.time(at)
    if (start + time.length <= columns) write(times, start, time)
    const date = clock.date(at)
    if (date === day || start <= end || start + date.length > columns) continue
    write(dates, start, date)
    day = date
    end = start + date.length
  }
  for (const gate of gates) write(line, gate, '|')
  return [numbers, lengths, dates, times, line].map((cells) => cells.join(''))
}

function drawLane({ timeline, scale, gutter, columns }: Chart, lane: TimelineLane, isSame: boolean): string {
  const cells = Array.from({ length: columns }, () => ' ')
  const column = (time: number): number => Math.max(0, Math.min(columns, Math.floor(scale.x(time))))
  for (const { at } of timeline.gates) cells[Math.min(columns - 1, column(at))] = ':'
  const isLife =
    lane.tag === undefined && lane.bars.some(({ label, shape }) => label !== undefined && shape === 'some')
  for (const { from, to, authority, shape, label } of lane.bars) {
    const start = column(from)
    // What is shorter than a character is still there.
    const end = Math.max(Math.min(columns, start + 1), to >= timeline.to ? columns : column(to))
    const letter = shape === 'full' ? letterOf(authority) : letterOf(authority).toLowerCase()
    for (let i = start; i < end; i++) cells[i] = letter
    if (!isLife || label === undefined) continue
    const room = end - start - 1
    const text = label.length <= room ? label : (label.split(STAGES_APART).at(-1) ?? label)
    if (text.length > room) continue
    for (const [i, char] of [...` ${text} `.slice(0, room + 1)].entries())
      cells[start + i] = i === 0 ? '[' : char
  }
  for (const { at, kind } of lane.marks ?? []) cells[Math.min(columns - 1, column(at))] = SIGNS[kind]
  return label(lane, gutter, isSame) + cells.join('')
}

function label({ label: text, tag }: TimelineLane, gutter: number, isSame: boolean): string {
  const cut = (one: string, room: number): string =>
    one.length <= room ? one : `${one.slice(0, Math.max(0, room - 1))}…`
  const room = gutter - 4
  const right = tag === undefined ? '' : cut(escapeText(tag), Math.floor(room / 2))
  const left = isSame ? '' : cut(escapeText(text), room - right.length)
  return `  ${left.padEnd(room + 1 - right.length)}${right} `
}

/** The table of steps and the rest. */
function words(timeline: Timeline, clock: TimelineClock, width: number): readonly string[] {
  const table = tableOf(timeline, clock)
  const lines: string[] = []
  if (table.steps.length > 0) {
    lines.push('', 'Steps, with what each waits for')
    const offsets = Math.max(...table.steps.map(({ offset }) => offset.length))
    const instants = Math.max(...table.steps.map(({ at }) => at.length))
    let above = 0
    for (const { number, at, until, offset, text, facts } of table.steps) {
      const head = number === above ? '' : `${String(number).padStart(2)}  ${at.padEnd(instants)}  ${offset}`
      const indent = 4 + instants + 2 + offsets + 2
      const phrase = until === '' || number === above ? text : `${text}, until ${until}`
      const [first = '', ...more] = wrap(escapeText(phrase, 2048), width - indent, { indent: 0 })
      lines.push(`${head.padEnd(indent)}${first}`, ...more.map((line) => `${' '.repeat(indent)}${line}`))
      for (const fact of facts)
        lines.push(...wrap(`${fact.broken ? '✗ ' : ''}${escapeText(fact.text, 1200)}`, width, { indent: 6 }))
      above = number
    }
  }
  if (table.incidents.length > 0) {
    lines.push('', 'What else happened')
    for (const { at, kind, text } of table.incidents)
      lines.push(...wrap(`${at}  ${kind.padEnd(8)}  ${escapeText(text, 512)}`, width, { indent: 2 }))
  }
  if (table.notes.length > 0) {
    lines.push('', 'Notes')
    for (const note of table.notes) lines.push(...wrap(escapeText(note, 512), width, { indent: 2 }))
  }
  return lines
}
