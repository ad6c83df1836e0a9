/**
 * Reads a VirtualMesh of Gloo Mesh 1 and Service Mesh Hub.
 *
 * @module
 */

import type { PolicyNode } from './policy-node.ts'
import {
  defaultedAuthority,
  openPolicy,
  readAutoRestart,
  readIntermediateOptions,
  readManagementAuthority,
} from './policy-object.ts'
import { DefaultOrganization, defaultCaOptions } from './read-ca-options.ts'
import { readMeshReferences } from './read-mesh-selection.ts'
import { readVaultAuthority } from './read-vault-authority.ts'
import type { PolicyAuthority, PolicyCaOptions, TrustPolicy } from './trust-policy.ts'

/** What a VirtualMesh says beside trust: not for this library, and not unknown. */
const OTHER_MEMBERS: readonly string[] = ['displayName', 'federation', 'globalAccessPolicy']

/**
 * Reads a VirtualMesh (`networking.mesh.gloo.solo.io/v1`, `networking.smh.solo.io/v1alpha2`).
 *
 * Without `mtlsConfig` it manages no certificates: its authority is then `unmanaged`. Limited trust, which never was
 * implemented, and an `mtlsConfig` without a trust model are refused, as Gloo Mesh does. A root CA without a source is
 * read as one that is generated, with a warning: the reference says so, and the samples of Service Mesh Hub write
 * `generated: null`, of which the API server leaves nothing.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_POLICY`; `TypeError` for what is no object.
 *
 * @example
 * ```ts
 * import { type KubeObject, readVirtualMesh } from 'mesh-pki/kubernetes'
 *
 * declare const object: KubeObject
 * const { meshes, authority } = readVirtualMesh(object)
 * console.log(authority.source, meshes.references.map(({ name }) => name))
 * ```
 */
export function readVirtualMesh(object: unknown): TrustPolicy {
  const { source, name, namespace, uid, generation, spec, report } = openPolicy(
    object,
    'readVirtualMesh',
    'VirtualMesh',
    ['networking.mesh.gloo.solo.io/v1', 'networking.smh.solo.io/v1alpha2'],
  )
  const meshes = readMeshReferences(spec)
  const mtls = spec.node('mtlsConfig')
  for (const member of OTHER_MEMBERS) spec.raw(member)
  spec.end()
  const trust = mtls === undefined ? unmanaged() : readTrust(mtls, namespace)
  return Object.freeze({
    kind: 'VirtualMesh',
    source,
    name,
    namespace,
    ...(uid === undefined ? {} : { uid }),
    ...(generation === undefined ? {} : { generation }),
    meshes,
    authority: trust.authority,
    passive: Object.freeze([]),
    intermediate: trust.intermediate,
    autoRestartPods: trust.autoRestartPods,
    warnings: report.findings,
  })
}

interface Trust {
  readonly authority: PolicyAuthority
  readonly intermediate: PolicyCaOptions
  readonly autoRestartPods: boolean
}

const unmanaged = (): Trust => ({
  authority: Object.freeze({ source: 'unmanaged' }),
  intermediate: defaultCaOptions(DefaultOrganization.intermediate),
  autoRestartPods: false,
})

function readTrust(mtls: PolicyNode, namespace: string): Trust {
  const { report } = mtls
  if (mtls.has('limited'))
    throw report.refuse(
      mtls.at('limited'),
      'limited trust is not supported, here or in any release of Gloo Mesh. Write shared, or keep the roots apart and federate them by SPIFFE bundles',
    )
  // An empty map may come as null after a round trip through YAML.
  const shared = mtls.node('shared')
  if (shared === undefined && !mtls.mentions('shared'))
    throw report.refuse(
      mtls.path,
      'no trust model: nothing says how certificates are issued. Write shared: {…}, or leave mtlsConfig out so that none are',
    )
  const autoRestartPods = readAutoRestart(mtls)
  for (const member of ['rotationVerificationMethod', 'rotationStrategy'])
    if (mtls.has(member))
      report.warn(
        'rotation-options',
        mtls.at(member),
        'it has no effect here: a root is rotated by the plan of planRollover, which waits for evidence',
      )
  mtls.end()
  if (shared === undefined)
    return {
      authority: defaultedAuthority(mtls, 'Write shared: {rootCertificateAuthority: {generated: {…}}}'),
      intermediate: defaultCaOptions(DefaultOrganization.intermediate),
      autoRestartPods,
    }
  const authority = readAuthority(shared, namespace)
  const intermediate = readIntermediateOptions(
    shared,
    'intermediateCertOptions',
    authority.source === 'generated' ? authority : undefined,
  )
  shared.end()
  return { authority, intermediate, autoRestartPods }
}

function readAuthority(shared: PolicyNode, namespace: string): PolicyAuthority {
  const root = shared.node('rootCertificateAuthority')
  const agent = shared.node('intermediateCertificateAuthority')
  if (root !== undefined && agent !== undefined)
    throw shared.report.refuse(
      shared.path,
      'expected one of rootCertificateAuthority and intermediateCertificateAuthority, found both: who signs cannot be told. Take one out',
    )
  if (agent !== undefined)
    return Object.freeze({ source: 'agent', vault: readVaultAuthority(agent, namespace) })
  if (root === undefined)
    return defaultedAuthority(shared, 'Releases of Gloo Mesh refuse it. Write rootCertificateAuthority: {…}')
  const authority = readManagementAuthority(root, 'secret', namespace)
  if (authority !== undefined) return authority
  root.end()
  return defaultedAuthority(root, 'Releases of Gloo Mesh refuse it. Write generated: {…} or secret: {…}')
}
