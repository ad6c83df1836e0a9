/**
 * A certificate that somebody renews.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { currentTime } from '../../internal/clock.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import {
  type CertificateInput,
  readAgain,
  toCertificate,
  toCertificates,
} from '../../x509/certificate-input.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { Issuer } from '../issuer.ts'
import { revocationOf } from '../revocation/revocation-store.ts'
import type { IssuancePolicy } from './issuance-policy.ts'

/** A certificate that is to be followed by another, and what makes that right. */
export class Renewal {
  readonly certificate: Certificate
  readonly #issuer: Issuer
  readonly #policy: IssuancePolicy
  readonly #predecessors: readonly Certificate[]

  constructor(
    issuer: Issuer,
    policy: IssuancePolicy,
    renews: CertificateInput,
    predecessors: CertificateInput | readonly CertificateInput[] | undefined,
  ) {
    this.certificate = readAgain(toCertificate(renews, 'renews'))
    this.#issuer = issuer
    this.#policy = policy
    this.#predecessors = predecessors === undefined ? [] : toCertificates(predecessors, 'predecessors')
  }

  /**
   * That it was issued by this CA, or by one that may be followed, leads to the same root, is valid now, is of the kind that
   * the policy makes, and is not revoked as far as this CA's own store says.
   *
   * @throws `MeshPkiError` `ERR_POLICY_RENEWAL`, with the `PathError` as cause where there is one; what the store throws.
   */
  async verify(): Promise<void> {
    const { certificate, chain, clock } = this.#issuer
    const current = this.certificate
    if (current.isCa !== this.#policy.isCa)
      throw this.#refuse(
        `it is ${current.isCa ? "a CA's" : "no CA's"}, and the policy makes ${this.#policy.isCa ? 'CAs' : 'end entities'}`,
      )
    const anchor = chain[chain.length - 1] ?? certificate
    const result = await checkPath(current, {
      anchors: [anchor],
      intermediates: [...chain, ...this.#predecessors],
      purpose: 'any',
      time: new Date(currentTime(clock)),
    })
    if (!result.ok)
      throw this.#refuse(
        `it is no valid certificate below ${certificateLabel(anchor)}. ${result.error.message}`,
        result.error,
      )
    const [, by] = result.path.certificates
    const mayFollow = [certificate, ...this.#predecessors]
    if (by === undefined || !mayFollow.some((ca) => isSameCa(ca, by)))
      throw this.#refuse(
        `${by === undefined ? 'nobody' : certificateLabel(by)} issued it, and this is ${certificateLabel(certificate)}. Renew it there, or name that CA in the option "predecessors"`,
      )
    await this.#checkNotRevoked(by)
  }

  /** Only what this very CA issued is in its store. */
  async #checkNotRevoked(by: Certificate): Promise<void> {
    const { certificate, revocations: store } = this.#issuer
    if (store === undefined || !isSameCa(certificate, by)) return
    const reason = await revocationOf({ certificate, store }, this.certificate.serialNumber)
    if (reason !== undefined) throw this.#refuse(`it is revoked (${reason})`)
  }

  #refuse(problem: string, cause?: unknown): MeshPkiError {
    return new MeshPkiError(
      'ERR_POLICY_RENEWAL',
      `${certificateLabel(this.certificate)} cannot be renewed: ${problem}. Otherwise ask for a new one as for the first time`,
      { cause },
    )
  }
}

/** A CA that was issued again for its key is the same. */
function isSameCa(a: Certificate, b: Certificate): boolean {
  return a.subject.equals(b.subject) && equalBytes(a.publicKey, b.publicKey)
}
