import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../src/ca/index.ts'
import { createTestHierarchy, manualClock, seededRandom } from '../../../src/testing/index.ts'
import { checkPath } from '../../../src/verify/index.ts'

const drawn = (random: ReturnType<typeof seededRandom>, sizes: readonly number[]): string =>
  Buffer.concat(sizes.map((size) => Buffer.from(random(new Uint8Array(size))))).toString('hex')

describe('manualClock', () => {
  test('stands still until it is moved', () => {
    const clock = manualClock()
    expect(clock.now()).toEqual(new Date('2026-01-01T00:00:00Z'))
    expect(clock.now()).toEqual(clock.now())
    clock.advance('90d')
    expect(clock.now()).toEqual(new Date('2026-04-01T00:00:00Z'))
    clock.advance('12h30m')
    clock.advance('0s')
    expect(clock.now()).toEqual(new Date('2026-04-01T12:30:00Z'))
    clock.set(new Date('2020-02-29T00:00:00Z'))
    expect(clock.now()).toEqual(new Date('2020-02-29T00:00:00Z'))
  })

  test('hands out and takes copies', () => {
    const start = new Date('2026-01-01T00:00:00Z')
    const clock = manualClock(start)
    start.setFullYear(1999)
    clock.now().setFullYear(1999)
    expect(clock.now()).toEqual(new Date('2026-01-01T00:00:00Z'))
  })

  test('misuse moves nothing', () => {
    const clock = manualClock()
    expect(() => manualClock(new Date(Number.NaN))).toThrow('a manual clock needs a valid Date')
    expect(() => clock.set(new Date(Number.NaN))).toThrow(TypeError)
    for (const wrong of ['', '5', '-1d', '1 day', 90_000])
      expect(() => Reflect.apply(clock.advance, clock, [wrong])).toThrow(TypeError)
    expect(clock.now()).toEqual(new Date('2026-01-01T00:00:00Z'))
  })

  test('two clocks are two', () => {
    const [a, b] = [manualClock(), manualClock()]
    a.advance('1h')
    expect(b.now()).toEqual(new Date('2026-01-01T00:00:00Z'))
  })
})

describe('seededRandom', () => {
  test('the same seed gives the same bytes, another seed others', () => {
    expect(drawn(seededRandom('a'), [100])).toBe(drawn(seededRandom('a'), [100]))
    expect(drawn(seededRandom('a'), [100])).not.toBe(drawn(seededRandom('b'), [100]))
    expect(drawn(seededRandom(1), [32])).not.toBe(drawn(seededRandom(11), [32]))
  })

  test('it does not matter in which pieces they are drawn', () => {
    const whole = drawn(seededRandom('s'), [200])
    for (const sizes of [
      [100, 100],
      [1, 31, 32, 33, 103],
      Array.from({ length: 200 }, () => 1),
      [0, 200],
      [64, 136],
    ])
      expect(drawn(seededRandom('s'), sizes)).toBe(whole)
  })

  test('it fills and answers the array that it is given, and goes on from there', () => {
    const random = seededRandom('s')
    const bytes = new Uint8Array(16)
    expect(random(bytes)).toBe(bytes)
    expect(bytes.some((byte) => byte !== 0)).toBe(true)
    expect(random(new Uint8Array(16))).not.toEqual(bytes)
  })

  test('every bit varies', () => {
    const bytes = seededRandom('bits')(new Uint8Array(4096))
    const ones = bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
    expect(Math.abs(ones - 16384)).toBeLessThan(500)
  })

  test('a root made with it has the same serial number again', async () => {
    const make = () =>
      createRootCa({ subject: 'CN=r', lifetime: '1d', key: 'Ed25519', random: seededRandom('x') })
    const [first, second] = [await make(), await make()]
    expect(first.certificate.serialNumber).toBe(second.certificate.serialNumber)
    expect(first.certificate.publicKey).not.toEqual(second.certificate.publicKey)
  })
})

const TIME = new Date('2026-06-01T12:00:00Z')

