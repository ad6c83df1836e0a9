/**
 * Reads revocation states strictly: a store is outside, and what it answers decides what is revoked.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { fromHex } from '../../internal/bytes.ts'
import { FIRST_INSTANT, LAST_INSTANT } from '../../internal/der-time.ts'
import { instantText } from '../../internal/instant-text.ts'
import { readJson } from '../../internal/json.ts'
import { typeName } from '../../internal/options.ts'
import { plainJson } from '../../internal/record-reader.ts'
import { quote } from '../../internal/text.ts'
import { Name } from '../../x509/name.ts'
import type { RevocationReason } from '../../x509/revoked-certificate.ts'
import { readScopeKey } from './issuing-scope.ts'
import { REASON_CODES } from './reason-codes.ts'
import {
  MAX_CRL_NUMBER,
  type RecordedCrl,
  type RevocationEntry,
  type RevocationState,
} from './revocation-state.ts'

/** As `integerHex` writes serial numbers; RFC 5280 §4.1.2.2 asks for 20 octets at most, older CAs had more. */
const SERIAL = /^(?!-?00.)-?(?:[0-9a-f]{2}){1,64}$/
const DECIMAL = /^(?:0|[1-9][0-9]{0,48})$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

/**
 * Writes a state as JSON, for {@link readRevocationState}.
 *
 * **Warning**: whoever can change the text decides what is revoked.
 *
 * @throws `MeshPkiError` `ERR_CA_REVOCATION_STATE` for what is no state.
 */
export function writeRevocationState(state: RevocationState): string {
  return `${JSON.stringify(checkRevocationState(state))}\n`
}

/**
 * Reads what {@link writeRevocationState} wrote.
 *
 * @throws `MeshPkiError` `ERR_JSON_…`, `ERR_CA_REVOCATION_STATE` for anything else.
 *
 * @example
 * ```ts
 * import { readRevocationState, type RevocationStore, writeRevocationState } from 'mesh-pki/ca'
 *
 * declare const row: {
 *   read(): Promise<{ version: string; text: string } | undefined>
 *   update(version: string | undefined, text: string): Promise<boolean>
 * }
 * const store: RevocationStore = {
 *   async read() {
 *     const found = await row.read()
 *     return found && { version: found.version, state: readRevocationState(found.text) }
 *   },
 *   replace: (version, next) => row.update(version, writeRevocationState(next)),
 * }
 * ```
 */
export function readRevocationState(text: string | Uint8Array): RevocationState {
  if (typeof text !== 'string' && !(text instanceof Uint8Array))
    throw new TypeError(
      `readRevocationState takes the text that writeRevocationState wrote; got ${typeName(text)}. A store of JSON values must keep it as text`,
    )
  return checkRevocationState(plainJson(readJson(text)))
}

/** The state that a value is: a frozen copy, each member of it read once. @throws `MeshPkiError` `ERR_CA_REVOCATION_STATE`. */
export function checkRevocationState(value: unknown): RevocationState {
  const from = membersOf(value, 'the state', STATE_MEMBERS)
  const schema = from('schema')
  if (schema !== 1)
    throw refuse(
      `schema must be 1; got ${typeof schema === 'number' ? schema : typeName(schema)}. A later release of this library may have written it`,
    )
  const issuer = from('issuer')
  const keyId = from('keyId')
  if (typeof issuer !== 'string' || !isName(issuer)) throw refuse('issuer is not the DER of a name in hex')
  if (typeof keyId !== 'string' || !/^[0-9a-f]{64}$/.test(keyId)) throw refuse('keyId is no SHA-256 in hex')
  const number = readNumber(from('number'), 'number')
  const last = BigInt(number)
  if (last > MAX_CRL_NUMBER) throw refuse('number is longer than 20 octets (RFC 5280 §5.2.3)')
  const floor = readNumber(from('floor'), 'floor', last + 1n)
  const thisUpdate = readInstantText(from('thisUpdate'), 'thisUpdate', true)
  const complete = readArray(from('complete'), 'complete').map((one, i) => readRecorded(one, i, last))
  const entries = readArray(from('entries'), 'entries').map((one, i) => readEntry(one, i, last + 1n))
  checkUnique(complete, 'complete', ({ scope }) => scope)
  checkUnique(entries, 'entries', ({ serialNumber }) => serialNumber)
  return Object.freeze({
    schema,
    issuer,
    keyId,
    number,
    floor,
    ...(thisUpdate === undefined ? {} : { thisUpdate }),
    complete: Object.freeze(complete),
    entries: Object.freeze(entries),
  })
}

const STATE_MEMBERS = ['schema', 'issuer', 'keyId', 'number', 'floor', 'thisUpdate', 'complete', 'entries']
const RECORDED_MEMBERS = ['scope', 'number', 'thisUpdate', 'nextUpdate']
const ENTRY_MEMBERS = ['serialNumber', 'date', 'reason', 'invalidityDate', 'notAfter', 'isCa', 'since']

