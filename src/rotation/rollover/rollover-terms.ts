/**
 * The parameters of a rollover after they were read: milliseconds, defaults filled in.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import {
  checkOneOf,
  checkOptionNames,
  readCount,
  readFlag,
  readInstant,
  typeName,
} from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import { toCertificate } from '../../x509/certificate-input.ts'
import {
  type OutgoingAuthority,
  ROLLOVER_ID,
  ROLLOVER_KINDS,
  type RolloverKind,
  type RolloverParameters,
} from './rollover-parameters.ts'

/** {@link RolloverParameters} as numbers. Instants and durations are milliseconds. */
export interface RolloverTerms {
  readonly kind: RolloverKind
  readonly start: number
  readonly outgoing: readonly OutgoingTerms[]
  readonly incoming: { readonly id: string; readonly lifetime: number }
  readonly members: readonly MemberTerms[]
  readonly leafLifetime: number
  readonly gracePeriodRatio: number
  readonly jitter: number
  readonly lifeFrom: 'issuance' | 'notBefore'
  readonly backdate: number
  readonly clockSkew: number
  readonly switchDelay: number
  readonly installDelay: number
  readonly outageBudget: number
  readonly retention: 'leaf-lifetime' | 'renewals'
  readonly crossSign: boolean
  /** Of an emergency. */
  readonly reissueWithin: number | undefined
  readonly stagger: number
  readonly activateAt: number | undefined
  readonly retireAt: number | undefined
  readonly pruneAfter: number
  readonly evidenceMaxAge: number
  readonly maxAuthorities: number
  readonly rotationPeriod: number | undefined
}

/** An outgoing authority. */
interface OutgoingTerms {
  readonly id: string
  readonly notAfter: number
  readonly fingerprint: string | undefined
}

/** Who verifies, and in a cluster also signs. */
interface MemberTerms {
  readonly name: string
  /** The outgoing authority that signs in it; `undefined` of an audience. */
  readonly from: string | undefined
  readonly propagation: number
}

/** More clusters than any mesh has; a list without end is a mistake. */
const MAX_MEMBERS = 10_000
/** Outgoing authorities at once. A bundle of more would not fit into what carries it. */
const MAX_OUTGOING = 100

const OPTION_NAMES = [
  'kind',
  'start',
  'outgoing',
  'incoming',
  'clusters',
  'audiences',
  'leafLifetime',
  'gracePeriodRatio',
  'jitter',
  'lifeFrom',
  'backdate',
  'clockSkew',
  'propagation',
  'switchDelay',
  'installDelay',
  'outageBudget',
  'retention',
  'crossSign',
  'emergency',
  'stagger',
  'activateAt',
  'retireAt',
  'pruneAfter',
  'evidenceMaxAge',
  'maxAuthorities',
  'rotationPeriod',
]

