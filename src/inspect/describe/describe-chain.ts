/**
 * Describes certificates together: who signed whom, and in which order they stand.
 *
 * @module
 */

import type { PlacedCertificate } from '../../ca/lint/certificate-file.ts'
import { leafOf, orderFindings, unrelatedFindings } from '../../ca/lint/chain-order.ts'
import { type ChainNode, isRootNode } from '../../ca/lint/issuer-graph.ts'
import { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import { certificateParts, describeCertificate, examine } from './describe-certificate.ts'
import type { DescribeTerms } from './describe-options.ts'
import { trustVerdicts } from './describe-trust.ts'
import { Lists, NOT_CHECKABLE } from './described-text.ts'
import type { CertificateDescription, ChainDescription, ChainLink } from './description.ts'

/** Certificates of one chain. Bundles of all public roots have 150. */
export const MAX_CHAIN = 256

/** Octets of them all: those of one name are tried each with each, and each time read whole. Bundles of all public roots have 200,000. */
const MAX_OCTETS = 524_288

/** Links them by signatures, names only propose. Roots side by side are a list of anchors, and each is described alone. */
export async function describeChain(
  placed: readonly PlacedCertificate[],
  terms: DescribeTerms,
): Promise<ChainDescription> {
  const lists = new Lists()
  const chain = lists.take('certificates', placed, (one) => one, Math.min(MAX_CHAIN, fitting(placed)))
  const { nodes, findings, isExhausted } = await examine(chain, terms)
  const byPrint = new Map(nodes.map((node) => [node.certificate.fingerprint(), node]))
  const positions = new Map<ChainNode, number>()
  const links: ChainLink[] = []
  for (const [at, { certificate }] of chain.entries()) {
    const node = byPrint.get(certificate.fingerprint())
    if (node !== undefined && !positions.has(node)) positions.set(node, at + 1)
  }
  for (const [at, { certificate }] of chain.entries()) {
    const node = byPrint.get(certificate.fingerprint())
    if (node !== undefined) links.push(linkOf(node, at + 1, positions, isExhausted))
  }
  const head = {
    kind: 'chain',
    at: terms.at,
    order: orderOf(nodes),
    hasRoot: nodes.some(isRoot),
    links,
    omitted: lists.omitted,
  } as const
  if (head.order === 'roots') return { ...head, certificates: await describeRoots(chain, terms) }
  const certificates = chain.map(({ certificate }): CertificateDescription => {
    const node = byPrint.get(certificate.fingerprint())
    return certificateParts(certificate, node !== undefined && isRootNode(node), terms)
  })
  const leaf = leafOf(nodes)?.certificate
  if (leaf === undefined) return { ...head, certificates, findings }
  const others = chain.map(({ certificate }) => certificate).filter((one) => one !== leaf)
  const isWorkload = certificates.some(
    ({ role, fingerprint }) => role === 'workload' && fingerprint === leaf.fingerprint(),
  )
  return {
    ...head,
    certificates,
    findings,
    trust: await trustVerdicts(leaf, others, isWorkload, terms),
  }
}

/** How many of them have no more octets than are read; one in any case. */
function fitting(placed: readonly PlacedCertificate[]): number {
  let octets = 0
  const end = placed.findIndex(({ certificate }) => {
    octets += Certificate.bytesOf(certificate).length
    return octets > MAX_OCTETS
  })
  return end < 0 ? placed.length : Math.max(1, end)
}

async function describeRoots(
  chain: readonly PlacedCertificate[],
  terms: DescribeTerms,
): Promise<readonly CertificateDescription[]> {
  const described: CertificateDescription[] = []
  for (const { certificate, line } of chain)
    described.push(await describeCertificate(certificate, terms, line))
  return described
}

/** A self-signed workload is no root. Roots of version 1 cannot say that they are CAs. */
const isRoot = (node: ChainNode): boolean =>
  isRootNode(node) && (node.certificate.isCa || node.certificate.version === 1)

function orderOf(nodes: readonly ChainNode[]): ChainDescription['order'] {
  if (nodes.length > 1 && nodes.every((node) => isRoot(node) && node.issuers.length === 1)) return 'roots'
  const codes = orderFindings(nodes).map(({ code }) => code)
  if (codes.includes('chain-reversed')) return 'reversed'
  if (codes.includes('chain-order')) return 'mixed'
  return unrelatedFindings(nodes).length > 0 ? 'unrelated' : 'leaf-first'
}

function linkOf(
  node: ChainNode,
  position: number,
  positions: ReadonlyMap<ChainNode, number>,
  isExhausted: boolean,
): ChainLink {
  const link = { position, certificate: certificateLabel(node.certificate) }
  const first = positions.get(node) ?? position
  if (first < position) return { ...link, proof: 'repeated', words: `the same certificate as ${first}` }
  if (isRootNode(node))
    return { ...link, signedBy: position, proof: 'self-signed', words: 'signed by its own key' }
  // Of several that hold the key the nearest after it: that is the one a reader looks for.
  const issuers = node.issuers.flatMap((issuer) => positions.get(issuer) ?? []).sort((a, b) => a - b)
  const signedBy = issuers.find((issuer) => issuer > position) ?? issuers[0]
  if (signedBy !== undefined) return { ...link, signedBy, proof: 'signature', words: `signed by ${signedBy}` }
  if (node.isUnknown)
    return {
      ...link,
      proof: 'unknown',
      words:
        isExhausted && node.certificate.signatureAlgorithm !== undefined
          ? 'its signature was not checked: too many certificates here bear the names of issuers'
          : NOT_CHECKABLE,
    }
  const namesake = node.namesakes.flatMap((one) => positions.get(one) ?? [])[0]
  return namesake === undefined
    ? { ...link, proof: 'absent', words: 'its issuer is not here' }
    : {
        ...link,
        proof: 'name-only',
        words: `${namesake} bears the name of its issuer, and its key did not sign it`,
      }
}
