/**
 * Keys of controllers for objects in namespaces.
 *
 * @module
 */

import type { NamespacedName } from '../objects/kube-object.ts'
import { nameOfKey } from '../runner/object-cache.ts'

/** The object of a key. @throws `TypeError` for a key without a namespace. */
export function namespacedKey(key: string): NamespacedName {
  const { namespace, name } = nameOfKey(key)
  if (namespace === undefined) throw new TypeError(`the key ${key} names no namespace`)
  return { namespace, name }
}
