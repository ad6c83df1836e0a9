/**
 * The plan of a rollover: plain JSON with a digest.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { toHex } from '../../internal/bytes.ts'
import { formatDuration } from '../../internal/duration.ts'
import { readJson } from '../../internal/json.ts'
import { plainJson, RecordReader } from '../../internal/record-reader.ts'
import { INEQUALITY_IDS, type InequalityId } from './inequalities.ts'
import { ROLLOVER_ID, ROLLOVER_KINDS, type RolloverKind } from './rollover-parameters.ts'

/**
 * The stages of an authority's life. `TAINTED` lies over `DRAINING` in an emergency, and `REVOKED` takes the place of
 * `RETIRED` then.
 */
export type AuthorityStage = (typeof AUTHORITY_STAGES)[number]

/** The stages in their order. */
export const AUTHORITY_STAGES = [
  'STAGED',
  'PUBLISHED',
  'DISTRIBUTED',
  'ACTIVE',
  'DRAINING',
  'TAINTED',
  'RETIRED',
  'REVOKED',
  'PRUNED',
] as const

/** One instant of a plan: an authority enters a stage. */
export interface PlannedStep {
  /** ISO 8601, on the clock of who coordinates. */
  readonly at: string
  readonly stage: AuthorityStage
  readonly authority: string
  /** Of `ACTIVE`: in which cluster. */
  readonly cluster?: string
  /** The inequalities that this instant satisfies, with what is left over. */
  readonly satisfies: readonly PlannedInequality[]
}

/** An inequality of a plan. Durations as text, numbers of authorities as text too. */
export interface PlannedInequality {
  readonly id: InequalityId
  readonly condition: string
  readonly needs: string
  readonly has: string
  readonly slack: string
}

/** What a plan was computed from. Durations as text. */
export interface PlanParameters {
  readonly leafLifetime: string
  readonly gracePeriodRatio: number
  readonly jitter: number
  readonly lifeFrom: 'issuance' | 'notBefore'
  readonly backdate: string
  readonly clockSkew: string
  readonly switchDelay: string
  readonly installDelay: string
  readonly outageBudget: string
  readonly retention: 'leaf-lifetime' | 'renewals'
  readonly crossSign: boolean
  readonly reissueWithin?: string
  readonly stagger: string
  readonly pruneAfter: string
  readonly evidenceMaxAge: string
  readonly maxAuthorities: number
  readonly rotationPeriod?: string
}

/** An authority of a plan. */
export interface PlannedAuthority {
  readonly id: string
  readonly role: 'outgoing' | 'incoming'
  /** Of an outgoing one: when it and everything above it ends. */
  readonly notAfter?: string
  /** Of the incoming one. */
  readonly lifetime?: string
  /** SHA-256 of its certificate, hex, where it was known. */
  readonly fingerprint?: string
}

/** A cluster or an audience of a plan. */
export interface PlannedMember {
  readonly name: string
  /** The outgoing authority that signs in it; absent in an audience. */
  readonly from?: string
  readonly propagation: string
}

/** The certificate that the outgoing authority signs for the incoming key. */
export interface PlannedCross {
  readonly notAfter: string
  /** Until when it is sent along with new certificates. */
  readonly attachUntil: string
}

/** The plan of a rollover. What `planRollover` answers; `JSON.stringify` writes it. */
export interface RolloverPlan {
  readonly format: 'mesh-pki/rollover-plan'
  readonly version: 1
  readonly kind: RolloverKind
  readonly parameters: PlanParameters
  /** The outgoing ones, then the incoming one. */
  readonly authorities: readonly PlannedAuthority[]
  readonly members: readonly PlannedMember[]
  readonly cross?: PlannedCross
  /** By time. */
  readonly steps: readonly PlannedStep[]
  /** SHA-256 of everything else as JSON with sorted members, hex. */
  readonly digest: string
}

/** Sorts the members of all objects, so that equal values have equal texts. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
      .join(',')}}`
  return JSON.stringify(value)
}

/** The digest that a plan must have. */
function planDigest(plan: Omit<RolloverPlan, 'digest'>): string {
  const { digest: _, ...rest } = { digest: undefined, ...plan }
  return toHex(sha256(new TextEncoder().encode(canonicalJson(rest))))
}

/** Gives a plan its digest, and freezes it. */
export function sealPlan(plan: Omit<RolloverPlan, 'digest'>): RolloverPlan {
  return deepFreeze({ ...plan, digest: planDigest(plan) })
}

/** The largest plan that is read: a hundred clusters take some 60 kB. */
const MAX_PLAN = 16 * 1024 * 1024

/**
 * Reads a plan from JSON text or from an object: its form, and that its digest is its own. Whether it is safe is for
 * `verifyPlan`.
 *
 * @throws `MeshPkiError` `ERR_ROLLOVER_PLAN`, `ERR_JSON_…`.
 */
