/**
 * Which meshes of an inventory a policy is for.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import { checkInventory, type Inventory, type InventoryCluster, type InventoryMesh } from './inventory.ts'
import { type PolicyFinding, PolicyReport } from './policy-finding.ts'
import { compileRevision } from './revision-pattern.ts'
import { type MeshSelector, policyLabel, type TrustPolicy } from './trust-policy.ts'

/** A mesh that a policy is for. */
export interface SelectedMesh {
  readonly cluster: InventoryCluster
  readonly mesh: InventoryMesh
  /** By which part of the policy, in words. */
  readonly reason: string
}

/** What {@link selectMeshes} answers. */
export interface MeshSelectionResult {
  /** By cluster and mesh name. */
  readonly meshes: readonly SelectedMesh[]
  /** References that lead nowhere, and patterns that are not read. */
  readonly findings: readonly PolicyFinding[]
}

/**
 * The meshes of an inventory that a policy is for, sorted by cluster and name.
 *
 * A RootTrustPolicy without selectors is for all of them. All parts of a selector must match: the namespace of istiod,
 * labels of its cluster and of its deployment, and the revision, which may be a pattern. Patterns match the whole
 * revision, and are a small part of regular expressions: literals, `.`, `\d`, `[a-z0-9]`, with `*`, `+`, `?`, and
 * alternatives by `|`. Any other is compared as it is written, with a finding. A VirtualMesh names its meshes.
 *
 * @throws `TypeError` and `RangeError` for what is no inventory.
 *
 * @example
 * ```ts
 * import { type Inventory, selectMeshes, type TrustPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const policy: TrustPolicy, inventory: Inventory
 * for (const { cluster, mesh, reason } of selectMeshes(policy, inventory).meshes)
 *   console.log(cluster.name, mesh.name, reason)
 * ```
 */
export function selectMeshes(policy: TrustPolicy, inventory: Inventory): MeshSelectionResult {
  checkInventory(inventory)
  const report = new PolicyReport(policyLabel(policy))
  const tests = policy.meshes.selectors.map((selector, i) => testOf(selector, i, policy, report))
  const found = new Set<string>()
  const meshes: SelectedMesh[] = []
  for (const cluster of inventory.clusters) {
    for (const mesh of cluster.meshes) {
      const references = policy.meshes.references.filter(({ name }) => name === mesh.name)
      for (const { name } of references) found.add(name)
      const index = tests.findIndex((test) => test(cluster, mesh))
      const reason = policy.meshes.all
        ? 'the policy is for all meshes'
        : index >= 0
          ? `selector ${index + 1} of the policy matches`
          : references.length > 0
            ? 'the policy names it'
            : undefined
      if (reason !== undefined) meshes.push({ cluster, mesh, reason })
    }
  }
  for (const [i, { name }] of policy.meshes.references.entries())
    if (!found.has(name))
      report.warn(
        'mesh-not-found',
        `spec.meshes[${i}]`,
        `no cluster has a mesh ${quote(name, 64)}. Meshes are called <istiod deployment>-<namespace>-<cluster>; is the cluster registered, and istiod there?`,
      )
  meshes.sort((a, b) => compareText(a.cluster.name, b.cluster.name) || compareText(a.mesh.name, b.mesh.name))
  return Object.freeze({ meshes: Object.freeze(meshes), findings: report.findings })
}

/** By code units: the same on every machine, whatever its language is. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What an istiod without a revision is called in labels. */
const DEFAULT_REVISION = 'default'

type MeshTest = (cluster: InventoryCluster, mesh: InventoryMesh) => boolean

function testOf(selector: MeshSelector, index: number, policy: TrustPolicy, report: PolicyReport): MeshTest {
  const { revision, namespace, clusterLabels, labels } = selector
  let matches = revision === undefined ? undefined : compileRevision(revision)
  if (revision !== undefined && matches === undefined) {
    const list = policy.kind === 'VirtualMesh' ? 'meshes' : 'applyToMeshes'
    report.warn(
      'revision-not-read',
      `spec.${list}[${index}].istio.revision`,
      `${quote(revision, 64)} is no pattern that is read here; it is compared with revisions as it is written. Read are literals, ".", "\\d", "[a-z0-9]" with "*", "+", "?", and "|"`,
    )
    matches = (found) => found === revision
  }
  return (cluster, mesh) =>
    (namespace === undefined || namespace === mesh.namespace) &&
    (matches === undefined || matches(mesh.revision ?? DEFAULT_REVISION)) &&
    hasLabels(cluster.labels, clusterLabels) &&
    hasLabels(mesh.labels, labels)
}

function hasLabels(
  labels: Readonly<Record<string, string>> = {},
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
}
