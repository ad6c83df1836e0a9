/**
 * A key of Cloud KMS as a signer.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { RETRY_OPTION_NAMES, type RetryOptions, readRetryPolicy } from '../../internal/backoff.ts'
import { encodeBase64 } from '../../internal/base64.ts'
import { readClock } from '../../internal/clock.ts'
import { checkOptionNames, checkRequired, readFlag, readFunction } from '../../internal/options.ts'
import type { RemoteSignRequest } from '../../x509/remote-signature.ts'
import { type RemoteSignerOptions, remoteSigner } from '../../x509/remote-signer.ts'
import type { Signer } from '../../x509/signer.ts'
import { type IssuerFetch, readIssuerFetch } from '../issuer-fetch.ts'
import { callGoogle, type GoogleService } from './google-api.ts'
import { mayPassLater } from './google-api-error.ts'
import { bytesOf, checkName, checkSum, checkVerified, int64Text } from './kms-integrity.ts'
import { fetchPublicKey } from './kms-public-key.ts'
import { readEndpoint, readKeyVersion } from './resource-name.ts'

/** Options of {@link googleKmsSigner}. */
export interface GoogleKmsSignerOptions extends RetryOptions, Pick<RemoteSignerOptions, 'clock' | 'onEvent'> {
  /** `projects/{project}/locations/{location}/keyRings/{ring}/cryptoKeys/{key}/cryptoKeyVersions/{number}`. */
  readonly keyVersion: string
  /** A `fetch` that adds an access token of the scope `https://www.googleapis.com/auth/cloudkms`. */
  readonly fetch: IssuerFetch
  /** Default `https://cloudkms.googleapis.com`. */
  readonly endpoint?: string | undefined
  /** Allows `http` to the loopback interface, for tests. Default `false`. */
  readonly insecure?: boolean | undefined
  /** How long one attempt may take. Default `'10s'`. */
  readonly timeout?: string | undefined
  /** Ends the waiting for the public key. Signatures have signals of their own. */
  readonly signal?: AbortSignalLike | undefined
}

const OPTION_NAMES: readonly string[] = [
  ...RETRY_OPTION_NAMES,
  'keyVersion',
  'fetch',
  'endpoint',
  'insecure',
  'clock',
  'onEvent',
  'signal',
]

const ENDPOINT = 'https://cloudkms.googleapis.com'

/**
 * Makes a signer of a key version in Cloud KMS whose purpose is `ASYMMETRIC_SIGN`, after asking for its public key. The
 * algorithm is that of the key version. All but Ed25519 are sent the digest.
 *
 * Checksums (CRC32C) go both ways, as Google recommends: an answer whose checksum is wrong, or to which ours did not come, is
 * thrown away and asked for again. Beyond that every signature is verified under the public key, as `remoteSigner` does.
 *
 * A key version that is rotated is another key: it takes another signer, and another CA certificate.
 *
 * @throws `MeshPkiError` `ERR_SIGNER_FAILED`, with a `GoogleApiError` as its cause, `ERR_SIGNER_TIMEOUT`, and
 * `ERR_KEY_UNSUPPORTED` for secp256k1, post-quantum keys and RSA without a digest; `TypeError`, `RangeError`; the signal's reason.
 *
 * @example
 * ```ts
 * import { createRootCa } from 'mesh-pki/ca'
 * import { googleKmsSigner, type IssuerFetch } from 'mesh-pki/issuers/google-cas'
 *
 * declare const authorizedFetch: IssuerFetch
 * const key = await googleKmsSigner({
 *   keyVersion: 'projects/example/locations/europe-west1/keyRings/mesh/cryptoKeys/root/cryptoKeyVersions/1',
 *   fetch: authorizedFetch,
 * })
 * const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key })
 * ```
 */
export async function googleKmsSigner(options: GoogleKmsSignerOptions): Promise<Signer> {
  checkOptionNames(options, OPTION_NAMES, 'googleKmsSigner')
  checkRequired(options, ['keyVersion', 'fetch'], 'googleKmsSigner')
  const { keyVersion: name, fetch, endpoint, insecure, clock, onEvent, signal, ...retry } = { ...options }
  const keyVersion = readKeyVersion(name)
  readFunction(onEvent, 'onEvent')
  const service: GoogleService = {
    endpoint: readEndpoint(endpoint, ENDPOINT, readFlag(insecure, 'insecure', false)),
    fetch: readIssuerFetch(fetch),
  }
  const { pem, signatureAlgorithm } = await fetchPublicKey({
    ...service,
    keyVersion,
    policy: readRetryPolicy(retry, '10s'),
    clock: readClock(clock),
    signal: readSignal(signal),
  })
  try {
    return remoteSigner({
      ...retry,
      clock,
      onEvent,
      publicKey: pem,
      signatureAlgorithm,
      input: signatureAlgorithm === 'ed25519' ? 'message' : 'digest',
      isRetryable: mayPassLater,
      sign: (bytes, request) => sign(service, keyVersion, bytes, request),
    })
  } catch (cause) {
    // The options were checked above, so it is what Google answered.
    if (!(cause instanceof TypeError)) throw cause
    throw new MeshPkiError(
      'ERR_SIGNER_FAILED',
      `Cloud KMS says that the key version signs by ${signatureAlgorithm}, and its public key cannot`,
      { cause },
    )
  }
}

const WHAT = 'cryptoKeyVersions.asymmetricSign'

const DIGEST_MEMBERS = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

async function sign(
  service: GoogleService,
  keyVersion: string,
  bytes: Uint8Array,
  { digestAlgorithm, signal }: RemoteSignRequest,
): Promise<Uint8Array> {
  const [text, sum] = [encodeBase64(bytes), int64Text(bytes)]
  const body =
    digestAlgorithm === undefined
      ? { data: text, dataCrc32c: sum }
      : { digest: { [DIGEST_MEMBERS[digestAlgorithm]]: text }, digestCrc32c: sum }
  const path = `${keyVersion}:asymmetricSign`
  const answer = await callGoogle(service, { method: 'POST', path, body, what: WHAT }, signal)
  checkName(answer, keyVersion, WHAT)
  checkVerified(answer, digestAlgorithm === undefined ? 'verifiedDataCrc32c' : 'verifiedDigestCrc32c', WHAT)
  const signature = bytesOf(answer, 'signature', WHAT)
  checkSum(answer, 'signatureCrc32c', signature, WHAT)
  return signature
}
