/**
 * Keys of Vault's transit engine, and OpenBao's, as signers.
 *
 * @module
 */

import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { RETRY_OPTION_NAMES, type RetryOptions } from '../../internal/backoff.ts'
import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { concatBytes } from '../../internal/bytes.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, checkRequired, readCount, readFlag } from '../../internal/options.ts'
import { withinTime } from '../../internal/within-time.ts'
import type { SignatureAlgorithm } from '../../x509/algorithm-identifier.ts'
import type { RemoteSignerEvent } from '../../x509/remote-signature.ts'
import { remoteSigner } from '../../x509/remote-signer.ts'
import type { Signer } from '../../x509/signer.ts'
import { checkAuth, VaultAuth } from './vault-auth.ts'
import { failureOf, isSuccess, memberOf, type VaultAnswer } from './vault-exchange.ts'
import { readPath, readSegment } from './vault-server.ts'

/** Options of {@link vaultSigner}. */
export interface VaultSignerOptions extends RetryOptions {
  /** The server, and how it knows us: `vaultAuth`. */
  readonly auth: VaultAuth
  /** The name of the key. */
  readonly key: string
  /** Where the engine is mounted. Default `'transit'`. */
  readonly mount?: string | undefined
  /** Default: the latest version when the signer is made. It stays with that one: another is another key. */
  readonly keyVersion?: number | undefined
  /** Default: the digest of the curve's size, Ed25519, or RSA PKCS#1 v1.5 with SHA-256. */
  readonly signatureAlgorithm?: SignatureAlgorithm | undefined
  /** Sends the digest rather than the whole message. Default `true`, but for Ed25519, which signs messages. */
  readonly prehashed?: boolean | undefined
  /** Ends the reading of the key. */
  readonly signal?: AbortSignalLike | undefined
  readonly clock?: Clock | undefined
  /** Told of attempts that failed. */
  readonly onEvent?: ((event: RemoteSignerEvent) => void) | undefined
}

const OPTION_NAMES: readonly string[] = [
  ...RETRY_OPTION_NAMES,
  'auth',
  'key',
  'mount',
  'keyVersion',
  'signatureAlgorithm',
  'prehashed',
  'signal',
  'clock',
  'onEvent',
]

/** SubjectPublicKeyInfo of Ed25519 up to its 32 octets (RFC 8410 §4). */
const ED25519_INFO = Uint8Array.of(0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0)

/**
 * Reads a public key of Vault's transit engine and makes a signer of it, on `remoteSigner`: every signature is verified, failures are
 * tried again, and what Vault refuses is final.
 *
 * Signatures are asked for by `transit/sign/<key>/<hash>` in DER (`marshaling_algorithm` `asn1`), of one version of the key. An RSA-PSS
 * salt is as long as the digest (`salt_length` `hash`, Vault 1.12 or later).
 *
 * @throws `IssuerFailure` where the key cannot be read or cannot sign; `MeshPkiError` `ERR_KEY_…`, `ERR_PEM_…` for what it
 * is; `TypeError`, `RangeError` for options; the reason of the signal.
 *
 * @example
 * ```ts
 * import { createRootCa } from 'mesh-pki/ca'
 * import { vaultAuth, vaultSigner } from 'mesh-pki/issuers/vault'
 *
 * declare const token: string
 * const auth = vaultAuth({ server: 'https://vault.example:8200', token })
 * const key = await vaultSigner({ auth, key: 'mesh-root' })
 * const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key })
 * ```
 */
