import { describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { verifyPath } from '../../../src/verify/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { at, below, clockAt, DAY, HOUR, ID, INTERMEDIATE, MINUTE, NOW, request, rootCa } from './support.ts'

describe('never outlives the path (decision 9)', () => {
  test.each([
    // lifetimes: root, intermediate, workload; who caps
    ['nobody', '3650d', '365d', '24h', DAY, undefined],
    ['nobody, to the second', '3650d', '365d', '365d', 365 * DAY, undefined],
    ['the intermediate', '3650d', '365d', '31536001s', 365 * DAY, 'intermediate'],
    ['the intermediate, by years', '3650d', '90d', '1000d', 90 * DAY, 'intermediate'],
    ['the root, which capped the intermediate too', '30d', '30d', '60d', 30 * DAY, 'intermediate'],
  ] as const)('capped by %s', async (_, ofRoot, ofIntermediate, asked, seconds, by) => {
    const root = await rootCa({ lifetime: ofRoot })
    const ca = await below(root, { lifetime: ofIntermediate })
    const result = await ca.issueWorkload(await request(), { id: ID, lifetime: asked })
    expect(result.certificate.notAfter).toEqual(at(seconds))
    expect(result.cappedBy).toBe(by === undefined ? undefined : ca.certificate)
  })

  test('an intermediate is capped by its root, to the second', async () => {
    const root = await rootCa({ lifetime: '10d' })
    const issue = async (lifetime: string) =>
      root.issueIntermediate(await request({ subject: INTERMEDIATE }), { lifetime })
    const capped = await issue('864001s')
    expect([capped.certificate.notAfter, capped.cappedBy]).toEqual([at(10 * DAY), root.certificate])
    expect((await issue('10d')).cappedBy).toBe(undefined)
    expect((await issue('863999s')).certificate.notAfter).toEqual(at(10 * DAY - 1))
  })

  test('by a certificate far above, where the CAs between live longer (made elsewhere)', async () => {
    const key = (await createCsr({ key: 'Ed25519' })).signer
    const longLived = await rootCa({ key, lifetime: '3650d' })
    const shortLived = await rootCa({ key, lifetime: '5d' })
    const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'Ed25519' })
    const { certificate } = await longLived.issueIntermediate(csr, { lifetime: '365d' })
    const ca = await CertificateAuthority.from({
      certificate,
      chain: shortLived.chain,
      signer,
      clock: clockAt(),
    })
    const result = await ca.issueWorkload(await request(), { id: ID, lifetime: '6d' })
    expect([result.certificate.notAfter, result.cappedBy]).toEqual([at(5 * DAY), shortLived.certificate])
    expect((await ca.issueWorkload(await request(), { id: ID, lifetime: '5d' })).cappedBy).toBe(undefined)
  })

  test('at the last second of the CA a certificate lives for that second', async () => {
    const clock = clockAt()
    const ca = await rootCa({ lifetime: '1h', clock })
    clock.set(at(HOUR))
    const result = await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    expect([result.certificate.notAfter, result.cappedBy]).toEqual([at(HOUR), ca.certificate])
    await verifyPath(result.certificate, { anchors: ca.certificate, purpose: 'serverAuth', time: at(HOUR) })
    clock.advance('1s')
    const error = await refusalOfAsync(ca.issueWorkload(await request(), { id: ID, lifetime: '1h' }))
    expect(error.code).toBe('ERR_CA_EXPIRED')
    expect(error.message).toMatch(
      /"CN=Root CA,O=Istio" \(serial .*was valid until 2026-01-01T01:00:00Z, and it is 2026-01-01T01:00:01Z\. Renew it/,
    )
  })

  test('milliseconds of the clock do not count', async () => {
    const clock = clockAt()
    clock.set(new Date(NOW.getTime() + 999))
    const root = await rootCa({ clock, lifetime: '1d' })
    expect([root.certificate.notBefore, root.certificate.notAfter]).toEqual([at(-120), at(DAY)])
  })
})

describe('back-dating (mesh-contracts §2.7: 2 minutes, as istiod)', () => {
  test.each([
    [undefined, -2 * MINUTE],
    ['0s', 0],
    ['1h30m', -90 * MINUTE],
  ])('%s', async (backdate, seconds) => {
    const root = await rootCa({ backdate })
    const options = { lifetime: '1h', ...(backdate === undefined ? {} : { backdate }) }
    const intermediate = await root.issueIntermediate(await request({ subject: INTERMEDIATE }), options)
    const workload = await root.issueWorkload(await request(), { id: ID, ...options })
    for (const { certificate } of [root, intermediate, workload])
      expect(certificate.notBefore).toEqual(at(seconds))
    for (const { certificate } of [intermediate, workload]) expect(certificate.notAfter).toEqual(at(HOUR))
  })
})

