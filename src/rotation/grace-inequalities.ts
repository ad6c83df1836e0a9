/**
 * What must hold so that a certificate is renewed in time, as inequalities between durations.
 *
 * @module
 */

/**
 * `C3`: the backdate covers two clock errors. `C4`: what remains when a leaf is renewed covers an outage, its installation and
 * two clock errors. `C5`: what remains when a CA is renewed covers a leaf that it signs at the last moment.
 */
export type GraceInequality = 'C3' | 'C4' | 'C5'

/** The CA that signs the leaves; milliseconds. */
interface CaFigures {
  readonly lifetime: number
  readonly ratio: number
  readonly switchDelay: number
}

/** Milliseconds, in whole seconds; ratios above 0 and below 1. */
export interface GraceFigures {
  readonly leaf: number
  readonly ratio: number
  readonly backdate: number
  readonly skew: number
  readonly install: number
  readonly outage: number
  readonly ca: CaFigures | undefined
  /** Whether a leaf counts its life from `notBefore`, which lies before its issuance. */
  readonly fromNotBefore: boolean
  /** Whether leaves may be cut short by their CA. */
  readonly mayCap: boolean
}

/** One inequality, with both of its sides. */
export interface JudgedInequality {
  readonly inequality: GraceInequality
  readonly required: number
  readonly found: number
}

/** Whether an inequality holds. */
export const holds = ({ required, found }: JudgedInequality): boolean => found >= required

/**
 * All that apply.
 *
 * With clocks wrong by up to S either way, backdate β, leaf life L, its ratio g, time to install Δl, outage F, CA life T with
 * ratio γ and Δs until its successor signs: C3 β ≥ 2S, C4 g(L + β) ≥ F + Δl + 2S, C5 γT ≥ Δs + L + 2S. L in C4 is the shortest
 * leaf: where C5 may be broken, the one that its CA cuts.
 */
export function judgeInequalities(figures: GraceFigures): readonly JudgedInequality[] {
  const { ratio, backdate, skew, install, outage, ca, fromNotBefore } = figures
  const life = shortestLeaf(figures) + (fromNotBefore ? backdate : 0)
  const judged: JudgedInequality[] = [
    { inequality: 'C3', required: 2 * skew, found: backdate },
    { inequality: 'C4', required: outage + install + 2 * skew, found: part(ratio, life) },
  ]
  if (ca !== undefined)
    judged.push({
      inequality: 'C5',
      required: ca.switchDelay + figures.leaf + 2 * skew,
      found: part(ca.ratio, ca.lifetime),
    })
  return judged
}

/** The life of the shortest leaf: one that its CA cuts, where that is allowed, at the moment before its successor signs. */
export function shortestLeaf({ leaf, ca, mayCap }: GraceFigures): number {
  if (!mayCap || ca === undefined) return leaf
  const left = part(ca.ratio, ca.lifetime) - ca.switchDelay
  return Math.min(leaf, Math.max(0, Math.floor(left / 1000) * 1000))
}

/** To the millisecond: 0.07 of 100 seconds is 7 seconds, whatever binary fractions say. */
function part(ratio: number, of: number): number {
  return Math.round(ratio * of)
}
