/**
 * Trust anchors as ClusterTrustBundles, which the kubelet puts into pods.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError, KubeError } from '../api/kube-error.ts'
import { apiVersionOf, type KubeResource, KubeResources } from '../api/kube-resource.ts'
import { MESH_PKI_GROUP } from '../objects/api-group.ts'
import { type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import {
  encodeClusterTrustBundle,
  isTrustBundleName,
  TRUST_BUNDLE_VERSIONS,
  trustBundleName,
  trustBundlePrefix,
} from '../secrets/cluster-trust-bundle.ts'
import { readSignerName } from '../signers/signer-name.ts'
import { fieldOwners } from './field-owners.ts'
import { readTrustRoots, type TrustRootsInput } from './trust-roots.ts'

/** Options of {@link clusterTrustBundleStep}. */
export interface ClusterTrustBundleOptions {
  readonly roots: TrustRootsInput
  /** The signer whose roots they are, `<domain>/<path>`; pods then choose bundles by it. */
  readonly signerName?: string | undefined
  /** Without `signerName`: how names begin. Default `'roots'`. */
  readonly namePrefix?: string | undefined
  /** Whether an istiod of this cluster may write bundles of `istio.io/istiod-ca`. Default `'present'`. */
  readonly istiod?: 'present' | 'absent' | undefined
  readonly signal?: AbortSignalLike | undefined
}

/** What became of the bundles. */
export interface ClusterTrustBundleResult extends StepResult {
  /** `'unsupported'`: the server does not have the kind; use ConfigMaps. */
  readonly state: 'published' | 'unsupported'
  /** The bundle that is current. */
  readonly name: string | undefined
  /** Older ones of ours that were removed. */
  readonly removed: readonly string[]
}

/** The signer of istiod's own bundle, `istio.io:istiod-ca:root-cert`. */
const ISTIOD_SIGNER = 'istio.io/istiod-ca'
/** Label of all bundles of one series of ours; its value is the field manager that keeps them. */
const SERIES = `${MESH_PKI_GROUP}/trust-bundle`
/** When to ask again for a kind that the server does not have. */
const UNSUPPORTED_MS = 3_600_000

/**
 * Publishes roots as a ClusterTrustBundle whose name holds a digest of them, and then removes the older bundles of the same
 * series: pods that choose by signer and label have both for a moment, and never none.
 *
 * Only bundles that bear our label with this client's field manager are removed. The name of istiod's own bundle is
 * never written.
 *
 * @throws `KubeError`; `MeshPkiError` for roots; `TypeError` and `RangeError` for options, such as istiod's signer beside
 * an istiod.
 *
 * @example
 * ```ts
 * import { clusterTrustBundleStep, type KubeClient } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const roots: string
 * const { state, name } = await clusterTrustBundleStep(client, { roots, signerName: 'example.com/mesh' })
 * ```
 */
export async function clusterTrustBundleStep(
  client: KubeClient,
  options: ClusterTrustBundleOptions,
): Promise<ClusterTrustBundleResult> {
  checkOptionNames(
    options,
    ['roots', 'signerName', 'namePrefix', 'istiod', 'signal'],
    'clusterTrustBundleStep',
  )
  const { signal } = options
  const roots = readTrustRoots(options.roots)
  const { prefix, signerName } = readSeries(options)
  const name = trustBundleName(prefix, roots.pem)
  const encode = (base?: KubeObject): KubeObject =>
    encodeClusterTrustBundle(roots.certificates, { name, signerName }, base)
  const made = encode()
  const resource = await servedVersion(client, signal)
  if (resource === undefined)
    return {
      changed: false,
      state: 'unsupported',
      name: undefined,
      removed: [],
      requeueAfterMs: UNSUPPORTED_MS,
      message: 'the server has no ClusterTrustBundles',
    }
  const labels = { [SERIES]: labelOf(client.fieldManager) }
  const object = { ...made, apiVersion: apiVersionOf(resource), metadata: { name, labels } }
  const isMade = await make(client, resource, { object, encode }, signal)
  const removed = await removeOlder(client, resource, { object, prefix, signerName }, signal)
  return {
    changed: isMade || removed.length > 0,
    state: 'published',
    name,
    removed,
    message: `the roots are in ${name}`,
  }
}

async function servedVersion(
  client: KubeClient,
  signal: AbortSignalLike | undefined,
): Promise<KubeResource | undefined> {
  for (const version of TRUST_BUNDLE_VERSIONS) {
    const resource = { ...KubeResources.clusterTrustBundles, version }
    if (await client.serves(resource, { signal })) return resource
  }
  return undefined
}

