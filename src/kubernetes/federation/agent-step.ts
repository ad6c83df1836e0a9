/**
 * One step of the agent in a workload cluster.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { checkCacerts } from '../lint/check-cacerts.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import type { ConditionInput } from '../objects/condition.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, type NamespacedName, recordAt } from '../objects/kube-object.ts'
import type { EventRecorder } from '../runner/event-recorder.ts'
import type { StepResult } from '../runner/step-result.ts'
import { acceptAnswer } from './accept-answer.ts'
import { type AgentAction, decideAgentAction } from './agent-decision.ts'
import {
  adopted,
  agentLabels,
  type CacertsChange,
  copyOf,
  newKeySecret,
  newRequest,
  withNewCa,
  withRoots,
} from './agent-objects.ts'
import { eventOf, withStatus } from './agent-status.ts'
import { type FederationApi, MESH_PKI_API } from './federation-api.ts'
import { type InstalledCa, readInstalledCa } from './installed-ca.ts'
import { type IssuedCertificate, readIssuedCertificate } from './issued-certificate.ts'
import { rootsDistributed } from './roots-distributed.ts'

/** What an agent is told. */
export interface AgentStepOptions {
  /** Which kinds it serves. Default: our own. */
  readonly api?: FederationApi | undefined
  /** The namespace that the agent runs in: it stands in the labels of what is its own. */
  readonly agentNamespace: string
  /**
   * What is done about a `cacerts` that somebody else wrote and that is not what was ordered. `'refuse'` (default) leaves it
   * alone and says so. `'replace'` keeps a copy beside it.
   */
  readonly foreign?: 'refuse' | 'replace' | undefined
  /**
   * Whether every verifier of the cluster has these roots: what a rollover waits for. Default: {@link rootsDistributed}, as soon as a
   * rollover numbers the bundle; where the agent may not look, they are not.
   */
  readonly isDistributed?: ((installed: InstalledCa) => Promise<boolean>) | undefined
  /**
   * The longest that istiod takes to sign with a CA that was installed, as `switchDelay` of `planRollover`. Default `'10m'`, as there.
   */
  readonly switchDelay?: string | undefined
  /** How often the status is written though nothing has changed: a rollover believes no older words. Default `'5m'`. */
  readonly heartbeat?: string | undefined
  /** Whether istiod signs with the CA that is installed. Default: `switchDelay` after it was. */
  readonly isTakenUp?: ((installed: InstalledCa) => Promise<boolean>) | undefined
  /**
   * Further conditions for the status of an order, of our own kind: such as `planRestarts(…).condition`, which lists who still serves the
   * chain of before. Default: none.
   */
  readonly conditions?: ((installed: InstalledCa) => Promise<readonly ConditionInput[]>) | undefined
  /** Tells what happened to an order as Events, for `kubectl describe`. */
  readonly recorder?: Pick<EventRecorder, 'record'> | undefined
  /** Is called before every write, and throws where this process must not write: `elector.assertLeading`. */
  readonly beforeWrite?: (() => void) | undefined
}

/** The names of {@link AgentStepOptions}. */
export const AGENT_STEP_OPTIONS: readonly string[] = [
  'api',
  'agentNamespace',
  'foreign',
  'isDistributed',
  'isTakenUp',
  'switchDelay',
  'heartbeat',
  'conditions',
  'recorder',
  'beforeWrite',
]

/** The issuer's answer comes as an event; this is for those that were missed. */
const POLL_MS = 60_000
/** How often it is looked whether the cluster has followed. */
const SETTLING_MS = 1000

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
  const { api = MESH_PKI_API, agentNamespace, foreign = 'refuse' } = options
  const switchMs = readDuration(options.switchDelay ?? '10m', 'switchDelay', { allowZero: true })
  const heartbeatMs = readDuration(options.heartbeat ?? '5m', 'heartbeat')
  checkOptionNames(options, AGENT_STEP_OPTIONS, 'agentStep')
  const object = await client.find(api.issuedCertificates, ref)
  if (object === undefined) return sweep(client, ref, options)
  const order = readOrder(object)
  if (order instanceof MeshPkiError) return refuseOrder(client, object, order, options)
  const { target } = order.spec
  const secret = target === undefined ? undefined : await client.find(KubeResources.secrets, target)
  const installed = await readInstalledCa(secret, agentNamespace)
  const [key, request] = await Promise.all([
    client.find(KubeResources.secrets, ref),
    client.find(api.certificateRequests, ref),
  ])
  const now = client.clock.now()
  const decided = await decideAgentAction({ order, installed, key, request, now, foreign })
  const labels = agentLabels(api, agentNamespace)
  const action = await carryOut(
    client,
    { api, order, installed, labels, now, switchMs, heartbeatMs, options },
    decided,
  )
  if (action.do === 'ignore') return { changed: false, message: action.message }
  const wrote = WRITES.includes(action.do)
  const after = wrote && target !== undefined ? await client.find(KubeResources.secrets, target) : secret
  const present = wrote ? await readInstalledCa(after, agentNamespace) : installed
  const { reported, isSettled } = await report(client, {
    api,
    order,
    installed: present,
    action,
    now,
    switchMs,
    heartbeatMs,
    options,
  })
  return { changed: wrote || reported, ...pauseAfter(action, now, isSettled ? heartbeatMs : SETTLING_MS) }
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

