/**
 * Keys that sign elsewhere: in a KMS, an HSM behind a network, or Vault's transit engine.
 *
 * @module
 */

import { type AbortSignalLike, readSignal } from '../internal/abort.ts'
import { RETRY_OPTION_NAMES, type RetryOptions, readRetryPolicy } from '../internal/backoff.ts'
import { type Clock, readClock } from '../internal/clock.ts'
import { DerCursor } from '../internal/der.ts'
import { checkOneOf, checkOptionNames, readFunction, typeName } from '../internal/options.ts'
import { SIGNATURE_ALGORITHM_NAMES, type SignatureAlgorithm } from './algorithm-identifier.ts'
import { readOnePem } from './pem.ts'
import { defaultSignatureAlgorithm } from './private-key.ts'
import { readPublicKeyInfo, walkPublicKeyInfo } from './public-key-info.ts'
import {
  mayPass,
  type RemoteKey,
  type RemoteSignerEvent,
  type RemoteSignFunction,
  signRemotely,
} from './remote-signature.ts'
import type { Signer } from './signer.ts'
import {
  checkPublicKeyInfo,
  importVerificationKey,
  isAlgorithmOf,
  type VerificationKey,
} from './verification-key.ts'

/** Options of {@link remoteSigner}. */
export interface RemoteSignerOptions extends RetryOptions {
  /** SubjectPublicKeyInfo of the key: DER, or PEM `PUBLIC KEY`. */
  readonly publicKey: Uint8Array | string
  /** Default: ECDSA with the digest of the curve's size, Ed25519, or RSA PKCS#1 v1.5 with SHA-256. */
  readonly signatureAlgorithm?: SignatureAlgorithm | undefined
  readonly sign: RemoteSignFunction
  /** What the function is given: the message, which the service hashes, or its digest, made here. */
  readonly input: 'message' | 'digest'
  /** How ECDSA signatures come back: `'der'` (default), or `'raw'`, which is `r || s`. */
  readonly signatureFormat?: 'der' | 'raw' | undefined
  /** How long one attempt may take. Default `'10s'`. */
  readonly timeout?: string | undefined
  /**
   * Whether a failure may pass. Default: all may, but for those that say `retryable: false`, and those with an HTTP
   * status from 400 to 499 other than 408, 425 and 429.
   */
  readonly isRetryable?: ((error: unknown) => boolean) | undefined
  readonly clock?: Clock | undefined
  /** Told of attempts that failed. What it throws is ignored. */
  readonly onEvent?: ((event: RemoteSignerEvent) => void) | undefined
}

const OPTION_NAMES: readonly string[] = [
  ...RETRY_OPTION_NAMES,
  'publicKey',
  'signatureAlgorithm',
  'sign',
  'input',
  'signatureFormat',
  'isRetryable',
  'clock',
  'onEvent',
]

/**
 * Makes a {@link Signer} of a function that asks a service for signatures.
 *
 * Every answer is verified under `publicKey` before anybody sees it. A failure is tried again after a pause; a wrong
 * signature once. An attempt whose time is over is given up, whether the function listens to its signal or not, and
 * what it answers later is ignored. The caller's signal ends everything with its reason.
 *
 * `sign` rejects with `MeshPkiError` `ERR_SIGNER_FAILED`, whose `cause` is the last failure, `ERR_SIGNER_TIMEOUT`, or
 * `ERR_SIGNER_SIGNATURE`; `attempts` is in their `data`.
 *
 * @throws `MeshPkiError` `ERR_PEM_…`, `ERR_DER_…`, `ERR_KEY_UNSUPPORTED` or `ERR_KEY_WEAK` for the public key;
 * `TypeError` and `RangeError` for options, such as `input: 'digest'` with Ed25519, which signs whole messages
 * (RFC 8032 §5.1.6).
 *
 * @example
 * ```ts
 * import { createRootCa } from 'mesh-pki/ca'
 * import { remoteSigner } from 'mesh-pki/x509'
 *
 * declare const publicKeyPem: string
 * declare const kms: { sign(input: object, options: { abortSignal: AbortSignal }): Promise<{ Signature: Uint8Array }> }
 * const signer = remoteSigner({
 *   publicKey: publicKeyPem,
 *   input: 'digest',
 *   sign: async (digest, { signal }) => {
 *     const input = { KeyId: 'alias/root', Message: digest, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' }
 *     return (await kms.sign(input, { abortSignal: signal })).Signature
 *   },
 * })
 * const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key: signer })
 * ```
 */
