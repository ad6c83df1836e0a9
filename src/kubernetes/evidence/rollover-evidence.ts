/**
 * What the driver of a rollover is told of a cluster, out of what its proxies say.
 *
 * @module
 */

import { buildIssuerGraph, reachableFrom, SignatureOracle } from '../../ca/lint/issuer-graph.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../../x509/certificate-input.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import { compareRoots } from './compare-roots.ts'
import type { ProxySecrets } from './proxy-secrets.ts'

/** Options of {@link rolloverEvidence}. */
export interface RolloverEvidenceOptions {
  /** The roots of the rollover, by the ids that its plan gives them. */
  readonly authorities: Readonly<Record<string, CertificateInput>>
}

/** The workload certificates below one authority. */
export interface ObservedIssuance {
  readonly authority: string
  /** How many proxies present one. */
  readonly proxies: number
  /** The greatest end of those that are presented now: a lower bound of what was ever issued. */
  readonly notAfter: Date
}

/** A proxy that leaves a question open. */
export interface OpenProxy {
  readonly proxy: string
  readonly reason: string
}

/** What {@link rolloverEvidence} answers. */
export interface RolloverEvidence {
  /** Whether every proxy answered everything. Only then the rest may be reported. */
  readonly isComplete: boolean
  /**
   * `bundle.digest` of a report: what every proxy has; `undefined` where they differ or one is not known. Then no bundle
   * has arrived everywhere: report nothing, and the report before stands.
   */
  readonly digest: string | undefined
  /** `presents` of a report: the authorities under which certificates are in use, sorted. */
  readonly presents: readonly string[]
  readonly issued: readonly ObservedIssuance[]
  /** Proxies whose certificate is below none of the authorities, or that show none. */
  readonly open: readonly OpenProxy[]
}

/** The ids of a plan are not more. */
const MAX_AUTHORITIES = 64
/** Certificates that a proxy sends with its own. More is a loop of somebody. */
const MAX_CHAIN = 16

/**
 * Takes out of the secrets of a cluster's proxies what `Rollover.report` wants: the digest of the bundle that all of them
 * have, and the authorities that their certificates are below, proven by signatures. A certificate below two roots, as
 * while one is cross-signed, counts for both.
 *
 * **Warning**: give every proxy of the cluster, gateways too. What a proxy that was left out trusts is not known, and a
 * rollover that goes on without it breaks it. Whether certificates are valid is not asked: one that has ended is still
 * presented.
 *
 * @throws `MeshPkiError` for authorities that cannot be read; `TypeError` and `RangeError` for options.
 *
 * @example
 * ```ts
 * import { type ProxySecrets, rolloverEvidence } from 'mesh-pki/kubernetes'
 *
 * declare const proxies: readonly ProxySecrets[], rootA: string, rootB: string
 * const evidence = await rolloverEvidence(proxies, { authorities: { a: rootA, b: rootB } })
 * if (evidence.isComplete && evidence.digest !== undefined) console.log(evidence.digest, evidence.presents) // report them
 * for (const { proxy, reason } of evidence.open) console.warn(proxy, reason)
 * ```
 */
export async function rolloverEvidence(
  proxies: readonly ProxySecrets[],
  options: RolloverEvidenceOptions,
): Promise<RolloverEvidence> {
  checkOptionNames(options, ['authorities'], 'rolloverEvidence')
  const authorities = readAuthorities(options.authorities)
  const comparison = compareRoots(proxies)
  const open: OpenProxy[] = []
  const issued = new Map<string, { proxies: number; notAfter: number }>()
  for (const each of proxies) {
    if (each.roots === undefined) open.push({ proxy: each.proxy, reason: 'its roots are not known' })
    const [leaf] = each.chain?.certificates ?? []
    if (leaf === undefined) {
      open.push({ proxy: each.proxy, reason: 'the certificate that it presents is not known' })
      continue
    }
    const ids = await authoritiesOf(each.chain?.certificates ?? [], authorities)
    if (ids.length === 0)
      open.push({
        proxy: each.proxy,
        reason: `${certificateLabel(leaf)}, issued by ${nameLabel(leaf.issuer)}, is below none of ${[...authorities.keys()].join(', ')}, as far as the chain that it sends shows`,
      })
    for (const id of ids) {
      const before = issued.get(id) ?? { proxies: 0, notAfter: 0 }
      issued.set(id, {
        proxies: before.proxies + 1,
        notAfter: Math.max(before.notAfter, leaf.notAfter.getTime()),
      })
    }
  }
  const presents = [...issued.keys()].sort()
  return Object.freeze({
    isComplete: proxies.length > 0 && open.length === 0,
    digest: comparison.digest,
    presents: Object.freeze(presents),
    issued: Object.freeze(
      presents.map((authority) => {
        const { proxies: count, notAfter } = issued.get(authority) ?? { proxies: 0, notAfter: 0 }
        return Object.freeze({ authority, proxies: count, notAfter: new Date(notAfter) })
      }),
    ),
    open: Object.freeze(open),
  })
}

function readAuthorities(
  given: Readonly<Record<string, CertificateInput>>,
): ReadonlyMap<string, Certificate> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`option "authorities" must be an object of roots by id; got ${typeName(given)}`)
  const entries = Object.entries(given)
  if (entries.length === 0 || entries.length > MAX_AUTHORITIES)
    throw new RangeError(
      `option "authorities" must have 1 to ${MAX_AUTHORITIES} roots; got ${entries.length}`,
    )
  return new Map(entries.map(([id, root]) => [id, toCertificate(root, `authorities.${id}`)]))
}

/** The authorities above a certificate. What a proxy sends beside it only helps to find the way; signatures prove it. */
async function authoritiesOf(
  chain: readonly Certificate[],
  authorities: ReadonlyMap<string, Certificate>,
): Promise<readonly string[]> {
  const placed = chain.slice(0, MAX_CHAIN).map((certificate) => ({ certificate }))
  const roots = [...authorities.values()].map((certificate) => ({ certificate }))
  const { nodes } = await buildIssuerGraph(placed, roots, new SignatureOracle())
  const [leaf] = nodes
  if (leaf === undefined) return []
  const above = new Set([...reachableFrom(leaf)].map(({ certificate }) => certificate.fingerprint()))
  return [...authorities].filter(([, root]) => above.has(root.fingerprint())).map(([id]) => id)
}
