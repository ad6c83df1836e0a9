/**
 * Who owns which fields of an object: `metadata.managedFields`.
 *
 * @module
 */

import { listAt, textAt } from '../objects/kube-object.ts'
import { ApiRefusal } from './api-refusal.ts'
import {
  common,
  compareFields,
  type FieldSet,
  fromFieldsV1,
  isSameSet,
  type ListKeys,
  pathText,
  toFieldsV1,
  union,
  without,
} from './field-set.ts'
import { type JsonMap, memberAt } from './stored-object.ts'

/** One who owns fields. */
export interface Manager {
  readonly name: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string | undefined
}

/** A manager with what it owns. */
export interface Ownership extends Manager {
  readonly time: string
  readonly fields: FieldSet
}

/** So many that only update are told apart; the server has the same number. */
const MAX_UPDATERS = 10

/** Whoever wrote what nobody has been recorded for, when the first apply comes. */
const BEFORE_FIRST_APPLY = 'before-first-apply'

/** Who owns what as an apply finds it: an object without any record has an owner, too. */
export function ownershipsAtApply(
  live: JsonMap,
  apiVersion: string,
  listKeys: ListKeys,
): readonly Ownership[] {
  const known = ownershipsOf(live)
  const fields = known.length > 0 ? new Set<string>() : compareFields({}, live, listKeys).changed
  if (fields.size === 0) return known
  const manager = {
    name: BEFORE_FIRST_APPLY,
    operation: 'Update',
    apiVersion,
    subresource: undefined,
  } as const
  return [{ ...manager, fields, time: textAt(live['metadata'], 'creationTimestamp') ?? '' }]
}

/** Reads `metadata.managedFields`. */
function ownershipsOf(object: JsonMap): readonly Ownership[] {
  return listAt(object['metadata'], 'managedFields').map((entry) => ({
    name: textAt(entry, 'manager') ?? '',
    operation: textAt(entry, 'operation') === 'Apply' ? 'Apply' : 'Update',
    apiVersion: textAt(entry, 'apiVersion') ?? '',
    subresource: textAt(entry, 'subresource'),
    time: textAt(entry, 'time') ?? '',
    fields: fromFieldsV1(memberAt(entry, 'fieldsV1')),
  }))
}

/** Writes `metadata.managedFields`; `undefined` where nobody owns anything. */
function toManagedFields(ownerships: readonly Ownership[]): readonly JsonMap[] | undefined {
  const kept = ownerships.filter(({ fields }) => fields.size > 0)
  if (kept.length === 0) return undefined
  const order = (a: Ownership, b: Ownership): number =>
    a.operation.localeCompare(b.operation) || a.time.localeCompare(b.time) || a.name.localeCompare(b.name)
  return merged(kept)
    .sort(order)
    .map(({ name, operation, apiVersion, subresource, time, fields }) => ({
      manager: name,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(fields),
      ...(subresource === undefined ? {} : { subresource }),
    }))
}

/** The oldest of too many are counted as one. */
function merged(ownerships: readonly Ownership[]): Ownership[] {
  const updaters = ownerships
    .filter(({ operation }) => operation === 'Update')
    .sort((a, b) => b.time.localeCompare(a.time))
  if (updaters.length <= MAX_UPDATERS) return [...ownerships]
  const old = updaters.slice(MAX_UPDATERS - 1)
  const [first] = old
  if (first === undefined) return [...ownerships]
  const fields = union(...old.map((one) => one.fields))
  return [...ownerships.filter((one) => !old.includes(one)), { ...first, name: 'ancient-changes', fields }]
}

/** Whether two are one. */
export function isSameManager(a: Manager, b: Manager): boolean {
  return (
    a.name === b.name &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    a.subresource === b.subresource
  )
}

/** What a manager owned so far. */
export function fieldsOf(ownerships: readonly Ownership[], manager: Manager): FieldSet {
  return ownerships.find((one) => isSameManager(one, manager))?.fields ?? new Set()
}

/** Who owns what after an update: who changes a field takes it, without a conflict. */
export function afterUpdate(
  before: JsonMap,
  after: JsonMap,
  manager: Manager,
  time: string,
  listKeys: ListKeys,
): readonly JsonMap[] | undefined {
  const { changed, removed } = compareFields(before, after, listKeys)
  const gone = union(changed, removed)
  const ownerships = ownershipsOf(before)
  const others = ownerships
    .filter((one) => !isSameManager(one, manager))
    .map((one) => ({ ...one, fields: without(one.fields, gone) }))
  const had = ownerships.find((one) => isSameManager(one, manager))
  const fields = union(without(had?.fields ?? new Set(), removed), changed)
  const isSame = had !== undefined && isSameSet(had.fields, fields) && changed.size === 0
  return toManagedFields([...others, { ...manager, fields, time: isSame ? had.time : time }])
}

/** Who owns what after an apply. @throws `ApiRefusal` 409 for fields of others, unless forced. */
export function afterApply(
  live: JsonMap,
  next: JsonMap,
  manager: Manager,
  applied: FieldSet,
  options: { readonly force: boolean; readonly time: string; readonly listKeys: ListKeys },
): readonly JsonMap[] | undefined {
  const { changed, removed } = compareFields(live, next, options.listKeys)
  const ownerships = ownershipsAtApply(live, manager.apiVersion, options.listKeys)
  const others = ownerships.filter((one) => !isSameManager(one, manager))
  const conflicts = others
    .map((one) => ({ one, fields: common(one.fields, changed) }))
    .filter(({ fields }) => fields.size > 0)
  if (conflicts.length > 0 && !options.force) throw managerConflict(conflicts)
  const kept = others.map((one) => ({ ...one, fields: without(one.fields, union(changed, removed)) }))
  const had = ownerships.find((one) => isSameManager(one, manager))
  const isSame =
    had !== undefined && isSameSet(had.fields, applied) && changed.size === 0 && removed.size === 0
  return toManagedFields([...kept, { ...manager, fields: applied, time: isSame ? had.time : options.time }])
}

function managerConflict(
  conflicts: readonly { readonly one: Ownership; readonly fields: FieldSet }[],
): ApiRefusal {
  const causes = conflicts.flatMap(({ one, fields }) => {
    const version = one.operation === 'Apply' ? '' : ` using ${one.apiVersion}`
    const message = `conflict with "${one.name}"${version}`
    return [...fields].map((path) => ({ reason: 'FieldManagerConflict', message, field: pathText(path) }))
  })
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`
  const told = causes.map(({ message, field }) => `${message}: ${field}`)
  return new ApiRefusal(409, {
    reason: 'Conflict',
    message: `Apply failed with ${count}: ${told.join('\n- ')}`,
    details: { causes },
  })
}
