/**
 * Answers one CertificateRequest of cert-manager, as one of our issuers.
 *
 * @module
 */

import { failureLabel } from '../../internal/backoff.ts'
import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { asciiBytes } from '../../internal/bytes.ts'
import { formatDuration, readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readFunction } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { setCondition } from '../objects/condition.ts'
import { type KubeObject, type ObjectName, recordAt, textAt } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import { type CertManagerDecision, decideCertManagerRequest } from './cert-manager-decision.ts'
import { conditionsIn } from './csr-decision.ts'
import { type SignersByName, signerNameIn } from './mesh-issuer.ts'
import type { RequestSigner } from './request-signer.ts'
import { settleStatus } from './settle-status.ts'
import { refuse, runSigning, type SigningFlow, type SigningStepOptions } from './signing-flow.ts'
import { createdAt, kubeTime } from './signing-request.ts'

/** Options of {@link certManagerIssuerStep}. */
export interface CertManagerIssuerStepOptions extends Omit<SigningStepOptions, 'signer'> {
  /** The signers of this process, by the names that issuers give. */
  readonly signers: SignersByName
  /** How long after its creation a request is tried again after failures that may pass. Default `'1h'`. */
  readonly maxRetryDuration?: string | undefined
  /** Requests that are older are failed. Default `'7d'`. */
  readonly maxAge?: string | undefined
}

const OPTIONS = ['signers', 'cached', 'maySign', 'signal', 'maxRetryDuration', 'maxAge']

/** When to look again for an issuer that is not there or not ready, should nothing be seen of it. */
const LOOK_AGAIN_MS = 30_000

/**
 * Takes one CertificateRequest a step further: waits for its approval and its issuer, signs it, or fails it.
 *
 * `certificate`, `ca` and `Ready` are written at once, with the version that was read right before signing; a denial in
 * between makes that fail, and what was signed is dropped. `ca` is the root of the signer. What has been answered is never touched
 * again. A failure that may pass is written as `Pending` and thrown, so that it is tried again; after `maxRetryDuration` it is
 * for good.
 *
 * @throws `KubeError`; what the signer throws; `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { certManagerIssuerStep, type KubeClient, type RequestSigner } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signer: RequestSigner
 * await certManagerIssuerStep(client, { namespace: 'shop', name: 'cart-1' }, { signers: new Map([['istio', signer]]) })
 * ```
 */
export async function certManagerIssuerStep(
  client: KubeClient,
  ref: ObjectName,
  options: CertManagerIssuerStepOptions,
): Promise<StepResult> {
  checkOptionNames(options, OPTIONS, 'certManagerIssuerStep')
  readFunction(options.maySign, 'maySign')
  const { signers, cached, maySign, signal, maxAge } = options
  const maxRetryMs = readDuration(options.maxRetryDuration ?? '1h', 'maxRetryDuration')
  const resource = KubeResources.certManagerRequests
  const decide = (
    request: KubeObject,
    issuer?: KubeObject | 'missing',
    signer?: RequestSigner,
  ): CertManagerDecision =>
    decideCertManagerRequest({ request, issuer, policy: signer?.policy, maxAge, now: client.clock.now() })

  const holder = [...signers.values()].find(
    (one) =>
      one.remembered(cached?.metadata.uid) !== undefined ||
      one.rememberedFor('CertificateRequest', ref.name, ref.namespace).length > 0,
  )
  // What was made and could not be written is judged by what is there now, not by a cache.
  const known = holder === undefined ? cached : undefined
  const found = known ?? (await client.find(resource, ref, { signal }))
  const first: CertManagerDecision =
    found === undefined ? { action: 'ignore', why: 'it is gone' } : decide(found)
  if (first.action === 'ignore' || first.action === 'wait') {
    const flow = flowOf(client, (request) => plain(decide(request)))
    return holder === undefined
      ? { changed: false, message: first.why }
      : runSigning(client, ref, flow, { signer: holder, maySign: () => false, signal })
  }
  if (found === undefined) return { changed: false, message: 'it is gone' }
  if (first.action === 'fail')
    return refuse(
      client,
      flowOf(client, (request) => plain(decide(request))),
      found,
      first,
      { signer: holder, signal },
    )
  if (first.action !== 'issuer') return { changed: false }

  const issuer = (await client.find(first.resource, first.ref, { signal })) ?? 'missing'
  const name = issuer === 'missing' ? undefined : signerNameIn(issuer)
  const signer = name === undefined ? undefined : signers.get(name)
  const second: CertManagerDecision =
    issuer === 'missing' || signer !== undefined
      ? decide(found, issuer, signer)
      : {
          action: 'pending',
          message: `the issuer names the signer ${quote(name ?? '', 64)}, which is not here`,
        }
  if (second.action === 'pending') return writePending(client, found, second.message, signal)
  if (signer === undefined) return { changed: false }
  const flow: SigningFlow = {
    ...flowOf(client, (request) => plain(decide(request, issuer, signer))),
    onFailure: async (request, error) => {
      const age = client.clock.now().getTime() - (createdAt(request) ?? 0)
      if (age >= maxRetryMs) {
        const message = `it could not be signed within ${formatDuration(maxRetryMs)}: ${failureLabel(error)}`
        return refuse(client, flow, request, { reason: 'Failed', message }, { signer, signal })
      }
      await writePending(client, request, `it could not be signed yet: ${failureLabel(error)}`, signal)
      throw error
    },
  }
  return runSigning(client, ref, flow, { signer, cached: found, maySign, signal })
}

