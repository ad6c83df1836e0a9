import { describe, expect, test } from 'vitest'
import { createRootCa, memoryRevocationStore, type RevocationState } from '../../../src/ca/index.ts'
import { issueCrl } from '../../../src/ca/revocation/issue-crl.ts'
import { newRevocationState } from '../../../src/ca/revocation/revocation-state.ts'
import { revoke } from '../../../src/ca/revocation/revoke.ts'
import { CheckedSigner } from '../../../src/ca/sign-certificate.ts'
import { concat, hex, seq, toHex } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { forge, uri } from '../verify/forge.ts'
import { listed, racedStore, revokingCa, scriptedStore, verdict } from './revocation-support.ts'
import { at, CallersSigner, clockAt, DAY, HOUR, keyOf, MINUTE, NOW, rootCa } from './support.ts'

test('100,000 entries: all of them in the list, in the order of the state', async () => {
  const ca = await revokingCa()
  const serialOf = (i: number): string => `40${i.toString(16).padStart(30, '0')}`
  const state: RevocationState = {
    ...newRevocationState(ca.ca.certificate),
    entries: Array.from({ length: 100_000 }, (_, i) => ({
      serialNumber: serialOf(i),
      date: '2026-01-01T00:00:00Z',
      reason: i % 2 === 0 ? 'superseded' : 'unspecified',
      since: '1',
    })),
  }
  const { crl } = await issueCrl({ ...ca.context, store: memoryRevocationStore(state) }, { nextUpdate: '7d' })
  expect(crl.size).toBe(100_000)
  expect([...crl].every(({ serialNumber }, i) => serialNumber === serialOf(i))).toBe(true)
  expect([crl.find(serialOf(99_999))?.reason, crl.find(serialOf(100_000))]).toEqual([undefined, undefined])
  expect(crl.find(serialOf(99_998))?.reason).toBe('superseded')
}, 60_000)

describe('a complete CRL', () => {
  test('says what it should', async () => {
    const ca = await revokingCa()
    await ca.revoke('2a', { reason: 'superseded' })
    const { crl, number, ...rest } = await ca.issueCrl()
    expect(rest).toEqual({})
    expect([number, crl.crlNumber, crl.baseCrlNumber, crl.version]).toEqual([1n, 1n, undefined, 2])
    expect([crl.thisUpdate, crl.nextUpdate]).toEqual([at(-2 * MINUTE), at(7 * DAY)])
    expect(crl.issuer.equals(ca.ca.certificate.subject)).toBe(true)
    expect(crl.authorityKeyIdentifier).toBe(ca.ca.certificate.subjectKeyIdentifier)
    expect(crl.extensions.map(({ oid, critical }) => [oid, critical])).toEqual([
      ['2.5.29.35', false],
      ['2.5.29.20', false],
    ])
    expect(crl.toPem()).toMatch(/^-----BEGIN X509 CRL-----\n/)
  })

  test('numbers go up by one, and survive a restart', async () => {
    const store = memoryRevocationStore()
    const ca = await revokingCa({ store })
    expect([(await ca.issueCrl()).number, (await ca.issueCrl()).number]).toEqual([1n, 2n])
    const restarted = { ...ca.context, store: memoryRevocationStore((await store.read())?.state) }
    expect((await issueCrl(restarted, { nextUpdate: '7d' })).number).toBe(3n)
  })

  test.each(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048'] as const)('signed by %s', async (key) => {
    const ca = await revokingCa({ key })
    const leaf = await ca.leaf()
    const clean = (await ca.issueCrl()).crl
    await ca.revoke(leaf, { reason: 'superseded' })
    const { crl } = await ca.issueCrl()
    expect([verdict(ca, leaf, [clean]), verdict(ca, leaf, [crl])]).toEqual(['ok', 'ERR_PATH_REVOKED'])
  })

  test('nextUpdate ends with the CA: nobody could verify the list afterwards', async () => {
    const ca = await revokingCa({ lifetime: '5d' })
    const { crl, cappedBy } = await ca.issueCrl()
    expect([crl.nextUpdate, cappedBy]).toEqual([ca.ca.certificate.notAfter, ca.ca.certificate])
    expect((await ca.issueCrl({ nextUpdate: '5d' })).cappedBy).toBeUndefined()
  })

  test('a CA that has expired, or is not valid yet, signs none', async () => {
    const ca = await revokingCa({ lifetime: '5d' })
    ca.clock.set(at(-DAY))
    expect((await refusalOfAsync(ca.issueCrl())).code).toBe('ERR_CA_NOT_YET_VALID')
    ca.clock.set(at(5 * DAY + 1))
    expect((await refusalOfAsync(ca.issueCrl())).code).toBe('ERR_CA_EXPIRED')
    expect((await ca.state()).number).toBe('0')
    ca.clock.set(at(5 * DAY))
    expect((await ca.issueCrl()).number).toBe(1n)
  })

  test('backdating never puts a list before its predecessor', async () => {
    const ca = await revokingCa()
    const first = await ca.issueCrl({ backdate: '0s' })
    const second = await ca.issueCrl({ backdate: '1h' })
    ca.clock.advance('2h')
    const third = await ca.issueCrl({ backdate: '1h' })
    expect([first, second, third].map(({ crl }) => crl.thisUpdate)).toEqual([NOW, NOW, at(3600)])
  })

  test('a replica whose clock was ahead does not date the others’ lists into the future', async () => {
    const ca = await revokingCa()
    ca.clock.set(at(DAY))
    expect((await ca.issueCrl({ backdate: '0s' })).predecessorAhead).toBeUndefined()
    ca.clock.set(NOW)
    const late = await ca.issueCrl()
    expect([late.crl.thisUpdate, late.predecessorAhead]).toEqual([NOW, at(DAY)])
    ca.clock.advance('1h')
    const next = await ca.issueCrl()
    expect([next.crl.thisUpdate, next.predecessorAhead]).toEqual([at(58 * MINUTE), undefined])
  })

  test('its list does not hide what a later one with an earlier date revokes', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    ca.clock.set(at(HOUR))
    const ahead = await ca.issueCrl({ backdate: '0s' })
    ca.clock.set(at(5 * MINUTE))
    expect(verdict(ca, leaf, [(await ca.issueCrl()).crl])).toBe('ok')
    await ca.revoke(leaf, { reason: 'keyCompromise' })
    const later = await ca.issueCrl()
    ca.clock.set(at(2 * HOUR))
    expect(verdict(ca, leaf, [ahead.crl])).toBe('ok')
    for (const lists of [
      [ahead.crl, later.crl],
      [later.crl, ahead.crl],
    ])
      expect(verdict(ca, leaf, lists)).toBe('ERR_PATH_REVOKED')
  })
})

