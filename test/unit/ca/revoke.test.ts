import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority, memoryRevocationStore } from '../../../src/ca/index.ts'
import { revoke } from '../../../src/ca/revocation/revoke.ts'
import { Certificate, type RevocationReason } from '../../../src/x509/index.ts'
import { hex } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { ALGORITHMS, aki, forge, forgeCa, keysOf, ski, withBadSignature } from '../verify/forge.ts'
import { listed, racedStore, revokingCa, scriptedStore, verdict } from './revocation-support.ts'
import { at, below, DAY, HOUR, INTERMEDIATE, keyOf, NOW, request, rootCa } from './support.ts'

describe('revoke', () => {
  test('a certificate: the next CRL lists it, with what is known of it in the state', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    const change = await ca.revoke(leaf, {
      reason: 'keyCompromise',
      date: at(-HOUR),
      invalidityDate: at(-DAY),
    })
    expect(change).toEqual({
      serialNumber: leaf.serialNumber,
      changed: true,
      reason: 'keyCompromise',
      date: at(-HOUR),
    })
    expect((await ca.state()).entries).toEqual([
      {
        serialNumber: leaf.serialNumber,
        date: '2025-12-31T23:00:00Z',
        reason: 'keyCompromise',
        invalidityDate: '2025-12-31T00:00:00Z',
        notAfter: '2026-01-02T00:00:00Z',
        isCa: false,
        since: '1',
      },
    ])
    expect((await ca.issueCrl()).crl.find(leaf)).toMatchObject({
      reason: 'keyCompromise',
      revocationDate: at(-HOUR),
      invalidityDate: at(-DAY),
    })
  })

  test.each([
    ['2a', '2a'],
    ['2A', '2a'],
    ['00ff', 'ff'],
    ['00', '00'],
    ['-80', '-80'],
  ])('the serial number %s', async (given, serialNumber) => {
    const ca = await revokingCa()
    expect(await ca.revoke(given, { reason: 'superseded' })).toMatchObject({ serialNumber, date: NOW })
    const { crl } = await ca.issueCrl()
    expect(listed(crl)).toEqual([`${serialNumber} superseded`])
    expect((await ca.revoke(serialNumber, { reason: 'superseded' })).changed).toBe(false)
  })

  test('of the certificate and of its serial number is the same', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    await ca.revoke(leaf.serialNumber, { reason: 'superseded' })
    expect((await ca.revoke(leaf, { reason: 'superseded' })).changed).toBe(false)
    expect((await ca.state()).entries).toHaveLength(1)
  })

  test.each<[string, unknown]>([
    ['text', 'serial'],
    ['half an octet', 'abc'],
    ['hex with a prefix', '0x2a'],
    ['colons', '2a:2b'],
    ['nothing', ''],
    ['more than 64 octets', '2a'.repeat(65)],
    ['a number', 42],
    ['null', null],
  ])('%s is no serial number', async (_, given) => {
    const ca = await revokingCa()
    await expect(ca.revoke(given as string, { reason: 'superseded' })).rejects.toThrow(TypeError)
    expect((await ca.state()).entries).toEqual([])
  })
})

