/**
 * Clusters as they are given to the check of a federation, read once.
 *
 * @module
 */

import { checkOptionNames, typeName } from '../../internal/options.ts'
import { type TrustDomain, toTrustDomain } from '../../spiffe/spiffe-id.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type LintInput, readCertificateFile } from './certificate-file.ts'
import type { LintFinding } from './lint-finding.ts'

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
  /** The first certificate of the chain. */
  readonly issuing: Certificate | undefined
  readonly findings: readonly LintFinding[]
}

/** Reads the clusters. What is no certificate is a finding. @throws `TypeError`, `RangeError`. */
export function readClusters(clusters: readonly FederationCluster[]): readonly ReadCluster[] {
  if (!Array.isArray(clusters))
    throw new TypeError(`option "clusters" must be an array; got ${typeName(clusters)}`)
  const read = clusters.map(readCluster)
  if (read.length === 0) throw new RangeError('option "clusters" is empty; give at least one cluster')
  if (new Set(read.map(({ name }) => name)).size !== read.length)
    throw new RangeError(
      'option "clusters": two clusters have the same name; the report could not tell them apart',
    )
  return read
}

function readCluster(cluster: FederationCluster, i: number): ReadCluster {
  const option = `clusters[${i}]`
  checkOptionNames(cluster, ['name', 'trustDomain', 'roots', 'chain', 'leaves'], `option "${option}"`)
  const { name, trustDomain, leaves } = cluster
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`option "${option}.name" must be a text that is not empty; got ${typeName(name)}`)
  const roots = readCertificateFile(cluster.roots, `${name}/roots`)
  const chain = readCertificateFile(cluster.chain, `${name}/chain`)
  const isNone = leaves === undefined || (Array.isArray(leaves) && leaves.length === 0)
  const given = isNone ? undefined : readCertificateFile(leaves, `${name}/leaves`)
  const certificates = chain.certificates.map(({ certificate }) => certificate)
  return {
    name,
    trustDomain: trustDomain === undefined ? undefined : toTrustDomain(trustDomain),
    roots: distinct(roots.certificates.map(({ certificate }) => certificate)),
    chain: certificates,
    leaves: given?.certificates.map(({ certificate }) => certificate) ?? [],
    issuing: certificates[0],
    findings: [...roots.findings, ...chain.findings, ...(given?.findings ?? [])],
  }
}

function distinct(certificates: readonly Certificate[]): readonly Certificate[] {
  return [...new Map(certificates.map((each) => [each.fingerprint(), each])).values()]
}
