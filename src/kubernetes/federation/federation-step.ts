/**
 * One step of the management side: what every cluster shall have, and what they say.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { failureLabel } from '../../internal/backoff.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames } from '../../internal/options.ts'
import type { Rollover } from '../../rotation/rollover/rollover.ts'
import type { RolloverStatus } from '../../rotation/rollover/rollover-status.ts'
import { distinctCertificates } from '../../verify/trust-store.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { NamespacedName } from '../objects/kube-object.ts'
import { pemOf } from '../secrets/secret-writer.ts'
import type { AuthorityLoader } from './authority-loader.ts'
import { type FederationApi, MESH_PKI_API } from './federation-api.ts'
import { type IssuedCertificateSpec, readIssuedCertificate } from './issued-certificate.ts'
import type { Entitlement } from './issuer-decision.ts'
import { memberReport } from './member-evidence.ts'
import { type OrderStepOptions, orderStep } from './order-step.ts'

/** A mesh in a cluster, whose CA is issued here. */
export interface FederatedMesh {
  /** The cluster: its name as a member of a rollover, and in the ledger. */
  readonly cluster: string
  /** Leads to that cluster. */
  readonly client: KubeClient
  /** Where its order is. */
  readonly order: NamespacedName
  /** What is ordered, but for what a rollover decides. */
  readonly spec: Omit<IssuedCertificateSpec, 'authority' | 'trustBundle' | 'bundleSequence' | 'revision'>
  /**
   * The trust domains that its CA may sign for, as name constraints (RFC 5280 §4.2.1.10): a CA that got into wrong hands then cannot be every
   * other cluster. Names of other forms stay free: istiod serves by DNS names. Default: no constraints, as Gloo Mesh and Istio.
   */
  readonly trustDomains?: readonly string[] | undefined
}

/** Where an authority is: its Secret on the management cluster, or only its roots, where others have the key. */
export type FederationAuthority =
  | { readonly secret: NamespacedName }
  | { readonly roots: CertificateInput | readonly CertificateInput[] }

/** What a federation is. */
export interface FederationOptions {
  readonly api?: FederationApi | undefined
  /** Whose orders these are: `<policy>.<namespace>`. */
  readonly owner: string
  readonly meshes: readonly FederatedMesh[]
  /** The authorities, by the ids that a rollover knows them by. */
  readonly authorities: Readonly<Record<string, FederationAuthority>>
  /** Which of them signs where no rollover says otherwise. */
  readonly signer: string
  readonly loader: AuthorityLoader
  /** Roots that every mesh trusts beside that of its CA, and that sign nothing. Not with a rollover, which says itself what is trusted. */
  readonly passive?: readonly Certificate[] | undefined
  /** Decides which authority signs in which cluster, and what it trusts. */
  readonly rollover?: Rollover | undefined
  /**
   * Under which authorities the workloads of a cluster present certificates, as `rolloverEvidence` finds it: an emergency, and
   * `retention: 'renewals'`, wait for it. `undefined`: not known.
   */
  readonly presentsIn?: ((cluster: string) => Promise<readonly string[] | undefined>) | undefined
  /** How old what a cluster says may be. Default `'15m'`, as `evidenceMaxAge` of `planRollover`. */
  readonly evidenceMaxAge?: string | undefined
  readonly beforeWrite?: (() => void) | undefined
}

/** The names of {@link FederationOptions}. */
export const FEDERATION_OPTIONS: readonly string[] = [
  'api',
  'owner',
  'meshes',
  'authorities',
  'signer',
  'loader',
  'passive',
  'rollover',
  'presentsIn',
  'evidenceMaxAge',
  'beforeWrite',
]

/** What became of one cluster in a step. */
export interface ClusterReport {
  readonly cluster: string
  readonly changed: boolean
  /** What failed, in words that hold no secret; the other clusters went on. */
  readonly error?: string
}

/** What became of a step. */
export interface FederationReport {
  readonly clusters: readonly ClusterReport[]
  /** Where the rollover stands. */
  readonly rollover?: RolloverStatus
}

