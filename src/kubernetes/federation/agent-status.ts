/**
 * What an agent says about an order: in its status, for people and for the management side.
 *
 * @module
 */

import { instantText } from '../../internal/instant-text.ts'
import { escapeText } from '../../internal/text.ts'
import { bundleDigest } from '../../rotation/rollover/rollover-state.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import { type ConditionInput, setCondition } from '../objects/condition.ts'
import { type KubeObject, listAt, recordAt, textAt } from '../objects/kube-object.ts'
import type { RecordedEvent } from '../runner/event-recorder.ts'
import type { AgentAction } from './agent-decision.ts'
import type { FederationApi } from './federation-api.ts'
import type { InstalledCa } from './installed-ca.ts'
import type { IssuedCertificate, IssuedCertificateState } from './issued-certificate.ts'

/** What a status is made of. */
export interface AgentReport {
  readonly order: IssuedCertificate
  readonly installed: InstalledCa | undefined
  readonly action: AgentAction
  readonly now: Date
  /** How old the status may grow though nothing changes: the management side tells by it that the agent lives. */
  readonly heartbeatMs: number
  /** Further conditions; those of our own kind take them. */
  readonly conditions: readonly ConditionInput[]
  /** Whether every verifier of the cluster has the roots that stand in `cacerts`. */
  readonly isDistributed: boolean
  /** Whether istiod signs with the CA that stands in `cacerts`. */
  readonly isTakenUp: boolean
}

/** A condition's type in the status of an order. */
const READY = 'Ready'

/** The order with its status; the same object where nothing is to be said. */
export function withStatus(api: FederationApi, report: AgentReport): KubeObject {
  const { order, action, now } = report
  const { object, generation } = order
  const before = recordAt(object, 'status')
  const state = stateOf(action)
  // proto3 leaves empty texts out, so nobody misses it.
  const error = action.do === 'refuse' ? stable(escapeText(action.message, 2048), before['error']) : undefined
  const common = { ...before, observedGeneration: generation, state, error }
  if (api.flavour === 'gloo') return changed(object, before, common)
  const isReady = listAt(before, 'conditions').find((one) => textAt(one, 'type') === READY)
  const ready = setCondition(
    listAt(before, 'conditions'),
    {
      type: READY,
      status: action.do === 'rest' ? 'True' : 'False',
      reason: reasonOf(action),
      message: stable(messageOf(action), textAt(isReady, 'message')),
      observedGeneration: generation,
    },
    now,
  )
  const conditions = report.conditions.reduce<readonly unknown[]>(
    (list, one) => setCondition(list, { ...one, observedGeneration: generation }, now),
    ready,
  )
  const next = { ...common, conditions, ...ownStatus(report) }
  const observedAt = textAt(before, 'observedAt')
  const age = observedAt === undefined ? Number.NaN : now.getTime() - Date.parse(observedAt)
  const isFresh = age >= 0 && age < report.heartbeatMs
  return isFresh
    ? changed(object, before, { ...next, observedAt })
    : { ...object, status: { ...next, observedAt: instantText(Math.floor(now.getTime() / 1000) * 1000) } }
}

/** Instants in a message are no news: a status that is written at each look would wake everybody. */
function stable(text: string, before: unknown): string {
  const timeless = (one: string): string => one.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '')
  return typeof before === 'string' && timeless(before) === timeless(text) ? before : text
}

/** What a rollover wants to know: what there is, and what of it was true of the whole cluster last. */
function ownStatus({ order, installed, isDistributed, isTakenUp }: AgentReport): object {
  const before = recordAt(order.object, 'status')
  const bundle = installed?.bundle
  if (installed === undefined || bundle === undefined)
    // Who does not see the CA gives no evidence of it.
    return { certificate: undefined, trustBundle: undefined, distributed: undefined, signer: undefined }
  const { certificate, roots } = bundle
  const { authority, bundleSequence, ledger } = installed
  const { rollover, revision } = order.spec
  const trust = { digest: bundleDigest(roots.map((root) => root.fingerprint())), sequence: bundleSequence }
  // A sequence of another rollover says nothing to this one.
  const isNumbered = installed.rollover === rollover
  const earlier = textAt(before, 'rollover') === rollover ? before['distributed'] : undefined
  return {
    rollover,
    revision,
    certificate: {
      fingerprint: certificate.fingerprint(),
      serialNumber: certificate.serialNumber,
      notAfter: instantText(certificate.notAfter.getTime()),
      authority,
    },
    trustBundle: trust,
    distributed: isDistributed && isNumbered ? trust : earlier,
    signer: isTakenUp ? authority : before['signer'],
    ledger: Object.entries(ledger).map(([id, notAfter]) => ({ authority: id, notAfter })),
  }
}

function changed(object: KubeObject, before: unknown, next: object): KubeObject {
  return isSameJson(before, next) ? object : { ...object, status: next }
}

/** What people are told of a step. Waiting and resting are no events. */
export function eventOf(action: AgentAction): RecordedEvent | undefined {
  switch (action.do) {
    case 'install':
    case 'adopt':
      return { type: 'Normal', reason: 'CertificateInstalled', action: 'Install', note: messageOf(action) }
    case 'publish-roots':
      return { type: 'Normal', reason: 'RootsPublished', action: 'Publish', note: messageOf(action) }
    case 'request':
      return { type: 'Normal', reason: 'CertificateRequested', action: 'Request', note: messageOf(action) }
    case 'refuse':
      return { type: 'Warning', reason: action.reason, action: 'Install', note: action.message }
    case 'ignore':
    case 'make-key':
    case 'discard':
    case 'wait':
    case 'rest':
      return undefined
  }
}

function stateOf(action: AgentAction): IssuedCertificateState {
  switch (action.do) {
    case 'refuse':
      return 'FAILED'
    case 'rest':
      return 'FINISHED'
    case 'install':
    case 'adopt':
    case 'publish-roots':
      return 'ISSUED'
    case 'ignore':
      return 'PENDING'
    case 'discard':
      return action.isDone === true ? 'ISSUED' : 'REQUESTED'
    case 'make-key':
    case 'request':
    case 'wait':
      return 'REQUESTED'
  }
}

function reasonOf(action: AgentAction): string {
  if (action.do === 'refuse') return action.reason
  if (action.do === 'rest') return 'Issued'
  return action.do === 'wait' ? 'WaitingForIssuer' : 'InProgress'
}

function messageOf(action: AgentAction): string {
  switch (action.do) {
    case 'rest':
      return `the certificate is installed; it is renewed at ${action.renewAt.toISOString()}`
    case 'request':
      return 'a certificate is asked for'
    case 'install':
      return 'the certificate is installed'
    case 'adopt':
      return 'the CA that was there is what was ordered'
    case 'publish-roots':
      return 'the roots that were ordered are published'
    case 'ignore':
    case 'refuse':
    case 'make-key':
    case 'discard':
    case 'wait':
      return action.message
  }
}
