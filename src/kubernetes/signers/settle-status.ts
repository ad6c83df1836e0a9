/**
 * Writes the status of an object until it is known what stands there.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError, KubeError } from '../api/kube-error.ts'
import type { KubeResource, Subresource } from '../api/kube-resource.ts'
import type { KubeObject } from '../objects/kube-object.ts'

/** What to do about what was found. `stop: undefined` says that what was wanted is there. */
export type SettleAction = { readonly write: KubeObject } | { readonly stop: string | undefined }

/** How it ended. */
export interface SettledStatus {
  /** Whether a write of ours was done, as far as is known. */
  readonly written: boolean
  /** Why it was not written; `undefined` where what was wanted is there. */
  readonly why: string | undefined
}

/** Tries, as client-go's `DefaultRetry`. */
const MAX_TRIES = 5

/**
 * Writes what `decide` makes of the object, with the version that it had. After a conflict, and where a write may have been
 * done, the object is read and `decide` is asked again: nothing is sent twice without a look between.
 *
 * `decide` is given `undefined` where the object is gone.
 *
 * @throws `KubeError` of the write that was refused, of the read that failed, or of the fifth conflict.
 */
export async function settleStatus(
  client: KubeClient,
  resource: KubeResource,
  start: KubeObject,
  decide: (found: KubeObject | undefined) => SettleAction,
  signal: AbortSignalLike | undefined,
  part: Subresource = 'status',
): Promise<SettledStatus> {
  const { name = '', namespace } = start.metadata
  let found: KubeObject | undefined = start
  let isWritten = false
  for (let attempt = 1; ; attempt++) {
    const next = decide(found)
    if ('stop' in next) return { written: isWritten && next.stop === undefined, why: next.stop }
    try {
      await client.replace(resource, next.write, { part, signal })
      return { written: true, why: undefined }
    } catch (error) {
      const isUnknown = error instanceof KubeError && error.outcome === 'unknown'
      const isStale = isKubeError(error, 'ERR_KUBERNETES_CONFLICT', 'ERR_KUBERNETES_NOT_FOUND')
      if (attempt >= MAX_TRIES || !(isUnknown || isStale) || signal?.aborted === true) throw error
      isWritten ||= isUnknown
      found = await client.find(resource, { name, namespace }, { signal })
    }
  }
}
