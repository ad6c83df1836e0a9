/**
 * Tells what came of a rollover, and claims what must hold.
 *
 * @module
 */

import { MeshPkiError } from 'mesh-pki'
import { checkGrace } from 'mesh-pki/rotation'
import type { Report } from '../federation/report.js'
import { CLUSTERS, FIGURES, ISSUING_CA } from './figures.js'
import { eventsOf, type Played } from './live-rollover.js'
import { type Handshake, problemOf } from './prober.js'
import type { TraceLog } from './trace-log.js'
import type { Workload } from './workload.js'

/** Tells of the mesh, and that its figures go together. */
export function tellMesh(report: Report): void {
  const { leafLifetime, gracePeriodRatio, backdate, clockSkew, installDelay, outageBudget, switchDelay } =
    FIGURES
  const grace = checkGrace({
    leafLifetime,
    gracePeriodRatio,
    backdate,
    clockSkew,
    installDelay,
    outageBudget,
    lifeFrom: 'issuance',
    ca: { ...ISSUING_CA, switchDelay },
  })
  const pairs = 2 * CLUSTERS.length * (2 * CLUSTERS.length - 1)
  report.title('Three clusters on loopback')
  report.line(
    `  ${CLUSTERS.map(({ name }) => name).join(', ')}: each signs for two workloads, a client and server each.`,
  )
  report.line(
    '  OpenSSL verifies the peers of one, mesh-pki those of the other, both ways, without resumption.',
  )
  report.line(`  All ${pairs} ordered pairs of workloads open new connections all the time.`)
  report.line(
    `  Leaves live for ${leafLifetime} and are renewed when ${gracePeriodRatio} of that is left; issuing CAs for ${ISSUING_CA.lifetime}, and ${ISSUING_CA.gracePeriodRatio}.`,
  )
  report.expect(
    grace.ok,
    `issuance may be down for ${grace.ok ? grace.survives : '?'}, and will be for up to ${outageBudget} at each renewal`,
    grace.ok ? '' : grace.error.message,
  )
}

/** Tells of a rollover that goes as planned: nobody may notice. */
export function tellRollover(report: Report, played: Played): void {
  const { handshakes, trace, outgoing } = played
  tellStages(report, played)
  tellWork(report, played)
  const failed = handshakes.filter(isFailed)
  report.expect(
    failed.length === 0 && handshakes.length > 0,
    `${count(handshakes, 'handshake')}, and ${failed.length} failed`,
    failed.slice(0, 3).map(explainBriefly).join('; '),
  )
  const incoming = incomingOf(played)
  const mixed = handshakes.filter(({ roots }) => roots.includes(incoming) && roots[0] !== roots[1])
  report.expect(
    mixed.length > 0,
    `${mixed.length} of them between a certificate under ${outgoing[0]} and one under ${incoming}`,
  )
  const gone = eventsOf(trace, 'applied').at(-1)?.at ?? Number.POSITIVE_INFINITY
  const after = handshakes.filter(({ begun }) => begun >= gone)
  report.expect(
    after.length > 0 && after.every(({ roots }) => roots.every((root) => root === incoming)),
    `${after.length} of them after the last verifier dropped ${outgoing[0]}, all under ${incoming}`,
  )
  expectOver(report, played)
  report.line(`    bundles: ${bundles(played)}`)
}

/** Tells of one that is cut short. */
export async function tellCut(report: Report, played: Played): Promise<void> {
  const { handshakes, trace, outgoing, violations, outages } = played
  const incoming = incomingOf(played)
  tellStages(report, played)
  const retired = trace.entered('RETIRED', outgoing[0] ?? '') ?? Number.POSITIVE_INFINITY
  const early = handshakes.filter((one) => isFailed(one) && one.begun < retired)
  const late = handshakes.filter((one) => isFailed(one) && one.begun >= retired)
  await expectFailures(report, early, 'mesh-pki', `${incoming} is used as soon as it is published`)
  await expectFailures(report, late, 'OpenSSL', `${outgoing[0]} goes as soon as everybody has ${incoming}`)
  const broken = [...new Set(violations.map(({ invariant }) => invariant))]
  const [first] = violations
  report.expect(
    first !== undefined,
    `checkTrace finds it: ${count(violations, 'violation')} of ${broken.join(', ')}`,
    first === undefined ? '' : `${first.invariant}: ${first.rule} ${first.message}`,
  )
  // A handshake that is under way while one of the two gets something new is neither before nor after.
  const settled = [...early, ...late].filter((one) => !isCrossed(trace, one))
  const unforeseen = settled.filter(
    ({ begun, ended, refusal }) =>
      !outages.some(
        ({ from, to, holder, verifier }) =>
          holder === refusal?.holder && verifier === refusal.verifier && begun <= to && ended >= from,
      ),
  )
  report.expect(
    settled.length > 0 && unforeseen.length === 0,
    `each of ${settled.length} that nothing crossed is in one of the ${count(outages, 'outage')} that findOutages computes from the trace`,
    unforeseen.slice(0, 3).map(explainBriefly).join('; '),
  )
}