describe('a CA whose key usage lacks cRLSign', () => {
  test.each(['istio', 'gloo'] as const)(
    'profile %s: refused before anything happens, with what to do',
    async (profile) => {
      const key = await keyOf('Ed25519')
      const ca = await createRootCa({ subject: 'CN=Root', lifetime: '10d', key, profile, clock: clockAt() })
      const store = memoryRevocationStore()
      const context = {
        certificate: ca.certificate,
        signer: await CheckedSigner.of(key),
        clock: clockAt(),
        store,
      }
      const error = await refusalOfAsync(issueCrl(context, { nextUpdate: '7d' }))
      expect(error.code).toBe('ERR_CA_CRL_SIGN')
      expect(error.message).toMatch(/expected key usage cRLSign, found .*keyCertSign/)
      expect(error.message).toMatch(
        /Istio's tools\/certs and Gloo .* issued again for the same key with cRLSign/,
      )
      expect(await store.read()).toBeUndefined()
      const renewed = await rootCa({ subject: 'CN=Root', key })
      expect(
        (await issueCrl({ ...context, certificate: renewed.certificate }, { nextUpdate: '7d' })).number,
      ).toBe(1n)
    },
  )

  test('a CA without key usage may, and its key has the usual identifier', async () => {
    const { context } = await revokingCa()
    const { certificate, keyId } = forge({
      subject: 'ca',
      notBefore: '2025-01-01T00:00:00Z',
      notAfter: '2030-01-01T00:00:00Z',
    })
    expect(certificate.keyUsage).toBeUndefined()
    const { crl } = await issueCrl(
      { ...context, certificate, store: memoryRevocationStore() },
      { nextUpdate: '7d' },
    )
    expect(crl.authorityKeyIdentifier).toHaveLength(keyId.length * 2)
  })
})

