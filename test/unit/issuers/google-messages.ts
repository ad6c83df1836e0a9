/**
 * Messages of Google's APIs as JSON, as the doubles of them read and refuse them.
 */

export type Json = Readonly<Record<string, unknown>>

/** google.rpc.Status in the form of HTTP (AIP-193): `error.code` is the HTTP status, `error.status` the name of the code. */
export class Refused extends Error {
  readonly status: number
  readonly body: Json

  constructor(status: number, code: string, message: string, details: readonly Json[] = []) {
    super(message)
    this.status = status
    this.body = { error: { code: status, message, status: code, details } }
  }
}

export function objectOf(value: unknown, field: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refused(400, 'INVALID_ARGUMENT', `${field} is no message`)
  return value as Json
}

export const memberOf = (message: Json, field: string): Json => objectOf(message[field], field)

export function textOf(message: Json, field: string): string {
  const value = message[field]
  if (typeof value !== 'string') throw new Refused(400, 'INVALID_ARGUMENT', `${field} is no string`)
  return value
}
