/**
 * What meshes there are, as a plain value: whoever finds them fills it.
 *
 * @module
 */

import { checkOptionNames, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'

/** Certificates that a mesh trusts beside its own root (`meshConfig.caCertificates`). */
export interface MeshCaCertificates {
  /** The certificates of `pem`. */
  readonly certificates: readonly Certificate[]
  /** Where they are fetched from instead. */
  readonly spiffeBundleUrl?: string | undefined
  /** For which trust domains; every one where it is empty. */
  readonly trustDomains: readonly string[]
  /** For which signers of Kubernetes CSRs. */
  readonly certSigners: readonly string[]
}

/** One istiod and what belongs to it. */
export interface InventoryMesh {
  /** `<istiod deployment>-<namespace>-<cluster>`. */
  readonly name: string
  /** The namespace of istiod. */
  readonly namespace: string
  /** The label `istio.io/rev`. */
  readonly revision?: string | undefined
  /** Labels of istiod's deployment. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Empty where it is not known: `cluster.local` then stands in. */
  readonly trustDomain: string
  readonly trustDomainAliases?: readonly string[] | undefined
  /** The service account that istiod runs as. */
  readonly serviceAccount?: string | undefined
  readonly caCertificates?: readonly MeshCaCertificates[] | undefined
}

/** One workload cluster. */
export interface InventoryCluster {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly meshes: readonly InventoryMesh[]
  /** The namespace of the agent, in which its objects stand. Default `gloo-mesh`. */
  readonly agentNamespace?: string | undefined
}

/** Every cluster that is registered. */
export interface Inventory {
  readonly clusters: readonly InventoryCluster[]
}

const MESH_MEMBERS = [
  'name',
  'namespace',
  'revision',
  'labels',
  'trustDomain',
  'trustDomainAliases',
  'serviceAccount',
  'caCertificates',
]

/** Checks the form of an inventory. @throws `TypeError`; `RangeError` for a name that stands twice. */
export function checkInventory(inventory: Inventory): void {
  checkOptionNames(inventory, ['clusters'], 'inventory')
  if (!Array.isArray(inventory.clusters))
    throw new TypeError(`inventory.clusters must be a list; got ${typeName(inventory.clusters)}`)
  const clusters = new Set<string>()
  for (const [i, cluster] of inventory.clusters.entries()) {
    const at = `inventory.clusters[${i}]`
    checkOptionNames(cluster, ['name', 'labels', 'meshes', 'agentNamespace'], at)
    checkName(cluster.name, `${at}.name`)
    if (clusters.has(cluster.name))
      throw new RangeError(`${at}.name: the cluster ${quote(cluster.name, 64)} stands twice in the inventory`)
    clusters.add(cluster.name)
    if (!Array.isArray(cluster.meshes))
      throw new TypeError(`${at}.meshes must be a list; got ${typeName(cluster.meshes)}`)
    const meshes = new Set<string>()
    for (const [j, mesh] of cluster.meshes.entries()) {
      const where = `${at}.meshes[${j}]`
      checkOptionNames(mesh, MESH_MEMBERS, where)
      checkName(mesh.name, `${where}.name`)
      checkName(mesh.namespace, `${where}.namespace`)
      if (typeof mesh.trustDomain !== 'string')
        throw new TypeError(`${where}.trustDomain must be text; got ${typeName(mesh.trustDomain)}`)
      if (meshes.has(mesh.name))
        throw new RangeError(`${where}.name: the mesh ${quote(mesh.name, 64)} stands twice in its cluster`)
      meshes.add(mesh.name)
    }
  }
}

function checkName(value: unknown, where: string): void {
  if (typeof value === 'string' && value !== '') return
  throw new TypeError(`${where} must be text that is not empty; got ${value === '' ? '""' : typeName(value)}`)
}
