/**
 * Takes what the clusters say to a rollover.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { groupBy } from '../../internal/group-by.ts'
import { checkOneOf } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import type { MemberReport } from '../../rotation/rollover/member-report.ts'
import type { Rollover } from '../../rotation/rollover/rollover.ts'
import { MESH_PKI_API } from './federation-api.ts'
import type { FederatedMesh, FederationOptions } from './federation-options.ts'
import { rolloverId } from './federation-trust.ts'
import { readIssuedCertificate } from './issued-certificate.ts'
import { type EvidenceTerms, memberReport, mergeReports } from './member-evidence.ts'

/**
 * Reads the orders of every cluster, and reports each cluster to the rollover. `each` carries one cluster's work out, and notes what it
 * throws.
 */
export async function hearMembers(
  options: FederationOptions,
  rollover: Rollover,
  each: (cluster: string, work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const clusters = groupBy(options.meshes, ({ cluster }) => cluster)
  await Promise.all(
    [...clusters].map(([cluster, meshes]) => each(cluster, () => hear(options, rollover, cluster, meshes))),
  )
}

async function hear(
  options: FederationOptions,
  rollover: Rollover,
  cluster: string,
  meshes: readonly FederatedMesh[],
): Promise<void> {
  const terms = evidenceTerms(options, rollover, meshes)
  const reports = await Promise.all(meshes.map((mesh) => reportOf(options, mesh, terms)))
  const report = mergeReports(reports)
  if (report === undefined) return
  await checkAhead(options, rollover, report)
  const presents = await options.presentsIn?.(cluster)
  try {
    await rollover.report(presents === undefined ? report : { ...report, presents })
  } catch (error) {
    // What a cluster wrote is no mistake of who calls.
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    throw new MeshPkiError(
      'ERR_ROLLOVER_EVIDENCE',
      `the orders of ${cluster} say what no report of a rollover can: ${escapeText(error.message, 512)}. It does not count; look at who writes their status`,
      { data: { member: cluster } },
    )
  }
}

function evidenceTerms(
  { evidenceMaxAge = '15m' }: FederationOptions,
  rollover: Rollover,
  meshes: readonly FederatedMesh[],
): EvidenceTerms {
  const { authorities, parameters } = rollover.plan
  const now = meshes[0]?.client.clock.now() ?? new Date(0)
  const life = Math.max(
    readDuration(parameters.leafLifetime, 'leafLifetime'),
    ...meshes.map(({ spec }) => readDuration(spec.workloadLifetime, 'workloadLifetime')),
  )
  const slack = [parameters.switchDelay, parameters.clockSkew]
    .map((text) => readDuration(text, 'parameters', { allowZero: true }))
    .reduce((sum, one) => sum + 2 * one, 0)
  return {
    rollover: rolloverId(rollover),
    authorities: authorities.map(({ id }) => id),
    now,
    maxAgeMs: readDuration(evidenceMaxAge, 'evidenceMaxAge'),
    latestEnd: new Date(now.getTime() + life + slack),
  }
}

async function reportOf(
  { api = MESH_PKI_API }: FederationOptions,
  { cluster, client, order }: FederatedMesh,
  terms: EvidenceTerms,
): Promise<MemberReport | undefined> {
  const found = await client.find(api.issuedCertificates, order)
  return found === undefined ? undefined : memberReport(cluster, readIssuedCertificate(found), terms)
}

/**
 * The journal decides, not what a cluster says of it: each writes its own status, and a "later" state would be taken over for all. Orders are read
 * before the journal, so another driver that was faster is not taken for a liar.
 */
async function checkAhead(
  { recovery }: FederationOptions,
  rollover: Rollover,
  { member, revision, bundle }: MemberReport,
): Promise<void> {
  if (checkOneOf(recovery ?? 'refuse', ['refuse', 'believe-members'], 'recovery') !== 'refuse') return
  const { state } = await rollover.status()
  // It was seen here that the journal went back, by nobody's word.
  if (state.recovering !== undefined) return
  const sequence = bundle?.sequence ?? 0
  if (revision <= state.revision && sequence <= state.bundle.sequence) return
  throw new MeshPkiError(
    'ERR_ROLLOVER_EVIDENCE',
    `${member} says that it follows revision ${revision} and bundle ${sequence}; the journal has ${state.revision} and ${state.bundle.sequence}. It keeps what it has, and its word does not count. Where the journal was restored from a backup, set recovery: 'believe-members' until it has caught up; where it was not, somebody in ${member} writes what is not true`,
    {
      data: {
        member,
        sequence,
        revision,
        journal: { sequence: state.bundle.sequence, revision: state.revision },
      },
    },
  )
}
