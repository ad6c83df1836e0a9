/**
 * The words of a timeline as SVG, below the lanes.
 *
 * @module
 */

import { cutTo, element, hover, widthOf, xmlText } from '../svg-text.ts'
import { MARK_KINDS } from './timeline.ts'
import { GLYPHS, type LaneFrame } from './timeline-svg-lanes.ts'
import type { TableStep, TimelineTable } from './timeline-table.ts'

const SIZE = 11
const ROW = 16

/** The table from `top` on, and where the picture ends. */
export function drawTable(frame: LaneFrame, table: TimelineTable, top: number): readonly [string, number] {
  const { width } = frame
  let y = top
  let svg = ''
  const heading = (text: string): void => {
    y += 24
    svg += element('text', { x: 16, y, 'font-size': 13, class: 'mpt-ink mpt-b' }, text)
    y += 4
  }
  const cell = (x: number, rule: string, text: string, to: number): void => {
    const shown = cutTo(text, to - x, SIZE)
    const title = shown === text ? '' : hover(text)
    svg += element('text', { x, y, 'font-size': SIZE, class: rule }, title + xmlText(shown))
  }
  if (table.steps.length > 0) {
    heading('Steps, with what each waits for')
    const columns = columnsOf(table.steps, width)
    let above = 0
    for (const step of table.steps) {
      y += ROW + 2
      if (step.number !== above) {
        svg +=
          element('circle', { cx: 25, cy: y - 4, r: 8.5, class: badge(step) }) +
          element(
            'text',
            { x: 25, y: y - 0.4, 'font-size': 10, 'text-anchor': 'middle', class: 'mpt-badge-ink mpt-b' },
            String(step.number),
          )
        cell(42, 'mpt-soft', step.at, columns.offset)
        cell(columns.offset, 'mpt-soft', step.offset, columns.step)
        if (step.until !== '')
          svg += element(
            'text',
            { x: 42, y: y + ROW, 'font-size': SIZE, class: 'mpt-soft' },
            xmlText(`to ${step.until}`),
          )
      }
      above = step.number
      cell(columns.step, 'mpt-ink mpt-b', step.text, width - 16)
      for (const fact of step.facts) {
        y += ROW
        const rule = fact.broken ? 'mpt-bad mpt-b' : 'mpt-ink'
        const x = columns.isWide ? columns.step : 58
        const split = x + columns.condition
        cell(x, rule, `${fact.id}: ${fact.condition}`, columns.fits ? split - 8 : width - 16)
        if (!columns.fits) y += ROW
        cell(columns.fits ? split : x + 16, rule, figuresOf(fact), width - 16)
      }
      if (step.until !== '' && step.facts.length === 0) y += ROW
    }
  }
  if (table.incidents.length > 0) {
    heading('What else happened')
    for (const { at, kind, text } of table.incidents) {
      y += ROW
      const glyph = MARK_KINDS.find((one) => one === kind)
      if (glyph !== undefined) svg += element('g', { transform: `translate(25 ${y - 4})` }, GLYPHS[glyph])
      cell(42, 'mpt-soft', at, 42 + widthOf(at, SIZE))
      cell(42 + widthOf(at, SIZE) + 8, kind === 'failed' ? 'mpt-bad' : 'mpt-ink', text, width - 16)
    }
  }
  if (table.notes.length > 0) {
    heading('Notes')
    for (const note of table.notes) {
      y += ROW
      cell(16, 'mpt-ink', note, width - 16)
    }
  }
  return [svg, y + 18]
}

const badge = ({ facts }: TableStep): string => (facts.some(({ broken }) => broken) ? 'mpt-bad' : 'mpt-badge')

const figuresOf = ({ needs, has, slack }: TableStep['facts'][number]): string =>
  `needs ${needs}, has ${has}, slack ${slack}`

function columnsOf(
  steps: readonly TableStep[],
  width: number,
): {
  readonly offset: number
  readonly step: number
  /** Width of the conditions. */
  readonly condition: number
  /** Whether inequalities have room below the steps, or must begin further left. */
  readonly isWide: boolean
  /** Whether condition and figures have room beside each other. */
  readonly fits: boolean
} {
  const widest = (texts: readonly string[]): number =>
    Math.max(0, ...texts.map((text) => widthOf(text, SIZE)))
  const offset = 42 + widest(steps.map(({ at }) => at)) + 10
  const step = offset + widest(steps.map((one) => one.offset)) + 22
  const conditions = steps.flatMap(({ facts }) => facts.map(({ id, condition }) => `${id}: ${condition}`))
  const condition = widest(conditions) + 20
  const figures = condition + widest(steps.flatMap(({ facts }) => facts.map(figuresOf))) + 16
  return {
    offset,
    step,
    condition,
    isWide: step + figures <= width,
    fits: 58 + figures <= width,
  }
}
