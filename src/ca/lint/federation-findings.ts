/**
 * What clusters have in common that they must not, and what they lack.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../internal/bytes.ts'
import { groupBy } from '../../internal/group-by.ts'
import { quote } from '../../internal/text.ts'
import { findIdentityCollisions } from '../../spiffe/identity-collisions.ts'
import { Certificate } from '../../x509/certificate.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import type { ReadCluster } from './federation-cluster.ts'
import type { FederationCell } from './federation-matrix.ts'
import { type LintFinding, lintFinding } from './lint-finding.ts'
import { reasonOf } from './path-verdict.ts'

/** A root that more than one cluster trusts. */
export interface SharedRoot {
  /** Subject and serial number of the first of them. */
  readonly certificate: string
  /** SHA-256 of its SubjectPublicKeyInfo, hex. */
  readonly key: string
  /** The clusters that trust it, in their order. */
  readonly clusters: readonly string[]
  /** `der`: the same certificate everywhere. `key`: the same name and key, issued again. */
  readonly by: 'der' | 'key'
}

/** SHA-256 of a certificate's key, hex. */
const keyPrint = (certificate: Certificate): string => toHex(sha256(certificate.publicKey))

const isSameRoot = (a: Certificate, b: Certificate): boolean =>
  keyPrint(a) === keyPrint(b) && Certificate.namesOf(a).subject === Certificate.namesOf(b).subject

const namesOf = (clusters: readonly ReadCluster[]): string =>
  clusters.map(({ name }) => quote(name, 64)).join(', ')

interface Held {
  readonly cluster: ReadCluster
  readonly certificate: Certificate
}

const clustersOf = (held: readonly Held[]): readonly ReadCluster[] => [
  ...new Set(held.map(({ cluster }) => cluster)),
]

/** Which roots are trusted by more than one cluster. */
export function findSharedRoots(clusters: readonly ReadCluster[]): readonly SharedRoot[] {
  const held = clusters.flatMap((cluster) => cluster.roots.map((certificate) => ({ cluster, certificate })))
  const groups = groupBy(
    held,
    ({ certificate }) => `${keyPrint(certificate)} ${Certificate.namesOf(certificate).subject}`,
  )
  return Object.freeze(
    [...groups.values()].flatMap((group) => {
      const [first] = group
      const names = clustersOf(group).map(({ name }) => name)
      if (first === undefined || names.length < 2) return []
      // A bundle may hold the old certificate of a root beside the new one: one that all have is enough.
      const same = [...groupBy(group, ({ certificate }) => certificate.fingerprint()).values()].some(
        (equal) => clustersOf(equal).length === names.length,
      )
      return [
        Object.freeze({
          certificate: certificateLabel(first.certificate),
          key: keyPrint(first.certificate),
          clusters: Object.freeze(names),
          by: same ? ('der' as const) : ('key' as const),
        }),
      ]
    }),
  )
}

/** Findings about roots. `expected`: the root that all should share. */
export function rootFindings(
  clusters: readonly ReadCluster[],
  shared: readonly SharedRoot[],
  expected: Certificate | undefined,
): readonly LintFinding[] {
  const findings: LintFinding[] = shared
    .filter(({ by }) => by === 'key')
    .map((root) =>
      lintFinding('root-reissued', {
        at: { source: root.clusters.join(', ') },
        found: root.certificate,
        problem: `the clusters hold different certificates of the same root ${root.certificate}: it was issued again with its key`,
        remedy: 'Give every cluster the newer one; watch that its subject key identifier is the old one',
      }),
    )
  for (const cluster of clusters) {
    if (expected === undefined) break
    if (cluster.roots.some((root) => isSameRoot(root, expected))) continue
    findings.push(
      lintFinding('root-not-shared', {
        at: { source: cluster.name, certificate: expected },
        found: 'a bundle without the common root',
        problem: `the cluster ${quote(cluster.name, 64)} does not trust the common root`,
        remedy:
          'Add the root to its bundle, wait until every workload has it, and then change its CA to one below it',
      }),
    )
  }
  if (clusters.length > 1 && shared.length === 0) {
    findings.push(
      lintFinding('no-common-root', {
        at: { source: clusters.map(({ name }) => name).join(', ') },
        found: 'no common root',
        problem: `no two of the clusters ${namesOf(clusters)} trust the same root, so their workloads refuse each other`,
        remedy: 'Issue their CAs from one root, or exchange bundles by SPIFFE federation',
      }),
    )
  }
  return findings
}

