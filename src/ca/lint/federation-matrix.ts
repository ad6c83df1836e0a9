/**
 * Whose workloads verify where.
 *
 * @module
 */

import type { MeshPkiError } from '../../errors.ts'
import { PathError } from '../../verify/path-error.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { ReadCluster } from './federation-cluster.ts'
import { whyNoFittingPath } from './key-identifiers.ts'
import { whyNoWorkload } from './path-verdict.ts'

/** Whether workloads of one cluster verify under the roots of another, with issuers that fit by key identifiers. */
export interface FederationCell {
  /** The cluster that issued. */
  readonly from: string
  /** The cluster that verifies. */
  readonly to: string
  readonly ok: boolean
  /** `leaf`: certificates of workloads were given. `dry-run`: a throw-away one, whose own signature alone is taken as good. */
  readonly by: 'leaf' | 'dry-run'
  /** Why not. */
  readonly error?: MeshPkiError | undefined
}

/** Verifies everybody under everybody's roots. */
export async function federationMatrix(
  clusters: readonly ReadCluster[],
  now: number,
): Promise<readonly FederationCell[]> {
  const cells: FederationCell[] = []
  for (const from of clusters) for (const to of clusters) cells.push(await judge(from, to, now))
  return cells
}

async function judge(from: ReadCluster, to: ReadCluster, now: number): Promise<FederationCell> {
  const by = from.leaves.length > 0 ? 'leaf' : 'dry-run'
  const error = await whyRefused(from, to, now)
  return Object.freeze({
    from: from.name,
    to: to.name,
    ok: error === undefined,
    by,
    ...(error === undefined ? {} : { error }),
  })
}

async function whyRefused(
  { issuing, chain, leaves, trustDomain }: ReadCluster,
  { roots }: ReadCluster,
  now: number,
): Promise<MeshPkiError | undefined> {
  if (roots.length === 0)
    return new PathError('ERR_PATH_ANCHOR', 'the verifying cluster has no root that can be read')
  if (leaves.length === 0) {
    return issuing === undefined
      ? new PathError('ERR_PATH_NO_ISSUER', 'the issuing cluster has no CA certificate that can be read')
      : whyNoWorkload(issuing, chain, roots, now, trustDomain)
  }
  for (const leaf of leaves) {
    // Every workload is a server for some and a client for others.
    for (const purpose of ['serverAuth', 'clientAuth'] as const) {
      const error = await whyNoFittingPath<MeshPkiError>(
        { intermediates: chain, anchors: roots },
        async (material) => {
          const result = await checkPath(leaf, { ...material, time: new Date(now), purpose })
          return result.ok ? { ok: true, certificates: result.path.certificates } : result
        },
      )
      if (error !== undefined) return error
    }
  }
  return undefined
}
