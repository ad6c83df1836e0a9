/**
 * The frame of a policy: kind, version, name and spec.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { isRecord, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import { ISTIO_NAMESPACE, SecretName } from '../objects/names.ts'
import { PolicyReport } from './policy-finding.ts'
import { PolicyNode } from './policy-node.ts'
import { DefaultOrganization, readCaOptions, readGenerated } from './read-ca-options.ts'
import { readReference } from './read-vault-authority.ts'
import type { ManagementAuthority, PolicyCaOptions, PolicySource } from './trust-policy.ts'

/** A policy whose spec is about to be read. */
export interface PolicyObject {
  readonly source: PolicySource
  readonly name: string
  readonly namespace: string
  readonly uid: string | undefined
  readonly generation: number | undefined
  readonly spec: PolicyNode
  readonly report: PolicyReport
}

/** Opens an object of one kind. @throws `MeshPkiError` `ERR_KUBERNETES_POLICY` for another one; `TypeError` for what is no object. */
export function openPolicy(
  object: unknown,
  callee: string,
  kind: string,
  sources: readonly PolicySource[],
): PolicyObject {
  if (!isRecord(object)) throw new TypeError(`${callee} takes a Kubernetes object; got ${typeName(object)}`)
  const metadata = recordAt(object, 'metadata')
  const name = textAt(metadata, 'name')
  const namespace = textAt(metadata, 'namespace')
  const report = new PolicyReport(
    `${kind} ${escapeText(`${namespace ?? '(no namespace)'}/${name ?? '(unnamed)'}`)}`,
  )
  const version = textAt(object, 'apiVersion')
  const source = sources.find((each) => each === version)
  if (textAt(object, 'kind') !== kind || source === undefined)
    throw new MeshPkiError(
      'ERR_KUBERNETES_POLICY',
      `${report.where}: expected kind ${kind} of ${sources.join(' or ')}, found kind ${shown(object['kind'])} of ${shown(object['apiVersion'])}. Give the object with its apiVersion and kind, as the API server answers it`,
      { data: { expected: sources } },
    )
  if (name === undefined || name === '' || namespace === undefined || namespace === '')
    throw report.refuse('metadata', 'name and namespace must be there: they name the secret of the root')
  return {
    source,
    name,
    namespace,
    uid: textAt(metadata, 'uid'),
    generation: numberAt(metadata, 'generation'),
    spec: PolicyNode.of(object['spec'] ?? {}, 'spec', report),
    report,
  }
}

const shown = (value: unknown): string => (typeof value === 'string' ? quote(value, 64) : typeName(value))

/**
 * Reads a CA of the management cluster: `{generated}` or a reference by the name `secret` has. `undefined` where there
 * is neither.
 */
export function readManagementAuthority(
  node: PolicyNode,
  secretMember: 'secret' | 'secretRef',
  fallbackNamespace: string | undefined,
): ManagementAuthority | undefined {
  const { report } = node
  const secret = readReference(node, secretMember, fallbackNamespace)
  if (secret !== undefined && node.has('generated'))
    throw report.refuse(
      node.path,
      `expected one of generated and ${secretMember}, found both: whether a root is to be made or one is there cannot be told. Take one out`,
    )
  if (secret === undefined && !node.mentions('generated')) return undefined
  if (secret === undefined) {
    const options = readGenerated(node, report)
    node.end()
    return Object.freeze({ source: 'generated', options })
  }
  node.raw('generated')
  node.end()
  refuseCacerts(node, secretMember, secret)
  return Object.freeze({ source: 'secret', secret })
}

/** istiod's own secret holds what is signed by the root; as the root it would sign itself. */
function refuseCacerts(node: PolicyNode, member: string, secret: { name: string; namespace: string }): void {
  if (secret.name !== SecretName.cacerts || secret.namespace !== ISTIO_NAMESPACE) return
  throw node.report.refuse(
    node.at(member),
    `it names ${ISTIO_NAMESPACE}/${SecretName.cacerts}, which is what this policy writes for a mesh: the root would be overwritten by the intermediate below it. Copy the root into a secret of another name`,
    { secret: `${secret.namespace}/${secret.name}` },
  )
}

/** Reads the options of intermediates, and compares them with those of a root that is generated. */
export function readIntermediateOptions(
  parent: PolicyNode,
  name: string,
  authority: ManagementAuthority | undefined,
): PolicyCaOptions {
  const options = readCaOptions(parent.node(name), DefaultOrganization.intermediate)
  if (authority?.source === 'generated' && authority.options.ttlDays < options.ttlDays)
    parent.report.warn(
      'root-shorter-than-intermediate',
      `${parent.at(name)}.ttlDays`,
      `intermediates are to live ${options.ttlDays} days and the root ${authority.options.ttlDays}; each is capped to the end of the root. Let the root live longer`,
    )
  return options
}

/** The authority where a policy names none: Gloo Mesh's documentation promises a root that is generated. */
export function defaultedAuthority(node: PolicyNode, advice: string): ManagementAuthority {
  node.report.warn(
    'authority-defaulted',
    node.path,
    `no CA is named; it is read as a root that is generated, as the reference of Gloo Mesh says. ${advice}`,
  )
  return Object.freeze({ source: 'generated', options: readCaOptions(undefined, DefaultOrganization.root) })
}

/** Gloo Mesh deletes pods where this is true. */
export function readAutoRestart(node: PolicyNode): boolean {
  const isOn = node.flag('autoRestartPods')
  if (isOn)
    node.report.warn(
      'auto-restart-pods',
      node.at('autoRestartPods'),
      'Gloo Mesh would delete every pod of the mesh after each renewal, which its own documentation says not to do in production; this library deletes no pod. Take it out',
    )
  return isOn
}
