/**
 * The journal of a rollover in a Secret.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { quote } from '../../internal/text.ts'
import type { JournalRecord, RolloverJournal } from '../../rotation/rollover/rollover-journal.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { apiVersionOf, KubeResources } from '../api/kube-resource.ts'
import { type KubeObject, type NamespacedName, recordAt, textAt } from '../objects/kube-object.ts'
import { SecretType } from '../objects/names.ts'

/** The data key. */
const STATE = 'rollover.json'

/** What a Secret takes, less what its metadata need. */
const MAX_BYTES = 1_000_000

/**
 * Keeps the journal of a rollover in a Secret of its own, shared by all processes that may drive it.
 *
 * A version is `resourceVersion` with the UID: of two writers one gets a conflict, and a Secret that was deleted and made anew is
 * another one. Reads are answered by a majority of etcd, never by a cache. A write of which it is not known whether it was done
 * is looked up before it is answered.
 *
 * @throws its methods throw `KubeError`, and `MeshPkiError` `ERR_ROLLOVER_JOURNAL` for a Secret that holds something else.
 *
 * @example
 * ```ts
 * import { type KubeClient, secretJournal } from 'mesh-pki/kubernetes'
 * import { Rollover, type RolloverPlan } from 'mesh-pki/rotation'
 *
 * declare const client: KubeClient
 * declare const plan: RolloverPlan
 * const journal = secretJournal(client, { namespace: 'mesh-pki', name: 'rollover-2026' })
 * const rollover = await Rollover.open({ plan, journal })
 * ```
 */
export function secretJournal(client: KubeClient, ref: NamespacedName): RolloverJournal {
  const read = async (): Promise<(JournalRecord & { readonly object: KubeObject }) | undefined> => {
    const object = await client.find(KubeResources.secrets, ref)
    return object === undefined
      ? undefined
      : { version: versionOf(object), text: textOf(object, ref), object }
  }
  const isWritten = async (text: string): Promise<boolean> => (await read())?.text === text
  return {
    read: async () => {
      const found = await read()
      return found === undefined ? undefined : { version: found.version, text: found.text }
    },
    async replace(version, text) {
      const bytes = new TextEncoder().encode(text)
      if (bytes.length > MAX_BYTES)
        throw new MeshPkiError(
          'ERR_ROLLOVER_JOURNAL',
          `the journal has ${bytes.length} bytes; a Secret takes ${MAX_BYTES}. Let members leave that are gone, or keep it elsewhere`,
        )
      const data = { [STATE]: encodeBase64(bytes) }
      try {
        if (version === undefined) {
          await client.create(KubeResources.secrets, {
            apiVersion: apiVersionOf(KubeResources.secrets),
            kind: KubeResources.secrets.kind,
            metadata: ref,
            type: SecretType.opaque,
            data,
          })
          return true
        }
        const found = await read()
        if (found?.version !== version) return false
        await client.replace(KubeResources.secrets, {
          ...found.object,
          data: { ...recordAt(found.object, 'data'), ...data },
        })
        return true
      } catch (error) {
        if (
          isKubeError(
            error,
            'ERR_KUBERNETES_CONFLICT',
            'ERR_KUBERNETES_ALREADY_EXISTS',
            'ERR_KUBERNETES_NOT_FOUND',
          )
        )
          return false
        // Every state is another text: each write of the driver counts its revision up.
        if (isKubeError(error) && error.outcome === 'unknown' && (await isWritten(text))) return true
        throw error
      }
    },
  }
}

function versionOf({ metadata }: KubeObject): string {
  return `${metadata.uid ?? ''}.${metadata.resourceVersion ?? ''}`
}

function textOf(object: KubeObject, { namespace, name }: NamespacedName): string {
  const value = textAt(recordAt(object, 'data'), STATE)
  const bytes = value === undefined ? undefined : decodeBase64(value)
  if (bytes instanceof Uint8Array) return new TextDecoder().decode(bytes)
  throw new MeshPkiError(
    'ERR_ROLLOVER_JOURNAL',
    `Secret ${quote(`${namespace}/${name}`)} has no key ${quote(STATE)}: it is no journal of a rollover. Use another name`,
  )
}
