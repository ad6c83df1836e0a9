/**
 * Trust anchors and known intermediates, read once and used for many verifications.
 *
 * @module
 */

import { AdaptiveWindow } from '../internal/adaptive-window.ts'
import { latin1 } from '../internal/bytes.ts'
import { checkOptionNames, readCount } from '../internal/options.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, namedOption, toCertificates } from '../x509/certificate-input.ts'
import { ALL_LENIENCIES } from '../x509/certificate-walker.ts'
import { CertificateFacts, DEFAULT_FACT_LIMITS } from './certificate-facts.ts'
import { IssuerIndex } from './issuer-index.ts'
import type { TrustAnchorInput } from './options.ts'
import { PathError } from './path-error.ts'
import { type Issuer, TrustAnchor, type TrustAnchorParameters } from './trust-anchor.ts'

/** Options of {@link TrustStore}. */
export interface TrustStoreOptions {
  /** What is trusted: certificates, PEM texts with several, or names with keys. */
  readonly anchors: TrustAnchorInput | readonly TrustAnchorInput[]
  /** Certificates that may complete a path; they are not trusted by themselves. */
  readonly intermediates?: CertificateInput | readonly CertificateInput[] | undefined
  /**
   * How much it remembers of peers' certificates that were part of a path to an anchor: `certificates` (default
   * 4096) of together `bytes` (default 4 MiB). 0 certificates for nothing.
   */
  readonly memory?:
    | { readonly certificates?: number | undefined; readonly bytes?: number | undefined }
    | undefined
}

/**
 * Anchors and intermediates that a caller owns. Make one, keep it, and replace it when trust changes.
 *
 * It remembers facts, and never verdicts: imported keys, and that a certificate's signature verifies under a
 * key. Time, purpose, constraints, policies and revocation are judged on every call. What it remembers of
 * peers is bounded, was learnt only on paths that reached an anchor, and cannot push out its own certificates.
 * It also shares the machine among verifications that run at the same time.
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
  readonly #anchors: readonly Issuer[]
  readonly #intermediates: readonly Certificate[]
  readonly #anchorIndex: IssuerIndex
  readonly #intermediateIndex: IssuerIndex
  readonly #facts: CertificateFacts
  readonly #window = new AdaptiveWindow()

  /** @throws `MeshPkiError` for certificates that cannot be read; `PathError` `ERR_PATH_ANCHOR` without any anchor. */
  constructor(options: TrustStoreOptions) {
    checkOptionNames(options, ['anchors', 'intermediates', 'memory'], 'TrustStore')
    if (options.anchors === undefined) throw new TypeError('TrustStore needs the option "anchors"')
    const { memory = {} } = options
    checkOptionNames(memory, ['certificates', 'bytes'], 'option "memory"')
    this.#anchors = distinctIssuers(readAnchors(options.anchors))
    this.#intermediates = distinctCertificates(
      toCertificates(options.intermediates ?? [], 'intermediates', { leniency: ALL_LENIENCIES }),
    )
    if (this.#anchors.length === 0) {
      throw new PathError(
        'ERR_PATH_ANCHOR',
        'the list of trust anchors is empty, so nothing can ever be accepted; pass at least one root certificate',
      )
    }
    const { certificates, bytes } = DEFAULT_FACT_LIMITS
    this.#facts = new CertificateFacts(
      {
        certificates: readCount(memory.certificates ?? certificates, 'memory.certificates', 0, 10_000_000),
        bytes: readCount(memory.bytes ?? bytes, 'memory.bytes', 0, 2 ** 40),
      },
      [...this.#anchors, ...this.#intermediates],
    )
    this.#anchorIndex = new IssuerIndex(this.#anchors)
    this.#intermediateIndex = new IssuerIndex(this.#intermediates)
  }

  /** The anchors, each once. */
  get anchors(): readonly (Certificate | TrustAnchor)[] {
    return [...this.#anchors]
  }

  /** The intermediates, each once. */
  get intermediates(): readonly Certificate[] {
    return [...this.#intermediates]
  }

  /** @internal What a search looks into. */
  static partsOf(store: TrustStore): TrustStoreParts {
    return {
      anchors: store.#anchors,
      intermediates: store.#intermediates,
      anchorIndex: store.#anchorIndex,
      intermediateIndex: store.#intermediateIndex,
    }
  }

  /** @internal What is known of its own certificates and of peers'. */
  static factsOf(store: TrustStore): CertificateFacts {
    return store.#facts
  }

  /** @internal How many verifications may run at the same time. */
  static windowOf(store: TrustStore): AdaptiveWindow {
    return store.#window
  }
}

/** What a search needs of a {@link TrustStore}. */
export interface TrustStoreParts {
  readonly anchors: readonly Issuer[]
  readonly intermediates: readonly Certificate[]
  readonly anchorIndex: IssuerIndex
  readonly intermediateIndex: IssuerIndex
}

function readAnchors(input: TrustStoreOptions['anchors']): readonly Issuer[] {
  const items: readonly TrustAnchorInput[] = isList(input) ? input : [input]
  return items.flatMap((item, i): readonly Issuer[] => {
    if (item instanceof TrustAnchor) return [item]
    const option = items.length === 1 ? 'anchors' : `anchors[${i}]`
    if (isParameters(item)) return [bareAnchor(item, option)]
    return toCertificates(item, option, { leniency: ALL_LENIENCIES })
  })
}

function bareAnchor(parameters: TrustAnchorParameters, option: string): TrustAnchor {
  try {
    return TrustAnchor.from(parameters)
  } catch (error) {
    throw error instanceof PathError ? error : namedOption(error, option)
  }
}

function isList(input: TrustStoreOptions['anchors']): input is readonly TrustAnchorInput[] {
  return Array.isArray(input)
}

/** A name and a key, and none of the shapes that hold a whole certificate. */
function isParameters(item: unknown): item is TrustAnchorParameters {
  return (
    typeof item === 'object' &&
    item !== null &&
    !(item instanceof Certificate) &&
    !(item instanceof Uint8Array) &&
    !('raw' in item) &&
    !('rawData' in item) &&
    'subject' in item &&
    'publicKey' in item
  )
}

function distinctIssuers(issuers: readonly Issuer[]): readonly Issuer[] {
  const kept = new Set<Issuer>(
    distinctCertificates(issuers.filter((issuer) => issuer instanceof Certificate)),
  )
  return issuers.filter((issuer) => issuer instanceof TrustAnchor || kept.has(issuer))
}

/** Each certificate once, by its bytes, in order. Many are told apart by a set: a peer may send thousands. */
export function distinctCertificates(certificates: readonly Certificate[]): readonly Certificate[] {
  if (certificates.length < 2) return certificates
  if (certificates.length <= 8)
    return certificates.filter((one, i) => certificates.findIndex((other) => other.equals(one)) === i)
  const seen = new Set<string>()
  return certificates.filter((certificate) => {
    const der = Certificate.bytesOf(certificate)
    const before = seen.size
    return seen.add(latin1(der, 0, der.length)).size > before
  })
}