describe('the number is taken before the list is signed', () => {
  async function withSigner(answer: (call: number) => unknown) {
    const key = await keyOf('P-256')
    const ca = await rootCa({ key })
    const store = memoryRevocationStore()
    const signer = new CallersSigner(
      key,
      async (tbs, _options, call) => (await answer(call)) ?? key.sign(tbs),
    )
    const context = {
      certificate: ca.certificate,
      signer: await CheckedSigner.of(signer),
      clock: clockAt(),
      store,
    }
    return { context, store, signer }
  }

  test('a signature that fails leaves a gap, never a number twice', async () => {
    const denied = new Error('denied')
    const { context } = await withSigner((call) => (call % 2 === 1 ? Promise.reject(denied) : undefined))
    for (const number of [2n, 4n]) {
      const error = await refusalOfAsync(issueCrl(context, { nextUpdate: '7d' }))
      expect([error.code, error.cause]).toEqual(['ERR_CA_SIGNER', denied])
      expect((await issueCrl(context, { nextUpdate: '7d' })).number).toBe(number)
    }
  })

  test('what fails is no base for a delta CRL', async () => {
    const { context } = await withSigner((call) => (call === 1 ? new Uint8Array(70) : undefined))
    const error = await refusalOfAsync(issueCrl(context, { nextUpdate: '7d' }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_SIGNER',
      expect.stringContaining('so the CRL is not released'),
    ])
    const delta = issueCrl(context, { nextUpdate: '7d', delta: true })
    expect((await refusalOfAsync(delta)).code).toBe('ERR_CA_CRL_BASE')
  })

  test('it is in the store while the signer works', async () => {
    const seen: (string | undefined)[] = []
    const { context, store } = await withSigner(async () => {
      seen.push((await store.read())?.state.number)
    })
    await issueCrl(context, { nextUpdate: '7d' })
    expect(seen).toEqual(['1'])
  })

  test('what another replica revokes while the signer works is in the next list', async () => {
    const ca = await revokingCa()
    const inner = await keyOf('Ed25519')
    const root = await rootCa({ key: inner })
    const base = { ...ca.context, certificate: root.certificate, store: memoryRevocationStore() }
    const slow = new CallersSigner(inner, async (tbs, _options, call) => {
      if (call === 1) await revoke(base, '2a', { reason: 'superseded' })
      return inner.sign(tbs)
    })
    const context = { ...base, signer: await CheckedSigner.of(slow) }
    expect(listed((await issueCrl(context, { nextUpdate: '7d' })).crl)).toEqual([])
    const { crl, delta } = await issueCrl(context, { nextUpdate: '7d', delta: 'with-complete' })
    expect([listed(crl), listed(delta)]).toEqual([['2a superseded'], ['2a superseded']])
  })

  test('two replicas never sign two lists of one number', async () => {
    const inner = memoryRevocationStore()
    const other = await revokingCa({ store: inner })
    const numbers: bigint[] = []
    let raced = 0
    const store = racedStore(inner, async () => {
      if (raced++ < 5) numbers.push((await other.issueCrl()).number)
    })
    numbers.push((await issueCrl({ ...other.context, store }, { nextUpdate: '7d' })).number)
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(numbers).toEqual([1n, 2n, 3n, 4n, 5n, 6n])
  })

  test('an aborted signal signs nothing', async () => {
    const { context, signer } = await withSigner(() => undefined)
    const signal = AbortSignal.abort(new Error('gone'))
    await expect(issueCrl(context, { nextUpdate: '7d', signal })).rejects.toThrow('gone')
    expect(signer.calls).toBe(0)
  })
})

describe('a store that cannot note a list that was signed', () => {
  test.each(['fails', 'fails after it was done'] as const)(
    'it %s: the list is released and says so',
    async (misdeed) => {
      const script = [undefined, misdeed]
      const ca = await revokingCa({ store: scriptedStore(memoryRevocationStore(), () => script.shift()) })
      const { crl, unrecorded } = await ca.issueCrl()
      expect([crl.crlNumber, unrecorded?.code]).toEqual([1n, 'ERR_CA_REVOCATION_STORE'])
      const delta = await ca.issueCrl({ delta: true }).catch((error: { code: string }) => error.code)
      if (misdeed === 'fails') expect(delta).toBe('ERR_CA_CRL_BASE')
      else expect(delta).toMatchObject({ baseNumber: 1n })
      expect((await ca.issueCrl()).unrecorded).toBeUndefined()
    },
  )

  test('where the number cannot be taken, nothing is signed', async () => {
    const ca = await revokingCa({
      store: scriptedStore(memoryRevocationStore(), () => 'fails after it was done'),
    })
    expect((await refusalOfAsync(ca.issueCrl())).code).toBe('ERR_CA_REVOCATION_STORE')
    expect((await ca.state()).number).toBe('1')
  })
})

