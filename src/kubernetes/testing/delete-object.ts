/**
 * `DELETE` in the in-memory API server, with preconditions and finalizers.
 *
 * @module
 */

import { isRecord, listAt, recordAt } from '../objects/kube-object.ts'
import { badRequest, conflict, forbidden, invalidOptions, notFound, serverFailure } from './api-refusal.ts'
import { tableOf } from './fake-kind.ts'
import { keyOf } from './object-store.ts'
import { shown } from './reads.ts'
import { type JsonMap, memberAt, type StoredMeta, type StoredObject } from './stored-object.ts'
import { find, targetOf, type WriteAnswer, type WriteContext } from './write-context.ts'

/** Deletes an object, or marks it as being deleted. @throws `ApiRefusal`. */
export function deleteObject(context: WriteContext, body: unknown): WriteAnswer {
  const { kind } = context
  const options = readDeleteOptions(body)
  const before = find(context)
  if (before === undefined) throw notFound(targetOf(context))
  const { uid, resourceVersion } = recordAt(options, 'preconditions')
  if (uid !== undefined && uid !== before.metadata.uid)
    throw conflict(
      targetOf(context),
      `the UID in the precondition (${String(uid)}) does not match the UID in record (${before.metadata.uid})`,
    )
  if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion)
    throw conflict(
      targetOf(context),
      `the ResourceVersion in the precondition (${String(resourceVersion)}) does not match the ResourceVersion in record (${before.metadata.resourceVersion})`,
    )
  const isForeground = options['propagationPolicy'] === 'Foreground'
  const marked = isForeground ? withFinalizer(before, 'foregroundDeletion') : before
  const left = remove(context, marked)
  if (left !== undefined) return { status: 200, body: shown(kind, left) }
  return {
    status: 200,
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: {
        name: before.metadata.name,
        ...(kind.resource.group === '' ? {} : { group: kind.resource.group }),
        kind: kind.resource.plural,
        uid: before.metadata.uid,
      },
    },
  }
}

/** Namespaces that the server never lets go. */
const LASTING: readonly string[] = ['default', 'kube-system', 'kube-public']

/** Takes an object out; what has finalizers stays, marked, and is answered. */
export function remove(context: WriteContext, object: StoredObject): StoredObject | undefined {
  const { store, kind } = context
  const table = tableOf(kind.resource)
  const key = keyOf(object.metadata.name, object.metadata.namespace)
  const isNamespace = table === '/namespaces'
  if (isNamespace && LASTING.includes(object.metadata.name))
    throw forbidden(
      { resource: kind.resource, name: object.metadata.name },
      'this namespace may not be deleted',
    )
  const holders = isNamespace ? listAt(object['spec'], 'finalizers') : []
  if (holders.length === 0 && listAt(object.metadata, 'finalizers').length === 0) {
    store.delete(table, key)
    return undefined
  }
  if (object.metadata['deletionTimestamp'] !== undefined) return object
  const generation = memberAt(object.metadata, 'generation')
  const metadata: StoredMeta = {
    ...object.metadata,
    deletionTimestamp: context.now,
    ...(isNamespace ? {} : { deletionGracePeriodSeconds: 0 }),
    ...(typeof generation === 'number' ? { generation: generation + 1 } : {}),
  }
  const status = isNamespace ? { status: { ...recordAt(object, 'status'), phase: 'Terminating' } } : {}
  return store.put(table, key, { ...object, ...status, metadata })
}

function withFinalizer(object: StoredObject, finalizer: string): StoredObject {
  const finalizers = [...listAt(object.metadata, 'finalizers'), finalizer]
  return { ...object, metadata: { ...object.metadata, finalizers } }
}

function readDeleteOptions(body: unknown): JsonMap {
  if (body === undefined || body === null) return {}
  if (!isRecord(body)) throw badRequest('the options are not an object')
  const type = body['kind']
  if (type !== undefined && type !== 'DeleteOptions')
    throw serverFailure(`no kind ${JSON.stringify(type)} is registered for version "v1"`)
  const policy = body['propagationPolicy']
  if (policy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(String(policy)))
    throw invalidOptions('DeleteOptions', {
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify(policy)}`,
      field: 'propagationPolicy',
    })
  return body
}
