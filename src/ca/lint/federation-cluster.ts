/**
 * Clusters as they are given to the check of a federation, read once.
 *
 * @module
 */

import { checkOptionNames, typeName } from '../../internal/options.ts'
import { type TrustDomain, toTrustDomain } from '../../spiffe/spiffe-id.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type LintInput, readCertificateFile } from './certificate-file.ts'
import { anchorFindings } from './chain-links.ts'
import { leafOf, orderFindings } from './chain-order.ts'
import { buildIssuerGraph, type ChainNode, type SignatureOracle } from './issuer-graph.ts'
import { leafFindings } from './leaf-findings.ts'
import { type LintFinding, lintFinding } from './lint-finding.ts'

/** A cluster as it is seen from outside: certificates only, no key. */
export interface FederationCluster {
  /** What the report calls it. */
  readonly name: string
  readonly trustDomain?: TrustDomain | string | undefined
  /** What its workloads trust: `root-cert.pem`. */
  readonly roots: LintInput
  /** The issuing CA first, then those above it: `ca-cert.pem` and `cert-chain.pem`. */
  readonly chain: LintInput
  /** Certificates of workloads. Without any, a throw-away one stands for them. */
  readonly leaves?: LintInput | undefined
}

/** A cluster that was read. */
export interface ReadCluster {
  readonly name: string
  readonly trustDomain: TrustDomain | undefined
  readonly roots: readonly Certificate[]
  readonly chain: readonly Certificate[]
  readonly leaves: readonly Certificate[]
  /** The certificate of the chain that issued none of the others. */
  readonly issuing: Certificate | undefined
  readonly findings: readonly LintFinding[]
}

/** Reads the clusters. What is no certificate, or stands in the wrong order, is a finding. @throws `TypeError`, `RangeError`. */
export async function readClusters(
  clusters: readonly FederationCluster[],
  oracle: SignatureOracle,
): Promise<readonly ReadCluster[]> {
  if (!Array.isArray(clusters))
    throw new TypeError(`option "clusters" must be an array; got ${typeName(clusters)}`)
  const read: ReadCluster[] = []
  for (const [i, cluster] of clusters.entries()) read.push(await readCluster(cluster, i, oracle))
  if (read.length === 0) throw new RangeError('option "clusters" is empty; give at least one cluster')
  if (new Set(read.map(({ name }) => name)).size !== read.length)
    throw new RangeError(
      'option "clusters": two clusters have the same name; the report could not tell them apart',
    )
  return read
}

async function readCluster(
  cluster: FederationCluster,
  i: number,
  oracle: SignatureOracle,
): Promise<ReadCluster> {
  const option = `clusters[${i}]`
  checkOptionNames(cluster, ['name', 'trustDomain', 'roots', 'chain', 'leaves'], `option "${option}"`)
  const { name, trustDomain, leaves } = cluster
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`option "${option}.name" must be a text that is not empty; got ${typeName(name)}`)
  const roots = readCertificateFile(cluster.roots, `${name}/roots`)
  const chain = readCertificateFile(cluster.chain, `${name}/chain`)
  const isNone = leaves === undefined || (Array.isArray(leaves) && leaves.length === 0)
  const given = isNone ? undefined : readCertificateFile(leaves, `${name}/leaves`)
  const anchors = await buildIssuerGraph([], roots.certificates, oracle)
  const { nodes } = await buildIssuerGraph(chain.certificates, [], oracle)
  // Whoever issued none of the others signs workloads, wherever it stands.
  const issuing = leafOf(nodes)
  const others = chain.certificates.map(({ certificate }) => certificate)
  const certificates =
    issuing === undefined
      ? others
      : [issuing.certificate, ...others.filter((other) => !other.equals(issuing.certificate))]
  return {
    name,
    trustDomain: trustDomain === undefined ? undefined : toTrustDomain(trustDomain),
    roots: distinct(roots.certificates.map(({ certificate }) => certificate)),
    chain: certificates,
    leaves: given?.certificates.map(({ certificate }) => certificate) ?? [],
    issuing: issuing?.certificate,
    findings: [
      ...roots.findings,
      ...anchorFindings(anchors.nodes),
      ...chain.findings,
      ...orderFindings(nodes),
      ...(issuing === undefined || issuing.certificate.isCa ? [] : [noCa(issuing.at)]),
      ...(given?.findings ?? []),
      ...(given?.certificates ?? []).flatMap((at) => leafFindings(at, at.certificate, 'both')),
    ],
  }
}

function noCa(at: ChainNode['at']): LintFinding {
  return lintFinding('not-a-ca', {
    at,
    found: 'no basic constraints with cA TRUE',
    problem: 'the chain of the cluster begins with a certificate that is no CA',
    remedy:
      'Give the CA that signs workloads first, then those above it; certificates of workloads are "leaves"',
    clause: 'RFC 5280 §4.2.1.9',
  })
}

function distinct(certificates: readonly Certificate[]): readonly Certificate[] {
  return [...new Map(certificates.map((each) => [each.fingerprint(), each])).values()]
}
