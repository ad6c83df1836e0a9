import { webcrypto } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../../../src/ca/index.ts'
import { verifyPath } from '../../../src/verify/index.ts'
import { PrivateKey, type Signer } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import {
  CallersSigner,
  clockAt,
  cryptoKeyPair,
  ID,
  INTERMEDIATE,
  keyOf,
  NOW,
  request,
  rootCa,
} from './support.ts'

/** A CA whose signer is a caller's: sound while it is taken over, then it answers as told. */
async function caWith(answer: (tbs: Uint8Array, inner: Signer, signal: unknown) => unknown) {
  const inner = await keyOf('P-256')
  const signer = new CallersSigner(inner, (tbs, options, call) =>
    call === 1 ? inner.sign(tbs) : answer(tbs, inner, options?.signal),
  )
  const { certificate } = await rootCa({ key: inner })
  return { ca: await CertificateAuthority.from({ certificate, signer, clock: clockAt() }), signer }
}

describe("a caller's signer is verified before release (decision 3)", () => {
  test.each<[string, (tbs: Uint8Array, inner: Signer) => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['text', () => 'MEUCIQ'],
    ['a number', () => 5],
    ['an ArrayBuffer', () => new ArrayBuffer(70)],
    ['an array', () => [1, 2]],
    ['a promise of null', async () => null],
    ['an empty signature', () => new Uint8Array()],
    ['zeros', () => new Uint8Array(70)],
    ['random bytes', () => webcrypto.getRandomValues(new Uint8Array(70))],
    ["another message's signature", async (tbs, inner) => inner.sign(tbs.subarray(1))],
    [
      'its signature with a byte after it',
      async (tbs, inner) => Uint8Array.of(...(await inner.sign(tbs)), 0),
    ],
    ['its signature cut short', async (tbs, inner) => (await inner.sign(tbs)).subarray(0, -1)],
    ["another key's signature", async (tbs) => (await keyOf('P-256')).sign(tbs)],
    ['a megabyte', () => new Uint8Array(1 << 20)],
  ])('%s', async (_, answer) => {
    const { ca, signer } = await caWith(answer)
    for (const issue of [
      () => request().then((csr) => ca.issueWorkload(csr, { id: ID, lifetime: '1h' })),
      () => request({ subject: INTERMEDIATE }).then((csr) => ca.issueIntermediate(csr, { lifetime: '1h' })),
    ]) {
      const error = await refusalOfAsync(issue())
      expect(error.code).toBe('ERR_CA_SIGNER')
      expect(error.message).toMatch(/signer('s)? answer/)
    }
    expect(signer.calls).toBe(3)
  })

  test('r || s in place of DER, with the remedy in the message', async () => {
    const pair = await cryptoKeyPair('P-256')
    const key = await PrivateKey.fromCryptoKeyPair(pair)
    const raw = new CallersSigner(
      key,
      async (tbs) =>
        new Uint8Array(
          await webcrypto.subtle.sign(
            { name: 'ECDSA', hash: 'SHA-256' },
            pair.privateKey,
            new Uint8Array(tbs),
          ),
        ),
    )
    const error = await refusalOfAsync(rootCa({ key: raw }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_SIGNER',
      expect.stringContaining('ECDSA signatures must be DER, not r || s'),
    ])
    await rootCa({ key: new CallersSigner(key) })
  })

  test('a signer that changes the bytes it was given', async () => {
    const { ca } = await caWith(async (tbs, inner) => {
      const signature = await inner.sign(tbs)
      tbs.fill(0x41)
      return signature
    })
    const outcome = await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' }).then(
      ({ certificate }) => verifyPath(certificate, { anchors: ca.certificate, purpose: 'any', time: NOW }),
      (error: { code?: string }) => error.code,
    )
    if (typeof outcome === 'string') expect(outcome).toMatch(/^ERR_/)
    else expect(outcome?.certificates).toHaveLength(2)
  })

  test('an algorithm that its key does not make, or nobody knows', async () => {
    const { publicKey } = await keyOf('P-256')
    for (const signatureAlgorithm of [
      'ed25519',
      'rsa-sha256',
      'ecdsa-sha1',
      '',
      'constructor',
    ] as 'ed25519'[]) {
      const error = await refusalOfAsync(
        rootCa({ key: { publicKey, signatureAlgorithm, sign: () => new Uint8Array() } }),
      )
      expect([error.code, error.message]).toEqual([
        'ERR_CA_SIGNER',
        expect.stringMatching(/its key is P-256/),
      ])
    }
  })

  test('a public key that is none', async () => {
    const { publicKey, signatureAlgorithm } = await keyOf('Ed25519')
    for (const wrong of [
      new Uint8Array(),
      Uint8Array.of(0x30, 0),
      publicKey.subarray(1),
      publicKey.subarray(0, -1),
      Uint8Array.of(...publicKey, 0),
    ]) {
      const error = await refusalOfAsync(
        rootCa({ key: { publicKey: wrong, signatureAlgorithm, sign: () => new Uint8Array(64) } }),
      )
      expect(error.code).toMatch(/^ERR_(DER|KEY|CA)_/)
    }
  })
})

