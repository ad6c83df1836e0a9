/**
 * Finds a Secret of the relay.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import {
  decodeRelaySecret,
  RELAY_NAMES,
  type RelayPairRole,
  type RelayPairSecret,
  type RelayRole,
  type RelayRootSecret,
  type RelaySecret,
  type RelayTokenSecret,
} from '../secrets/relay-secret.ts'

/** What the Secret of a role holds. */
type SecretOf<R extends RelayRole> = R extends 'root'
  ? RelayRootSecret
  : R extends RelayPairRole
    ? RelayPairSecret
    : RelayTokenSecret

/** A Secret as an object, and what it holds. */
export interface FoundRelaySecret<R extends RelayRole> {
  readonly object: KubeObject
  readonly secret: SecretOf<R>
}

/** A Secret of the relay by its role, under its usual name. @throws `KubeError`; the codes of `decodeRelaySecret`. */
export async function findRelaySecret<R extends RelayRole>(
  client: KubeClient,
  namespace: string,
  role: R,
): Promise<FoundRelaySecret<R> | undefined> {
  const object = await client.find(KubeResources.secrets, { namespace, name: RELAY_NAMES[role] })
  if (object === undefined) return undefined
  const secret = decodeRelaySecret(object, { role })
  if (isOf(secret, role)) return { object, secret }
  throw new TypeError(`a Secret that was read as ${role} is one of ${secret.role}`)
}

/** Does something with what a Secret holds, and puts its name before the message of what fails. */
export async function withinSecret<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    const data = { ...error.data, secret: name }
    throw new MeshPkiError(error.code, `Secret ${name}: ${error.message}`, { data, cause: error })
  }
}

function isOf<R extends RelayRole>(secret: RelaySecret, role: R): secret is RelaySecret & SecretOf<R> {
  return secret.role === role
}
