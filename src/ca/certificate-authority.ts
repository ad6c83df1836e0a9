/**
 * A certificate authority: a CA certificate, the chain to its root, and what signs for it.
 *
 * @module
 */

import { Csr, type CsrInput } from '../csr/csr.ts'
import { provePossession, VerifiedCsr, verifyProofOfPossession } from '../csr/proof-of-possession.ts'
import { MeshPkiError } from '../errors.ts'
import type { AbortSignalLike } from '../internal/abort.ts'
import { AdaptiveWindow } from '../internal/adaptive-window.ts'
import { equalRange } from '../internal/bytes.ts'
import { currentTime, systemClock, type TimeSource } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOneOf, checkOptionNames, readCount } from '../internal/options.ts'
import { constraintViolation } from '../verify/name-constraints.ts'
import type { PathError } from '../verify/path-error.ts'
import { Certificate } from '../x509/certificate.ts'
import { toCertificate, toCertificates } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import { encodeGeneralNames } from '../x509/general-name-encoder.ts'
import { readNameOption } from '../x509/name.ts'
import { toSigner } from '../x509/resolve-signer.ts'
import type { Signer } from '../x509/signer.ts'
import type {
  CertificateAuthorityOptions,
  IssuedCertificate,
  IssueIntermediateOptions,
  IssueOptions,
  IssueWorkloadOptions,
} from './authority-options.ts'
import { CertificateTemplate, type CertificateValues } from './certificate-template.ts'
import { dryRun, subjectKeyIdOf } from './dry-run.ts'
import { BACKDATE_RULES, cappedValidity, checkPathLengthBelow, checkSubject } from './issuance-rules.ts'
import { KEY_IDENTIFIER_METHODS, type KeyIdentifierMethod, keyIdentifier } from './key-identifier.ts'
import { encodeNameConstraints } from './name-constraints-input.ts'
import { PROFILE_NAMES, type ProfileName, profileOf } from './profile.ts'
import { SerialNumbers } from './serial-number.ts'
import { CheckedSigner, checkIntent, type IssuanceIntent, unsignedCertificate } from './sign-certificate.ts'
import { workloadNames } from './workload-names.ts'

