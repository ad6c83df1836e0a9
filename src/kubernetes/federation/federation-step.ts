/**
 * One step of the management side: what every cluster shall have, and what they say.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { failureLabel } from '../../internal/backoff.ts'
import { readDuration } from '../../internal/duration.ts'
import type { Rollover } from '../../rotation/rollover/rollover.ts'
import type { RolloverStatus } from '../../rotation/rollover/rollover-status.ts'
import type { NamespacedName } from '../objects/kube-object.ts'
import { checkFederation, type FederationOptions } from './federation-options.ts'
import { rootsOf, trustOf } from './federation-trust.ts'
import { hearMembers } from './hear-members.ts'
import type { Entitlement, IssuanceHold } from './issuer-decision.ts'
import { orderStep } from './order-step.ts'

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
  /** Why the incoming authority of the rollover cannot be taken yet; everything else went on. */
  readonly incoming?: string
}

/**
 * Reads what the clusters say, lets the rollover go on, and gives every cluster its order. A cluster that cannot be reached
 * keeps what it has and stops nobody; the rollover waits for it where it must.
 *
 * It holds no state: call it as often as you like, from any process.
 *
 * @throws `MeshPkiError` for authorities that cannot be read, and the rollover's own; `RangeError` for a rollover that orders cannot drive.
 */
export async function federationStep(options: FederationOptions): Promise<FederationReport> {
  checkFederation(options, 'federationStep')
  const { api, owner, meshes, rollover, passive = [], beforeWrite } = options
  if (rollover !== undefined && passive.length > 0)
    throw new TypeError(
      'option "passive" does not go with "rollover": a bundle that holds more than the rollover published is none of its',
    )
  if (rollover !== undefined) checkDrivable(options, rollover)
  const notes = new ClusterNotes()
  let incoming: string | undefined
  if (rollover !== undefined) {
    incoming = await stage(options, rollover)
    await hearMembers(options, rollover, (cluster, work) =>
      notes.of(cluster, async () => {
        await work()
        return false
      }),
    )
  }
  const status = await rollover?.advance()
  await Promise.all(
    meshes.map((mesh) =>
      notes.of(mesh.cluster, async () => {
        const trust = await trustOf(options, mesh.cluster)
        if (trust === undefined) return false
        const order = { ...mesh.order, spec: { ...mesh.spec, ...trust } }
        return (await orderStep(mesh.client, order, { api, owner, beforeWrite })).changed
      }),
    ),
  )
  return {
    clusters: notes.reports(),
    ...(status === undefined ? {} : { rollover: status }),
    ...(incoming === undefined ? {} : { incoming }),
  }
}

/** What became of each cluster, over all that was done for it. */
class ClusterNotes {
  readonly #notes = new Map<string, { changed: boolean; readonly errors: Set<string> }>()

  /** Carries out what is done for a cluster; what it throws stops no other. */
  async of(cluster: string, work: () => Promise<boolean>): Promise<void> {
    const note = this.#notes.get(cluster) ?? { changed: false, errors: new Set() }
    this.#notes.set(cluster, note)
    try {
      note.changed = (await work()) || note.changed
    } catch (error) {
      note.errors.add(wordsOf(error))
    }
  }

  reports(): readonly ClusterReport[] {
    return [...this.#notes].map(([cluster, { changed, errors }]) => ({
      cluster,
      changed,
      ...(errors.size === 0 ? {} : { error: [...errors].join('; ') }),
    }))
  }
}

function wordsOf(error: unknown): string {
  return error instanceof MeshPkiError ? error.message : failureLabel(error)
}

/**
 * What an order of a cluster is entitled to: for the issuer. `undefined` where no mesh has that order; a hold where nothing may be signed now,
 * with the reason.
 */
export async function entitlementOf(
  options: FederationOptions,
  cluster: string,
  order: NamespacedName,
): Promise<Entitlement | IssuanceHold | undefined> {
  checkFederation(options, 'entitlementOf')
  const mesh = options.meshes.find(
    (one) =>
      one.cluster === cluster && one.order.name === order.name && one.order.namespace === order.namespace,
  )
  if (mesh === undefined) return undefined
  const trust = await trustOf(options, cluster)
  if (trust === undefined)
    return {
      hold: 'the journal of the rollover was restored, and nothing is decided before all clusters have told what they have',
    }
  const where = options.authorities[trust.authority]
  if (where === undefined || !('secret' in where))
    return { hold: `the key of the authority ${trust.authority} is not here` }
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

/** Orders cannot say everything that a plan can ask for: that must be known before the first step, not at the last one. */
function checkDrivable({ presentsIn, api, meshes }: FederationOptions, { plan }: Rollover): void {
  const { parameters, kind } = plan
  const refuse = (problem: string): RangeError => new RangeError(`option "rollover": ${problem}`)
  if (api?.flavour === 'gloo')
    throw refuse('orders of Gloo’s kind have no place for what it asks; use our own kind')
  if (kind === 'issuing-ca')
    throw refuse('orders drive rollovers of kind "root" and "adoption"; for a new issuing CA, order it')
  if (plan.cross !== undefined)
    throw refuse('its plan cross-signs, and orders send no cross-certificate along; plan without crossSign')
  const longest = readDuration(parameters.leafLifetime, 'leafLifetime')
  const longer = meshes.find(({ spec }) => readDuration(spec.workloadLifetime, 'workloadLifetime') > longest)
  if (longer !== undefined)
    throw refuse(
      `its plan counts on workload certificates of ${parameters.leafLifetime} at most, and those of ${longer.cluster} live up to ${longer.spec.workloadLifetime}: it would withdraw what is in use`,
    )
  const asks = parameters.reissueWithin !== undefined || parameters.retention === 'renewals'
  if (asks && presentsIn === undefined)
    throw refuse(
      'its plan waits until workloads present nothing of before: option "presentsIn" has to say what they present',
    )
}

/** The incoming authority, as soon as its Secret is there; or why it is not taken. */
async function stage(options: FederationOptions, rollover: Rollover): Promise<string | undefined> {
  const incoming = rollover.plan.authorities.find(({ role }) => role === 'incoming')
  if (incoming === undefined) return undefined
  const { state } = await rollover.status()
  if (state.authorities[incoming.id]?.fingerprint !== undefined) return undefined
  try {
    const [certificate] = await rootsOf(options, incoming.id)
    if (certificate !== undefined) await rollover.stage(certificate)
    return undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return `the authority ${incoming.id}: ${error.message}`
    throw error
  }
}
