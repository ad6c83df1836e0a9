/**
 * What else happened: marks of a timeline.
 *
 * @module
 */

import type { TraceEvent } from '../../rotation/index.ts'
import { MARK_KINDS, type MarkKind, type TimelineGroup, type TimelineMark } from './timeline.ts'

/** Lines of a journal that say that an authority entered a stage: the picture has them. An id does not end in a colon. */
const STAGE_LINE =
  /^\S*[A-Za-z0-9] (?:STAGED|PUBLISHED|DISTRIBUTED|ACTIVE|DRAINING|TAINTED|RETIRED|REVOKED|PRUNED)\b/

/** The mark of an event; `undefined` where it is drawn otherwise. */
export function markOf(event: TraceEvent): TimelineMark | undefined {
  const mark = (kind: MarkKind, text: string, subject = text): TimelineMark => ({
    at: event.at,
    kind,
    text,
    subject,
  })
  switch (event.type) {
    case 'handshake-failed':
      return mark(
        'failed',
        `${event.holder} refused by ${event.verifier}: ${event.problem}`,
        `${event.holder} refused: ${event.problem}`,
      )
    case 'journal':
      if (event.what.startsWith('forced ')) return mark('forced', event.what)
      return STAGE_LINE.test(event.what) ? undefined : mark('noted', event.what)
    case 'restored':
      return mark('restored', `${event.what} was restored`)
    case 'crashed':
      return mark('crashed', event.what)
    case 'refused':
      return mark('refused', `an issuer of ${event.member} refused: ${event.why}`)
    case 'joined':
      return mark('noted', `${event.member.name} verifies from now on`)
    case 'left':
      return mark('noted', `${event.member} is gone`)
    case 'finished':
      return mark('noted', `finished, ${event.direction}`)
    default:
      return undefined
  }
}

/** What the marks of a kind are called. */
const MARK_NAMES: Readonly<Record<MarkKind, string>> = {
  failed: 'failed handshakes',
  forced: 'forced gates',
  restored: 'restored journals',
  crashed: 'crashes',
  refused: 'refusals to sign',
  noted: 'other events',
}

/** A lane for each kind of mark that there is, with their number. */
export function happenedGroup(marks: readonly TimelineMark[]): TimelineGroup {
  const lanes = MARK_KINDS.flatMap((kind) => {
    const own = marks.filter((mark) => mark.kind === kind)
    return own.length === 0
      ? []
      : [{ label: MARK_NAMES[kind], tag: String(own.length), bars: [], marks: own }]
  })
  return { title: 'What else happened', hint: '', size: 'middle', lanes }
}
