/**
 * One step of the issuer, on the management side, for one request in one cluster.
 *
 * @module
 */

import { verifyProofOfPossession } from '../../csr/proof-of-possession.ts'
import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames, readCount } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { KubeObject, NamespacedName } from '../objects/kube-object.ts'
import type { EventRecorder } from '../runner/event-recorder.ts'
import type { StepResult } from '../runner/step-result.ts'
import { answerRequest } from './certificate-request.ts'
import { type FederationApi, MESH_PKI_API } from './federation-api.ts'
import type { IssuanceLedger, LedgerEntry } from './issuance-ledger.ts'
import { decideIssuance, type Entitlement } from './issuer-decision.ts'

/** What an issuer is told. */
export interface IssuerStepOptions {
  readonly api?: FederationApi | undefined
  /** The cluster that the client leads to, by the name that the management side knows it by. Never taken from its objects. */
  readonly cluster: string
  /** What the management side has decided about an order of that cluster. */
  readonly entitlementOf: (order: NamespacedName) => Promise<Entitlement | undefined>
  readonly ledger: IssuanceLedger
  /**
   * How many certificates of one order may be valid at once. One that is asked for beyond that waits: somebody in that cluster asks too
   * often. Default 500.
   */
  readonly maxValid?: number | undefined
  /** Tells what became of a request as Events in its cluster. */
  readonly recorder?: Pick<EventRecorder, 'record'> | undefined
  /** Is called before signing and before every write, and throws where this process must not: `elector.assertLeading`. */
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
  const { api = MESH_PKI_API, cluster, entitlementOf, beforeWrite } = options
  const maxValid = readCount(options.maxValid ?? 500, 'maxValid', 1, 100_000)
  const request = await client.find(api.certificateRequests, ref)
  if (request === undefined) return { changed: false, message: 'the request is gone' }
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
  switch (decision.do) {
    case 'ignore':
      return { changed: false, message: decision.message }
    case 'wait':
      return { changed: false, requeueAfterMs: WAIT_MS, message: decision.message }
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
      const valid = known === undefined ? await options.ledger.count(cluster, name) : 0
      if (valid >= maxValid)
        return {
          changed: false,
          requeueAfterMs: CROWDED_MS,
          message: `${valid} certificates of ${name} in cluster ${cluster} have not ended yet: no more are signed until fewer than ${maxValid} are left. Find out who asks there, or raise "maxValid"`,
        }
      const entry = known ?? (await sign(options, name, csr, entitlement))
      if (entry.cluster !== cluster || entry.order !== name || entry.authority !== entitlement.authorityId) {
        const error = `the key of the request was given a certificate before, as ${quote(entry.order, 256)} of cluster ${quote(entry.cluster, 64)} under ${quote(entry.authority, 64)}: make a new key`
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