/** Keys, certificates and names that more than one cluster uses for its CA. */
export function reuseFindings(clusters: readonly ReadCluster[]): readonly LintFinding[] {
  const issuing: Held[] = clusters.flatMap((cluster) =>
    cluster.issuing === undefined ? [] : [{ cluster, certificate: cluster.issuing }],
  )
  const findings: LintFinding[] = []
  for (const group of groupBy(issuing, ({ certificate }) => keyPrint(certificate)).values()) {
    const [first] = group
    const owners = clustersOf(group)
    if (first === undefined || owners.length < 2) continue
    const same = new Set(group.map(({ certificate }) => certificate.fingerprint())).size === 1
    const at = { source: owners.map(({ name }) => name).join(', '), certificate: first.certificate }
    findings.push(
      lintFinding(same ? 'same-intermediate' : 'key-reused', {
        at,
        found: same ? 'the same issuing CA' : 'different CA certificates for one key',
        problem: `the clusters ${namesOf(owners)} ${same ? 'sign with the same CA certificate' : 'have CAs with the same key'}: each can issue for the others, and a leak in one is a leak in all`,
        remedy: 'Make a new key in each cluster and have an intermediate issued for it',
      }),
    )
  }
  const others = clusters.map((cluster) => ({
    cluster,
    own: cluster.issuing === undefined ? undefined : keyPrint(cluster.issuing),
    above: new Set(cluster.chain.slice(1).map(keyPrint)),
  }))
  for (const { cluster, certificate } of issuing) {
    const key = keyPrint(certificate)
    const below = others
      .filter(({ own, above }) => own !== undefined && own !== key && above.has(key))
      .map((other) => other.cluster)
      .filter((other) => other !== cluster)
    if (below.length === 0) continue
    findings.push(
      lintFinding('key-reused', {
        at: { source: cluster.name, certificate },
        found: 'the key of a CA above other clusters',
        problem: `the cluster ${quote(cluster.name, 64)} signs workloads with the key of a CA that stands above ${namesOf(below)}: whoever has that key can issue CAs for them`,
        remedy:
          'Give this cluster an intermediate with a key of its own, and keep the key above it elsewhere',
      }),
    )
  }
  for (const group of groupBy(
    issuing,
    ({ certificate }) => Certificate.namesOf(certificate).subject,
  ).values()) {
    const [first, second] = group
    if (
      first === undefined ||
      second === undefined ||
      new Set(group.map((each) => keyPrint(each.certificate))).size < 2
    )
      continue
    const owners = clustersOf(group)
    findings.push(
      lintFinding('same-subject', {
        at: { source: owners.map(({ name }) => name).join(', '), certificate: second.certificate },
        found: nameLabel(first.certificate.subject),
        problem: `the CAs of the clusters ${namesOf(owners)} bear the same subject ${nameLabel(first.certificate.subject)} with different keys: verifiers that go by names try the wrong one`,
        remedy: 'Give each CA a subject of its own, such as one with the name of its cluster',
        clause: 'RFC 5280 §4.1.2.6',
      }),
    )
  }
  return findings
}

/** Clusters that share a trust domain under a common root. */
export function identityFindings(clusters: readonly ReadCluster[]): readonly LintFinding[] {
  const named = clusters.flatMap(({ name, trustDomain, roots }) =>
    trustDomain === undefined ? [] : [{ name, trustDomain, roots }],
  )
  return findIdentityCollisions(named).map((collision) =>
    lintFinding('same-trust-domain', {
      at: { source: collision.clusters.join(', ') },
      found: `trust domain ${collision.trustDomain.name}`,
      problem: `the clusters ${collision.clusters.map((name) => quote(name, 64)).join(', ')} share the trust domain ${collision.trustDomain.name} and a root: a workload of one is accepted as its namesake in another`,
      remedy: collision.steps.join(' ').replace(/\.$/, ''),
      clause: 'SPIFFE Trust Domain and Bundle §2',
    }),
  )
}

/** One finding for each cell that is refused. */
export function refusalFindings(matrix: readonly FederationCell[]): readonly LintFinding[] {
  return matrix.flatMap(({ from, to, error }) => {
    if (error === undefined) return []
    const own = from === to
    return [
      lintFinding(own ? 'own-cluster-refused' : 'cross-cluster-refused', {
        at: { source: own ? from : `${from} in ${to}` },
        found: error.code,
        problem: own
          ? `workloads of ${quote(from, 64)} do not verify under the roots of their own cluster: ${reasonOf(error)}`
          : `workloads of ${quote(from, 64)} do not verify in ${quote(to, 64)}: ${reasonOf(error)}`,
        remedy: own
          ? 'Lint its chain with its roots (lintChain), or its secret (lintCacerts)'
          : 'Let both clusters trust a common root, with complete chains',
      }),
    ]
  })
}

/** Workloads that bear another trust domain than their cluster says. */
export function trustDomainFindings(clusters: readonly ReadCluster[]): readonly LintFinding[] {
  return clusters.flatMap(({ name, trustDomain, leaves }) =>
    leaves.flatMap((certificate) => {
      const others = certificate.subjectAltNames.filter(
        ({ type, value }) =>
          trustDomain !== undefined &&
          type === 'uri' &&
          typeof value === 'string' &&
          value.startsWith('spiffe://') &&
          !value.startsWith(`spiffe://${trustDomain.name}/`),
      )
      const [other] = others
      if (other === undefined || trustDomain === undefined) return []
      return [
        lintFinding('leaf-trust-domain', {
          at: { source: `${name}/leaves`, certificate },
          found: quote(String(other.value), 160),
          problem: `the cluster ${quote(name, 64)} is said to have the trust domain ${trustDomain.name}, and this workload is ${quote(String(other.value), 160)}: who verifies by the bundle of its trust domain refuses it`,
          remedy: 'Give the trust domain that the cluster issues for, or issue for that which it has',
          clause: 'SPIFFE Trust Domain and Bundle §2',
        }),
      ]
    }),
  )
}
