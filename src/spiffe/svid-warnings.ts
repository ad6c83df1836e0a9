/**
 * What X509-SVID advises against, and what was let pass. Nobody waits for it: the words are made when asked for.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import type { KeyUsageName } from '../x509/extensions/key-usage.ts'
import { SpiffeId, type TrustDomain } from './spiffe-id.ts'
import { uriNames } from './svid-leaf.ts'
import { hasSpiffeScheme, judgeSigner } from './svid-signers.ts'

/** Something that X509-SVID advises against, or that was let pass by `signers: 'warn'`. */
export interface SvidWarning {
  /** The row of the conformance checklist in `docs/spiffe.md`. */
  readonly requirement: string
  readonly clause: string
  readonly certificate: Certificate
  /** Where in the path: 0 is the leaf. */
  readonly depth: number
  readonly message: string
}

/** Usages that only leaves should have (X509-SVID appendix A). */
const LEAF_USAGES: readonly KeyUsageName[] = ['digitalSignature', 'keyEncipherment', 'keyAgreement']

/** Everything that an accepted path deserves a word about; leaf first. */
export function warningsOf(
  certificates: readonly Certificate[],
  trustDomain: TrustDomain,
): readonly SvidWarning[] {
  return certificates.flatMap((certificate, depth) =>
    depth === 0 ? leafWarnings(certificate) : signerWarnings(certificate, depth, trustDomain),
  )
}

function leafWarnings(leaf: Certificate): readonly SvidWarning[] {
  return leaf.extendedKeyUsage === undefined
    ? [
        warning(
          leaf,
          0,
          'X-15',
          'X509-SVID §4.4',
          'it has no extended key usage; it should have serverAuth and clientAuth',
        ),
      ]
    : []
}

function signerWarnings(
  certificate: Certificate,
  depth: number,
  trustDomain: TrustDomain,
): readonly SvidWarning[] {
  const warnings: SvidWarning[] = []
  const warn = (requirement: string, clause: string, problem: string): void => {
    warnings.push(warning(certificate, depth, requirement, clause, problem))
  }
  const refusal = judgeSigner(certificate, depth)
  const uri = uriNames(certificate).find(hasSpiffeScheme)
  if (uri === undefined)
    warn('X-05', 'X509-SVID §3.2', 'it has no SPIFFE ID; a signing certificate should have one')
  else if (refusal !== undefined) warn(refusal.requirement ?? '', refusal.clause ?? '', refusal.problem)
  const other = uri === undefined ? undefined : trustDomainOf(uri)
  if (other !== undefined && !other.equals(trustDomain))
    warn('X-07', 'X509-SVID §3.2', `it belongs to the trust domain ${other.name}, not to ${trustDomain.name}`)
  const usages = certificate.keyUsage?.filter((usage) => LEAF_USAGES.includes(usage)) ?? []
  if (usages.length > 0)
    warn('X-20', 'X509-SVID appendix A', `its key usage has ${usages.join(', ')}, which is for leaves`)
  return warnings
}

function trustDomainOf(uri: string): TrustDomain | undefined {
  try {
    return SpiffeId.parse(uri).trustDomain
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

function warning(
  certificate: Certificate,
  depth: number,
  requirement: string,
  clause: string,
  problem: string,
): SvidWarning {
  const who = depth === 0 ? 'SVID' : `issuer ${depth} above the SVID,`
  return {
    requirement,
    clause,
    certificate,
    depth,
    message: `${who} ${certificateLabel(certificate)}: ${problem}`,
  }
}
