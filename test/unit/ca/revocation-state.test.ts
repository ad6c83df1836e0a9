import { describe, expect, test } from 'vitest'
import {
  memoryRevocationStore,
  newRevocationState,
  type RevocationState,
  readRevocationState,
  writeRevocationState,
} from '../../../src/ca/index.ts'
import { issueCrl } from '../../../src/ca/revocation/issue-crl.ts'
import { checkRevocationState } from '../../../src/ca/revocation/revocation-state-reader.ts'
import { codeOf, refusalOf, refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { revokingCa } from './revocation-support.ts'
import { rootCa } from './support.ts'

const { certificate } = await rootCa()

const entry = { serialNumber: '2a', date: '2026-01-01T00:00:00Z', reason: 'keyCompromise', since: '4' }
const recorded = {
  scope: '',
  number: '3',
  thisUpdate: '2026-01-01T00:00:00Z',
  nextUpdate: '2026-01-08T00:00:00Z',
}
const state = {
  ...newRevocationState(certificate, { lastNumber: 3n }),
  floor: '2',
  thisUpdate: '2026-01-01T00:00:00Z',
  complete: [recorded],
  entries: [
    entry,
    {
      ...entry,
      serialNumber: '00',
      invalidityDate: '1950-01-01T00:00:00Z',
      notAfter: '9999-12-31T23:59:59Z',
      isCa: false,
    },
    { ...entry, serialNumber: '-80', reason: 'removeFromCRL', since: '1' },
  ],
} as RevocationState

describe('a state survives JSON', () => {
  test('member by member', () => {
    const text = writeRevocationState(state)
    expect(JSON.parse(text)).toEqual(state)
    expect(readRevocationState(text)).toEqual(state)
    expect(readRevocationState(new TextEncoder().encode(text))).toEqual(state)
    expect(writeRevocationState(readRevocationState(text))).toBe(text)
  })

  test('also a new one', () => {
    const fresh = newRevocationState(certificate)
    expect(readRevocationState(writeRevocationState(fresh))).toEqual(fresh)
    expect(fresh).toMatchObject({ number: '0', entries: [], complete: [] })
  })

  test('a member that stands twice is refused', () => {
    const text = writeRevocationState(state).replace('"number":"3"', '"number":"3","number":"2"')
    expect(codeOf(() => readRevocationState(text))).toBe('ERR_JSON_DUPLICATE_KEY')
    expect(codeOf(() => readRevocationState('{'))).toBe('ERR_JSON_SYNTAX')
  })

  test('what is read does not change any more', () => {
    const read = readRevocationState(writeRevocationState(state))
    for (const part of [read, read.entries, read.entries[0], read.complete, read.complete[0]])
      expect(Object.isFrozen(part)).toBe(true)
  })
})

describe('an entry that was checked', () => {
  const [checked] = readRevocationState(writeRevocationState(state)).entries
  const holding = (members: object): RevocationState =>
    ({ ...state, entries: [checked], ...members }) as RevocationState

  test('is not read again, and is plain data for everybody else', () => {
    expect(JSON.parse(writeRevocationState(holding({}))).entries).toEqual([entry])
    expect(structuredClone(checked)).toEqual(entry)
    expect({ ...checked }).toEqual(entry)
  })

  test('its number must still fit the state that it is in', () => {
    expect(JSON.parse(writeRevocationState(holding({ number: '3' }))).number).toBe('3')
    const lower = holding({ number: '2', floor: '2', complete: [] })
    expect(codeOf(() => writeRevocationState(lower))).toBe('ERR_CA_REVOCATION_STATE')
  })

  test('what inherits from it or is copied from it is read', () => {
    const forged = [Object.create(checked ?? {}), { ...checked, reason: 'weakKey' }]
    for (const one of forged)
      expect(codeOf(() => writeRevocationState(holding({ entries: [one] })))).toBe('ERR_CA_REVOCATION_STATE')
  })
})

describe('a store is not trusted', () => {
  const having = (members: object): unknown => ({ ...state, ...members })
  const entryHaving = (members: object): unknown => having({ entries: [{ ...entry, ...members }] })
  const completeHaving = (members: object): unknown => having({ complete: [{ ...recorded, ...members }] })
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', JSON.stringify(state)],
    ['an array', [state]],
    ['an empty object', {}],
    ['a later schema', having({ schema: 2 })],
    ['a schema in text', having({ schema: '1' })],
    ['an unknown member', having({ extra: 1 })],
    ['an inherited state', Object.create(state)],
    ['an issuer that is no name', having({ issuer: '3001' })],
    ['an issuer in upper case', having({ issuer: state.issuer.toUpperCase() })],
    ['a key that is none', having({ keyId: 'abc' })],
    ['a number that is a number', having({ number: 3 })],
    ['a negative number', having({ number: '-3' })],
    ['a number in hex', having({ number: '0x3' })],
    ['a number with a leading zero', having({ number: '03' })],
    ['a number of 21 octets', having({ number: String(1n << 159n) })],
    ['a floor beyond the next number', having({ floor: '5' })],
    ['no entries', having({ entries: undefined })],
    ['entries that are no array', having({ entries: { length: 0 } })],
    ['a hole among the entries', having({ entries: new Array(1) })],
    ['a serial number twice', having({ entries: [entry, { ...entry, reason: 'certificateHold' }] })],
    ['a scope twice', having({ complete: [recorded, recorded] })],
    ['an entry that is none', having({ entries: [null] })],
    ['an unknown member of an entry', entryHaving({ issuer: 'x' })],
    ['a serial number in upper case', entryHaving({ serialNumber: '2A' })],
    ['half an octet', entryHaving({ serialNumber: 'a' })],
    ['a leading zero octet', entryHaving({ serialNumber: '002a' })],
    ['an empty serial number', entryHaving({ serialNumber: '' })],
    ['a serial number of 65 octets', entryHaving({ serialNumber: '2a'.repeat(65) })],
    ['an unknown reason', entryHaving({ reason: 'weakKey' })],
    ['an inherited reason', entryHaving({ reason: 'constructor' })],
    ['a reason in numbers', entryHaving({ reason: 1 })],
    ['no date', entryHaving({ date: undefined })],
    ['a date with milliseconds', entryHaving({ date: '2026-01-01T00:00:00.000Z' })],
    ['a date that is none', entryHaving({ date: '2026-02-30T00:00:00Z' })],
    ['a date that is not UTC', entryHaving({ date: '2026-01-01T00:00:00+01:00' })],
    ['a date before 1950', entryHaving({ date: '1949-12-31T23:59:59Z' })],
    ['a Date', entryHaving({ date: new Date() })],
    ['an expiry that is none', entryHaving({ notAfter: 'never' })],
    ['a kind that is none', entryHaving({ isCa: 'yes' })],
    ['a change of a number not yet due', entryHaving({ since: '5' })],
    ['a list with a number not yet given', completeHaving({ number: '4' })],
    ['a scope that is none', completeHaving({ scope: '3000' })],
    ['a scope in upper case', completeHaving({ scope: '30038101FF' })],
    ['an indirect scope', completeHaving({ scope: '30038401ff' })],
    ['bytes behind the scope', completeHaving({ scope: '30038101ff00' })],
    ['a list without nextUpdate', completeHaving({ nextUpdate: undefined })],
  ])('%s', async (_, wrong) => {
    expect(codeOf(() => checkRevocationState(wrong))).toBe('ERR_CA_REVOCATION_STATE')
    const ca = await revokingCa({
      store: {
        read: async () => ({ version: '1', state: wrong as RevocationState }),
        replace: async () => {
          throw new Error('nothing may be written over it')
        },
      },
    })
    expect((await refusalOfAsync(ca.issueCrl())).code).toBe('ERR_CA_REVOCATION_STATE')
    expect((await refusalOfAsync(ca.revoke('01', { reason: 'superseded' }))).code).toBe(
      'ERR_CA_REVOCATION_STATE',
    )
  })

  test('what it may be', () => {
    expect(checkRevocationState(state)).toEqual(state)
    expect(checkRevocationState(completeHaving({ scope: '30038101ff' }))).toMatchObject({
      complete: [{ scope: '30038101ff' }],
    })
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['the state alone', state],
    ['no version', { state }],
    ['a version that is a number', { version: 1, state }],
  ])('read() answers %s', async (_, answer) => {
    const ca = await revokingCa({
      store: { read: async () => answer as never, replace: async () => true },
    })
    expect((await refusalOfAsync(ca.issueCrl())).code).toBe('ERR_CA_REVOCATION_STATE')
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['1', 1],
    ['text', 'true'],
  ])('replace() answers %s', async (_, answer) => {
    const ca = await revokingCa({
      store: { read: async () => undefined, replace: async () => answer as never },
    })
    expect((await refusalOfAsync(ca.issueCrl())).code).toBe('ERR_CA_REVOCATION_STATE')
  })

  test('a getter is asked once: what was checked is what counts', () => {
    let asked = 0
    const shifty = { ...entry }
    Object.defineProperty(shifty, 'reason', {
      enumerable: true,
      get: () => (asked++ === 0 ? 'keyCompromise' : 'removeFromCRL'),
    })
    expect(checkRevocationState(having({ entries: [shifty] })).entries[0]?.reason).toBe('keyCompromise')
  })
})

