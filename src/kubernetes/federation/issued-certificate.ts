/**
 * The order that the management side gives to a cluster: which CA certificate it shall have.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { quote } from '../../internal/text.ts'
import type { KeyAlgorithm } from '../../x509/generate-key-pair.ts'
import type { KubeResource } from '../api/kube-resource.ts'
import { apiVersionOf, isObjectName } from '../api/kube-resource.ts'
import {
  isRecord,
  type KubeObject,
  listAt,
  type NamespacedName,
  numberAt,
  recordAt,
  textAt,
} from '../objects/kube-object.ts'

/** What an agent does with an order. */
export type IssuedCertificateState = 'PENDING' | 'REQUESTED' | 'ISSUED' | 'FINISHED' | 'FAILED'

const STATES: readonly IssuedCertificateState[] = ['PENDING', 'REQUESTED', 'ISSUED', 'FINISHED', 'FAILED']

/** The key that the agent makes. */
export type CaKeyAlgorithm = Extract<KeyAlgorithm, 'P-256' | 'P-384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096'>

const KEY_ALGORITHMS: readonly CaKeyAlgorithm[] = ['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096']

/** What is ordered. */
export interface IssuedCertificateSpec {
  /** The names of the CA certificate: one SPIFFE ID. */
  readonly hosts: readonly string[]
  /** The organization in its subject. Default `Istio`. */
  readonly organization: string
  /** How long it shall be valid: `'365d'`. */
  readonly lifetime: string
  readonly keyAlgorithm: CaKeyAlgorithm
  /** The fraction of its life that remains when the agent renews it. */
  readonly gracePeriodRatio: number
  /** Where it goes; `undefined` where that is none of the agent's business (Gloo Mesh's Vault mode). */
  readonly target: NamespacedName | undefined
  /** Where Gloo Mesh lists what is restarted afterwards. */
  readonly podBounceDirective?: NamespacedName | undefined
  /** How many CAs may follow below it. Default 0 in our kind; Gloo Mesh sets no limit. */
  readonly pathLength: number | 'none'
  /** The authority above it; another one calls for another certificate. Ours only. */
  readonly authority?: string | undefined
  /** The SHA-256 of the roots of that authority, one of which the certificate must lead to. Ours only. */
  readonly authorityRoots?: readonly string[] | undefined
  /** The text of `root-cert.pem`. Ours only; in Gloo's kind the roots come with the certificate. */
  readonly trustBundle?: string | undefined
  /** The sequence of that bundle, and which rollover wants it, in which revision. Ours only. */
  readonly bundleSequence?: number | undefined
  readonly rollover?: string | undefined
  readonly revision?: number | undefined
  /** The longest that workload certificates below it live: `'24h'`. Ours only. */
  readonly workloadLifetime: string
  /** Any text; another one calls for another certificate. Ours only. */
  readonly rotation?: string | undefined
}

/** An order with what names it. */
export interface IssuedCertificate {
  readonly object: KubeObject
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly generation: number
  readonly spec: IssuedCertificateSpec
  readonly state: IssuedCertificateState
  readonly observedGeneration: number
}

/** Gloo Mesh's defaults: `buildDefaultCertOptions`. A zero stands for what is not set. */
const DEFAULT_TTL_DAYS = 365
const DEFAULT_RSA_BITS = 4096
const DEFAULT_RATIO = 0.1
const DEFAULT_ORGANIZATION = 'Istio'
/** istiod's `DEFAULT_WORKLOAD_CERT_TTL`. */
const DEFAULT_WORKLOAD_LIFETIME = '24h'

/**
 * Reads an order in either flavour, with Gloo Mesh's defaults.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_ORDER` for what no agent can carry out.
 */
