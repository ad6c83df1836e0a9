/**
 * One step of the issuer, on the management side, for one request in one cluster.
 *
 * @module
 */

import { verifyProofOfPossession } from '../../csr/proof-of-possession.ts'
import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames, checkRequired, readCount } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import type { KubeObject, NamespacedName } from '../objects/kube-object.ts'
import type { EventRecorder } from '../runner/event-recorder.ts'
import type { StepResult } from '../runner/step-result.ts'
import { readCertificates } from '../secrets/secret-reader.ts'
import { answerRequest } from './certificate-request.ts'
import { type FederationApi, MESH_PKI_API } from './federation-api.ts'
import { leadsTo } from './installed-ca.ts'
import type { IssuanceLedger, LedgerEntry } from './issuance-ledger.ts'
import { decideIssuance, type Entitlement, type IssuanceHold, isAnswered } from './issuer-decision.ts'

/** What an issuer is told. */
export interface IssuerStepOptions {
  readonly api?: FederationApi | undefined
  /** The cluster that the client leads to, by the name that the management side knows it by. Never taken from its objects. */
  readonly cluster: string
  /** What the management side has decided about an order of that cluster. `undefined` refuses for good; a hold waits. */
  readonly entitlementOf: (order: NamespacedName) => Promise<Entitlement | IssuanceHold | undefined>
  readonly ledger: IssuanceLedger
  /**
   * How many certificates of one order may be valid at once. One that is asked for beyond that waits: somebody in that cluster asks too
   * often. Default 500.
   */
  readonly maxValid?: number | undefined
  /** Tells what became of a request as Events in its cluster. */
  readonly recorder?: Pick<EventRecorder, 'record'> | undefined
  /**
   * Is called before signing and before every write but one, and throws where this process must not: `elector.assertLeading`. What was signed is
   * written down in any case: it overwrites nothing, and else nobody would know of it.
   */
  readonly beforeWrite?: (() => void) | undefined
}

/** The names of {@link IssuerStepOptions}. */
export const ISSUER_STEP_OPTIONS: readonly string[] = [
  'api',
  'cluster',
  'entitlementOf',
  'ledger',
  'maxValid',
  'recorder',
  'beforeWrite',
]

/** The order is on its way to the cluster. */
const WAIT_MS = 10_000
/** Somebody asks too often. */
const CROWDED_MS = 600_000

/**
 * Answers one request: checks that its sender holds the key and that the management side has decided so, signs, writes
 * down what was signed, and answers.
 *
 * What is answered is what the ledger has: after a crash between signing and answering, and with two issuers at once, a request still gets
 * one certificate. A key that another order was given a certificate for is refused.
 *
 * @throws `KubeError`; `MeshPkiError` of the authority, for failures that another try may not have.
 */
