/**
 * Our issuer kinds for cert-manager.
 *
 * @module
 */

import type { KubeResource } from '../api/kube-resource.ts'
import { MESH_PKI_GROUP, MESH_PKI_VERSION } from '../objects/api-group.ts'
import { conditionOf } from '../objects/condition.ts'
import { type KubeObject, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import type { RequestSigner } from './request-signer.ts'

/** Our issuers: of one namespace, and of the cluster. */
export const MeshIssuerResources: Readonly<Record<'meshIssuers' | 'clusterMeshIssuers', KubeResource>> = {
  meshIssuers: {
    group: MESH_PKI_GROUP,
    version: MESH_PKI_VERSION,
    kind: 'MeshIssuer',
    plural: 'meshissuers',
    namespaced: true,
  },
  clusterMeshIssuers: {
    group: MESH_PKI_GROUP,
    version: MESH_PKI_VERSION,
    kind: 'ClusterMeshIssuer',
    plural: 'clustermeshissuers',
    namespaced: false,
  },
}

/** The signers of a process by the name that `spec.signer` of an issuer gives. Keys never come out of an object. */
export type SignersByName = ReadonlyMap<string, RequestSigner>

/** The kind of an `issuerRef`; `undefined` where it is none of ours. */
export function issuerResourceOf(group: unknown, kind: unknown): KubeResource | undefined {
  if (group !== MESH_PKI_GROUP) return undefined
  return Object.values(MeshIssuerResources).find((one) => one.kind === kind)
}

/** Which signer an issuer stands for. */
export function signerNameIn(issuer: KubeObject): string | undefined {
  return textAt(recordAt(issuer, 'spec'), 'signer')
}

/** Why an issuer signs nothing now; `undefined` for one that does. What was said of an older generation says nothing. */
export function unreadyIssuer(issuer: KubeObject): string | undefined {
  const ready = conditionOf(issuer, 'Ready')
  if (ready === undefined) return 'it does not say that it is ready'
  if (ready.status !== 'True')
    return `it is not ready: ${ready.message === '' ? ready.reason : ready.message}`
  const generation = numberAt(issuer.metadata, 'generation')
  if (generation !== undefined && (ready.observedGeneration ?? -1) < generation)
    return 'it was changed, and is not yet known to be ready'
  return undefined
}
