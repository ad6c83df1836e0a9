import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  createEnrollmentToken,
  createTokenStore,
  enrollmentTokenHash,
  importEnrollmentToken,
  memoryTokenStore,
  type TokenRecord,
} from '../../../../src/ca/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { refusalOfAsync } from '../../../fixtures/x509/refusal.ts'
import { databaseRecords } from './support.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const use = (lease: string, name = 'cluster-1', leaseMs = 60_000) => ({ name, lease, leaseMs })
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A store over text rows, as replicas share one. */
function shared() {
  const clock = manualClock(NOW)
  const records = databaseRecords()
  return { clock, records, store: createTokenStore({ records, clock }) }
}

describe('a token that is made', () => {
  test('has 256 bits behind a prefix, and only its hash is kept', async () => {
    const { store, records, clock } = shared()
    const made = await createEnrollmentToken({ store, clock, name: 'cluster-1' })
    expect(made.token).toMatch(/^mpe_[A-Za-z0-9_-]{43}$/)
    expect(Buffer.from(made.token.slice(4), 'base64url').length).toBe(32)
    expect(made.hash).toBe(sha256(made.token))
    expect(made.id).toBe(made.hash.slice(0, 8))
    expect(made.expiresAt).toEqual(new Date('2026-06-01T01:00:00Z'))
    expect([made.uses, made.name]).toEqual([1, 'cluster-1'])
    const [row] = records.rows.values()
    expect(row?.text).toContain(made.hash)
    expect(row?.text).not.toContain(made.token)
    const other = await createEnrollmentToken({ store, clock })
    expect(other.token).not.toBe(made.token)
  })

  test('is refused its randomness where that is none, and its terms where they make no sense', async () => {
    const { store, clock } = shared()
    const make = (options: object) => createEnrollmentToken({ store, clock, ...options })
    await expect(make({ random: (bytes: Uint8Array) => bytes })).rejects.toThrow(/same byte/)
    await expect(make({ random: () => new Uint8Array(31) })).rejects.toThrow(/32 bytes/)
    await expect(make({ uses: 0 })).rejects.toThrow(RangeError)
    await expect(make({ expiresIn: '0s' })).rejects.toThrow(RangeError)
    await expect(make({ expiresIn: 60 })).rejects.toThrow(/option "expiresIn"/)
    await expect(make({ expires: '1h' })).rejects.toThrow(/expiresIn/)
    expect((await refusalOfAsync(make({ name: 'cluster_1' }))).code).toBe('ERR_ENROLLMENT_NAME')
  })
})

describe('a secret that exists already', () => {
  const secret = 'q7Zr9Lk2Vx0Ps4Tn8Wb6Yc1Md3Hf5Jg0'

  test('is taken over, and counts like any other', async () => {
    const { store, clock } = shared()
    const { hash, expiresAt } = await importEnrollmentToken({
      store,
      clock,
      token: secret,
      expiresIn: 'never',
      uses: 'unlimited',
    })
    expect(hash).toBe(sha256(secret))
    expect(expiresAt).toBeUndefined()
    clock.advance('5000d')
    expect(await store.consume(hash, use('a'))).toEqual({ ok: true })
    expect(await store.consume(hash, use('b', 'cluster-2'))).toEqual({ ok: true })
    expect(await store.commit(hash, 'a')).toBe(true)
  })

  test.each<[string, string, RegExp]>([
    ['one character too few', secret.slice(1), /31 characters; at least 32/],
    ['of few different ones', 'abcabca'.repeat(6), /3 different characters/],
    ['with the line feed of an echo', `${secret}\n`, /line feed; trim it/],
    ['that no header can carry', `${secret}ä`, /no bearer token has/],
    ['that could end a header', `${secret}\r\nx: y${secret}`, /no bearer token has/],
    ['too long', `${secret}`.repeat(17), /544 characters; at most 512/],
  ])('%s is refused, and not shown', async (_, token, reason) => {
    const { store } = shared()
    const refusal = await refusalOfAsync(importEnrollmentToken({ store, token, expiresIn: 'never' }))
    expect(refusal.code).toBe('ERR_ENROLLMENT_TOKEN')
    expect(refusal.message).toMatch(reason)
    expect(refusal.message).not.toContain(token.slice(0, 8))
  })

  test('is refused when it is there already: its terms would be unclear', async () => {
    const { store } = shared()
    const terms = { store, token: secret, expiresIn: '1h' } as const
    await importEnrollmentToken(terms)
    const refusal = await refusalOfAsync(importEnrollmentToken({ ...terms, uses: 'unlimited' }))
    expect(refusal.code).toBe('ERR_ENROLLMENT_TOKEN')
    expect(await store.remove(enrollmentTokenHash(secret))).toBe(true)
    expect(await store.remove(enrollmentTokenHash(secret))).toBe(false)
    await importEnrollmentToken({ ...terms, uses: 'unlimited' })
  })
})

