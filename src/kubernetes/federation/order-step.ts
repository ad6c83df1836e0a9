/**
 * Gives orders to a workload cluster.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames, checkRequired } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
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
 * Makes an order say what it shall. One without an owner is taken over; one of another owner is left alone, and so is one that
 * follows a later revision of the same rollover: the journal was restored then, and nobody goes back to what was withdrawn.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_ORDER` for one that is left alone; `KubeError`; `RangeError` for what Gloo's kind cannot say.
 */
export async function orderStep(
  client: KubeClient,
  order: IssuedCertificateInput,
  options: OrderStepOptions,
): Promise<StepResult> {
  checkOptionNames(options, ['api', 'owner', 'beforeWrite'], 'orderStep')
  checkRequired(options, ['owner'], 'orderStep')
  const { api = MESH_PKI_API, owner, beforeWrite } = options
  const { name, namespace } = order
  const found = await client.find(api.issuedCertificates, { name, namespace })
  const labels = { ...order.labels, [FederationMark.owner]: owner }
  const held = found === undefined ? undefined : whyHeld(found, order, owner)
  if (held !== undefined)
    throw new MeshPkiError('ERR_KUBERNETES_ORDER', `the order ${namespace}/${name} is left alone: ${held}`, {
      data: { name, namespace },
    })
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

function whyHeld(found: KubeObject, { spec }: IssuedCertificateInput, owner: string): string | undefined {
  const other = ownerOf(found)
  if (other !== undefined && other !== owner)
    return `it is that of ${quote(other, 64)}, not of ${owner}. Only one of them can give it; take the label ${FederationMark.owner} off to hand it over`
  const before = recordAt(found, 'spec')
  const revision = numberAt(before, 'revision') ?? 0
  const isSame = spec.rollover !== undefined && textAt(before, 'rollover') === spec.rollover
  return isSame && revision > (spec.revision ?? 0)
    ? `it follows revision ${revision} of the rollover, and the journal has ${spec.revision ?? 0}: the journal is older. Where that was restored from a backup, set recovery: 'believe-members'; where it was not, somebody in that cluster changed the order, and deleting it has it made anew`
    : undefined
}

function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[FederationMark.owner]
}
