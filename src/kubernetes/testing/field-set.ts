/**
 * Sets of fields, as `managedFields` records who owns what (`FieldsV1` of `meta/v1`).
 *
 * @module
 */

import { isRecord } from '../objects/kube-object.ts'
import { isSameJson, type JsonMap } from './stored-object.ts'

/** Which lists have keys. Asked with the names on the way to a list. */
export type ListKeys = (path: readonly string[]) => ListKind

/** `'atomic'`: one value. `'set'`: its items are owned one by one. Else the members that are the key of an item. */
export type ListKind = 'atomic' | 'set' | readonly string[]

/** Fields by their path: elements in the notation of `FieldsV1`, joined. */
export type FieldSet = ReadonlySet<string>

const JOIN = '\u0000'

/** Members that nobody owns. */
const UNOWNED: readonly string[] = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
]

/** An object without what nobody owns. */
function ownable(object: JsonMap): JsonMap {
  const entries = Object.entries(object).flatMap(([name, value]): [string, unknown][] => {
    if (name === 'apiVersion' || name === 'kind') return []
    if (name !== 'metadata' || !isRecord(value)) return [[name, value]]
    const metadata = Object.entries(value).filter(([member]) => !UNOWNED.includes(member))
    return metadata.length === 0 ? [] : [['metadata', Object.fromEntries(metadata)]]
  })
  return Object.fromEntries(entries)
}

/** The element of a list's item with keys; `undefined` where it lacks one. */
export function itemElement(item: unknown, keys: readonly string[]): string | undefined {
  if (!isRecord(item)) return undefined
  const parts = keys.map((key) => (Object.hasOwn(item, key) ? [key, item[key]] : undefined))
  if (parts.some((part) => part === undefined)) return undefined
  return `k:${JSON.stringify(Object.fromEntries(parts.filter((part) => part !== undefined)))}`
}

/** A place in an object: elements, and the names alone. */
interface Place {
  readonly path: string
  readonly names: readonly string[]
}

const ROOT: Place = { path: '', names: [] }

function within(place: Place, element: string, name?: string): Place {
  return {
    path: place.path === '' ? element : `${place.path}${JOIN}${element}`,
    names: name === undefined ? place.names : [...place.names, name],
  }
}

/** What somebody owns who applies an object: its leaves and its items. */
export function fieldSetOf(object: JsonMap, listKeys: ListKeys): FieldSet {
  const found = new Set<string>()
  collect(ownable(object), ROOT, listKeys, found, false)
  return found
}

function collect(
  value: unknown,
  place: Place,
  listKeys: ListKeys,
  into: Set<string>,
  withParents: boolean,
): void {
  if (isRecord(value)) {
    const names = Object.keys(value)
    if ((names.length === 0 || withParents) && place.path !== '') into.add(place.path)
    for (const name of names)
      collect(value[name], within(place, `f:${name}`, name), listKeys, into, withParents)
    return
  }
  const kind = Array.isArray(value) ? listKeys(place.names) : 'atomic'
  if (!Array.isArray(value) || kind === 'atomic') {
    into.add(place.path)
    return
  }
  if (withParents) into.add(place.path)
  for (const item of value) {
    const element = kind === 'set' ? `v:${JSON.stringify(item)}` : itemElement(item, kind)
    if (element === undefined) continue
    const at = within(place, element)
    into.add(at.path)
    if (kind !== 'set') collect(item, at, listKeys, into, withParents)
  }
}

/** What differs between two objects. */
export interface FieldDifference {
  /** Added or changed. */
  readonly changed: FieldSet
  readonly removed: FieldSet
}

/** Compares two objects field by field. */
export function compareFields(before: JsonMap, after: JsonMap, listKeys: ListKeys): FieldDifference {
  const changed = new Set<string>()
  const removed = new Set<string>()
  compare(ownable(before), ownable(after), ROOT, listKeys, changed, removed)
  return { changed, removed }
}

