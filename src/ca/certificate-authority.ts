/**
 * A certificate authority: a CA certificate, the chain to its root, and what signs for it.
 *
 * @module
 */

import type { CsrInput } from '../csr/csr.ts'
import type { VerifiedCsr } from '../csr/proof-of-possession.ts'
import { MeshPkiError } from '../errors.ts'
import { equalRange } from '../internal/bytes.ts'
import { currentTime, systemClock } from '../internal/clock.ts'
import { checkOneOf, checkOptionNames } from '../internal/options.ts'
import { Certificate } from '../x509/certificate.ts'
import { toCertificate, toCertificates } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import { toSigner } from '../x509/resolve-signer.ts'
import type { Signer } from '../x509/signer.ts'
import type {
  CertificateAuthorityOptions,
  IssuedCertificate,
  IssueIntermediateOptions,
  IssueWorkloadOptions,
} from './authority-options.ts'
import { dryRun } from './dry-run.ts'
import { cappedValidity } from './issuance-rules.ts'
import { issueIntermediate } from './issue-intermediate.ts'
import { issueWorkload } from './issue-workload.ts'
import { Issuer } from './issuer.ts'
import type { IssuancePolicy, IssuancePolicyInput } from './policy/issuance-policy.ts'
import { type SignedCertificate, type SignOptions, signRequest } from './policy/sign-request.ts'
import { anyProfile } from './profiles/profiles.ts'
import { type IssueCrlOptions, type IssuedCrl, issueCrl } from './revocation/issue-crl.ts'
import { readRevocationStore } from './revocation/revocation-store.ts'
import { type RevocationChange, type RevokeOptions, revoke } from './revocation/revoke.ts'
import { CheckedSigner } from './sign-certificate.ts'

const OPTION_NAMES: readonly string[] = [
  'certificate',
  'chain',
  'anchor',
  'cappedBy',
  'decision',
  'signer',
  'profile',
  'selfTest',
  'revocations',
  'clock',
  'random',
  'signal',
]

/**
 * A CA that signs requests. The subject's private key never comes here: only its request does, and the
 * request proves that its sender holds the key.
 *
 * @example
 * ```ts
 * import { CertificateAuthority, createRootCa } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 * import { SpiffeId } from 'mesh-pki/spiffe'
 *
 * const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d' })
 *
 * // In the cluster: a key that stays, a request that travels.
 * const { csr, signer } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })
 * const { certificate, chain } = await root.issueIntermediate(csr, { lifetime: '365d', pathLength: 0 })
 * const ca = await CertificateAuthority.from({ certificate, chain, signer })
 *
 * const workload = await createCsr({ key: 'P-256' })
 * const svid = await ca.issueWorkload(workload.csr, {
 *   id: SpiffeId.parse('spiffe://kind2/ns/default/sa/bookinfo-productpage'),
 *   lifetime: '24h',
 * })
 * ```
 */
export class CertificateAuthority {
  readonly #issuer: Issuer

  private constructor(issuer: Issuer) {
    this.#issuer = issuer
  }

  /**
   * Takes over a CA whose certificate exists: checks that it is a CA's and valid now, that the signer holds
   * its key, and that what it signs will verify (a dry run with a throw-away leaf).
   *
   * @throws `MeshPkiError` `ERR_CA_NOT_CA`, `ERR_CA_KEY_USAGE`, `ERR_CA_EXPIRED`, `ERR_CA_NOT_YET_VALID`,
   * `ERR_CA_KEY_MISMATCH`, `ERR_CA_SIGNER`, `ERR_CA_CHAIN`, `ERR_CA_DRY_RUN`, and what reading throws.
   */
  static async from(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
    checkOptionNames(options, OPTION_NAMES, 'CertificateAuthority.from')
    const profile = options.profile ?? 'mesh'
    anyProfile(profile, 'end-entity', 'profile')
    const selfTest = checkOneOf(options.selfTest ?? 'signed', ['signed', 'unsigned'], 'selfTest')
    const anchor = checkOneOf(options.anchor ?? 'self-signed', ['self-signed', 'any'], 'anchor')
    const revocations = readRevocationStore(options.revocations)
    const certificate = toCertificate(options.certificate, 'certificate')
    const above = toCertificates(options.chain ?? [], 'chain').filter((issuer) => !issuer.equals(certificate))
    checkCanSign(certificate)
    const clock = options.clock ?? systemClock
    const now = currentTime(clock)
    cappedValidity(now, 1000, 0, [certificate])
    const signer = await CheckedSigner.of(toSigner(options.signer, 'signer'))
    checkKeyMatches(certificate, signer.signer)
    const { chain, refusedPurpose } = await dryRun({
      certificate,
      above,
      signer: selfTest === 'signed' ? signer : undefined,
      now,
      anchor,
      signal: options.signal,
    })
    return new CertificateAuthority(
      new Issuer(chain, {
        signer,
        clock,
        random: options.random,
        profile,
        refusedPurpose,
        revocations,
      }),
    )
  }

