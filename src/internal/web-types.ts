/**
 * Types of the web platform, where the program that uses us declares them: by `lib.dom`, `@types/node`, or
 * another runtime's types. Elsewhere a structural stand-in, so that our declarations compile everywhere.
 *
 * @module
 */

import type { AbortSignalLike } from './abort.ts'

/** What a response can be asked for where there is no `Response` type. */
export interface ResponseLike {
  readonly status: number
  readonly headers: HeadersLike
  arrayBuffer(): Promise<ArrayBuffer>
  text(): Promise<string>
}

/** Headers as they are read. */
export interface HeadersLike {
  get(name: string): string | null
}

/** `Response`. */
export type WebResponse = typeof globalThis extends { Response: { prototype: infer R } } ? R : ResponseLike

/** `AbortSignal`. */
export type WebAbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer S } }
  ? S
  : AbortSignalLike
