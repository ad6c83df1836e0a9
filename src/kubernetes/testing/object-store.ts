/**
 * The objects of the in-memory API server, with one counter of versions and the history that watches and pages need.
 *
 * @module
 */

import type { StoredObject } from './stored-object.ts'

/** One change. */
export interface StoreEvent {
  readonly version: number
  /** `group/plural`. */
  readonly table: string
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** As it is after the change; what was deleted as it was, with the version of the deletion. */
  readonly object: StoredObject
  readonly before: StoredObject | undefined
}

/** `namespace/name`, or the name of what is cluster-scoped: the order of keys is etcd's. */
export function keyOf(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

/** A version that this store has compacted away. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError'
}

/** Objects by kind and key. What is in it is never changed in place. */
export class ObjectStore {
  readonly #tables = new Map<string, Map<string, StoredObject>>()
  readonly #listeners = new Set<() => void>()
  readonly #limit: number
  #history: StoreEvent[] = []
  #version = 1
  #compacted = 0

  /** Keeps at least the last `limit` changes, and never more than twice as many. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The version of the last change. */
  get version(): number {
    return this.#version
  }

  /** What happened up to this version is forgotten. */
  get compacted(): number {
    return this.#compacted
  }

  get(table: string, key: string): StoredObject | undefined {
    return this.#tables.get(table)?.get(key)
  }

  /** Puts an object in and gives it its version. */
  put(table: string, key: string, object: StoredObject): StoredObject {
    const rows = this.#rows(table)
    const before = rows.get(key)
    const stored = withVersion(object, this.#version + 1)
    rows.set(key, stored)
    this.#record(table, before === undefined ? 'ADDED' : 'MODIFIED', stored, before)
    return stored
  }

  /** Takes an object out. */
  delete(table: string, key: string): void {
    const rows = this.#rows(table)
    const before = rows.get(key)
    if (before === undefined) return
    rows.delete(key)
    this.#record(table, 'DELETED', withVersion(before, this.#version + 1), before)
  }

  /** Objects of a kind as they were at a version, in the order of their keys. @throws {@link CompactedError}. */
  list(table: string, version: number = this.#version): readonly (readonly [string, StoredObject])[] {
    return [...this.#rowsAt(table, version)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  }

  /** An object as it was at a version. @throws {@link CompactedError}. */
  getAt(table: string, key: string, version: number): StoredObject | undefined {
    return version >= this.#version ? this.get(table, key) : this.#rowsAt(table, version).get(key)
  }

  /** The first change after a version, up to another. @throws {@link CompactedError}. */
  next(after: number, upTo: number): StoreEvent | undefined {
    if (after < this.#compacted) throw new CompactedError()
    // Each change has its own version, so that its place is known.
    const [first] = this.#history
    if (first === undefined) return undefined
    const event = this.#history[Math.max(0, after + 1 - first.version)]
    return event !== undefined && event.version <= upTo ? event : undefined
  }

  /** Forgets how it came to a version. */
  compact(version: number): void {
    if (version <= this.#compacted) return
    this.#compacted = Math.min(version, this.#version)
    this.#history = this.#history.filter((event) => event.version > this.#compacted)
  }

  /** Tells a listener of every change, after it. Answers what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #rows(table: string): Map<string, StoredObject> {
    const rows = this.#tables.get(table) ?? new Map<string, StoredObject>()
    this.#tables.set(table, rows)
    return rows
  }

  #rowsAt(table: string, version: number): ReadonlyMap<string, StoredObject> {
    const now = this.#rows(table)
    if (version >= this.#version) return now
    if (version < this.#compacted) throw new CompactedError()
    const rows = new Map(now)
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const event = this.#history[i]
      if (event === undefined || event.version <= version) break
      if (event.table !== table) continue
      const { name, namespace } = event.object.metadata
      if (event.before === undefined) rows.delete(keyOf(name, namespace))
      else rows.set(keyOf(name, namespace), event.before)
    }
    return rows
  }

  #record(
    table: string,
    type: StoreEvent['type'],
    object: StoredObject,
    before: StoredObject | undefined,
  ): void {
    const version = ++this.#version
    this.#history.push({ version, table, type, object, before })
    if (this.#history.length > 2 * this.#limit) this.compact(version - this.#limit)
    for (const listener of [...this.#listeners]) listener()
  }
}

function withVersion(object: StoredObject, version: number): StoredObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
}
