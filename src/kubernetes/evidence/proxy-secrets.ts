/**
 * What a proxy trusts and presents, as it says itself.
 *
 * @module
 */

import type { Certificate } from '../../x509/certificate.ts'

/** One secret of a proxy. Private keys are never read. */
export interface EnvoySecret {
  readonly name: string
  /** `warming`: asked for, and not there yet. `static`: part of its bootstrap, which nothing renews. */
  readonly state: 'active' | 'warming' | 'static'
  readonly kind: 'roots' | 'chain' | 'other'
  /** The certificates, in their order. */
  readonly certificates: readonly Certificate[]
  /** The roots by trust domain, where Envoy verifies SPIFFE IDs by themselves; then `certificates` has all of them. */
  readonly byTrustDomain: ReadonlyMap<string, readonly Certificate[]>
  readonly versionInfo: string | undefined
  readonly lastUpdated: Date | undefined
}

/** Which finding it is. */
export type EvidenceFindingCode =
  | 'certificate-by-file'
  | 'certificate-unreadable'
  | 'chain-missing'
  | 'roots-missing'
  | 'secret-twice'
  | 'secret-warming'

/** Why something is not known of a proxy. */
export interface EvidenceFinding {
  readonly code: EvidenceFindingCode
  readonly proxy: string
  readonly message: string
}

/** What one proxy holds. */
export interface ProxySecrets {
  /** What the caller calls it. */
  readonly proxy: string
  /** The trust anchors that are active; `undefined` where they are not known. */
  readonly roots: EnvoySecret | undefined
  /** The certificate that it presents and what it sends with it; `undefined` where that is not known. */
  readonly chain: EnvoySecret | undefined
  /** Everything in the dump. */
  readonly secrets: readonly EnvoySecret[]
  readonly findings: readonly EvidenceFinding[]
}
