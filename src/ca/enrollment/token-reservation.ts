/**
 * One use of a token, from the header that brings it to the moment when it counts.
 *
 * @module
 */

import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { toHex } from '../../internal/bytes.ts'
import { escapeText } from '../../internal/text.ts'
import { systemRandom } from '../../internal/web-crypto.ts'
import type { HeadersLike } from '../../internal/web-types.ts'
import type { CheckedHandlerOptions } from './enrollment-options.ts'
import { type EnrollmentRefusal, unauthorized, unavailable } from './enrollment-refusal.ts'
import { enrollmentTokenHash, MAX_TOKEN, tokenId } from './enrollment-token.ts'
import type { TokenRefusalReason, TokenStore } from './token-store.ts'

/** A scheme in any case (RFC 9110 §11.1), and a token (RFC 6750 §2.1). */
const BEARER = /^bearer +([a-z0-9._~+/-]+=*) *$/i

/** How much longer a use is reserved than a request may take. */
const MARGIN_MS = 60_000

const REASONS: Readonly<Record<TokenRefusalReason, string>> = {
  unknown: 'the store has no such token',
  expired: 'the token has expired',
  used: 'the token was used as often as it may be',
  reserved: 'every use of the token that is left is under way, by another request or one that broke off',
  name: 'the token is bound to another cluster',
}

/** Reserves a use, and then counts it or gives it back. What the store says goes to the server alone. */
export class TokenReservation {
  readonly #hash: string
  readonly #store: TokenStore
  readonly #leaseMs: number
  readonly #lease: string

  private constructor(hash: string, { tokens, limits }: CheckedHandlerOptions) {
    this.#hash = hash
    this.#store = tokens
    this.#leaseMs = limits.timeoutMs + MARGIN_MS
    this.#lease = toHex(systemRandom(new Uint8Array(16)))
  }

  /** The token of a request. @throws `EnrollmentRefusal` 401. */
  static of(headers: HeadersLike, options: CheckedHandlerOptions): TokenReservation {
    const header = headers.get('authorization')
    if (header === null || header === '') throw unauthorized('the request has no token')
    const token = header.length > MAX_TOKEN + 16 ? undefined : BEARER.exec(header)?.[1]
    if (token === undefined || token.length > MAX_TOKEN)
      throw unauthorized('the header "authorization" has no bearer token (RFC 6750 §2.1)')
    return new TokenReservation(enrollmentTokenHash(token), options)
  }

  /** What events call the token. */
  get tokenId(): string {
    return tokenId(this.#hash)
  }

  /** @throws `EnrollmentRefusal` 401, 503; the signal's reason. */
  async reserve(name: string, signal: AbortSignalLike): Promise<void> {
    const use = { name, lease: this.#lease, leaseMs: this.#leaseMs }
    const asking = this.#ask(() => this.#store.consume(this.#hash, use))
    let found: Awaited<typeof asking>
    try {
      found = await orAborted(asking, signal)
    } catch (error) {
      // It may be reserved yet, by an answer that nobody waits for, or one that was lost.
      asking.then(
        () => this.release(),
        () => this.release(),
      )
      throw error
    }
    if (found?.ok === true) return
    const reason = found?.ok === false ? REASONS[found.reason] : undefined
    if (reason === undefined) throw unavailable('the token store answered something that "consume" cannot')
    throw unauthorized(reason)
  }

  /** @throws `EnrollmentRefusal` 503; the signal's reason. */
  async commit(signal: AbortSignalLike): Promise<void> {
    if (
      (await orAborted(
        this.#ask(() => this.#store.commit(this.#hash, this.#lease)),
        signal,
      )) === true
    )
      return
    throw unavailable(
      'the reservation of the token had ended before the certificate was there; it is not released',
    )
  }

  /** Gives the use back. Where that fails it is free when the lease ends. */
  release(): void {
    this.#ask(() => this.#store.release(this.#hash, this.#lease)).catch(() => {})
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw this.#storeError(error)
    }
  }

  /** Its message may quote a query, and so the hash; the error itself is kept back for the same reason. */
  #storeError(error: unknown): EnrollmentRefusal {
    const message = error instanceof Error ? error.message : 'it threw something that is no error'
    // Databases write hexadecimal digits in either case.
    const safe = message.replace(new RegExp(this.#hash, 'gi'), `${this.tokenId}…`)
    return unavailable(`the token store failed: ${escapeText(safe)}`)
  }
}
