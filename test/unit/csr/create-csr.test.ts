import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { inspect } from 'node:util'
import * as peculiar from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import { createCsr, VerifiedCsr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import { PrivateKey, type Signer } from '../../../src/x509/index.ts'
import { toHex } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { CallersSigner, cryptoKeyPair, keyOf } from '../ca/support.ts'

const KINDS = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048'] as const
const ALGORITHM = {
  'P-256': 'ecdsa-sha256',
  'P-384': 'ecdsa-sha384',
  'P-521': 'ecdsa-sha512',
  Ed25519: 'ed25519',
  'RSA-2048': 'rsa-sha256',
} as const

describe.each(KINDS)('%s', (kind) => {
  test.each([
    ['node:crypto', {}],
    ['WebCrypto', { crypto: globalThis.crypto }],
  ])('made by %s, proven by either', async (_, options) => {
    const { csr, signer, privateKey } = await createCsr({
      key: kind,
      subject: 'CN=a',
      subjectAltNames: [{ type: 'dns', value: 'a.example' }],
      ...options,
    })
    expect([csr.publicKeyType, csr.signatureAlgorithm]).toEqual([kind, ALGORITHM[kind]])
    expect(privateKey).toBe(signer)
    expect(csr.publicKey).toEqual(signer.publicKey)
    expect(privateKey?.extractable).toBe(false)
    for (const crypto of [undefined, globalThis.crypto]) {
      const verified = await verifyProofOfPossession(csr.toPem(), { crypto })
      expect(verified).toBeInstanceOf(VerifiedCsr)
      expect(verified.csr.der).toEqual(csr.der)
    }
  })

  test("a caller's signer, synchronous and asynchronous", async () => {
    const inner = await keyOf(kind)
    for (const answer of [undefined, async (tbs: Uint8Array) => inner.sign(tbs)]) {
      const signer = new CallersSigner(inner, answer)
      const made = await createCsr({ key: signer, subject: 'CN=kms' })
      expect([made.signer, made.privateKey, signer.calls]).toEqual([signer, undefined, 1])
      await verifyProofOfPossession(made.csr)
    }
  })
})

describe("what a caller's signer answers is verified before release", () => {
  test.each<[string, (tbs: Uint8Array, inner: Signer) => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['text', () => 'signature'],
    ['a number', () => 64],
    ['an ArrayBuffer', () => new ArrayBuffer(64)],
    ['an array of numbers', () => [1, 2, 3]],
    ['an empty array', () => new Uint8Array()],
    ['zeros', () => new Uint8Array(64)],
    ['a promise of text', async () => 'signature'],
    ["another message's signature", async (tbs, inner) => inner.sign(tbs.subarray(1))],
    ['its signature and one byte', async (tbs, inner) => Uint8Array.of(...(await inner.sign(tbs)), 0)],
  ])('%s', async (_, answer) => {
    const inner = await keyOf('P-256')
    const signer = new CallersSigner(inner, (tbs) => answer(tbs, inner))
    const error = await refusalOfAsync(createCsr({ key: signer }))
    expect(error.code).toMatch(/^ERR_(CSR_SIGNATURE|DER_.*)$/)
    await verifyProofOfPossession((await createCsr({ key: new CallersSigner(inner) })).csr)
  })

  test('r || s, as WebCrypto and AWS SDKs for JWT answer it (RFC 5480 appendix A wants a SEQUENCE)', async () => {
    const pair = await cryptoKeyPair('P-256')
    const publicKey = new Uint8Array(await webcrypto.subtle.exportKey('spki', pair.publicKey))
    const signer: Signer = {
      publicKey,
      signatureAlgorithm: 'ecdsa-sha256',
      sign: async (tbs) =>
        new Uint8Array(
          await webcrypto.subtle.sign(
            { name: 'ECDSA', hash: 'SHA-256' },
            pair.privateKey,
            new Uint8Array(tbs),
          ),
        ),
    }
    expect((await refusalOfAsync(createCsr({ key: signer }))).code).toBe('ERR_CSR_SIGNATURE')
    await verifyProofOfPossession((await createCsr({ key: await PrivateKey.fromCryptoKeyPair(pair) })).csr)
  })

  test("a caller's WebCrypto that answers garbage, under our PrivateKey", async () => {
    for (const kind of ['Ed25519', 'P-256', 'RSA-2048'] as const) {
      const subtle = webcrypto.subtle
      const crypto = {
        getRandomValues: <T extends Uint8Array<ArrayBuffer>>(array: T): T => webcrypto.getRandomValues(array),
        subtle: new Proxy(subtle, {
          get: (target, name) =>
            name === 'sign'
              ? async () => new ArrayBuffer(kind === 'RSA-2048' ? 256 : 64)
              : Reflect.get(target, name, target).bind(target),
        }),
      } as unknown as Crypto
      expect((await refusalOfAsync(createCsr({ key: kind, crypto }))).code).toMatch(
        /^ERR_CSR_SIGNATURE$|^ERR_DER/,
      )
    }
  })

  test('a public key that is no SubjectPublicKeyInfo, or not only one', async () => {
    const inner = await keyOf('Ed25519')
    const sign = (tbs: Uint8Array) => inner.sign(tbs)
    const { publicKey, signatureAlgorithm } = inner
    for (const wrong of [
      new Uint8Array(),
      Uint8Array.of(0x30, 0),
      Uint8Array.of(...publicKey, 5, 0),
      publicKey.subarray(1),
    ]) {
      const error = await refusalOfAsync(createCsr({ key: { publicKey: wrong, signatureAlgorithm, sign } }))
      expect(error.code).toMatch(/^ERR_(DER|CSR|KEY)_/)
    }
  })

  test('an algorithm that its key does not make', async () => {
    const inner = await keyOf('Ed25519')
    const signer = {
      publicKey: inner.publicKey,
      signatureAlgorithm: 'ecdsa-sha256' as const,
      sign: (t: Uint8Array) => inner.sign(t),
    }
    expect((await refusalOfAsync(createCsr({ key: signer }))).code).toBe('ERR_CSR_SIGNATURE')
  })

  test.each(['md5', 'constructor', '__proto__', ''])('an algorithm that nobody knows: %s', async (name) => {
    const inner = await keyOf('Ed25519')
    const signer = {
      publicKey: inner.publicKey,
      signatureAlgorithm: name as 'ed25519',
      sign: (t: Uint8Array) => inner.sign(t),
    }
    const outcome = await createCsr({ key: signer }).then(
      () => 'made',
      (error: unknown) => error,
    )
    expect(outcome).toBeInstanceOf(Error)
  })

  test("the signer's own failure reaches the caller", async () => {
    const denied = new Error('AccessDeniedException')
    const inner = await keyOf('Ed25519')
    const rejects = new CallersSigner(inner, () => Promise.reject(denied))
    const throws = new CallersSigner(inner, () => {
      throw denied
    })
    for (const key of [rejects, throws]) {
      const error = await createCsr({ key }).catch((reason: unknown) => reason)
      expect([error, (error as Error).cause]).toContain(denied)
    }
  })
})

