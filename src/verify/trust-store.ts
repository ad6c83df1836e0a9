/**
 * Trust anchors and known intermediates, read once and used for many verifications.
 *
 * @module
 */

import { checkOptionNames } from '../internal/options.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../x509/certificate-input.ts'
import { ALL_LENIENCIES } from '../x509/certificate-walker.ts'
import type { VerificationKey } from '../x509/verification-key.ts'
import { PathError } from './path-error.ts'

/** Options of {@link TrustStore}. */
export interface TrustStoreOptions {
  /** What is trusted. A PEM text may hold several certificates. */
  readonly anchors: CertificateInput | readonly CertificateInput[]
  /** Certificates that may complete a path; they are not trusted by themselves. */
  readonly intermediates?: CertificateInput | readonly CertificateInput[] | undefined
}

/**
 * Anchors and intermediates that a caller owns. It remembers facts about its own certificates, such as
 * imported keys, and never verdicts: time, purpose and constraints are judged on every call.
 *
 * Bytes given to it are read with every leniency of `CertificateLeniency`: roots that a platform ships
 * deviate in known, harmless ways. Pass `Certificate` values to be stricter.
 *
 * @example
 * ```ts
 * import { TrustStore, verifyPath } from 'mesh-pki/verify'
 *
 * declare const rootsPem: string, peer: Uint8Array
 * const store = new TrustStore({ anchors: rootsPem })
 * const path = await verifyPath(peer, { store, purpose: 'clientAuth' })
 * ```
 */
export class TrustStore {
  readonly #anchors: readonly Certificate[]
  readonly #intermediates: readonly Certificate[]
  readonly #keys = new Map<Certificate, VerificationKey>()

  /** @throws `MeshPkiError` for certificates that cannot be read; `PathError` `ERR_PATH_ANCHOR` without any anchor. */
  constructor(options: TrustStoreOptions) {
    checkOptionNames(options, ['anchors', 'intermediates'], 'TrustStore')
    if (options.anchors === undefined) throw new TypeError('TrustStore needs the option "anchors"')
    const read = { leniency: ALL_LENIENCIES }
    this.#anchors = distinct(toCertificates(options.anchors, 'anchors', read))
    this.#intermediates = distinct(toCertificates(options.intermediates ?? [], 'intermediates', read))
    if (this.#anchors.length === 0) {
      throw new PathError(
        'ERR_PATH_ANCHOR',
        'the list of trust anchors is empty, so nothing can ever be accepted; pass at least one root certificate',
      )
    }
  }

  /** The anchors, each once. */
  get anchors(): readonly Certificate[] {
    return [...this.#anchors]
  }

  /** The intermediates, each once. */
  get intermediates(): readonly Certificate[] {
    return [...this.#intermediates]
  }

  /** @internal The imported key of one of its own certificates. */
  static keyOf(store: TrustStore, certificate: Certificate): VerificationKey | undefined {
    return store.#keys.get(certificate)
  }

  /** @internal Keeps an imported key, of its own certificates only: a peer's must not fill it. */
  static keepKey(store: TrustStore, certificate: Certificate, key: VerificationKey): void {
    if (store.#anchors.includes(certificate) || store.#intermediates.includes(certificate))
      store.#keys.set(certificate, key)
  }
}

/** Each certificate once, by its bytes, in order. */
function distinct(certificates: readonly Certificate[]): readonly Certificate[] {
  const kept: Certificate[] = []
  for (const certificate of certificates)
    if (!kept.some((other) => other.equals(certificate))) kept.push(certificate)
  return kept
}
