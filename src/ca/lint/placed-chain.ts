/**
 * The lint of certificates that were read, wherever they stood.
 *
 * @module
 */

import type { VerifyPathOptions } from '../../verify/options.ts'
import { caFindings } from './ca-findings.ts'
import { limitFinding, type PlacedCertificate } from './certificate-file.ts'
import { certificateFindings } from './certificate-findings.ts'
import {
  anchorFindings,
  gapFindings,
  keyIdentifierFindings,
  lifetimeFindings,
  pathLengthFindings,
  sameSubjectFindings,
} from './chain-links.ts'
import {
  duplicateFindings,
  leafOf,
  orderFindings,
  presentedRootFindings,
  unrelatedFindings,
} from './chain-order.ts'
import {
  buildIssuerGraph,
  type ChainNode,
  isRootNode,
  reachableFrom,
  type SignatureOracle,
} from './issuer-graph.ts'
import type { IstioVersion } from './istio-version.ts'
import { leafFindings, leafUseOf } from './leaf-findings.ts'
import type { LintFinding } from './lint-finding.ts'
import { verdictFindings } from './path-verdict.ts'

/** What is linted and how. */
export interface PlacedChain {
  readonly chain: readonly PlacedCertificate[]
  /** `undefined`: nobody said what is trusted. */
  readonly anchors: readonly PlacedCertificate[] | undefined
  readonly now: number
  readonly purpose: VerifyPathOptions['purpose']
  readonly spiffe: boolean
  readonly istio: IstioVersion | undefined
  /** `presented`: what a peer sends. `stored`: where a root may stand in the chain. */
  readonly kind: 'presented' | 'stored'
  /** Whether the first certificate is there to sign others. */
  readonly firstSigns: boolean
  /** Whether CRLs are used, so that each CA must be able to sign one. */
  readonly needsCrlSign: boolean
  readonly oracle: SignatureOracle
}

/** What was found, and the certificates linked by their signatures. */
export interface PlacedChainLint {
  readonly nodes: readonly ChainNode[]
  readonly findings: readonly LintFinding[]
}

/** Lints them: each by itself, then together, then by verification. */
export async function lintPlacedChain(input: PlacedChain): Promise<PlacedChainLint> {
  const { chain, now, spiffe, oracle, needsCrlSign } = input
  const anchors = input.anchors ?? []
  const hasAnchors = input.anchors !== undefined
  const { nodes } = await buildIssuerGraph(chain, anchors, oracle)
  const roots = new Set(nodes.filter(isRootNode).map(({ certificate }) => certificate.fingerprint()))
  const issuers = new Set(nodes.flatMap((node) => node.issuers.filter((issuer) => issuer !== node)))
  const leaf = leafOf(nodes)
  const needed = leaf === undefined ? new Set<ChainNode>() : reachableFrom(leaf)
  // Where a certificate signs, what TLS asks of a leaf is beside the point.
  const use =
    leaf === undefined || input.firstSigns ? undefined : leafUseOf(leaf.certificate, input.purpose, spiffe)
  const verdict = await verdictFindings(nodes, hasAnchors, now, input.purpose)
  const findings = [
    ...nodes.flatMap((node) =>
      certificateFindings(node, { now, spiffe, isNeeded: node.inChain || needed.has(node) }),
    ),
    ...nodes.flatMap((node) =>
      caFindings(node, {
        issuesAnother: issuers.has(node),
        isSigner: input.firstSigns && node.at === chain[0],
        needsCrlSign,
      }),
    ),
    ...duplicateFindings(chain, (print) => roots.has(print)),
    ...duplicateFindings(anchors, (print) => roots.has(print)),
    ...unrelatedFindings(nodes),
    ...sameSubjectFindings(nodes),
    ...keyIdentifierFindings(nodes),
    ...anchorFindings(nodes),
    ...(input.kind === 'presented' ? [...orderFindings(nodes), ...presentedRootFindings(nodes)] : []),
    ...(leaf === undefined
      ? []
      : [
          ...(use === undefined ? [] : leafFindings(leaf.at, leaf.certificate, use)),
          ...gapFindings(leaf, hasAnchors),
          ...lifetimeFindings(leaf, input.istio),
          // With several ways up one is enough; the verdict has looked at all.
          ...(verdict.length === 0 && (hasAnchors || roots.size > 0) ? [] : pathLengthFindings(leaf)),
        ]),
    ...verdict,
    ...(oracle.isExhausted
      ? [limitFinding('more signatures than are checked', { source: chain[0]?.source })]
      : []),
  ]
  return { nodes, findings }
}