describe('reasons (RFC 5280 §5.3.1)', () => {
  const revokedFor = async (...reasons: readonly RevocationReason[]) => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    let last = await ca.revoke(leaf, { reason: reasons[0] ?? 'unspecified' })
    for (const reason of reasons.slice(1)) {
      ca.clock.advance('1h')
      last = await ca.revoke(leaf, { reason })
    }
    const { crl } = await ca.issueCrl()
    return { ...last, found: crl.find(leaf) }
  }

  test.each<[RevocationReason, RevocationReason | undefined]>([
    // "the reason code CRL entry extension SHOULD be absent instead of using the unspecified (0) reasonCode value"
    ['unspecified', undefined],
    ['keyCompromise', 'keyCompromise'],
    ['cACompromise', 'cACompromise'],
    ['affiliationChanged', 'affiliationChanged'],
    ['superseded', 'superseded'],
    ['cessationOfOperation', 'cessationOfOperation'],
    ['certificateHold', 'certificateHold'],
    ['privilegeWithdrawn', 'privilegeWithdrawn'],
    ['aACompromise', 'aACompromise'],
  ])('%s', async (reason, written) => {
    const { found } = await revokedFor(reason)
    expect([found === undefined, found?.reason]).toEqual([false, written])
  })

  test.each<[readonly RevocationReason[], boolean, RevocationReason, number | undefined]>([
    [['superseded', 'superseded'], false, 'superseded', 0],
    [['superseded', 'keyCompromise'], false, 'superseded', 0],
    // A hold never takes the place of a revocation: it could be lifted.
    [['keyCompromise', 'certificateHold'], false, 'keyCompromise', 0],
    [['certificateHold', 'certificateHold'], false, 'certificateHold', 0],
    [['certificateHold', 'keyCompromise'], true, 'keyCompromise', 0],
    [['certificateHold', 'unspecified'], true, 'unspecified', 0],
    [['certificateHold', 'removeFromCRL'], true, 'removeFromCRL', undefined],
    [['certificateHold', 'removeFromCRL', 'removeFromCRL'], false, 'removeFromCRL', undefined],
    [['certificateHold', 'removeFromCRL', 'superseded'], true, 'superseded', 2 * HOUR],
    [['certificateHold', 'removeFromCRL', 'certificateHold'], true, 'certificateHold', 2 * HOUR],
  ])('%j', async (reasons, changed, reason, seconds) => {
    const result = await revokedFor(...reasons)
    expect([result.changed, result.reason]).toEqual([changed, reason])
    expect(result.found?.revocationDate).toEqual(seconds === undefined ? undefined : at(seconds))
  })

  test('a hold that becomes a revocation keeps its invalidity date, unless another is given', async () => {
    const ca = await revokingCa()
    await ca.revoke('01', { reason: 'certificateHold', invalidityDate: at(-DAY) })
    await ca.revoke('02', { reason: 'certificateHold', invalidityDate: at(-DAY) })
    await ca.revoke('01', { reason: 'keyCompromise' })
    await ca.revoke('02', { reason: 'keyCompromise', invalidityDate: at(-2 * DAY) })
    const { crl } = await ca.issueCrl()
    expect([...crl].map(({ invalidityDate }) => invalidityDate)).toEqual([at(-DAY), at(-2 * DAY)])
  })

  test.each<[string, readonly RevocationReason[], string]>([
    ['what was never revoked', [], 'is not revoked'],
    ['a revocation', ['keyCompromise'], 'is revoked for keyCompromise'],
    ['a hold that became a revocation', ['certificateHold', 'superseded'], 'is revoked for superseded'],
  ])('removeFromCRL does not lift %s', async (_, reasons, words) => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    for (const reason of reasons) await ca.revoke(leaf, { reason })
    const before = await ca.state()
    const error = await refusalOfAsync(ca.revoke(leaf, { reason: 'removeFromCRL' }))
    expect([error.code, error.message]).toEqual(['ERR_CA_REVOCATION_REASON', expect.stringContaining(words)])
    expect(await ca.state()).toEqual(before)
  })
})

