/**
 * The one base class of every failure that input can cause, and the closed list of its codes.
 *
 * Misuse by the programmer (a wrong option name, a bare number as a duration) is a `TypeError` or
 * `RangeError` that names the option; it is never a {@link MeshPkiError}.
 *
 * @module
 */

/**
 * Every code a {@link MeshPkiError} can carry. `docs/errors.md` has a row for each.
 *
 * The prefix says which step failed: `DER` and `PEM` are encodings, `CERTIFICATE`, `CSR`, `NAME` and
 * `KEY` are what was read, `PATH` is verification, `CA` is issuance, `SIGNER` and `ISSUER` are others who sign
 * for us, `SPIFFE`, `SVID` and `FEDERATION` are identities, their documents, and where their authorities come from.
 */
export type MeshPkiErrorCode =
  | 'ERR_CA_CHAIN'
  | 'ERR_CA_CRL_BASE'
  | 'ERR_CA_CRL_SIGN'
  | 'ERR_CA_DRY_RUN'
  | 'ERR_CA_EXPIRED'
  | 'ERR_CA_KEY_MISMATCH'
  | 'ERR_CA_KEY_REUSED'
  | 'ERR_CA_KEY_USAGE'
  | 'ERR_CA_NAME_CONSTRAINTS'
  | 'ERR_CA_NOT_CA'
  | 'ERR_CA_NOT_YET_VALID'
  | 'ERR_CA_PATH_LENGTH'
  | 'ERR_CA_REVOCATION_CONFLICT'
  | 'ERR_CA_REVOCATION_ISSUER'
  | 'ERR_CA_REVOCATION_REASON'
  | 'ERR_CA_REVOCATION_STATE'
  | 'ERR_CA_REVOCATION_STORE'
  | 'ERR_CA_SELF_CHECK'
  | 'ERR_CA_SELF_ISSUED'
  | 'ERR_CA_SIGNER'
  | 'ERR_CA_SUBJECT'
  | 'ERR_CA_SUBJECT_ALT_NAME'
  | 'ERR_CERTIFICATE_DUPLICATE_EXTENSION'
  | 'ERR_CERTIFICATE_EXTENSION'
  | 'ERR_CERTIFICATE_SIGNATURE_ALGORITHM'
  | 'ERR_CERTIFICATE_VERSION'
  | 'ERR_CRL_EXTENSION'
  | 'ERR_CRL_SIGNATURE_ALGORITHM'
  | 'ERR_CRL_VERSION'
  | 'ERR_CRYPTO_UNAVAILABLE'
  | 'ERR_CSR_ATTRIBUTE'
  | 'ERR_CSR_SIGNATURE'
  | 'ERR_CSR_VERSION'
  | 'ERR_DER_ENCODING'
  | 'ERR_DER_LIMIT'
  | 'ERR_DER_TIME'
  | 'ERR_DER_TRAILING_DATA'
  | 'ERR_DER_TRUNCATED'
  | 'ERR_DER_UNEXPECTED_TAG'
  | 'ERR_DER_VALUE'
  | 'ERR_ENROLLMENT_CERTIFICATE'
  | 'ERR_ENROLLMENT_NAME'
  | 'ERR_ENROLLMENT_REFUSED'
  | 'ERR_ENROLLMENT_RESPONSE'
  | 'ERR_ENROLLMENT_SERVER'
  | 'ERR_ENROLLMENT_STORE'
  | 'ERR_ENROLLMENT_TIMEOUT'
  | 'ERR_ENROLLMENT_TOKEN'
  | 'ERR_ENROLLMENT_TRANSPORT'
  | 'ERR_ENROLLMENT_URL'
  | 'ERR_FEDERATION_AUTHENTICATION'
  | 'ERR_FEDERATION_BODY'
  | 'ERR_FEDERATION_BUNDLE'
  | 'ERR_FEDERATION_CONFIG'
  | 'ERR_FEDERATION_REDIRECT'
  | 'ERR_FEDERATION_SEQUENCE'
  | 'ERR_FEDERATION_STATUS'
  | 'ERR_FEDERATION_TIMEOUT'
  | 'ERR_FEDERATION_TRANSPORT'
  | 'ERR_FEDERATION_URL'
  | 'ERR_GENERAL_NAME'
  | 'ERR_ISSUER_FAILED'
  | 'ERR_ISSUER_MISMATCH'
  | 'ERR_ISSUER_OUTCOME_UNKNOWN'
  | 'ERR_ISSUER_TIMEOUT'
  | 'ERR_JSON_DUPLICATE_KEY'
  | 'ERR_JSON_LIMIT'
  | 'ERR_JSON_SYNTAX'
  | 'ERR_JWT_SVID_ALGORITHM'
  | 'ERR_JWT_SVID_AUDIENCE'
  | 'ERR_JWT_SVID_EXPIRED'
  | 'ERR_JWT_SVID_KEY'
  | 'ERR_JWT_SVID_MALFORMED'
  | 'ERR_JWT_SVID_NOT_YET_VALID'
  | 'ERR_JWT_SVID_SIGNATURE'
  | 'ERR_KEY_FORMAT'
  | 'ERR_KEY_NOT_EXTRACTABLE'
  | 'ERR_KEY_PASSPHRASE'
  | 'ERR_KEY_UNSUPPORTED'
  | 'ERR_KEY_WEAK'
  | 'ERR_KUBERNETES_ALREADY_EXISTS'
  | 'ERR_KUBERNETES_ANSWER'
  | 'ERR_KUBERNETES_BACKUP'
  | 'ERR_KUBERNETES_CONFIG_MAP'
  | 'ERR_KUBERNETES_CONFLICT'
  | 'ERR_KUBERNETES_EVIDENCE'
  | 'ERR_KUBERNETES_EXPIRED'
  | 'ERR_KUBERNETES_FORBIDDEN'
  | 'ERR_KUBERNETES_INCOMPLETE_SECRET'
  | 'ERR_KUBERNETES_INVALID'
  | 'ERR_KUBERNETES_LEDGER'
  | 'ERR_KUBERNETES_NOT_FOUND'
  | 'ERR_KUBERNETES_NOT_LEADER'
  | 'ERR_KUBERNETES_NOT_SERVED'
  | 'ERR_KUBERNETES_ORDER'
  | 'ERR_KUBERNETES_POLICY'
  | 'ERR_KUBERNETES_ROOT_LOST'
  | 'ERR_KUBERNETES_SECRET_DATA'
  | 'ERR_KUBERNETES_SECRET_LAYOUT'
  | 'ERR_KUBERNETES_THROTTLED'
  | 'ERR_KUBERNETES_TRUST_BUNDLE'
  | 'ERR_KUBERNETES_UNAUTHORIZED'
  | 'ERR_KUBERNETES_UNAVAILABLE'
  | 'ERR_NAME_SYNTAX'
  | 'ERR_PATH_ALGORITHM'
  | 'ERR_PATH_ANCHOR'
  | 'ERR_PATH_BUDGET_CANDIDATES'
  | 'ERR_PATH_BUDGET_COMPARISONS'
  | 'ERR_PATH_BUDGET_DEPTH'
  | 'ERR_PATH_BUDGET_SIGNATURES'
  | 'ERR_PATH_CRITICAL_EXTENSION'
  | 'ERR_PATH_CRL_EXPIRED'
  | 'ERR_PATH_CRL_SIGNATURE'
  | 'ERR_PATH_CRL_SIGNER'
  | 'ERR_PATH_CRL_UNUSABLE'
  | 'ERR_PATH_EMPTY_SUBJECT'
  | 'ERR_PATH_EXPIRED'
  | 'ERR_PATH_EXTENDED_KEY_USAGE'
  | 'ERR_PATH_KEY'
  | 'ERR_PATH_KEY_USAGE'
  | 'ERR_PATH_LENGTH'
  | 'ERR_PATH_MALFORMED'
  | 'ERR_PATH_NAME_CONSTRAINTS'
  | 'ERR_PATH_NAME_MISMATCH'
  | 'ERR_PATH_NOT_CA'
  | 'ERR_PATH_NOT_YET_VALID'
  | 'ERR_PATH_NO_ISSUER'
  | 'ERR_PATH_POLICY'
  | 'ERR_PATH_REVOCATION_UNKNOWN'
  | 'ERR_PATH_REVOKED'
  | 'ERR_PATH_RULE'
  | 'ERR_PATH_SIGNATURE'
  | 'ERR_PEM_BASE64'
  | 'ERR_PEM_BLOCK_COUNT'
  | 'ERR_PEM_ENCRYPTED'
  | 'ERR_PEM_LABEL'
  | 'ERR_PEM_LIMIT'
  | 'ERR_PEM_NO_BLOCK'
  | 'ERR_PEM_SYNTAX'
  | 'ERR_SIGNER_FAILED'
  | 'ERR_SIGNER_SIGNATURE'
  | 'ERR_SIGNER_TIMEOUT'
  | 'ERR_POLICY_HOOK'
  | 'ERR_POLICY_REFUSED'
  | 'ERR_POLICY_RENEWAL'
  | 'ERR_ROLLOVER_BLOCKED'
  | 'ERR_ROLLOVER_CONFLICT'
  | 'ERR_ROLLOVER_EVIDENCE'
  | 'ERR_ROLLOVER_INFEASIBLE'
  | 'ERR_ROLLOVER_JOURNAL'
  | 'ERR_ROLLOVER_MEMBER'
  | 'ERR_ROLLOVER_PLAN'
  | 'ERR_ROTATION_GRACE'
  | 'ERR_SPIFFE_AUTHORITY'
  | 'ERR_SPIFFE_BUNDLE'
  | 'ERR_SPIFFE_BUNDLE_LIMIT'
  | 'ERR_SPIFFE_BUNDLE_MAP'
  | 'ERR_SPIFFE_BUNDLE_SEQUENCE'
  | 'ERR_SPIFFE_BUNDLE_STALE'
  | 'ERR_SPIFFE_ID'
  | 'ERR_SPIFFE_PATTERN'
  | 'ERR_SPIFFE_TRUST_DOMAIN'
  | 'ERR_SVID_CA'
  | 'ERR_SVID_EXTENDED_KEY_USAGE'
  | 'ERR_SVID_ID'
  | 'ERR_SVID_KEY_USAGE'
  | 'ERR_SVID_MALFORMED'
  | 'ERR_SVID_NO_AUTHORITY'
  | 'ERR_SVID_NO_BUNDLE'
  | 'ERR_SVID_NO_PATH'
  | 'ERR_SVID_RESUMED'
  | 'ERR_SVID_SAN_NOT_CRITICAL'
  | 'ERR_SVID_SIGNER_ID'
  | 'ERR_SVID_SIGNER_KEY_USAGE'
  | 'ERR_SVID_UNEXPECTED_ID'
  | 'ERR_SVID_URI_COUNT'
  | 'ERR_SYNC_UNAVAILABLE'
  | 'ERR_TLS_CLOSED'
  | 'ERR_TLS_CREDENTIALS'
  | 'ERR_TLS_TIMEOUT'

