/**
 * In which order a chain stands, what stands in it twice, and what does not belong to it.
 *
 * @module
 */

import { certificateLabel } from '../../x509/certificate-label.ts'
import type { PlacedCertificate } from './certificate-file.ts'
import { type ChainNode, isRootNode, pathUp, reachableFrom } from './issuer-graph.ts'
import { type LintFinding, lintFinding } from './lint-finding.ts'

/** The certificate that a chain is about: the first that issued no other, else the first. */
export function leafOf(nodes: readonly ChainNode[]): ChainNode | undefined {
  const chain = nodes.filter(({ inChain }) => inChain)
  const issuers = new Set(chain.flatMap((node) => node.issuers.filter((issuer) => issuer !== node)))
  return chain.find((node) => !issuers.has(node)) ?? chain[0]
}

/** What stands twice. A root among anchors may have been put there on purpose, by a rotation. */
export function duplicateFindings(
  placed: readonly PlacedCertificate[],
  isRoot: (fingerprint: string) => boolean,
): readonly LintFinding[] {
  const first = new Map<string, PlacedCertificate>()
  const findings: LintFinding[] = []
  for (const at of placed) {
    const print = at.certificate.fingerprint()
    const before = first.get(print)
    if (before === undefined) {
      first.set(print, at)
      continue
    }
    const where = before.line === undefined ? `number ${before.position ?? 1}` : `line ${before.line}`
    const root = isRoot(print)
    findings.push(
      lintFinding(root ? 'duplicate-root' : 'duplicate-certificate', {
        at,
        found: `the same certificate as at ${where}`,
        problem: `it is the same ${root ? 'root' : 'certificate'} as at ${where}`,
        remedy: root
          ? 'Delete it, unless a root rotation put it there to make agents renew at once'
          : 'Delete it',
      }),
    )
  }
  return findings
}

/** Whether the leaf comes first and each certificate before its issuer. */
export function orderFindings(nodes: readonly ChainNode[]): readonly LintFinding[] {
  const chain = nodes.filter(({ inChain }) => inChain)
  const leaf = leafOf(nodes)
  if (leaf === undefined || chain.length < 2) return []
  const related = reachableFrom(leaf)
  const members = chain.filter((node) => related.has(node))
  const path = pathUp(leaf).filter(({ inChain }) => inChain)
  if (path.length < 2) return []
  const order = members.map((node) => chain.indexOf(node) + 1)
  const places = path.map((node) => members.indexOf(node))
  if (places.every((place, i) => i === 0 || place > (places[i - 1] ?? 0)) && chain[0] === leaf) return []
  const reversed = places.every((place, i) => i === 0 || place < (places[i - 1] ?? 0))
  const remedy = `Put them in this order: ${path.map(({ certificate }) => certificateLabel(certificate)).join(', then ')}`
  const found = `leaf at place ${chain.indexOf(leaf) + 1} of ${order.length}`
  return reversed
    ? [
        lintFinding('chain-reversed', {
          at: leaf.at,
          found,
          problem: `the chain stands the wrong way round, with the root or CA first and the certificate itself last; Istio's Makefile.k8s.mk writes workload-cert-chain.pem so. Peers take the first certificate for the leaf`,
          remedy,
          clause: 'RFC 8446 §4.4.2',
        }),
      ]
    : [
        lintFinding('chain-order', {
          at: leaf.at,
          found,
          problem:
            'the certificates are not in the order in which each is followed by its issuer; some peers find no path then',
          remedy,
          clause: 'RFC 8446 §4.4.2, RFC 5246 §7.4.2',
        }),
      ]
}

/** What the leaf does not lead to. */
export function unrelatedFindings(nodes: readonly ChainNode[]): readonly LintFinding[] {
  const leaf = leafOf(nodes)
  if (leaf === undefined) return []
  const related = reachableFrom(leaf)
  return nodes
    .filter((node) => node.inChain && !node.isAnchor && !related.has(node))
    .map(({ at }) =>
      lintFinding('unrelated-certificate', {
        at,
        found: 'a certificate that is no issuer of the others',
        problem: `no signature leads from ${certificateLabel(leaf.certificate)} to it, so it proves nothing here`,
        remedy: 'Take it out, or look for the certificate that is missing between them',
      }),
    )
}

/** A peer trusts its own copy of the root, never the one that it is sent. */
export function presentedRootFindings(nodes: readonly ChainNode[]): readonly LintFinding[] {
  const chain = nodes.filter(({ inChain }) => inChain)
  if (chain.length < 2) return []
  return chain.filter(isRootNode).map(({ at }) =>
    lintFinding('root-in-chain', {
      at,
      found: 'a self-signed root in the chain',
      problem:
        'the root is sent along; peers trust their own copy of it only, so it is dead weight in every handshake',
      remedy: 'Leave it out of what is presented',
      clause: 'RFC 8446 §4.4.2',
    }),
  )
}
