import { verify } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type VaultSignerOptions, vaultAuth, vaultSigner } from '../../../src/issuers/vault/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { CALL_TIMEOUT, contractClock } from './contract-clock.ts'
import { VaultDouble } from './vault-double.ts'

const TOKEN = 'hvs.CAESIJ-a-secret-of-the-tests'
const MESSAGE = new TextEncoder().encode('what is signed')

let vault: VaultDouble
beforeEach(async () => {
  vault = await VaultDouble.start()
  vault.tokens.add(TOKEN)
  vault.addKey('mesh-root', 'ecdsa-p256', 3)
})
afterEach(() => vault.close())

const signerOf = (options: Partial<VaultSignerOptions> = {}) =>
  vaultSigner({
    auth: vaultAuth({ server: vault.url, token: TOKEN }),
    key: 'mesh-root',
    prehashed: false,
    clock: contractClock(() => undefined),
    timeout: CALL_TIMEOUT,
    ...options,
  })

const answerKey = (data: unknown): void => {
  vault.intercept = ({ path }, response) => {
    if (!path.startsWith('/v1/transit/keys/')) return false
    response.end(JSON.stringify({ data }))
    return true
  }
}

describe('what is sent', () => {
  test('messages of an ECDSA key, by its latest version, which stays', async () => {
    const signer = await signerOf()
    await signer.sign(MESSAGE)
    expect(vault.heard.map(({ method, path }) => [method, path])).toEqual([
      ['GET', '/v1/transit/keys/mesh-root'],
      ['POST', '/v1/transit/sign/mesh-root/sha2-256'],
    ])
    expect(vault.heard[1]?.body).toEqual({
      input: Buffer.from(MESSAGE).toString('base64'),
      key_version: 3,
      prehashed: false,
      marshaling_algorithm: 'asn1',
    })
  })

  test('a version that is asked for', async () => {
    const signer = await signerOf({ keyVersion: 1 })
    const first = vault.transit.get('mesh-root')?.keys[0]
    if (first === undefined) throw new Error('the double has no key')
    expect(verify('sha256', MESSAGE, first.publicKey, await signer.sign(MESSAGE))).toBe(true)
    expect(vault.heard[1]?.body['key_version']).toBe(1)
  })

  test('digests by default', async () => {
    const signer = await signerOf({ prehashed: undefined, attempts: 1 })
    vault.how = 'refused'
    await refusalOfAsync(Promise.resolve(signer.sign(MESSAGE)))
    expect(vault.heard[1]?.body).toMatchObject({
      prehashed: true,
      // By `printf 'what is signed' | openssl dgst -sha256 -binary | base64`.
      input: 'gZiTQ0xP6YGGqTzieCx6cwI6RrWIsIm7VZ+Y/EuJXDw=',
    })
  })

  test.each([
    ['rsa-sha256', { signature_algorithm: 'pkcs1v15' }, 'sha2-256'],
    ['rsa-pss-sha512', { signature_algorithm: 'pss', salt_length: 'hash' }, 'sha2-512'],
  ] as const)('%s', async (signatureAlgorithm, fields, hash) => {
    vault.addKey('rsa', 'rsa-2048')
    const signer = await signerOf({ key: 'rsa', signatureAlgorithm })
    await signer.sign(MESSAGE)
    expect(vault.heard[1]?.path).toBe(`/v1/transit/sign/rsa/${hash}`)
    expect(vault.heard[1]?.body).toMatchObject(fields)
  })

  test('messages of an Ed25519 key, without a hash', async () => {
    vault.addKey('ed', 'ed25519')
    const signer = await signerOf({ key: 'ed', prehashed: undefined })
    await signer.sign(MESSAGE)
    expect(vault.heard[1]?.path).toBe('/v1/transit/sign/ed')
    expect(vault.heard[1]?.body).toEqual({ input: Buffer.from(MESSAGE).toString('base64'), key_version: 1 })
  })

  test('another mount', async () => {
    await expect(signerOf({ mount: 'kms/transit' })).rejects.toThrow(/status 404/)
    expect(vault.heard[0]?.path).toBe('/v1/kms/transit/keys/mesh-root')
  })
})

