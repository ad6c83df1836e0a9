/**
 * `mesh-pki/inspect`: shows people what plain values mean.
 *
 * @module
 */

export { renderTimeline, type TimelineOptions } from './render-timeline.ts'
