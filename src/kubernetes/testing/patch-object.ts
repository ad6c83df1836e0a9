/**
 * `PATCH` in the in-memory API server: merge patches, JSON patches and server-side apply.
 *
 * @module
 */

import { apiVersionOf } from '../api/kube-resource.ts'
import type { KubeRequest } from '../api/kube-transport.ts'
import { isRecord, recordAt, textAt } from '../objects/kube-object.ts'
import { ApiRefusal, badRequest, conflict, invalid, invalidOptions, notFound } from './api-refusal.ts'
import { isTrue } from './api-request.ts'
import { hasStatusPart } from './fake-kind.ts'
import { afterApply } from './managed-fields.ts'
import { jsonPatch, mergePatch } from './patches.ts'
import { shown } from './reads.ts'
import { applyConfiguration } from './server-side-apply.ts'
import { insert, update } from './store-object.ts'
import { type JsonMap, onlyMembers, withMembers, withMeta } from './stored-object.ts'
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

/** Changes an object by a patch. @throws `ApiRefusal`. */
export function patchObject(
  context: WriteContext,
  body: unknown,
  contentType: KubeRequest['contentType'],
): WriteAnswer {
  if (contentType === 'application/apply-patch+yaml') return applyObject(context, body)
  if (isTrue(context.request.query, 'force'))
    throw invalidOptions('PatchOptions', {
      reason: 'FieldValueForbidden',
      message: 'Forbidden: may not be specified for non-apply patch',
      field: 'force',
    })
  const manager = managerOf(context, 'Update')
  const before = find(context)
  if (before === undefined) throw notFound(targetOf(context))
  const live = shown(context.kind, before)
  const patched = patchedBy(live, body, contentType)
  const next = readObject(context, patched)
  checkName(context, textAt(next['metadata'], 'name'))
  checkVersion(context, before, textAt(next['metadata'], 'resourceVersion') ?? '', true)
  return { status: 200, body: update(context, before, next, manager) }
}

function patchedBy(live: JsonMap, body: unknown, contentType: KubeRequest['contentType']): unknown {
  if (contentType === 'application/json-patch+json') return jsonPatch(live, body)
  if (contentType !== 'application/merge-patch+json')
    throw new ApiRefusal(415, {
      reason: 'UnsupportedMediaType',
      message: 'the body of the request was in an unknown format',
      details: {},
    })
  if (!isRecord(body))
    throw invalid({ group: '', kind: '' }, undefined, [
      { reason: 'FieldValueInvalid', message: 'Invalid value: not an object', field: 'patch' },
    ])
  return mergePatch(live, body)
}

function applyObject(context: WriteContext, body: unknown): WriteAnswer {
  const { kind, request } = context
  if ((request.query.get('fieldManager') ?? '') === '')
    throw invalidOptions('PatchOptions', {
      reason: 'FieldValueRequired',
      message: 'Required value: is required for apply patch',
      field: 'fieldManager',
    })
  const manager = managerOf(context, 'Apply')
  const configuration = readConfiguration(context, body)
  const meta = recordAt(configuration, 'metadata')
  const before = find(context)
  const name = textAt(meta, 'name')
  if (before === undefined) {
    if (request.part !== undefined) throw notFound(targetOf(context))
    checkName(context, name)
    const uid = textAt(meta, 'uid') ?? ''
    if (uid !== '')
      throw conflict(
        targetOf(context),
        `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
      )
    context.checkCreate()
    context.checkNamespace(request.namespace)
    // The version of what is not there does not count: the server makes it anew.
    const fresh = withMeta(configuration, { resourceVersion: undefined, managedFields: undefined })
    const own = readObject(context, fresh)
    return { status: 201, body: insert(context, own, manager, configuration) }
  }
  const live = shown(kind, before)
  const { object, fields } = applyConfiguration(live, configuration, manager, kind.listKeys)
  // What was applied is judged before it is compared with what is there.
  const ownership = afterApply(live, object, manager, fields, {
    force: isTrue(request.query, 'force'),
    time: context.now,
    listKeys: kind.listKeys,
  })
  checkName(context, name)
  checkVersion(context, before, textAt(meta, 'resourceVersion') ?? '', true)
  const uid = textAt(meta, 'uid') ?? ''
  const next = withMeta(readObject(context, object), uid === '' ? {} : { uid })
  return { status: 200, body: update(context, before, next, manager, ownership ?? []) }
}

/** Reads what is applied, and of it only what its path can write. */
function readConfiguration(context: WriteContext, body: unknown): JsonMap {
  const { kind, request } = context
  if (!isRecord(body)) throw badRequest('the body is not an object')
  const expected = apiVersionOf(kind.resource)
  if (body['apiVersion'] !== expected)
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${String(body['apiVersion'] ?? '')}, expected: ${expected}`,
    )
  if (body['kind'] !== kind.resource.kind) throw badRequest('the kind of the object is another')
  if (isRecord(body['metadata']) && body['metadata']['managedFields'] !== undefined)
    throw badRequest('metadata.managedFields must be nil')
  const meta = recordAt(body, 'metadata')
  if (request.part !== undefined)
    return {
      ...onlyMembers(body, ['apiVersion', 'kind', request.part === 'finalize' ? 'spec' : 'status']),
      metadata: onlyMembers(meta, ['name', 'namespace', 'uid', 'resourceVersion']),
    }
  return hasStatusPart(kind) ? withMembers(body, { status: undefined }) : body
}
