/**
 * The smallest single changes that mend a broken inequality.
 *
 * @module
 */

import { formatDuration } from '../internal/duration.ts'
import {
  type GraceFigures,
  type GraceInequality,
  holds,
  type JudgedInequality,
  judgeInequalities,
} from './grace-inequalities.ts'

/** A number that can be changed, and which way mends what. In steps of a second, or of a decimal place. */
interface Knob {
  readonly name: string
  readonly mends: readonly GraceInequality[]
  readonly way: 'raise' | 'lower'
  readonly isRatio?: boolean
  readonly least: number
  read(figures: GraceFigures): number | undefined
  turn(figures: GraceFigures, value: number): GraceFigures
}

/** As far as durations go: a thousand years. */
const MAX_SECONDS = 1000 * 365.25 * 86_400

/** The fewest and the most decimal places of a ratio, and how many digits after its zeros are enough. */
const MIN_PLACES = 4
const MAX_PLACES = 12
const ENOUGH = 100

type TimeName = 'leaf' | 'backdate' | 'skew' | 'install' | 'outage'

const time = (
  name: string,
  of: TimeName,
  way: Knob['way'],
  mends: readonly GraceInequality[],
  least = 0,
): Knob => ({
  name,
  mends,
  way,
  least,
  read: (figures) => figures[of],
  turn: (figures, value) => ({ ...figures, [of]: value }),
})

const ofCa = (
  name: string,
  of: 'lifetime' | 'ratio' | 'switchDelay',
  way: Knob['way'],
  isRatio = false,
): Knob => ({
  name,
  // A leaf that its CA cuts short is what C4 judges.
  mends: ['C4', 'C5'],
  way,
  isRatio,
  least: 0,
  read: ({ ca }) => ca?.[of],
  turn: (figures, value) =>
    figures.ca === undefined ? figures : { ...figures, ca: { ...figures.ca, [of]: value } },
})

const KNOBS: readonly Knob[] = [
  {
    name: 'gracePeriodRatio',
    mends: ['C4'],
    way: 'raise',
    isRatio: true,
    least: 0,
    read: ({ ratio }) => ratio,
    turn: (figures, ratio) => ({ ...figures, ratio }),
  },
  ofCa('ca.gracePeriodRatio', 'ratio', 'raise', true),
  ofCa('ca.lifetime', 'lifetime', 'raise'),
  time('leafLifetime', 'leaf', 'raise', ['C4']),
  time('leafLifetime', 'leaf', 'lower', ['C5'], 1),
  time('backdate', 'backdate', 'raise', ['C3']),
  time('installDelay', 'install', 'lower', ['C4']),
  ofCa('ca.switchDelay', 'switchDelay', 'lower'),
  time('clockSkew', 'skew', 'lower', ['C3', 'C4', 'C5']),
  time('outageBudget', 'outage', 'lower', ['C4']),
]

/**
 * Each change by itself makes the inequality hold and breaks no other that held; a second less of it, or one in the last
 * decimal place, does not.
 */
export function graceFixes(figures: GraceFigures, inequality: GraceInequality): readonly string[] {
  const broken = brokenIn(figures)
  return KNOBS.flatMap((knob) => {
    if (!knob.mends.includes(inequality)) return []
    const fix =
      knob.isRatio === true ? ratioFix(figures, inequality, knob) : timeFix(figures, inequality, knob)
    if (fix === undefined) return []
    const isClean = brokenIn(knob.turn(figures, fix.value)).every((other) => broken.includes(other))
    return isClean
      ? [`${knob.way} ${knob.name} to at ${knob.way === 'raise' ? 'least' : 'most'} ${fix.text}`]
      : []
  })
}

function brokenIn(figures: GraceFigures): readonly GraceInequality[] {
  return judgeInequalities(figures)
    .filter((judged: JudgedInequality) => !holds(judged))
    .map((judged) => judged.inequality)
}

interface Fix {
  readonly value: number
  readonly text: string
}

function timeFix(figures: GraceFigures, inequality: GraceInequality, knob: Knob): Fix | undefined {
  const current = knob.read(figures)
  if (current === undefined) return undefined
  const mends = (seconds: number): boolean =>
    !brokenIn(knob.turn(figures, seconds * 1000)).includes(inequality)
  const from = current / 1000
  const isRaise = knob.way === 'raise'
  const steps = leastStep(isRaise ? MAX_SECONDS - from : from - knob.least, (step) =>
    mends(isRaise ? from + step : from - step),
  )
  if (steps === undefined) return undefined
  const value = (isRaise ? from + steps : from - steps) * 1000
  return { value, text: formatDuration(value) }
}

/** Three digits are enough, or four decimal places: 0.0123. */
function ratioFix(figures: GraceFigures, inequality: GraceInequality, knob: Knob): Fix | undefined {
  if (knob.read(figures) === undefined) return undefined
  const mends = (value: number): boolean => !brokenIn(knob.turn(figures, value)).includes(inequality)
  for (let places = MIN_PLACES; places <= MAX_PLACES; places++) {
    const scale = 10 ** places
    const count = leastStep(scale - 1, (step) => mends(step / scale))
    if (count === undefined) return undefined
    if (count < ENOUGH && places < MAX_PLACES) continue
    return { value: count / scale, text: (count / scale).toFixed(places).replace(/0+$/, '') }
  }
  return undefined
}

/** The least whole number from 1 to `most` of which something is true that stays true; `undefined` for none. */
function leastStep(most: number, isEnough: (step: number) => boolean): number | undefined {
  if (most < 1 || !isEnough(most)) return undefined
  let low = 1
  let high = most
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isEnough(middle)) high = middle
    else low = middle + 1
  }
  return low
}
