/**
 * One reconcile of one request for a certificate, the same for every kind of object.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { KubeResource } from '../api/kube-resource.ts'
import { isSameJson } from '../objects/canonical-json.ts'
import { type KubeObject, listAt, type ObjectName, recordAt, textAt } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import {
  type AuthorizedRequest,
  AuthorizeFailure,
  type RequestSigner,
  type SignedRequest,
} from './request-signer.ts'
import { settleStatus } from './settle-status.ts'
import { refusalOf, type SigningRefusal } from './signing-failure.ts'
import type { SigningRequest, SigningRequestKind } from './signing-request.ts'

/** What is to be done about a request. */
export type SigningDecision =
  /** It is none of ours, or it has been answered. */
  | { readonly action: 'ignore'; readonly why: string }
  /** It may become ours: somebody else has to act first. */
  | { readonly action: 'wait'; readonly why: string; readonly afterMs?: number | undefined }
  /** Never: its object shall say so. */
  | { readonly action: 'fail'; readonly reason: string; readonly message: string }
  | { readonly action: 'sign'; readonly request: SigningRequest }

/** Why a request is refused for good. */
export type Refusal = Omit<SigningRefusal, 'reason'> & { readonly reason: string }

/** What the kinds of requests differ in. */
export interface SigningFlow {
  readonly resource: KubeResource
  readonly kind: SigningRequestKind
  decide(object: KubeObject): SigningDecision
  /** The object with the certificate in its status. */
  withCertificate(object: KubeObject, signed: SignedRequest): KubeObject
  /** The object with a refusal in its status. */
  withRefusal(object: KubeObject, refusal: Refusal): KubeObject
  /** The certificate that stands in its status. */
  certificateOf(object: KubeObject): string | undefined
  /** What becomes of a failure that may pass. Default: it is thrown. */
  onFailure?(object: KubeObject, error: unknown): Promise<StepResult>
}

/** What goes with every step of a signer. */
export interface SigningStepOptions {
  readonly signer: RequestSigner
  /** The object as a cache has it: spares a request where nothing is to be done. */
  readonly cached?: KubeObject | undefined
  /** Asked right before a certificate is made, of an elector for instance; `false` makes none. */
  readonly maySign?: (() => boolean) | undefined
  readonly signal?: AbortSignalLike | undefined
}

/** The names of {@link SigningStepOptions}. */
export const SIGNING_STEP_OPTIONS: readonly string[] = ['signer', 'cached', 'maySign', 'signal']

/** An object that is replaced faster than that is left to the next step. */
const MAX_ROUNDS = 3

/**
 * Reads, decides, asks the policy; reads again, decides again, signs, and writes what was signed with the version that was
 * read last.
 *
 * The second read is as close to the signature as can be. A write that was refused, or may have been done, is followed by
 * another read: what is in the object then decides whether the same certificate is written again or dropped.
 */
export async function runSigning(
  client: KubeClient,
  ref: ObjectName,
  flow: SigningFlow,
  options: SigningStepOptions,
): Promise<StepResult> {
  const { signer, cached, signal } = options
  const isSettled = signer.remembered(cached?.metadata.uid) === undefined
  if (cached !== undefined && isSettled) {
    const decision = flow.decide(cached)
    if (decision.action === 'ignore' || decision.action === 'wait') return resultOf(decision)
  }
  let found = cached ?? (await client.find(flow.resource, ref, { signal }))
  for (let round = 1; ; round++) {
    const { name, namespace } = ref
    for (const { ref: old } of signer.rememberedFor(flow.kind, name, namespace, found?.metadata.uid))
      signer.drop(old.uid, 'its request was deleted')
    if (found === undefined) return { changed: false, message: 'it is gone' }
    const prepared = await prepare(client, flow, found, options)
    if ('changed' in prepared) return prepared
    const fresh = await client.find(flow.resource, ref, { signal })
    if (fresh !== undefined && isSameRequest(found, fresh))
      return finish(client, flow, fresh, prepared, options)
    if (round >= MAX_ROUNDS)
      return { changed: false, requeueAfterMs: 1000, message: 'it was replaced meanwhile' }
    found = fresh
  }
}

/**
 * Whether a grant for one is a grant for the other. Specs do not change, but of custom resources it is a webhook that sees to
 * it, and webhooks can be absent.
 */
function isSameRequest(found: KubeObject, fresh: KubeObject): boolean {
  return fresh.metadata.uid === found.metadata.uid && isSameJson(fresh['spec'], found['spec'])
}

/** Everything that can be done before the last read; or the end of the step. */
async function prepare(
  client: KubeClient,
  flow: SigningFlow,
  found: KubeObject,
  options: SigningStepOptions,
): Promise<AuthorizedRequest | StepResult> {
  const { signer, signal } = options
  const decision = flow.decide(found)
  if (decision.action === 'fail') return refuse(client, flow, found, decision, options)
  if (decision.action !== 'sign') {
    settleRemembered(flow, found, signer, decision.why)
    return resultOf(decision)
  }
  try {
    return await signer.authorize(decision.request, signal)
  } catch (error) {
    return failed(client, flow, found, error, options)
  }
}