describe('a state belongs to one CA', () => {
  test('that of another key or name is refused, with both in the message', async () => {
    const foreign = newRevocationState(certificate)
    const ca = await revokingCa({ store: memoryRevocationStore(foreign) })
    const byKey = await refusalOfAsync(ca.issueCrl())
    expect([byKey.code, byKey.message]).toEqual([
      'ERR_CA_REVOCATION_STATE',
      expect.stringMatching(/state of another CA.*expected the key [0-9a-f]{64}, found/),
    ])
    const own = newRevocationState(ca.ca.certificate)
    const named = { ...own, issuer: '300d310b3009060355040613024445' }
    const context = { ...ca.context, store: memoryRevocationStore(named) }
    const byName = await refusalOfAsync(issueCrl(context, { nextUpdate: '7d' }))
    expect([byName.code, byName.message]).toEqual([
      'ERR_CA_REVOCATION_STATE',
      expect.stringContaining('found "C=DE"'),
    ])
    await issueCrl({ ...ca.context, store: memoryRevocationStore(own) }, { nextUpdate: '7d' })
  })
})

describe('numbers of a CA that issued lists elsewhere', () => {
  test('go on from the last one', async () => {
    const ca = await revokingCa()
    const taken = newRevocationState(ca.ca.certificate, { lastNumber: 0x1040n })
    const context = { ...ca.context, store: memoryRevocationStore(taken) }
    const { number, crl } = await issueCrl(context, { nextUpdate: '7d' })
    expect([number, crl.crlNumber]).toEqual([0x1041n, 0x1041n])
  })

  test('end at 20 octets (RFC 5280 §5.2.3)', async () => {
    const ca = await revokingCa()
    const max = (1n << 159n) - 1n
    const store = memoryRevocationStore(newRevocationState(ca.ca.certificate, { lastNumber: max - 1n }))
    const context = { ...ca.context, store }
    expect((await issueCrl(context, { nextUpdate: '7d' })).crl.crlNumber).toBe(max)
    const error = await refusalOfAsync(issueCrl(context, { nextUpdate: '7d' }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_REVOCATION_STATE',
      expect.stringContaining('20 octets'),
    ])
  })

  test('misuse names the option', () => {
    expect(() => newRevocationState(certificate, { lastNumber: 1 as never })).toThrow(
      /"lastNumber" must be a bigint/,
    )
    for (const lastNumber of [-1n, (1n << 159n) - 1n])
      expect(() => newRevocationState(certificate, { lastNumber })).toThrow(RangeError)
    expect(() => newRevocationState(certificate, { last: 1n } as never)).toThrow(/no option "last"/)
    expect(() => newRevocationState(7 as never)).toThrow(/"certificate"/)
  })
})

describe('the store in memory', () => {
  test('replaces only the version that it has', async () => {
    const store = memoryRevocationStore()
    const first = newRevocationState(certificate)
    expect(await store.replace('0', first)).toBe(false)
    expect(await store.read()).toBeUndefined()
    expect(await store.replace(undefined, first)).toBe(true)
    expect(await store.replace(undefined, first)).toBe(false)
    const found = await store.read()
    const next = { ...first, number: '1' }
    expect(await store.replace(found?.version, next)).toBe(true)
    expect(await store.replace(found?.version, first)).toBe(false)
    expect((await store.read())?.state).toEqual(next)
  })

  test('takes nothing but a state', async () => {
    expect(refusalOf(() => memoryRevocationStore({} as never)).message).toContain('Restore the last state')
    const wrong = memoryRevocationStore().replace(undefined, {} as never)
    expect((await refusalOfAsync(wrong)).code).toBe('ERR_CA_REVOCATION_STATE')
  })
})