interface Situation {
  readonly api: FederationApi
  readonly order: IssuedCertificate
  readonly installed: InstalledCa | undefined
  readonly now: Date
  readonly switchMs: number
  readonly heartbeatMs: number
  readonly options: AgentStepOptions
}

/** Does it, and answers what was done: an answer that is not accepted becomes a refusal. */
async function carryOut(
  client: KubeClient,
  situation: Situation & { readonly labels: Readonly<Record<string, string>> },
  action: AgentAction,
): Promise<AgentAction> {
  const { api, order, installed, labels, now, switchMs, options } = situation
  const write = async (call: () => Promise<unknown>): Promise<void> => {
    options.beforeWrite?.()
    await call()
  }
  switch (action.do) {
    case 'make-key': {
      const secret = await newKeySecret(order, action.round, labels)
      // Another process may have been first: then its key is the one.
      await write(() => unlessThere(client.create(KubeResources.secrets, secret)))
      return action
    }
    case 'request': {
      const asked = await newRequest(api, order, action.pending.key, action.round, labels)
      await write(() => unlessThere(client.create(api.certificateRequests, asked)))
      return action
    }
    case 'discard':
      for (const { kind, object } of action.objects)
        await write(() =>
          client.remove(kind === 'key' ? KubeResources.secrets : api.certificateRequests, object),
        )
      return action
    case 'install': {
      const { pending, csr, answer, roots, wish } = action
      const change: CacertsChange = { order, installed, labels, roots, now, switchMs }
      let next: KubeObject
      try {
        const terms = { spec: order.spec, csr, key: pending.key, answer, roots, clock: client.clock }
        next = await withNewCa(change, wish, await acceptAnswer(terms), pending.key)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        return {
          do: 'refuse',
          reason: 'CertificateRefused',
          message: `what the issuer answered is not installed: ${error.message}`,
        }
      }
      const refusal = await istiodRefusal(next, now)
      if (refusal !== undefined) return refusal
      if (installed !== undefined && !installed.isOurs)
        await write(() => unlessThere(client.create(KubeResources.secrets, copyOf(installed.secret, labels))))
      await write(() => put(client, installed, next))
      return action
    }
    case 'adopt':
      await write(() =>
        put(client, installed, adopted({ order, installed, labels, roots: [], now, switchMs }, action.wish)),
      )
      return action
    case 'publish-roots': {
      const next = withRoots({ order, installed, labels, roots: action.roots, now, switchMs })
      const refusal = await istiodRefusal(next, now)
      if (refusal !== undefined) return refusal
      await write(() => put(client, installed, next))
      return action
    }
    case 'ignore':
    case 'refuse':
    case 'wait':
    case 'rest':
      return action
  }
}

/** istiod goes on with what it has when it refuses a change, and says so in its log alone: so it is asked before. */
async function istiodRefusal(secret: KubeObject, now: Date): Promise<AgentAction | undefined> {
  const verdict = await checkCacerts(secret, { parity: 'istio', time: now })
  if (verdict.ok) return undefined
  return {
    do: 'refuse',
    reason: 'IstiodWouldRefuse',
    message: `istiod would refuse the secret in step ${verdict.step} (${verdict.message}): it is not written`,
  }
}

/** Where there was none, `create` makes sure of that; where there was one, its version does. */
function put(client: KubeClient, installed: InstalledCa | undefined, next: KubeObject): Promise<KubeObject> {
  return installed === undefined
    ? client.create(KubeResources.secrets, next)
    : client.replace(KubeResources.secrets, next)
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation
  } catch (error) {
    if (!isKubeError(error, 'ERR_KUBERNETES_ALREADY_EXISTS')) throw error
  }
}

/** Writes the status. Settled is what the whole cluster has and does. */
async function report(
  client: KubeClient,
  situation: Situation & { readonly action: AgentAction },
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
