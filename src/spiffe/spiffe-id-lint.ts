/**
 * Where SPIFFE and Istio read one identity differently.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type IstioIdentity, parseIstioIdentity } from './istio-identity.ts'
import { SpiffeId } from './spiffe-id.ts'
import { lintTrustDomain, type TrustDomainFinding } from './trust-domain-lint.ts'

/** One thing that somebody refuses, or that two take differently. */
export interface SpiffeIdFinding {
  /** Who refuses it; `nobody` for what passes and still deserves a look. */
  readonly refusedBy: 'spiffe' | 'istio' | 'nobody'
  /**
   * `spiffe-id`: it is no SPIFFE ID. `istio-identity`: Istio's `ParseIdentity` does not read it.
   * `trust-domain`: its trust domain does not suit both. `no-path`: it identifies a trust domain, not a
   * workload (X509-SVID §3.1).
   */
  readonly reason: 'spiffe-id' | 'istio-identity' | 'trust-domain' | 'no-path'
  readonly message: string
}

/** What {@link lintSpiffeId} finds. */
export interface SpiffeIdLint {
  /** Whether both worlds read it, as the same, and nothing stands against it. */
  readonly safe: boolean
  /** As SPIFFE reads it; `undefined` where it does not. */
  readonly spiffe: SpiffeId | undefined
  /** As Istio reads it; `undefined` where it does not. */
  readonly istio: IstioIdentity | undefined
  readonly findings: readonly SpiffeIdFinding[]
}

/**
 * Tells how SPIFFE implementations and Istio read an identity, and what stands against using it in both.
 *
 * SPIFFE asks for a grammar of characters (SPIFFE-ID §2) and for no form of the path. Istio asks for
 * `/ns/<namespace>/sa/<service account>` and looks at no character, but wants trust domains of DNS labels.
 * It never throws on text.
 *
 * @throws `TypeError` for anything but a string.
 *
 * @example
 * ```ts
 * import { lintSpiffeId } from 'mesh-pki/spiffe'
 *
 * const { safe, findings } = lintSpiffeId('spiffe://prod_1/ns/shop/sa/cart')
 * console.log(safe, findings.map(({ refusedBy }) => refusedBy)) // false [ 'istio' ]
 * ```
 */
export function lintSpiffeId(text: string): SpiffeIdLint {
  const findings: SpiffeIdFinding[] = []
  const attempt = <T>(read: () => T, refusedBy: 'spiffe' | 'istio', reason: SpiffeIdFinding['reason']) => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      findings.push({ refusedBy, reason, message: error.message })
      return undefined
    }
  }
  const spiffe = attempt(() => SpiffeId.parse(text), 'spiffe', 'spiffe-id')
  const istio = attempt(() => parseIstioIdentity(text), 'istio', 'istio-identity')
  const trustDomain = istio?.trustDomain ?? spiffe?.trustDomain.name
  if (trustDomain !== undefined)
    findings.push(...lintTrustDomain(trustDomain).findings.filter(isNew(spiffe)).map(ofTrustDomain))
  if (spiffe !== undefined && spiffe.path === '')
    findings.push({
      refusedBy: 'nobody',
      reason: 'no-path',
      message: `${text} has no path: it is the identity of a trust domain, which a signing certificate may have and a workload may not; add a path (X509-SVID §3.1)`,
    })
  return { safe: findings.length === 0, spiffe, istio, findings }
}

/** What SPIFFE has against the trust domain was said about the identity already. */
const isNew =
  (spiffe: SpiffeId | undefined) =>
  ({ refusedBy }: TrustDomainFinding): boolean =>
    spiffe !== undefined || refusedBy !== 'spiffe'

const ofTrustDomain = ({ refusedBy, message }: TrustDomainFinding): SpiffeIdFinding => ({
  refusedBy,
  reason: 'trust-domain',
  message,
})
