/**
 * Where a secret could hide in what a caller gets to see.
 */
import { inspect } from 'node:util'

/** A value as logs print it: JSON, `inspect` with hidden members, and the same of its causes. */
export function everythingIn(value: unknown): readonly string[] {
  const texts: string[] = []
  const seen = new Set<unknown>()
  for (let at = value; at !== undefined && !seen.has(at); at = causeOf(at)) {
    seen.add(at)
    texts.push(inspect(at, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null }))
    texts.push(json(at))
    if (at instanceof Error) texts.push(at.message, String(at.stack))
  }
  return texts
}

const causeOf = (value: unknown): unknown => (value instanceof Error ? value.cause : undefined)

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}
