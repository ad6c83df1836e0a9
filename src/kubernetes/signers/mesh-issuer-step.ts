/**
 * Says of one issuer of ours whether it can sign.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { type ConditionInput, setCondition } from '../objects/condition.ts'
import { type KubeObject, listAt, type ObjectName, recordAt } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import { MeshIssuerResources, type SignersByName, signerNameIn } from './mesh-issuer.ts'
import { settleStatus } from './settle-status.ts'

/** Options of {@link meshIssuerStep}. */
export interface MeshIssuerOptions {
  /** The signers of this process, by the names that issuers give. */
  readonly signers: SignersByName
  readonly signal?: AbortSignalLike | undefined
}

/** An issuer is looked at again at least this often: its CA may have ended. */
const LOOK_AGAIN_MS = 3_600_000

/**
 * Writes the condition `Ready` of a `MeshIssuer`, or of a `ClusterMeshIssuer` where no namespace is given, with the generation
 * that was looked at: ready is an issuer whose `spec.signer` names a signer of this process, whose CA has not ended.
 *
 * @throws `KubeError`; `TypeError` for options.
 *
 * @example
 * ```ts
 * import { type KubeClient, meshIssuerStep, type RequestSigner } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signer: RequestSigner
 * await meshIssuerStep(client, { name: 'mesh' }, { signers: new Map([['istio', signer]]) })
 * ```
 */
export async function meshIssuerStep(
  client: KubeClient,
  ref: ObjectName,
  options: MeshIssuerOptions,
): Promise<StepResult> {
  checkOptionNames(options, ['signers', 'signal'], 'meshIssuerStep')
  const { signers, signal } = options
  const resource =
    ref.namespace === undefined ? MeshIssuerResources.clusterMeshIssuers : MeshIssuerResources.meshIssuers
  const issuer = await client.find(resource, ref, { signal })
  if (issuer === undefined) return { changed: false, message: 'it is gone' }
  const now = client.clock.now()
  const settled = await settleStatus(
    client,
    resource,
    issuer,
    (found) => {
      if (found === undefined || found.metadata.uid !== issuer.metadata.uid) return { stop: 'it is gone' }
      const status = recordAt(found, 'status')
      const before = listAt(status, 'conditions')
      const conditions = setCondition(before, readiness(found, signers, now), now)
      return conditions === before
        ? { stop: undefined }
        : { write: { ...found, status: { ...status, conditions } } }
    },
    signal,
  )
  const { message } = readiness(issuer, signers, now)
  const ends = signers.get(signerNameIn(issuer) ?? '')?.notAfter
  const leftMs = ends === undefined ? LOOK_AGAIN_MS : ends.getTime() - now.getTime()
  return {
    changed: settled.written,
    message: settled.why ?? message,
    requeueAfterMs: leftMs > 0 ? Math.min(leftMs, LOOK_AGAIN_MS) : LOOK_AGAIN_MS,
  }
}

/** The condition of an issuer. */
function readiness(issuer: KubeObject, signers: SignersByName, now: Date): ConditionInput {
  const name = signerNameIn(issuer)
  const signer = name === undefined ? undefined : signers.get(name)
  const observedGeneration = issuer.metadata.generation
  const about = { type: 'Ready', observedGeneration } as const
  if (name === undefined)
    return {
      ...about,
      status: 'False',
      reason: 'Invalid',
      message: 'spec.signer is missing: the name of a signer',
    }
  if (signer === undefined)
    return {
      ...about,
      status: 'False',
      reason: 'SignerUnknown',
      message: `spec.signer is ${quote(name, 64)}, which names no signer of this controller`,
    }
  if (signer.notAfter !== undefined && signer.notAfter.getTime() <= now.getTime())
    return {
      ...about,
      status: 'False',
      reason: 'CaExpired',
      message: 'a certificate of its chain has expired',
    }
  return { ...about, status: 'True', reason: 'Ready', message: 'it signs' }
}
