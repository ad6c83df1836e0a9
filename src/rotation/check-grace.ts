/**
 * What a grace ratio is worth beside the lifetimes around it.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { formatDuration, readDuration } from '../internal/duration.ts'
import { checkOneOf, checkOptionNames } from '../internal/options.ts'
import { graceFixes } from './grace-fixes.ts'
import {
  type GraceFigures,
  type GraceInequality,
  holds,
  type JudgedInequality,
  judgeInequalities,
  shortestLeaf,
} from './grace-inequalities.ts'
import { readGraceRatio } from './renewal-time.ts'

/** The CA that signs the leaves. */
export interface CaGraceParameters {
  /** How long it lives from issuance. */
  readonly lifetime: string
  /** The fraction of its life that remains when it is renewed, above 0 and below 1. */
  readonly gracePeriodRatio: number
  /** How long it still signs after its renewal is due, until its successor does. Default `'0s'`. */
  readonly switchDelay?: string | undefined
}

/** What {@link checkGrace} takes. */
export interface GraceParameters {
  /** How long a leaf lives from issuance. */
  readonly leafLifetime: string
  /** The fraction of a leaf's life that remains when it is renewed, above 0 and below 1. Take off what jitter may move it to later. */
  readonly gracePeriodRatio: number
  /** How far before issuance validity begins. Default `'2m'`, as `mesh-pki/ca` and istiod. */
  readonly backdate?: string | undefined
  /** How wrong a clock may be, either way. Default `'60s'`: half of the backdate. */
  readonly clockSkew?: string | undefined
  /** How long a holder needs from issuance until it presents the new leaf. Default `'0s'`. */
  readonly installDelay?: string | undefined
  /** The outage of issuance that must be survived. Default `'0s'`. */
  readonly outageBudget?: string | undefined
  /**
   * Where a leaf's life begins for its ratio. `'issuance'`, the default, is what `renewalTime` and `planRollover` do unless told
   * otherwise. `'notBefore'` is how SPIRE's and Consul's rules are written; ratio × backdate more remains.
   */
  readonly lifeFrom?: 'notBefore' | 'issuance' | undefined
  readonly ca?: CaGraceParameters | undefined
  /**
   * `'strict'`, the default, refuses a CA that ends before its last leaves should. `'gloo'` warns, for Gloo Mesh's own example has one:
   * `ttlDays: 1` at a ratio of 0.10 above leaves of a day.
   */
  readonly profile?: 'strict' | 'gloo' | undefined
}

/** One inequality that does not hold. */
export interface GraceFinding {
  readonly inequality: GraceInequality
  readonly severity: 'error' | 'warning'
  /** What happens, with figures. */
  readonly message: string
  /** The side that is too long, as a duration. */
  readonly required: string
  /** What there is for it, as a duration, rounded down to a second. */
  readonly found: string
  /**
   * The smallest single changes, such as "raise gracePeriodRatio to at least 0.0123". Each makes the inequality hold and
   * breaks no other.
   */
  readonly fixes: readonly string[]
}

/** A ratio that is good enough. */
export interface CheckedGrace {
  readonly ok: true
  /** The longest outage of issuance that no leaf notices, as a duration, rounded down to a second. */
  readonly survives: string
  /** Warnings. */
  readonly findings: readonly GraceFinding[]
  /** The life that leaves should have, where the last ones below a CA are cut; under the profile `'gloo'` only. */
  readonly cappedFrom?: string | undefined
  /** The life of the shortest of them. `survives` is about it. */
  readonly leafCap?: string | undefined
}

/** What {@link checkGrace} answers. */
export type GraceResult =
  | CheckedGrace
  | { readonly ok: false; readonly error: MeshPkiError; readonly findings: readonly GraceFinding[] }

/**
 * Says what outage a grace ratio survives, and refuses one that causes an outage by itself.
 *
 * A ratio alone says nothing: 0.10 of a year is 36.5 days, and of a day 2.4 hours. With clocks wrong by S, backdate β, leaf life L at
 * ratio g, time to install Δl, outage F, CA life T at ratio γ, and Δs until the next CA signs, these must hold:
 *
 * - C3, a warning: β ≥ 2S, else a slow verifier refuses what a fast issuer has just signed.
 * - C4: g(L + β) ≥ F + Δl + 2S, else the leaf ends before its holder has the next. So F is at most g(L + β) − Δl − 2S: `survives`.
 * - C5: γT ≥ Δs + L + 2S, else the CA ends before the last leaves that it signs, which are cut short or orphaned.
 *
 * They are necessary and sufficient for one certificate and its successor; how two roots overlap is for the plan of a rollover.
 *
 * **Warning**: it believes what it is told. Jitter that moves a renewal later comes off `gracePeriodRatio`, and a CA whose own
 * issuer ends sooner has a shorter life than it was asked for.
 *
 * @throws `TypeError`, `RangeError` for the parameters only: `ERR_ROTATION_GRACE` is in the answer.
 *
 * @example
 * ```ts
 * import { checkGrace } from 'mesh-pki/rotation'
 *
 * const grace = checkGrace({
 *   leafLifetime: '24h',
 *   gracePeriodRatio: 0.5,
 *   ca: { lifetime: '365d', gracePeriodRatio: 0.1 },
 * })
 * if (grace.ok) console.log(grace.survives) // 11h58m
 * else console.error(grace.error.message)
 * ```
 */