describe('whose certificate (RFC 5280 §5.1.2.6)', () => {
  test('of another CA: the issuer is compared', async () => {
    const [ca, other] = [await revokingCa(), await below((await revokingCa()).ca)]
    const { certificate } = await other.issueWorkload(await request(), {
      id: 'spiffe://a/b',
      lifetime: '1h',
    })
    const error = await refusalOfAsync(ca.revoke(certificate, { reason: 'superseded' }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_REVOCATION_ISSUER',
      expect.stringMatching(/expected the issuer "CN=Root CA,O=Istio".*Revoke it at the CA that issued it/),
    ])
  })

  test('of another CA of the same name: the authority key identifier is compared', async () => {
    const [ca, twin] = [await revokingCa(), await revokingCa()]
    const [own, foreign] = [await ca.leaf(), await twin.leaf()]
    const error = await refusalOfAsync(ca.revoke(foreign, { reason: 'superseded' }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_REVOCATION_ISSUER',
      expect.stringContaining(String(foreign.authorityKeyIdentifier)),
    ])
    expect((await ca.revoke(own, { reason: 'superseded' })).changed).toBe(true)
  })

  test('a CA without an identifier of its own: what its key would have', async () => {
    const ca = forge({ subject: 'ca' })
    const context = {
      ...(await revokingCa()).context,
      certificate: ca.certificate,
      store: memoryRevocationStore(),
    }
    const leafOf = (...extensions: readonly Uint8Array[]) =>
      forge({ subject: 'leaf', issuer: ca, extensions }).certificate
    expect(await revoke(context, leafOf(), { reason: 'superseded' })).toMatchObject({ changed: true })
    // The uncompressed point of P-256 is the last 65 octets of the key, which is what is hashed (§4.2.1.2 (1)).
    const point = ca.certificate.publicKey.slice(-65)
    const named = leafOf(aki(createHash('sha1').update(point).digest()))
    expect((await revoke(context, named, { reason: 'superseded' })).serialNumber).toBe(named.serialNumber)
    const error = await refusalOfAsync(revoke(context, leafOf(aki(hex('01'))), { reason: 'superseded' }))
    expect(error.code).toBe('ERR_CA_REVOCATION_ISSUER')
  })

  test('a certificate without an authority key identifier, by the name alone', async () => {
    const issuer = forge({ subject: 'ca', extensions: [ski(hex('0102'))] })
    const context = {
      ...(await revokingCa()).context,
      certificate: issuer.certificate,
      store: memoryRevocationStore(),
    }
    const { certificate } = forge({ subject: 'leaf', issuer })
    expect(await revoke(context, certificate, { reason: 'superseded' })).toMatchObject({ changed: true })
  })

  test('a forgery with the serial number of another: the signature is verified', async () => {
    const issuer = forgeCa({ subject: 'ca', extensions: [ski(hex('0102'))] })
    const context = {
      ...(await revokingCa()).context,
      certificate: issuer.certificate,
      store: memoryRevocationStore(),
    }
    const recipe = { subject: 'leaf', serial: 77, extensions: [aki(hex('0102'))] }
    const genuine = forge({ ...recipe, issuer })
    // Only the key differs: name, identifiers and serial number are the CA's.
    const foreign = forge({ ...recipe, issuer: { ...issuer, keys: keysOf('other') } })
    for (const der of [withBadSignature(genuine.der), foreign.der]) {
      const forged = Certificate.fromDer(der)
      expect(forged.serialNumber).toBe(genuine.certificate.serialNumber)
      const error = await refusalOfAsync(revoke(context, forged, { reason: 'superseded' }))
      expect([error.code, error.message]).toEqual([
        'ERR_CA_REVOCATION_ISSUER',
        expect.stringContaining("its signature is not by that CA's key"),
      ])
    }
    expect(await context.store.read()).toBeUndefined()
    expect((await revoke(context, genuine.certificate, { reason: 'superseded' })).changed).toBe(true)
  })

  test('what was put on the certificate since it was read counts for nothing', async () => {
    const ca = await revokingCa()
    const [bad, other] = [await ca.leaf(), await ca.leaf()]
    const dressed = Certificate.fromDer(bad.der)
    Object.defineProperty(dressed, 'serialNumber', { value: other.serialNumber })
    expect((await ca.revoke(dressed, { reason: 'superseded' })).serialNumber).toBe(bad.serialNumber)
    const { crl } = await ca.issueCrl()
    expect([verdict(ca, bad, [crl]), verdict(ca, other, [crl])]).toEqual(['ERR_PATH_REVOKED', 'ok'])
  })

  test('a signature that cannot be verified: the serial number will do', async () => {
    const issuer = forge({ subject: 'ca' })
    const context = {
      ...(await revokingCa()).context,
      certificate: issuer.certificate,
      store: memoryRevocationStore(),
    }
    const { certificate } = forge({ subject: 'leaf', issuer, algorithm: ALGORITHMS['ecdsa-sha1'] })
    const error = await refusalOfAsync(revoke(context, certificate, { reason: 'superseded' }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_REVOCATION_ISSUER',
      expect.stringMatching(/which is not accepted.*revoke the serial number [0-9a-f]+$/),
    ])
    expect((await revoke(context, certificate.serialNumber, { reason: 'superseded' })).changed).toBe(true)
  })

  test('the CA itself', async () => {
    const ca = await revokingCa()
    const error = await refusalOfAsync(ca.revoke(ca.ca.certificate, { reason: 'keyCompromise' }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_REVOCATION_ISSUER',
      expect.stringContaining('Take it out of the trust bundles'),
    ])
  })

  test('an intermediate is noted as a CA', async () => {
    const ca = await revokingCa()
    const { certificate } = await ca.ca.issueIntermediate(await request({ subject: INTERMEDIATE }), {
      lifetime: '30d',
    })
    await ca.revoke(certificate, { reason: 'cACompromise' })
    expect((await ca.state()).entries[0]).toMatchObject({ isCa: true, notAfter: '2026-01-31T00:00:00Z' })
  })

  test('a renewed certificate for the same key goes on with the same store', async () => {
    const privateKey = await keyOf('Ed25519')
    const [before, renewed] = [
      await rootCa({ key: privateKey }),
      await rootCa({ key: privateKey, lifetime: '10d' }),
    ]
    const base = { ...(await revokingCa()).context, store: memoryRevocationStore() }
    await revoke({ ...base, certificate: before.certificate }, '01', { reason: 'superseded' })
    const again = await revoke({ ...base, certificate: renewed.certificate }, '01', { reason: 'superseded' })
    expect([before.certificate.equals(renewed.certificate), again.changed]).toEqual([false, false])
  })
})