/** A decision that is made with the issuer at hand. */
function plain(decision: CertManagerDecision): ReturnType<SigningFlow['decide']> {
  if (decision.action === 'issuer') return { action: 'wait', why: 'its issuer has not been read' }
  return decision.action === 'pending' ? { action: 'wait', why: decision.message } : decision
}

function flowOf(client: KubeClient, decide: SigningFlow['decide']): SigningFlow {
  return {
    resource: KubeResources.certManagerRequests,
    kind: 'CertificateRequest',
    decide,
    withCertificate: (request, { pem, rootPem }) =>
      withReady(
        request,
        'True',
        'Issued',
        'Certificate fetched from issuer successfully',
        client.clock.now(),
        {
          certificate: encodeBase64(asciiBytes(pem)),
          ...(rootPem === '' ? {} : { ca: encodeBase64(asciiBytes(rootPem)) }),
        },
      ),
    withRefusal: (request, { reason, message }) => {
      const now = client.clock.now()
      return withReady(request, 'False', reason === 'Denied' ? 'Denied' : 'Failed', message, now, {
        failureTime: kubeTime(now),
      })
    },
    certificateOf: (request) => {
      const text = textAt(recordAt(request, 'status'), 'certificate')
      const bytes = text === undefined ? undefined : decodeBase64(text)
      return bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : undefined
    },
  }
}

/** Says that a request waits; nothing is written where it says so already. */
async function writePending(
  client: KubeClient,
  request: KubeObject,
  message: string,
  signal: SigningStepOptions['signal'],
): Promise<StepResult> {
  const settled = await settleStatus(
    client,
    KubeResources.certManagerRequests,
    request,
    (found) => {
      if (found === undefined || found.metadata.uid !== request.metadata.uid) return { stop: 'it is gone' }
      const now = client.clock.now()
      const { action } = decideCertManagerRequest({ request: found, now })
      // Approved and unanswered: only then is it ours to write to.
      if (action !== 'issuer') return { stop: 'it was answered meanwhile' }
      const next = withReady(found, 'False', 'Pending', message, now, {})
      return next === found ? { stop: undefined } : { write: next }
    },
    signal,
  )
  return { changed: settled.written, message: settled.why ?? message, requeueAfterMs: LOOK_AGAIN_MS }
}

/** A request with the condition `Ready` and other members of its status; the same object where nothing differs. */
function withReady(
  request: KubeObject,
  status: 'True' | 'False',
  reason: string,
  message: string,
  now: Date,
  members: Readonly<Record<string, string>>,
): KubeObject {
  const before = conditionsIn(request)
  const conditions = setCondition(before, { type: 'Ready', status, reason, message }, now)
  if (conditions === before && Object.keys(members).length === 0) return request
  return { ...request, status: { ...recordAt(request, 'status'), ...members, conditions } }
}
