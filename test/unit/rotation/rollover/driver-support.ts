/** What the tests of the driver share: a rollover with a clock and a journal that can be moved by hand. */

import { createHash } from 'node:crypto'
import {
  type JournalRecord,
  type MemberReport,
  Rollover,
  type RolloverJournal,
  type RolloverParameters,
  type RolloverPlan,
  type RolloverStatus,
  type TraceEvent,
} from '../../../../src/rotation/index.ts'
import { type ManualClock, manualClock } from '../../../../src/testing/index.ts'
import { at, DAY, plan } from './support.ts'

/** The fingerprint of what is staged by model. */
export const FINGERPRINT = 'bb'.repeat(32)

/** What a certificate of the incoming authority says, by default one of 365 days from two minutes before the start. */
export const madeAt = (seconds = 0): Parameters<Rollover['stageAs']>[0] => ({
  fingerprint: FINGERPRINT,
  notBefore: at(seconds - 120).getTime(),
  notAfter: at(seconds + 365 * DAY).getTime(),
})

/** The digest of a bundle by its definition: each line once, sorted, a line feed after each. */
export function digestByHand(...lines: readonly string[]): string {
  const text = [...new Set(lines)]
    .sort()
    .map((line) => `${line}\n`)
    .join('')
  return createHash('sha256').update(text).digest('hex')
}

/** The digests of the model: A’s certificate is not known to the plan, so it stands for itself. */
export const OLD = digestByHand('id:A')
export const UNION = digestByHand('id:A', FINGERPRINT)
export const NEW = digestByHand(FINGERPRINT)

/** A journal in memory into which a test can look and write, and that can fail. */
export interface OpenJournal extends RolloverJournal {
  text(): string
  /** Puts a text there, as who restores a backup; `undefined` deletes. */
  put(text: string | undefined): void
  /** Is called before and after each write. */
  before: (() => void) | undefined
  after: (() => void) | undefined
  writes: number
}

export function openJournal(): OpenJournal {
  let held: JournalRecord | undefined
  let version = 0
  const journal: OpenJournal = {
    before: undefined,
    after: undefined,
    writes: 0,
    async read() {
      return held
    },
    async replace(expected, text) {
      journal.before?.()
      if (held?.version !== expected) return false
      held = { version: `v${++version}`, text }
      journal.writes++
      journal.after?.()
      return true
    },
    text: () => held?.text ?? '',
    put: (text) => {
      held = text === undefined ? undefined : { version: `v${++version}`, text }
    },
  }
  return journal
}

/** A rollover that a test drives. */
export interface Driven {
  readonly rollover: Rollover
  readonly clock: ManualClock
  readonly journal: OpenJournal
  readonly plan: RolloverPlan
  readonly events: TraceEvent[]
}

export async function drive(
  more: Partial<RolloverParameters> = {},
  { silent = false, ...options }: { readonly sequence?: number; readonly silent?: boolean } = {},
): Promise<Driven> {
  const made = plan(more)
  const [clock, journal, events] = [manualClock(at(0)), openJournal(), [] as TraceEvent[]]
  const onEvent = (event: TraceEvent): void => void events.push(event)
  const rollover = await Rollover.open({ plan: made, journal, clock, onEvent, ...options })
  const driven = { rollover, clock, journal, plan: made, events }
  // Nothing is published before everybody has said what they have.
  if (!silent) for (const { name } of made.members) await obey(driven, name)
  return driven
}

/** Another driver over the same journal. */
export const another = ({ plan: made, journal, clock }: Driven): Promise<Rollover> =>
  Rollover.open({ plan: made, journal, clock })

/** Puts the clock some seconds after the start. */
export const goTo = ({ clock }: Driven, seconds: number): void => clock.set(at(seconds))

/** A member reports that it has what it shall have, but for what a test says otherwise. */
export async function obey(
  { rollover }: Driven,
  member: string,
  otherwise: Partial<MemberReport> = {},
): Promise<void> {
  const desired = await rollover.desired(member)
  if (desired === undefined) throw new Error(`${member} shall have nothing`)
  const { revision, bundle, signer } = desired
  await rollover.report({
    member,
    revision,
    ...(bundle === undefined ? {} : { bundle: { sequence: bundle.sequence, digest: bundle.digest } }),
    ...(signer === undefined ? {} : { signer }),
    ...otherwise,
  })
}

/** All members do. */
export async function obeyAll(
  driven: Driven,
  otherwise: Partial<MemberReport> = {},
): Promise<RolloverStatus> {
  const { state } = await driven.rollover.status()
  for (const [member, { leftAt }] of Object.entries(state.members))
    if (leftAt === undefined) await obey(driven, member, otherwise)
  return driven.rollover.advance()
}

/** All do at an instant. */
export async function obeyAt(
  driven: Driven,
  seconds: number,
  otherwise: Partial<MemberReport> = {},
): Promise<RolloverStatus> {
  goTo(driven, seconds)
  return obeyAll(driven, otherwise)
}

/** What a step waits for: ids of gates, each once, with the member where it is one’s. */
export function gatesOf({ waiting }: RolloverStatus, kind: string, cluster?: string): readonly string[] {
  const found = waiting.find(({ step }) => step.kind === kind && step.cluster === cluster)
  if (found === undefined) return ['no such step']
  return found.gates.map(({ gate, member }) => (member === undefined ? gate : `${gate} ${member}`))
}

/** The instant that a status names, in seconds after the start. */
export const secondsOf = (instant: Date | undefined): number | undefined =>
  instant === undefined ? undefined : (instant.getTime() - at(0).getTime()) / 1000

/** Milliseconds since 1970 of an instant after the start: the least number of a bundle of that time. */
export const epoch = (seconds: number): number => at(seconds).getTime()
