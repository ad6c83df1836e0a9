/**
 * Objects of the Kubernetes API as they come over the wire.
 *
 * @module
 */

import type { ObjectMetaLike } from './secret-like.ts'

/**
 * An object of any kind, with every member that the server sent: what is read, changed and written again loses nothing.
 * What a member holds is `unknown` until a codec has read it.
 */
export interface KubeObject {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata: ObjectMetaLike
  readonly [member: string]: unknown
}

/** What names one object of a kind. */
export interface ObjectName {
  readonly name: string
  /** Left out for what is cluster-scoped. */
  readonly namespace?: string | undefined
}

/** What names one object in a namespace. */
export interface NamespacedName {
  readonly name: string
  readonly namespace: string
}

/** An object or its part: a map of members. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a value can be taken for an object: a map with metadata. */
export function isKubeObject(value: unknown): value is KubeObject {
  return isRecord(value) && isRecord(value['metadata'])
}

/** A member as a map; an empty one where it is anything else. For members that this library only looks into. */
export function recordAt(value: unknown, member: string): Readonly<Record<string, unknown>> {
  const found = isRecord(value) && Object.hasOwn(value, member) ? value[member] : undefined
  return isRecord(found) ? found : {}
}

/** A member as a list; an empty one where it is anything else. */
export function listAt(value: unknown, member: string): readonly unknown[] {
  const found = isRecord(value) && Object.hasOwn(value, member) ? value[member] : undefined
  return Array.isArray(found) ? found : []
}

/** A member as text; `undefined` where it is anything else. */
export function textAt(value: unknown, member: string): string | undefined {
  const found = isRecord(value) && Object.hasOwn(value, member) ? value[member] : undefined
  return typeof found === 'string' ? found : undefined
}

/** A member as a number; `undefined` where it is anything else. */
export function numberAt(value: unknown, member: string): number | undefined {
  const found = isRecord(value) && Object.hasOwn(value, member) ? value[member] : undefined
  return typeof found === 'number' ? found : undefined
}

/** What tells that an object has changed, without what it holds: for a cache that is only asked for that. */
export function onlyVersion({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } }
}
