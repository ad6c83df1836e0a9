/**
 * Which kinds the in-memory API server has.
 *
 * @module
 */

import { type KubeResource, KubeResources } from '../api/kube-resource.ts'
import { CSR_RULES, TRUST_BUNDLE_RULES } from './certificate-kinds.ts'
import { EVENT_RULES, LEASE_RULES, NAMESPACE_RULES } from './control-kinds.ts'
import { CONFIG_MAP_RULES, SECRET_RULES } from './data-kinds.ts'
import type { FakeKind, FakeKubeVersion, KindRules } from './fake-kind.ts'
import type { ListKeys, ListKind } from './field-set.ts'
import { subdomainFault } from './meta-rules.ts'

const META_FIELDS: readonly string[] = ['metadata.name', 'metadata.namespace']

/** Lists with keys of the kinds of Kubernetes, by the name of the member that holds them. */
const KEYED: Readonly<Record<string, ListKind>> = {
  finalizers: 'set',
  ownerReferences: ['uid'],
  conditions: ['type'],
  containers: ['name'],
  initContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  imagePullSecrets: ['name'],
}

/** What lists of the kinds of Kubernetes are to server-side apply, and those of kinds without a schema. */
const commonListKeys: ListKeys = (names) => {
  const name = names.at(-1) ?? ''
  return Object.hasOwn(KEYED, name) ? (KEYED[name] ?? 'atomic') : 'atomic'
}

const PLAIN: KindRules = { nameFault: subdomainFault }

function kind(resource: KubeResource, differences: Partial<FakeKind> = {}): FakeKind {
  return {
    resource,
    parts: [],
    generation: 'none',
    allowsBlindUpdate: true,
    createsOnUpdate: false,
    isCustom: false,
    fields: META_FIELDS,
    listKeys: commonListKeys,
    rules: PLAIN,
    ...differences,
  }
}

/** A kind as a CustomResourceDefinition makes it. */
export function customKind(
  resource: KubeResource,
  differences: Partial<Pick<FakeKind, 'parts' | 'generation' | 'listKeys' | 'rules' | 'fields'>> = {},
): FakeKind {
  const { parts = ['status'], ...rest } = differences
  return kind(resource, {
    parts,
    generation: parts.includes('status') ? 'spec' : 'all',
    allowsBlindUpdate: false,
    isCustom: true,
    ...rest,
  })
}

/** The kinds of Kubernetes itself that a server of a version has. */
export function builtinKinds(version: FakeKubeVersion): readonly FakeKind[] {
  const r = KubeResources
  const workload = { parts: ['status'], generation: 'spec' } as const
  const kinds = [
    kind(r.secrets, { rules: SECRET_RULES, fields: [...META_FIELDS, 'type'] }),
    kind(r.configMaps, { rules: CONFIG_MAP_RULES }),
    kind(r.namespaces, {
      rules: NAMESPACE_RULES,
      parts: ['status', 'finalize'],
      fields: ['metadata.name', 'status.phase'],
    }),
    kind(r.pods, { parts: ['status'], fields: [...META_FIELDS, 'spec.nodeName', 'status.phase'] }),
    kind(r.serviceAccounts),
    kind(r.deployments, workload),
    kind(r.statefulSets, workload),
    kind(r.daemonSets, workload),
    kind(r.leases, { rules: LEASE_RULES, allowsBlindUpdate: false, createsOnUpdate: true }),
    kind(r.events, {
      rules: EVENT_RULES,
      createsOnUpdate: true,
      fields: [...META_FIELDS, 'reason', 'type', 'reportingController'],
    }),
    kind(r.certificateSigningRequests, {
      rules: CSR_RULES,
      parts: ['status', 'approval'],
      fields: ['metadata.name', 'spec.signerName'],
    }),
    kind(r.customResourceDefinitions, {
      parts: ['status'],
      generation: 'spec',
      allowsBlindUpdate: false,
      fields: ['metadata.name'],
    }),
  ]
  if (version === '1.20') return kinds
  return [
    ...kinds,
    kind(r.clusterTrustBundles, {
      rules: TRUST_BUNDLE_RULES,
      allowsBlindUpdate: false,
      fields: ['metadata.name', 'spec.signerName'],
    }),
    kind(r.podCertificateRequests, {
      parts: ['status'],
      allowsBlindUpdate: false,
      fields: [...META_FIELDS, 'spec.signerName', 'spec.podName', 'spec.nodeName'],
    }),
  ]
}

/** Kinds by group, version and plural. */
export class KindRegistry {
  readonly #kinds = new Map<string, FakeKind>()

  constructor(kinds: readonly FakeKind[]) {
    for (const one of kinds) this.add(one)
  }

  add(one: FakeKind): void {
    this.#kinds.set(pathOf(one.resource.group, one.resource.version, one.resource.plural), one)
  }

  /** Takes out all versions of a kind. */
  remove(group: string, plural: string): void {
    for (const [path, { resource }] of [...this.#kinds])
      if (resource.group === group && resource.plural === plural) this.#kinds.delete(path)
  }

  find(group: string, version: string, plural: string): FakeKind | undefined {
    return this.#kinds.get(pathOf(group, version, plural))
  }

  /** Any version of a kind. */
  any(group: string, plural: string): FakeKind | undefined {
    return this.all().find(({ resource }) => resource.group === group && resource.plural === plural)
  }

  all(): readonly FakeKind[] {
    return [...this.#kinds.values()]
  }
}

const pathOf = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`
