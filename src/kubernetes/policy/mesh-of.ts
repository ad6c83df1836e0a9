/**
 * One mesh of the inventory, out of istiod's deployment and its configuration.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { isKubeObject, isRecord, type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import { ISTIO_REVISION_LABEL } from '../objects/names.ts'
import type { ConfigMapLike } from '../objects/secret-like.ts'
import type { InventoryMesh } from './inventory.ts'
import { meshName } from './mesh-name.ts'
import { type PolicyFinding, PolicyReport } from './policy-finding.ts'
import { readMeshConfig } from './read-mesh-config.ts'

/** What {@link meshOf} is told. */
export interface MeshOfOptions {
  /** The name under which the cluster is registered. */
  readonly cluster: string
  /** The Deployment of istiod. */
  readonly deployment: KubeObject
  /** The ConfigMap `istio` beside it; `istio-<revision>` for a revision. */
  readonly configMap: ConfigMapLike
}

/** What {@link meshOf} answers. */
export interface FoundMesh {
  readonly mesh: InventoryMesh
  readonly findings: readonly PolicyFinding[]
}

/** Istio's default. */
const DEFAULT_TRUST_DOMAIN = 'cluster.local'

/**
 * Makes the entry of an inventory for one istiod: its name as Gloo Mesh forms it, its revision, its service account, and
 * its trust domain out of the mesh's configuration.
 *
 * Without a trust domain in the configuration it is `cluster.local`, Istio's default; where there is one that cannot be
 * read, it throws: a CA for the wrong trust domain would be worse than none.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_POLICY`, `ERR_KUBERNETES_CONFIG_MAP`; `TypeError` for options.
 *
 * @example
 * ```ts
 * import { type ConfigMapLike, type KubeObject, meshOf } from 'mesh-pki/kubernetes'
 *
 * declare const deployment: KubeObject, configMap: ConfigMapLike
 * const { mesh } = meshOf({ cluster: 'cluster-1', deployment, configMap })
 * console.log(mesh.name, mesh.trustDomain) // istiod-istio-system-cluster-1 cluster.local
 * ```
 */
export function meshOf(options: MeshOfOptions): FoundMesh {
  checkOptionNames(options, ['cluster', 'deployment', 'configMap'], 'meshOf')
  const { cluster, deployment, configMap } = options
  if (typeof cluster !== 'string' || cluster === '')
    throw new TypeError(`option "cluster" must be text that is not empty; got ${typeName(cluster)}`)
  if (!isKubeObject(deployment))
    throw new TypeError(`option "deployment" must be a Deployment object; got ${typeName(deployment)}`)
  const metadata = recordAt(deployment, 'metadata')
  const name = textAt(metadata, 'name')
  const namespace = textAt(metadata, 'namespace')
  const report = new PolicyReport(`Deployment ${namespace ?? '(no namespace)'}/${name ?? '(unnamed)'}`)
  if (name === undefined || namespace === undefined)
    throw report.refuse('metadata', 'name and namespace must be there')
  const config = readMeshConfig(configMap)
  if (config.unreadable.includes('trustDomain'))
    throw new MeshPkiError(
      'ERR_KUBERNETES_POLICY',
      `${config.findings.find(({ path }) => path.endsWith('trustDomain'))?.message ?? 'the trust domain cannot be read'}`,
      { data: { cluster, path: 'mesh.trustDomain' } },
    )
  if (config.trustDomain === undefined)
    report.warn(
      'trust-domain-defaulted',
      'mesh.trustDomain',
      `the configuration names no trust domain, so istiod of ${quote(cluster, 64)} uses ${DEFAULT_TRUST_DOMAIN}. Clusters that share it share their identities`,
    )
  const template = recordAt(recordAt(deployment, 'spec'), 'template')
  const pod = recordAt(template, 'spec')
  const serviceAccount = textAt(pod, 'serviceAccountName') ?? textAt(pod, 'serviceAccount')
  if (serviceAccount === undefined)
    report.warn(
      'service-account-defaulted',
      'spec.template.spec.serviceAccountName',
      'it names no service account, so what istiod is called cannot be told',
    )
  const labels = labelsOf(metadata)
  const revision =
    labels[ISTIO_REVISION_LABEL] ?? labelsOf(recordAt(template, 'metadata'))[ISTIO_REVISION_LABEL]
  return Object.freeze({
    mesh: Object.freeze({
      name: meshName(name, namespace, cluster),
      namespace,
      ...(revision === undefined ? {} : { revision }),
      labels,
      trustDomain: config.trustDomain ?? DEFAULT_TRUST_DOMAIN,
      trustDomainAliases: config.trustDomainAliases,
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
      caCertificates: config.caCertificates,
    }),
    findings: Object.freeze([...config.findings, ...report.findings]),
  })
}

function labelsOf(metadata: unknown): Readonly<Record<string, string>> {
  const labels = isRecord(metadata) ? recordAt(metadata, 'labels') : {}
  const texts = Object.entries(labels).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.freeze(Object.fromEntries(texts))
}
