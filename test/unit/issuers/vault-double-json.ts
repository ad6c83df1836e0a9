/**
 * What the parts of the double of Vault share.
 */

export type Json = Readonly<Record<string, unknown>>

/** HTTP API, Error response: `errors` is a list of texts. */
export class Refused extends Error {
  readonly status: number
  readonly errors: readonly string[]

  constructor(status: number, ...errors: readonly string[]) {
    super(errors.join())
    this.status = status
    this.errors = errors
  }
}

/** A field that is text. */
export function field(body: Json, name: string): string {
  const value = body[name]
  if (typeof value !== 'string') throw new Refused(400, `missing ${name}`)
  return value
}
