/**
 * Whether who asks for a certificate holds the key.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { checkOptionNames } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { readCrypto, type WebCryptoLike } from '../internal/web-crypto.ts'
import type { PublicKeyInfo } from '../x509/public-key-info.ts'
import { importVerificationKey } from '../x509/verification-key.ts'
import { Csr, type CsrInput } from './csr.ts'

/** Options of {@link verifyProofOfPossession}. */
export interface ProofOfPossessionOptions {
  /** A WebCrypto implementation that shall verify. Default: `node:crypto` where it is, else the runtime's. */
  readonly crypto?: WebCryptoLike | undefined
}

/** What the constructor below wants to see: nobody else has it. */
const PROVEN: unique symbol = Symbol('proven')

/** A request whose signature was verified under its own key. Only {@link verifyProofOfPossession} makes one. */
export class VerifiedCsr {
  readonly #csr: Csr
  readonly #key: PublicKeyInfo

  private constructor(proof: typeof PROVEN, csr: Csr, key: PublicKeyInfo) {
    if (proof !== PROVEN) throw new TypeError('only verifyProofOfPossession makes a VerifiedCsr')
    this.#csr = csr
    this.#key = key
    Object.freeze(this)
  }

  /** The request. Its key is proven; its names and extensions are still wishes. */
  get csr(): Csr {
    return this.#csr
  }

  /** @internal */
  static of(proof: typeof PROVEN, csr: Csr, key: PublicKeyInfo): VerifiedCsr {
    return new VerifiedCsr(proof, csr, key)
  }

  /** @internal What its SubjectPublicKeyInfo holds; offsets are within that. */
  static keyOf(verified: VerifiedCsr): PublicKeyInfo {
    return verified.#key
  }

  /** @internal Whether a value was made here, and does not only look like it. */
  static is(value: unknown): value is VerifiedCsr {
    return typeof value === 'object' && value !== null && #csr in value
  }
}

/**
 * Verifies that a request is signed by the private half of the key that it carries (RFC 2986 §3).
 *
 * Gloo Mesh's issuer leaves this out, so that anyone can have a certificate for a key of somebody else's.
 *
 * @throws `MeshPkiError` `ERR_CSR_SIGNATURE`; `ERR_KEY_WEAK`, `ERR_KEY_UNSUPPORTED` or `ERR_KEY_FORMAT` for
 * the key; and what reading throws.
 *
 * @example
 * ```ts
 * import { verifyProofOfPossession } from 'mesh-pki/csr'
 *
 * declare const pem: string
 * const { csr } = await verifyProofOfPossession(pem)
 * console.log(csr.publicKeyType)
 * ```
 */
export async function verifyProofOfPossession(
  input: CsrInput | VerifiedCsr,
  options: ProofOfPossessionOptions = {},
): Promise<VerifiedCsr> {
  checkOptionNames(options, ['crypto'], 'verifyProofOfPossession')
  return provePossession(input, readCrypto(options.crypto), false)
}

/** {@link verifyProofOfPossession}, by the thread pool where many ask at the same time. */
export async function provePossession(
  input: CsrInput | VerifiedCsr,
  crypto: WebCryptoLike | undefined,
  crowded: boolean,
): Promise<VerifiedCsr> {
  if (VerifiedCsr.is(input)) return input
  const csr = Csr.from(input)
  const { algorithm, publicKey, data, signature } = Csr.signedPartsOf(csr)
  if (algorithm === undefined) {
    throw new MeshPkiError(
      'ERR_CSR_SIGNATURE',
      `the request of ${quote(String(csr.subject))} is signed with ${csr.signatureAlgorithmDescription}; accepted are ECDSA, RSA PKCS#1 v1.5 and RSASSA-PSS with SHA-256, SHA-384 or SHA-512, and Ed25519. The salt of RSASSA-PSS is as long as the digest: with OpenSSL, -sigopt rsa_pss_saltlen:digest`,
    )
  }
  const key = await importVerificationKey(publicKey, crypto).catch((error: unknown) => {
    throw ofRequest(error, csr)
  })
  const valid = crowded
    ? key.verifyPooled(algorithm, data, signature)
    : key.verify(algorithm, data, signature)
  if (!(await valid)) {
    throw new MeshPkiError(
      'ERR_CSR_SIGNATURE',
      `the request of ${quote(String(csr.subject))} is not signed by the ${csr.publicKeyType} key that it carries: it was altered, or its sender does not hold the private key. Make a new request (RFC 2986 §3)`,
      { data: { fingerprint: csr.fingerprint() } },
    )
  }
  return VerifiedCsr.of(PROVEN, csr, key.info)
}

/** The same failure, saying whose request it is about. */
function ofRequest(error: unknown, csr: Csr): unknown {
  if (!(error instanceof MeshPkiError)) return error
  const message = `the request of ${quote(String(csr.subject))}: ${error.message}`
  return new MeshPkiError(error.code, message, { data: error.data, cause: error })
}