export function readIssuedCertificate(object: KubeObject): IssuedCertificate {
  const { name = '', namespace = '', uid = '', generation = 0 } = object.metadata
  const refuse = (member: string, problem: string): MeshPkiError =>
    new MeshPkiError(
      'ERR_KUBERNETES_ORDER',
      `IssuedCertificate ${quote(`${namespace}/${name}`)}: spec.${member} ${problem}`,
      { data: { name, namespace, member } },
    )
  const spec = recordAt(object, 'spec')
  const options = recordAt(spec, 'certOptions')
  const hosts = listAt(spec, 'hosts').filter((host) => typeof host === 'string')
  if (hosts.length === 0 || hosts.length > 16 || hosts.length !== listAt(spec, 'hosts').length)
    throw refuse('hosts', 'must be a list of 1 to 16 texts')
  const status = recordAt(object, 'status')
  const state = textAt(status, 'state')
  return {
    object,
    name,
    namespace,
    uid,
    generation,
    spec: {
      hosts,
      organization: filled(options, 'orgName') ?? filled(spec, 'org') ?? DEFAULT_ORGANIZATION,
      lifetime: lifetimeOf(options, refuse),
      keyAlgorithm: keyAlgorithmOf(options, refuse),
      gracePeriodRatio: ratioOf(options, refuse),
      target: refOf(spec, 'issuedCertificateSecret', refuse),
      podBounceDirective: refOf(spec, 'podBounceDirective', refuse),
      pathLength: pathLengthOf(object, spec, refuse),
      authority: filled(spec, 'authority'),
      authorityRoots: authorityRootsOf(spec, refuse),
      trustBundle: filled(spec, 'trustBundle'),
      bundleSequence: numberAt(spec, 'bundleSequence'),
      rollover: filled(spec, 'rollover'),
      revision: numberAt(spec, 'revision'),
      workloadLifetime: durationOf(spec, 'workloadLifetime', refuse) ?? DEFAULT_WORKLOAD_LIFETIME,
      rotation: filled(spec, 'rotation'),
    },
    state: STATES.find((known) => known === state) ?? 'PENDING',
    observedGeneration: numberAt(status, 'observedGeneration') ?? 0,
  }
}

/** What {@link encodeIssuedCertificate} writes. */
export interface IssuedCertificateInput extends NamespacedName {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly spec: Pick<
    IssuedCertificateSpec,
    'hosts' | 'organization' | 'lifetime' | 'keyAlgorithm' | 'gracePeriodRatio' | 'target'
  > &
    Partial<IssuedCertificateSpec>
}

/**
 * Makes an order, or a new version of one: members that are not known here stay.
 *
 * In Gloo's kind only what Gloo Mesh knows is written: whole days, and RSA keys.
 *
 * @throws `RangeError` for a lifetime or key that Gloo's kind cannot say.
 */
export function encodeIssuedCertificate(
  resource: KubeResource,
  { name, namespace, labels, spec }: IssuedCertificateInput,
  base?: KubeObject,
): KubeObject {
  const isGloo = resource.group.endsWith('.gloo.solo.io')
  const before = recordAt(base, 'spec')
  const certOptions = {
    ...recordAt(before, 'certOptions'),
    orgName: spec.organization,
    secretRotationGracePeriodRatio: spec.gracePeriodRatio,
    ...(isGloo ? glooOptions(spec) : { lifetime: spec.lifetime, keyAlgorithm: spec.keyAlgorithm }),
  }
  const own = {
    authority: spec.authority,
    authorityRoots: spec.authorityRoots === undefined ? undefined : [...spec.authorityRoots],
    trustBundle: spec.trustBundle,
    bundleSequence: spec.bundleSequence,
    rollover: spec.rollover,
    revision: spec.revision,
    workloadLifetime: spec.workloadLifetime,
    rotation: spec.rotation,
    pathLength: spec.pathLength === undefined ? undefined : spec.pathLength === 'none' ? -1 : spec.pathLength,
  }
  return {
    ...base,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { ...base?.metadata, name, namespace, labels: { ...base?.metadata.labels, ...labels } },
    spec: {
      ...before,
      hosts: [...spec.hosts],
      // Gloo Mesh still writes the deprecated member.
      ...(isGloo ? { org: spec.organization } : {}),
      certOptions,
      // What is not said is taken out: it was said once, and would still be meant.
      issuedCertificateSecret: spec.target === undefined ? undefined : { ...spec.target },
      podBounceDirective: spec.podBounceDirective === undefined ? undefined : { ...spec.podBounceDirective },
      ...(isGloo ? {} : own),
    },
  }
}

const DAY_MS = 86_400_000

