/**
 * Which meshes a policy is for, as both kinds write it.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import { isRecord, type ObjectName } from '../objects/kube-object.ts'
import { PolicyNode } from './policy-node.ts'
import type { MeshSelection, MeshSelector } from './trust-policy.ts'

const ALL: MeshSelection = Object.freeze({ all: true, selectors: [], references: [] })

const SELECTOR_MEMBERS: readonly string[] = ['revision', 'namespace', 'clusterSelector', 'selector']

/**
 * Reads `applyToMeshes`: a list of selectors, empty for all meshes.
 *
 * A selector that is empty only because its members are misspelled would select every mesh, so that is refused.
 */
export function readApplyToMeshes(spec: PolicyNode): MeshSelection {
  const { report } = spec
  const value = spec.raw('applyToMeshes')
  const path = spec.at('applyToMeshes')
  if (value === undefined) return ALL
  if (!Array.isArray(value) && !isRecord(value))
    throw spec.wrong('applyToMeshes', 'a list of selectors', value)
  if (!Array.isArray(value))
    report.warn(
      'selector-not-list',
      path,
      'it is one selector, and must be a list of them; it is read as a list of one. The API server of Gloo Mesh refuses it. Put a dash before "istio"',
    )
  const items = spec.bounded('applyToMeshes', Array.isArray(value) ? value : [value])
  if (items.length === 0) return ALL
  const selectors = items.map((item, i) => readMeshSelector(PolicyNode.of(item, `${path}[${i}]`, report)))
  return Object.freeze({
    all: selectors.some(isEmptySelector),
    selectors: Object.freeze(selectors),
    references: [],
  })
}

/** Reads `meshes` of a VirtualMesh: references to meshes by name. An empty list selects none. */
export function readMeshReferences(spec: PolicyNode): MeshSelection {
  const { report } = spec
  const items = spec.list('meshes') ?? []
  const path = spec.at('meshes')
  const selectors: MeshSelector[] = []
  const references = items.flatMap((item, i): readonly ObjectName[] => {
    const node = PolicyNode.of(item, `${path}[${i}]`, report)
    if (node.mentions('istio') && !node.mentions('name')) {
      report.warn(
        'selector-without-istio',
        node.path,
        'a selector stands where a VirtualMesh has references; it is read as one. Write {name, namespace} of a Mesh',
      )
      selectors.push(readMeshSelector(node))
      return []
    }
    const name = node.needText('name', 'the name of the mesh')
    const namespace = node.text('namespace')
    node.end()
    return [Object.freeze({ name, ...(namespace === undefined ? {} : { namespace }) })]
  })
  return Object.freeze({
    all: selectors.some(isEmptySelector),
    selectors: Object.freeze(selectors),
    references: Object.freeze(references),
  })
}

const isEmptySelector = ({ revision, namespace, clusterLabels, labels }: MeshSelector): boolean =>
  revision === undefined &&
  namespace === undefined &&
  Object.keys(clusterLabels).length === 0 &&
  Object.keys(labels).length === 0

function readMeshSelector(node: PolicyNode): MeshSelector {
  const { report } = node
  const istio = node.node('istio')
  if (istio === undefined && SELECTOR_MEMBERS.some((name) => node.has(name)))
    report.warn(
      'selector-without-istio',
      node.path,
      `its members stand beside each other where "istio" must hold them; they are read as if it did. Write istio: {…}`,
    )
  else node.end()
  const holder = istio ?? node
  const selector: MeshSelector = Object.freeze({
    revision: holder.text('revision'),
    namespace: holder.text('namespace'),
    clusterLabels: readClusterSelector(holder),
    labels: holder.labels('selector'),
  })
  const { unknown } = holder
  if (isEmptySelector(selector) && unknown.length > 0)
    throw report.refuse(
      holder.path,
      `it has only members that are not known here, ${unknown
        .slice(0, 4)
        .map((name) => quote(name, 64))
        .join(', ')}; without them it would select every mesh. Expected ${SELECTOR_MEMBERS.join(', ')}`,
    )
  if (istio !== undefined) istio.end()
  return selector
}

/** A map of labels; the documentation showed a list of maps, which is read as one map. */
function readClusterSelector(node: PolicyNode): Readonly<Record<string, string>> {
  const value = node.raw('clusterSelector')
  if (value === undefined) return {}
  if (!Array.isArray(value)) return node.labelsOf('clusterSelector', value)
  const path = node.at('clusterSelector')
  node.report.warn(
    'cluster-selector-list',
    path,
    'it is a list, and must be a map of labels; its items are read as one map, all of which a cluster must have. Take the dashes out',
  )
  const merged = new Map<string, string>()
  for (const item of node.bounded('clusterSelector', value)) {
    for (const [key, label] of Object.entries(node.labelsOf('clusterSelector', item))) {
      const before = merged.get(key)
      if (before !== undefined && before !== label)
        throw node.report.refuse(
          path,
          `the label ${quote(key, 64)} stands twice with two values, ${quote(before, 64)} and ${quote(label, 64)}: no cluster has both`,
        )
      merged.set(key, label)
    }
  }
  return Object.freeze(Object.fromEntries(merged))
}