describe('equal to the generator of @peculiar/x509 where signatures are deterministic', () => {
  test.each(['Ed25519', 'RSA-2048'] as const)('%s', async (kind) => {
    const pair = await cryptoKeyPair(kind, { extractable: true })
    const names = [
      { type: 'dns', value: 'istiod.istio-system.svc' },
      { type: 'ip', value: '10.0.0.1' },
    ] as const
    for (const { subject, critical } of [
      { subject: [{ O: 'Istio' }, { CN: 'Intermediate CA' }, { L: 'kind2' }], critical: false },
      { subject: [], critical: true },
    ]) {
      const theirs = await peculiar.Pkcs10CertificateRequestGenerator.create({
        name: new peculiar.Name(
          subject.map((rdn) => Object.fromEntries(Object.entries(rdn).map(([k, v]) => [k, [v]]))),
        ),
        keys: pair,
        signingAlgorithm: { name: pair.privateKey.algorithm.name, hash: 'SHA-256' },
        extensions: [new peculiar.SubjectAlternativeNameExtension([...names], critical)],
      })
      const { csr } = await createCsr({
        key: await PrivateKey.fromCryptoKeyPair(pair),
        subject,
        subjectAltNames: names,
      })
      expect(toHex(csr.der)).toBe(toHex(new Uint8Array(theirs.rawData)))
    }
  })
})

