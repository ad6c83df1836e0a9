/**
 * A key of AWS KMS as a signer.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { RETRY_OPTION_NAMES, type RetryOptions, readRetryPolicy } from '../../internal/backoff.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { formatDuration } from '../../internal/duration.ts'
import { checkOptionNames, checkRequired, readFunction } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { sleepBy, withinTime } from '../../internal/within-time.ts'
import type { SignatureAlgorithm } from '../../x509/algorithm-identifier.ts'
import type { RemoteSignerEvent, RemoteSignFunction } from '../../x509/remote-signature.ts'
import { remoteSigner } from '../../x509/remote-signer.ts'
import type { Signer } from '../../x509/signer.ts'
import { type AwsFailure, readAwsFailure } from './aws-failure.ts'
import type { AwsCallOptions } from './aws-private-ca-client.ts'

/** What AWS KMS calls a signature. */
export type AwsKmsSigningAlgorithm =
  | 'ECDSA_SHA_256'
  | 'ECDSA_SHA_384'
  | 'ECDSA_SHA_512'
  | 'ED25519_SHA_512'
  | 'RSASSA_PKCS1_V1_5_SHA_256'
  | 'RSASSA_PKCS1_V1_5_SHA_384'
  | 'RSASSA_PKCS1_V1_5_SHA_512'
  | 'RSASSA_PSS_SHA_256'
  | 'RSASSA_PSS_SHA_384'
  | 'RSASSA_PSS_SHA_512'

/** What AWS KMS calls the signatures that certificates have. */
const KMS_NAMES: Readonly<Record<SignatureAlgorithm, AwsKmsSigningAlgorithm>> = {
  'ecdsa-sha256': 'ECDSA_SHA_256',
  'ecdsa-sha384': 'ECDSA_SHA_384',
  'ecdsa-sha512': 'ECDSA_SHA_512',
  ed25519: 'ED25519_SHA_512',
  'rsa-sha256': 'RSASSA_PKCS1_V1_5_SHA_256',
  'rsa-sha384': 'RSASSA_PKCS1_V1_5_SHA_384',
  'rsa-sha512': 'RSASSA_PKCS1_V1_5_SHA_512',
  'rsa-pss-sha256': 'RSASSA_PSS_SHA_256',
  'rsa-pss-sha384': 'RSASSA_PSS_SHA_384',
  'rsa-pss-sha512': 'RSASSA_PSS_SHA_512',
}

/** What is used of `new KMS({ region })` of `@aws-sdk/client-kms`; by shape, no SDK is imported. */
export interface AwsKmsClient {
  getPublicKey(
    input: { KeyId: string },
    options: AwsCallOptions,
  ): Promise<{
    readonly KeyId?: string | undefined
    /** SubjectPublicKeyInfo in DER. */
    readonly PublicKey?: Uint8Array | undefined
    readonly KeyUsage?: string | undefined
    readonly SigningAlgorithms?: readonly string[] | undefined
  }>
  sign(
    input: {
      KeyId: string
      Message: Uint8Array
      MessageType: 'DIGEST' | 'RAW'
      SigningAlgorithm: AwsKmsSigningAlgorithm
    },
    options: AwsCallOptions,
  ): Promise<{ readonly Signature?: Uint8Array | undefined }>
}

/** Options of {@link awsKmsSigner}. */
export interface AwsKmsSignerOptions extends RetryOptions {
  /** `new KMS({ region })` of `@aws-sdk/client-kms`. Credentials, region and endpoint are its affair. */
  readonly client: AwsKmsClient
  /** Id, ARN or alias (`alias/mesh`). An alias is asked once: the key that it leads to then stays the signer's. */
  readonly keyId: string
  /** Default: ECDSA with the digest of the curve's size, Ed25519, or RSA PKCS#1 v1.5 with SHA-256. */
  readonly signatureAlgorithm?: SignatureAlgorithm | undefined
  /** How long one call may take. Default `'10s'`. */
  readonly timeout?: string | undefined
  readonly clock?: Clock | undefined
  /** Told of signatures that failed. What it throws is ignored. */
  readonly onEvent?: ((event: RemoteSignerEvent) => void) | undefined
  /** Ends the asking for the public key, with its reason. */
  readonly signal?: AbortSignalLike | undefined
}

