/**
 * What a transport over TLS proves itself with: a token, a file with one that changes, or a certificate.
 *
 * @module
 */

import { open, stat } from 'node:fs/promises'
import { MeshPkiError } from '../../errors.ts'
import type { Clock } from '../../internal/clock.ts'

/** Where a token or a certificate of CAs comes from. */
export type FileOrText = { readonly file: string } | { readonly text: string }

/** How long what was read from a file counts; kubelet renews tokens an hour before their end. */
const MAX_AGE_MS = 60_000

/** Longer than any token or bundle of CAs. */
const MAX_BYTES = 1 << 20

/** What a text must be; answers what is wrong with it, or `undefined`. */
export type TextCheck = (text: string) => string | undefined

/**
 * A text that may come from a file, which is read again once in a while. What the file holds counts only where it passes the
 * check: an emptied file is one that is being replaced.
 */
export class FileText {
  readonly #source: FileOrText
  readonly #clock: Clock
  readonly #what: string
  readonly #check: TextCheck
  #text: string | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<string> | undefined

  /** `what` names it in errors. */
  constructor(source: FileOrText, clock: Clock, what: string, check: TextCheck) {
    this.#source = source
    this.#clock = clock
    this.#what = what
    this.#check = check
  }

  /** The text, as it is now or was at most a minute ago. `fresh` reads it in any case. @throws `MeshPkiError`. */
  async get(fresh = false): Promise<string> {
    const source = this.#source
    if ('text' in source) return this.#checked(source.text)
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
      this.#text = this.#checked(new TextDecoder().decode(await readStart(file)))
      this.#readAt = this.#clock.now().getTime()
      return this.#text
    } catch (error) {
      // What was read before may still be good: the file is being replaced.
      if (this.#text !== undefined) return this.#text
      if (error instanceof MeshPkiError) throw error
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
      throw new MeshPkiError('ERR_KUBERNETES_UNAUTHORIZED', `the ${this.#what} cannot be read${code}`)
    }
  }

  #checked(text: string): string {
    const fault = text.length > MAX_BYTES ? `is longer than ${MAX_BYTES} bytes` : this.#check(text)
    if (fault === undefined) return text
    throw new MeshPkiError('ERR_KUBERNETES_UNAUTHORIZED', `the ${this.#what} ${fault}`)
  }
}

/** The file, but of a long one only a little more than is taken. What is no file, such as a pipe, is not waited for. */
async function readStart(file: string): Promise<Uint8Array> {
  if (!(await stat(file)).isFile()) throw new RangeError('no file')
  const handle = await open(file)
  try {
    const bytes = new Uint8Array(MAX_BYTES + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === bytes.length) return bytes.subarray(0, length)
    }
  } finally {
    await handle.close()
  }
}

/**
 * What is wrong with a bundle of CAs. Without a certificate in it Node would take the CAs of the machine for it, which is
 * everybody who ever had a certificate of the Web.
 */
export const caFault: TextCheck = (text) =>
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(text) ? undefined : 'holds no certificate'

/** What is wrong with a token. */
export const tokenFault: TextCheck = (text) =>
  /^[\x21-\x7e]+$/.test(text.trim()) ? undefined : 'is empty, or has characters that no token has'

/** A token as it goes into a header. */
export function bearerOf(text: string): string {
  return `Bearer ${text.trim()}`
}
