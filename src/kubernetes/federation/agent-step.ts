/**
 * One step of the agent in a workload cluster.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOneOf, checkOptionNames, checkRequired } from '../../internal/options.ts'
import { toCertificates } from '../../x509/certificate-input.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, type NamespacedName, recordAt } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import { type AgentAction, decideAgentAction } from './agent-decision.ts'
import { agentLabels } from './agent-objects.ts'
import { eventOf, withStatus } from './agent-status.ts'
import { AGENT_STEP_OPTIONS, type AgentStepOptions } from './agent-step-options.ts'
import { type AgentSituation, carryOutAction } from './carry-out-action.ts'
import { MESH_PKI_API } from './federation-api.ts'
import { type InstalledCa, readInstalledCa } from './installed-ca.ts'
import { type IssuedCertificate, readIssuedCertificate } from './issued-certificate.ts'
import { isWaitingKey } from './pending-request.ts'
import { rootsDistributed } from './roots-distributed.ts'

/** The issuer's answer comes as an event; this is for those that were missed. */
const POLL_MS = 60_000
/** How often it is looked whether the cluster has followed: some sixty times in the time that it has. */
const settlingPause = (switchMs: number): number =>
  Math.min(10_000, Math.max(1000, Math.round(switchMs / 60)))

/**
 * Takes an order one step further: makes a key, asks, verifies what was answered, installs it, cleans up, renews.
 *
 * Each step reads everything anew, decides, and makes one write; it can be repeated at any time, by any process, and go on after
 * a crash between any two writes. The private key is made in this cluster and stays there: what leaves is the request.
 * A `cacerts` that somebody else wrote is never overwritten unless told to.
 *
 * Call it until it answers no change, and again when one of the objects changes or `requeueAfterMs` has passed. `requeueAfterMs` also
 * brings the renewal, at the order's grace ratio.
 *
 * @throws `KubeError` for calls that failed; the order says what it was where that can be written.
 *
 * @example
 * ```ts
 * import { agentStep, type KubeClient } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * const order = { namespace: 'mesh-pki', name: 'istiod-istio-system-east' }
 * const { changed, requeueAfterMs } = await agentStep(client, order, { agentNamespace: 'mesh-pki' })
 * console.log(changed, requeueAfterMs)
 * ```
 */
export async function agentStep(
  client: KubeClient,
  ref: NamespacedName,
  options: AgentStepOptions,
): Promise<StepResult> {
  checkOptionNames(options, AGENT_STEP_OPTIONS, 'agentStep')
  checkRequired(options, ['agentNamespace'], 'agentStep')
  const { api = MESH_PKI_API, agentNamespace } = options
  const foreign = checkOneOf(options.foreign ?? 'refuse', ['refuse', 'adopt', 'replace'], 'foreign')
  const rootSwap = checkOneOf(options.rootSwap ?? 'refuse', ['refuse', 'allow'], 'rootSwap')
  const switchMs = readDuration(options.switchDelay ?? '10m', 'switchDelay', { allowZero: true })
  const pinnedRoots =
    options.pinnedRoots === undefined ? undefined : toCertificates(options.pinnedRoots, 'pinnedRoots')
  const heartbeatMs = readDuration(options.heartbeat ?? '5m', 'heartbeat')
  const object = await client.find(api.issuedCertificates, ref)
  if (object === undefined) return sweep(client, ref, options)
  const order = readOrder(object)
  if (order instanceof MeshPkiError) return refuseOrder(client, object, order, options)
  const now = client.clock.now()
  const labels = agentLabels(api, agentNamespace)
  const situation = { api, order, labels, now, switchMs, heartbeatMs, options }
  let action: AgentAction
  let installed: InstalledCa | undefined
  try {
    installed = await installedFor(client, order, agentNamespace)
    const [key, request] = await Promise.all([
      client.find(KubeResources.secrets, ref),
      client.find(api.certificateRequests, ref),
    ])
    const decided = await decideAgentAction({
      order,
      installed,
      key,
      request,
      now,
      foreign,
      rootSwap,
      agentNamespace,
      pinnedRoots,
    })
    action = await carryOutAction(client, { ...situation, installed }, decided)
  } catch (error) {
    // The order is where people look; what is denied, or refused for what it says, is tried again soon.
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    action = refusal
  }
  if (action.do === 'ignore') return { changed: false, message: action.message }
  const wrote = WRITES.includes(action.do)
  const present = wrote ? await installedFor(client, order, agentNamespace) : installed
  const { reported, isSettled } = await report(client, { ...situation, installed: present, action })
  return {
    changed: wrote || reported,
    ...pauseAfter(action, now, isSettled ? heartbeatMs : settlingPause(switchMs)),
  }
}

function refusalOf(error: unknown): AgentAction | undefined {
  if (isKubeError(error, 'ERR_KUBERNETES_FORBIDDEN'))
    return { do: 'refuse', reason: 'Forbidden', message: error.message }
  if (isKubeError(error, 'ERR_KUBERNETES_INVALID'))
    return { do: 'refuse', reason: 'Rejected', message: error.message }
  return undefined
}