/** What one cluster shall have of the authorities. */
interface ClusterTrust {
  readonly authority: string
  readonly trustBundle: string
  readonly bundleSequence: number | undefined
  readonly revision: number | undefined
}

/**
 * Reads what the clusters say, lets the rollover go on, and gives every cluster its order. A cluster that cannot be reached
 * keeps what it has and stops nobody; the rollover waits for it where it must.
 *
 * It holds no state: call it as often as you like, from any process.
 *
 * @throws `MeshPkiError` for authorities that cannot be read, and the rollover's own.
 */
export async function federationStep(options: FederationOptions): Promise<FederationReport> {
  checkOptionNames(options, FEDERATION_OPTIONS, 'federationStep')
  const { meshes, rollover, passive = [] } = options
  if (rollover !== undefined && passive.length > 0)
    throw new TypeError(
      'option "passive" does not go with "rollover": a bundle that holds more than the rollover published is none of its',
    )
  if (rollover !== undefined) checkDrivable(options, rollover)
  const clusters = new Map<string, ClusterReport>()
  const each = async (work: (mesh: FederatedMesh) => Promise<boolean>): Promise<void> => {
    await Promise.all(
      meshes.map(async (mesh) => {
        const before = clusters.get(mesh.cluster)
        try {
          const changed = await work(mesh)
          clusters.set(mesh.cluster, { cluster: mesh.cluster, changed: changed || before?.changed === true })
        } catch (error) {
          const words = error instanceof MeshPkiError ? error.message : failureLabel(error)
          clusters.set(mesh.cluster, {
            cluster: mesh.cluster,
            changed: before?.changed === true,
            error: words,
          })
        }
      }),
    )
  }
  if (rollover !== undefined) {
    await stage(options, rollover)
    await each((mesh) => listen(options, rollover, mesh))
  }
  const status = await rollover?.advance()
  await each(async (mesh) => {
    const trust = await trustOf(options, mesh.cluster)
    if (trust === undefined) return false
    const { changed } = await orderStep(
      mesh.client,
      { ...mesh.order, spec: { ...mesh.spec, ...trust } },
      orderOptions(options),
    )
    return changed
  })
  return { clusters: [...clusters.values()], ...(status === undefined ? {} : { rollover: status }) }
}

/**
 * What an order of a cluster is entitled to: for the issuer. `undefined` where no mesh has that order, and where the authority
 * that shall sign is not here.
 */
export async function entitlementOf(
  options: FederationOptions,
  cluster: string,
  order: NamespacedName,
): Promise<Entitlement | undefined> {
  const mesh = options.meshes.find(
    (one) =>
      one.cluster === cluster && one.order.name === order.name && one.order.namespace === order.namespace,
  )
  const trust = mesh === undefined ? undefined : await trustOf(options, cluster)
  if (mesh === undefined || trust === undefined) return undefined
  const where = options.authorities[trust.authority]
  if (where === undefined || !('secret' in where)) return undefined
  const { ca } = await options.loader.load(where.secret)
  const { hosts, lifetime, pathLength, keyAlgorithm, organization } = mesh.spec
  const isGloo = options.api?.flavour === 'gloo'
  return {
    hosts,
    lifetime,
    pathLength,
    keyAlgorithm,
    organization,
    authority: ca,
    authorityId: trust.authority,
    roots: trust.trustBundle,
    ...(isGloo ? { profile: 'gloo' as const } : {}),
    ...(mesh.trustDomains === undefined
      ? {}
      : { nameConstraints: { permitted: mesh.trustDomains.map(uriHost), otherForms: 'allow' as const } }),
  }
}

const uriHost = (value: string) => ({ type: 'uri' as const, value })

function orderOptions({ api, owner, beforeWrite }: FederationOptions): OrderStepOptions {
  return { api, owner, beforeWrite }
}

