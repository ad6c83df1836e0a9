import { createHash, generateKeyPairSync, sign as signByNode } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../src/csr/index.ts'
import type { Clock } from '../../../src/index.ts'
import { type AwsKmsSignerOptions, awsKmsSigner } from '../../../src/issuers/aws-private-ca/index.ts'
import { verifyPath } from '../../../src/verify/index.ts'
import type { RemoteSignerEvent, SignatureAlgorithm } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { awsError, SECRETS } from './aws-double.ts'
import { KEY_ARN, type KmsSpec, kmsDouble } from './aws-kms-double.ts'
import { everythingIn } from './secrets.ts'

const [KEY_ID, TOKEN] = SECRETS

const ID = 'spiffe://cluster.local/ns/default/sa/web'
const newCsr = async (): Promise<Csr> => (await createCsr({ key: 'P-256' })).csr

const MESSAGE = new TextEncoder().encode('to be signed')

// The double signs digests by OpenSSL's own program.
if (requirement('openssl', opensslAvailable)) {
  test.each<[KmsSpec, SignatureAlgorithm | undefined, SignatureAlgorithm, string, number]>([
    ['ECC_NIST_P256', undefined, 'ecdsa-sha256', 'ECDSA_SHA_256', 32],
    ['ECC_NIST_P384', undefined, 'ecdsa-sha384', 'ECDSA_SHA_384', 48],
    ['RSA_2048', undefined, 'rsa-sha256', 'RSASSA_PKCS1_V1_5_SHA_256', 32],
    ['RSA_2048', 'rsa-sha512', 'rsa-sha512', 'RSASSA_PKCS1_V1_5_SHA_512', 64],
    ['RSA_2048', 'rsa-pss-sha256', 'rsa-pss-sha256', 'RSASSA_PSS_SHA_256', 32],
  ])(
    'a signature of %s (%s) is asked for by the digest',
    async (spec, signatureAlgorithm, made, name, size) => {
      const { client } = kmsDouble(spec)
      const signer = await awsKmsSigner({ client, keyId: 'alias/mesh', signatureAlgorithm })
      expect(signer.signatureAlgorithm).toBe(made)
      await signer.sign(MESSAGE)
      expect(client.getPublicKey.mock.calls.map(([input]) => input)).toEqual([{ KeyId: 'alias/mesh' }])
      const [input] = client.sign.mock.calls[0] ?? []
      // The key, not the alias, which may lead elsewhere tomorrow.
      expect(input).toMatchObject({ KeyId: KEY_ARN, MessageType: 'DIGEST', SigningAlgorithm: name })
      expect(Buffer.from(input?.Message ?? []).toString('hex')).toBe(
        createHash(`sha${size * 8}`)
          .update(MESSAGE)
          .digest('hex'),
      )
    },
  )
}

describe('a signature', () => {
  test('of Ed25519 is asked for by the message, and makes a CA', async () => {
    const { client } = kmsDouble('ECC_NIST_EDWARDS25519')
    const key = await awsKmsSigner({ client, keyId: KEY_ARN })
    const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key })
    const { certificate } = await root.issueWorkload(await newCsr(), { id: ID, lifetime: '24h' })
    const path = await verifyPath(certificate, { anchors: root.certificate, purpose: 'serverAuth' })
    expect(path.certificates).toHaveLength(2)
    expect(client.sign.mock.calls[0]?.[0]).toMatchObject({
      MessageType: 'RAW',
      SigningAlgorithm: 'ED25519_SHA_512',
    })
  })

  test('of more than 4096 bytes by Ed25519 is not asked for', async () => {
    const { client } = kmsDouble('ECC_NIST_EDWARDS25519')
    const signer = await awsKmsSigner({ client, keyId: KEY_ARN })
    await signer.sign(new Uint8Array(4096))
    const error = await refusalOfAsync(Promise.resolve(signer.sign(new Uint8Array(4097))))
    expect([error.code, error.data['attempts']]).toEqual(['ERR_SIGNER_FAILED', 1])
    expect((error.cause as Error).message).toContain('at most 4096 bytes; got 4097')
    expect(client.sign).toHaveBeenCalledTimes(1)
  })

  test('that is none, or of another key, is not handed out', async () => {
    const { client } = kmsDouble('ECC_NIST_P256')
    const signer = await awsKmsSigner({ client, keyId: KEY_ARN, attempts: 1 })
    client.sign.mockImplementation(async () => ({}))
    expect((await refusalOfAsync(Promise.resolve(signer.sign(MESSAGE)))).code).toBe('ERR_SIGNER_SIGNATURE')
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    client.sign.mockImplementation(async () => ({
      Signature: new Uint8Array(signByNode('sha256', MESSAGE, other)),
    }))
    expect((await refusalOfAsync(Promise.resolve(signer.sign(MESSAGE)))).code).toBe('ERR_SIGNER_SIGNATURE')
  })
})