export function checkGrace(parameters: GraceParameters): GraceResult {
  const figures = readFigures(parameters)
  const judged = judgeInequalities(figures)
  const findings = Object.freeze(judged.filter((one) => !holds(one)).map((one) => findingOf(one, figures)))
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) return Object.freeze({ ok: false, error: errorOf(errors), findings })
  const found = judged.find(({ inequality }) => inequality === 'C4')?.found ?? 0
  const survives = floorDuration(found - figures.install - 2 * figures.skew)
  const cap = shortestLeaf(figures)
  return Object.freeze({
    ok: true,
    survives,
    findings,
    ...(cap < figures.leaf ? { cappedFrom: formatDuration(figures.leaf), leafCap: formatDuration(cap) } : {}),
  })
}

/**
 * {@link checkGrace} that throws what it refuses.
 *
 * @throws `MeshPkiError` `ERR_ROTATION_GRACE`, with the findings in `data`; `TypeError`, `RangeError` for the parameters.
 *
 * @example
 * ```ts
 * import { verifyGrace } from 'mesh-pki/rotation'
 *
 * const { survives } = verifyGrace({ leafLifetime: '24h', gracePeriodRatio: 0.5, outageBudget: '8h' })
 * console.log(`issuance may be down for ${survives}`)
 * ```
 */
export function verifyGrace(parameters: GraceParameters): CheckedGrace {
  const result = checkGrace(parameters)
  if (!result.ok) throw result.error
  return result
}

function errorOf(errors: readonly GraceFinding[]): MeshPkiError {
  const text = errors.map(
    ({ inequality, message, fixes }) =>
      `${inequality}: ${message}. ${fixes.length === 0 ? 'No single change mends it' : `To mend it, ${fixes.join(', or ')}`}`,
  )
  return new MeshPkiError('ERR_ROTATION_GRACE', text.join('. '), {
    data: { findings: Object.freeze([...errors]) },
  })
}

function findingOf(judged: JudgedInequality, figures: GraceFigures): GraceFinding {
  const { inequality, required, found } = judged
  return Object.freeze({
    inequality,
    severity:
      inequality === 'C3' || (inequality === 'C5' && figures.mayCap)
        ? ('warning' as const)
        : ('error' as const),
    message: messageOf(judged, figures),
    required: formatDuration(required),
    found: floorDuration(found),
    fixes: Object.freeze([...graceFixes(figures, inequality)]),
  })
}

function messageOf({ inequality, required, found }: JudgedInequality, figures: GraceFigures): string {
  const { skew, ratio, leaf, outage, install, ca, mayCap } = figures
  const need = formatDuration(required)
  const has = floorDuration(found)
  const clocks = `clocks that are up to ${formatDuration(skew)} wrong`
  if (inequality === 'C3')
    return `validity begins ${has} before issuance, and ${clocks} take ${need}: for up to ${formatDuration(required - found)} a slow verifier refuses what a fast issuer signed as not yet valid`
  const cap = shortestLeaf(figures)
  if (inequality === 'C4')
    return `a leaf of ${formatDuration(cap)}${cap < leaf ? ` (cut from ${formatDuration(leaf)} by its CA)` : ''} renewed at a ratio of ${ratio} has ${has} left, and an outage of ${formatDuration(outage)}, ${formatDuration(install)} to install and ${clocks} take ${need}: it ends before its holder has the next`
  const lives = ca === undefined ? '' : `of ${formatDuration(ca.lifetime)} renewed at a ratio of ${ca.ratio} `
  const delay = ca === undefined ? '0s' : formatDuration(ca.switchDelay)
  const end = mayCap
    ? cap < leaf
      ? `the last leaves are cut to ${formatDuration(cap)}`
      : 'the last leaves are not cut, but nothing is left for clocks'
    : 'the last leaves are cut short or outlive it'
  return `a CA ${lives}has ${has} left, and ${delay} until the next one signs, a leaf of ${formatDuration(leaf)} and ${clocks} take ${need}: ${end}`
}

/** Down to a second: what is promised is there. */
function floorDuration(milliseconds: number): string {
  return formatDuration(Math.floor(milliseconds / 1000) * 1000)
}

function readFigures(parameters: GraceParameters): GraceFigures {
  checkOptionNames(parameters, PARAMETER_NAMES, 'checkGrace')
  const { ca } = parameters
  if (ca !== undefined) checkOptionNames(ca, ['lifetime', 'gracePeriodRatio', 'switchDelay'], 'option "ca"')
  const span = (value: unknown, option: string): number => readDuration(value, option, { allowZero: true })
  return {
    leaf: readDuration(parameters.leafLifetime, 'leafLifetime'),
    ratio: readGraceRatio(parameters.gracePeriodRatio, 'gracePeriodRatio'),
    backdate: span(parameters.backdate ?? '2m', 'backdate'),
    skew: span(parameters.clockSkew ?? '60s', 'clockSkew'),
    install: span(parameters.installDelay ?? '0s', 'installDelay'),
    outage: span(parameters.outageBudget ?? '0s', 'outageBudget'),
    ca:
      ca === undefined
        ? undefined
        : {
            lifetime: readDuration(ca.lifetime, 'ca.lifetime'),
            ratio: readGraceRatio(ca.gracePeriodRatio, 'ca.gracePeriodRatio'),
            switchDelay: span(ca.switchDelay ?? '0s', 'ca.switchDelay'),
          },
    fromNotBefore:
      checkOneOf(parameters.lifeFrom ?? 'issuance', ['notBefore', 'issuance'], 'lifeFrom') === 'notBefore',
    mayCap: checkOneOf(parameters.profile ?? 'strict', ['strict', 'gloo'], 'profile') === 'gloo',
  }
}

const PARAMETER_NAMES: readonly string[] = [
  'leafLifetime',
  'gracePeriodRatio',
  'backdate',
  'clockSkew',
  'installDelay',
  'outageBudget',
  'lifeFrom',
  'ca',
  'profile',
]
