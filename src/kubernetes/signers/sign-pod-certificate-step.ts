/**
 * Signs one PodCertificateRequest.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readFunction } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { setCondition } from '../objects/condition.ts'
import { type KubeObject, type ObjectName, recordAt, textAt } from '../objects/kube-object.ts'
import type { StepResult } from '../runner/step-result.ts'
import { conditionsIn } from './csr-decision.ts'
import { decidePodCertificate, MIN_POD_LIFETIME_MS } from './pod-certificate-decision.ts'
import type { SignedRequest } from './request-signer.ts'
import { readSignerName } from './signer-name.ts'
import {
  runSigning,
  SIGNING_STEP_OPTIONS,
  type SigningFlow,
  type SigningStepOptions,
} from './signing-flow.ts'
import { kubeTime } from './signing-request.ts'

/** Options of {@link signPodCertificateStep}. */
export interface SignPodCertificateOptions extends SigningStepOptions {
  /** Whose requests are signed: `<domain>/<path>`. */
  readonly signerName: string
  /** Requests that are older are failed. Default `'15m'`. */
  readonly maxAge?: string | undefined
}

/** When to look again for a kind that the server does not have. */
const UNSERVED_MS = 3_600_000
/** `beginRefreshAt` must be at least so far from both ends of the validity. */
const REFRESH_MARGIN_MS = 600_000
const { podCertificateRequests } = KubeResources

/**
 * Takes one PodCertificateRequest a step further. Its status is written once, all of it: the condition `Issued`, the
 * chain, `notBefore`, `notAfter`, and `beginRefreshAt` after two thirds of the life.
 *
 * The kind is served only where its feature gate is on; elsewhere nothing is done, and the answer says so.
 *
 * **Warning**: Kubernetes takes no certificate that lives less than an hour, or begins more than five minutes ago. Where
 * the CA ends within the hour, nothing is signed until it is renewed.
 *
 * @throws `KubeError`; what the signer throws; `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { type KubeClient, type RequestSigner, signPodCertificateStep } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signer: RequestSigner
 * await signPodCertificateStep(client, { namespace: 'shop', name: 'req-x7k2' }, { signer, signerName: 'example.com/mesh' })
 * ```
 */
export async function signPodCertificateStep(
  client: KubeClient,
  ref: ObjectName,
  options: SignPodCertificateOptions,
): Promise<StepResult> {
  checkOptionNames(options, [...SIGNING_STEP_OPTIONS, 'signerName', 'maxAge'], 'signPodCertificateStep')
  readFunction(options.maySign, 'maySign')
  const { signer, maxAge, cached, signal } = options
  const signerName = readSignerName(options.signerName)
  if (maxAge !== undefined) readDuration(maxAge, 'maxAge')
  if (cached === undefined && !(await client.serves(podCertificateRequests, { signal })))
    return {
      changed: false,
      requeueAfterMs: UNSERVED_MS,
      message: 'the server has no PodCertificateRequests',
    }
  const flow: SigningFlow = {
    resource: podCertificateRequests,
    kind: 'PodCertificateRequest',
    decide: (request) => {
      const now = client.clock.now()
      const decision = decidePodCertificate({ request, signerName, policy: signer.policy, maxAge, now })
      const ends = signer.notAfter
      if (decision.action !== 'sign' || ends === undefined) return decision
      const leftMs = ends.getTime() - now.getTime() + signer.policy.backdateFor(false)
      return leftMs >= MIN_POD_LIFETIME_MS
        ? decision
        : { action: 'wait', why: 'the CA ends within an hour; renew it', afterMs: REFRESH_MARGIN_MS }
    },
    withCertificate: (request, signed) => withIssued(request, signed, client.clock.now()),
    withRefusal: (request, { reason, message, of }) =>
      of === undefined
        ? withOutcome(request, 'Failed', reason, message, client.clock.now())
        : withOutcome(
            request,
            'Denied',
            of === 'key' ? 'UnsupportedKeyType' : reason,
            message,
            client.clock.now(),
          ),
    certificateOf: (request) => textAt(recordAt(request, 'status'), 'certificateChain'),
  }
  return runSigning(client, ref, flow, options)
}

function withIssued(request: KubeObject, { certificate, pem }: SignedRequest, now: Date): KubeObject {
  const { notBefore, notAfter } = certificate
  const begin = notBefore.getTime() + Math.floor(((notAfter.getTime() - notBefore.getTime()) * 2) / 3)
  const latest = notAfter.getTime() - REFRESH_MARGIN_MS
  const issued = withOutcome(request, 'Issued', 'Issued', 'the certificate was signed', now)
  return {
    ...issued,
    status: {
      ...recordAt(issued, 'status'),
      certificateChain: pem,
      notBefore: kubeTime(notBefore),
      notAfter: kubeTime(notAfter),
      beginRefreshAt: kubeTime(new Date(Math.min(begin, latest))),
    },
  }
}

function withOutcome(
  request: KubeObject,
  type: 'Issued' | 'Denied' | 'Failed',
  reason: string,
  message: string,
  now: Date,
): KubeObject {
  const conditions = setCondition(conditionsIn(request), { type, status: 'True', reason, message }, now)
  return { ...request, status: { ...recordAt(request, 'status'), conditions } }
}