describe.each([
  [
    'memory',
    () => {
      const clock = manualClock(NOW)
      return { clock, store: memoryTokenStore({ clock }) }
    },
  ],
  ['compare-and-swap', shared],
])('a store over %s', (_, make) => {
  test('says why a token does not count, and changes nothing then', async () => {
    const { store, clock } = make()
    const { hash } = await createEnrollmentToken({ store, clock, name: 'cluster-1', expiresIn: '1h' })
    expect(await store.consume(sha256('x'), use('a'))).toEqual({ ok: false, reason: 'unknown' })
    expect(await store.consume(hash, use('a', 'cluster-2'))).toEqual({ ok: false, reason: 'name' })
    expect(await store.consume(hash, use('a'))).toEqual({ ok: true })
    expect(await store.consume(hash, use('b'))).toEqual({ ok: false, reason: 'reserved' })
    expect(await store.commit(hash, 'a')).toBe(true)
    expect(await store.consume(hash, use('b'))).toEqual({ ok: false, reason: 'used' })
    expect(await store.commit(hash, 'a')).toBe(false)
    clock.advance('1h')
    expect(await store.consume(hash, use('b'))).toEqual({ ok: false, reason: 'expired' })
  })

  test('ends a token at its instant, and not a second before', async () => {
    const { store, clock } = make()
    const { hash } = await createEnrollmentToken({ store, clock, uses: 2, expiresIn: '1h' })
    clock.advance('59m59s')
    expect(await store.consume(hash, use('a'))).toEqual({ ok: true })
    clock.advance('1s')
    expect(await store.consume(hash, use('b'))).toEqual({ ok: false, reason: 'expired' })
    // What was reserved in time may end.
    expect(await store.commit(hash, 'a')).toBe(true)
  })

  test('gives a use back, and counts what was given back no longer', async () => {
    const { store, clock } = make()
    const { hash } = await createEnrollmentToken({ store, clock })
    expect(await store.consume(hash, use('a'))).toEqual({ ok: true })
    await store.release(hash, 'a')
    expect(await store.commit(hash, 'a')).toBe(false)
    expect(await store.consume(hash, use('b'))).toEqual({ ok: true })
    // Somebody else's release changes nothing.
    await store.release(hash, 'a')
    expect(await store.commit(hash, 'b')).toBe(true)
    await store.release(hash, 'b')
    expect(await store.consume(hash, use('c'))).toEqual({ ok: false, reason: 'used' })
  })

  test('a use whose process ended is free when its lease is over, and can then not be counted twice', async () => {
    const { store, clock } = make()
    const { hash } = await createEnrollmentToken({ store, clock })
    expect(await store.consume(hash, use('a'))).toEqual({ ok: true })
    clock.advance('59s')
    expect(await store.consume(hash, use('b'))).toEqual({ ok: false, reason: 'reserved' })
    clock.advance('1s')
    expect(await store.consume(hash, use('b'))).toEqual({ ok: true })
    expect(await store.commit(hash, 'a')).toBe(false)
    expect(await store.commit(hash, 'b')).toBe(true)
  })

  test('a use whose lease is over is not counted, although nobody else took it', async () => {
    const { store, clock } = make()
    const { hash } = await createEnrollmentToken({ store, clock })
    expect(await store.consume(hash, use('a'))).toEqual({ ok: true })
    clock.advance('1m')
    expect(await store.commit(hash, 'a')).toBe(false)
    expect(await store.consume(hash, use('b'))).toEqual({ ok: true })
  })

  test('lets exactly as many in as there are uses', async () => {
    const { store, clock } = make()
    const { hash } = await createEnrollmentToken({ store, clock, uses: 3 })
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, i) => store.consume(hash, use(String(i)))),
    )
    expect(outcomes.filter(({ ok }) => ok).length).toBe(3)
    expect(await Promise.all(outcomes.map((_, i) => store.commit(hash, String(i))))).toEqual(
      outcomes.map(({ ok }) => ok),
    )
  })

  test('a token that was removed counts for nothing, also in the middle of a use', async () => {
    const { store, clock } = make()
    const { hash } = await createEnrollmentToken({ store, clock, uses: 'unlimited' })
    expect(await store.consume(hash, use('a'))).toEqual({ ok: true })
    expect(await store.remove(hash)).toBe(true)
    expect(await store.commit(hash, 'a')).toBe(false)
    await store.release(hash, 'a')
    expect(await store.consume(hash, use('b'))).toEqual({ ok: false, reason: 'unknown' })
  })
})