/** A new bundle, and one that is there as it shall be. */
interface Wanted {
  readonly object: KubeObject
  encode(base: KubeObject): KubeObject
}

/** Makes the bundle unless it is there; its name says what is in it, and what is in it is looked at all the same. */
async function make(
  client: KubeClient,
  resource: KubeResource,
  wanted: Wanted,
  signal: AbortSignalLike | undefined,
): Promise<boolean> {
  const { object } = wanted
  const { name = '' } = object.metadata
  const found = await client.find(resource, { name }, { signal })
  if (found === undefined) {
    try {
      await client.create(resource, object, { signal })
      return true
    } catch (error) {
      const isUnknown = error instanceof KubeError && error.outcome === 'unknown'
      if (!isUnknown && !isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw error
      const now = await client.find(resource, { name }, { signal })
      if (now === undefined) throw error
      await mend(client, resource, now, wanted, signal)
      return true
    }
  }
  return mend(client, resource, found, wanted, signal)
}

/** Puts back what somebody has changed in a bundle of this name, and the label of one that is ours: without it, it would stay for ever. */
async function mend(
  client: KubeClient,
  resource: KubeResource,
  found: KubeObject,
  { object, encode }: Wanted,
  signal: AbortSignalLike | undefined,
): Promise<boolean> {
  const owners = fieldOwners(found, ['spec', 'trustBundle'])
  const isUnlabelled =
    seriesOf(found) === undefined && owners.some(({ manager }) => manager === client.fieldManager)
  if (bundleOf(found) === bundleOf(object) && !isUnlabelled) return false
  const next = encode(found)
  const labels = { ...next.metadata.labels, ...(isUnlabelled ? object.metadata.labels : {}) }
  await client.replace(resource, { ...next, metadata: { ...next.metadata, labels } }, { signal })
  return true
}

const bundleOf = (one: KubeObject): unknown => recordAt(one, 'spec')['trustBundle']
const seriesOf = (one: KubeObject): string | undefined => textAt(recordAt(one.metadata, 'labels'), SERIES)

/** Removes what came before, once the new one is there, and as long as it is. */
async function removeOlder(
  client: KubeClient,
  resource: KubeResource,
  {
    object,
    prefix,
    signerName,
  }: { readonly object: KubeObject; readonly prefix: string; readonly signerName: string | undefined },
  signal: AbortSignalLike | undefined,
): Promise<readonly string[]> {
  const { name = '' } = object.metadata
  const series = labelOf(client.fieldManager)
  const { items } = await client.list(resource, { labelSelector: `${SERIES}=${series}` }, { signal })
  const older = items.filter((item) => {
    const own = item.metadata.name ?? ''
    return (
      own !== name &&
      seriesOf(item) === series &&
      isTrustBundleName(own, prefix) &&
      textAt(recordAt(item, 'spec'), 'signerName') === signerName
    )
  })
  const removed: string[] = []
  for (const item of older) {
    const current = await client.find(resource, { name }, { signal })
    // Somebody took it away meanwhile: pods must not be left with none.
    if (current === undefined || bundleOf(current) !== bundleOf(object)) break
    if (await client.remove(resource, item, { signal })) removed.push(item.metadata.name ?? '')
  }
  return removed
}

/** How names of a series begin. With a signer they must begin with its name. */
function readSeries({ signerName: given, namePrefix, istiod: option }: ClusterTrustBundleOptions): {
  readonly prefix: string
  readonly signerName: string | undefined
} {
  const istiod = checkOneOf(option ?? 'present', ['present', 'absent'], 'istiod')
  if (given === undefined) {
    const isWord = typeof namePrefix === 'string' && /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(namePrefix)
    if (namePrefix !== undefined && !isWord)
      throw new TypeError('option "namePrefix" must be 1 to 63 lower-case letters, digits and "-"')
    return { prefix: trustBundlePrefix(undefined, namePrefix), signerName: undefined }
  }
  if (namePrefix !== undefined)
    throw new TypeError(
      'options "signerName" and "namePrefix" exclude each other: names begin with that of the signer',
    )
  const signerName = readSignerName(given)
  if (signerName === ISTIOD_SIGNER && istiod === 'present')
    throw new TypeError(
      `option "signerName" is ${ISTIOD_SIGNER}, whose bundle istio.io:istiod-ca:root-cert istiod writes itself; choose another, or say istiod: 'absent'`,
    )
  return { prefix: trustBundlePrefix(signerName), signerName }
}

/** A field manager as the value of a label. */
function labelOf(fieldManager: string): string {
  return fieldManager
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63)
    .replace(/[^A-Za-z0-9]+$/, '')
}