describe('keys that cannot sign', () => {
  const public_key = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'
  test.each<[string, unknown, RegExp]>([
    [
      'one for encryption',
      { supports_signing: false, latest_version: 1, keys: { 1: 1442851412 } },
      /does not sign/,
    ],
    ['a derived one', { derived: true, latest_version: 1, keys: { 1: { public_key } } }, /is derived/],
    [
      'a version that is not there',
      { latest_version: 2, keys: { 1: { public_key } } },
      /no public key of version 2/,
    ],
    ['a symmetric one', { latest_version: 1, keys: { 1: 1442851412 } }, /no public key of version 1/],
    [
      'a version that signs no longer',
      { latest_version: 1, min_encryption_version: 2, keys: { 1: { public_key } } },
      /min_encryption_version is 2/,
    ],
    ['no version', { keys: {} }, /no public key of version 0/],
    [
      '33 octets',
      { latest_version: 1, keys: { 1: { public_key: Buffer.alloc(33).toString('base64') } } },
      /neither PEM nor 32 octets/,
    ],
    ['nothing', undefined, /no public key/],
  ])('%s', async (_, data, text) => {
    answerKey(data)
    await expect(signerOf()).rejects.toThrow(text)
    await expect(signerOf()).rejects.toMatchObject({ retryable: false, outcome: 'failed' })
  })

  test('a public key that is none', async () => {
    answerKey({ latest_version: 1, keys: { 1: { public_key } } })
    expect((await refusalOfAsync(signerOf())).code).toMatch(/^ERR_(DER|KEY|PEM)_/)
  })

  test('one that Vault does not show', async () => {
    vault.tokens.clear()
    await expect(signerOf()).rejects.toThrow(/status 403\) the transit key mesh-root: .*permission denied/)
  })
})

describe('answers that are no signature', () => {
  test.each<[string, string, string, RegExp]>([
    [
      'of another version',
      'vault:v2:MEUCIQ==',
      'ERR_SIGNER_FAILED',
      /signed by version 2 of the key; version 3/,
    ],
    ['of no form', 'MEUCIQ==', 'ERR_SIGNER_FAILED', /without a signature/],
    ['no base64', 'vault:v3:M===', 'ERR_SIGNER_FAILED', /no base64/],
    ['too long', `vault:v3:${'A'.repeat(4000)}`, 'ERR_SIGNER_FAILED', /without a signature/],
    ['another', 'vault:v3:MEUCIQ==', 'ERR_SIGNER_SIGNATURE', /does not verify/],
  ])('%s', async (_, signature, code, text) => {
    const signer = await signerOf()
    vault.intercept = (_heard, response) => {
      response.end(JSON.stringify({ data: { signature } }))
      return true
    }
    const error = await refusalOfAsync(Promise.resolve(signer.sign(MESSAGE)))
    expect(error.code).toBe(code)
    const cause = error.cause instanceof Error ? error.cause.message : ''
    expect(`${error.message} ${cause}`).toMatch(text)
  })
})

describe('options', () => {
  test.each<[string, object, RegExp]>([
    ['no key', { key: undefined }, /needs the option "key"/],
    ['a key upwards', { key: '../sys' }, /option "key"/],
    ['a key with a slash', { key: 'a/b' }, /one name without/],
    ['no auth', { auth: {} }, /must come from vaultAuth/],
    ['version 0', { keyVersion: 0 }, /option "keyVersion"/],
    ['prehashed', { prehashed: 'yes' }, /option "prehashed"/],
    ['a timeout', { timeout: 5 }, /option "timeout"/],
    ['a signal', { signal: 5 }, /option "signal"/],
    ['an unknown one', { version: 1 }, /no option "version"/],
  ])('%s', async (_, options, text) => {
    const pending = Reflect.apply(vaultSigner, undefined, [
      { auth: vaultAuth({ server: vault.url, token: TOKEN }), key: 'mesh-root', ...options },
    ])
    await expect(pending).rejects.toThrow(text)
    expect(vault.heard).toEqual([])
  })

  test('an algorithm of another key', async () => {
    await expect(signerOf({ signatureAlgorithm: 'rsa-sha256' })).rejects.toThrow(/the public key is P-256/)
  })

  test('a signal ends the reading of the key', async () => {
    const reason = new Error('enough')
    await expect(signerOf({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