const DEFAULT_BACKDATE = '2m'
const ISSUE_NAMES = [
  'lifetime',
  'backdate',
  'profile',
  'keyIdentifier',
  'signal',
  'subject',
  'subjectAltNames',
]
const INTERMEDIATE_NAMES: readonly string[] = [...ISSUE_NAMES, 'pathLength', 'nameConstraints']
const WORKLOAD_NAMES: readonly string[] = [...ISSUE_NAMES, 'id']

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
  /** The CA's certificate. */
  readonly certificate: Certificate
  /** The CA's certificate and its issuers, root last; every signature in it was verified. */
  readonly chain: readonly Certificate[]
  readonly #signer: CheckedSigner
  readonly #clock: TimeSource
  readonly #serialNumbers: SerialNumbers
  readonly #profile: ProfileName
  readonly #refusedPurpose: PathError | undefined
  /** Issuers of the chain that constrain names. */
  readonly #constraining: readonly Certificate[]
  readonly #window = new AdaptiveWindow()
  readonly #workloadTemplates = new Map<string, Promise<CertificateTemplate>>()

  private constructor(
    options: CertificateAuthorityOptions,
    signer: CheckedSigner,
    chain: readonly Certificate[],
    refusedPurpose: PathError | undefined,
  ) {
    const [certificate] = chain
    if (certificate === undefined)
      throw new RangeError('the chain of a CA holds at least its own certificate')
    this.certificate = certificate
    this.chain = Object.freeze([...chain])
    this.#signer = signer
    this.#clock = options.clock ?? systemClock
    this.#serialNumbers = new SerialNumbers(options.random)
    this.#profile = options.profile ?? 'mesh'
    this.#refusedPurpose = refusedPurpose
    this.#constraining = chain.filter((issuer) => issuer.nameConstraints !== undefined)
  }

  /**
   * Takes over a CA whose certificate exists: checks that it is a CA's and valid now, that the signer holds
   * its key, and that what it signs will verify (a dry run with a throw-away leaf).
   *
   * @throws `MeshPkiError` `ERR_CA_NOT_CA`, `ERR_CA_KEY_USAGE`, `ERR_CA_EXPIRED`, `ERR_CA_NOT_YET_VALID`,
   * `ERR_CA_KEY_MISMATCH`, `ERR_CA_SIGNER`, `ERR_CA_CHAIN`, `ERR_CA_DRY_RUN`, and what reading throws.
   */
  static async from(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
    checkOptionNames(
      options,
      [
        'certificate',
        'chain',
        'anchor',
        'cappedBy',
        'signer',
        'profile',
        'selfTest',
        'clock',
        'random',
        'signal',
      ],
      'CertificateAuthority.from',
    )
    checkOneOf(options.profile ?? 'mesh', PROFILE_NAMES, 'profile')
    const selfTest = checkOneOf(options.selfTest ?? 'signed', ['signed', 'unsigned'], 'selfTest')
    const anchor = checkOneOf(options.anchor ?? 'self-signed', ['self-signed', 'any'], 'anchor')
    const certificate = toCertificate(options.certificate, 'certificate')
    const above = toCertificates(options.chain ?? [], 'chain').filter((issuer) => !issuer.equals(certificate))
    checkCanSign(certificate)
    const now = currentTime(options.clock ?? systemClock)
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
    return new CertificateAuthority(options, signer, chain, refusedPurpose)
  }

  /** What signs for this CA. */
  get signer(): Signer {
    return this.#signer.signer
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
    checkOptionNames(options, INTERMEDIATE_NAMES, 'issueIntermediate')
    const profile = profileOf(
      checkOneOf(options.profile ?? this.#profile, PROFILE_NAMES, 'profile'),
      'intermediate',
    )
    const asked = options.pathLength === undefined ? profile.pathLength : options.pathLength
    const pathLength = asked === 'none' ? undefined : readCount(asked, 'pathLength', 0, 255)
    checkPathLengthBelow(pathLength, this.chain)
    const values = this.#readIssue(options)
    const verified = await verifyProofOfPossession(csr)
    const { publicKey } = Csr.signedPartsOf(verified.csr)
    const subject =
      options.subject === undefined ? verified.csr.subject : readNameOption(options.subject, 'subject')
    checkSubject(subject, publicKey, true, this.chain)
    const template = await CertificateTemplate.compile({
      ...this.#templateBase(),
      profile,
      pathLength,
      enciphers: true,
    })
    const issued = await this.#issue(
      template,
      {
        ...values,
        subject: subject.der,
        publicKey,
        subjectKeyId: keyIdentifier(publicKey, values.method, VerifiedCsr.keyOf(verified)),
        subjectAltNames:
          options.subjectAltNames === undefined || options.subjectAltNames.length === 0
            ? undefined
            : encodeGeneralNames(options.subjectAltNames, 'subjectAltNames'),
        nameConstraints:
          options.nameConstraints === undefined ? undefined : encodeNameConstraints(options.nameConstraints),
      },
      { isCa: true, pathLength },
      options.signal,
    )
    await dryRun({
      certificate: issued.certificate,
      above: this.chain,
      signer: undefined,
      now: values.now,
      // Whatever this chain ends in was accepted when this authority was made.
      anchor: 'any',
    })
    return issued
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
    checkOptionNames(options, WORKLOAD_NAMES, 'issueWorkload')
    const profileName = checkOneOf(options.profile ?? this.#profile, PROFILE_NAMES, 'profile')
    const subjectAltNames = workloadNames(options)
    if (this.#refusedPurpose !== undefined) {
      throw new MeshPkiError(
        'ERR_CA_DRY_RUN',
        `workload certificates are for servers and clients, which this chain refuses: ${this.#refusedPurpose.message}`,
        { cause: this.#refusedPurpose },
      )
    }
    const values = this.#readIssue(options)
    const subject = readNameOption(options.subject ?? [], 'subject')
    const request = VerifiedCsr.is(csr) ? csr : Csr.from(csr)
    const finish = async (verified: VerifiedCsr, isCrowded: () => boolean): Promise<IssuedCertificate> => {
      const { publicKey } = Csr.signedPartsOf(verified.csr)
      checkSubject(subject, publicKey, false, this.chain)
      const template = await this.#workloadTemplate(profileName, VerifiedCsr.keyOf(verified).kind === 'RSA')
      return this.#issue(
        template,
        {
          ...values,
          subject: subject.der,
          publicKey,
          subjectKeyId: keyIdentifier(publicKey, values.method, VerifiedCsr.keyOf(verified)),
          subjectAltNames,
        },
        { isCa: false, pathLength: undefined },
        options.signal,
        isCrowded(),
      )
    }
    const prove = (isCrowded: () => boolean): Promise<VerifiedCsr> =>
      provePossession(request, undefined, isCrowded())
    if (this.#signer.isInProcess)
      return this.#window.run(async (isCrowded) => finish(await prove(isCrowded), isCrowded))
    // A signer that is elsewhere uses no core of ours: it shall not take the place of those that do.
    return finish(await this.#window.run(prove), () => false)
  }

  /** Checks what every issuance has in common, before any work. */
  #readIssue(options: IssueOptions): Pick<CertificateValues, 'notBefore' | 'notAfter' | 'serialNumber'> & {
    readonly cappedBy: Certificate | undefined
    readonly method: KeyIdentifierMethod
    readonly now: number
  } {
    const lifetime = readDuration(options.lifetime, 'lifetime')
    const backdate = readDuration(options.backdate ?? DEFAULT_BACKDATE, 'backdate', BACKDATE_RULES)
    const method = checkOneOf(options.keyIdentifier ?? 'sha1', KEY_IDENTIFIER_METHODS, 'keyIdentifier')
    const now = currentTime(this.#clock)
    return {
      ...cappedValidity(now, lifetime, backdate, this.chain),
      serialNumber: this.#serialNumbers.next(),
      method,
      now,
    }
  }

  async #issue(
    template: CertificateTemplate,
    values: CertificateValues & { readonly cappedBy: Certificate | undefined },
    kind: Pick<IssuanceIntent, 'isCa' | 'pathLength'>,
    signal: AbortSignalLike | undefined,
    crowded = false,
  ): Promise<IssuedCertificate> {
    const tbs = template.build(values)
    if (this.#constraining.length > 0) this.#checkConstraints(unsignedCertificate(tbs, this.signer))
    const certificate = await this.#signer.certify(tbs, signal, crowded)
    checkIntent(certificate, { ...kind, isRoot: false, issuer: this.certificate.subject.der, values })
    const chain = [certificate, ...this.chain]
    return values.cappedBy === undefined
      ? { certificate, chain }
      : { certificate, chain, cappedBy: values.cappedBy }
  }

  /** What the chain's name constraints refuse is not signed. */
  #checkConstraints(certificate: Certificate): void {
    for (const issuer of this.#constraining) {
      const violation = constraintViolation(issuer, certificate, { take: () => true })
      if (violation?.kind !== 'violation') continue
      throw new MeshPkiError(
        'ERR_CA_NAME_CONSTRAINTS',
        `the certificate would never verify: ${violation.text}, by the name constraints of ${certificateLabel(issuer)} (RFC 5280 §4.2.1.10)`,
      )
    }
  }

  #workloadTemplate(name: ProfileName, enciphers: boolean): Promise<CertificateTemplate> {
    const key = `${name} ${enciphers}`
    let template = this.#workloadTemplates.get(key)
    if (template === undefined) {
      template = CertificateTemplate.compile({
        ...this.#templateBase(),
        profile: profileOf(name, 'workload'),
        pathLength: undefined,
        enciphers,
      })
      this.#workloadTemplates.set(key, template)
      // A template that failed to load is not kept: the next request tries again.
      template.catch(() => this.#workloadTemplates.delete(key))
    }
    return template
  }

  #templateBase(): {
    issuer: Uint8Array
    algorithm: Signer['signatureAlgorithm']
    authorityKeyId: Uint8Array | undefined
  } {
    return {
      issuer: this.certificate.subject.der,
      algorithm: this.signer.signatureAlgorithm,
      // An issuer without an identifier of its own is named by the one that its key would have (§4.2.1.1).
      authorityKeyId: subjectKeyIdOf(this.certificate) ?? keyIdentifier(this.certificate.publicKey, 'sha1'),
    }
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