const OPTION_NAMES: readonly string[] = [
  ...RETRY_OPTION_NAMES,
  'client',
  'keyId',
  'signatureAlgorithm',
  'clock',
  'onEvent',
  'signal',
]

/** What `Sign` takes as a message; digests are shorter, but Ed25519 signs whole messages. */
const MAX_MESSAGE = 4096

/**
 * Makes a `Signer` of an asymmetric key of AWS KMS: asks for its public key once, and for a signature of each digest.
 *
 * Every signature is verified before anybody sees it. Throttling, timeouts and what breaks on AWS's side are tried again; what AWS
 * refuses (the state of the key, a permission, credentials) is final. Messages say which, without keys and tokens.
 *
 * ECDSA and RSA send digests (`MessageType: DIGEST`). Ed25519 signs the whole message, of which AWS KMS takes 4,096
 * bytes: enough for a certificate, not for a long CRL.
 *
 * @throws `MeshPkiError` `ERR_SIGNER_FAILED` or `ERR_SIGNER_TIMEOUT` where the public key does not come or the key does not sign;
 * `ERR_DER_…`, `ERR_KEY_…` for the key; `TypeError`, `RangeError` for options; the reason of the signal.
 *
 * @example
 * ```ts
 * import { createRootCa } from 'mesh-pki/ca'
 * import { type AwsKmsClient, awsKmsSigner } from 'mesh-pki/issuers/aws-private-ca'
 *
 * // import { KMS } from '@aws-sdk/client-kms'
 * // const client = new KMS({ region: 'eu-central-1' })
 * declare const client: AwsKmsClient
 * const key = await awsKmsSigner({ client, keyId: 'alias/mesh-root' })
 * const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key })
 * ```
 */
export async function awsKmsSigner(options: AwsKmsSignerOptions): Promise<Signer> {
  checkOptionNames(options, OPTION_NAMES, 'awsKmsSigner')
  checkRequired(options, ['client', 'keyId'], 'awsKmsSigner')
  const { client, keyId, signatureAlgorithm, clock, onEvent, signal, ...retry } = options
  if (typeof client.getPublicKey !== 'function' || typeof client.sign !== 'function')
    throw new TypeError(
      'option "client" must have the methods getPublicKey and sign: KMS of @aws-sdk/client-kms has them, KMSClient has not',
    )
  if (typeof keyId !== 'string' || keyId === '')
    throw new TypeError('option "keyId" must be the id, ARN or alias of a key')
  readFunction(onEvent, 'onEvent')
  const key = await askForKey({ ...options, signal: readSignal(signal), clock: readClock(clock) })
  const sign: RemoteSignFunction = async (bytes, { signal: ended, algorithm }) => {
    if (bytes.length > MAX_MESSAGE)
      throw new AwsKmsFailure(
        undefined,
        `AWS KMS signs at most ${MAX_MESSAGE} bytes; got ${bytes.length}`,
        false,
      )
    try {
      const { Signature } = await client.sign(
        {
          KeyId: key.id,
          Message: bytes,
          MessageType: algorithm === 'ed25519' ? 'RAW' : 'DIGEST',
          SigningAlgorithm: KMS_NAMES[algorithm],
        },
        { abortSignal: ended },
      )
      // What is no signature is judged by remoteSigner.
      return Signature ?? new Uint8Array()
    } catch (error) {
      throw asError(readAwsFailure(error, 'Sign'))
    }
  }
  const signer = remoteSigner({
    ...retry,
    publicKey: key.publicKey,
    signatureAlgorithm,
    sign,
    input: key.isEd25519 ? 'message' : 'digest',
    clock,
    onEvent,
  })
  const wanted = KMS_NAMES[signer.signatureAlgorithm]
  if (!key.algorithms.includes(wanted))
    throw new TypeError(
      `option "signatureAlgorithm" is "${signer.signatureAlgorithm}", ${wanted} at AWS KMS, but the key ${quote(keyId)} makes ${known(key.algorithms)}`,
    )
  return signer
}