  /** The CA's certificate. */
  get certificate(): Certificate {
    return this.#issuer.certificate
  }

  /** The CA's certificate and its issuers, root last; every signature in it was verified. */
  get chain(): readonly Certificate[] {
    return this.#issuer.chain
  }

  /** What signs for this CA. */
  get signer(): Signer {
    return this.#issuer.signer.signer
  }

  /**
   * Signs a request as an intermediate CA.
   *
   * Of the request only the proven key counts, and its subject where none is given. The result was verified
   * by a dry run below it before it is answered.
   *
   * @throws `MeshPkiError` `ERR_CSR_SIGNATURE`, `ERR_KEY_…`, `ERR_CA_PATH_LENGTH`, `ERR_CA_SUBJECT`,
   * `ERR_CA_SELF_ISSUED`, `ERR_CA_KEY_REUSED`, `ERR_CA_NAME_CONSTRAINTS`, `ERR_CA_EXPIRED`,
   * `ERR_CA_NOT_YET_VALID`, `ERR_CA_SIGNER`, `ERR_CA_DRY_RUN`; `TypeError` and `RangeError` for options.
   */
  async issueIntermediate(
    csr: CsrInput | VerifiedCsr,
    options: IssueIntermediateOptions,
  ): Promise<IssuedCertificate> {
    return issueIntermediate(this.#issuer, csr, options)
  }

  /**
   * Signs a request as a workload certificate with a SPIFFE identity (X509-SVID §2 to §4): one URI, not a
   * CA, for servers and clients.
   *
   * @throws `MeshPkiError` `ERR_CSR_SIGNATURE`, `ERR_KEY_…`, `ERR_SPIFFE_ID`, `ERR_CA_SUBJECT_ALT_NAME`,
   * `ERR_CA_KEY_REUSED`, `ERR_CA_SELF_ISSUED`, `ERR_CA_NAME_CONSTRAINTS`, `ERR_CA_EXPIRED`,
   * `ERR_CA_NOT_YET_VALID`, `ERR_CA_SIGNER`, `ERR_CA_DRY_RUN`; `TypeError` and `RangeError` for options.
   */
  async issueWorkload(
    csr: CsrInput | VerifiedCsr,
    options: IssueWorkloadOptions,
  ): Promise<IssuedCertificate> {
    return issueWorkload(this.#issuer, csr, options)
  }

  /**
   * Signs a request under a policy: proof of possession, the rules on the request, the policy's functions, then the
   * certificate as it would be, on which the rules are asked again. Nothing is signed that breaks one.
   *
   * @throws `PolicyError` (`ERR_POLICY_REFUSED`) with every broken rule; `MeshPkiError` `ERR_POLICY_HOOK`,
   * `ERR_POLICY_RENEWAL`, and what `issueWorkload` and `issueIntermediate` throw for request, issuer and signer;
   * `TypeError` and `RangeError` for policy and options.
   *
   * @example
   * ```ts
   * import { type CertificateAuthority, PolicyError } from 'mesh-pki/ca'
   *
   * declare const ca: CertificateAuthority, csr: string
   * try {
   *   const { certificate, decision } = await ca.sign(
   *     csr,
   *     {
   *       name: 'shop',
   *       names: { spiffe: { allow: ['spiffe://prod.example.com/ns/shop/**'] } },
   *       lifetime: { max: '24h' },
   *     },
   *     { identities: ['spiffe://prod.example.com/ns/shop/sa/cart'] },
   *   )
   *   console.log(certificate.toPem(), decision.fields)
   * } catch (error) {
   *   if (error instanceof PolicyError) for (const { message } of error.violations) console.error(message)
   * }
   * ```
   */
  async sign(
    csr: CsrInput | VerifiedCsr,
    policy: IssuancePolicy | IssuancePolicyInput,
    options: SignOptions = {},
  ): Promise<SignedCertificate> {
    return signRequest(this.#issuer, csr, policy, options)
  }

  /**
   * Revokes a certificate of this CA, or a serial number in hex. It counts from the next CRL on.
   *
   * Doing it again changes nothing, so it may be retried. With the certificate rather than its serial number, its
   * issuer and signature are checked, its entry ends some time after its expiry, and lists for CAs or for users alone leave it out
   * where they should.
   *
   * @throws `MeshPkiError` `ERR_CA_REVOCATION_ISSUER`, `ERR_CA_REVOCATION_REASON`, `ERR_CA_REVOCATION_CONFLICT`,
   * `ERR_CA_REVOCATION_STORE`, `ERR_CA_REVOCATION_STATE`; `TypeError` and `RangeError` for options, and for a CA without
   * the option `revocations`.
   */
  async revoke(certificate: Certificate | string, options: RevokeOptions): Promise<RevocationChange> {
    return revoke(this.#issuer.revocationContext('revoke'), certificate, options)
  }

  /**
   * Issues a version 2 CRL (RFC 5280 §5): complete, delta, or both; for all certificates of this CA or for some.
   *
   * Its number is taken from the store before it is signed. Two replicas so never sign two lists of one number;
   * where signing fails, the number is lost and no other list gets it. What was signed is read back and compared
   * with what was meant before it is released.
   *
   * @throws `MeshPkiError` `ERR_CA_CRL_SIGN`, `ERR_CA_CRL_BASE`, `ERR_CA_EXPIRED`, `ERR_CA_NOT_YET_VALID`,
   * `ERR_CA_SIGNER`, `ERR_CA_REVOCATION_CONFLICT`, `ERR_CA_REVOCATION_STORE`, `ERR_CA_REVOCATION_STATE`;
   * `TypeError` and `RangeError` for options, and for a CA without the option `revocations`.
   */
  async issueCrl(options: IssueCrlOptions): Promise<IssuedCrl> {
    return issueCrl(this.#issuer.revocationContext('issueCrl'), options)
  }
}

/** @throws `MeshPkiError` `ERR_CA_NOT_CA`, `ERR_CA_KEY_USAGE`. */
function checkCanSign(certificate: Certificate): void {
  if (!certificate.isCa) {
    throw new MeshPkiError(
      'ERR_CA_NOT_CA',
      `${certificateLabel(certificate)} is not a CA certificate: expected basic constraints with cA TRUE (RFC 5280 §4.2.1.9)`,
    )
  }
  const { keyUsage } = Certificate.layoutOf(certificate)
  if (keyUsage !== 0 && (keyUsage & KeyUsageBit.keyCertSign) === 0) {
    throw new MeshPkiError(
      'ERR_CA_KEY_USAGE',
      `${certificateLabel(certificate)} may not sign certificates: expected key usage keyCertSign, found ${certificate.keyUsage?.join(', ')} (RFC 5280 §4.2.1.3)`,
    )
  }
}

/** @throws `MeshPkiError` `ERR_CA_KEY_MISMATCH`. */
function checkKeyMatches(certificate: Certificate, signer: Signer): void {
  const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(certificate)
  const { publicKey } = signer
  if (
    equalRange(Certificate.bytesOf(certificate), publicKeyStart, publicKeyEnd, publicKey, 0, publicKey.length)
  )
    return
  throw new MeshPkiError(
    'ERR_CA_KEY_MISMATCH',
    `the signer's key is not that of ${certificateLabel(certificate)}: certificate and key come from different CAs, or one of them was renewed without the other. Pair the certificate with the key that it was issued for`,
  )
}
