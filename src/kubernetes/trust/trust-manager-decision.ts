/**
 * Whether trust-manager has distributed a Bundle.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'
import { conditionOf } from '../objects/condition.ts'
import { type KubeObject, numberAt, recordAt } from '../objects/kube-object.ts'

/** What {@link decideTrustManagerSync} looks at. */
export interface TrustManagerSyncInput {
  /** A `trust.cert-manager.io/v1alpha1` Bundle; `undefined` where there is none. */
  readonly bundle: KubeObject | undefined
}

/** How far trust-manager is. */
export type TrustManagerSync =
  | { readonly state: 'synced' }
  /** It has not looked at this generation yet, or is at it. */
  | { readonly state: 'waiting'; readonly why: string }
  /** It says that it cannot. */
  | { readonly state: 'failed'; readonly why: string }
  | { readonly state: 'missing' }

/**
 * Decides by the condition `Synced`: it counts only for the generation that was looked at.
 *
 * **Warning**: a change of a source is no change of the Bundle, so `Synced` may still be about the roots before. Look at the
 * target too, with `findTrustDrift` or `rootConfigMapStep`.
 *
 * @example
 * ```ts
 * import { decideTrustManagerSync, type KubeObject } from 'mesh-pki/kubernetes'
 *
 * declare const bundle: KubeObject
 * const { state } = decideTrustManagerSync({ bundle })
 * ```
 */
export function decideTrustManagerSync(input: TrustManagerSyncInput): TrustManagerSync {
  checkOptionNames(input, ['bundle'], 'decideTrustManagerSync')
  const { bundle } = input
  if (bundle === undefined) return { state: 'missing' }
  const synced = conditionOf(bundle, 'Synced')
  if (synced === undefined) return { state: 'waiting', why: 'trust-manager has not looked at it' }
  const generation = numberAt(bundle.metadata, 'generation')
  const observed = synced.observedGeneration ?? numberAt(recordAt(bundle, 'status'), 'observedGeneration')
  if (generation !== undefined && (observed ?? -1) < generation)
    return { state: 'waiting', why: 'trust-manager has not looked at this generation' }
  if (synced.status === 'True') return { state: 'synced' }
  const why = synced.message === '' ? synced.reason : synced.message
  return synced.status === 'False' ? { state: 'failed', why } : { state: 'waiting', why }
}