describe('options of revoke', () => {
  test.each<[string, object, RegExp]>([
    ['no reason', {}, /"reason" must be one of/],
    ['an unknown reason', { reason: 'weak' }, /"reason" must be one of .*; got "weak"/],
    ['a reason in numbers', { reason: 1 }, /"reason" must be one of/],
    ['an unknown option', { reason: 'superseded', when: NOW }, /no option "when"/],
    ['a date that is none', { reason: 'superseded', date: 'now' }, /"date" must be a Date/],
    ['an invalid date', { reason: 'superseded', date: new Date(Number.NaN) }, /"date" is an invalid Date/],
    ['a date of the future', { reason: 'superseded', date: at(1) }, /"date" must not lie in the future/],
    ['a date before 1950', { reason: 'superseded', date: new Date(-631152001000) }, /between 1950 and 9999/],
    [
      'an invalidity date before 1950',
      { reason: 'superseded', invalidityDate: new Date(-631152001000) },
      /"invalidityDate" must lie between 1950 and 9999/,
    ],
    ['a signal that is none', { reason: 'superseded', signal: true }, /"signal"/],
  ])('%s', async (_, options, message) => {
    const ca = await revokingCa()
    const outcome = await ca.revoke('01', options as never).catch((error: unknown) => error)
    expect(outcome).toSatisfy((error) => error instanceof TypeError || error instanceof RangeError)
    expect(String(outcome)).toMatch(message)
    expect((await ca.state()).entries).toEqual([])
  })

  test('now, to the second, is no future', async () => {
    const ca = await revokingCa()
    expect((await ca.revoke('01', { reason: 'superseded', date: NOW })).date).toEqual(NOW)
  })
})