export function readPlan(input: RolloverPlan | string | Uint8Array): RolloverPlan {
  const isText = typeof input === 'string' || input instanceof Uint8Array
  if (isText && input.length > MAX_PLAN) throw refusePlan(`it is larger than ${MAX_PLAN} octets`)
  const from = new RecordReader(isText ? plainJson(readJson(input)) : input, 'plan', refusePlan)
  from.oneOf('format', ['mesh-pki/rollover-plan'])
  const version = from.count('version')
  if (version !== 1) throw refusePlan(`its version is ${version}; this release reads version 1`)
  const digest = from.text('digest', HEX_256, 'a SHA-256 in hex')
  const cross = from.has('cross') ? from.record('cross') : undefined
  const plan = {
    format: 'mesh-pki/rollover-plan' as const,
    version: 1 as const,
    kind: from.oneOf('kind', ROLLOVER_KINDS),
    parameters: readParameters(from.record('parameters')),
    authorities: from.list('authorities', 1000, readAuthority),
    members: from.list('members', 10_000, readMember),
    ...(cross === undefined ? {} : { cross: readCross(cross) }),
    steps: from.list('steps', 20_000, readStep),
  }
  from.end()
  const found = planDigest(plan)
  if (found !== digest)
    throw refusePlan(
      `its digest is ${digest}, but its content has ${found}: it was changed after it was made. Make it again with planRollover`,
    )
  return deepFreeze({ ...plan, digest })
}

function readParameters(from: RecordReader): PlanParameters {
  const text = (name: string): string => formatDuration(from.duration(name))
  const parameters: PlanParameters = {
    leafLifetime: text('leafLifetime'),
    gracePeriodRatio: from.fraction('gracePeriodRatio'),
    jitter: from.fraction('jitter'),
    lifeFrom: from.oneOf('lifeFrom', ['issuance', 'notBefore']),
    backdate: text('backdate'),
    clockSkew: text('clockSkew'),
    switchDelay: text('switchDelay'),
    installDelay: text('installDelay'),
    outageBudget: text('outageBudget'),
    retention: from.oneOf('retention', ['leaf-lifetime', 'renewals']),
    crossSign: from.flag('crossSign'),
    ...(from.has('reissueWithin') ? { reissueWithin: text('reissueWithin') } : {}),
    stagger: text('stagger'),
    pruneAfter: text('pruneAfter'),
    evidenceMaxAge: text('evidenceMaxAge'),
    maxAuthorities: from.count('maxAuthorities'),
    ...(from.has('rotationPeriod') ? { rotationPeriod: text('rotationPeriod') } : {}),
  }
  from.end()
  return parameters
}

function readAuthority(value: unknown, where: string): PlannedAuthority {
  const from = new RecordReader(value, where, refusePlan)
  const role = from.oneOf('role', ['outgoing', 'incoming'])
  const authority: PlannedAuthority = {
    id: from.text('id', ROLLOVER_ID, 'a name'),
    role,
    ...(role === 'outgoing'
      ? { notAfter: from.instantText('notAfter') }
      : { lifetime: formatDuration(from.duration('lifetime')) }),
    ...(from.has('fingerprint')
      ? { fingerprint: from.text('fingerprint', HEX_256, 'a SHA-256 in hex') }
      : {}),
  }
  from.end()
  return authority
}

function readMember(value: unknown, where: string): PlannedMember {
  const from = new RecordReader(value, where, refusePlan)
  const member: PlannedMember = {
    name: from.text('name', ROLLOVER_ID, 'a name'),
    ...(from.has('from') ? { from: from.text('from', ROLLOVER_ID, 'a name') } : {}),
    propagation: formatDuration(from.duration('propagation')),
  }
  from.end()
  return member
}

function readCross(from: RecordReader): PlannedCross {
  const cross = {
    notAfter: from.instantText('notAfter'),
    attachUntil: from.instantText('attachUntil'),
  }
  from.end()
  return cross
}

function readStep(value: unknown, where: string): PlannedStep {
  const from = new RecordReader(value, where, refusePlan)
  const step: PlannedStep = {
    at: from.instantText('at'),
    stage: from.oneOf('stage', AUTHORITY_STAGES),
    authority: from.text('authority', ROLLOVER_ID, 'a name'),
    ...(from.has('cluster') ? { cluster: from.text('cluster', ROLLOVER_ID, 'a name') } : {}),
    satisfies: from.list('satisfies', 1000, (one, inner) => {
      const inequality = new RecordReader(one, inner, refusePlan)
      const read: PlannedInequality = {
        id: inequality.oneOf('id', INEQUALITY_IDS),
        condition: inequality.text('condition', PRINTABLE, 'a text'),
        needs: inequality.text('needs', PRINTABLE, 'a text'),
        has: inequality.text('has', PRINTABLE, 'a text'),
        slack: inequality.text('slack', PRINTABLE, 'a text'),
      }
      inequality.end()
      return read
    }),
  }
  from.end()
  return step
}

const HEX_256 = /^[0-9a-f]{64}$/
const PRINTABLE = /^[^\p{C}]{1,256}$/u

function refusePlan(problem: string): MeshPkiError {
  return new MeshPkiError('ERR_ROLLOVER_PLAN', `the rollover plan is not usable: ${problem}`)
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
