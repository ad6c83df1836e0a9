/**
 * Server-side apply, reduced to maps, sets and lists with keys: what structured-merge-diff does, without schemas of
 * its own.
 *
 * @module
 */

import { isRecord } from '../objects/kube-object.ts'
import { serverFailure } from './api-refusal.ts'
import {
  elementsOf,
  type FieldSet,
  fieldSetOf,
  itemElement,
  type ListKeys,
  union,
  without,
} from './field-set.ts'
import { fieldsOf, isSameManager, type Manager, ownershipsAtApply } from './managed-fields.ts'
import { isSameJson, type JsonMap } from './stored-object.ts'

/** What an apply makes of an object. */
export interface Applied {
  readonly object: JsonMap
  /** What the manager owns from now on. */
  readonly fields: FieldSet
}

/**
 * Merges what is applied into the object as it is, and takes out what the manager applied before, applies no longer
 * and nobody else owns.
 *
 * @throws `ApiRefusal` 500 for items of a list that lack their key or stand twice, as the server does.
 */
export function applyConfiguration(
  live: JsonMap,
  configuration: JsonMap,
  manager: Manager,
  listKeys: ListKeys,
): Applied {
  checkItems(configuration, [], listKeys)
  const fields = fieldSetOf(configuration, listKeys)
  const merged = merge(live, configuration, [], listKeys)
  const ownerships = ownershipsAtApply(live, manager.apiVersion, listKeys)
  const others = ownerships.filter((one) => !isSameManager(one, manager))
  const owned = union(fields, ...others.map((one) => one.fields))
  const dropped = without(fieldsOf(ownerships, manager), owned)
  // An item before its members: without its key it would not be found.
  const inOrder = [...dropped].sort((a, b) => a.length - b.length)
  const object = inOrder.reduce((next, path) => removeAt(next, elementsOf(path), owned, path), merged)
  return { object: isRecord(object) ? object : live, fields }
}

function checkItems(value: unknown, names: readonly string[], listKeys: ListKeys): void {
  if (isRecord(value)) {
    for (const [name, member] of Object.entries(value)) checkItems(member, [...names, name], listKeys)
    return
  }
  if (!Array.isArray(value)) return
  const kind = listKeys(names)
  if (kind === 'atomic' || kind === 'set') return
  const path = `.${names.join('.')}`
  const seen = new Set<string>()
  for (const [i, item] of value.entries()) {
    const element = itemElement(item, kind)
    if (element === undefined)
      throw serverFailure(
        `failed to create typed patch object: ${path}: element ${i}: associative list with keys has an element that omits key field "${kind[0]}"`,
      )
    if (seen.has(element))
      throw serverFailure(`failed to create typed patch object: ${path}: duplicate entries for key`)
    seen.add(element)
    checkItems(item, names, listKeys)
  }
}

function merge(live: unknown, wanted: unknown, names: readonly string[], listKeys: ListKeys): unknown {
  if (isRecord(live) && isRecord(wanted)) {
    const members = new Map(Object.entries(live))
    for (const [name, value] of Object.entries(wanted))
      members.set(name, merge(members.get(name), value, [...names, name], listKeys))
    return Object.fromEntries(members)
  }
  if (!Array.isArray(live) || !Array.isArray(wanted)) return wanted
  const kind = listKeys(names)
  if (kind === 'atomic') return wanted
  if (kind === 'set')
    return [...live, ...wanted.filter((item) => !live.some((known) => isSameJson(known, item)))]
  const items = new Map<string, unknown>()
  for (const item of live) items.set(itemElement(item, kind) ?? `${items.size}`, item)
  for (const item of wanted) {
    const element = itemElement(item, kind) ?? ''
    items.set(element, merge(items.get(element), item, names, listKeys))
  }
  return [...items.values()]
}

/** Takes a field out, unless something below it is owned. */
function removeAt(value: unknown, elements: readonly string[], owned: FieldSet, path: string): unknown {
  const [element = '', ...rest] = elements
  const rest2 = element.slice(2)
  if (element.startsWith('f:')) {
    if (!isRecord(value) || !Object.hasOwn(value, rest2)) return value
    const members = new Map(Object.entries(value))
    if (rest.length > 0) members.set(rest2, removeAt(members.get(rest2), rest, owned, path))
    else if (!hasOwnedBelow(owned, path)) members.delete(rest2)
    return Object.fromEntries(members)
  }
  if (!Array.isArray(value)) return value
  const isMeant = (item: unknown): boolean =>
    element.startsWith('v:') ? JSON.stringify(item) === rest2 : isItem(item, rest2)
  if (rest.length > 0) return value.map((item) => (isMeant(item) ? removeAt(item, rest, owned, path) : item))
  return hasOwnedBelow(owned, path) ? value : value.filter((item) => !isMeant(item))
}

function isItem(item: unknown, keys: string): boolean {
  const parsed: unknown = JSON.parse(keys)
  return isRecord(parsed) && itemElement(item, Object.keys(parsed)) === `k:${keys}`
}

function hasOwnedBelow(owned: FieldSet, path: string): boolean {
  const prefix = `${path}\u0000`
  return [...owned].some((one) => one.startsWith(prefix))
}