/** Structured facts behind a message: what was expected, what was found, where. Never key material. */
export type MeshPkiErrorData = Readonly<Record<string, unknown>>

/** What {@link MeshPkiError} takes beside its code and message. */
export interface MeshPkiErrorOptions {
  /** Structured facts; copied and frozen. */
  readonly data?: MeshPkiErrorData | undefined
  /** The failure below this one. */
  readonly cause?: unknown
}

/**
 * A failure that input, time or a key caused. Switch on `code`; print `message`.
 *
 * The message says which object, which rule with its clause, what was expected and found, and what
 * to do. Text from certificates and peers in it is escaped and cut at 256 characters.
 *
 * @example
 * ```ts
 * import { MeshPkiError } from 'mesh-pki'
 * import { Certificate } from 'mesh-pki/x509'
 *
 * try {
 *   Certificate.fromPem('not a certificate')
 * } catch (error) {
 *   if (error instanceof MeshPkiError && error.code === 'ERR_PEM_NO_BLOCK') {
 *     // tell the user which file to look at
 *   }
 * }
 * ```
 */
export class MeshPkiError extends Error {
  /** Which failure this is; stable across releases. */
  readonly code: MeshPkiErrorCode
  /** Structured facts behind the message. */
  readonly data: MeshPkiErrorData

  constructor(code: MeshPkiErrorCode, message: string, options: MeshPkiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MeshPkiError'
    this.code = code
    this.data = Object.freeze({ ...options.data })
  }
}
