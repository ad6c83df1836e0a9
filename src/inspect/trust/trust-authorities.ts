/**
 * The CAs of several clusters, each once, linked by the signatures of their certificates.
 *
 * @module
 */

import type { ReadCluster } from '../../ca/lint/federation-cluster.ts'
import { buildIssuerGraph, type ChainNode, SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { Certificate } from '../../x509/certificate.ts'
import type { TrustStranger } from './trust-map.ts'
import { shortName } from './trust-words.ts'

/** A CA while it is put together: one name and one key. */
export interface AuthorityDraft {
  readonly nodes: ChainNode[]
  /** Others that signed it. */
  readonly issuers: Set<AuthorityDraft>
  readonly trustedBy: Set<ReadCluster>
  readonly below: Set<ReadCluster>
  isSelfSigned: boolean
}

/** All CAs, and from where in them each cluster is issued. */
export interface AuthorityGraph {
  /** Those that chains lead to first, from the first cluster on, each before those that signed it. */
  readonly drafts: readonly AuthorityDraft[]
  readonly starts: ReadonlyMap<ReadCluster, ChainStart>
  /** Whether more signatures would have had to be checked than are. */
  readonly isCut: boolean
  draftOf(node: ChainNode): AuthorityDraft | undefined
  nodeOf(certificate: Certificate): ChainNode | undefined
}

/** Where the chain of a cluster begins. */
interface ChainStart {
  readonly nodes: readonly ChainNode[]
  readonly strangers: readonly TrustStranger[]
}

/** Links them. At most 1024 signatures are checked, those of chains first. */
export async function linkAuthorities(
  clusters: readonly ReadCluster[],
  expected: Certificate | undefined,
): Promise<AuthorityGraph> {
  const oracle = new SignatureOracle()
  const chains = clusters.flatMap(({ chain }) => chain)
  const roots = [
    ...clusters.flatMap((cluster) => cluster.roots),
    ...(expected === undefined ? [] : [expected]),
  ]
  const { nodes } = await buildIssuerGraph(
    [...chains, ...clusters.flatMap(({ leaves }) => leaves)].map((certificate) => ({ certificate })),
    roots.map((certificate) => ({ certificate })),
    oracle,
  )
  const byPrint = new Map(nodes.map((node) => [node.certificate.fingerprint(), node]))
  const nodeOf = (certificate: Certificate): ChainNode | undefined => byPrint.get(certificate.fingerprint())
  const { all, draftOf } = draftAuthorities(nodes, [...chains, ...roots])
  for (const cluster of clusters)
    for (const root of cluster.roots) {
      const node = nodeOf(root)
      if (node !== undefined) draftOf(node)?.trustedBy.add(cluster)
    }
  const reached = new Set<AuthorityDraft>()
  const starts = new Map<ReadCluster, ChainStart>()
  for (const cluster of clusters) {
    const start = startOf(cluster, nodeOf)
    starts.set(cluster, start)
    const climbed = new Set(start.nodes.flatMap((node) => draftOf(node) ?? []))
    for (const draft of climbed) {
      draft.below.add(cluster)
      reached.add(draft)
      for (const issuer of draft.issuers) climbed.add(issuer)
    }
  }
  return {
    drafts: [...reached, ...all.filter((draft) => !reached.has(draft))],
    starts,
    isCut: oracle.isExhausted,
    draftOf,
    nodeOf,
  }
}

function draftAuthorities(
  nodes: readonly ChainNode[],
  certificates: readonly Certificate[],
): { readonly all: readonly AuthorityDraft[]; draftOf(node: ChainNode): AuthorityDraft | undefined } {
  const prints = new Set(certificates.map((certificate) => certificate.fingerprint()))
  const byKey = new Map<string, AuthorityDraft>()
  const byNode = new Map<ChainNode, AuthorityDraft>()
  for (const node of nodes) {
    const { certificate } = node
    if (!prints.has(certificate.fingerprint())) continue
    const key = `${certificate.publicKeyFingerprint()} ${Certificate.namesOf(certificate).subject}`
    const draft = byKey.get(key) ?? {
      nodes: [],
      issuers: new Set(),
      trustedBy: new Set(),
      below: new Set(),
      isSelfSigned: false,
    }
    draft.nodes.push(node)
    byKey.set(key, draft)
    byNode.set(node, draft)
  }
  for (const [node, draft] of byNode)
    for (const issuer of node.issuers) {
      const above = byNode.get(issuer)
      if (above === draft) draft.isSelfSigned = true
      else if (above !== undefined) draft.issuers.add(above)
    }
  return { all: [...byKey.values()], draftOf: (node) => byNode.get(node) }
}

function startOf(
  { leaves, issuing }: ReadCluster,
  nodeOf: (certificate: Certificate) => ChainNode | undefined,
): ChainStart {
  if (leaves.length === 0) {
    const node = issuing === undefined ? undefined : nodeOf(issuing)
    return { nodes: node === undefined ? [] : [node], strangers: [] }
  }
  const found = leaves.flatMap((leaf) => nodeOf(leaf) ?? [])
  return {
    nodes: [...new Set(found.flatMap(({ issuers }) => issuers))],
    strangers: found.filter(({ issuers }) => issuers.length === 0).map(strangerOf),
  }
}

/** Who is named as the issuer of a certificate, of which no issuer was found. */
export function strangerOf({ certificate, isUnknown, namesakes }: ChainNode): TrustStranger {
  const why = isUnknown
    ? 'signature not checkable'
    : namesakes.length > 0 || certificate.isSelfIssued
      ? 'it did not sign'
      : 'no certificate of it'
  return { name: shortName(certificate.issuer), why }
}

/** Roots of one cluster to which the chain of another leads, with the certificates that both have and no others. */
export function commonRoots(
  { drafts, starts, draftOf, nodeOf }: AuthorityGraph,
  from: ReadCluster,
  to: ReadCluster,
): readonly AuthorityDraft[] {
  const nodesOf = (certificates: readonly Certificate[]): readonly ChainNode[] =>
    certificates.flatMap((certificate) => nodeOf(certificate) ?? [])
  const anchors = new Set(nodesOf(to.roots))
  const usable = new Set([...nodesOf(from.chain), ...anchors])
  const climbed = new Set((starts.get(from)?.nodes ?? []).filter((node) => usable.has(node)))
  const common = new Set<AuthorityDraft>()
  for (const node of climbed) {
    const draft = anchors.has(node) ? draftOf(node) : undefined
    if (draft !== undefined) common.add(draft)
    for (const issuer of node.issuers) if (usable.has(issuer)) climbed.add(issuer)
  }
  return drafts.filter((draft) => common.has(draft))
}