/** What AWS KMS says of a key. */
interface KmsKey {
  readonly id: string
  readonly publicKey: Uint8Array
  readonly algorithms: readonly unknown[]
  readonly isEd25519: boolean
}

/** A failure that may be shown. Its `retryable` is what `remoteSigner` goes by. */
class AwsKmsFailure extends Error {
  readonly retryable: boolean

  constructor(name: string | undefined, message: string, retryable: boolean) {
    super(message)
    this.name = name ?? 'AwsKmsFailure'
    this.retryable = retryable
  }
}

const asError = ({ name, message, retryable }: AwsFailure): AwsKmsFailure =>
  new AwsKmsFailure(name, message, retryable)

async function askForKey(options: AwsKmsSignerOptions & { readonly clock: Clock }): Promise<KmsKey> {
  const { client, keyId, clock, signal } = options
  const policy = readRetryPolicy(options, '10s')
  const late = new AwsKmsFailure('TimeoutError', `no answer within ${formatDuration(policy.timeoutMs)}`, true)
  const bound = { clock, milliseconds: policy.timeoutMs, signal, timedOut: () => late }
  for (let attempt = 1; ; attempt++) {
    let failure: AwsKmsFailure
    try {
      const ask = async (abortSignal: WebAbortSignal): Promise<unknown> =>
        client.getPublicKey({ KeyId: keyId }, { abortSignal })
      return readKey(await withinTime(bound, ask), keyId)
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason
      if (error instanceof MeshPkiError) throw error
      failure = error === late ? late : asError(readAwsFailure(error, 'GetPublicKey'))
    }
    if (!failure.retryable || attempt === policy.attempts) throw unanswered(keyId, failure, attempt)
    await sleepBy(clock, policy.pauseAfter(attempt), signal)
  }
}

function unanswered(keyId: string, failure: AwsKmsFailure, attempts: number): MeshPkiError {
  const isLate = failure.name === 'TimeoutError'
  return new MeshPkiError(
    isLate ? 'ERR_SIGNER_TIMEOUT' : 'ERR_SIGNER_FAILED',
    `AWS KMS was asked ${attempts === 1 ? 'once' : `${attempts} times`} for the public key ${quote(keyId)}: ${failure.message}`,
    { data: { attempts }, cause: failure },
  )
}

/** @throws `MeshPkiError` `ERR_SIGNER_FAILED` for a key that does not sign. */
function readKey(answer: unknown, keyId: string): KmsKey {
  const { KeyId, PublicKey, KeyUsage, SigningAlgorithms } = Object(answer) as Readonly<
    Record<string, unknown>
  >
  const refuse = (problem: string): MeshPkiError =>
    new MeshPkiError('ERR_SIGNER_FAILED', `the key ${quote(keyId)} of AWS KMS ${problem}`, {
      data: { attempts: 1 },
    })
  if (KeyUsage !== 'SIGN_VERIFY' || !Array.isArray(SigningAlgorithms))
    throw refuse(
      `is for ${typeof KeyUsage === 'string' ? quote(KeyUsage, 32) : 'nothing'}; expected a key for SIGN_VERIFY`,
    )
  if (!(PublicKey instanceof Uint8Array)) throw refuse('came without its public key')
  return {
    // The key itself: an alias may lead to another tomorrow.
    id: typeof KeyId === 'string' && KeyId !== '' ? KeyId : keyId,
    publicKey: PublicKey,
    algorithms: [...SigningAlgorithms],
    isEd25519: SigningAlgorithms.includes(KMS_NAMES.ed25519),
  }
}

const known = (algorithms: readonly unknown[]): string =>
  algorithms
    .slice(0, 10)
    .filter((name): name is string => typeof name === 'string')
    .map((name) => quote(name, 32))
    .join(', ') || 'none'
