/**
 * Reads clusters into what is drawn of their trust.
 *
 * @module
 */

import { type ReadCluster, readClusters } from '../../ca/lint/federation-cluster.ts'
import { type FederationCell, federationMatrix } from '../../ca/lint/federation-matrix.ts'
import type { FederationInput } from '../../ca/lint/index.ts'
import { SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { reasonOf } from '../../ca/lint/path-verdict.ts'
import { checkOptionNames, readInstant } from '../../internal/options.ts'
import { PathError } from '../../verify/path-error.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { toCertificate } from '../../x509/certificate-input.ts'
import { formatGeneralName } from '../../x509/general-name.ts'
import {
  type AuthorityDraft,
  type AuthorityGraph,
  commonRoots,
  linkAuthorities,
  strangerOf,
} from './trust-authorities.ts'
import type {
  TrustAuthority,
  TrustCell,
  TrustCertificate,
  TrustClusterView,
  TrustMap,
  TrustWorkload,
} from './trust-map.ts'
import { printable, printableName } from './trust-measure.ts'
import { trustNotes } from './trust-notes.ts'
import { reasonWords } from './trust-reasons.ts'
import { keyWords, lifeOf, shortName, wholeName } from './trust-words.ts'

/** Clusters of one picture. */
const MAX_CLUSTERS = 16
/** Certificates of workloads of one cluster: each is verified twice in each cluster. */
const MAX_LEAVES = 8
/** Certificates of the chain of one cluster; TLS peers send a handful. */
const MAX_CHAIN = 16
/** CAs of one picture, roots without a chain not counted. */
const MAX_CAS = 64
/** Roots of one picture; those without a chain are left out first. */
const MAX_ROOTS = 12

/** @throws as `renderTrust`. */
export async function readTrust(
  input: FederationInput,
  soon: number,
  title: string | undefined,
): Promise<TrustMap> {
  checkOptionNames(input, ['root', 'clusters', 'time'], 'renderTrust')
  const { root, time } = input
  const at = readInstant(time ?? new Date(), 'time')
  const expected = root === undefined ? undefined : toCertificate(root, 'root')
  if (Array.isArray(input.clusters)) checkCount(input.clusters.length, 'clusters', MAX_CLUSTERS)
  const clusters = await readClusters(input.clusters, new SignatureOracle())
  for (const [i, { chain, leaves }] of clusters.entries()) {
    checkCount(chain.length, `clusters[${i}].chain`, MAX_CHAIN)
    checkCount(leaves.length, `clusters[${i}].leaves`, MAX_LEAVES)
  }
  const graph = await linkAuthorities(clusters, expected)
  const drafts = chooseDrafts(graph, expected)
  const used = drafts.filter((draft) => draft.below.size > 0).length
  if (used > MAX_CAS)
    throw new RangeError(
      `the chains of option "clusters" lead to ${used} CAs; a picture has room for ${MAX_CAS}. Draw fewer clusters at a time`,
    )
  const authorities = viewAuthorities(drafts, graph, clusters, (certificate) => lifeOf(certificate, at, soon))
  const indexOf = new Map(drafts.map((draft, i) => [draft, i]))
  const views = clusters.map((cluster, i) =>
    viewCluster(cluster, i, { graph, indexOf, authorities, at, soon }),
  )
  const matrix = await federationMatrix(clusters, at)
  const cells = clusters.map((from, i) =>
    clusters.map((to, j) =>
      viewCell(matrix[i * clusters.length + j], [from, to], [i, j], { graph, indexOf, authorities, views }),
    ),
  )
  const isDrawn = new Set(drafts)
  const others = graph.drafts.filter((draft) => draft.trustedBy.size > 0 && !isDrawn.has(draft)).length
  const map = { title: title ?? usualTitle(views), at, authorities, others, clusters: views, cells }
  return { ...map, notes: trustNotes(map, clusters, graph.isCut) }
}

function checkCount(count: number, option: string, most: number): void {
  const what = option === 'clusters' ? 'clusters' : 'certificates'
  if (count > most)
    throw new RangeError(
      `option "${option}" has ${count} ${what}; a picture has room for ${most}. Draw fewer at a time`,
    )
}

const usualTitle = (clusters: readonly TrustClusterView[]): string => {
  const [first, second] = clusters
  if (clusters.length === 1 && first !== undefined) return `Trust of ${first.name}`
  if (clusters.length === 2 && first !== undefined && second !== undefined)
    return `Trust between ${first.name} and ${second.name}`
  return `Trust among ${clusters.length} clusters`
}

const isAnchor = (draft: AuthorityDraft): boolean => draft.isSelfSigned || draft.trustedBy.size > 0

/** Those that are drawn, roots first. */
function chooseDrafts({ drafts, draftOf, nodeOf }: AuthorityGraph, expected: Certificate | undefined) {
  const node = expected === undefined ? undefined : nodeOf(expected)
  const wanted = node === undefined ? undefined : draftOf(node)
  const isUsed = (draft: AuthorityDraft): boolean => draft.below.size > 0
  const rank = (draft: AuthorityDraft): number =>
    isUsed(draft) ? 0 : draft === wanted ? 1 : 3 - Math.min(draft.trustedBy.size, 1)
  const roots = drafts
    .filter((draft) => isAnchor(draft) || draft === wanted)
    .sort((a, b) => rank(a) - rank(b) || (rank(a) === 0 ? 0 : b.trustedBy.size - a.trustedBy.size))
  const used = roots.filter((draft) => isUsed(draft)).length
  const shown = roots.slice(0, Math.max(used, MAX_ROOTS))
  return [...shown, ...drafts.filter((draft) => isUsed(draft) && !shown.includes(draft))]
}

/** A, B, …, Z, AA, … */
const letterOf = (i: number): string =>
  (i < 26 ? '' : String.fromCharCode(64 + Math.floor(i / 26))) + String.fromCharCode(65 + (i % 26))

function viewAuthorities(
  drafts: readonly AuthorityDraft[],
  { draftOf }: AuthorityGraph,
  clusters: readonly ReadCluster[],
  life: (certificate: Certificate) => TrustCertificate['life'],
): readonly TrustAuthority[] {
  const indexOf = new Map(drafts.map((draft, i) => [draft, i]))
  const places = (some: ReadonlySet<ReadCluster>): readonly number[] =>
    clusters.flatMap((cluster, i) => (some.has(cluster) ? [i] : []))
  return drafts.flatMap((draft, index): readonly TrustAuthority[] => {
    const [first] = draft.nodes
    if (first === undefined) return []
    const certificates = draft.nodes.map((node): TrustCertificate => {
      const above = node.issuers.map(draftOf)
      const other = above.find((one) => one !== undefined && one !== draft)
      return {
        issuer: other === undefined ? undefined : indexOf.get(other),
        isSelfSigned: above.includes(draft),
        issuerName: shortName(node.certificate.issuer),
        life: life(node.certificate),
      }
    })
    const isRoot = isAnchor(draft) || draft.below.size === 0
    return [
      {
        index,
        letter: isRoot ? letterOf(index) : undefined,
        name: shortName(first.certificate.subject),
        wholeName: wholeName(first.certificate.subject),
        key: keyWords(first.certificate),
        isCa: draft.nodes.some(({ certificate }) => certificate.isCa),
        certificates: certificates.sort(
          (a, b) => Number(b.isSelfSigned) - Number(a.isSelfSigned) || a.life.notAfter - b.life.notAfter,
        ),
        issuers: [...draft.issuers].flatMap((issuer) => indexOf.get(issuer) ?? []),
        strangers: isRoot || draft.issuers.size > 0 ? [] : [strangerOf(first)],
        trustedBy: places(draft.trustedBy),
        below: places(draft.below),
      },
    ]
  })
}

interface ViewContext {
  readonly graph: AuthorityGraph
  readonly indexOf: ReadonlyMap<AuthorityDraft, number>
  readonly authorities: readonly TrustAuthority[]
}

function viewCluster(
  cluster: ReadCluster,
  index: number,
  { graph, indexOf, authorities, at, soon }: ViewContext & { readonly at: number; readonly soon: number },
): TrustClusterView {
  const start = graph.starts.get(cluster)
  const trusted = graph.drafts.filter((draft) => draft.trustedBy.has(cluster))
  const trusts = trusted.flatMap((draft) => indexOf.get(draft) ?? []).sort((a, b) => a - b)
  return {
    index,
    name: printableName(cluster.name),
    trustDomain: cluster.trustDomain?.name,
    workloads: cluster.leaves.map(
      (leaf): TrustWorkload => ({ name: workloadName(leaf), life: lifeOf(leaf, at, soon) }),
    ),
    issuedBy: [
      ...new Set((start?.nodes ?? []).flatMap((node) => indexOf.get(graph.draftOf(node) ?? NOBODY) ?? [])),
    ],
    strangers: start?.strangers ?? [],
    trusts,
    otherRoots: trusted.length - trusts.length,
    leadsTo: authorities
      .filter((one) => one.letter !== undefined && one.below.includes(index))
      .map((one) => one.index),
  }
}

const NOBODY: AuthorityDraft = {
  nodes: [],
  issuers: new Set(),
  trustedBy: new Set(),
  below: new Set(),
  isSelfSigned: false,
}

/** Its identity, or its subject where it has none. */
function workloadName(leaf: Certificate): string {
  const id = leaf.subjectAltNames.find(({ type }) => type === 'uri') ?? leaf.subjectAltNames[0]
  return id === undefined
    ? shortName(leaf.subject)
    : printableName(formatGeneralName(id).replace(/^URI:/, ''))
}

function viewCell(
  cell: FederationCell | undefined,
  [from, to]: readonly [ReadCluster, ReadCluster],
  [i, j]: readonly [number, number],
  { graph, indexOf, authorities, views }: ViewContext & { readonly views: readonly TrustClusterView[] },
): TrustCell {
  const by = commonRoots(graph, from, to).flatMap((draft) => indexOf.get(draft) ?? [])
  const common = { from: i, to: j, by, problem: '', remedy: '', code: '' }
  if (cell?.ok === true) return { ...common, ok: true, words: 'verified' }
  const error = cell?.error
  if (error === undefined) return { ...common, ok: false, words: 'not verified' }
  const leadsTo = views[i]?.leadsTo ?? []
  const words = reasonWords(error, {
    leadsSomewhere: leadsTo.length > 0,
    wouldLead: leadsTo.some((root) => authorities[root]?.trustedBy.includes(j) === true),
    leaves: from.leaves,
    roots: to.roots,
  })
  const problem = printable(reasonOf(error).replace(SERIAL, ''), 400)
  const remedy = error instanceof PathError ? printable((error.remedy ?? '').replace(SERIAL, ''), 240) : ''
  return { ...common, ok: false, words, problem, remedy, code: error.code }
}

/** Names tell certificates apart on a picture; whoever needs the number asks `explain`. */
const SERIAL = / \(serial (?:of \d+ octets|[0-9a-f]+)\)/g