export function remoteSigner(options: RemoteSignerOptions): Signer {
  checkOptionNames(options, OPTION_NAMES, 'remoteSigner')
  const { sign, isRetryable, onEvent, publicKey: givenKey, signatureAlgorithm, signatureFormat } = options
  if (typeof sign !== 'function')
    throw new TypeError(`option "sign" must be a function; got ${typeName(sign)}`)
  readFunction(isRetryable, 'isRetryable')
  readFunction(onEvent, 'onEvent')
  const input = checkOneOf(options.input, ['message', 'digest'], 'input')
  const format = checkOneOf(signatureFormat ?? 'der', ['der', 'raw'], 'signatureFormat')
  const publicKey = readPublicKey(givenKey)
  const info = readPublicKeyInfo(publicKey)
  const kind = checkPublicKeyInfo(info)
  const algorithm = checkOneOf(
    signatureAlgorithm ?? defaultSignatureAlgorithm(kind),
    SIGNATURE_ALGORITHM_NAMES,
    'signatureAlgorithm',
  )
  if (!isAlgorithmOf(kind, algorithm))
    throw new TypeError(
      `option "signatureAlgorithm" is "${algorithm}", but the public key is ${info.description}`,
    )
  if (kind === 'Ed25519' && input === 'digest')
    throw new TypeError(
      'option "input" cannot be "digest" for an Ed25519 key: it signs the whole message (RFC 8032 §5.1.6); use "message"',
    )
  const isEcdsa = algorithm.startsWith('ecdsa-')
  if (format === 'raw' && !isEcdsa)
    throw new TypeError(
      `option "signatureFormat" says how ECDSA signatures are written, but the public key is ${info.description}; leave it out`,
    )
  const remote: RemoteKey = {
    sign,
    isRetryable: isRetryable ?? mayPass,
    onEvent,
    clock: readClock(options.clock),
    policy: readRetryPolicy(options, '10s'),
    algorithm,
    rawSize: isEcdsa ? info.keyEnd - info.keyStart - 1 : undefined,
    format,
    input,
  }
  let key: Promise<VerificationKey> | undefined
  return Object.freeze({
    get publicKey() {
      return publicKey.slice()
    },
    signatureAlgorithm: algorithm,
    sign: async (tbs: Uint8Array, given: { readonly signal?: AbortSignalLike } = {}): Promise<Uint8Array> => {
      if (!(tbs instanceof Uint8Array))
        throw new TypeError(`a remote signer signs a Uint8Array; got ${typeName(tbs)}`)
      const signal = readSignal(given?.signal)
      const message = new Uint8Array(tbs)
      if (signal?.aborted === true) throw signal.reason
      key ??= importVerificationKey(publicKey)
      return signRemotely(remote, await key, message, signal)
    },
  })
}

function readPublicKey(input: unknown): Uint8Array<ArrayBuffer> {
  if (typeof input !== 'string' && !(input instanceof Uint8Array))
    throw new TypeError(
      `option "publicKey" must be a SubjectPublicKeyInfo in DER (Uint8Array) or PEM (string); got ${typeName(input)}`,
    )
  const der = new Uint8Array(typeof input === 'string' ? readOnePem(input, ['PUBLIC KEY']).der : input)
  const cursor = new DerCursor(der)
  walkPublicKeyInfo(cursor)
  if (!cursor.atEnd) cursor.fail('ERR_DER_TRAILING_DATA', 'subjectPublicKeyInfo', 'bytes after the key')
  return der
}
