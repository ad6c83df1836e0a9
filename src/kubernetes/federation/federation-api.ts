/**
 * The kinds of the federation flow, under our own API group and under Gloo Mesh's.
 *
 * @module
 */

import type { KubeResource } from '../api/kube-resource.ts'
import { MESH_PKI_GROUP, MESH_PKI_VERSION } from '../objects/api-group.ts'

/** Where the kinds of the flow are. */
export interface FederationApi {
  /** `mesh-pki`: with the members that a rollover needs. `gloo`: what Gloo Mesh's last open source has, and no more. */
  readonly flavour: 'mesh-pki' | 'gloo'
  /** What a cluster shall have; on the workload cluster, written by the management side. */
  readonly issuedCertificates: KubeResource
  /** What its agent asks for; on the workload cluster, answered by the management side. */
  readonly certificateRequests: KubeResource
}

const flow = (flavour: FederationApi['flavour'], group: string, version: string): FederationApi => ({
  flavour,
  issuedCertificates: {
    group,
    version,
    kind: 'IssuedCertificate',
    plural: 'issuedcertificates',
    namespaced: true,
  },
  certificateRequests: {
    group,
    version,
    kind: 'CertificateRequest',
    plural: 'certificaterequests',
    namespaced: true,
  },
})

/** Our own kinds. `examples/kubernetes/crds` has their definitions. */
export const MESH_PKI_API: FederationApi = /* @__PURE__ */ flow('mesh-pki', MESH_PKI_GROUP, MESH_PKI_VERSION)

/** `certificates.mesh.gloo.solo.io/v1`, as in Gloo Mesh 1.x. */
export const GLOO_API: FederationApi = /* @__PURE__ */ flow('gloo', 'certificates.mesh.gloo.solo.io', 'v1')
