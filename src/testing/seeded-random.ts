/**
 * Random bytes that come out the same for the same seed.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import type { RandomSource } from '../internal/web-crypto.ts'

/**
 * Makes a source of bytes: SHA-256 of seed and counter.
 *
 * **Warning**: for tests only. Whoever knows the seed knows every byte.
 *
 * @example
 * ```ts
 * import { createRootCa } from 'mesh-pki/ca'
 * import { seededRandom } from 'mesh-pki/testing'
 *
 * const root = await createRootCa({ subject: 'CN=Test root', lifetime: '1d', random: seededRandom('serials') })
 * ```
 */
export function seededRandom(seed: string | number): RandomSource {
  const prefix = new TextEncoder().encode(`mesh-pki/testing ${seed} `)
  let counter = 0
  let pool = new Uint8Array()
  let used = 0
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      if (used === pool.length) {
        pool = sha256(Uint8Array.from([...prefix, ...new TextEncoder().encode(String(counter++))]))
        used = 0
      }
      bytes[i] = pool[used++] ?? 0
    }
    return bytes
  }
}
