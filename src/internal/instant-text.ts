/**
 * Instants as text, in the one form that our JSON documents have: `2026-01-01T00:00:00Z`.
 *
 * @module
 */

/** Writes an instant of whole seconds. */
export const instantText = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')

/** Milliseconds of an instant that was written here. */
export const instantOf = (text: string): number => Date.parse(text)
