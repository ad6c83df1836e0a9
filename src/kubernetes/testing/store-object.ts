/**
 * How the in-memory API server puts an object in: what it sets, what of a change counts, and every rule of the kind.
 *
 * @module
 */

import { isRecord, listAt, textAt } from '../objects/kube-object.ts'
import { alreadyExists, Causes } from './api-refusal.ts'
import { type FakeKind, hasStatusPart, tableOf } from './fake-kind.ts'
import { afterApply, afterUpdate, type Manager } from './managed-fields.ts'
import { validateMeta, validateMetaUpdate } from './meta-rules.ts'
import { keyOf } from './object-store.ts'
import { shown } from './reads.ts'
import { applyConfiguration } from './server-side-apply.ts'
import {
  isSameJson,
  type JsonMap,
  memberAt,
  type StoredObject,
  withMembers,
  withMeta,
} from './stored-object.ts'
import type { WriteContext } from './write-context.ts'

/** What is set by the server alone. */
const SYSTEM_MEMBERS: readonly string[] = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'selfLink',
]

/** Puts a new object in; `applied` is the configuration that an apply came with. @throws `ApiRefusal`. */
export function insert(
  context: WriteContext,
  incoming: JsonMap,
  manager: Manager,
  applied?: JsonMap,
): JsonMap {
  const { store, kind, request } = context
  const name = textAt(incoming['metadata'], 'name') ?? ''
  const key = keyOf(name, request.namespace)
  const prepared = kind.rules.onCreate?.(incoming, context) ?? incoming
  const plain =
    hasStatusPart(kind) && kind.rules.onCreate === undefined
      ? withMembers(prepared, { status: undefined })
      : prepared
  const object = withMeta(plain, {
    namespace: request.namespace,
    name,
    uid: context.newUid(),
    creationTimestamp: context.now,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    generation: kind.generation === 'none' ? undefined : 1,
  })
  const causes = new Causes()
  checkNewName(context, name, causes)
  validateMeta(object, causes)
  kind.rules.validate?.(object, causes, context)
  causes.refuse(kind.resource, name)
  const before = store.get(tableOf(kind.resource), key)
  kind.rules.admit?.(object, undefined, context)
  if (before !== undefined)
    throw alreadyExists({ resource: kind.resource, name }, before.metadata['deletionTimestamp'] !== undefined)
  const owned =
    applied === undefined
      ? afterUpdate({}, object, manager, context.now, kind.listKeys)
      : ownedByApply(context, object, manager, applied)
  return shown(
    kind,
    store.put(tableOf(kind.resource), key, storedOf(withMeta(object, { managedFields: owned }))),
  )
}

function ownedByApply(
  context: WriteContext,
  object: JsonMap,
  manager: Manager,
  configuration: JsonMap,
): readonly JsonMap[] | undefined {
  const { listKeys } = context.kind
  const { fields } = applyConfiguration({}, configuration, manager, listKeys)
  return afterApply({}, object, manager, fields, { force: true, time: context.now, listKeys })
}

/** Puts a changed object in; `applied` is who owns what after an apply. @throws `ApiRefusal`. */
export function update(
  context: WriteContext,
  before: StoredObject,
  incoming: JsonMap,
  manager: Manager,
  applied?: readonly JsonMap[],
): JsonMap {
  const { store, kind, request } = context
  const table = tableOf(kind.resource)
  const key = keyOf(before.metadata.name, before.metadata.namespace)
  const next = prepareUpdate(context, before, incoming)
  const isReset = listAt(incoming['metadata'], 'managedFields').some(
    (one) => isRecord(one) && Object.keys(one).length === 0,
  )
  const owned = isReset
    ? undefined
    : (applied ?? afterUpdate(before, next, manager, context.now, kind.listKeys))
  const kept = owned === undefined || owned.length === 0 ? undefined : owned
  const managed = withMeta(next, { managedFields: kept, generation: generationOf(kind, before, next) })
  const causes = new Causes()
  validateMeta(managed, causes)
  validateMetaUpdate(withMeta(managed, { uid: textAt(incoming['metadata'], 'uid') }), before, causes)
  if (request.part !== 'finalize') kind.rules.validate?.(managed, causes, context)
  kind.rules.validateUpdate?.(managed, before, causes, context)
  causes.refuse(kind.resource, before.metadata.name)
  kind.rules.admit?.(managed, before, context)
  const stored = storedOf(withMeta(managed, { resourceVersion: before.metadata.resourceVersion }))
  if (isSameJson(stored, before)) return shown(kind, before)
  const isDeleting = before.metadata['deletionTimestamp'] !== undefined
  const held = listAt(stored.metadata, 'finalizers').length > 0
  const isHeld = held || (table === '/namespaces' && listAt(stored['spec'], 'finalizers').length > 0)
  if (isDeleting && !isHeld) {
    // What is answered is what would have been written: the version is the old one.
    store.delete(table, key)
    return shown(kind, stored)
  }
  return shown(kind, store.put(table, key, stored))
}

/** What of a change counts: main writes leave the status alone, writes of a part all but the part. */
function prepareUpdate(context: WriteContext, before: StoredObject, incoming: JsonMap): JsonMap {
  const { kind, request } = context
  const { part } = request
  const system = Object.fromEntries(
    SYSTEM_MEMBERS.map((member) => [member, memberAt(before.metadata, member)]),
  )
  const own = withMeta(incoming, { ...system, namespace: before.metadata.namespace })
  const ruled = kind.rules.onUpdate
  if (part === undefined) {
    const next = ruled?.(own, before, context) ?? own
    return hasStatusPart(kind) ? withMembers(next, { status: before['status'] }) : next
  }
  if (ruled !== undefined && part !== 'status') return ruled(own, before, context)
  const next =
    kind.isCustom || ruled === undefined
      ? withMembers({ ...before }, { status: own['status'] })
      : ruled(own, before, context)
  return withMembers(next, { apiVersion: own['apiVersion'], kind: own['kind'] })
}

function generationOf(kind: FakeKind, before: StoredObject, next: JsonMap): unknown {
  const old = before.metadata['generation']
  if (kind.generation === 'none' || typeof old !== 'number') return old
  const counted = (object: JsonMap): JsonMap =>
    withMembers(object, {
      metadata: undefined,
      apiVersion: undefined,
      kind: undefined,
      ...(kind.generation === 'spec' ? { status: undefined } : {}),
    })
  return isSameJson(counted(before), counted(next)) ? old : old + 1
}

/** @throws `TypeError` for what the functions above would not have let pass. */
function storedOf(object: JsonMap): StoredObject {
  const { metadata } = object
  if (!isRecord(metadata)) throw new TypeError('the object has no metadata')
  const { name, uid, resourceVersion = '', creationTimestamp } = metadata
  if (
    typeof name !== 'string' ||
    typeof uid !== 'string' ||
    typeof resourceVersion !== 'string' ||
    typeof creationTimestamp !== 'string'
  )
    throw new TypeError('the object has no name')
  const { namespace, ...rest } = metadata
  const place = typeof namespace === 'string' ? { namespace } : {}
  const plain = withMembers(object, { apiVersion: undefined, kind: undefined })
  return { ...plain, metadata: { ...rest, ...place, name, uid, resourceVersion, creationTimestamp } }
}

function checkNewName({ kind }: WriteContext, name: string, causes: Causes): void {
  const fault = name === '' ? undefined : kind.rules.nameFault?.(name)
  if (name === '') causes.required('metadata.name', 'name or generateName is required')
  else if (fault !== undefined) causes.invalid('metadata.name', `${JSON.stringify(name)}: ${fault}`)
}
