/**
 * Why an enrollment failed, for the client and for the server.
 *
 * @module
 */

/**
 * The codes that a client is told. They are stable; `docs/enrollment.md` has a row for each.
 */
export type EnrollmentFailureCode =
  | 'certificate'
  | 'content-type'
  | 'csr'
  | 'key-reused'
  | 'malformed'
  | 'method'
  | 'name'
  | 'not-found'
  | 'rate-limited'
  | 'refused'
  | 'timeout'
  | 'too-large'
  | 'unauthorized'
  | 'unavailable'

/** What a refusal is made of. */
interface RefusalParts {
  /** For the server alone, where it differs from what the client is told. */
  readonly reason?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly error?: unknown
}

/** A request that gets no certificate. Its message goes to the client, its reason to the server's events. */
export class EnrollmentRefusal extends Error {
  readonly status: number
  readonly code: EnrollmentFailureCode
  readonly reason: string
  readonly headers: Readonly<Record<string, string>>
  readonly error: unknown

  constructor(status: number, code: EnrollmentFailureCode, message: string, parts: RefusalParts = {}) {
    super(message)
    this.name = 'EnrollmentRefusal'
    this.status = status
    this.code = code
    this.reason = parts.reason ?? message
    this.headers = parts.headers ?? {}
    this.error = parts.error
  }
}

/** The one answer to every token that does not count, so that guessing tells nothing. */
export function unauthorized(reason: string): EnrollmentRefusal {
  return new EnrollmentRefusal(401, 'unauthorized', 'the enrollment token is not accepted', {
    reason,
    headers: { 'www-authenticate': 'Bearer' },
  })
}

/** The one answer to every client certificate that does not count. */
export function badCertificate(reason: string, error?: unknown): EnrollmentRefusal {
  return new EnrollmentRefusal(
    403,
    'certificate',
    'the client certificate is not accepted; the log of the server says why',
    { reason, error },
  )
}

/** The one answer to everything that is our own fault. */
export function unavailable(reason: string, error?: unknown): EnrollmentRefusal {
  return new EnrollmentRefusal(
    503,
    'unavailable',
    'no certificate can be issued at present; the log of the server says why',
    { reason, error, headers: { 'retry-after': '5' } },
  )
}
