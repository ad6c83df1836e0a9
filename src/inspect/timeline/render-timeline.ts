/**
 * Draws a rollover: as planned, or as it happened.
 *
 * @module
 */

import { checkOneOf, checkOptionNames, readCount, typeName } from '../../internal/options.ts'
import type { RolloverPlan, TraceEvent } from '../../rotation/index.ts'
import { readPlan } from '../../rotation/rollover/rollover-plan.ts'
import { planTimeline } from './plan-timeline.ts'
import { readTrace } from './read-trace.ts'
import type { Timeline } from './timeline.ts'
import { timelineClock } from './timeline-clock.ts'
import { timelineSvg } from './timeline-svg.ts'
import { timelineText } from './timeline-text.ts'
import { traceTimeline } from './trace-timeline.ts'

/** Options of `renderTimeline`. */
export interface TimelineOptions {
  /** `svg`: a picture, a document of its own. `text`: for terminals and pull requests. */
  readonly format: 'svg' | 'text'
  /** Of a picture: pixels, 640 to 4000, default 1000. Of text: characters in a line, 72 to 400, default 100. */
  readonly width?: number | undefined
  /** Default: the authorities. */
  readonly title?: string | undefined
  /** The clock on the wall of who reads it, as `Europe/Berlin`. Default `'UTC'`. */
  readonly timeZone?: string | undefined
}

const OPTION_NAMES = ['format', 'width', 'title', 'timeZone']

/**
 * Draws a rollover on one axis of time: the life of each authority, who signs with what, who trusts what, which certificates are in
 * use, and every step with its inequalities and what is left over.
 *
 * Give it a plan, and it shows what must be true when; give it a trace, of a simulation or of a mesh, and it shows what was, with failed
 * handshakes, forced gates, crashes and restores. Minutes of publication stand beside days of drain, so the axis has stretches with
 * scales of their own: each says how long it is, the breaks are marked, and a strip shows the same to scale.
 *
 * The picture is deterministic, loads nothing and runs nothing; it follows the light or dark mode of who looks at it. Authorities differ
 * in pattern as well as in colour. Foreign text is escaped. It is bounded: at most 40 clusters, 60 bundle lanes and 40
 * holders have lanes, and it says what is left out.
 *
 * **Warning**: it does not judge. A plan that is not safe is drawn as it is; `verifyPlan` and `checkTrace` judge.
 *
 * @throws `MeshPkiError` `ERR_ROLLOVER_PLAN` for a plan that is not usable; `TypeError` for what is neither plan nor trace, and for
 * options; `RangeError` for options.
 *
 * @example
 * ```ts
 * import { renderTimeline } from 'mesh-pki/inspect'
 * import { planRollover } from 'mesh-pki/rotation'
 *
 * const plan = planRollover({
 *   start: new Date('2026-03-01T00:00:00Z'),
 *   outgoing: { id: 'root-2025', notAfter: new Date('2026-06-01T00:00:00Z') },
 *   incoming: { id: 'root-2026', lifetime: '365d' },
 *   clusters: ['east', 'west'],
 *   leafLifetime: '24h',
 *   gracePeriodRatio: 0.5,
 * })
 * console.log(renderTimeline(plan, { format: 'text' }))
 * ```
 */
export function renderTimeline(
  rollover: RolloverPlan | readonly TraceEvent[],
  options: TimelineOptions,
): string {
  checkOptionNames(options, OPTION_NAMES, 'renderTimeline')
  const format = checkOneOf(options.format, ['svg', 'text'], 'format')
  const [least, most, usual] = format === 'svg' ? [640, 4000, 1000] : [72, 400, 100]
  const width = readCount(options.width ?? usual, 'width', least, most)
  const { title } = options
  if (title !== undefined && typeof title !== 'string')
    throw new TypeError(`option "title" must be a text; got ${typeName(title)}`)
  const clock = timelineClock(options.timeZone)
  const read = timelineOf(rollover)
  const timeline = title === undefined ? read : { ...read, title }
  return format === 'svg' ? timelineSvg(timeline, clock, width) : timelineText(timeline, clock, width)
}

/**
 * What is drawn of a plan or a trace. @throws as {@link renderTimeline}.
 *
 * @internal
 */
export function timelineOf(rollover: unknown): Timeline {
  if (Array.isArray(rollover)) {
    const { begin, events } = readTrace(rollover)
    return traceTimeline(begin, events)
  }
  if (!isPlan(rollover))
    throw new TypeError(
      `renderTimeline takes a plan of planRollover or a list of trace events; got ${typeName(rollover)}`,
    )
  return planTimeline(readPlan(rollover))
}

/** That it says it is one; the reader of plans checks the rest. */
function isPlan(value: unknown): value is RolloverPlan {
  return (
    typeof value === 'object' && value !== null && Reflect.get(value, 'format') === 'mesh-pki/rollover-plan'
  )
}
