/**
 * Where `awsPrivateCaIssuer` remembers what it asked for: AWS Private CA lists no certificates, and finds one by its ARN alone.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { StoreProblem } from './request-record.ts'

/**
 * Keeps short texts by the name of a request: a table, a file, a ConfigMap. Nothing in them is secret. One store serves
 * one CA, and one process at a time.
 *
 * @example
 * ```ts
 * import type { AwsRequestStore } from 'mesh-pki/issuers/aws-private-ca'
 * import { readFile, rename, rm, writeFile } from 'node:fs/promises'
 *
 * const folder = '/var/lib/mesh/aws-requests'
 * const store: AwsRequestStore = {
 *   get: (requestId) =>
 *     readFile(`${folder}/${requestId}`, 'utf8').catch((error) => {
 *       // Any other failure must be thrown: what was forgotten by mistake is asked for a second time.
 *       if (error.code === 'ENOENT') return undefined
 *       throw error
 *     }),
 *   set: async (requestId, record) => {
 *     await writeFile(`${folder}/${requestId}.new`, record)
 *     await rename(`${folder}/${requestId}.new`, `${folder}/${requestId}`)
 *   },
 *   delete: (requestId) => rm(`${folder}/${requestId}`, { force: true }),
 * }
 * ```
 */
export interface AwsRequestStore {
  /** What was kept; `undefined` only where nothing was. */
  get(requestId: string): Promise<string | undefined> | string | undefined
  set(requestId: string, record: string): Promise<unknown> | unknown
  delete(requestId: string): Promise<unknown> | unknown
}

/** The option "store". @throws `TypeError`. */
export function readStore(value: AwsRequestStore | undefined): AwsRequestStore {
  if (value === undefined) return new MemoryStore()
  if (
    typeof value?.get !== 'function' ||
    typeof value.set !== 'function' ||
    typeof value.delete !== 'function'
  )
    throw new TypeError(`option "store" must have the methods get, set and delete; got ${typeName(value)}`)
  return value
}

/** Requests that are remembered: as a rule only those of the last minutes are asked about. */
const MAX_REMEMBERED = 1024

/** Forgets those that were handed out, oldest first; those that nobody has seen the end of never. */
class MemoryStore implements AwsRequestStore {
  readonly #records = new Map<string, string>()

  get(requestId: string): string | undefined {
    return this.#records.get(requestId)
  }

  set(requestId: string, record: string): void {
    this.#records.delete(requestId)
    if (this.#records.size >= MAX_REMEMBERED) this.#forgetOne()
    this.#records.set(requestId, record)
  }

  delete(requestId: string): void {
    this.#records.delete(requestId)
  }

  #forgetOne(): void {
    for (const [requestId, record] of this.#records) {
      if (!record.includes('"delivered":true')) continue
      this.#records.delete(requestId)
      return
    }
    throw new StoreProblem(`${MAX_REMEMBERED} requests are open, whose end nobody has seen`)
  }
}
