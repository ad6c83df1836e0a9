/**
 * What a transport over TLS proves itself with: a token, a file with one that changes, or a certificate.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { MeshPkiError } from '../../errors.ts'
import type { Clock } from '../../internal/clock.ts'

/** Where a token or a certificate of CAs comes from. */
export type FileOrText = { readonly file: string } | { readonly text: string }

/** How long what was read from a file counts; kubelet renews tokens an hour before their end. */
const MAX_AGE_MS = 60_000

/** Longer than any token or bundle of CAs. */
const MAX_BYTES = 1 << 20

/** A text that may come from a file, which is read again once in a while. */
export class FileText {
  readonly #source: FileOrText
  readonly #clock: Clock
  readonly #what: string
  #text: string | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<string> | undefined

  /** `what` names it in errors. */
  constructor(source: FileOrText, clock: Clock, what: string) {
    this.#source = source
    this.#clock = clock
    this.#what = what
    this.#text = 'text' in source ? source.text : undefined
  }

  /** The text, as it is now or was at most a minute ago. `fresh` reads it in any case. @throws `MeshPkiError`. */
  async get(fresh = false): Promise<string> {
    const source = this.#source
    if ('text' in source) return source.text
    const age = this.#clock.now().getTime() - this.#readAt
    // A clock that was put back must not keep an old token alive.
    if (!fresh && this.#text !== undefined && age >= 0 && age < MAX_AGE_MS) return this.#text
    // Many requests at a time read it once.
    this.#reading ??= this.#read(source.file).finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(file: string): Promise<string> {
    try {
      const bytes = await readFile(file)
      if (bytes.length > MAX_BYTES) throw new RangeError('too large')
      this.#text = new TextDecoder().decode(bytes)
      this.#readAt = this.#clock.now().getTime()
      return this.#text
    } catch (error) {
      // What was read before may still be good: the file is being replaced.
      if (this.#text !== undefined) return this.#text
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
      throw new MeshPkiError('ERR_KUBERNETES_UNAUTHORIZED', `the ${this.#what} cannot be read${code}`)
    }
  }
}

/** A token as it goes into a header. @throws `MeshPkiError` for what cannot be one. */
export function bearerOf(text: string): string {
  const token = text.trim()
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new MeshPkiError(
      'ERR_KUBERNETES_UNAUTHORIZED',
      'the token is empty, or has characters that no token has',
    )
  return `Bearer ${token}`
}
