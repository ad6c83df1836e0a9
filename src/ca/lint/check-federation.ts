/**
 * Checks whether clusters can be federated, and what they share.
 *
 * @module
 */

import { checkOptionNames, readInstant } from '../../internal/options.ts'
import { type CertificateInput, toCertificate } from '../../x509/certificate-input.ts'
import { limitFinding } from './certificate-file.ts'
import { type FederationCluster, readClusters } from './federation-cluster.ts'
import {
  findSharedRoots,
  identityFindings,
  refusalFindings,
  reuseFindings,
  rootFindings,
  trustDomainFindings,
} from './federation-findings.ts'
import { federationMatrix } from './federation-matrix.ts'
import { FederationReport } from './federation-report.ts'
import { SignatureOracle } from './issuer-graph.ts'
import { sortFindings } from './lint-finding.ts'

/** What {@link checkFederation} looks at. */
export interface FederationInput {
  /** The root that all clusters should have in common. */
  readonly root?: CertificateInput | undefined
  readonly clusters: readonly FederationCluster[]
  /** Default: now. */
  readonly time?: Date | undefined
}

/**
 * Tells who shares which root, whose workloads verify where, and which keys, CAs, names and trust domains are used
 * twice.
 *
 * Each given leaf is verified under the roots of every cluster, as server and as client (RFC 5280 §6.1); where none is
 * given, a throw-away one below the issuing CA, whose own signature alone is taken as good. Beyond that each
 * certificate must name the issuer that it has (§4.2.1.1), as OpenSSL and Envoy ask. What TLS refuses in a leaf,
 * and a certificate that cannot be read, is a finding. Revocation is not asked for.
 *
 * @throws `TypeError` and `RangeError` for options; `MeshPkiError` for a `root` that cannot be read, and
 * `ERR_SPIFFE_TRUST_DOMAIN`.
 *
 * @example
 * ```ts
 * import { checkFederation } from 'mesh-pki/ca'
 *
 * declare const east: { roots: string; chain: string }, west: { roots: string; chain: string }
 * const report = await checkFederation({
 *   clusters: [
 *     { name: 'east', trustDomain: 'east.example', ...east },
 *     { name: 'west', trustDomain: 'west.example', ...west },
 *   ],
 * })
 * console.log(report.ok, String(report))
 * ```
 */
export async function checkFederation(input: FederationInput): Promise<FederationReport> {
  checkOptionNames(input, ['root', 'clusters', 'time'], 'checkFederation')
  const { root, time } = input
  const now = readInstant(time ?? new Date(), 'time')
  const expected = root === undefined ? undefined : toCertificate(root, 'root')
  const oracle = new SignatureOracle()
  const clusters = await readClusters(input.clusters, oracle)
  const matrix = await federationMatrix(clusters, now)
  const sharedRoots = findSharedRoots(clusters)
  const findings = sortFindings([
    ...clusters.flatMap((cluster) => cluster.findings),
    ...refusalFindings(matrix),
    ...rootFindings(clusters, sharedRoots, expected),
    ...reuseFindings(clusters),
    ...identityFindings(clusters),
    ...trustDomainFindings(clusters),
    ...(oracle.isExhausted ? [limitFinding('more signatures than are checked', { source: 'clusters' })] : []),
  ])
  return new FederationReport(
    clusters.map(({ name }) => name),
    matrix,
    sharedRoots,
    findings,
  )
}
