/**
 * Objects as the in-memory API server keeps them: plain JSON that nobody changes in place.
 *
 * @module
 */

import { isRecord } from '../objects/kube-object.ts'

/** A map of JSON. */
export type JsonMap = Readonly<Record<string, unknown>>

/** Metadata of an object that the server has taken. */
export interface StoredMeta {
  readonly name: string
  readonly namespace?: string | undefined
  readonly uid: string
  readonly resourceVersion: string
  readonly creationTimestamp: string
  readonly [member: string]: unknown
}

/** An object that the server has taken. */
export interface StoredObject {
  readonly metadata: StoredMeta
  readonly [member: string]: unknown
}

/** A value as it comes through the wire: a copy, without what JSON cannot hold. */
export function wireCopy(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text === undefined ? undefined : JSON.parse(text)
}

/** Whether two values are the same JSON, in whatever order their members are. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => isSameJson(item, b[i]))
    )
  if (!isRecord(a) || !isRecord(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSameJson(a[name], b[name]))
  )
}

/** A map with some members set, or taken out where they are `undefined`. */
export function withMembers(map: JsonMap, members: JsonMap): JsonMap {
  const entries = new Map(Object.entries(map))
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) entries.delete(name)
    else entries.set(name, value)
  }
  return Object.fromEntries(entries)
}

/** A map of only some of its members. */
export function onlyMembers(map: JsonMap, names: readonly string[]): JsonMap {
  return Object.fromEntries(Object.entries(map).filter(([name]) => names.includes(name)))
}

/** A member of a map that may be none. */
export function memberAt(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** An object's metadata with some members set, or taken out where they are `undefined`. */
export function withMeta(object: JsonMap, members: JsonMap): JsonMap {
  const metadata = object['metadata']
  return { ...object, metadata: withMembers(isRecord(metadata) ? metadata : {}, members) }
}
