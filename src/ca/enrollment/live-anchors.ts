/**
 * Trust anchors that may change.
 *
 * @module
 */

import { TrustStore } from '../../verify/trust-store.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'

/** Certificates, PEM, or a function that answers the newest at each use. */
export type EnrollmentAnchors = AnchorsInput | (() => AnchorsInput | Promise<AnchorsInput>)

/** Certificates that are trusted. A PEM text may hold several. */
export type AnchorsInput = CertificateInput | readonly CertificateInput[]

/** Anchors as they are used. */
interface CurrentAnchors {
  readonly certificates: readonly Certificate[]
  readonly store: TrustStore
}

/** Answers the newest anchors, read once for as long as they are the same value. */
export class LiveAnchors {
  readonly #input: EnrollmentAnchors
  readonly #option: string
  #last: { readonly input: AnchorsInput; readonly anchors: CurrentAnchors } | undefined

  /** @throws `TypeError`, `MeshPkiError` for anchors that are given now. */
  constructor(input: EnrollmentAnchors | undefined, option: string) {
    if (input === undefined) throw new TypeError(`the option "${option}" is needed`)
    this.#input = input
    this.#option = option
    if (typeof input !== 'function') this.#read(input)
  }

  /** @throws what the function throws, and reading. */
  async current(): Promise<CurrentAnchors> {
    const input = typeof this.#input === 'function' ? await this.#input() : this.#input
    return this.#read(input)
  }

  #read(input: AnchorsInput): CurrentAnchors {
    if (this.#last?.input === input) return this.#last.anchors
    const certificates = toCertificates(input, this.#option)
    const anchors = { certificates, store: new TrustStore({ anchors: certificates }) }
    this.#last = { input, anchors }
    return anchors
  }
}
