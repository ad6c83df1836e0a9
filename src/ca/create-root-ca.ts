/**
 * Makes root CAs.
 *
 * @module
 */

import type { AbortSignalLike } from '../internal/abort.ts'
import { currentTime, systemClock, type TimeSource } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOneOf, checkOptionNames, readCount } from '../internal/options.ts'
import type { RandomSource, WebCryptoLike } from '../internal/web-crypto.ts'
import type { GeneralName, GeneralNameInput } from '../x509/general-name.ts'
import { encodeGeneralNames } from '../x509/general-name-encoder.ts'
import type { KeyAlgorithm } from '../x509/generate-key-pair.ts'
import { type NameInput, readNameOption } from '../x509/name.ts'
import { resolveSigner, type SignerInput } from '../x509/resolve-signer.ts'
import { CertificateAuthority } from './certificate-authority.ts'
import { CertificateTemplate, type CertificateValues } from './certificate-template.ts'
import { BACKDATE_RULES, checkSubject } from './issuance-rules.ts'
import { KEY_IDENTIFIER_METHODS, type KeyIdentifierMethod, keyIdentifier } from './key-identifier.ts'
import { encodeNameConstraints, type NameConstraintsInput } from './name-constraints-input.ts'
import { familyOf, type ProfileInput, profileOf } from './profiles/profiles.ts'
import { type RenewalOptions, renewedKeyIdentifier } from './renewed-key-identifier.ts'
import { type RevocationStore, readRevocationStore } from './revocation/revocation-store.ts'
import { SerialNumbers } from './serial-number.ts'
import { CheckedSigner, checkIntent } from './sign-certificate.ts'

/** Options of {@link createRootCa}. */
export interface CreateRootCaOptions extends RenewalOptions {
  /** Its name; not empty. */
  readonly subject: NameInput
  /** How long it is valid, from now: `'3650d'`. */
  readonly lifetime: string
  /** A `PrivateKey`, a pair, any `Signer`, or the kind of key to make. Default `'P-256'`. */
  readonly key?: SignerInput | KeyAlgorithm | undefined
  /** Whether a key that is made here may be exported. Default `false`: it is gone when the process ends. */
  readonly extractable?: boolean | undefined
  /** How many CAs may follow below it. Default: no limit. 0 allows workload certificates only. */
  readonly pathLength?: number | undefined
  /** Its own alternative names, such as the SPIFFE ID of its trust domain (X509-SVID §3.1): `{ type: 'uri', value: 'spiffe://td' }`. */
  readonly subjectAltNames?: readonly (GeneralNameInput | GeneralName)[] | undefined
  /** Subtrees for all names below it. */
  readonly nameConstraints?: NameConstraintsInput | undefined
  /** Shape of the root, and by its family that of what it issues. Default `'mesh'`. */
  readonly profile?: ProfileInput | undefined
  /** How far before now validity begins. Default `'2m'`. */
  readonly backdate?: string | undefined
  /** How the subject key identifier is computed. Default `'sha1'`. */
  readonly keyIdentifier?: KeyIdentifierMethod | undefined
  /** As in `CertificateAuthority.from`. */
  readonly selfTest?: 'signed' | 'unsigned' | undefined
  /** As in `CertificateAuthority.from`. */
  readonly revocations?: RevocationStore | undefined
  readonly clock?: TimeSource | undefined
  readonly random?: RandomSource | undefined
  /** A WebCrypto implementation that shall make and hold the key. */
  readonly crypto?: WebCryptoLike | undefined
  readonly signal?: AbortSignalLike | undefined
}

const OPTION_NAMES = [
  'subject',
  'lifetime',
  'key',
  'extractable',
  'pathLength',
  'subjectAltNames',
  'nameConstraints',
  'profile',
  'backdate',
  'keyIdentifier',
  'selfTest',
  'revocations',
  'clock',
  'random',
  'crypto',
  'signal',
  'renews',
  'sameKey',
]

/**
 * Makes a self-signed root CA and proves by a dry run that what it signs verifies.
 *
 * @throws `MeshPkiError` `ERR_NAME_SYNTAX`, `ERR_CA_SUBJECT`, `ERR_CA_NAME_CONSTRAINTS`, `ERR_CA_SIGNER`,
 * `ERR_CA_DRY_RUN`, `ERR_KEY_…`; `TypeError` and `RangeError` for options.
 *
 * @example
 * ```ts
 * import { createRootCa } from 'mesh-pki/ca'
 * import { exportPrivateKey, generateKeyPair } from 'mesh-pki/x509'
 *
 * const { privateKey } = await generateKeyPair('P-384', { extractable: true })
 * const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key: privateKey })
 * console.log(root.certificate.toPem(), await exportPrivateKey(privateKey, { format: 'pkcs8' }))
 * ```
 */
export async function createRootCa(options: CreateRootCaOptions): Promise<CertificateAuthority> {
  checkOptionNames(options, OPTION_NAMES, 'createRootCa')
  const profile = profileOf(options.profile ?? 'mesh', 'root')
  const method = checkOneOf(options.keyIdentifier ?? 'sha1', KEY_IDENTIFIER_METHODS, 'keyIdentifier')
  const lifetime = readDuration(options.lifetime, 'lifetime')
  const backdate = readDuration(options.backdate ?? '2m', 'backdate', BACKDATE_RULES)
  const pathLength =
    options.pathLength === undefined ? undefined : readCount(options.pathLength, 'pathLength', 0, 255)
  const subject = readNameOption(options.subject, 'subject')
  const nameConstraints =
    options.nameConstraints === undefined ? undefined : encodeNameConstraints(options.nameConstraints)
  const { subjectAltNames: names = [] } = options
  const subjectAltNames = names.length === 0 ? undefined : encodeGeneralNames(names, 'subjectAltNames')
  const renewed = renewedKeyIdentifier(options, 'root')
  const revocations = readRevocationStore(options.revocations)
  const clock = options.clock ?? systemClock

  checkSubject(subject, new Uint8Array(), true, [])
  const signer = await CheckedSigner.of(await resolveSigner(options.key ?? 'P-256', options))
  const { publicKey, signatureAlgorithm } = signer.signer
  const subjectKeyId = renewed(publicKey, subject) ?? keyIdentifier(publicKey, method)
  const template = await CertificateTemplate.compile({
    profile,
    issuer: subject.der,
    algorithm: signatureAlgorithm,
    pathLength,
    // A self-signed certificate needs none (RFC 5280 §4.2.1.1); where a profile has one, it names itself.
    authorityKeyId: profile.extensions.includes('authorityKeyIdentifier') ? subjectKeyId : undefined,
    enciphers: true,
  })
  const now = currentTime(clock)
  const values: CertificateValues = {
    serialNumber: new SerialNumbers(options.random).next(),
    notBefore: now - backdate,
    notAfter: now + lifetime,
    subject: subject.der,
    publicKey,
    subjectKeyId,
    subjectAltNames,
    nameConstraints,
  }
  const certificate = await signer.certify(template.build(values), options.signal)
  checkIntent(certificate, {
    isRoot: true,
    isCa: true,
    pathLength,
    issuer: subject.der,
    values,
    mayBreak: (rule) => profile.deviations.includes(rule),
  })
  return CertificateAuthority.from({
    certificate,
    signer: signer.signer,
    // What it issues has the profiles of the same family.
    profile: typeof options.profile === 'string' ? familyOf(options.profile) : 'mesh',
    selfTest: options.selfTest,
    revocations,
    clock,
    random: options.random,
    signal: options.signal,
  })
}