/** Reads the parameters. @throws `TypeError`, `RangeError` that name the option; what reading a certificate throws. */
export function readTerms(parameters: RolloverParameters): RolloverTerms {
  checkOptionNames(parameters, OPTION_NAMES, 'planRollover')
  const zero = { allowZero: true }
  const duration = (name: keyof RolloverParameters, fallback: string): number =>
    readDuration(parameters[name] ?? fallback, name, zero)
  const kind = checkOneOf(parameters.kind ?? 'root', ROLLOVER_KINDS, 'kind')
  const outgoing = readOutgoing(parameters.outgoing)
  if (kind !== 'adoption' && outgoing.length > 1)
    throw new TypeError(
      `option "outgoing" has ${outgoing.length} authorities; a rollover of kind "${kind}" has one. Several give way to one in kind "adoption"`,
    )
  const crossSign = readFlag(parameters.crossSign, 'crossSign', false)
  if (crossSign && kind !== 'root')
    throw new TypeError(
      `option "crossSign" is for kind "root"; ${kind === 'adoption' ? 'with several roots each would have to sign the new key' : 'below a root that stays nothing needs it'}`,
    )
  const emergency = parameters.emergency
  if (emergency !== undefined) checkOptionNames(emergency, ['reissueWithin'], 'option "emergency"')
  if (emergency !== undefined && crossSign)
    throw new TypeError(
      'option "crossSign" cannot be used in an emergency: what the compromised key signs is not to be trusted',
    )
  const ratio = readFraction(parameters.gracePeriodRatio, 'gracePeriodRatio')
  if (ratio === 0 || ratio === 1)
    throw new RangeError(`option "gracePeriodRatio" must lie between 0 and 1; got ${ratio}`)
  checkOptionNames(parameters.incoming, ['id', 'lifetime'], 'option "incoming"')
  const incoming = {
    id: readId(parameters.incoming.id, 'incoming.id'),
    lifetime: readDuration(parameters.incoming.lifetime, 'incoming.lifetime'),
  }
  if (outgoing.some(({ id }) => id === incoming.id))
    throw new TypeError(`option "incoming.id" is that of an outgoing authority: "${incoming.id}"`)
  return {
    kind,
    start: readInstant(parameters.start, 'start'),
    outgoing,
    incoming,
    members: readMembers(parameters, outgoing, duration('propagation', '15m')),
    leafLifetime: readDuration(parameters.leafLifetime, 'leafLifetime'),
    gracePeriodRatio: ratio,
    jitter: readFraction(parameters.jitter ?? 0, 'jitter'),
    lifeFrom: checkOneOf(parameters.lifeFrom ?? 'issuance', ['issuance', 'notBefore'], 'lifeFrom'),
    backdate: duration('backdate', '2m'),
    clockSkew: duration('clockSkew', '60s'),
    switchDelay: duration('switchDelay', '10m'),
    installDelay: duration('installDelay', '1m'),
    outageBudget: duration('outageBudget', '1h'),
    retention: checkOneOf(
      parameters.retention ?? 'leaf-lifetime',
      ['leaf-lifetime', 'renewals'],
      'retention',
    ),
    crossSign,
    reissueWithin:
      emergency === undefined
        ? undefined
        : readDuration(emergency.reissueWithin, 'emergency.reissueWithin', zero),
    stagger: duration('stagger', '0s'),
    activateAt: readWish(parameters.activateAt, 'activateAt'),
    retireAt: readWish(parameters.retireAt, 'retireAt'),
    pruneAfter: duration('pruneAfter', '24h'),
    evidenceMaxAge: readDuration(parameters.evidenceMaxAge ?? '15m', 'evidenceMaxAge', {
      max: ['1d', 86_400_000],
    }),
    maxAuthorities: readCount(parameters.maxAuthorities ?? outgoing.length + 1, 'maxAuthorities', 2, 1000),
    rotationPeriod:
      parameters.rotationPeriod === undefined
        ? undefined
        : readDuration(parameters.rotationPeriod, 'rotationPeriod'),
  }
}

function readOutgoing(value: OutgoingAuthority | readonly OutgoingAuthority[]): readonly OutgoingTerms[] {
  const list: readonly OutgoingAuthority[] = isList(value) ? value : [value]
  if (list.length === 0 || list.length > MAX_OUTGOING)
    throw new RangeError(`option "outgoing" must have 1 to ${MAX_OUTGOING} authorities; got ${list.length}`)
  const read = list.map((authority, i): OutgoingTerms => {
    const option = `outgoing[${i}]`
    checkOptionNames(authority, ['id', 'certificate', 'notAfter'], `option "${option}"`)
    const id = readId(authority.id, `${option}.id`)
    const certificate =
      authority.certificate === undefined
        ? undefined
        : toCertificate(authority.certificate, `${option}.certificate`)
    if (certificate === undefined && authority.notAfter === undefined)
      throw new TypeError(`option "${option}" needs a certificate or notAfter: when the authority ends`)
    const ends = [
      ...(certificate === undefined ? [] : [certificate.notAfter.getTime()]),
      ...(authority.notAfter === undefined ? [] : [readInstant(authority.notAfter, `${option}.notAfter`)]),
    ]
    return { id, notAfter: Math.min(...ends), fingerprint: certificate?.fingerprint() }
  })
  checkUnique(
    read.map(({ id }) => id),
    'outgoing',
  )
  return read
}

