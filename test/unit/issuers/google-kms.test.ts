import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRootCa } from '../../../src/ca/index.ts'
import { crc32c } from '../../../src/issuers/google-cas/crc32c.ts'
import {
  GoogleApiError,
  type GoogleKmsSignerOptions,
  googleKmsSigner,
} from '../../../src/issuers/google-cas/index.ts'
import type { RemoteSignerEvent, Signer } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { CALL_TIMEOUT, contractClock } from './contract-clock.ts'
import { authorized, GoogleDouble, LOCATION, TOKEN } from './google-double.ts'
import { checksum } from './google-kms-double.ts'

const KEY = `${LOCATION}/keyRings/mesh/cryptoKeys/root/cryptoKeyVersions/1`
const TBS = new TextEncoder().encode('to be signed')

describe('CRC32C', () => {
  // RFC 3720 §B.4 prints the octets of the checksum as they are sent, least significant first.
  test.each([
    ['32 octets of zeroes', new Uint8Array(32), 0x8a9136aa],
    ['32 octets of ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['32 octets, rising', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['32 octets, falling', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['nothing', new Uint8Array(), 0],
    // The check value of "CRC-32/ISCSI" in the catalogue of parametrised CRC algorithms.
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ])('%s', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
    expect(checksum(bytes)).toBe(expected)
    expect(crc32c(Uint8Array.of(...bytes, 0))).not.toBe(expected)
  })

  test('is what long division says', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => crc32c(bytes) === checksum(bytes)))
  })
})