const CODES = {
  expired: 'ERR_PATH_EXPIRED',
  notYetValid: 'ERR_PATH_NOT_YET_VALID',
  badSignature: 'ERR_PATH_SIGNATURE',
  foreignRoot: 'ERR_PATH_NO_ISSUER',
  notCa: 'ERR_PATH_NOT_CA',
  missingIntermediate: 'ERR_PATH_NO_ISSUER',
} as const

describe('createTestHierarchy', () => {
  test.each([
    ['P-256', 'mesh', '24h'],
    ['Ed25519', 'istio', '1h'],
    ['P-384', 'gloo', '300d'],
    ['RSA-2048', 'mesh', '1m'],
  ] as const)(
    '%s, profile %s, %s: sound, and each variant broken for its own reason',
    async (key, profile, lifetime) => {
      const hierarchy = await createTestHierarchy({
        key,
        profile,
        lifetime,
        trustDomain: 'kind2',
        time: TIME,
      })
      const ask = {
        anchors: hierarchy.root.certificate,
        time: hierarchy.time,
        purpose: 'serverAuth',
      } as const
      const id = { uri: 'spiffe://kind2/ns/default/sa/test' }
      const [leaf, ...intermediates] = hierarchy.chain.slice(0, -1)
      if (leaf === undefined) throw new Error('a chain of three')
      expect(await checkPath(leaf, { ...ask, intermediates, name: id })).toMatchObject({ ok: true })
      expect(hierarchy.time).toEqual(TIME)
      expect(hierarchy.workload.equals(leaf)).toBe(true)

      const variants = await hierarchy.broken()
      expect(Object.keys(variants).sort()).toEqual(Object.keys(CODES).sort())
      for (const [name, [broken, ...above]] of Object.entries(variants)) {
        if (broken === undefined) throw new Error(`${name} has a leaf`)
        const result = await checkPath(broken, { ...ask, intermediates: above })
        expect([name, result.ok ? 'accepted' : result.error.code]).toEqual([name, Reflect.get(CODES, name)])
      }
    },
  )

  test('broken variants have one fault only: where it is mended, they verify', async () => {
    const hierarchy = await createTestHierarchy({ key: 'Ed25519', time: TIME, lifetime: '24h' })
    const { expired, notYetValid, foreignRoot, missingIntermediate } = await hierarchy.broken()
    const check = async ([leaf, ...intermediates]: typeof expired, time: string, more = intermediates) =>
      leaf !== undefined &&
      (
        await checkPath(leaf, {
          anchors: hierarchy.root.certificate,
          intermediates: more,
          time: new Date(time),
          purpose: 'clientAuth',
        })
      ).ok
    // Its last second has just passed.
    expect(await check(expired, '2026-06-01T11:59:59Z')).toBe(true)
    expect(await check(expired, '2026-06-01T12:00:00Z')).toBe(false)
    expect(await check(notYetValid, '2026-06-02T12:00:00Z')).toBe(true)
    expect(await check(notYetValid, '2026-06-02T11:59:59Z')).toBe(false)
    expect(await check(missingIntermediate, TIME.toISOString(), [hierarchy.intermediate.certificate])).toBe(
      true,
    )
    expect(String(foreignRoot[1]?.issuer)).toBe(String(hierarchy.root.certificate.subject))
  })

  test('two calls share no key, and the clock does not move', async () => {
    const options = { key: 'Ed25519', time: TIME } as const
    const [a, b] = [await createTestHierarchy(options), await createTestHierarchy(options)]
    await a.broken()
    expect(a.root.certificate.publicKey).not.toEqual(b.root.certificate.publicKey)
    const late = await a.broken()
    expect(late.expired[0]?.notAfter).toEqual(new Date('2026-06-01T11:59:59Z'))
  })

  test('an unknown option is named', async () => {
    await expect(Reflect.apply(createTestHierarchy, undefined, [{ domain: 'x' }])).rejects.toThrow(
      'has no option "domain"',
    )
  })
})