function readMembers(
  parameters: RolloverParameters,
  outgoing: readonly OutgoingTerms[],
  propagation: number,
): readonly MemberTerms[] {
  const { clusters, audiences = [] } = parameters
  if (!Array.isArray(clusters) || clusters.length === 0)
    throw new TypeError('option "clusters" must be a list of at least one cluster: who signs')
  if (!Array.isArray(audiences)) throw new TypeError('option "audiences" must be a list')
  if (clusters.length + audiences.length > MAX_MEMBERS)
    throw new RangeError(`at most ${MAX_MEMBERS} clusters and audiences`)
  const read = [
    ...parameters.clusters.map((given, i): MemberTerms => {
      const option = `clusters[${i}]`
      const cluster = typeof given === 'string' ? { name: given } : given
      checkOptionNames(cluster, ['name', 'from', 'propagation'], `option "${option}"`)
      const only = outgoing.length === 1 ? outgoing[0]?.id : undefined
      const from = cluster.from ?? only
      if (from === undefined || !outgoing.some(({ id }) => id === from))
        throw new TypeError(
          `option "${option}.from" must be one of the outgoing authorities (${outgoing.map(({ id }) => id).join(', ')}); got ${from === undefined ? 'nothing' : `"${escapeText(String(from), 64)}"`}`,
        )
      return {
        name: readId(cluster.name, `${option}.name`),
        from,
        propagation:
          cluster.propagation === undefined
            ? propagation
            : readDuration(cluster.propagation, `${option}.propagation`, { allowZero: true }),
      }
    }),
    ...(parameters.audiences ?? []).map((audience, i): MemberTerms => {
      const option = `audiences[${i}]`
      checkOptionNames(audience, ['name', 'propagation', 'refreshHint'], `option "${option}"`)
      const bounds = [
        ...(audience.propagation === undefined
          ? []
          : [readDuration(audience.propagation, `${option}.propagation`, { allowZero: true })]),
        ...(audience.refreshHint === undefined
          ? []
          : [HINTS * readDuration(audience.refreshHint, `${option}.refreshHint`)]),
      ]
      return {
        name: readId(audience.name, `${option}.name`),
        from: undefined,
        propagation: bounds.length === 0 ? propagation : Math.max(...bounds),
      }
    }),
  ]
  checkUnique(
    read.map(({ name }) => name),
    'clusters and audiences',
  )
  const unused = outgoing.find(({ id }) => !read.some(({ from }) => from === id))
  if (unused !== undefined)
    throw new TypeError(`no cluster is "from" the outgoing authority "${unused.id}"; who uses it?`)
  return read
}

/** Polls that a federated domain has to see a new key in; SPIFFE Federation §4.1 asks for three to five. */
const HINTS = 3

/** A name of an authority or member. @throws `TypeError`. */
export function readId(value: unknown, option: string): string {
  if (typeof value === 'string' && ROLLOVER_ID.test(value)) return value
  throw new TypeError(
    `option "${option}" must be a name of 1 to 128 letters, digits and ". _ : / -"; got ${typeof value === 'string' ? `"${escapeText(value, 64)}"` : typeName(value)}`,
  )
}

function readFraction(value: unknown, option: string): number {
  if (typeof value !== 'number')
    throw new TypeError(`option "${option}" must be a number; got ${typeName(value)}`)
  if (!(value >= 0 && value <= 1))
    throw new RangeError(`option "${option}" must be from 0 to 1; got ${value}`)
  return value
}

const readWish = (value: Date | undefined, option: string): number | undefined =>
  value === undefined ? undefined : readInstant(value, option)

function checkUnique(names: readonly string[], option: string): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new TypeError(`option "${option}" names "${twice}" twice`)
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
