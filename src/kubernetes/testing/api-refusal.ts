/**
 * What the in-memory API server refuses: the `Status` objects of `meta/v1`, in the server's words.
 *
 * @module
 */

import type { KubeResource } from '../api/kube-resource.ts'
import type { KubeResponse } from '../api/kube-transport.ts'
import type { JsonMap } from './stored-object.ts'

/** One of the reasons of a refusal. */
export interface RefusalCause {
  readonly reason: string
  readonly message: string
  readonly field?: string
}

/** What a refusal says besides its status. */
export interface RefusalDetails {
  readonly reason?: string | undefined
  readonly message?: string | undefined
  readonly details?: JsonMap | undefined
  readonly retryAfterSeconds?: number | undefined
  /** Metadata of the `Status`: a list that expired has another token to go on with. */
  readonly metadata?: JsonMap | undefined
}

/** A request that is answered with a failure. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal'
  readonly status: number
  /** The `Status` object. */
  readonly body: JsonMap
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, init: RefusalDetails = {}) {
    super(init.message ?? '')
    this.status = status
    this.retryAfterSeconds = init.retryAfterSeconds
    const details = {
      ...init.details,
      ...(init.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: init.retryAfterSeconds }),
    }
    this.body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: init.metadata ?? {},
      status: 'Failure',
      ...(init.message === undefined ? {} : { message: init.message }),
      ...(init.reason === undefined ? {} : { reason: init.reason }),
      ...(Object.keys(details).length === 0 ? {} : { details }),
      code: status,
    }
  }

  /** The refusal as an answer. */
  response(): KubeResponse {
    const headers = { 'content-type': 'application/json' }
    return {
      status: this.status,
      headers:
        this.retryAfterSeconds === undefined
          ? headers
          : { ...headers, 'retry-after': String(this.retryAfterSeconds) },
      body: this.body,
    }
  }
}

/** What a refusal is about. */
interface Target {
  readonly resource: KubeResource
  readonly name?: string | undefined
}

/** `secrets`, `things.example.com`. */
const qualified = ({ plural, group }: KubeResource): string => (group === '' ? plural : `${plural}.${group}`)

const detailsOf = ({ resource, name }: Target): JsonMap => ({
  ...(name === undefined ? {} : { name }),
  ...(resource.group === '' ? {} : { group: resource.group }),
  kind: resource.plural,
})

/** There is no such object. */
export function notFound(target: Target): ApiRefusal {
  const message = `${qualified(target.resource)} "${target.name}" not found`
  return new ApiRefusal(404, { reason: 'NotFound', message, details: detailsOf(target) })
}

/** There is no such path, or no such kind. */
export function noSuchPath(): ApiRefusal {
  const message = 'the server could not find the requested resource'
  return new ApiRefusal(404, { reason: 'NotFound', message, details: {} })
}

/** There is one of that name. */
export function alreadyExists(target: Target, isDeleting: boolean): ApiRefusal {
  const prefix = isDeleting ? 'object is being deleted: ' : ''
  const message = `${prefix}${qualified(target.resource)} "${target.name}" already exists`
  return new ApiRefusal(409, { reason: 'AlreadyExists', message, details: detailsOf(target) })
}

/** The object is not what the caller thinks. */
export function conflict(target: Target, why: string): ApiRefusal {
  const message = `Operation cannot be fulfilled on ${qualified(target.resource)} "${target.name}": ${why}`
  return new ApiRefusal(409, { reason: 'Conflict', message, details: detailsOf(target) })
}

/** Why a write over another version is refused. */
export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again'

/** The object breaks rules. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string | undefined,
  causes: readonly RefusalCause[],
): ApiRefusal {
  const type = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  const told = causes.map(({ field, message }) => `${field}: ${message}`)
  const words = told.length === 1 ? told[0] : `[${told.join(', ')}]`
  return new ApiRefusal(422, {
    reason: 'Invalid',
    message: `${type} "${name ?? ''}" is invalid: ${words}`,
    details: {
      ...(name === undefined || name === '' ? {} : { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.kind,
      causes,
    },
  })
}

/** Options of a request that break rules. */
export function invalidOptions(kind: string, cause: RefusalCause): ApiRefusal {
  return invalid({ group: 'meta.k8s.io', kind }, undefined, [cause])
}

/** The request cannot be read. */
export function badRequest(message: string): ApiRefusal {
  return new ApiRefusal(400, { reason: 'BadRequest', message })
}

/** No rule allows it. */
export function forbidden(target: Target, why: string, causes?: readonly RefusalCause[]): ApiRefusal {
  const name = target.name === undefined ? '' : ` "${target.name}"`
  const message = `${qualified(target.resource)}${name} is forbidden: ${why}`
  const details = { ...detailsOf(target), ...(causes === undefined ? {} : { causes }) }
  return new ApiRefusal(403, { reason: 'Forbidden', message, details })
}

/** What it was asked for is older than what it has kept. */
export function expired(message: string, metadata?: JsonMap): ApiRefusal {
  return new ApiRefusal(410, { reason: 'Expired', message, metadata })
}

/** What it was asked for is newer than what it knows. */
export function tooNew(asked: number, known: number): ApiRefusal {
  return new ApiRefusal(504, {
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${asked}, current: ${known}`,
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
    retryAfterSeconds: 1,
  })
}

/** A failure of the server's own, without a reason, as Go's errors are shown. */
export function serverFailure(message: string): ApiRefusal {
  return new ApiRefusal(500, { message })
}

/** A verb that a path does not have. */
export function methodNotAllowed(): ApiRefusal {
  const message = 'the server does not allow this method on the requested resource'
  return new ApiRefusal(405, { reason: 'MethodNotAllowed', message, details: {} })
}

/** Collects what is wrong with an object. */
export class Causes {
  readonly list: RefusalCause[] = []

  required(field: string, why = ''): void {
    this.#add('FieldValueRequired', field, why === '' ? 'Required value' : `Required value: ${why}`)
  }

  invalid(field: string, why: string): void {
    this.#add('FieldValueInvalid', field, `Invalid value: ${why}`)
  }

  forbidden(field: string, why: string): void {
    this.#add('FieldValueForbidden', field, `Forbidden: ${why}`)
  }

  duplicate(field: string, value: string): void {
    this.#add('FieldValueDuplicate', field, `Duplicate value: ${JSON.stringify(value)}`)
  }

  unsupported(field: string, value: unknown, known: readonly string[]): void {
    const listed = known.map((word) => JSON.stringify(word)).join(', ')
    this.#add(
      'FieldValueNotSupported',
      field,
      `Unsupported value: ${JSON.stringify(value)}: supported values: ${listed}`,
    )
  }

  tooLong(field: string, max: number): void {
    this.#add('FieldValueTooLong', field, `Too long: must have at most ${max} bytes`)
  }

  /** @throws {@link ApiRefusal} 422 where there are any. */
  refuse(kind: { readonly group: string; readonly kind: string }, name: string | undefined): void {
    if (this.list.length > 0) throw invalid(kind, name, this.list)
  }

  #add(reason: string, field: string, message: string): void {
    // An object of a million mistakes is refused for the first of them.
    if (this.list.length < 100) this.list.push({ reason, message, field })
  }
}
