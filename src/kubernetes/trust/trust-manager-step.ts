/**
 * Our roots as a source of trust-manager.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError, KubeError } from '../api/kube-error.ts'
import { isObjectName, KubeResources } from '../api/kube-resource.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import { type KubeObject, recordAt } from '../objects/kube-object.ts'
import { ConfigMapName, DataKey } from '../objects/names.ts'
import type { StepResult } from '../runner/step-result.ts'
import { decideTrustManagerSync, type TrustManagerSync } from './trust-manager-decision.ts'
import { readTrustRoots, type TrustRootsInput } from './trust-roots.ts'

/** A Bundle that is kept. */
export interface TrustManagerBundle {
  /** Name of the Bundle and of its targets. Default `'istio-ca-root-cert'`, which proxies mount. */
  readonly name?: string | undefined
  /** Which namespaces get it. Default: all. */
  readonly namespaceSelector?: Readonly<Record<string, unknown>> | undefined
}

/** Options of {@link trustManagerStep}. */
export interface TrustManagerOptions {
  readonly roots: TrustRootsInput
  /** trust-manager's trust namespace, where its sources are. Default `'cert-manager'`. */
  readonly namespace?: string | undefined
  /** Name of the ConfigMap that holds the roots. Default `'mesh-pki-roots'`. */
  readonly configMap?: string | undefined
  /** Its key, and that of the targets. Default `'root-cert.pem'`. */
  readonly key?: string | undefined
  /** Left out: the Bundle is somebody else's, and only the source is kept. */
  readonly bundle?: TrustManagerBundle | undefined
  readonly signal?: AbortSignalLike | undefined
}

/** What became of the roots. */
export interface TrustManagerResult extends StepResult {
  /** How far trust-manager is; `undefined` without a Bundle of ours. */
  readonly sync: TrustManagerSync | { readonly state: 'unsupported' } | undefined
}

const OPTIONS = ['roots', 'namespace', 'configMap', 'key', 'bundle', 'signal']
const { configMaps, trustManagerBundles } = KubeResources
/** How often to look whether trust-manager is done. */
const WAIT_MS = 5000
const UNSUPPORTED_MS = 3_600_000
const MAX_TRIES = 5

/**
 * Publishes roots as a ConfigMap in trust-manager's namespace and, if asked, applies a Bundle that distributes them under the
 * name and key that Istio's proxies mount.
 *
 * Of the ConfigMap only our key is written. The Bundle is applied with this client's field manager and without force:
 * what somebody else says in it is a conflict that is thrown, with the owner's name.
 *
 * **Warning**: beside an istiod that distributes roots, both would write the same ConfigMaps. Switch istiod's off first.
 *
 * @throws `KubeError`; `MeshPkiError` for roots; `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { type KubeClient, trustManagerStep } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const roots: string
 * const { sync } = await trustManagerStep(client, { roots, bundle: { name: 'istio-ca-root-cert' } })
 * ```
 */
export async function trustManagerStep(
  client: KubeClient,
  options: TrustManagerOptions,
): Promise<TrustManagerResult> {
  checkOptionNames(options, OPTIONS, 'trustManagerStep')
  const { namespace = 'cert-manager', configMap = 'mesh-pki-roots', key = DataKey.rootCert, signal } = options
  const bundle = readBundleOption(options.bundle)
  for (const [option, value] of Object.entries({ namespace, configMap }))
    if (!isObjectName(value)) throw new TypeError(`option "${option}" must be the name of an object`)
  if (typeof key !== 'string' || !/^[-._a-zA-Z0-9]{1,253}$/.test(key))
    throw new TypeError('option "key" must be a key of a ConfigMap')
  const { pem } = readTrustRoots(options.roots)
  const published = await publish(client, { namespace, name: configMap }, key, pem, signal)
  if (bundle === undefined)
    return { changed: published, sync: undefined, message: `the roots are in ${namespace}/${configMap}` }
  if (!(await client.serves(trustManagerBundles, { signal })))
    return {
      changed: published,
      sync: { state: 'unsupported' },
      requeueAfterMs: UNSUPPORTED_MS,
      message: 'the server has no Bundles; is trust-manager installed?',
    }
  const { object, applied } = await applyBundle(client, bundle, { name: configMap, key }, signal)
  const sync = decideTrustManagerSync({ bundle: object })
  const isWaiting = sync.state === 'waiting' || sync.state === 'failed'
  return {
    changed: published || applied,
    sync,
    message: 'why' in sync ? sync.why : `the Bundle is ${sync.state}`,
    ...(isWaiting ? { requeueAfterMs: WAIT_MS } : {}),
  }
}

interface Bundle {
  readonly name: string
  readonly namespaceSelector: Readonly<Record<string, unknown>>
}

function readBundleOption(value: TrustManagerBundle | undefined): Bundle | undefined {
  if (value === undefined) return undefined
  checkOptionNames(value, ['name', 'namespaceSelector'], 'option "bundle"')
  const { name = ConfigMapName.istioRoot, namespaceSelector = {} } = value
  if (!isObjectName(name)) throw new TypeError('option "bundle.name" must be the name of an object')
  if (typeof namespaceSelector !== 'object' || namespaceSelector === null)
    throw new TypeError(
      `option "bundle.namespaceSelector" must be a label selector; got ${typeName(namespaceSelector)}`,
    )
  return { name, namespaceSelector }
}

/** Puts the roots under one key of a ConfigMap. */
async function publish(
  client: KubeClient,
  ref: { readonly namespace: string; readonly name: string },
  key: string,
  pem: string,
  signal: AbortSignalLike | undefined,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const found = await client.find(configMaps, ref, { signal })
    const data = recordAt(found, 'data')
    if (data[key] === pem) return attempt > 1
    try {
      await (found === undefined
        ? client.create(configMaps, { metadata: ref, data: { [key]: pem } }, { signal })
        : client.replace(configMaps, { ...found, data: { ...data, [key]: pem } }, { signal }))
      return true
    } catch (error) {
      const isUnknown = error instanceof KubeError && error.outcome === 'unknown'
      const isStale = isKubeError(error, 'ERR_KUBERNETES_CONFLICT', 'ERR_KUBERNETES_ALREADY_EXISTS')
      if (attempt >= MAX_TRIES || !(isUnknown || isStale) || signal?.aborted === true) throw error
    }
  }
}

/** Applies the Bundle where it does not say yet what it shall. */
async function applyBundle(
  client: KubeClient,
  { name, namespaceSelector }: Bundle,
  source: { readonly name: string; readonly key: string },
  signal: AbortSignalLike | undefined,
): Promise<{ readonly object: KubeObject; readonly applied: boolean }> {
  const spec = {
    sources: [{ configMap: { name: source.name, key: source.key } }],
    target: { configMap: { key: source.key }, namespaceSelector },
  }
  const found = await client.find(trustManagerBundles, { name }, { signal })
  const { sources, target } = recordAt(found, 'spec')
  const has = recordAt(target, 'configMap')
  const isSame =
    isSameJson(sources, spec.sources) &&
    has['key'] === source.key &&
    isSameJson(recordAt(target, 'namespaceSelector'), namespaceSelector)
  if (found !== undefined && isSame) return { object: found, applied: false }
  const object = await client.apply(trustManagerBundles, { metadata: { name }, spec }, { signal })
  return { object, applied: true }
}