function compare(
  a: unknown,
  b: unknown,
  place: Place,
  listKeys: ListKeys,
  changed: Set<string>,
  removed: Set<string>,
): void {
  if (a === undefined && b === undefined) return
  if (a === undefined) collect(b, place, listKeys, changed, true)
  else if (b === undefined) collect(a, place, listKeys, removed, true)
  else if (isRecord(a) && isRecord(b)) {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)]))
      compare(own(a, name), own(b, name), within(place, `f:${name}`, name), listKeys, changed, removed)
  } else if (Array.isArray(a) && Array.isArray(b) && listKeys(place.names) !== 'atomic') {
    const items = itemsOf(a, place, listKeys)
    const others = itemsOf(b, place, listKeys)
    for (const element of new Set([...items.keys(), ...others.keys()]))
      compare(items.get(element), others.get(element), within(place, element), listKeys, changed, removed)
  } else if (!isSameJson(a, b)) changed.add(place.path)
}

const own = (map: JsonMap, name: string): unknown => (Object.hasOwn(map, name) ? map[name] : undefined)

function itemsOf(list: readonly unknown[], { names }: Place, listKeys: ListKeys): Map<string, unknown> {
  const kind = listKeys(names)
  const items = new Map<string, unknown>()
  for (const item of list) {
    const element =
      kind === 'set' ? `v:${JSON.stringify(item)}` : kind === 'atomic' ? undefined : itemElement(item, kind)
    if (element !== undefined) items.set(element, item)
  }
  return items
}

/** What is in a set and not in another. */
export function without(set: FieldSet, other: FieldSet): FieldSet {
  return new Set([...set].filter((path) => !other.has(path)))
}

/** What is in both sets. */
export function common(set: FieldSet, other: FieldSet): FieldSet {
  return new Set([...set].filter((path) => other.has(path)))
}

/** What is in one of the sets. */
export function union(...sets: readonly FieldSet[]): FieldSet {
  return new Set(sets.flatMap((set) => [...set]))
}

/** Whether two sets are the same. */
export function isSameSet(a: FieldSet, b: FieldSet): boolean {
  return a.size === b.size && [...a].every((path) => b.has(path))
}

/** The elements of a path. */
export function elementsOf(path: string): readonly string[] {
  return path.split(JOIN)
}

/** A path as refusals show it: `.status.conditions[type="Ready"].status`. */
export function pathText(path: string): string {
  return elementsOf(path)
    .map((element) => {
      const rest = element.slice(2)
      if (element.startsWith('f:')) return `.${rest}`
      if (element.startsWith('v:')) return `[=${rest}]`
      const keys: unknown = JSON.parse(rest)
      const told = Object.entries(isRecord(keys) ? keys : {}).map(
        ([key, value]) => `${key}=${JSON.stringify(value)}`,
      )
      return `[${told.join(',')}]`
    })
    .join('')
}

interface Tree extends Map<string, Tree> {}

/** A set as `fieldsV1`. */
export function toFieldsV1(set: FieldSet): JsonMap {
  const root: Tree = new Map<string, Tree>()
  for (const path of [...set].sort()) {
    let at = root
    for (const element of elementsOf(path)) {
      const next: Tree = at.get(element) ?? new Map<string, Tree>()
      at.set(element, next)
      at = next
    }
  }
  const write = (tree: Tree, path: string): JsonMap => {
    const entries = [...tree].map(([element, below]): [string, unknown] => [
      element,
      write(below, path === '' ? element : `${path}${JOIN}${element}`),
    ])
    const isMember = path !== '' && set.has(path) && tree.size > 0
    return Object.fromEntries(isMember ? [['.', {}], ...entries] : entries)
  }
  return write(root, '')
}

/** A set from `fieldsV1`. */
export function fromFieldsV1(fields: unknown): FieldSet {
  const found = new Set<string>()
  const read = (tree: unknown, path: string): void => {
    if (!isRecord(tree)) return
    const elements = Object.keys(tree)
    if (elements.length === 0 && path !== '') found.add(path)
    for (const element of elements) {
      if (element === '.') found.add(path)
      else if (/^[fkv]:/.test(element))
        read(tree[element], path === '' ? element : `${path}${JOIN}${element}`)
    }
  }
  read(fields, '')
  return found
}
