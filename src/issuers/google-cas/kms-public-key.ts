/**
 * The public key of a key version in Cloud KMS, and how it signs.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { failureLabel, type RetryPolicy } from '../../internal/backoff.ts'
import type { Clock } from '../../internal/clock.ts'
import { formatDuration } from '../../internal/duration.ts'
import { quote } from '../../internal/text.ts'
import { sleepBy, withinTime } from '../../internal/within-time.ts'
import type { SignatureAlgorithm } from '../../x509/algorithm-identifier.ts'
import { callGoogle, type GoogleService } from './google-api.ts'
import { GoogleApiError, mayPassLater, stringOf } from './google-api-error.ts'
import { checkName, checkSum } from './kms-integrity.ts'

/** A key version. */
export interface KmsPublicKey {
  readonly pem: string
  readonly signatureAlgorithm: SignatureAlgorithm
}

/** How it is asked for. */
export interface KmsKeyQuery extends GoogleService {
  readonly keyVersion: string
  readonly policy: RetryPolicy
  readonly clock: Clock
  readonly signal: AbortSignalLike | undefined
}

const WHAT = 'cryptoKeyVersions.getPublicKey'

/** @throws `MeshPkiError` `ERR_SIGNER_FAILED`, `ERR_SIGNER_TIMEOUT`, `ERR_KEY_UNSUPPORTED`; the reason of the signal. */
export async function fetchPublicKey(query: KmsKeyQuery): Promise<KmsPublicKey> {
  const { policy, clock, signal } = query
  const timeout = new MeshPkiError(
    'ERR_SIGNER_TIMEOUT',
    `Cloud KMS did not answer within ${formatDuration(policy.timeoutMs)} what its public key is. Is it reachable? Otherwise raise "timeout"`,
    { data: { timeout: formatDuration(policy.timeoutMs) } },
  )
  const bound = { clock, milliseconds: policy.timeoutMs, signal, timedOut: () => timeout }
  for (let attempt = 1; ; attempt++) {
    try {
      return await withinTime(bound, (ended) => fetchOnce(query, ended))
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason
      if (error instanceof MeshPkiError && error !== timeout) throw error
      if (attempt === policy.attempts || !mayPassLater(error))
        throw error === timeout ? error : failed(error, attempt)
    }
    await sleepBy(clock, policy.pauseAfter(attempt), signal)
  }
}

async function fetchOnce(query: KmsKeyQuery, signal: AbortSignal): Promise<KmsPublicKey> {
  const { keyVersion } = query
  const body = await callGoogle(query, { method: 'GET', path: `${keyVersion}/publicKey`, what: WHAT }, signal)
  checkName(body, keyVersion, WHAT)
  const pem = stringOf(body, 'pem', WHAT)
  checkSum(body, 'pemCrc32c', new TextEncoder().encode(pem), WHAT)
  return { pem, signatureAlgorithm: algorithmOf(stringOf(body, 'algorithm', WHAT)) }
}

function failed(error: unknown, attempts: number): MeshPkiError {
  const text = error instanceof GoogleApiError ? error.message : failureLabel(error)
  return new MeshPkiError('ERR_SIGNER_FAILED', `Cloud KMS did not say what its public key is: ${text}`, {
    data: { attempts },
    cause: error,
  })
}

const FIXED: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['EC_SIGN_P256_SHA256', 'ecdsa-sha256'],
  ['EC_SIGN_P384_SHA384', 'ecdsa-sha384'],
  ['EC_SIGN_ED25519', 'ed25519'],
])

const RSA = /^RSA_SIGN_(PSS|PKCS1)_(?:2048|3072|4096)_SHA(256|512)$/

/** CryptoKeyVersionAlgorithm. A key version has one, and signs by no other. */
function algorithmOf(name: string): SignatureAlgorithm {
  const fixed = FIXED.get(name)
  if (fixed !== undefined) return fixed
  const [, padding, bits] = RSA.exec(name) ?? []
  const digest = bits === '256' ? 'sha256' : bits === '512' ? 'sha512' : undefined
  if (digest !== undefined) return padding === 'PSS' ? `rsa-pss-${digest}` : `rsa-${digest}`
  throw new MeshPkiError(
    'ERR_KEY_UNSUPPORTED',
    `the key version in Cloud KMS has the algorithm ${quote(name, 64)}, by which no certificate is signed here; expected EC_SIGN_P256_SHA256, EC_SIGN_P384_SHA384, EC_SIGN_ED25519, RSA_SIGN_PKCS1_… or RSA_SIGN_PSS_… with SHA256 or SHA512`,
    { data: { found: name.slice(0, 64) } },
  )
}