/** Pauses are over at once; the time of a call never is. */
const hasty = (): Clock => ({
  now: () => new Date(),
  sleep: (milliseconds) => (milliseconds >= 10_000 ? new Promise(() => {}) : Promise.resolve()),
})

describe('what failed', () => {
  const passing: readonly [string, Error][] = [
    ['throttled', awsError('ThrottlingException', 400, `Rate exceeded for ${KEY_ID}`)],
    ['broken inside', awsError('KMSInternalException', 500, TOKEN)],
    ['unavailable', awsError('KeyUnavailableException', 500, TOKEN)],
    ['a slow dependency', awsError('DependencyTimeoutException', 503, TOKEN)],
    ['no network', new Error(`connect ECONNREFUSED ${TOKEN}`)],
  ]
  test.each(passing)('%s is tried again, for the key and for a signature', async (_, failure) => {
    const { client, failures } = kmsDouble('ECC_NIST_EDWARDS25519')
    failures.push(failure)
    const events: RemoteSignerEvent[] = []
    const signer = await awsKmsSigner({
      client,
      keyId: 'k',
      clock: hasty(),
      onEvent: (event) => void events.push(event),
    })
    expect(client.getPublicKey).toHaveBeenCalledTimes(2)
    failures.push(failure)
    await signer.sign(MESSAGE)
    expect(events.map(({ reason, willRetry }) => [reason, willRetry])).toEqual([['failure', true]])
    expectNoSecrets(events)
  })

  const final: readonly [string, Error, string][] = [
    ['disabled', awsError('DisabledException', 400, `${KEY_ARN} is disabled.`), 'arn:… is disabled.'],
    [
      'not ready',
      awsError('KMSInvalidStateException', 400, 'The key is pending deletion.'),
      'pending deletion',
    ],
    ['not there', awsError('NotFoundException', 400, 'Alias not found.'), 'Alias not found.'],
    [
      'not allowed',
      awsError('AccessDeniedException', 400, `${KEY_ID} may not kms:Sign`),
      '… may not kms:Sign',
    ],
    ['expired', awsError('ExpiredTokenException', 400, TOKEN), 'renew them'],
  ]
  test.each(final)('%s is final, and says why', async (_, failure, text) => {
    const { client, failures } = kmsDouble('ECC_NIST_P256')
    failures.push(failure)
    const error = await refusalOfAsync(awsKmsSigner({ client, keyId: 'k', clock: hasty() }))
    expect([error.code, error.data['attempts']]).toEqual(['ERR_SIGNER_FAILED', 1])
    expect(error.message).toContain(text)
    expectNoSecrets([error])
    const signer = await awsKmsSigner({ client, keyId: 'k', clock: hasty() })
    failures.push(failure)
    const refused = await refusalOfAsync(Promise.resolve(signer.sign(MESSAGE)))
    expect([refused.code, refused.data['attempts']]).toEqual(['ERR_SIGNER_FAILED', 1])
    expect((refused.cause as Error).message).toContain(text)
    expectNoSecrets([refused])
  })

  test('what never passes ends', async () => {
    const { client, failures } = kmsDouble('ECC_NIST_P256')
    failures.push(...Array.from({ length: 3 }, () => awsError('ThrottlingException', 400, '')))
    const error = await refusalOfAsync(awsKmsSigner({ client, keyId: 'k', clock: hasty() }))
    expect([error.code, error.data['attempts']]).toEqual(['ERR_SIGNER_FAILED', 3])
    expect(client.getPublicKey).toHaveBeenCalledTimes(3)
  })

  test('a call that hangs is given up, by its time and by the signal', async () => {
    const { client } = kmsDouble('ECC_NIST_P256')
    const given: boolean[] = []
    client.getPublicKey.mockImplementation(async (_input, { abortSignal }) => {
      given.push(abortSignal.aborted)
      return new Promise(() => {})
    })
    const clock = { now: () => new Date(), sleep: async () => {} }
    const error = await refusalOfAsync(awsKmsSigner({ client, keyId: 'k', clock, attempts: 2 }))
    expect([error.code, error.data['attempts']]).toEqual(['ERR_SIGNER_TIMEOUT', 2])
    expect(given).toEqual([false, false])
    const stop = new AbortController()
    const waiting = awsKmsSigner({ client, keyId: 'k', clock: hasty(), signal: stop.signal })
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('a key that is none', () => {
  test.each<[string, object | null, string]>([
    [
      'for encryption',
      { KeyUsage: 'ENCRYPT_DECRYPT', PublicKey: new Uint8Array(1) },
      'is for "ENCRYPT_DECRYPT"',
    ],
    [
      'without algorithms',
      { KeyUsage: 'SIGN_VERIFY', PublicKey: new Uint8Array(1) },
      'expected a key for SIGN_VERIFY',
    ],
    [
      'without a public key',
      { KeyUsage: 'SIGN_VERIFY', SigningAlgorithms: [] },
      'came without its public key',
    ],
    ['nothing', null, 'is for nothing'],
  ])('%s', async (_, answer, text) => {
    const { client } = kmsDouble('ECC_NIST_P256')
    client.getPublicKey.mockImplementation(async () => answer ?? (null as never))
    const error = await refusalOfAsync(awsKmsSigner({ client, keyId: 'k' }))
    expect(error.code).toBe('ERR_SIGNER_FAILED')
    expect(error.message).toContain(text)
    expect(client.getPublicKey).toHaveBeenCalledTimes(1)
  })

  test('an algorithm that AWS KMS does not make with the key', async () => {
    const { client } = kmsDouble('RSA_2048')
    client.getPublicKey.mockImplementation(async () => ({
      ...(await kmsDouble('RSA_2048').client.getPublicKey(
        { KeyId: 'k' },
        { abortSignal: new AbortController().signal },
      )),
      SigningAlgorithms: ['RSASSA_PSS_SHA_256'],
    }))
    await expect(awsKmsSigner({ client, keyId: 'k' })).rejects.toThrow(
      'RSASSA_PKCS1_V1_5_SHA_256 at AWS KMS, but the key "k" makes "RSASSA_PSS_SHA_256"',
    )
  })

  test.each<[object, string]>([
    [{ client: kmsDouble('ECC_NIST_P256').client }, 'needs the option "keyId"'],
    [{ client: { send: () => {} }, keyId: 'k' }, 'KMSClient has not'],
    [{ client: kmsDouble('ECC_NIST_P256').client, keyId: '' }, 'option "keyId"'],
    [{ client: kmsDouble('ECC_NIST_P256').client, keyId: 'k', retries: 3 }, 'has no option "retries"'],
  ])('options %#', async (options, problem) => {
    await expect(awsKmsSigner(options as AwsKmsSignerOptions)).rejects.toThrow(problem)
  })
})

function expectNoSecrets(values: readonly unknown[]): void {
  const told = values.flatMap(everythingIn)
  expect(SECRETS.filter((secret) => told.some((text) => text.includes(secret)))).toEqual([])
}
