/**
 * Approves or denies one CertificateSigningRequest.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { checkOptionNames } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError, KubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import type { StepResult } from '../runner/step-result.ts'
import { type DecideApprovalOptions, decideApproval } from './approval-decision.ts'
import { withCondition } from './sign-csr-step.ts'

/** Options of {@link approveCsrStep}. */
export interface ApproveCsrOptions extends Omit<DecideApprovalOptions, 'csr' | 'now'> {
  readonly signal?: AbortSignalLike | undefined
}

/** Tries, as client-go's `DefaultRetry`. */
const MAX_TRIES = 5

/**
 * Reads a request, decides, and writes the condition into `/approval` with the version that was read: a denial in between
 * wins. Nothing is written into `/status`, and nothing is signed.
 *
 * @throws `KubeError`; what `decideApproval` throws.
 *
 * @example
 * ```ts
 * import { approveCsrStep, type KubeClient, type SigningPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const policy: SigningPolicy
 * await approveCsrStep(client, 'istiod-x7k2', {
 *   policy,
 *   signerName: 'example.com/mesh',
 *   approver: 'system:serviceaccount:pki:approver',
 *   judge: ({ requester }) => (requester.groups.includes('mesh-operators') ? { approve: 'an operator asks' } : undefined),
 * })
 * ```
 */
export async function approveCsrStep(
  client: KubeClient,
  name: string,
  options: ApproveCsrOptions,
): Promise<StepResult> {
  checkOptionNames(
    options,
    ['signerName', 'policy', 'approver', 'judge', 'ownRequests', 'maxAge', 'signal'],
    'approveCsrStep',
  )
  const { signal, ...terms } = options
  const resource = KubeResources.certificateSigningRequests
  for (let attempt = 1; ; attempt++) {
    const csr = await client.find(resource, { name }, { signal })
    if (csr === undefined) return { changed: false, message: 'it is gone' }
    const now = client.clock.now()
    const decision = await decideApproval({ ...terms, csr, now })
    if (decision.action === 'ignore') return { changed: false, message: decision.why }
    const { action, reason, message } = decision
    const type = action === 'approve' ? 'Approved' : 'Denied'
    try {
      await client.replace(resource, withCondition(csr, { type, reason, message }, now), {
        part: 'approval',
        signal,
      })
      return { changed: true, message: `${type.toLowerCase()}: ${message}` }
    } catch (error) {
      const isUnknown = error instanceof KubeError && error.outcome === 'unknown'
      const isStale = isKubeError(error, 'ERR_KUBERNETES_CONFLICT', 'ERR_KUBERNETES_NOT_FOUND')
      if (attempt >= MAX_TRIES || !(isUnknown || isStale) || signal?.aborted === true) throw error
    }
  }
}
