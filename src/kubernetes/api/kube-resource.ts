/**
 * Kinds of objects, and where the API has them.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import type { ObjectName } from '../objects/kube-object.ts'

/** One kind of object. */
export interface KubeResource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  /** As in paths and RBAC: lower case, plural. */
  readonly plural: string
  readonly namespaced: boolean
}

/** Parts of an object with a path of their own. */
export type Subresource = 'status' | 'approval' | 'scale'

/** The kinds of Kubernetes, cert-manager and trust-manager that this library reads or writes. */
export const KubeResources = {
  secrets: { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true },
  configMaps: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  namespaces: { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  pods: { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
  serviceAccounts: {
    group: '',
    version: 'v1',
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    namespaced: true,
  },
  deployments: { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
  statefulSets: {
    group: 'apps',
    version: 'v1',
    kind: 'StatefulSet',
    plural: 'statefulsets',
    namespaced: true,
  },
  daemonSets: { group: 'apps', version: 'v1', kind: 'DaemonSet', plural: 'daemonsets', namespaced: true },
  leases: { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true },
  events: { group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events', namespaced: true },
  certificateSigningRequests: {
    group: 'certificates.k8s.io',
    version: 'v1',
    kind: 'CertificateSigningRequest',
    plural: 'certificatesigningrequests',
    namespaced: false,
  },
  clusterTrustBundles: {
    group: 'certificates.k8s.io',
    version: 'v1beta1',
    kind: 'ClusterTrustBundle',
    plural: 'clustertrustbundles',
    namespaced: false,
  },
  podCertificateRequests: {
    group: 'certificates.k8s.io',
    version: 'v1beta1',
    kind: 'PodCertificateRequest',
    plural: 'podcertificaterequests',
    namespaced: true,
  },
  certManagerRequests: {
    group: 'cert-manager.io',
    version: 'v1',
    kind: 'CertificateRequest',
    plural: 'certificaterequests',
    namespaced: true,
  },
  trustManagerBundles: {
    group: 'trust.cert-manager.io',
    version: 'v1alpha1',
    kind: 'Bundle',
    plural: 'bundles',
    namespaced: false,
  },
  customResourceDefinitions: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
  },
} as const

/** `apiVersion` as objects of a kind carry it. */
export function apiVersionOf({ group, version }: KubeResource): string {
  return group === '' ? version : `${group}/${version}`
}

/** What names of objects may consist of: nothing that could lead to another path. The server checks the rest. */
const SEGMENT = /^[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?$/

function segment(value: unknown, what: string): string {
  if (typeof value !== 'string' || !SEGMENT.test(value)) {
    const found = typeof value === 'string' ? quote(value, 64) : typeof value
    throw new TypeError(
      `a ${what} must be 1 to 253 letters, digits, "-", "." and ":", first and last a letter or digit; got ${found}`,
    )
  }
  // Of what is allowed only the colon has a meaning in paths, and none after the first segment.
  return value
}

/** Whether a text can name an object or a namespace in a path. */
export function isObjectName(value: unknown): value is string {
  return typeof value === 'string' && SEGMENT.test(value)
}

/** The path of a collection; of all namespaces where none is given. @throws `TypeError` for a name that is none. */
export function collectionPath(resource: KubeResource, namespace: string | undefined): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`
  if (!resource.namespaced || namespace === undefined) return `${root}/${resource.plural}`
  return `${root}/namespaces/${segment(namespace, 'namespace')}/${resource.plural}`
}

/** The path of an object. @throws `TypeError` for a name that is none, and a namespace that is missing. */
export function objectPath(
  resource: KubeResource,
  { name, namespace }: ObjectName,
  part?: Subresource,
): string {
  if (resource.namespaced && namespace === undefined)
    throw new TypeError(`a ${resource.kind} is in a namespace; none was given for ${quote(String(name), 64)}`)
  const path = `${collectionPath(resource, namespace)}/${segment(name, `name of a ${resource.kind}`)}`
  return part === undefined ? path : `${path}/${part}`
}
