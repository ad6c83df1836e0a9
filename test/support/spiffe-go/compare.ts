/**
 * Two verdicts on each of many inputs, and differences that have a name. What has none fails, and so does a
 * name that no input bears any more.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Verdict } from '../spiffe-go.ts'

/** One input with both verdicts. */
interface Compared {
  /** What messages call it: the identifier of a vector, or the input itself. */
  readonly name: string
  readonly ours: Verdict
  readonly theirs: Verdict
}

/** A difference that is known. It holds for an input that has all of what is given. */
export interface Deviation {
  readonly name: string
  /** Why, and by which clause who is right. */
  readonly reason: string
  readonly how: 'they accept' | 'we accept' | 'values differ'
  /** What the side that refuses says. */
  readonly because?: RegExp
  /** What the name of the input looks like. */
  readonly when?: RegExp
  /** The names of all inputs that it holds for. Without them it must hold for one at least. */
  readonly cases?: readonly string[]
}

/** What came out. */
interface Comparison {
  /** Inputs that both accept and read alike. */
  readonly accepted: number
  /** Inputs that both refuse. */
  readonly refused: number
  /** Inputs for which a deviation holds. */
  readonly deviating: number
  /** Differences without a name. Must be empty. */
  readonly unexplained: readonly string[]
  /** Deviations, or cases of them, that did not occur. Must be empty where the inputs are the same every time. */
  readonly stale: readonly string[]
}

export function compare(inputs: readonly Compared[], deviations: readonly Deviation[]): Comparison {
  const seen = new Map<Deviation, Set<string>>(deviations.map((deviation) => [deviation, new Set()]))
  const unexplained: string[] = []
  const tally = { accepted: 0, refused: 0, deviating: 0 }
  for (const input of inputs) {
    const how = differenceOf(input)
    if (how === undefined) tally[input.ours.ok ? 'accepted' : 'refused']++
    else {
      const found = deviations.find((deviation) => holds(deviation, how, input))
      if (found === undefined) unexplained.push(describeInput(how, input))
      else {
        tally.deviating++
        seen.get(found)?.add(input.name)
      }
    }
  }
  return { ...tally, unexplained, stale: deviations.flatMap((one) => staleOf(one, seen.get(one))) }
}

/** Puts inputs and both answers side by side. */
export function sideBySide(
  names: readonly string[],
  ours: readonly Verdict[],
  theirs: readonly Verdict[],
): readonly Compared[] {
  return names.map((name, i) => {
    const [one, other] = [ours[i], theirs[i]]
    if (one === undefined || other === undefined) throw new Error(`no verdict on ${name}`)
    return { name, ours: one, theirs: other }
  })
}

function differenceOf({ ours, theirs }: Compared): Deviation['how'] | undefined {
  if (!ours.ok) return theirs.ok ? 'they accept' : undefined
  if (!theirs.ok) return 'we accept'
  return isDeepStrictEqual(ours.value, theirs.value) ? undefined : 'values differ'
}

function holds(deviation: Deviation, how: Deviation['how'], { name, ours, theirs }: Compared): boolean {
  const said = !ours.ok ? ours.error : !theirs.ok ? theirs.error : ''
  return (
    deviation.how === how &&
    (deviation.because === undefined || deviation.because.test(said)) &&
    (deviation.when === undefined || deviation.when.test(name)) &&
    (deviation.cases === undefined || deviation.cases.includes(name))
  )
}

function staleOf({ name, cases }: Deviation, seen: ReadonlySet<string> = new Set()): readonly string[] {
  if (cases === undefined) return seen.size === 0 ? [name] : []
  return cases.filter((one) => !seen.has(one)).map((one) => `${name}: ${one}`)
}

function describeInput(how: string, { name, ours, theirs }: Compared): string {
  const show = (verdict: Verdict): string =>
    verdict.ok ? JSON.stringify(verdict.value) : verdict.error.slice(0, 300)
  return `${how}: ${name}: ours ${show(ours)}, theirs ${show(theirs)}`
}
