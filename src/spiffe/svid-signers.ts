/**
 * The rules that X509-SVID sets for the signing certificates of a path, and what it only advises.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import type { KeyUsageName } from '../x509/extensions/key-usage.ts'
import { SpiffeId, type TrustDomain } from './spiffe-id.ts'
import { SvidError, type SvidErrorCode, type SvidErrorOptions } from './svid-error.ts'
import { isCritical, uriNames } from './svid-leaf.ts'

/** Something that X509-SVID advises against, or that was let pass. */
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

/** Everything that a path of an accepted leaf deserves a word about. */
export interface SignerFindings {
  readonly refusals: readonly SvidError[]
  readonly warnings: readonly SvidWarning[]
}

/**
 * Judges the signing certificates of a path, the anchor included.
 *
 * A CA is an SVID, and bound by the rules for one, when it has a URI of the scheme `spiffe` (§3.2: "if
 * present"). Of other CAs, roots made by OpenSSL for instance, RFC 5280 is all that is asked.
 */
export function judgeSigners(certificates: readonly Certificate[], trustDomain: TrustDomain): SignerFindings {
  const refusals: SvidError[] = []
  const warnings: SvidWarning[] = []
  for (const [depth, certificate] of certificates.entries()) {
    if (depth === 0) continue
    const warn = (requirement: string, clause: string, problem: string): void => {
      const message = `issuer ${depth} above the SVID, ${certificateLabel(certificate)}: ${problem}`
      warnings.push({ requirement, clause, certificate, depth, message })
    }
    const uris = uriNames(certificate)
    if (uris.some(hasSpiffeScheme)) {
      const refusal = judgeSvidSigner(certificate, depth, uris, trustDomain, warn)
      if (refusal !== undefined) refusals.push(refusal)
    } else warn('X-05', 'X509-SVID §3.2', 'it has no SPIFFE ID; a signing certificate should have one')
    const usages = certificate.keyUsage?.filter((usage) => LEAF_USAGES.includes(usage)) ?? []
    if (usages.length > 0)
      warn('X-20', 'X509-SVID appendix A', `its key usage has ${usages.join(', ')}, which is for leaves`)
  }
  return { refusals, warnings }
}

/** X-15, the part that is advice. */
export function judgeLeaf(leaf: Certificate): readonly SvidWarning[] {
  if (leaf.extendedKeyUsage !== undefined) return []
  const message = `SVID ${certificateLabel(leaf)}: it has no extended key usage; it should have serverAuth and clientAuth`
  return [{ requirement: 'X-15', clause: 'X509-SVID §4.4', certificate: leaf, depth: 0, message }]
}

/** The warning that stands for a refusal where the caller lets it pass. */
export function asWarning(refusal: SvidError, leaf: Certificate): SvidWarning {
  return {
    requirement: refusal.requirement ?? '',
    clause: refusal.clause ?? '',
    certificate: refusal.certificate ?? leaf,
    depth: refusal.depth,
    message: refusal.message,
  }
}

function judgeSvidSigner(
  certificate: Certificate,
  depth: number,
  uris: readonly string[],
  trustDomain: TrustDomain,
  warn: (requirement: string, clause: string, problem: string) => void,
): SvidError | undefined {
  const refuse = (code: SvidErrorCode, options: Omit<SvidErrorOptions, 'certificate' | 'depth'>): SvidError =>
    new SvidError(code, { ...options, certificate, depth })
  const [uri = ''] = uris
  if (uris.length > 1)
    return refuse('ERR_SVID_SIGNER_ID', {
      problem: `it has ${uris.length} URIs, one of them a SPIFFE ID`,
      requirement: 'X-01',
      clause: 'X509-SVID §2',
      expected: 'exactly one URI',
      found: uris
        .slice(0, 8)
        .map((one) => quote(one))
        .join(', '),
      remedy: SIGNER_REMEDY,
    })
  const id = parse(uri)
  if (id instanceof MeshPkiError)
    return refuse('ERR_SVID_SIGNER_ID', {
      problem: `its URI is not a SPIFFE ID: ${id.message}`,
      requirement: 'X-06',
      clause: 'X509-SVID §3.2',
      expected: 'the SPIFFE ID of a trust domain, without a path',
      found: quote(uri),
      remedy: SIGNER_REMEDY,
      cause: id,
    })
  if (id.path !== '')
    return refuse('ERR_SVID_SIGNER_ID', {
      problem: `its identity ${quote(uri)} has a path, as only workloads have`,
      requirement: 'X-06',
      clause: 'X509-SVID §3.2',
      expected: String(id.trustDomain.id),
      found: uri,
      remedy: SIGNER_REMEDY,
    })
  if (!id.memberOf(trustDomain))
    warn(
      'X-07',
      'X509-SVID §3.2',
      `it belongs to the trust domain ${id.trustDomain.name}, not to ${trustDomain.name}`,
    )
  const { keyUsage } = certificate
  if (keyUsage !== undefined && isCritical(certificate, ExtensionArc.keyUsage)) return undefined
  return refuse('ERR_SVID_SIGNER_KEY_USAGE', {
    problem: keyUsage === undefined ? 'it has no key usage' : 'its key usage is not critical',
    requirement: keyUsage === undefined ? 'X-13' : 'X-12',
    clause: 'X509-SVID §4.3',
    expected: 'critical key usage with keyCertSign',
    found: keyUsage === undefined ? 'no key usage' : `${keyUsage.join(', ')}, not critical`,
    remedy: SIGNER_REMEDY,
  })
}

const SIGNER_REMEDY =
  "Have the CA issued again by the rules, or pass signers: 'warn' to let it pass, as the intermediates of Gloo Mesh need"

const hasSpiffeScheme = (uri: string): boolean => /^spiffe:/i.test(uri)

function parse(uri: string): SpiffeId | MeshPkiError {
  try {
    return SpiffeId.parse(uri)
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}
