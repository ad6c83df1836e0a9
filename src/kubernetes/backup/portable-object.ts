/**
 * An object as it can be made again, in this cluster or another.
 *
 * @module
 */

import { isRecord, type KubeObject } from '../objects/kube-object.ts'

/**
 * What the API server sets, and what names objects by a uid that they no longer have: an owner that is not found makes the
 * garbage collector delete the object.
 */
const SERVER_OWNED: readonly string[] = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
  'ownerReferences',
]

/** The object without what the server owns. `status`: whether to keep what controllers said about it. */
export function portableObject(object: KubeObject, status: 'drop' | 'keep'): KubeObject {
  const metadata: unknown = object.metadata
  const kept = Object.fromEntries(
    Object.entries(isRecord(metadata) ? metadata : {}).filter(([name]) => !SERVER_OWNED.includes(name)),
  )
  const members = Object.entries(object).filter(([name]) => status === 'keep' || name !== 'status')
  return { ...Object.fromEntries(members), metadata: kept }
}