describe('options', () => {
  test.each<[string, object, RegExp]>([
    [
      'an unknown option',
      { key: 'Ed25519', subjectAltName: [] },
      /no option "subjectAltName".*mean "subjectAltNames"/,
    ],
    ['no key', { subject: 'CN=a' }, /option "key" must be/],
    ['RSA-1024', { key: 'RSA-1024' }, /option "key" must be.*RSA-2048/],
    ['a plain object as key', { key: {} }, /option "key"/],
  ])('%s is misuse', async (_, options, message) => {
    const wrong = createCsr(options as Parameters<typeof createCsr>[0])
    await expect(wrong).rejects.toThrow(TypeError)
    await expect(createCsr(options as Parameters<typeof createCsr>[0])).rejects.toThrow(message)
  })

  test.each([
    ['a NUL in the subject', { subject: [{ CN: 'a\0b' }] }, 'ERR_NAME_SYNTAX'],
    ['an unknown attribute', { subject: 'XYZ=a' }, 'ERR_NAME_SYNTAX'],
    ['half a surrogate pair', { subject: [{ CN: '\ud800' }] }, 'ERR_NAME_SYNTAX'],
    ['a country that is no PrintableString', { subject: [{ C: 'ü' }] }, 'ERR_NAME_SYNTAX'],
    ['a NUL in a DNS name', { subjectAltNames: [{ type: 'dns', value: 'a\0.b' }] }, 'ERR_GENERAL_NAME'],
    [
      'a DNS name that is no A-label',
      { subjectAltNames: [{ type: 'dns', value: 'bücher.example' }] },
      'ERR_GENERAL_NAME',
    ],
    ['an empty name', { subjectAltNames: [{ type: 'uri', value: '' }] }, 'ERR_GENERAL_NAME'],
    ['a bad IP address', { subjectAltNames: [{ type: 'ip', value: '1.2.3' }] }, 'ERR_GENERAL_NAME'],
  ] as const)('%s is refused', async (_, options, code) => {
    expect((await refusalOfAsync(createCsr({ key: 'Ed25519', ...options }))).code).toBe(code)
  })

  test('a refusal escapes and cuts what it shows', async () => {
    const error = await refusalOfAsync(
      createCsr({
        key: 'Ed25519',
        subjectAltNames: [{ type: 'dns', value: `a\u202e\n${'x'.repeat(5000)}` }],
      }),
    )
    expect(error.message).toContain('\\u{202e}\\u{a}')
    expect(error.message.length).toBeLessThan(600)
  })

  test('nothing that is answered prints the key', async () => {
    const pair = await cryptoKeyPair('P-256', { extractable: true })
    const { d = '' } = await webcrypto.subtle.exportKey('jwk', pair.privateKey)
    const made = await createCsr({ key: await PrivateKey.fromCryptoKeyPair(pair) })
    const secret = Buffer.from(d, 'base64url')
    const shown =
      inspect(made, { depth: 20, showHidden: true }) + JSON.stringify(made) + String(made.privateKey)
    for (const form of [d, secret.toString('hex'), secret.toString('base64')])
      expect(shown).not.toContain(form)
    expect(shown).toContain(made.privateKey?.fingerprint())
  })
})