describe('a signer that fails', () => {
  test('its own error reaches the caller, and the CA goes on', async () => {
    const denied = new Error('ThrottlingException')
    let broken = true
    const { ca } = await caWith((tbs, inner) => (broken ? Promise.reject(denied) : inner.sign(tbs)))
    const csr = await request()
    const error = await ca.issueWorkload(csr, { id: ID, lifetime: '1h' }).catch((reason: unknown) => reason)
    expect([error, (error as Error).cause]).toContain(denied)
    broken = false
    await ca.issueWorkload(csr, { id: ID, lifetime: '1h' })
  })

  test('the same where it throws at once', async () => {
    const denied = new Error('CKR_DEVICE_REMOVED')
    const { ca } = await caWith(() => {
      throw denied
    })
    const error = await ca
      .issueWorkload(await request(), { id: ID, lifetime: '1h' })
      .catch((reason: unknown) => reason)
    expect([error, (error as Error).cause]).toContain(denied)
  })

  test('one that hangs ends with the signal that it is given', async () => {
    const controller = new AbortController()
    const reason = new Error('too slow')
    const { ca } = await caWith(
      (_, __, signal) =>
        new Promise((_resolve, reject) => {
          const given = signal as AbortSignal
          given.addEventListener('abort', () => reject(given.reason))
          controller.abort(reason)
        }),
    )
    const issue = ca.issueWorkload(await request(), { id: ID, lifetime: '1h', signal: controller.signal })
    await expect(issue).rejects.toBe(reason)
  })

  test('an aborted signal ends issuing with a key of ours', async () => {
    const root = await rootCa()
    const signal = AbortSignal.abort(new Error('gone'))
    const csr = await request({ subject: INTERMEDIATE })
    await expect(root.issueWorkload(csr, { id: ID, lifetime: '1h', signal })).rejects.toThrow('gone')
    await expect(root.issueIntermediate(csr, { lifetime: '1h', signal })).rejects.toThrow('gone')
    await expect(rootCa({ signal })).rejects.toThrow('gone')
    await root.issueWorkload(csr, { id: ID, lifetime: '1h', signal: new AbortController().signal })
  })
})

describe('keys that WebCrypto holds, not extractable', () => {
  test.each([
    ['P-256', 'SHA-256', 'ecdsa-sha256'],
    ['P-384', 'SHA-256', 'ecdsa-sha384'],
    ['P-521', 'SHA-256', 'ecdsa-sha512'],
    ['Ed25519', 'SHA-256', 'ed25519'],
    ['RSA-2048', 'SHA-256', 'rsa-sha256'],
    ['RSA-2048', 'SHA-384', 'rsa-sha384'],
    ['RSA-2048', 'SHA-512', 'rsa-sha512'],
  ] as const)('%s, %s', async (kind, hash, algorithm) => {
    const pair = await cryptoKeyPair(kind, { hash })
    const key = await PrivateKey.fromCryptoKeyPair(pair)
    const root = await rootCa({ key })
    expect([root.certificate.signatureAlgorithm, root.signer]).toEqual([algorithm, key])
    const { certificate } = await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    await verifyPath(certificate, { anchors: root.certificate, purpose: 'serverAuth', time: NOW })
    expect([pair.privateKey.extractable, key.extractable]).toEqual([false, false])
  })

  test('made under an explicit crypto: every signature goes through it (decision 3)', async () => {
    let signatures = 0
    const subtle = new Proxy(webcrypto.subtle, {
      get: (target, name) => {
        if (name === 'sign') signatures++
        return Reflect.get(target, name, target).bind(target)
      },
    })
    const crypto = { subtle, getRandomValues: webcrypto.getRandomValues.bind(webcrypto) } as unknown as Crypto
    const root = await rootCa({ key: 'P-256', crypto })
    const before = signatures
    await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    expect([before, signatures]).toEqual([2, 3])
  })

  test("garbage from a caller's WebCrypto is not released", async () => {
    const subtle = new Proxy(webcrypto.subtle, {
      get: (target, name) =>
        name === 'sign' ? async () => new ArrayBuffer(64) : Reflect.get(target, name, target).bind(target),
    })
    const crypto = { subtle, getRandomValues: webcrypto.getRandomValues.bind(webcrypto) } as unknown as Crypto
    for (const key of ['Ed25519', 'P-256'] as const) {
      const error = await rootCa({ key, crypto }).catch((reason: { code?: string }) => reason)
      expect((error as { code?: string }).code).toMatch(/^ERR_/)
    }
  })
})
