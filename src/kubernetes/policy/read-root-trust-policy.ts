/**
 * Reads a RootTrustPolicy of Gloo Mesh 2.
 *
 * @module
 */

import { PolicyNode } from './policy-node.ts'
import {
  defaultedAuthority,
  openPolicy,
  readAutoRestart,
  readIntermediateOptions,
  readManagementAuthority,
} from './policy-object.ts'
import { readApplyToMeshes } from './read-mesh-selection.ts'
import { readVaultAuthority } from './read-vault-authority.ts'
import type { ManagementAuthority, PolicyAuthority, TrustPolicy } from './trust-policy.ts'

/**
 * Reads a RootTrustPolicy (`admin.gloo.solo.io/v2`).
 *
 * Zero and what is left out get the defaults of Gloo Mesh: 365 days, RSA 4096, the organizations `gloo-mesh` and
 * `Istio`, renewal when a tenth of the lifetime is left. What is odd but can be read is in `warnings`; what cannot be
 * understood is refused, since a guess about a root of trust is worse than none.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_POLICY`; `TypeError` for what is no object.
 *
 * @example
 * ```ts
 * import { type KubeObject, readRootTrustPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const object: KubeObject
 * const policy = readRootTrustPolicy(object)
 * for (const { path, message } of policy.warnings) console.warn(path, message)
 * if (policy.authority.source === 'generated') console.log(policy.authority.options.lifetime) // 365d
 * ```
 */
export function readRootTrustPolicy(object: unknown): TrustPolicy {
  const { source, name, namespace, uid, generation, spec, report } = openPolicy(
    object,
    'readRootTrustPolicy',
    'RootTrustPolicy',
    ['admin.gloo.solo.io/v2'],
  )
  const meshes = readApplyToMeshes(spec)
  const config = spec.node('config') ?? PolicyNode.of({}, spec.at('config'), report)
  spec.end()
  const authority = readAuthority(config, namespace)
  const intermediate = readIntermediateOptions(
    config,
    'intermediateCertOptions',
    authority.source === 'generated' ? authority : undefined,
  )
  const passive = readPassive(config, namespace)
  const autoRestartPods = readAutoRestart(config)
  config.end()
  return Object.freeze({
    kind: 'RootTrustPolicy',
    source,
    name,
    namespace,
    ...(uid === undefined ? {} : { uid }),
    ...(generation === undefined ? {} : { generation }),
    meshes,
    authority,
    passive,
    intermediate,
    autoRestartPods,
    warnings: report.findings,
  })
}

function readAuthority(config: PolicyNode, namespace: string): PolicyAuthority {
  const { report } = config
  const management = config.node('mgmtServerCa')
  const agent = config.node('agentCa')
  if (management !== undefined && agent !== undefined)
    throw report.refuse(
      config.path,
      'expected one of mgmtServerCa and agentCa, found both: who signs cannot be told. Take one out',
    )
  if (agent !== undefined)
    return Object.freeze({ source: 'agent', vault: readVaultAuthority(agent, namespace) })
  if (management === undefined)
    return defaultedAuthority(config, 'Write mgmtServerCa: {generated: {…}} or {secretRef: {…}}')
  const authority = readManagementAuthority(management, 'secretRef', namespace)
  if (authority !== undefined) return authority
  management.end()
  return defaultedAuthority(management, 'Write generated: {…} or secretRef: {…}')
}

function readPassive(config: PolicyNode, namespace: string): readonly ManagementAuthority[] {
  const { report } = config
  const path = config.at('passiveCertificateAuthorities')
  const items = config.list('passiveCertificateAuthorities') ?? []
  if (items.length > 0)
    report.warn(
      'passive-authorities',
      path,
      `${items.length} CA${items.length === 1 ? ' is' : 's are'} trusted beside the one that signs: a rotation is under way, or was left half done. Take them out when every mesh has renewed`,
    )
  return Object.freeze(
    items.map((item, i) => {
      const node = PolicyNode.of(item, `${path}[${i}]`, report)
      const authority = readManagementAuthority(node, 'secretRef', namespace)
      if (authority !== undefined) return authority
      throw report.refuse(node.path, 'expected generated or secretRef, found neither')
    }),
  )
}
