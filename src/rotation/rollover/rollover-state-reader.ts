/**
 * Reads the state of a rollover strictly: the journal is outside, and what it says decides who is trusted.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readJson } from '../../internal/json.ts'
import { plainJson, RecordReader } from '../../internal/record-reader.ts'
import { ROLLOVER_ID } from './rollover-parameters.ts'
import { AUTHORITY_STAGES, type AuthorityStage } from './rollover-plan.ts'
import {
  type AuthorityLife,
  digestOf,
  type ForcedGate,
  type JournalEntry,
  type MemberEvidence,
  type MemberState,
  type PublishedBundle,
  type RolloverState,
} from './rollover-state.ts'

/** The largest journal that is read. */
const MAX_TEXT = 32 * 1024 * 1024

/** Reads the text of a journal. @throws `MeshPkiError` `ERR_ROLLOVER_JOURNAL`. */
export function readRolloverState(text: string): RolloverState {
  if (typeof text !== 'string' || text.length > MAX_TEXT) throw refuse('it is no text, or too large')
  const from = new RecordReader(parse(text), 'state', refuse)
  from.oneOf('format', ['mesh-pki/rollover-state'])
  if (from.count('version') !== 1) throw refuse('its version is not 1; a later release may have written it')
  const recovering = from.has('recovering') ? from.record('recovering') : undefined
  const state: RolloverState = {
    format: 'mesh-pki/rollover-state',
    version: 1,
    plan: from.text('plan', HEX_256, 'a SHA-256 in hex'),
    revision: from.count('revision'),
    direction: from.oneOf('direction', ['forward', 'back']),
    authorities: named(from, 'authorities', readLife),
    bundle: readBundle(from.record('bundle')),
    members: named(from, 'members', readMember),
    forced: from.list('forced', 10_000, readForced),
    ...(recovering === undefined
      ? {}
      : {
          recovering: {
            at: recovering.instantText('at'),
            told: recovering.list('told', 10_000, readName),
          },
        }),
    entries: from.list('entries', 1000, readEntry),
  }
  from.end()
  checkConsistency(state)
  return state
}

/** Whether the parts of a state belong together. */
function checkConsistency({ authorities, bundle, members }: RolloverState): void {
  const known = (id: string | undefined): boolean => id === undefined || Object.hasOwn(authorities, id)
  const strange =
    bundle.authorities.find((id) => !known(id)) ??
    Object.values(members)
      .flatMap(({ from, signer }) => [from, signer])
      .find((id) => !known(id))
  if (strange !== undefined) throw refuse(`it names the authority ${strange}, and has none of that id`)
  if (bundle.digest !== digestOf(authorities, bundle.authorities))
    throw refuse('the digest of its bundle is not that of the authorities in it')
}

function parse(text: string): unknown {
  try {
    return plainJson(readJson(text))
  } catch (cause) {
    if (!(cause instanceof MeshPkiError)) throw cause
    throw new MeshPkiError(
      'ERR_ROLLOVER_JOURNAL',
      `the journal of the rollover is not JSON: ${cause.message}`,
      {
        cause,
      },
    )
  }
}

function named<T>(
  from: RecordReader,
  name: string,
  read: (record: RecordReader) => T,
): Readonly<Record<string, T>> {
  const found: Record<string, T> = {}
  for (const [key, record] of from.entries(name)) {
    if (!ROLLOVER_ID.test(key)) throw from.problem(name, 'an object whose members are names', key)
    found[key] = read(record)
    record.end()
  }
  return found
}

const optional = <T>(from: RecordReader, name: string, read: () => T): Readonly<Record<string, T>> =>
  from.has(name) ? { [name]: read() } : {}

const instant = (from: RecordReader, name: string): string => from.instantText(name)

function readLife(from: RecordReader): AuthorityLife {
  const since = from.record('since')
  const entered: Partial<Record<AuthorityStage, string>> = {}
  for (const stage of AUTHORITY_STAGES) if (since.has(stage)) entered[stage] = instant(since, stage)
  since.end()
  return {
    role: from.oneOf('role', ['outgoing', 'incoming']),
    stage: from.oneOf('stage', ['PLANNED', ...AUTHORITY_STAGES]),
    since: entered,
    ...optional(from, 'fingerprint', () => from.text('fingerprint', HEX_256, 'a SHA-256 in hex')),
    ...optional(from, 'notBefore', () => instant(from, 'notBefore')),
    ...optional(from, 'notAfter', () => instant(from, 'notAfter')),
    ...optional(from, 'publishedIn', () => from.count('publishedIn')),
    ...optional(from, 'withdrawnIn', () => from.count('withdrawnIn')),
    ...optional(from, 'greatestNotAfter', () => instant(from, 'greatestNotAfter')),
    ...optional(from, 'inUseUntil', () => instant(from, 'inUseUntil')),
    ...optional(from, 'everActive', () => from.flag('everActive')),
  }
}

function readBundle(from: RecordReader): PublishedBundle {
  const bundle = {
    sequence: from.count('sequence'),
    digest: from.text('digest', HEX_256, 'a SHA-256 in hex'),
    authorities: from.list('authorities', 1000, readName),
    at: instant(from, 'at'),
  }
  from.end()
  return bundle
}

function readMember(from: RecordReader): MemberState {
  return {
    ...optional(from, 'from', () => readName(from.raw('from'), 'from')),
    ...optional(from, 'signer', () => readName(from.raw('signer'), 'signer')),
    ...optional(from, 'switchedAt', () => instant(from, 'switchedAt')),
    ...optional(from, 'evidence', () => readEvidence(from.record('evidence'))),
    ...optional(from, 'joinedAt', () => instant(from, 'joinedAt')),
    ...optional(from, 'leftAt', () => instant(from, 'leftAt')),
  }
}

function readEvidence(from: RecordReader): MemberEvidence {
  const evidence = {
    at: instant(from, 'at'),
    revision: from.count('revision'),
    sequence: from.count('sequence'),
    digest: from.text('digest', HEX_256, 'a SHA-256 in hex'),
    ...optional(from, 'signer', () => readName(from.raw('signer'), 'signer')),
    ...optional(from, 'presents', () => from.list('presents', 1000, readName)),
  }
  from.end()
  return evidence
}

function readForced(value: unknown, where: string): ForcedGate {
  const from = new RecordReader(value, where, refuse)
  const forced = {
    gate: from.text('gate', ROLLOVER_ID, 'a gate'),
    ...optional(from, 'member', () => readName(from.raw('member'), 'member')),
    ...optional(from, 'authority', () => readName(from.raw('authority'), 'authority')),
    reason: from.text('reason', REASON, 'a text'),
    at: instant(from, 'at'),
  }
  from.end()
  return forced
}

function readEntry(value: unknown, where: string): JournalEntry {
  const from = new RecordReader(value, where, refuse)
  const entry = {
    at: instant(from, 'at'),
    revision: from.count('revision'),
    what: from.text('what', REASON, 'a text'),
  }
  from.end()
  return entry
}

function readName(value: unknown, where: string): string {
  if (typeof value === 'string' && ROLLOVER_ID.test(value)) return value
  throw refuse(`${where} is no name`)
}

const HEX_256 = /^[0-9a-f]{64}$/
/** Reasons are escaped and cut before they are written. */
const REASON = /^[\s\S]{1,2048}$/

function refuse(problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_ROLLOVER_JOURNAL',
    `the journal of the rollover is not usable: ${problem}. Restore the last state that was written here; members report what is missing`,
  )
}
