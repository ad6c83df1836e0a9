/**
 * Attributes of metrics and spans: names of OpenTelemetry's own where it has one, else below `mesh_pki`.
 *
 * @module
 */

import type { Attributes } from '@opentelemetry/api'
import { failureLabel } from '../internal/backoff.ts'
import { escapeText } from '../internal/text.ts'

/** Characters of a value. Names of objects have 253 at most (RFC 1123), trust domains 255. */
const MAX_VALUE = 256

/** What is given, without what is absent. Values are bounded and harmless to print. */
export function attributes(values: Readonly<Record<string, string | number | undefined>>): Attributes {
  const found: Attributes = {}
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) found[name] = typeof value === 'number' ? value : escapeText(value, MAX_VALUE)
  }
  return found
}

/**
 * The value of `error.type`: the code of an error, or its name; never its message. Few values, as metrics need.
 * `_OTHER` where it has neither, as OpenTelemetry's conventions have it; `undefined` where there is no error.
 */
export function errorType(error: unknown): string | undefined {
  if (error === undefined) return undefined
  const label = failureLabel(error)
  // Of what has neither name nor code the label is a phrase, which begins with a small article.
  return /^an? /.test(label) ? '_OTHER' : (label.split(' ').at(-1) ?? '_OTHER')
}
