/**
 * Who can verify a certificate.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { SpiffeBundle } from '../../spiffe/spiffe-bundle.ts'
import { SvidError } from '../../spiffe/svid-error.ts'
import { readSvidLeaf } from '../../spiffe/svid-leaf.ts'
import { checkSvid } from '../../spiffe/verify-svid.ts'
import { PathError } from '../../verify/path-error.ts'
import { issuerLabel, TrustAnchor } from '../../verify/trust-anchor.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { DescribeTerms, NamedAnchors } from './describe-options.ts'
import { messageText } from './described-text.ts'
import type { DescribedVerdict, TrustVerdict } from './description.ts'

/** Certificates that are tried between a leaf and its anchors. */
const MAX_INTERMEDIATES = 256

/** The verdict of every set of anchors; `undefined` where none was given. */
export async function trustVerdicts(
  leaf: Certificate,
  others: readonly Certificate[],
  claimsSvid: boolean,
  terms: DescribeTerms,
): Promise<readonly TrustVerdict[] | undefined> {
  if (terms.anchors === undefined) return undefined
  const intermediates = [...others, ...terms.intermediates].slice(0, MAX_INTERMEDIATES)
  const verdicts: TrustVerdict[] = []
  for (const set of terms.anchors) verdicts.push(await verdictOf(leaf, intermediates, claimsSvid, set, terms))
  return verdicts
}

async function verdictOf(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  claimsSvid: boolean,
  set: NamedAnchors,
  terms: DescribeTerms,
): Promise<TrustVerdict> {
  const verdict = {
    anchors: set.name,
    certificate: certificateLabel(leaf),
    isAnchor: set.certificates.some((anchor) => anchor.equals(leaf)),
  }
  const svid = claimsSvid ? await svidVerdict(leaf, intermediates, set, terms) : undefined
  const { store } = set
  if (store === undefined)
    return { ...verdict, path: { ok: false, reason: 'the bundle has no X.509 authority' }, svid }
  const { crls, purpose, now } = terms
  const result = await checkPath(leaf, { store, intermediates, crls, purpose, time: new Date(now) })
  if (!result.ok) return { ...verdict, path: refusal(result.error), svid }
  const { certificates, anchor } = result.path
  const labels = certificates.map(certificateLabel)
  return {
    ...verdict,
    path: { ok: true },
    certificates: anchor instanceof TrustAnchor ? [...labels, issuerLabel(anchor)] : labels,
    svid,
  }
}

async function svidVerdict(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  set: NamedAnchors,
  { now, crls }: DescribeTerms,
): Promise<DescribedVerdict> {
  try {
    const { trustDomain } = readSvidLeaf(leaf)
    // Roots without a word about whose they are speak for whoever asks.
    const bundles = set.bundle ?? SpiffeBundle.of({ trustDomain, x509Authorities: set.certificates })
    const result = await checkSvid([leaf, ...intermediates], { bundles, time: new Date(now), crls })
    return result.ok ? { ok: true } : refusal(result.error)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return refusal(error)
  }
}

/** An error as a verdict: its code, and what is wrong without the name of the certificate. */
export function refusal(error: MeshPkiError): DescribedVerdict {
  const reason = error instanceof PathError || error instanceof SvidError ? error.problem : error.message
  return { ok: false, code: error.code, reason: messageText(reason) }
}
