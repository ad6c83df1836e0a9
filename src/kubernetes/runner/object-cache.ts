/**
 * The objects of one kind as they were last seen, by UID.
 *
 * @module
 */

import type { KubeObject, ObjectName } from '../objects/kube-object.ts'

/** What has become of an object. */
export interface ObjectChange {
  readonly type: 'added' | 'updated' | 'deleted'
  /** As it is now; of a deleted one, as it was last seen. */
  readonly object: KubeObject
  /** As it was before, of an updated one. */
  readonly previous?: KubeObject
}

/** `namespace/name`; the name alone for what is cluster-scoped. */
export function keyOf({ metadata }: KubeObject): string {
  const { name = '', namespace } = metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}

/** The name and the namespace in a key. */
export function nameOfKey(key: string): ObjectName {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/**
 * Keeps objects and says what changes. An object that was deleted and made anew under its name is another one: that is a deletion
 * and an addition, also where both were missed.
 */
export class ObjectCache {
  readonly #objects = new Map<string, KubeObject>()

  get size(): number {
    return this.#objects.size
  }

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key)
  }

  objects(): readonly KubeObject[] {
    return [...this.#objects.values()]
  }

  /** An object was seen. */
  see(object: KubeObject): readonly ObjectChange[] {
    const key = keyOf(object)
    const previous = this.#objects.get(key)
    if (previous !== undefined && isSame(previous, object)) return []
    this.#objects.set(key, object)
    if (previous === undefined) return [{ type: 'added', object }]
    return previous.metadata.uid === object.metadata.uid
      ? [{ type: 'updated', object, previous }]
      : [
          { type: 'deleted', object: previous },
          { type: 'added', object },
        ]
  }

  /** An object was deleted. A late word about an earlier one of its name changes nothing. */
  drop(object: KubeObject): readonly ObjectChange[] {
    const key = keyOf(object)
    const found = this.#objects.get(key)
    if (found === undefined || found.metadata.uid !== object.metadata.uid) return []
    this.#objects.delete(key)
    return [{ type: 'deleted', object }]
  }

  /** These are all objects there are. */
  replaceAll(objects: readonly KubeObject[]): readonly ObjectChange[] {
    const keys = new Set(objects.map(keyOf))
    const gone = [...this.#objects]
      .filter(([key]) => !keys.has(key))
      .flatMap(([, object]) => this.drop(object))
    return [...gone, ...objects.flatMap((object) => this.see(object))]
  }
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  const { uid, resourceVersion } = a.metadata
  return (
    resourceVersion !== undefined && resourceVersion === b.metadata.resourceVersion && uid === b.metadata.uid
  )
}