export async function issuerStep(
  client: KubeClient,
  ref: NamespacedName,
  options: IssuerStepOptions,
): Promise<StepResult> {
  checkOptionNames(options, ISSUER_STEP_OPTIONS, 'issuerStep')
  checkRequired(options, ['cluster', 'entitlementOf', 'ledger'], 'issuerStep')
  const { api = MESH_PKI_API, cluster, entitlementOf, beforeWrite } = options
  const maxValid = readCount(options.maxValid ?? 500, 'maxValid', 1, 100_000)
  const request = await client.find(api.certificateRequests, ref)
  if (request === undefined) return { changed: false, message: 'the request is gone' }
  if (isAnswered(request)) return { changed: false, message: 'it is answered already' }
  const [order, entitlement] = await Promise.all([
    client.find(api.issuedCertificates, ref),
    entitlementOf(ref),
  ])
  const decision = decideIssuance({ cluster, request, order, entitlement })
  const answer = async (next: KubeObject, note: string, isRefusal = true): Promise<StepResult> => {
    beforeWrite?.()
    await client.replace(api.certificateRequests, next, { part: 'status' })
    options.recorder?.record(request, {
      type: isRefusal ? 'Warning' : 'Normal',
      reason: isRefusal ? 'RequestRefused' : 'CertificateIssued',
      action: 'Issue',
      note,
    })
    return { changed: true, message: note }
  }
  const wait = async (message: string, requeueAfterMs: number): Promise<StepResult> => {
    const next = answerRequest(request, { waitsFor: message })
    if (isSameJson(request['status'], next['status'])) return { changed: false, requeueAfterMs, message }
    beforeWrite?.()
    await client.replace(api.certificateRequests, next, { part: 'status' })
    return { changed: true, requeueAfterMs, message }
  }
  switch (decision.do) {
    case 'ignore':
      return { changed: false, message: decision.message }
    case 'wait':
      return wait(decision.message, WAIT_MS)
    case 'refuse':
      return answer(answerRequest(request, { error: decision.message }), decision.message)
    case 'sign': {
      const { csr, entitlement } = decision
      try {
        await verifyProofOfPossession(csr)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        return answer(answerRequest(request, { error: error.message }), error.message)
      }
      const name = `${ref.namespace}/${ref.name}`
      const known = await options.ledger.find(csr.publicKey)
      // Counting takes out what has ended.
      if (known === undefined) beforeWrite?.()
      const valid = known === undefined ? await options.ledger.count(cluster, name) : 0
      if (valid >= maxValid)
        return wait(
          `at least ${maxValid} certificates of ${name} in cluster ${cluster} have not ended yet: no more are signed until there are fewer. Find out who asks there, or raise "maxValid"`,
          CROWDED_MS,
        )
      const entry = known ?? (await sign(options, name, csr, entitlement))
      const stale = await whyStale(entry, { cluster, name, entitlement, now: client.clock.now() })
      if (stale !== undefined) {
        const error = `the key of the request was given a certificate before, ${stale}: make a new key`
        return answer(answerRequest(request, { error }), error)
      }
      const { certificate, chain } = entry
      return answer(
        answerRequest(request, { certificate, chain, roots: entitlement.roots }),
        `certificate ${certificate.serialNumber} is issued to ${name} of cluster ${cluster}`,
        false,
      )
    }
  }
}

/** Why what the ledger has for a key is no answer now. */
async function whyStale(
  { cluster, order, authority, certificate, chain }: LedgerEntry,
  now: {
    readonly cluster: string
    readonly name: string
    readonly entitlement: Entitlement
    readonly now: Date
  },
): Promise<string | undefined> {
  const { authorityId, roots } = now.entitlement
  if (cluster !== now.cluster || order !== now.name || authority !== authorityId)
    return `as ${quote(order, 256)} of cluster ${quote(cluster, 64)} under ${quote(authority, 64)}`
  if (certificate.notAfter < now.now) return `which ended at ${certificate.notAfter.toISOString()}`
  return (await leadsTo({ certificate, chain }, readCertificates(roots), now.now))
    ? undefined
    : `which leads to none of the roots of ${quote(authorityId, 64)} as they are now`
}

async function sign(
  { cluster, ledger, beforeWrite }: IssuerStepOptions,
  order: string,
  csr: Parameters<Entitlement['authority']['issueIntermediate']>[0],
  entitlement: Entitlement,
): Promise<LedgerEntry> {
  const { authority, authorityId, hosts, lifetime, pathLength, organization, profile, nameConstraints } =
    entitlement
  beforeWrite?.()
  const { certificate, chain } = await authority.issueIntermediate(csr, {
    subject: entitlement.subject ?? [{ O: organization }, { OU: order.slice(order.indexOf('/') + 1) }],
    lifetime,
    pathLength,
    subjectAltNames: hosts.map((value) => ({ type: 'uri', value })),
    ...(profile === undefined ? {} : { profile }),
    ...(nameConstraints === undefined ? {} : { nameConstraints }),
  })
  return ledger.record({ cluster, order, authority: authorityId, certificate, chain })
}
