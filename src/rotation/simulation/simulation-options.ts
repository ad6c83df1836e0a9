/**
 * How a mesh is simulated.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { checkOneOf, checkOptionNames, readCount, readFlag } from '../../internal/options.ts'
import { type DriverTerms, driverTerms } from '../rollover/driver-terms.ts'
import { propagationOf } from '../rollover/inequalities.ts'
import type { RolloverPlan } from '../rollover/rollover-plan.ts'
import { readId } from '../rollover/rollover-terms.ts'

/** What the mesh does as opposed to what its plan says; durations. Default: as the plan says. */
export interface ActualMesh {
  readonly propagation?: string | undefined
  readonly switchDelay?: string | undefined
  readonly installDelay?: string | undefined
  /** The longest for which renewals fail. */
  readonly outage?: string | undefined
  /** The most that a clock is off. */
  readonly clockSkew?: string | undefined
  readonly backdate?: string | undefined
  readonly leafLifetime?: string | undefined
  /** Of the incoming authority. */
  readonly authorityBackdate?: string | undefined
  /** When the cross-certificate ends, from the start of the plan. */
  readonly crossEndsAfter?: string | undefined
}

/** Something that happens at a time after the start of the plan. */
export type SimulatedIncident = { readonly after: string } & (
  | { readonly kind: 'join'; readonly name: string; readonly from?: string | undefined }
  | { readonly kind: 'leave'; readonly name: string }
  | { readonly kind: 'abort' | 'resume' }
  | { readonly kind: 'revise'; readonly plan: RolloverPlan }
  /** The journal is put back to what it was this long before; the drivers start anew with it, or do not. Default: by chance. */
  | { readonly kind: 'restore'; readonly to: string; readonly restarts?: boolean | undefined }
  /** Nobody drives for a while. */
  | { readonly kind: 'sleep'; readonly for: string }
  /** A clock of a cluster's issuers goes back, and is put right later. */
  | { readonly kind: 'clock-back'; readonly name: string; readonly by: string; readonly for: string }
)

/** Options of `simulateRollover`. */
export interface SimulationOptions {
  /** The same seed gives the same run. */
  readonly seed: number | string
  /** How many clusters there are; those that the plan does not name join at its start. Default: those of the plan. */
  readonly clusters?: number | undefined
  /** Holders of certificates in each cluster. Default 2. */
  readonly holders?: number | undefined
  /** Verifiers in each member. Default 2. */
  readonly verifiers?: number | undefined
  /** What the mesh does as opposed to what its plan says. */
  readonly actual?: ActualMesh | undefined
  /** How often, on average, a driver dies in a write of its journal: 0.1 is every tenth. Default 0. */
  readonly crashes?: number | undefined
  /** How often the journal is restored from a backup, at times that are drawn. Default 0. */
  readonly restores?: number | undefined
  /** Whether drivers take turns, and sometimes drive at once. Default `true`. */
  readonly failovers?: boolean | undefined
  /** How delays and clocks are drawn: at their ends `often`, or `always`, which breaks sooner what can break. Default `'often'`. */
  readonly extremes?: 'often' | 'always' | undefined
  /** `false`: nobody reports, and every gate that asks for evidence is forced; time alone decides. Default `true`. */
  readonly evidence?: boolean | undefined
  readonly incidents?: readonly SimulatedIncident[] | undefined
  /** `model`: certificates are what they say; `certificates`: real ones, verified by `verifyPath`. Default `'model'`. */
  readonly verification?: 'model' | 'certificates' | undefined
}

/** The longest a run may be, in events. */
export const MAX_EVENTS = 2_000_000

/** The mesh as it will be simulated; milliseconds. */
export interface SimulationTerms {
  readonly driver: DriverTerms
  readonly seed: number | string
  readonly holders: number
  readonly verifiers: number
  readonly crashes: number
  readonly restores: number
  readonly failovers: boolean
  readonly extremes: 'often' | 'always'
  readonly evidence: boolean
  readonly incidents: readonly SimulatedIncident[]
  readonly verification: 'model' | 'certificates'
  /** The slowest; members have their own below it. */
  readonly propagation: number
  readonly propagationShift: number
  readonly switchDelay: number
  readonly installDelay: number
  readonly outage: number
  readonly clockSkew: number
  readonly backdate: number
  readonly leafLifetime: number
  readonly authorityBackdate: number
  readonly crossEndsAfter: number | undefined
}

const OPTION_NAMES = [
  'seed',
  'clusters',
  'holders',
  'verifiers',
  'actual',
  'crashes',
  'restores',
  'failovers',
  'extremes',
  'evidence',
  'incidents',
  'verification',
]
const ACTUAL_NAMES = [
  'propagation',
  'switchDelay',
  'installDelay',
  'outage',
  'clockSkew',
  'backdate',
  'leafLifetime',
  'authorityBackdate',
  'crossEndsAfter',
]