describe('googleKmsSigner', () => {
  let google: GoogleDouble
  beforeEach(async () => {
    google = await GoogleDouble.start()
  })
  afterEach(() => google.close())

  const make = (options: Partial<GoogleKmsSignerOptions> = {}): Promise<Signer> =>
    googleKmsSigner({
      keyVersion: KEY,
      fetch: authorized(TOKEN),
      endpoint: google.url,
      insecure: true,
      clock: contractClock(() => google.hung.promise),
      timeout: CALL_TIMEOUT,
      ...options,
    })

  test('sends Ed25519 the whole message with its checksum, and the name in the path', async () => {
    google.kms.add(KEY, 'EC_SIGN_ED25519')
    const signer = await make()
    await signer.sign(TBS)
    expect(google.heard.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET /v1/${KEY}/publicKey`,
      `POST /v1/${KEY}:asymmetricSign`,
    ])
    expect(google.heard[1]?.body).toEqual({
      data: Buffer.from(TBS).toString('base64'),
      dataCrc32c: String(checksum(TBS)),
    })
  })

  test.each([
    ['HMAC_SHA256'],
    ['EC_SIGN_SECP256K1_SHA256'],
    ['RSA_SIGN_RAW_PKCS1_2048'],
    ['PQ_SIGN_ML_DSA_65'],
    ['RSA_DECRYPT_OAEP_2048_SHA256'],
    ['x\u001b[31m'],
  ])('refuses a key of the algorithm %j', async (algorithm) => {
    google.kms.add(KEY, algorithm)
    const error = await refusalOfAsync(make())
    expect(error.code).toBe('ERR_KEY_UNSUPPORTED')
    expect(error.message).not.toContain('\u001b')
    expect(error.message).toContain('EC_SIGN_P256_SHA256')
    expect(google.heard).toHaveLength(1)
  })

  test('refuses an algorithm that its key cannot have', async () => {
    google.kms.add(KEY, 'EC_SIGN_ED25519')
    google.intercept = (heard, response) => {
      const answer = JSON.stringify(google.kms.answer(heard.method, `${KEY}/publicKey`, {}))
      response.end(answer.replace('EC_SIGN_ED25519', 'RSA_SIGN_PSS_4096_SHA512'))
      return true
    }
    const error = await refusalOfAsync(make())
    expect(error.code).toBe('ERR_SIGNER_FAILED')
    expect(error.message).toContain('rsa-pss-sha512')
  })

  describe('the public key', () => {
    beforeEach(() => google.kms.add(KEY, 'EC_SIGN_ED25519'))

    test.each([['unavailable'], ['throttled'], ['aborted'], ['pem-checksum']] as const)(
      'is asked for again after %s',
      async (fault) => {
        google.kms.fault(fault)
        expect((await make()).signatureAlgorithm).toBe('ed25519')
        expect(google.heard).toHaveLength(2)
      },
    )

    test.each([
      ['unavailable', 'UNAVAILABLE'],
      ['pem-checksum', 'pemCrc32c'],
    ] as const)('%s each time: it ends', async (fault, said) => {
      google.kms.fault(fault, fault, fault)
      const error = await refusalOfAsync(make())
      expect(error.code).toBe('ERR_SIGNER_FAILED')
      expect(error.message).toContain(said)
      expect(error.data['attempts']).toBe(3)
      expect(google.heard).toHaveLength(3)
    })

    test.each([
      ['refused', 'PERMISSION_DENIED'],
      ['other-key', 'OTHER_KEY'],
    ] as const)('%s: final', async (fault, code) => {
      google.kms.fault(fault)
      const error = await refusalOfAsync(make())
      expect(error.code).toBe('ERR_SIGNER_FAILED')
      expect(error.cause).toBeInstanceOf(GoogleApiError)
      expect((error.cause as GoogleApiError).code).toBe(code)
      expect(google.heard).toHaveLength(1)
    })

    test('of a service that hangs is given up', async () => {
      google.how = 'hangs'
      const clock = contractClock(() => google.hung.promise)
      clock.giveUp()
      const error = await refusalOfAsync(make({ clock, attempts: 1 }))
      expect(error.code).toBe('ERR_SIGNER_TIMEOUT')
    })

    test('is not waited for once the signal aborts', async () => {
      google.how = 'hangs'
      const stop = new AbortController()
      const pending = make({ signal: stop.signal })
      await google.hung.promise
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(pending).rejects.toBe(reason)
      await expect(make({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      expect(google.heard).toHaveLength(1)
    })
  })

  describe('a signature', () => {
    beforeEach(() => google.kms.add(KEY, 'EC_SIGN_ED25519'))

    test.each([
      ['digest-not-verified', 'verifiedDataCrc32c'],
      ['signature-checksum', 'signatureCrc32c'],
      ['no-base64', 'base64'],
      ['aborted', 'ABORTED'],
    ] as const)('is asked for again after %s, and there is an end', async (fault, said) => {
      const events: RemoteSignerEvent[] = []
      const signer = await make({ onEvent: (event) => void events.push(event) })
      google.kms.fault(fault)
      expect(await signer.sign(TBS)).toHaveLength(64)
      expect(google.kms.asked).toBe(2)
      expect(String(events[0]?.error)).toContain(said)
      google.kms.fault(fault, fault, fault)
      const error = await refusalOfAsync(Promise.resolve(signer.sign(TBS)))
      expect(error.code).toBe('ERR_SIGNER_FAILED')
      expect(google.kms.asked).toBe(5)
    })

    test('of another key version is final', async () => {
      const signer = await make()
      google.kms.fault('other-key')
      const error = await refusalOfAsync(Promise.resolve(signer.sign(TBS)))
      expect(error.code).toBe('ERR_SIGNER_FAILED')
      expect(google.kms.asked).toBe(1)
    })

    test('makes a root', async () => {
      const root = await createRootCa({ subject: 'CN=Root CA', lifetime: '3650d', key: await make() })
      expect(root.certificate.signatureAlgorithm).toBe('ed25519')
    })
  })

  if (requirement('openssl', opensslAvailable)) {
    test.each([
      ['EC_SIGN_P256_SHA256', 'sha256', 32, 'ecdsa-sha256'],
      ['EC_SIGN_P384_SHA384', 'sha384', 48, 'ecdsa-sha384'],
      ['RSA_SIGN_PKCS1_3072_SHA256', 'sha256', 32, 'rsa-sha256'],
      ['RSA_SIGN_PSS_4096_SHA512', 'sha512', 64, 'rsa-pss-sha512'],
      ['RSA_SIGN_PKCS1_4096_SHA512', 'sha512', 64, 'rsa-sha512'],
    ])('sends the digest of %s', async (algorithm, member, octets, expected) => {
      google.kms.add(KEY, algorithm)
      const signer = await make()
      expect(signer.signatureAlgorithm).toBe(expected)
      await signer.sign(TBS)
      const { digest, digestCrc32c, ...rest } = google.heard[1]?.body ?? {}
      expect(rest).toEqual({})
      expect(Object.keys(digest as object)).toEqual([member])
      const bytes = Buffer.from((digest as Record<string, string>)[member] ?? '', 'base64')
      expect(bytes).toHaveLength(octets)
      expect(digestCrc32c).toBe(String(checksum(bytes)))
    })
  }

  test.each([
    ['keyVersion', `${LOCATION}/keyRings/mesh/cryptoKeys/root`],
    ['keyVersion', `${KEY}/../../x`],
    ['keyVersion', `${KEY}:asymmetricDecrypt`],
    ['keyVersion', KEY.replace('/1', '/latest')],
    ['keyVersion', KEY.replace('mesh-example', '..')],
    ['keyVersion', 1],
    ['endpoint', 'http://cloudkms.example'],
    ['endpoint', 'https://cloudkms.example/v1'],
    ['fetch', 'fetch'],
    ['signal', {}],
    ['onEvent', true],
    ['insecure', 1],
    ['attempts', '3'],
    ['clock', 7],
  ])('refuses %s: %j', async (option, value) => {
    await expect(make({ [option]: value })).rejects.toThrow(TypeError)
    await expect(make({ [option]: value })).rejects.toThrow(option)
    expect(google.heard).toEqual([])
  })

  test('names what is missing and what is unknown', async () => {
    await expect(make({ keyVersion: undefined } as never)).rejects.toThrow('"keyVersion"')
    await expect(make({ fetch: undefined } as never)).rejects.toThrow('"fetch"')
    await expect(make({ keyVersions: KEY } as never)).rejects.toThrow('Did you mean "keyVersion"')
  })
})