function readRecorded(value: unknown, i: number, last: bigint): RecordedCrl {
  const where = `complete[${i}]`
  const from = membersOf(value, where, RECORDED_MEMBERS)
  const scope = from('scope')
  if (typeof scope !== 'string' || readScopeKey(scope) === undefined)
    throw refuse(`${where}.scope is no issuing distribution point that is written here`)
  return Object.freeze({
    scope,
    number: readNumber(from('number'), `${where}.number`, last),
    thisUpdate: readInstantText(from('thisUpdate'), `${where}.thisUpdate`, false),
    nextUpdate: readInstantText(from('nextUpdate'), `${where}.nextUpdate`, false),
  })
}

/**
 * An entry that was checked. It is frozen, so it need not be checked again wherever it comes back: a CA with thousands
 * of them would otherwise read all of them for each that it adds.
 */
class CheckedEntry implements RevocationEntry {
  declare readonly serialNumber: string
  declare readonly date: string
  declare readonly reason: RevocationReason
  declare readonly invalidityDate?: string | undefined
  declare readonly notAfter?: string | undefined
  declare readonly isCa?: boolean | undefined
  declare readonly since: string
  readonly #checked = true

  constructor(members: RevocationEntry) {
    Object.assign(this, members)
    Object.freeze(this)
  }

  static is(value: unknown): value is CheckedEntry {
    return typeof value === 'object' && value !== null && #checked in value
  }
}

function readEntry(value: unknown, i: number, next: bigint): RevocationEntry {
  const where = `entries[${i}]`
  if (CheckedEntry.is(value)) {
    // The number is the state's, and the entry may have come from another.
    readNumber(value.since, `${where}.since`, next)
    return value
  }
  const from = membersOf(value, where, ENTRY_MEMBERS)
  const serialNumber = from('serialNumber')
  if (typeof serialNumber !== 'string' || !SERIAL.test(serialNumber))
    throw refuse(`${where}.serialNumber is no serial number in whole octets of lower-case hex`)
  const reason = from('reason')
  if (!isReason(reason)) throw refuse(`${where}.reason is no reason of RFC 5280 §5.3.1`)
  const isCa = from('isCa')
  if (isCa !== undefined && typeof isCa !== 'boolean') throw refuse(`${where}.isCa is neither true nor false`)
  const invalidityDate = readInstantText(from('invalidityDate'), `${where}.invalidityDate`, true)
  const notAfter = readInstantText(from('notAfter'), `${where}.notAfter`, true)
  return new CheckedEntry({
    serialNumber,
    date: readInstantText(from('date'), `${where}.date`, false),
    reason,
    ...(invalidityDate === undefined ? {} : { invalidityDate }),
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(isCa === undefined ? {} : { isCa }),
    since: readNumber(from('since'), `${where}.since`, next),
  })
}

/** Reads members by name; others may mean something that is not understood here. */
function membersOf(value: unknown, where: string, names: readonly string[]): (name: string) => unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(`${where} must be an object; got ${typeName(value)}`)
  for (const name of Object.keys(value))
    if (!names.includes(name)) throw refuse(`${where} has the unknown member ${quote(name, 64)}`)
  return (name) => (Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined)
}

function readArray(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(`${where} must be an array; got ${typeName(value)}`)
  // Array.from reads holes as undefined, which map() would pass over.
  return Array.from<unknown>(value)
}

function readNumber(value: unknown, where: string, most?: bigint): string {
  if (typeof value !== 'string' || !DECIMAL.test(value)) throw refuse(`${where} is no number in decimal text`)
  if (most !== undefined && BigInt(value) > most)
    throw refuse(`${where} is ${value}, beyond the last CRL number: the state was put together from two`)
  return value
}

function readInstantText(value: unknown, where: string, optional: false): string
function readInstantText(value: unknown, where: string, optional: boolean): string | undefined
function readInstantText(value: unknown, where: string, optional: boolean): string | undefined {
  if (value === undefined && optional) return undefined
  // What Date makes of other texts would be a guess.
  const time = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : Number.NaN
  if (
    typeof value !== 'string' ||
    !(time >= FIRST_INSTANT && time <= LAST_INSTANT) ||
    instantText(time) !== value
  )
    throw refuse(`${where} is no instant such as 2026-01-01T00:00:00Z, from 1950 on`)
  return value
}

function checkUnique<T>(items: readonly T[], where: string, keyOf: (item: T) => string): void {
  const seen = new Set<string>()
  for (const item of items) {
    const key = keyOf(item)
    if (seen.has(key)) throw refuse(`${where} has ${quote(key, 64)} twice`)
    seen.add(key)
  }
}

const isReason = (value: unknown): value is RevocationReason =>
  typeof value === 'string' && Object.hasOwn(REASON_CODES, value)

function isName(hex: string): boolean {
  try {
    return hex === hex.toLowerCase() && Name.fromDer(fromHex(hex) ?? new Uint8Array()) !== undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return false
    throw error
  }
}

function refuse(problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_CA_REVOCATION_STATE',
    `the state of the revocation store: ${problem}. Restore the last state that was written here; an empty store would revoke nothing`,
  )
}