describe('replicas over one set of records', () => {
  test('reserve the last use once, and a restart forgets nothing', async () => {
    const { records, clock, store } = shared()
    const { hash } = await createEnrollmentToken({ store, clock })
    const second = createTokenStore({ records, clock })
    const outcomes = await Promise.all([store.consume(hash, use('a')), second.consume(hash, use('b'))])
    expect(outcomes.map(({ ok }) => ok).sort()).toEqual([false, true])
    const winner = outcomes[0].ok ? 'a' : 'b'
    const restarted = createTokenStore({ records, clock })
    expect(await restarted.consume(hash, use('c'))).toEqual({ ok: false, reason: 'reserved' })
    expect(await restarted.commit(hash, winner)).toBe(true)
    expect(await createTokenStore({ records, clock }).consume(hash, use('d'))).toEqual({
      ok: false,
      reason: 'used',
    })
  })

  test('a write that says neither yes nor no gives no use away', async () => {
    const { records, clock } = shared()
    const vague = createTokenStore({ clock, records: { ...records, write: async () => undefined as never } })
    const { hash } = await createEnrollmentToken({ store: createTokenStore({ records, clock }), clock })
    expect((await refusalOfAsync(vague.consume(hash, use('a')))).code).toBe('ERR_ENROLLMENT_STORE')
  })

  test.each<[string, (record: TokenRecord) => object, RegExp]>([
    // A date that came back as text would compare as not over, for ever.
    ['a date as text', (record) => ({ ...record, expiresAt: '2020-01-01T00:00:00Z' }), /"expiresAt"/],
    ['no valid date', (record) => ({ ...record, expiresAt: new Date(Number.NaN) }), /"expiresAt"/],
    ['uses as text', (record) => ({ ...record, uses: '5' }), /"uses"/],
    ['a negative count', (record) => ({ ...record, used: -1 }), /"used"/],
    [
      'leases with dates as text',
      (record) => ({ ...record, leases: [{ id: 'a', until: '2020' }] }),
      /"leases"/,
    ],
    ['a short hash', (record) => ({ ...record, hash: record.hash.slice(1) }), /"hash"/],
  ])('a record with %s is an error, and no token', async (_, broken, reason) => {
    const { records, clock, store } = shared()
    const { hash } = await createEnrollmentToken({ store, clock })
    const found = await records.read(hash)
    if (found === undefined) throw new Error('it was added')
    const read = async () => ({ ...found, record: broken(found.record) as TokenRecord })
    const reading = createTokenStore({ clock, records: { ...records, read } })
    await expect(reading.consume(hash, use('a'))).rejects.toThrow(reason)
  })

  test('a store that answers another token than it was asked for lets nobody in', async () => {
    const { records, clock, store } = shared()
    const { hash } = await createEnrollmentToken({ store, clock, uses: 'unlimited' })
    const sloppy = createTokenStore({ clock, records: { ...records, read: () => records.read(hash) } })
    expect(await sloppy.consume(hash, use('a'))).toEqual({ ok: true })
    expect(await sloppy.consume(sha256('another'), use('a'))).toEqual({ ok: false, reason: 'unknown' })
  })
})
