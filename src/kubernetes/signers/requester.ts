/**
 * Who made a request, as the API server knows it.
 *
 * @module
 */

import { listAt, recordAt, textAt } from '../objects/kube-object.ts'

/** A service account. */
export interface ServiceAccountName {
  readonly namespace: string
  readonly name: string
}

/** Who made a request. The API server authenticated it; nothing of this can be written by the requester. */
export interface Requester {
  readonly username: string
  readonly uid: string | undefined
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
  /** Where the user is a service account: `system:serviceaccount:<namespace>:<name>`. */
  readonly serviceAccount: ServiceAccountName | undefined
}

const SERVICE_ACCOUNT =
  /^system:serviceaccount:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/

/** The service account that a username stands for. */
export function serviceAccountOf(username: string): ServiceAccountName | undefined {
  const [, namespace, name] = SERVICE_ACCOUNT.exec(username) ?? []
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}

/** The username of a service account. */
export function usernameOf({ namespace, name }: ServiceAccountName): string {
  return `system:serviceaccount:${namespace}:${name}`
}

/** The requester of an object with `spec.username`, `uid`, `groups` and `extra`. */
export function requesterOf(object: unknown): Requester {
  const spec = recordAt(object, 'spec')
  const username = textAt(spec, 'username') ?? ''
  const extra = Object.entries(recordAt(spec, 'extra')).map(
    ([key, values]) => [key, Object.freeze(texts(values))] as const,
  )
  return Object.freeze({
    username,
    uid: textAt(spec, 'uid'),
    groups: Object.freeze(texts(listAt(spec, 'groups'))),
    extra: Object.freeze(Object.fromEntries(extra)),
    serviceAccount: serviceAccountOf(username),
  })
}

const texts = (values: unknown): readonly string[] =>
  Array.isArray(values) ? values.filter((one): one is string => typeof one === 'string') : []
