/**
 * What every kind of issuance below one CA shares.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import type { AbortSignalLike } from '../internal/abort.ts'
import { AdaptiveWindow } from '../internal/adaptive-window.ts'
import { currentTime, type TimeSource } from '../internal/clock.ts'
import type { RandomSource } from '../internal/web-crypto.ts'
import type { PathError } from '../verify/path-error.ts'
import type { Rfc5280Rule } from '../verify/rfc5280-rules.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { Signer } from '../x509/signer.ts'
import type { IssuedCertificate } from './authority-options.ts'
import { CertificateTemplate, type CertificateValues } from './certificate-template.ts'
import { constraintProblem } from './constraint-problem.ts'
import { subjectKeyIdOf } from './dry-run.ts'
import { type CappedValidity, cappedValidity } from './issuance-rules.ts'
import { keyIdentifier } from './key-identifier.ts'
import type { CertificateProfile } from './profiles/certificate-profile.ts'
import type { ProfileInput } from './profiles/profiles.ts'
import type { RevocationContext, RevocationStore } from './revocation/revocation-store.ts'
import { SerialNumbers } from './serial-number.ts'
import {
  type CheckedSigner,
  checkIntent,
  type IssuanceIntent,
  unsignedCertificate,
} from './sign-certificate.ts'

/** What an issuer is made of. */
export interface IssuerParameters {
  readonly signer: CheckedSigner
  readonly clock: TimeSource
  readonly random: RandomSource | undefined
  readonly profile: ProfileInput
  readonly refusedPurpose: PathError | undefined
  readonly revocations: RevocationStore | undefined
}

/** Validity and serial number of a certificate that is about to be made. */
export interface Issuance extends CappedValidity {
  readonly now: number
  readonly serialNumber: Uint8Array
}

/** A CA's certificate with its chain and key, its templates, serial numbers and its place in the thread pool. */
export class Issuer {
  readonly certificate: Certificate
  /** The CA's certificate and its issuers, root last. */
  readonly chain: readonly Certificate[]
  readonly signer: CheckedSigner
  readonly clock: TimeSource
  /** Profile of what it issues, unless a call says otherwise. */
  readonly profile: ProfileInput
  /** Set where extended key usage in the chain refuses server or client authentication. */
  readonly refusedPurpose: PathError | undefined
  /** Where its revocations are kept. */
  readonly revocations: RevocationStore | undefined
  readonly window: AdaptiveWindow = new AdaptiveWindow()
  readonly #serialNumbers: SerialNumbers
  /** Issuers of the chain that constrain names. */
  readonly #constraining: readonly Certificate[]
  /** By profile: for keys that encipher, and for those that only sign. */
  readonly #templates = new WeakMap<CertificateProfile, Map<boolean, Promise<CertificateTemplate>>>()

  constructor(chain: readonly Certificate[], parameters: IssuerParameters) {
    const [certificate] = chain
    if (certificate === undefined)
      throw new RangeError('the chain of a CA holds at least its own certificate')
    this.certificate = certificate
    this.chain = Object.freeze([...chain])
    this.signer = parameters.signer
    this.clock = parameters.clock
    this.profile = parameters.profile
    this.refusedPurpose = parameters.refusedPurpose
    this.revocations = parameters.revocations
    this.#serialNumbers = new SerialNumbers(parameters.random)
    this.#constraining = chain.filter((issuer) => issuer.nameConstraints !== undefined)
  }

  /** When a certificate begins and ends if it is issued now, and its number. @throws `MeshPkiError` `ERR_CA_EXPIRED`, `ERR_CA_NOT_YET_VALID`. */
  begin(lifetime: number, backdate: number): Issuance {
    const now = currentTime(this.clock)
    return {
      ...cappedValidity(now, lifetime, backdate, this.chain),
      now,
      serialNumber: this.#serialNumbers.next(),
    }
  }

  /** The template of an end entity's profile, compiled once. */
  template(profile: CertificateProfile, enciphers: boolean): Promise<CertificateTemplate> {
    let byKey = this.#templates.get(profile)
    if (byKey === undefined) {
      byKey = new Map()
      this.#templates.set(profile, byKey)
    }
    const known = byKey.get(enciphers)
    if (known !== undefined) return known
    const template = this.compile(profile, undefined, enciphers)
    byKey.set(enciphers, template)
    // A template that failed to load is not kept: the next request tries again.
    template.catch(() => byKey.delete(enciphers))
    return template
  }

  /** A template that is used once. */
  compile(
    profile: CertificateProfile,
    pathLength: number | undefined,
    enciphers: boolean,
  ): Promise<CertificateTemplate> {
    return CertificateTemplate.compile({
      profile,
      pathLength,
      enciphers,
      issuer: this.certificate.subject.der,
      algorithm: this.#rawSigner.signatureAlgorithm,
      // An issuer without an identifier of its own is named by the one that its key would have (§4.2.1.1).
      authorityKeyId: subjectKeyIdOf(this.certificate) ?? keyIdentifier(this.certificate.publicKey, 'sha1'),
    })
  }

  /** The certificate as it would be, with a placeholder for its signature. */
  preview(template: CertificateTemplate, values: CertificateValues): Certificate {
    return unsignedCertificate(template.build(values), this.#rawSigner)
  }

  /** Signs, and proves the result before it is answered. @throws `MeshPkiError` `ERR_CA_NAME_CONSTRAINTS`, `ERR_CA_SIGNER`, `ERR_CA_SELF_CHECK`. */
  async issue(
    template: CertificateTemplate,
    values: CertificateValues & { readonly cappedBy: Certificate | undefined },
    kind: Pick<IssuanceIntent, 'isCa' | 'pathLength'> & Pick<CertificateProfile, 'deviations'>,
    signal: AbortSignalLike | undefined,
    crowded = false,
  ): Promise<IssuedCertificate> {
    const tbs = template.build(values)
    if (this.#constraining.length > 0) {
      const violation = this.constraintViolation(unsignedCertificate(tbs, this.#rawSigner))
      if (violation !== undefined) throw new MeshPkiError('ERR_CA_NAME_CONSTRAINTS', violation)
    }
    const certificate = await this.signer.certify(tbs, signal, crowded)
    checkIntent(certificate, {
      ...kind,
      isRoot: false,
      issuer: this.certificate.subject.der,
      values,
      mayBreak: (rule) => this.mayBreak(rule, kind.deviations),
    })
    const chain = [certificate, ...this.chain]
    return values.cappedBy === undefined
      ? { certificate, chain }
      : { certificate, chain, cappedBy: values.cappedBy }
  }

  /** This CA as revocation needs it. @throws `TypeError` without a store: one in memory would forget what it revoked. */
  revocationContext(method: string): RevocationContext {
    const { certificate, signer, clock, revocations: store } = this
    if (store !== undefined) return { certificate, signer, clock, store }
    throw new TypeError(
      `${method} needs a CA with the option "revocations", a store that outlives the process; for tests there is memoryRevocationStore()`,
    )
  }

  /** Whether a rule of RFC 5280 §4 is one that a profile breaks on purpose. */
  mayBreak(rule: Rfc5280Rule, deviations: readonly Rfc5280Rule[]): boolean {
    // What a legacy Gloo CA signs names no issuer, since that CA has no name.
    return deviations.includes(rule) || (rule === 'issuer' && this.certificate.subject.isEmpty)
  }

  /** Why a certificate would never verify below this chain's name constraints; `undefined` where it may. */
  constraintViolation(certificate: Certificate): string | undefined {
    return constraintProblem(this.#constraining, certificate)
  }

  get #rawSigner(): Signer {
    return this.signer.signer
  }
}
