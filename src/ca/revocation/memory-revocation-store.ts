/**
 * A revocation store for one process.
 *
 * @module
 */

import type { RevocationState } from './revocation-state.ts'
import { checkRevocationState } from './revocation-state-reader.ts'
import type { RevocationStore } from './revocation-store.ts'

/**
 * Keeps the state in memory, for tests and for CAs that live as long as their process.
 *
 * **Warning**: what it holds is gone when the process ends; the next one would revoke nothing and count from 1.
 *
 * @throws `MeshPkiError` `ERR_CA_REVOCATION_STATE` for an `initial` that is no state.
 *
 * @example
 * ```ts
 * import { memoryRevocationStore, writeRevocationState } from 'mesh-pki/ca'
 *
 * const store = memoryRevocationStore()
 * const found = await store.read()
 * if (found !== undefined) console.log(writeRevocationState(found.state))
 * ```
 */
export function memoryRevocationStore(initial?: RevocationState): RevocationStore {
  let state = initial === undefined ? undefined : checkRevocationState(initial)
  let version = 0
  return {
    read: async () => (state === undefined ? undefined : { version: String(version), state }),
    async replace(expected, next) {
      if (expected !== (state === undefined ? undefined : String(version))) return false
      state = checkRevocationState(next)
      version++
      return true
    },
  }
}