/** @throws `TypeError`, `RangeError`. */
export function readSimulation(plan: RolloverPlan, options: SimulationOptions): SimulationTerms {
  checkOptionNames(options, OPTION_NAMES, 'simulateRollover')
  const { actual = {}, seed, crashes = 0, incidents = [] } = options
  checkOptionNames(actual, ACTUAL_NAMES, 'option "actual"')
  if ((typeof seed !== 'number' || Number.isNaN(seed)) && typeof seed !== 'string')
    throw new TypeError('option "seed" must be a number or a text: the same seed gives the same run')
  if (typeof crashes !== 'number' || !(crashes >= 0 && crashes <= 0.9))
    throw new RangeError(`option "crashes" must be from 0 to 0.9; got ${String(crashes)}`)
  checkIncidents(incidents)
  const driver = driverTerms(plan)
  const { terms } = driver
  const duration = (name: keyof ActualMesh, fallback: number): number =>
    actual[name] === undefined ? fallback : readDuration(actual[name], `actual.${name}`, { allowZero: true })
  const planned = propagationOf(terms)
  const propagation = duration('propagation', planned)
  return {
    driver,
    seed,
    holders: readCount(options.holders ?? 2, 'holders', 1, 1000),
    verifiers: readCount(options.verifiers ?? 2, 'verifiers', 1, 1000),
    crashes,
    failovers: readFlag(options.failovers, 'failovers', true),
    extremes: checkOneOf(options.extremes ?? 'often', ['often', 'always'], 'extremes'),
    evidence: readFlag(options.evidence, 'evidence', true),
    incidents: [...incidents, ...joiners(driver, options.clusters)],
    restores: readCount(options.restores ?? 0, 'restores', 0, 100),
    verification: checkOneOf(options.verification ?? 'model', ['model', 'certificates'], 'verification'),
    propagation,
    propagationShift: propagation - planned,
    switchDelay: duration('switchDelay', terms.switchDelay),
    installDelay: duration('installDelay', terms.installDelay),
    outage: duration('outage', terms.outageBudget),
    clockSkew: duration('clockSkew', terms.clockSkew),
    backdate: duration('backdate', terms.backdate),
    leafLifetime: duration('leafLifetime', terms.leafLifetime),
    authorityBackdate: duration('authorityBackdate', terms.backdate),
    crossEndsAfter: actual.crossEndsAfter === undefined ? undefined : duration('crossEndsAfter', 0),
  }
}

const INCIDENT_KINDS = [
  'join',
  'leave',
  'abort',
  'resume',
  'revise',
  'restore',
  'sleep',
  'clock-back',
] as const

function checkIncidents(incidents: unknown): void {
  if (!Array.isArray(incidents)) throw new TypeError('option "incidents" must be a list')
  for (const [i, one] of Array.from<unknown>(incidents).entries()) {
    const option = `incidents[${i}]`
    if (typeof one !== 'object' || one === null) throw new TypeError(`option "${option}" must be an object`)
    const member = (name: string): unknown => (Object.hasOwn(one, name) ? Reflect.get(one, name) : undefined)
    const kind = checkOneOf(member('kind'), INCIDENT_KINDS, `${option}.kind`)
    readDuration(member('after'), `${option}.after`, { allowZero: true })
    if (kind === 'sleep' || kind === 'clock-back')
      readDuration(member('for'), `${option}.for`, { allowZero: true })
    if (kind === 'clock-back') readDuration(member('by'), `${option}.by`, { allowZero: true })
    if (kind === 'restore') readDuration(member('to'), `${option}.to`, { allowZero: true })
    if (kind === 'join' || kind === 'leave' || kind === 'clock-back') readId(member('name'), `${option}.name`)
    if (kind === 'revise' && (typeof member('plan') !== 'object' || member('plan') === null))
      throw new TypeError(`option "${option}.plan" must be a plan`)
  }
}

/** Clusters that the plan does not name. */
function joiners(driver: DriverTerms, clusters: number | undefined): readonly SimulatedIncident[] {
  const planned = driver.terms.members.filter(({ from }) => from !== undefined).length
  const wanted = clusters === undefined ? planned : readCount(clusters, 'clusters', planned, 1000)
  if (wanted > planned && driver.terms.kind === 'adoption')
    throw new RangeError(
      `option "clusters" must be ${planned}: in an adoption every cluster has a root of its own, which the plan must know`,
    )
  return Array.from({ length: wanted - planned }, (_, i) => ({
    kind: 'join' as const,
    after: '0s',
    name: `joiner-${i + 1}`,
    from: driver.outgoing[0],
  }))
}
