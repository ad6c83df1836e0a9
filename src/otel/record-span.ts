/**
 * Spans of what is over.
 *
 * @module
 */

import { type Attributes, type SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api'

/** What was done, and when. */
export interface PastSpan {
  readonly name: string
  readonly kind: SpanKind
  /** Milliseconds since 1970. */
  readonly start: number
  readonly end: number
  readonly attributes: Attributes
  /** The value of `error.type` where it failed. */
  readonly failure: string | undefined
}

/**
 * Records a span that began in the past: events come when something is over. It is a child of the span that is active
 * where the event is told. Messages of errors are not recorded; servers quote in them what they were sent.
 */
export function recordSpan(tracer: Tracer, past: PastSpan): void {
  const { name, kind, start, end, attributes, failure } = past
  const span = tracer.startSpan(name, { kind, startTime: start, attributes })
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
  span.end(end)
}
