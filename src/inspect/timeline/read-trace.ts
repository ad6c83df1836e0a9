/**
 * Checks that what is to be drawn is a trace: it may come from a log.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { AuthorityStage, TraceEvent, TraceEventOf } from '../../rotation/index.ts'

/** The end of the year 9999. */
const LATEST = 253_402_300_799_999

type Kind = 'text' | 'maybe' | 'texts' | 'number' | 'flag' | 'member' | 'members' | 'terms' | 'stage'

/** The fields of each event that a timeline looks at. */
const FIELDS: Readonly<Record<TraceEvent['type'], Readonly<Record<string, Kind>>>> = {
  begin: { terms: 'terms', members: 'members' },
  journal: { what: 'text' },
  stage: { authority: 'text', stage: 'stage' },
  published: { authorities: 'texts' },
  finished: { direction: 'text' },
  applied: { member: 'text', verifier: 'text', authorities: 'texts' },
  switched: { member: 'text', authority: 'text' },
  issued: { member: 'text', certificate: 'text', authority: 'text' },
  presented: { member: 'text', holder: 'text', certificate: 'text' },
  withdrawn: { holder: 'text', certificate: 'text' },
  due: {},
  refused: { member: 'text', why: 'text' },
  clock: {},
  joined: { member: 'member' },
  left: { member: 'text' },
  crashed: { what: 'text' },
  restored: { what: 'text' },
  'handshake-failed': { holder: 'text', verifier: 'text', problem: 'text' },
}

const STAGES: Readonly<Record<AuthorityStage, true>> = {
  STAGED: true,
  PUBLISHED: true,
  DISTRIBUTED: true,
  ACTIVE: true,
  DRAINING: true,
  TAINTED: true,
  RETIRED: true,
  REVOKED: true,
  PRUNED: true,
}

/** The first event and the others. @throws `TypeError` that names the event and the field. */
export function readTrace(input: readonly unknown[]): {
  readonly begin: TraceEventOf<'begin'>
  readonly events: readonly TraceEvent[]
} {
  const events: TraceEvent[] = []
  let last = 0
  for (const [i, event] of input.entries()) {
    if (!isEvent(event, `event ${i}`)) continue
    if (!(event.at >= last && event.at <= LATEST))
      throw new TypeError(
        `event ${i} of the trace: "at" must be milliseconds since 1970, in the order of time; got ${event.at} after ${last}`,
      )
    last = event.at
    events.push(event)
  }
  const [begin] = events
  if (begin?.type !== 'begin') throw new TypeError('a trace begins with an event of type "begin"')
  return { begin, events }
}

function isEvent(value: unknown, where: string): value is TraceEvent {
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`${where} of the trace must be an object; got ${typeName(value)}`)
  const type: unknown = Reflect.get(value, 'type')
  const fields =
    typeof type === 'string' && Object.hasOwn(FIELDS, type) ? Reflect.get(FIELDS, type) : undefined
  if (fields === undefined)
    throw new TypeError(
      `${where} of the trace has the type ${typeof type === 'string' ? quote(type, 64) : typeName(type)}, which is none of ${Object.keys(FIELDS).join(', ')}`,
    )
  check(value, { at: 'number', ...fields }, `${where} (${String(type)}) of the trace`)
  return true
}

function check(value: object, fields: Readonly<Record<string, Kind>>, where: string): void {
  for (const [name, kind] of Object.entries(fields)) {
    const found: unknown = Reflect.get(value, name)
    if (!isOf(kind, found, `${where}: "${name}"`))
      throw new TypeError(`${where}: "${name}" must be ${NAMES[kind]}; got ${typeName(found)}`)
  }
}

const NAMES: Readonly<Record<Kind, string>> = {
  text: 'a text',
  maybe: 'a text or absent',
  texts: 'a list of texts',
  number: 'a number',
  flag: 'true or false',
  member: 'an object',
  members: 'a list of objects',
  terms: 'an object',
  stage: `one of ${Object.keys(STAGES).join(', ')}`,
}

const MEMBER = { name: 'text', signer: 'maybe', verifiers: 'texts', authorities: 'texts' } as const
const TERMS = {
  clockSkewMs: 'number',
  propagationMs: 'number',
  retention: 'text',
  keepsRoot: 'flag',
  crossSigned: 'flag',
} as const

function isOf(kind: Kind, value: unknown, where: string): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string'
    case 'maybe':
      return value === undefined || typeof value === 'string'
    case 'texts':
      return Array.isArray(value) && Array.from<unknown>(value).every((one) => typeof one === 'string')
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'flag':
      return typeof value === 'boolean'
    case 'stage':
      return typeof value === 'string' && Object.hasOwn(STAGES, value)
    case 'member':
    case 'terms':
      if (typeof value !== 'object' || value === null) return false
      check(value, kind === 'member' ? MEMBER : TERMS, where)
      return true
    case 'members':
      return (
        Array.isArray(value) &&
        Array.from<unknown>(value).every((one, i) => isOf('member', one, `${where}[${i}]`))
      )
  }
}
