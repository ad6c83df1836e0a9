/**
 * Trust anchors that may change.
 *
 * @module
 */

import { TrustStore } from '../../verify/trust-store.ts'
import { Certificate } from '../../x509/certificate.ts'
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

/** Answers the newest anchors, read once for as long as they are the same values. */
export class LiveAnchors {
  readonly #input: EnrollmentAnchors
  readonly #option: string
  #last: { readonly items: readonly unknown[]; readonly anchors: CurrentAnchors } | undefined

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
    // A list may be changed in place: a root that is taken out of it must not go on being trusted.
    const items: readonly unknown[] = Array.isArray(input) ? [...input] : [input]
    const { items: before = [], anchors: known } = this.#last ?? {}
    if (
      known !== undefined &&
      items.length === before.length &&
      items.every((one, i) => isSame(one, before[i]))
    )
      return known
    const certificates = toCertificates(input, this.#option)
    const anchors = { certificates, store: new TrustStore({ anchors: certificates }) }
    this.#last = { items, anchors }
    return anchors
  }
}

/** Text and certificates do not change; bytes may. */
const isSame = (a: unknown, b: unknown): boolean =>
  a === b && (typeof a === 'string' || a instanceof Certificate)
