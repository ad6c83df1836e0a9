/**
 * What every write of the in-memory API server begins with: its object, its name, its version and its manager.
 *
 * @module
 */

import { apiVersionOf } from '../api/kube-resource.ts'
import { isRecord, textAt } from '../objects/kube-object.ts'
import { badRequest, conflict, invalid, invalidOptions, MODIFIED, serverFailure } from './api-refusal.ts'
import type { ApiRequest } from './api-request.ts'
import { type FakeKind, type RuleContext, tableOf } from './fake-kind.ts'
import type { Manager } from './managed-fields.ts'
import { decodeMeta } from './meta-rules.ts'
import { keyOf, type ObjectStore } from './object-store.ts'
import type { JsonMap, StoredObject } from './stored-object.ts'

const MAX_MANAGER = 128

/** What a write works with. */
export interface WriteContext extends RuleContext {
  readonly store: ObjectStore
  readonly kind: FakeKind
  readonly request: ApiRequest
  /** Makes the next UID. */
  newUid(): string
  /** Makes the end of a generated name. */
  newSuffix(): string
  /** Whether a namespace takes new objects. @throws `ApiRefusal`. */
  checkNamespace(name: string | undefined): void
  /** Whether the caller may also create. @throws `ApiRefusal` 403. */
  checkCreate(): void
}

/** What a write answers. */
export interface WriteAnswer {
  readonly status: number
  readonly body: JsonMap
}

/** Reads a body as an object of the kind. @throws `ApiRefusal` 400. */
export function readObject(context: WriteContext, body: unknown): JsonMap {
  const { kind, request } = context
  const { resource } = kind
  if (!isRecord(body))
    throw badRequest(`the object provided is unrecognized (must be of type ${resource.kind})`)
  const type = body['kind'] ?? (kind.isCustom ? undefined : resource.kind)
  const apiVersion = body['apiVersion'] ?? (kind.isCustom ? undefined : apiVersionOf(resource))
  if (typeof type !== 'string') throw badRequest("Object 'Kind' is missing")
  if (kind.isCustom && type !== resource.kind)
    throw invalid({ group: resource.group, kind: type }, textAt(body['metadata'], 'name'), [
      { reason: 'FieldValueInvalid', message: `Invalid value: must be ${resource.kind}`, field: 'kind' },
    ])
  if (type !== resource.kind || apiVersion !== apiVersionOf(resource))
    throw badRequest(
      `${type} in version ${JSON.stringify(apiVersion)} cannot be handled as a ${resource.kind}`,
    )
  const namespace = textAt(body['metadata'], 'namespace') ?? ''
  if (namespace !== '' && namespace !== request.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  const decoded = decodeMeta({ ...body, kind: type, apiVersion })
  return kind.rules.decode?.(decoded, context) ?? decoded
}

export const find = ({ store, kind, request }: WriteContext): StoredObject | undefined =>
  store.get(tableOf(kind.resource), keyOf(request.name ?? '', request.namespace))

export const targetOf = ({
  kind,
  request,
}: WriteContext): { resource: FakeKind['resource']; name: string | undefined } => ({
  resource: kind.resource,
  name: request.name,
})

export function managerOf(context: WriteContext, operation: Manager['operation']): Manager {
  const { request, kind, version } = context
  const name = request.query.get('fieldManager') ?? ''
  if (name.length > MAX_MANAGER)
    throw invalidOptions(
      request.verb === 'patch'
        ? 'PatchOptions'
        : request.verb === 'create'
          ? 'CreateOptions'
          : 'UpdateOptions',
      {
        reason: 'FieldValueTooLong',
        message: `Too long: must have at most ${MAX_MANAGER} bytes`,
        field: 'fieldManager',
      },
    )
  return {
    name: name === '' ? 'unknown' : name,
    operation,
    apiVersion: apiVersionOf(kind.resource),
    subresource: version === '1.20' ? undefined : request.part,
  }
}

export function checkName({ request }: WriteContext, name: string | undefined): void {
  if (name === undefined || name === '')
    throw badRequest(
      `the name of the object (${request.name} based on URL) was undeterminable: name must be provided`,
    )
  if (name !== request.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${request.name})`)
}

export function checkVersion(
  context: WriteContext,
  before: StoredObject,
  version: string,
  allowsBlind: boolean,
): void {
  if (version !== '' && !/^\d{1,15}$/.test(version))
    throw serverFailure(`strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`)
  const isBlind = version === '' || version === '0'
  if (isBlind && !allowsBlind) {
    const { resource } = context.kind
    throw invalid({ group: resource.group, kind: resource.plural }, before.metadata.name, [
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: 0x0: must be specified for an update',
        field: 'metadata.resourceVersion',
      },
    ])
  }
  if (!isBlind && version !== before.metadata.resourceVersion) throw conflict(targetOf(context), MODIFIED)
}