async function installedFor(
  client: KubeClient,
  { spec: { target } }: IssuedCertificate,
  agentNamespace: string,
): Promise<InstalledCa | undefined> {
  const secret = target === undefined ? undefined : await client.find(KubeResources.secrets, target)
  return readInstalledCa(secret, agentNamespace)
}

/** The order was taken back: what was under way for it goes. Its certificate stays, or the mesh would have no CA. */
async function sweep(
  client: KubeClient,
  ref: NamespacedName,
  options: AgentStepOptions,
): Promise<StepResult> {
  const { api = MESH_PKI_API, agentNamespace } = options
  let changed = false
  for (const resource of [api.certificateRequests, KubeResources.secrets]) {
    const object = await client.find(resource, ref)
    if (object?.metadata.labels?.[FederationMark.agent] !== agentNamespace) continue
    // A `cacerts` bears the label too, and another order may have put it here.
    if (resource === KubeResources.secrets && !isWaitingKey(object, agentNamespace)) continue
    options.beforeWrite?.()
    changed = (await client.remove(resource, object)) || changed
  }
  return { changed, message: 'the order is gone; its certificate stays' }
}

/** An order that no agent can carry out says so. */
async function refuseOrder(
  client: KubeClient,
  object: KubeObject,
  { message }: MeshPkiError,
  { api = MESH_PKI_API, beforeWrite }: AgentStepOptions,
): Promise<StepResult> {
  const before = recordAt(object, 'status')
  const status = {
    ...before,
    observedGeneration: object.metadata.generation ?? 0,
    state: 'FAILED',
    error: message,
  }
  if (isSameJson(before, status)) return { changed: false, message }
  beforeWrite?.()
  await client.replace(api.issuedCertificates, { ...object, status }, { part: 'status' })
  return { changed: true, message }
}

/** Actions that write something beside the status. */
const WRITES: readonly AgentAction['do'][] = [
  'make-key',
  'request',
  'discard',
  'install',
  'adopt',
  'publish-roots',
]

/** Writes the status. Settled is what the whole cluster has and does. */
async function report(
  client: KubeClient,
  situation: AgentSituation & { readonly action: AgentAction },
): Promise<{ readonly reported: boolean; readonly isSettled: boolean }> {
  const { api, order, installed, action, now, switchMs, heartbeatMs, options } = situation
  const { isDistributed = distributedByConfigMaps(client), isTakenUp = takenUpByTime(now, switchMs) } =
    options
  const readable = installed?.bundle === undefined ? undefined : installed
  const facts = {
    isDistributed: readable !== undefined && (await isDistributed(readable)),
    isTakenUp: readable !== undefined && (await isTakenUp(readable)),
  }
  const conditions = readable === undefined ? [] : ((await options.conditions?.(readable)) ?? [])
  const next = withStatus(api, { order, installed, action, now, heartbeatMs, conditions, ...facts })
  const isSettled = facts.isDistributed && facts.isTakenUp
  if (next === order.object) return { reported: false, isSettled }
  options.beforeWrite?.()
  await client.replace(api.issuedCertificates, next, { part: 'status' })
  const event = eventOf(action)
  if (event !== undefined) options.recorder?.record(order.object, event)
  return { reported: true, isSettled }
}

function distributedByConfigMaps(client: KubeClient): (installed: InstalledCa) => Promise<boolean> {
  return async (installed) => {
    // Without a rollover nobody asks.
    if (installed.bundleSequence === undefined) return true
    try {
      return await rootsDistributed(client)(installed)
    } catch (error) {
      if (isKubeError(error, 'ERR_KUBERNETES_FORBIDDEN')) return false
      throw error
    }
  }
}

function takenUpByTime(now: Date, switchMs: number): (installed: InstalledCa) => Promise<boolean> {
  return async ({ installedAt }) =>
    installedAt === undefined || now.getTime() - installedAt.getTime() >= switchMs
}

function readOrder(object: KubeObject): IssuedCertificate | MeshPkiError {
  try {
    return readIssuedCertificate(object)
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}

function pauseAfter(action: AgentAction, now: Date, restMs: number): Omit<StepResult, 'changed'> {
  switch (action.do) {
    case 'rest': {
      const wait = Math.max(1, action.renewAt.getTime() - now.getTime())
      return {
        requeueAfterMs: Math.min(wait, restMs),
        message: `the certificate is renewed at ${action.renewAt.toISOString()}`,
      }
    }
    case 'wait':
    case 'refuse':
      return { requeueAfterMs: POLL_MS, message: action.message }
    case 'ignore':
      return { message: action.message }
    case 'make-key':
    case 'request':
    case 'discard':
    case 'install':
    case 'adopt':
    case 'publish-roots':
      return { requeueAfterMs: 1, message: `done: ${action.do}` }
  }
}
