/**
 * Rotation as metrics and spans.
 *
 * @module
 */

import { type Meter, SpanKind, type Tracer } from '@opentelemetry/api'
import type { RotationEvent } from '../rotation/scheduler/rotation-event.ts'
import type { TraceEvent } from '../rotation/trace/trace-event.ts'
import { attributes, errorType } from './attributes.ts'
import { LATENESS, SECONDS } from './instruments.ts'
import { recordSpan } from './record-span.ts'

/** Attempts whose beginning is remembered; schedulers run far fewer at once. */
const MAX_OPEN = 10_000

/** An observer for `onEvent` of a `RotationScheduler`. */
export function schedulerObserver(tracer: Tracer, meter: Meter): (event: RotationEvent) => void {
  const attempts = meter.createHistogram('mesh_pki.rotation.attempt.duration', {
    ...SECONDS,
    description: 'How long attempts to rotate took',
  })
  const delay = meter.createHistogram('mesh_pki.rotation.delay', {
    ...LATENESS,
    description: 'How long certificates waited for their turn after they were due',
  })
  const expired = meter.createCounter('mesh_pki.rotation.expired', {
    unit: '{certificate}',
    description: 'Certificates that ended before they were rotated',
  })
  const steps = meter.createCounter('mesh_pki.rotation.clock_steps', {
    unit: '{step}',
    description: 'How often the wall clock was set, or the machine slept',
  })
  const begun = new Map<number, number>()
  const onStart = ({ handle, at }: Extract<RotationEvent, { type: 'started' }>): void => {
    begun.set(handle, at.getTime())
    // The end of an attempt is not told where its entry was removed meanwhile.
    const [oldest] = begun.keys()
    if (begun.size > MAX_OPEN && oldest !== undefined) begun.delete(oldest)
  }

  const onEnd = (event: Extract<RotationEvent, { type: 'succeeded' | 'failed' }>): void => {
    const { handle, attempt, type } = event
    const end = event.at.getTime()
    const start = begun.get(handle) ?? end
    begun.delete(handle)
    const failure = event.type === 'failed' ? errorType(event.error) : undefined
    const about = attributes({ 'mesh_pki.rotation.outcome': type, 'error.type': failure })
    attempts.record(Math.max(0, end - start) / 1000, about)
    recordSpan(tracer, {
      name: 'rotate',
      kind: SpanKind.INTERNAL,
      start,
      end,
      attributes: {
        ...about,
        ...attributes({ 'mesh_pki.rotation.handle': handle, 'mesh_pki.rotation.attempt': attempt }),
      },
      failure,
    })
  }
  return (event) => {
    switch (event.type) {
      case 'due':
        return delay.record(Math.max(0, event.at.getTime() - event.dueAt.getTime()) / 1000)
      case 'started':
        return onStart(event)
      case 'succeeded':
      case 'failed':
        return onEnd(event)
      case 'expired':
        return expired.add(1)
      case 'clock-stepped':
        return steps.add(1, attributes({ 'mesh_pki.rotation.direction': event.by < 0 ? 'back' : 'forward' }))
      case 'planned':
      case 'forced':
        return
    }
  }
}

/**
 * An observer for `onEvent` of a `Rollover`. A rollover lasts for weeks and longer than a process, so that no span would
 * hold it: its steps are counted, and what was published last is shown.
 */
export function rolloverObserver(meter: Meter): (event: TraceEvent) => void {
  const stages = meter.createCounter('mesh_pki.rollover.stages', {
    unit: '{transition}',
    description: 'Authorities that came into a stage',
  })
  const sequence = meter.createGauge('mesh_pki.rollover.sequence', {
    unit: '1',
    description: 'Sequence of the bundle that was published last',
  })
  const authorities = meter.createGauge('mesh_pki.rollover.authorities', {
    unit: '{authority}',
    description: 'Authorities in the bundle that was published last',
  })
  const finished = meter.createCounter('mesh_pki.rollover.finished', {
    unit: '{rollover}',
    description: 'Rollovers that are over, or were taken back',
  })
  return (event) => {
    // A driver that was started anew tells what has been counted before.
    const counts = event.retold !== true
    if (event.type === 'stage' && counts)
      stages.add(1, attributes({ 'mesh_pki.rollover.stage': event.stage }))
    if (event.type === 'published') {
      sequence.record(event.sequence)
      authorities.record(event.authorities.length)
    }
    if (event.type === 'finished' && counts)
      finished.add(1, attributes({ 'mesh_pki.rollover.direction': event.direction }))
  }
}