/** Orders cannot say everything that a plan can ask for: that must be known before the first step, not at the last one. */
function checkDrivable({ presentsIn, api }: FederationOptions, { plan }: Rollover): void {
  const { parameters, kind } = plan
  const refuse = (problem: string): RangeError => new RangeError(`option "rollover": ${problem}`)
  if (api?.flavour === 'gloo')
    throw refuse('orders of Gloo’s kind have no place for what it asks; use our own kind')
  if (kind === 'issuing-ca')
    throw refuse('orders drive rollovers of kind "root" and "adoption"; for a new issuing CA, order it')
  if (plan.cross !== undefined)
    throw refuse('its plan cross-signs, and orders send no cross-certificate along; plan without crossSign')
  const asks = parameters.reissueWithin !== undefined || parameters.retention === 'renewals'
  if (asks && presentsIn === undefined)
    throw refuse(
      'its plan waits until workloads present nothing of before: option "presentsIn" has to say what they present',
    )
}

/** The incoming authority, as soon as its Secret is there. */
async function stage(options: FederationOptions, rollover: Rollover): Promise<void> {
  const incoming = rollover.plan.authorities.find(({ role }) => role === 'incoming')
  if (incoming === undefined) return
  const { state } = await rollover.status()
  if (state.authorities[incoming.id]?.fingerprint !== undefined) return
  const [certificate] = await rootsOf(options, incoming.id)
  if (certificate !== undefined) await rollover.stage(certificate)
}

async function listen(options: FederationOptions, rollover: Rollover, mesh: FederatedMesh): Promise<boolean> {
  const { api = MESH_PKI_API, evidenceMaxAge = '15m' } = options
  const found = await mesh.client.find(api.issuedCertificates, mesh.order)
  if (found === undefined) return false
  const now = mesh.client.clock.now()
  const maxAgeMs = readDuration(evidenceMaxAge, 'evidenceMaxAge')
  const report = memberReport(mesh.cluster, readIssuedCertificate(found), now, maxAgeMs)
  const presents = await options.presentsIn?.(mesh.cluster)
  if (report !== undefined) await rollover.report(presents === undefined ? report : { ...report, presents })
  return false
}

/** What a cluster shall sign with and trust; `undefined` where it keeps what it has. */
async function trustOf(options: FederationOptions, cluster: string): Promise<ClusterTrust | undefined> {
  const { rollover, signer, passive = [] } = options
  if (rollover === undefined) {
    const roots = distinctCertificates([...(await rootsOf(options, signer)), ...passive])
    return { authority: signer, trustBundle: pemOf(roots), bundleSequence: undefined, revision: undefined }
  }
  const desired = await rollover.desired(cluster)
  if (desired?.signer === undefined) return undefined
  const { bundle, revision } = desired
  const ids = bundle?.authorities.map(({ id }) => id) ?? [desired.signer]
  return {
    authority: desired.signer,
    trustBundle: pemOf(await bundleRoots(options, rollover, ids, desired.signer)),
    bundleSequence: bundle?.sequence,
    revision,
  }
}

/**
 * In the order that every istiod takes: what was there first, the new root behind it, and that twice once the cluster signs under it, so
 * that the bytes change and agents sign anew at once. Each text contains the one before, or is contained in it.
 */
async function bundleRoots(
  options: FederationOptions,
  rollover: Rollover,
  ids: readonly string[],
  signer: string,
): Promise<readonly Certificate[]> {
  const { authorities } = rollover.plan
  const ordered = [
    ...authorities.filter(({ role }) => role === 'outgoing'),
    ...authorities.filter(({ role }) => role === 'incoming'),
  ].filter(({ id }) => ids.includes(id))
  const isUnion = ordered.length > 1
  const lists = await Promise.all(
    ordered.map(async ({ id, role }) => {
      const roots = await rootsOf(options, id)
      return role === 'incoming' && id === signer && isUnion ? [...roots, ...roots] : roots
    }),
  )
  return lists.flat()
}

async function rootsOf(options: FederationOptions, id: string): Promise<readonly Certificate[]> {
  const where = Object.hasOwn(options.authorities, id) ? options.authorities[id] : undefined
  if (where === undefined)
    throw new TypeError(
      `option "authorities" has no ${id}; it has ${Object.keys(options.authorities).join(', ')}`,
    )
  return 'secret' in where
    ? (await options.loader.load(where.secret)).roots
    : toCertificates(where.roots, `authorities.${id}`)
}
