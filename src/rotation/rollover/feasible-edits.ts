/**
 * What to change, and by how little, when a rollover is not feasible.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { instantText } from '../../internal/instant-text.ts'
import { type Inequality, inequalitiesOf, instantsOf, propagationOf, slackOf } from './inequalities.ts'
import type { RolloverTerms } from './rollover-terms.ts'

/** One change of one parameter. */
export interface RolloverEdit {
  /** The option of `planRollover`. */
  readonly parameter: string
  /** From what to what, as the option takes it: durations as text, instants in ISO 8601. */
  readonly from: string
  readonly to: string
  /** As a sentence: `raise gracePeriodRatio from 0.1 to at least 0.1042`. */
  readonly text: string
}

/** A parameter that can be moved, as a number; every inequality is linear in each. */
interface Movable {
  readonly parameter: string
  readonly unit: 'duration' | 'instant' | 'ratio' | 'count'
  get(terms: RolloverTerms): number | undefined
  set(terms: RolloverTerms, value: number): RolloverTerms
  readonly min?: number
  readonly max?: number
}

const duration = (
  parameter: string,
  key: {
    [K in keyof RolloverTerms]: RolloverTerms[K] extends number | undefined ? K : never
  }[keyof RolloverTerms],
  min = 0,
): Movable => ({
  parameter,
  unit: 'duration',
  get: (terms) => terms[key],
  set: (terms, value) => ({ ...terms, [key]: value }),
  min,
})

const instant = (parameter: string, key: 'start' | 'activateAt' | 'retireAt'): Movable => ({
  parameter,
  unit: 'instant',
  get: (terms) => terms[key],
  set: (terms, value) => ({ ...terms, [key]: value }),
})

/** Ratios are offered to four digits. */
const RATIO_STEP = 0.0001

/** In the order in which they are offered: what costs least first. */
const MOVABLE: readonly Movable[] = [
  instant('start', 'start'),
  instant('activateAt', 'activateAt'),
  instant('retireAt', 'retireAt'),
  {
    parameter: 'gracePeriodRatio',
    unit: 'ratio',
    get: (terms) => terms.gracePeriodRatio,
    set: (terms, gracePeriodRatio) => ({ ...terms, gracePeriodRatio }),
    min: RATIO_STEP,
    max: 1 - RATIO_STEP,
  },
  duration('backdate', 'backdate'),
  duration('outageBudget', 'outageBudget'),
  duration('installDelay', 'installDelay'),
  duration('switchDelay', 'switchDelay'),
  {
    parameter: 'propagation',
    unit: 'duration',
    get: propagationOf,
    set: (terms, value) => ({
      ...terms,
      members: terms.members.map((member) => ({
        ...member,
        propagation: value > propagationOf(terms) ? value : Math.min(member.propagation, value),
      })),
    }),
    min: 0,
  },
  duration('leafLifetime', 'leafLifetime', 1000),
  {
    parameter: 'incoming.lifetime',
    unit: 'duration',
    get: (terms) => terms.incoming.lifetime,
    set: (terms, lifetime) => ({ ...terms, incoming: { ...terms.incoming, lifetime } }),
    min: 1000,
  },
  duration('rotationPeriod', 'rotationPeriod', 1000),
  duration('stagger', 'stagger'),
  {
    parameter: 'maxAuthorities',
    unit: 'count',
    get: (terms) => terms.maxAuthorities,
    set: (terms, maxAuthorities) => ({ ...terms, maxAuthorities }),
    min: 2,
    max: 1000,
  },
  duration('clockSkew', 'clockSkew'),
]

/** Changes that are made together; more than that would not be a small change. */
const MAX_TOGETHER = 3
/** Of more, changes of one parameter only are looked for. */
const MANY_MEMBERS = 200
/** Alternatives that are offered. */
const MAX_OFFERED = 12

/**
 * The smallest changes that make a rollover feasible. Each alternative is enough by itself; changes of one parameter
 * come before those of two. Empty where up to three are not enough.
 */
export function feasibleEdits(terms: RolloverTerms): readonly (readonly RolloverEdit[])[] {
  // Every cluster is evaluated in every try.
  const most = terms.members.length > MANY_MEMBERS ? 1 : MAX_TOGETHER
  for (let together = 1; together <= most; together++) {
    const found = search(terms, terms, together, 0)
    if (found.length > 0) return found.slice(0, MAX_OFFERED)
  }
  return []
}