/** Tells of clusters with a root each that come under one. */
export async function tellAdoption(report: Report, played: Played): Promise<void> {
  const { handshakes, trace, outgoing } = played
  const incoming = incomingOf(played)
  tellStages(report, played)
  tellWork(report, played)
  const at = (stage: string): number => trace.entered(stage, incoming) ?? Number.POSITIVE_INFINITY
  const within = handshakes.filter(({ across }) => !across)
  const across = handshakes.filter((one) => one.across)
  const before = across.filter(({ ended }) => ended < at('PUBLISHED'))
  const after = across.filter(({ begun }) => begun >= at('DISTRIBUTED'))
  const between = across.length - before.length - after.length
  const [refused] = before
  report.expect(
    before.length > 0 && before.every(({ refusal }) => refusal !== undefined),
    `before the union, ${count(before, 'handshake')} across clusters, all refused`,
    refused === undefined ? '' : await explainFailure(refused),
  )
  report.line(`    (while it is on its way, ${between} across clusters, which may fail or not)`)
  const failed = after.filter(({ refusal }) => refusal !== undefined)
  report.expect(
    after.length > 0 && failed.length === 0,
    `once it is distributed, ${count(after, 'handshake')} across clusters, and ${failed.length} failed`,
    failed.slice(0, 3).map(explainBriefly).join('; '),
  )
  const inside = within.filter(({ refusal }) => refusal !== undefined)
  report.expect(
    within.length > 0 && inside.length === 0,
    `${count(within, 'handshake')} within clusters, and ${inside.length} failed`,
    inside.slice(0, 3).map(explainBriefly).join('; '),
  )
  report.expect(
    handshakes.filter(isFailed).length === 0,
    'nobody refuses what is under a root that it once trusted',
  )
  expectOver(report, played)
  report.line(`    bundles: ${bundles(played)}; ${outgoing.length} roots gave way to ${incoming}`)
}

/** A refusal between clusters that have no root in common yet. */
export const isForeign = ({ expected, refusal }: Handshake): boolean => !expected && refusal !== undefined

/** Whether one of the two got another bundle or certificate meanwhile. */
function isCrossed({ events }: TraceLog, { begun, ended, refusal }: Handshake): boolean {
  return events.some(
    (event) =>
      event.at >= begun &&
      event.at <= ended &&
      ((event.type === 'applied' && event.verifier === refusal?.verifier) ||
        (event.type === 'presented' && event.holder === refusal?.holder)),
  )
}

/** A failure that nobody expects. */
export const isFailed = ({ expected, refusal }: Handshake): boolean => expected && refusal !== undefined

function tellStages(report: Report, { trace, plan }: Played): void {
  const begin = Date.parse(plan.steps[0]?.at ?? '')
  for (const event of trace.events) {
    const isForced = event.type === 'journal' && event.what.startsWith('forced')
    if (event.type !== 'stage' && !isForced) continue
    const what = event.type === 'stage' ? `${event.authority.padEnd(10)}  ${event.stage}` : event.what
    report.line(`  ${((event.at - begin) / 1000).toFixed(1).padStart(6)} s  ${what}`)
  }
  report.line()
}

function tellWork(report: Report, { clusters }: Played): void {
  for (const { name, counts } of clusters)
    report.expect(
      // One under the old root, one under the new one, and that renewed once.
      counts.issuingCas >= 3 && counts.failedRenewals > 0,
      `${name}: ${counts.leaves} leaves under ${counts.issuingCas} issuing CAs; ${counts.failedRenewals} attempts to renew failed`,
    )
}

function expectOver(report: Report, { status, outgoing, violations, outages, trace }: Played): void {
  report.expect(
    status.over && outgoing.every((id) => status.stages[id] === 'PRUNED'),
    `it is over: ${Object.entries(status.stages)
      .map(([id, stage]) => `${id} ${stage}`)
      .join(', ')}`,
  )
  report.expect(
    violations.length === 0 && outages.length === 0,
    `checkTrace finds ${count(violations, 'violation')} in ${trace.events.length} events, and findOutages ${count(outages, 'outage')}`,
    [...violations, ...outages]
      .slice(0, 3)
      .map((one) => JSON.stringify(one))
      .join('; '),
  )
}

/** That there are some; one of them is explained, if possible one of a certain judge. */
async function expectFailures(
  report: Report,
  failed: readonly Handshake[],
  judge: Workload['judge'],
  claim: string,
): Promise<void> {
  const sample = failed.find(({ refusal }) => refusal?.judge === judge) ?? failed[0]
  const explained = await sample?.refusal?.explain()
  report.expect(
    explained instanceof MeshPkiError,
    `${claim}: ${count(failed, 'handshake')} failed`,
    sample === undefined ? '' : await explainFailure(sample),
  )
}

async function explainFailure({ refusal }: Handshake): Promise<string> {
  if (refusal === undefined) return ''
  const { verifier, judge, holder, leaf, error } = refusal
  const explained = await refusal.explain()
  const what = `${verifier} refused ${holder} with ${leaf.id}, which is under ${leaf.authority}.`
  return judge === 'mesh-pki'
    ? `${what} ${problemOf(error)}`
    : `${what} OpenSSL says ${problemOf(error)}. mesh-pki says ${problemOf(explained)}`
}

const explainBriefly = ({ refusal }: Handshake): string =>
  refusal === undefined
    ? ''
    : `${refusal.verifier} refused ${refusal.leaf.id} (${refusal.leaf.authority}): ${problemOf(refusal.error)}`

const bundles = ({ trace }: Played): string =>
  eventsOf(trace, 'published')
    .map(({ sequence, authorities }) => `${sequence} (${authorities.join(', ')})`)
    .join(', then ')

const incomingOf = ({ plan }: Played): string =>
  plan.authorities.find(({ role }) => role === 'incoming')?.id ?? ''

const count = (list: readonly unknown[], noun: string): string =>
  `${list.length} ${noun}${list.length === 1 ? '' : 's'}`