export async function vaultSigner(options: VaultSignerOptions): Promise<Signer> {
  checkOptionNames(options, OPTION_NAMES, 'vaultSigner')
  checkRequired(options, ['auth', 'key'], 'vaultSigner')
  const { auth, signal, keyVersion, signatureAlgorithm, clock, onEvent } = options
  checkAuth(auth)
  const key = readSegment(options.key, 'key')
  const mount = readPath(options.mount ?? 'transit', 'mount')
  if (keyVersion !== undefined) readCount(keyVersion, 'keyVersion', 1, MAX_VERSION)
  const prehashed = readFlag(options.prehashed, 'prehashed', true)
  const bound = {
    clock: readClock(clock),
    milliseconds: readDuration(options.timeout ?? '10s', 'timeout', { max: ['1d', 86_400_000] }),
    signal: readSignal(signal),
    timedOut: () => unusable(`Vault did not answer in time for the transit key ${key}`),
  }
  const answer = await withinTime(bound, (ended) =>
    VaultAuth.send(auth, { method: 'GET', path: `${mount}/keys/${key}` }, ended),
  )
  if (!isSuccess(answer)) throw failureOf(answer, `the transit key ${key}`)
  const { publicKey, version } = readKey(answer, key, keyVersion)
  const isEd25519 = publicKey instanceof Uint8Array
  const { timeout, attempts, backoff, maxBackoff, random } = options
  return remoteSigner({
    publicKey,
    signatureAlgorithm,
    input: isEd25519 || !prehashed ? 'message' : 'digest',
    sign: async (bytes, request) => {
      const hash = request.digestAlgorithm?.replace('SHA-', 'sha2-')
      const path = `${mount}/sign/${key}${hash === undefined ? '' : `/${hash}`}`
      const body = {
        input: encodeBase64(bytes),
        key_version: version,
        ...(hash === undefined ? {} : { prehashed, marshaling_algorithm: 'asn1' }),
        ...rsaFields(request.algorithm),
      }
      const signed = await VaultAuth.send(auth, { method: 'POST', path, body }, request.signal)
      if (!isSuccess(signed)) throw failureOf(signed, 'the signature')
      return readSignature(signed, version)
    },
    timeout,
    attempts,
    backoff,
    maxBackoff,
    random,
    clock,
    onEvent,
  })
}

/** Versions count the rotations of a key. */
const MAX_VERSION = 1_000_000

/** `signature_algorithm` is `pss` by default, with a salt as long as it can be, which X.509 certificates do not have. */
function rsaFields(algorithm: SignatureAlgorithm): Readonly<Record<string, string>> {
  if (algorithm.startsWith('rsa-pss-')) return { signature_algorithm: 'pss', salt_length: 'hash' }
  return algorithm.startsWith('rsa-') ? { signature_algorithm: 'pkcs1v15' } : {}
}

/** Transit API, Read key. Each version of an asymmetric key has its `public_key`: PEM, or for Ed25519 base64 of 32 octets. */
function readKey(
  { json }: VaultAnswer,
  key: string,
  wanted: number | undefined,
): { readonly publicKey: Uint8Array | string; readonly version: number } {
  const number = (name: string): number => {
    const value = memberOf(json, 'data', name)
    return typeof value === 'bigint' && value >= 0n && value <= MAX_VERSION ? Number(value) : 0
  }
  if (memberOf(json, 'data', 'supports_signing') === false)
    throw unusable(`the transit key ${key} is of a type that does not sign`)
  if (memberOf(json, 'data', 'derived') === true)
    throw unusable(`the transit key ${key} is derived: it has another public key for every context`)
  const version = wanted ?? number('latest_version')
  if (version < number('min_encryption_version'))
    throw unusable(
      `version ${version} of the transit key ${key} does not sign; its min_encryption_version is ${number('min_encryption_version')}`,
    )
  const publicKey = memberOf(json, 'data', 'keys', String(version), 'public_key')
  if (typeof publicKey !== 'string' || publicKey === '')
    throw unusable(`Vault shows no public key of version ${version} of the transit key ${key}`)
  if (publicKey.includes('-----BEGIN')) return { publicKey, version }
  const raw = decodeBase64(publicKey)
  if (!(raw instanceof Uint8Array) || raw.length !== 32)
    throw unusable(`the public key of the transit key ${key} is neither PEM nor 32 octets of Ed25519`)
  return { publicKey: concatBytes([ED25519_INFO, raw]), version }
}

/** Transit API, Sign data, Sample response: `vault:v<version>:<base64>`. */
function readSignature({ json }: VaultAnswer, version: number): Uint8Array {
  const text = memberOf(json, 'data', 'signature')
  const [, found, encoded] =
    typeof text === 'string' ? (/^[a-z]{1,16}:v(\d{1,9}):([A-Za-z0-9+/=]{1,2048})$/.exec(text) ?? []) : []
  if (found === undefined || encoded === undefined)
    throw new IssuerFailure('Vault answered something without a signature', {
      retryable: true,
      outcome: 'failed',
    })
  if (Number(found) !== version)
    throw unusable(`Vault signed by version ${found} of the key; version ${version} was asked for`)
  const bytes = decodeBase64(encoded)
  if (bytes instanceof Uint8Array) return bytes
  throw unusable('Vault answered a signature that is no base64')
}

const unusable = (message: string): IssuerFailure =>
  new IssuerFailure(message, { retryable: false, outcome: 'failed' })
