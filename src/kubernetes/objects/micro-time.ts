/**
 * Instants as Leases and Events have them.
 *
 * @module
 */

/** `2026-01-01T00:00:00.000000Z`: the server takes exactly six digits (`meta/v1` MicroTime). */
export function microTime(instant: Date): string {
  return instant.toISOString().replace('Z', '000Z')
}
