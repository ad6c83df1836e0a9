/**
 * `POST` and `PUT` in the in-memory API server.
 *
 * @module
 */

import { recordAt, textAt } from '../objects/kube-object.ts'
import { conflict, notFound, serverFailure } from './api-refusal.ts'
import { insert, update } from './store-object.ts'
import { withMeta } from './stored-object.ts'
import {
  checkName,
  checkVersion,
  find,
  managerOf,
  readObject,
  targetOf,
  type WriteAnswer,
  type WriteContext,
} from './write-context.ts'

/** Makes an object. @throws `ApiRefusal`. */
export function createObject(context: WriteContext, body: unknown): WriteAnswer {
  const incoming = readObject(context, body)
  const meta = recordAt(incoming, 'metadata')
  if ((textAt(meta, 'resourceVersion') ?? '') !== '')
    throw serverFailure('resourceVersion should not be set on objects to be created')
  const given = textAt(meta, 'name') ?? ''
  const prefix = textAt(meta, 'generateName') ?? ''
  const name = given !== '' || prefix === '' ? given : `${prefix}${context.newSuffix()}`
  context.checkNamespace(context.request.namespace)
  return { status: 201, body: insert(context, withMeta(incoming, { name }), managerOf(context, 'Update')) }
}

/** Writes a whole object over the one that is there. @throws `ApiRefusal`. */
export function updateObject(context: WriteContext, body: unknown): WriteAnswer {
  const { kind, request } = context
  const incoming = readObject(context, body)
  const meta = recordAt(incoming, 'metadata')
  checkName(context, textAt(meta, 'name'))
  const manager = managerOf(context, 'Update')
  const before = find(context)
  if (before === undefined) {
    if (!kind.createsOnUpdate || request.part !== undefined) throw notFound(targetOf(context))
    const uid = textAt(meta, 'uid') ?? ''
    if (uid !== '') throw conflict(targetOf(context), `Precondition failed: UID in precondition: ${uid}`)
    context.checkCreate()
    context.checkNamespace(request.namespace)
    return { status: 201, body: insert(context, withMeta(incoming, { resourceVersion: undefined }), manager) }
  }
  checkVersion(context, before, textAt(meta, 'resourceVersion') ?? '', kind.allowsBlindUpdate)
  const uid = textAt(meta, 'uid') ?? ''
  if (uid !== '' && uid !== before.metadata.uid)
    throw conflict(
      targetOf(context),
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
    )
  return { status: 200, body: update(context, before, incoming, manager) }
}
