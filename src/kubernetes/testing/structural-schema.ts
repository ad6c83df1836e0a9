/**
 * Schemas of CustomResourceDefinitions, as far as the in-memory API server knows them: what is dropped, what is filled
 * in, and the plainest rules.
 *
 * @module
 */

import { isRecord, listAt, recordAt, textAt } from '../objects/kube-object.ts'
import type { Causes } from './api-refusal.ts'
import type { ListKeys, ListKind } from './field-set.ts'
import { isSameJson, type JsonMap } from './stored-object.ts'

const PRESERVE = 'x-kubernetes-preserve-unknown-fields'

/** How deep schemas are followed. */
const MAX_DEPTH = 64

/** A value without what its schema lacks, and with the defaults of what it lacks. */
export function pruned(value: unknown, schema: JsonMap, depth = 0): unknown {
  if (depth > MAX_DEPTH) return value
  if (Array.isArray(value)) return value.map((item) => pruned(item, recordAt(schema, 'items'), depth + 1))
  if (!isRecord(value)) return value
  const properties = recordAt(schema, 'properties')
  const more = schema['additionalProperties']
  const keepsAll = schema[PRESERVE] === true || schema['x-kubernetes-embedded-resource'] === true
  const members = new Map<string, unknown>()
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : isRecord(more) ? more : undefined
    if (isRecord(known)) {
      if (member === null && known['nullable'] !== true) continue
      members.set(name, pruned(member, known, depth + 1))
    } else if (keepsAll || more === true) members.set(name, member)
  }
  for (const [name, property] of Object.entries(properties))
    if (!members.has(name) && isRecord(property) && Object.hasOwn(property, 'default'))
      members.set(name, property['default'])
  return Object.fromEntries(members)
}

/** What of a value breaks its schema: types, required members, `enum`, `pattern`, bounds and lengths. */
export function validateBySchema(
  value: unknown,
  schema: JsonMap,
  field: string,
  causes: Causes,
  depth = 0,
): void {
  const type = textAt(schema, 'type')
  if (depth > MAX_DEPTH || (value === null && schema['nullable'] === true)) return
  if (!isOfType(value, type, schema)) {
    causes.invalid(field, `${field} in body must be of type ${type}`)
    return
  }
  const known = schema['enum']
  if (Array.isArray(known) && !known.some((one) => isSameJson(one, value)))
    causes.unsupported(field, value, known.map(String))
  if (typeof value === 'string') validateText(value, schema, field, causes)
  if (typeof value === 'number') validateNumber(value, schema, field, causes)
  if (Array.isArray(value)) {
    validateCount(value.length, schema, 'Items', field, causes)
    for (const [i, item] of value.entries())
      validateBySchema(item, recordAt(schema, 'items'), `${field}[${i}]`, causes, depth + 1)
  } else if (isRecord(value)) validateMembers(value, schema, field, causes, depth)
}

function validateMembers(
  value: JsonMap,
  schema: JsonMap,
  field: string,
  causes: Causes,
  depth: number,
): void {
  const properties = recordAt(schema, 'properties')
  const more = schema['additionalProperties']
  for (const name of listAt(schema, 'required'))
    if (typeof name === 'string' && !Object.hasOwn(value, name)) causes.required(below(field, name))
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : more
    if (isRecord(known)) validateBySchema(member, known, below(field, name), causes, depth + 1)
  }
}

const below = (field: string, name: string): string => (field === '' ? name : `${field}.${name}`)

function isOfType(value: unknown, type: string | undefined, schema: JsonMap): boolean {
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'string' || Number.isInteger(value)
  switch (type) {
    case 'object':
      return isRecord(value)
    case 'array':
      return Array.isArray(value)
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === type
    case 'integer':
      return Number.isInteger(value)
    default:
      return true
  }
}

function validateText(value: string, schema: JsonMap, field: string, causes: Causes): void {
  validateCount(value.length, schema, 'Length', field, causes)
  const pattern = textAt(schema, 'pattern')
  if (pattern !== undefined && compiled(pattern)?.test(value) === false)
    causes.invalid(field, `${field} in body should match '${pattern}'`)
}

/** Patterns are Go's; what this runtime cannot read is not checked. */
function compiled(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return undefined
  }
}

function validateNumber(value: number, schema: JsonMap, field: string, causes: Causes): void {
  const { minimum, maximum } = schema
  if (typeof minimum === 'number' && value < minimum)
    causes.invalid(field, `${field} in body should be greater than or equal to ${minimum}`)
  if (typeof maximum === 'number' && value > maximum)
    causes.invalid(field, `${field} in body should be less than or equal to ${maximum}`)
}

function validateCount(
  count: number,
  schema: JsonMap,
  what: 'Items' | 'Length',
  field: string,
  causes: Causes,
): void {
  const min = schema[`min${what}`]
  const max = schema[`max${what}`]
  if (typeof min === 'number' && count < min)
    causes.invalid(field, `${field} in body should have at least ${min}`)
  if (typeof max === 'number' && count > max)
    causes.invalid(field, `${field} in body should have at most ${max}`)
}

/** Which lists have keys by a schema: `x-kubernetes-list-type`. */
export function listKeysOf(schema: JsonMap): ListKeys {
  return (names) => {
    if (names[0] === 'metadata') return metaListKind(names)
    let at: JsonMap = schema
    for (const name of names) {
      while (textAt(at, 'type') === 'array') at = recordAt(at, 'items')
      const properties = recordAt(at, 'properties')
      at = Object.hasOwn(properties, name) ? recordAt(properties, name) : recordAt(at, 'additionalProperties')
    }
    const type = textAt(at, 'x-kubernetes-list-type')
    if (type === 'set') return 'set'
    if (type !== 'map') return 'atomic'
    return listAt(at, 'x-kubernetes-list-map-keys').filter((key) => typeof key === 'string')
  }
}

function metaListKind(names: readonly string[]): ListKind {
  if (names.at(-1) === 'finalizers') return 'set'
  return names.at(-1) === 'ownerReferences' ? ['uid'] : 'atomic'
}
