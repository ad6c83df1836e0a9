/**
 * What instruments have in common.
 *
 * @module
 */

import type { MetricOptions } from '@opentelemetry/api'

/**
 * A histogram of durations. The boundaries are those that OpenTelemetry advises for HTTP requests
 * (semantic conventions, `http.client.request.duration`), and two above, since issuers take minutes.
 */
export const SECONDS: MetricOptions = {
  unit: 's',
  advice: {
    explicitBucketBoundaries: [
      0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 60, 300,
    ],
  },
}

/** A histogram of how late something was: from a second to a week. */
export const LATENESS: MetricOptions = {
  unit: 's',
  advice: { explicitBucketBoundaries: [1, 10, 60, 300, 900, 3600, 14_400, 86_400, 604_800] },
}
