/**
 * Gives orders to a workload cluster.
 *
 * @module
 */

import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import { type FederationApi, MESH_PKI_API } from './federation-api.ts'
import { encodeIssuedCertificate, type IssuedCertificateInput } from './issued-certificate.ts'

/** Options of the steps for orders. */
export interface OrderStepOptions {
  readonly api?: FederationApi | undefined
  /** Whose orders these are: stands in a label, and only such orders are changed or taken back. */
  readonly owner: string
  readonly beforeWrite?: (() => void) | undefined
}

/**
 * Makes an order say what it shall. One of somebody else's is left alone.
 *
 * @throws `KubeError`; `RangeError` for what Gloo's kind cannot say.
 */
export async function orderStep(
  client: KubeClient,
  order: IssuedCertificateInput,
  { api = MESH_PKI_API, owner, beforeWrite }: OrderStepOptions,
): Promise<StepResult> {
  const { name, namespace } = order
  const found = await client.find(api.issuedCertificates, { name, namespace })
  const labels = { ...order.labels, [FederationMark.owner]: owner }
  if (found !== undefined && ownerOf(found) !== owner && ownerOf(found) !== undefined)
    return { changed: false, message: `the order ${namespace}/${name} is ${ownerOf(found)}’s` }
  const next = encodeIssuedCertificate(api.issuedCertificates, { ...order, labels }, found)
  if (found === undefined) {
    beforeWrite?.()
    try {
      await client.create(api.issuedCertificates, next)
    } catch (error) {
      if (!isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw error
      return { changed: false, requeueAfterMs: 1 }
    }
    return { changed: true, message: `the order ${namespace}/${name} is given` }
  }
  if (isSameJson([found['spec'], found.metadata.labels], [next['spec'], next.metadata.labels]))
    return { changed: false }
  beforeWrite?.()
  await client.replace(api.issuedCertificates, next)
  return { changed: true, message: `the order ${namespace}/${name} is changed` }
}

function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[FederationMark.owner]
}
