/**
 * Enrollment tokens in Secrets.
 *
 * @module
 */

import type { TokenRecords } from '../../ca/enrollment/create-token-store.ts'
import type { TokenRecord } from '../../ca/enrollment/token-store.ts'
import { MeshPkiError } from '../../errors.ts'
import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { escapeText } from '../../internal/text.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { apiVersionOf, KubeResources } from '../api/kube-resource.ts'
import { MESH_PKI_GROUP } from '../objects/api-group.ts'
import { isRecord, type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import { SecretType } from '../objects/names.ts'

/** The data key. Tokens themselves are stored nowhere: a record has the hash. */
const RECORD = 'record.json'

/**
 * The records of a token store, one Secret for each token, shared by all replicas of a server.
 *
 * @example
 * ```ts
 * import { createTokenStore } from 'mesh-pki/ca'
 * import { type KubeClient, secretTokenRecords } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * const tokens = createTokenStore({ records: secretTokenRecords(client, 'gloo-mesh') })
 * ```
 */
export function secretTokenRecords(client: KubeClient, namespace: string): TokenRecords {
  const refOf = (hash: string) => {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new TypeError('the hash of a token has 64 hexadecimal digits')
    // Not the whole hash: names of Secrets are shown where their content is not.
    return { namespace, name: `mesh-pki-token-${hash.slice(0, 32)}` }
  }
  const find = (hash: string): Promise<KubeObject | undefined> =>
    client.find(KubeResources.secrets, refOf(hash))
  return {
    async read(hash) {
      const object = await find(hash)
      return object === undefined ? undefined : { record: readRecord(object), version: versionOf(object) }
    },
    async write(hash, record, version) {
      try {
        if (version === undefined) {
          if (record === undefined) return true
          await client.create(KubeResources.secrets, {
            apiVersion: apiVersionOf(KubeResources.secrets),
            kind: KubeResources.secrets.kind,
            metadata: { ...refOf(hash), labels: { [`${MESH_PKI_GROUP}/token`]: 'true' } },
            type: SecretType.opaque,
            data: { [RECORD]: encode(record) },
          })
          return true
        }
        const object = await find(hash)
        if (object === undefined || versionOf(object) !== version) return false
        if (record === undefined) return await client.remove(KubeResources.secrets, object)
        const data = { ...recordAt(object, 'data'), [RECORD]: encode(record) }
        await client.replace(KubeResources.secrets, { ...object, data })
        return true
      } catch (error) {
        // A namespace that is not there is no matter of who was faster.
        const isFaster =
          version === undefined
            ? isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')
            : isKubeError(error, 'ERR_KUBERNETES_CONFLICT', 'ERR_KUBERNETES_NOT_FOUND')
        if (isFaster) return false
        throw error
      }
    },
  }
}

function versionOf({ metadata }: KubeObject): string {
  return `${metadata.uid ?? ''}.${metadata.resourceVersion ?? ''}`
}

function encode(record: TokenRecord): string {
  return encodeBase64(new TextEncoder().encode(JSON.stringify(record)))
}

/** The form is checked by the store; here instants become what they were. */
function readRecord(object: KubeObject): TokenRecord {
  const value = textAt(recordAt(object, 'data'), RECORD)
  const bytes = value === undefined ? undefined : decodeBase64(value)
  try {
    if (bytes instanceof Uint8Array) {
      const record: unknown = JSON.parse(new TextDecoder().decode(bytes), (name, member: unknown) =>
        (name === 'expiresAt' || name === 'until') && typeof member === 'string' ? new Date(member) : member,
      )
      if (isTokenRecord(record)) return record
    }
  } catch (error) {
    // `RangeError`: nested deeper than any record.
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error
  }
  throw new MeshPkiError(
    'ERR_ENROLLMENT_STORE',
    `Secret ${escapeText(object.metadata.name ?? '')} holds no record of a token: it was changed by somebody else. Delete it, and make a new token`,
  )
}

function isTokenRecord(value: unknown): value is TokenRecord {
  return isRecord(value) && typeof value['hash'] === 'string'
}