describe('replicas', () => {
  test('what another replica revoked in between is kept', async () => {
    const inner = memoryRevocationStore()
    const other = await revokingCa({ store: inner })
    let raced = 0
    const mine = {
      ...other.context,
      store: racedStore(inner, async () => {
        if (raced++ < 3) await other.revoke(`0${raced}`, { reason: 'superseded' })
      }),
    }
    await revoke(mine, 'aa', { reason: 'keyCompromise' })
    expect(listed((await other.issueCrl()).crl)).toEqual([
      '01 superseded',
      '02 superseded',
      '03 superseded',
      'aa keyCompromise',
    ])
  })

  test('the other one was first with the same: the first date stays', async () => {
    const inner = memoryRevocationStore()
    const other = await revokingCa({ store: inner })
    let raced = false
    const store = racedStore(inner, async () => {
      if (!raced) await other.revoke('aa', { reason: 'superseded', date: at(-HOUR) })
      raced = true
    })
    const change = await revoke({ ...other.context, store }, 'aa', { reason: 'keyCompromise' })
    expect(change).toMatchObject({ changed: false, reason: 'superseded', date: at(-HOUR) })
  })

  test('one that is never first gives up, with nothing changed', async () => {
    const inner = memoryRevocationStore()
    let calls = 0
    const ca = await revokingCa({
      store: scriptedStore(inner, () => {
        calls++
        return 'conflict'
      }),
    })
    const error = await refusalOfAsync(ca.revoke('01', { reason: 'superseded' }))
    expect([error.code, error.data, calls]).toEqual(['ERR_CA_REVOCATION_CONFLICT', { attempts: 32 }, 32])
    expect(await inner.read()).toBeUndefined()
  })

  test.each(['fails', 'fails after it was done'] as const)(
    'a store that %s: its error is the cause, and trying again is safe',
    async (misdeed) => {
      const script = [misdeed]
      const ca = await revokingCa({ store: scriptedStore(memoryRevocationStore(), () => script.shift()) })
      const error = await refusalOfAsync(ca.revoke('01', { reason: 'superseded' }))
      expect([error.code, error.cause]).toEqual([
        'ERR_CA_REVOCATION_STORE',
        expect.objectContaining({ message: misdeed === 'fails' ? 'ECONNRESET' : 'ETIMEDOUT' }),
      ])
      expect((await ca.revoke('01', { reason: 'superseded' })).changed).toBe(misdeed === 'fails')
      expect(listed((await ca.issueCrl()).crl)).toEqual(['01 superseded'])
    },
  )

  test('a store that cannot be read', async () => {
    const ca = await revokingCa({
      store: {
        read: () => {
          throw new Error('no route')
        },
        replace: async () => true,
      },
    })
    const error = await refusalOfAsync(ca.revoke('01', { reason: 'superseded' }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_REVOCATION_STORE',
      expect.stringContaining('nothing was done'),
    ])
  })

  test('one that hangs ends with the signal', async () => {
    const controller = new AbortController()
    const reason = new Error('too slow')
    const ca = await revokingCa({
      store: {
        read: () => {
          controller.abort(reason)
          return new Promise(() => {})
        },
        replace: async () => true,
      },
    })
    const hanging = ca.revoke('01', { reason: 'superseded', signal: controller.signal })
    await expect(hanging).rejects.toBe(reason)
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['a path', '/var/lib/revocations.json'],
    ['a map', new Map()],
    ['a promise of one', Promise.resolve(memoryRevocationStore())],
    ['one that only reads', { read: async () => undefined }],
  ])('%s is no store, and is refused before there is a CA', async (_, store) => {
    const { ca } = await revokingCa()
    const revocations = store as never
    const message = /option "revocations" must be a revocation store/
    await expect(rootCa({ revocations })).rejects.toThrow(message)
    const { certificate, signer } = ca
    await expect(CertificateAuthority.from({ certificate, signer, revocations })).rejects.toThrow(message)
  })
})

test('a revoked certificate does not verify, and its neighbour does', async () => {
  const ca = await revokingCa()
  const [bad, good] = [await ca.leaf(), await ca.leaf()]
  await ca.revoke(bad, { reason: 'keyCompromise' })
  const { crl } = await ca.issueCrl()
  expect([verdict(ca, bad, [crl]), verdict(ca, good, [crl])]).toEqual(['ERR_PATH_REVOKED', 'ok'])
  expect(verdict(ca, good, [])).toBe('ERR_PATH_REVOCATION_UNKNOWN')
})