describe('a CA outside its validity', () => {
  test('expired or not yet valid anywhere in the chain, found when issuing', async () => {
    const clock = clockAt()
    const root = await rootCa({ clock, lifetime: '10d' })
    const ca = await below(root, { lifetime: '5d' }, { clock })
    const workload = async () => ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    await workload()
    clock.set(at(5 * DAY + 1))
    const expired = await refusalOfAsync(workload())
    expect([expired.code, expired.message]).toEqual(['ERR_CA_EXPIRED', expect.stringContaining(INTERMEDIATE)])
    clock.set(at(-121))
    const early = await refusalOfAsync(workload())
    expect([early.code, early.message]).toEqual([
      'ERR_CA_NOT_YET_VALID',
      expect.stringMatching(/valid from 2025-12-31T23:58:00Z.*Is a clock wrong\?/),
    ])
    clock.set(at(10 * DAY + 1))
    const { csr } = await createCsr({ subject: INTERMEDIATE, key: 'Ed25519' })
    expect((await refusalOfAsync(root.issueIntermediate(csr, { lifetime: '1h' }))).code).toBe(
      'ERR_CA_EXPIRED',
    )
    clock.set(at(0))
    await workload()
  })
})

describe('lifetimes and how they are written (decision 4)', () => {
  test.each<[unknown, ErrorConstructor, RegExp]>([
    ['0s', RangeError, /longer than zero/],
    ['0d0h', RangeError, /longer than zero/],
    ['-1h', TypeError, /cannot be negative/],
    [3600, TypeError, /the number 3600, which has no unit/],
    [Number.NaN, TypeError, /NaN/],
    ['3600', TypeError, /unit is missing/],
    ['', TypeError, /not a duration/],
    ['P90D', TypeError, /not a duration/],
    ['1.5h', TypeError, /not a duration/],
    ['1h 30m', TypeError, /not a duration/],
    ['30m1h', TypeError, /largest first/],
    ['1h1h', TypeError, /each unit once/],
    ['90D', TypeError, /not a duration/],
    ['１d', TypeError, /not a duration/],
    ['Infinity', TypeError, /not a duration/],
    ['1e9d', TypeError, /not a duration/],
    ['365251d', RangeError, /at most 1000 years/],
    ['999999999999w', RangeError, /at most 1000 years/],
    ['9999999999999999999999d', TypeError, /not a duration/],
    [undefined, TypeError, /option "lifetime"/],
    [null, TypeError, /option "lifetime"/],
    [new Date(), TypeError, /option "lifetime"/],
    [{ toString: () => '1d' }, TypeError, /option "lifetime"/],
  ])('%j is refused', async (lifetime, type, message) => {
    const root = await rootCa()
    const asked = lifetime as string
    for (const wrong of [
      () => rootCa({ lifetime: asked }),
      async () => root.issueIntermediate(await request({ subject: INTERMEDIATE }), { lifetime: asked }),
      async () => root.issueWorkload(await request(), { id: ID, lifetime: asked }),
    ]) {
      const error = await wrong().catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(type)
      expect((error as Error).message).toMatch(message)
      expect((error as Error).message).toMatch(/option "lifetime"/)
    }
  })

  test.each(['1s', '1000d', '2160h', '1w2d3h4m5s', '365250d'])('%s is taken', async (lifetime) => {
    const [, w = 0, d = 0, h = 0, m = 0, s = 0] = (
      /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(lifetime) ?? []
    )
      .map(Number)
      .map((n) => n || 0)
    const seconds = (((w * 7 + d) * 24 + h) * 60 + m) * 60 + s
    expect((await rootCa({ lifetime })).certificate.notAfter).toEqual(at(seconds))
  })

  test('from 2050 a GeneralizedTime (RFC 5280 §4.1.2.5), up to the year 9999 and no further', async () => {
    const clock = clockAt()
    clock.set(new Date('2049-12-31T23:59:59Z'))
    const tags = (der: Uint8Array) =>
      Buffer.from(der)
        .toString('latin1')
        .match(/\d{12,14}Z/g)
    expect(tags((await rootCa({ clock, backdate: '0s', lifetime: '1s' })).certificate.der)).toEqual([
      '491231235959Z',
      '20500101000000Z',
    ])
    clock.set(new Date('9999-12-31T23:59:58Z'))
    expect((await rootCa({ clock, lifetime: '1s' })).certificate.notAfter.toISOString()).toBe(
      '9999-12-31T23:59:59.000Z',
    )
    await expect(rootCa({ clock, lifetime: '2s' })).rejects.toThrow(RangeError)
    clock.set(new Date('1950-01-01T00:01:00Z'))
    await expect(rootCa({ clock, lifetime: '1d' })).rejects.toThrow(/between 1950 and 9999/)
    await rootCa({ clock, lifetime: '1d', backdate: '1m' })
  })
})