async function finish(
  client: KubeClient,
  flow: SigningFlow,
  fresh: KubeObject,
  authorized: AuthorizedRequest,
  options: SigningStepOptions,
): Promise<StepResult> {
  const { signer, maySign, signal } = options
  const decision = flow.decide(fresh)
  if (decision.action === 'fail') return refuse(client, flow, fresh, decision, options)
  if (decision.action !== 'sign') {
    settleRemembered(flow, fresh, signer, decision.why)
    return resultOf(decision)
  }
  if (maySign?.() === false) return { changed: false, message: 'another process leads' }
  let signed: SignedRequest
  try {
    signed = await signer.sign({ ...authorized, request: decision.request }, signal)
  } catch (error) {
    return failed(client, flow, fresh, error, options)
  }
  const settled = await settleStatus(
    client,
    flow.resource,
    fresh,
    (object) => {
      if (object === undefined || object.metadata.uid !== signed.ref.uid)
        return { stop: 'its request was deleted' }
      if (flow.certificateOf(object) === signed.pem) return { stop: undefined }
      if (!isSameRequest(fresh, object)) return { stop: 'its request was changed' }
      const now = flow.decide(object)
      return now.action === 'sign'
        ? { write: flow.withCertificate(object, signed) }
        : { stop: now.action === 'fail' ? now.message : now.why }
    },
    signal,
  )
  if (settled.why === undefined) {
    signer.written(signed)
    return { changed: true, message: `signed, serial number ${signed.certificate.serialNumber}` }
  }
  signer.drop(signed.ref.uid, settled.why)
  return { changed: false, message: `a certificate was made and dropped: ${settled.why}` }
}

/** What was made before is either in the object, or will never be. */
function settleRemembered(flow: SigningFlow, object: KubeObject, signer: RequestSigner, why: string): void {
  const signed = signer.remembered(object.metadata.uid)
  if (signed === undefined) return
  if (flow.certificateOf(object) === signed.pem) signer.written(signed)
  else signer.drop(signed.ref.uid, why)
}

async function failed(
  client: KubeClient,
  flow: SigningFlow,
  object: KubeObject,
  thrown: unknown,
  options: SigningStepOptions,
): Promise<StepResult> {
  const isOfPolicy = thrown instanceof AuthorizeFailure
  const error = isOfPolicy ? thrown.cause : thrown
  if (options.signal?.aborted === true) throw error
  const refusal = isOfPolicy ? undefined : refusalOf(error)
  if (refusal !== undefined) return refuse(client, flow, object, refusal, options)
  if (flow.onFailure === undefined) throw error
  return flow.onFailure(object, error)
}

/** Writes a refusal, unless the object has been answered meanwhile. */
export async function refuse(
  client: KubeClient,
  flow: SigningFlow,
  object: KubeObject,
  refusal: Refusal,
  {
    signer,
    signal,
  }: { readonly signer: RequestSigner | undefined; readonly signal?: AbortSignalLike | undefined },
): Promise<StepResult> {
  const { uid = '' } = object.metadata
  const { reason, message } = refusal
  if (signer !== undefined) settleRemembered(flow, object, signer, message)
  const settled = await settleStatus(
    client,
    flow.resource,
    object,
    (found) => {
      if (found === undefined || found.metadata.uid !== uid) return { stop: 'it is gone' }
      const now = flow.decide(found)
      if (now.action === 'sign' || now.action === 'fail') return { write: flow.withRefusal(found, refusal) }
      // The answer to the write may have been lost.
      const isThere = isSameJson(saidIn(found), saidIn(flow.withRefusal(found, refusal)))
      return { stop: isThere ? undefined : now.why }
    },
    signal,
  )
  if (!settled.written) return { changed: false, message: settled.why ?? 'it was refused' }
  const { name = '', namespace } = object.metadata
  signer?.refused({ kind: flow.kind, name, namespace, uid }, reason, message)
  return { changed: true, message: `refused: ${message}` }
}

/** What the conditions of an object say, without their times. */
function saidIn(object: KubeObject): readonly unknown[] {
  const members = ['type', 'status', 'reason', 'message']
  return listAt(recordAt(object, 'status'), 'conditions').map((one) =>
    members.map((member) => textAt(one, member)),
  )
}

function resultOf(decision: Extract<SigningDecision, { readonly action: 'ignore' | 'wait' }>): StepResult {
  return {
    changed: false,
    message: decision.why,
    ...('afterMs' in decision ? { requeueAfterMs: decision.afterMs } : {}),
  }
}