function glooOptions({ lifetime, keyAlgorithm }: IssuedCertificateInput['spec']): object {
  const days = readDuration(lifetime, 'lifetime') / DAY_MS
  if (!Number.isInteger(days))
    throw new RangeError(`Gloo Mesh counts lifetimes in whole days; got ${quote(lifetime, 64)}`)
  const bits = /^RSA-(\d+)$/.exec(keyAlgorithm)?.[1]
  if (bits === undefined) throw new RangeError(`Gloo Mesh knows RSA keys only; got ${keyAlgorithm}`)
  return { ttlDays: days, rsaKeySizeBytes: Number(bits) }
}

type Refuse = (member: string, problem: string) => MeshPkiError

function filled(record: unknown, member: string): string | undefined {
  const text = textAt(record, member)
  return text === '' ? undefined : text
}

function durationOf(record: unknown, member: string, refuse: Refuse): string | undefined {
  const text = filled(record, member)
  if (text === undefined) return undefined
  try {
    readDuration(text, member)
    return text
  } catch {
    throw refuse(member, `is no duration such as "24h": ${quote(text, 64)}`)
  }
}

function lifetimeOf(options: unknown, refuse: Refuse): string {
  const own = durationOf(options, 'lifetime', refuse)
  if (own !== undefined) return own
  const days = numberAt(options, 'ttlDays') ?? 0
  if (!Number.isInteger(days) || days < 0 || days > 36_500)
    throw refuse('certOptions.ttlDays', 'must be a whole number of days')
  return `${days === 0 ? DEFAULT_TTL_DAYS : days}d`
}

function keyAlgorithmOf(options: unknown, refuse: Refuse): CaKeyAlgorithm {
  const own = filled(options, 'keyAlgorithm')
  const bits = numberAt(options, 'rsaKeySizeBytes') ?? 0
  const wanted = own ?? `RSA-${bits === 0 ? DEFAULT_RSA_BITS : bits}`
  const known = KEY_ALGORITHMS.find((algorithm) => algorithm === wanted)
  if (known !== undefined) return known
  throw refuse(
    own === undefined ? 'certOptions.rsaKeySizeBytes' : 'certOptions.keyAlgorithm',
    `asks for ${quote(wanted, 64)}; expected one of ${KEY_ALGORITHMS.join(', ')} (rsaKeySizeBytes counts bits, despite its name)`,
  )
}

function ratioOf(options: unknown, refuse: Refuse): number {
  const ratio = numberAt(options, 'secretRotationGracePeriodRatio') ?? 0
  if (ratio === 0) return DEFAULT_RATIO
  if (ratio > 0 && ratio < 1) return ratio
  throw refuse('certOptions.secretRotationGracePeriodRatio', `must lie between 0 and 1; got ${ratio}`)
}

function pathLengthOf(object: KubeObject, spec: unknown, refuse: Refuse): number | 'none' {
  const isGloo = object.apiVersion?.includes('.gloo.solo.io/') === true
  const told = numberAt(spec, 'pathLength')
  if (told === undefined) return isGloo ? 'none' : 0
  if (told === -1) return 'none'
  if (Number.isInteger(told) && told >= 0 && told <= 16) return told
  throw refuse('pathLength', `must be -1 for no limit, or 0 to 16; got ${told}`)
}

/** More roots than an authority ever has. */
const MAX_ROOTS = 64

function authorityRootsOf(spec: unknown, refuse: Refuse): readonly string[] | undefined {
  if (!isRecord(spec) || spec['authorityRoots'] === undefined) return undefined
  const list = listAt(spec, 'authorityRoots').filter((one) => typeof one === 'string')
  const isWhole = list.length === listAt(spec, 'authorityRoots').length
  if (isWhole && list.length > 0 && list.length <= MAX_ROOTS && list.every((one) => SHA256.test(one)))
    return list
  throw refuse('authorityRoots', `must be a list of 1 to ${MAX_ROOTS} SHA-256 in lower-case hex`)
}

const SHA256 = /^[0-9a-f]{64}$/

function refOf(spec: unknown, member: string, refuse: Refuse): NamespacedName | undefined {
  const ref = isRecord(spec) ? spec[member] : undefined
  if (ref === undefined || ref === null) return undefined
  const name = textAt(ref, 'name')
  const namespace = textAt(ref, 'namespace')
  if (!isObjectName(name) || !isObjectName(namespace))
    throw refuse(member, 'must have a name and a namespace')
  return { name, namespace }
}
