/**
 * The key and the request that an agent has under way.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, listAt, recordAt, textAt } from '../objects/kube-object.ts'
import { DataKey, SecretType } from '../objects/names.ts'
import { SecretReader } from '../secrets/secret-reader.ts'
import { type FederationRequest, readCertificateRequest } from './certificate-request.ts'

/** A key that waits for its certificate. */
export interface PendingKey {
  readonly key: PrivateKey
  readonly object: KubeObject
}

/** An object that is taken back. */
export interface DiscardedObject {
  readonly kind: 'request' | 'key'
  readonly object: KubeObject
}

/** A refused request is made anew after this. */
const RETRY_MS = 600_000

/**
 * Whether a Secret is a key that an agent made to wait for its certificate. Whoever may make orders chooses their names, so a Secret of that name may
 * be anything: a root.
 */
export function isWaitingKey(secret: KubeObject, agentNamespace: string): boolean {
  const { labels = {} } = secret.metadata
  return (
    secret['type'] === SecretType.glooGeneratedKey &&
    (labels[FederationMark.agent] === agentNamespace || labels[FederationMark.glooAgent] !== undefined)
  )
}

/** The request first: a request without its key is useless, a key without a request is not. */
export function leftOver(
  key: KubeObject | undefined,
  request: KubeObject | undefined,
): readonly DiscardedObject[] {
  return [
    ...(request === undefined ? [] : [{ kind: 'request' as const, object: request }]),
    ...(key === undefined ? [] : [{ kind: 'key' as const, object: key }]),
  ]
}

/** Whether a refused request has waited long enough to be made anew. */
export function isOld({ metadata }: KubeObject, now: Date): boolean {
  return !(now.getTime() - createdAt(metadata) < RETRY_MS)
}

/**
 * Whether an answer that was not accepted has waited long enough for another one, which is signed anew: each time longer, as long as the order is not
 * ready. So whatever is wrong does not fill a ledger.
 */
export function isDueAnew(request: KubeObject, order: KubeObject, now: Date): boolean {
  const ready = listAt(recordAt(order, 'status'), 'conditions').find((one) => textAt(one, 'type') === 'Ready')
  const since = Date.parse(textAt(ready, 'lastTransitionTime') ?? '')
  const waited = Number.isNaN(since) ? 0 : now.getTime() - since
  return !(now.getTime() - createdAt(request.metadata) < Math.max(RETRY_MS, waited / 2))
}

function createdAt(metadata: KubeObject['metadata']): number {
  const made: unknown = Reflect.get(metadata, 'creationTimestamp')
  return made instanceof Date ? made.getTime() : typeof made === 'string' ? Date.parse(made) : Number.NaN
}

/** A request with its answer; an error where one of the two cannot be read, which is no reason to stop. */
export function readRequest(object: KubeObject): FederationRequest | MeshPkiError {
  try {
    return readCertificateRequest(object)
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}

/** The key of a Secret; `undefined` where it cannot be read. */
export async function readKey(object: KubeObject | undefined): Promise<PendingKey | undefined> {
  if (object === undefined) return undefined
  try {
    const reader = new SecretReader(object, 'readKey')
    const key = await importPrivateKey(reader.privateKey(DataKey.privateKey).reveal(), { extractable: true })
    return { key, object }
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}