describe('options of issueCrl', () => {
  test.each<[string, object, RegExp]>([
    ['no nextUpdate', { nextUpdate: undefined }, /"nextUpdate" must be a duration/],
    ['a Date', { nextUpdate: NOW }, /"nextUpdate" must be a duration/],
    ['an unknown option', { lifetime: '7d' }, /no option "lifetime"/],
    ['delta in text', { delta: 'yes' }, /"delta" must be true, false or 'with-complete'/],
    ['a backdate without a unit', { backdate: '5' }, /"backdate"/],
    [
      'freshestCrl in a delta CRL',
      { delta: true, freshestCrl: ['http://a/'] },
      /"freshestCrl" is for complete/,
    ],
    ['an empty freshestCrl', { freshestCrl: [] }, /"freshestCrl" must be an array/],
    ['freshestCrl in text', { freshestCrl: 'http://a/' }, /"freshestCrl" must be an array/],
    ['an empty scope', { issuingDistributionPoint: {} }, /says nothing/],
    [
      'a scope without anything',
      { issuingDistributionPoint: { onlyContainsUserCerts: false } },
      /says nothing/,
    ],
    [
      'users and CAs alone',
      { issuingDistributionPoint: { onlyContainsUserCerts: true, onlyContainsCaCerts: true } },
      /about nothing/,
    ],
    [
      'a flag in text',
      { issuingDistributionPoint: { onlyContainsUserCerts: 'yes' } },
      /onlyContainsUserCerts" must be true or false/,
    ],
    ['no reasons', { issuingDistributionPoint: { onlySomeReasons: [] } }, /at least one reason/],
    [
      'a reason without a flag',
      { issuingDistributionPoint: { onlySomeReasons: ['unspecified'] } },
      /onlySomeReasons" must be one of/,
    ],
    ['an indirect CRL', { issuingDistributionPoint: { indirectCrl: true } }, /no option "indirectCrl"/],
    ['a signal that is none', { signal: {} }, /"signal"/],
  ])('%s', async (_, options, message) => {
    const ca = await revokingCa()
    const outcome = await ca.issueCrl(options).catch((error: unknown) => error)
    expect(outcome).toBeInstanceOf(TypeError)
    expect(String(outcome)).toMatch(message)
    expect((await ca.state()).number).toBe('0')
  })

  test('URIs that are none', async () => {
    const ca = await revokingCa()
    for (const value of ['crl', 'http://a b/', ''])
      for (const options of [{ freshestCrl: [value] }, { issuingDistributionPoint: { fullName: [value] } }])
        expect((await refusalOfAsync(ca.issueCrl(options))).code).toBe('ERR_GENERAL_NAME')
  })

  test('scopes in DER (RFC 5280 §5.2.5)', async () => {
    const ca = await revokingCa()
    const scopeOf = async (issuingDistributionPoint: object): Promise<string> => {
      const { crl } = await ca.issueCrl({ issuingDistributionPoint })
      const found = crl.extensions.find(({ oid }) => oid === '2.5.29.28')
      expect(found?.critical).toBe(true)
      return toHex(found?.value ?? hex(''))
    }
    expect(await scopeOf({ onlyContainsUserCerts: true })).toBe('30038101ff')
    expect(await scopeOf({ onlyContainsCaCerts: true })).toBe('30038201ff')
    // keyCompromise is bit 1, aACompromise bit 8; no trailing zeros (X.690 §11.2.2).
    expect(await scopeOf({ onlySomeReasons: ['keyCompromise'] })).toBe('300483020640')
    expect(await scopeOf({ onlySomeReasons: ['aACompromise', 'keyCompromise'] })).toBe('30058303074080')
    const names = concat(uri('http://a/1'), uri('http://b/'))
    const place = hex(`a0${(names.length + 2).toString(16)}a0${names.length.toString(16)}${toHex(names)}`)
    expect(await scopeOf({ fullName: ['http://a/1', 'http://b/'], onlyContainsUserCerts: true })).toBe(
      toHex(seq(place, hex('8101ff'))),
    )
  })
})
