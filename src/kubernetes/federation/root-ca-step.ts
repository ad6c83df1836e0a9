/**
 * Makes the root CA of a policy, once.
 *
 * @module
 */

import { createRootCa } from '../../ca/create-root-ca.ts'
import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames, checkRequired } from '../../internal/options.ts'
import { exportPrivateKey } from '../../x509/export-private-key.ts'
import { generateKeyPair } from '../../x509/generate-key-pair.ts'
import type { NameInput } from '../../x509/name.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import type { NamespacedName } from '../objects/kube-object.ts'
import { encodeRootRecord, readRootRecord, rootRecordName } from '../policy/root-record.ts'
import type { StepResult } from '../runner/step-result.ts'
import { decodeRootSecret, encodeRootSecret } from '../secrets/root-secret.ts'
import { SealedPem } from '../secrets/sealed-pem.ts'
import type { CaKeyAlgorithm } from './issued-certificate.ts'

/** What a root shall be. */
export interface RootCaStepOptions {
  /** Default: `O=` and the organization, as Gloo Mesh. Give each root of a rollover its own name. */
  readonly subject?: NameInput | undefined
  readonly organization: string
  readonly lifetime: string
  readonly keyAlgorithm: CaKeyAlgorithm
  /** Whose it is: stands in a label. */
  readonly owner: string
  readonly beforeWrite?: (() => void) | undefined
}

const REQUIRED: readonly string[] = ['organization', 'lifetime', 'keyAlgorithm', 'owner']

/**
 * Makes the Secret of a root CA where there is none. One that is there is taken as it is, whoever made it: it is never
 * overwritten, and never made anew because an option has changed; a root is replaced by a rollover. A ConfigMap beside it notes that it was
 * made, so one that got lost is missed.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_ROOT_LOST` for one that was made and is gone; of `decodeRootSecret` for a Secret of that name that is no
 * CA's; `KubeError`.
 */
export async function rootCaStep(
  client: KubeClient,
  { namespace, name }: NamespacedName,
  options: RootCaStepOptions,
): Promise<StepResult> {
  checkOptionNames(options, [...REQUIRED, 'subject', 'beforeWrite'], 'rootCaStep')
  checkRequired(options, REQUIRED, 'rootCaStep')
  const {
    organization,
    lifetime,
    keyAlgorithm,
    owner,
    subject = [{ O: organization }],
    beforeWrite,
  } = options
  // The note first: it comes after the Secret, so one without the other is not somebody's being made just now.
  const record = await client.find(KubeResources.configMaps, rootRecordName({ namespace, name }))
  const found = await client.find(KubeResources.secrets, { namespace, name })
  if (found !== undefined) {
    const { certificate } = decodeRootSecret(found)
    const message = `the root ${certificate.fingerprint()} is taken as it is`
    if (record !== undefined) return { changed: false, message }
    // A crash may have come between the secret and its note.
    beforeWrite?.()
    const isNoted = await unlessThere(
      client.create(KubeResources.configMaps, encodeRootRecord({ namespace, name }, certificate, owner)),
    )
    return { changed: isNoted, message }
  }
  if (record !== undefined)
    throw new MeshPkiError(
      'ERR_KUBERNETES_ROOT_LOST',
      `Secret ${namespace}/${name} is gone, and with it the root ${readRootRecord(record) ?? 'that was made there'}: restore it from a backup (restoreTrust). Where nothing under it is in use any longer, delete ConfigMap ${rootRecordName({ namespace, name }).name}, and another root is made`,
      { data: { namespace, name } },
    )
  const { privateKey } = await generateKeyPair(keyAlgorithm, { extractable: true })
  const ca = await createRootCa({ subject, lifetime, key: privateKey, clock: client.clock })
  const format = keyAlgorithm.startsWith('RSA-') ? 'pkcs1' : 'pkcs8'
  const secret = encodeRootSecret(
    {
      certificate: ca.certificate,
      privateKey: SealedPem.parse(await exportPrivateKey(privateKey, { format })),
    },
    { layout: 'gloo', namespace, name },
  )
  beforeWrite?.()
  const isMade = await unlessThere(
    client.create(KubeResources.secrets, {
      ...secret,
      metadata: { namespace, name, labels: { [FederationMark.owner]: owner } },
    }),
  )
  // Another process was first. Its root is the one.
  if (!isMade) return { changed: false, requeueAfterMs: 1 }
  beforeWrite?.()
  await unlessThere(
    client.create(KubeResources.configMaps, encodeRootRecord({ namespace, name }, ca.certificate, owner)),
  )
  return { changed: true, message: `the root ${ca.certificate.fingerprint()} is made` }
}

async function unlessThere(creation: Promise<unknown>): Promise<boolean> {
  try {
    await creation
    return true
  } catch (error) {
    if (!isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw error
    return false
  }
}