function search(
  original: RolloverTerms,
  terms: RolloverTerms,
  depth: number,
  from: number,
): readonly (readonly RolloverEdit[])[] {
  const broken = evaluate(terms).filter((inequality) => slackOf(inequality) < 0)
  const found: (readonly RolloverEdit[])[] = []
  for (let i = from; i < MOVABLE.length && found.length < MAX_OFFERED; i++) {
    const movable = MOVABLE[i]
    if (movable === undefined) continue
    // The last change must mend all that is broken and break nothing; one before it mends what it can.
    const value = depth === 1 ? nearestFeasible(terms, movable, 'all') : mendSome(terms, movable, broken)
    if (value === undefined) continue
    const next = movable.set(terms, value)
    const edit = describe(original, movable, value)
    if (depth === 1) found.push([edit])
    else for (const rest of search(original, next, depth - 1, i + 1)) found.push([edit, ...rest])
  }
  return found
}

/** The value nearest to the present one that mends the first broken inequality that this parameter can mend. */
function mendSome(terms: RolloverTerms, movable: Movable, broken: readonly Inequality[]): number | undefined {
  for (const { id, condition } of broken) {
    const value = nearestFeasible(terms, movable, (one) => one.id === id && one.condition === condition)
    if (value !== undefined) return value
  }
  return undefined
}

/** Steps over which a slope is measured: what is rounded to whole seconds would hide a small one. */
const SPAN = 1000
/** Steps that rounding may be off by. */
const ROUNDING = 8

/**
 * The value nearest to the present one at which the inequalities hold. Each is linear in it, so two evaluations give the
 * half-line on which it holds. An inequality with a maximum in it is linear in pieces, and one that is rounded nearly so;
 * therefore the result is evaluated, refined from where it then stands, and moved by single steps at the end.
 */
function nearestFeasible(
  terms: RolloverTerms,
  movable: Movable,
  which: 'all' | ((inequality: Inequality) => boolean),
): number | undefined {
  const present = movable.get(terms)
  if (present === undefined) return undefined
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = movable
  const step = stepOf(movable)
  const asked = (value: number): readonly Inequality[] => {
    const all = evaluate(movable.set(terms, value))
    return which === 'all' ? all : all.filter(which)
  }
  const holds = (value: number): boolean =>
    value >= min && value <= max && asked(value).every((inequality) => slackOf(inequality) >= 0)
  if (movable.unit === 'count') {
    // Its inequality has it in a denominator, and there are few of them.
    for (let count = present + 1; count <= max; count++) if (holds(count)) return count
    return undefined
  }
  let value = present
  for (let round = 0; round < 4 && !(round > 0 && holds(value)); round++) {
    const here = asked(value)
    const there = asked(value + SPAN * step)
    let [low, high] = [min, max]
    for (const [i, inequality] of here.entries()) {
      const slack = slackOf(inequality)
      const other = there[i]
      const slope = other === undefined ? 0 : (slackOf(other) - slack) / SPAN
      if (slope === 0 && slack < 0) return undefined
      // In steps from here: slack + slope·k ≥ 0.
      if (slope > 0) low = Math.max(low, value + step * Math.ceil(-slack / slope - 1e-9))
      if (slope < 0) high = Math.min(high, value + step * Math.floor(slack / -slope + 1e-9))
    }
    if (low > high) return undefined
    value = Math.min(Math.max(value, low), high)
  }
  const away = value < present ? -step : step
  for (let i = 0; i < ROUNDING && !holds(value); i++) value += away
  for (let i = 0; i < ROUNDING && value !== present && holds(value - away); i++) value -= away
  return value !== present && holds(value) ? value : undefined
}

const stepOf = ({ unit }: Movable): number => (unit === 'ratio' ? RATIO_STEP : unit === 'count' ? 1 : 1000)

const evaluate = (terms: RolloverTerms): readonly Inequality[] => inequalitiesOf(terms, instantsOf(terms))

function describe(terms: RolloverTerms, movable: Movable, value: number): RolloverEdit {
  const { parameter, unit } = movable
  const present = movable.get(terms) ?? value
  const write = (amount: number): string =>
    unit === 'duration'
      ? formatDuration(amount)
      : unit === 'instant'
        ? instantText(amount)
        : String(unit === 'ratio' ? Number(amount.toFixed(4)) : amount)
  const more = value > present
  const [from, to] = [write(present), write(value)]
  const verb = unit === 'instant' ? (more ? 'move' : 'bring forward') : more ? 'raise' : 'lower'
  const bound =
    unit === 'instant'
      ? more
        ? 'to no earlier than'
        : 'to no later than'
      : more
        ? 'to at least'
        : 'to at most'
  return { parameter, from, to, text: `${verb} ${parameter} from ${from} ${bound} ${to}` }
}
