/**
 * Whether to approve a CertificateSigningRequest: a role of its own, apart from signing.
 *
 * @module
 */

import { checkOneOf, checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { isKubeObject, type KubeObject } from '../objects/kube-object.ts'
import { answerOf, decideCsr, hasCondition } from './csr-decision.ts'
import type { SigningPolicy, SigningPolicyInput } from './signing-policy.ts'
import type { SigningRequest } from './signing-request.ts'

/** What an approver says of a request; `undefined` leaves it to others. */
export type ApprovalVerdict = { readonly approve: string } | { readonly deny: string } | undefined

/** What {@link decideApproval} looks at. */
export interface DecideApprovalOptions {
  /** A `certificates.k8s.io/v1` CertificateSigningRequest. */
  readonly csr: KubeObject
  readonly signerName: string
  /** The policy of the signer: what it would refuse is denied. */
  readonly policy: SigningPolicy | SigningPolicyInput
  /** The name of the user who approves, as the API server knows it. */
  readonly approver: string
  /** Says yes, no, or nothing; the text is the message of the condition. The request's signature is not verified yet. */
  readonly judge: (request: SigningRequest) => ApprovalVerdict | Promise<ApprovalVerdict>
  /** What becomes of requests of the approver's own. Default `'leave'`: somebody else decides. */
  readonly ownRequests?: 'leave' | 'judge' | undefined
  readonly maxAge?: string | undefined
  readonly now: Date
}

/** What is to be done about a request. */
export type ApprovalDecision =
  | { readonly action: 'ignore'; readonly why: string }
  | { readonly action: 'approve' | 'deny'; readonly reason: string; readonly message: string }

const OPTIONS = ['csr', 'signerName', 'policy', 'approver', 'judge', 'ownRequests', 'maxAge', 'now']

/**
 * Decides whether a request is approved, denied, or left to others. Nothing is approved unless `judge` says so, and what the
 * signer's policy would refuse is denied without asking.
 *
 * Who approves shall not be who asks: requests of the approver's own user are left alone by default. Approvals cannot be
 * taken back.
 *
 * **Warning**: approval says that the requester may have what is asked for. Names are decided by the policy's `authorize` when it
 * is signed.
 *
 * @throws `TypeError`, `RangeError` for options; what `judge` throws.
 *
 * @example
 * ```ts
 * import { decideApproval, type KubeObject, type SigningPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const csr: KubeObject
 * declare const policy: SigningPolicy
 * const decision = await decideApproval({
 *   csr,
 *   policy,
 *   signerName: 'example.com/mesh',
 *   approver: 'system:serviceaccount:pki:approver',
 *   judge: ({ requester }) =>
 *     requester.serviceAccount?.namespace === 'istio-system' ? { approve: 'istiod asks for its workloads' } : undefined,
 *   now: new Date(),
 * })
 * ```
 */
export async function decideApproval(options: DecideApprovalOptions): Promise<ApprovalDecision> {
  checkOptionNames(options, OPTIONS, 'decideApproval')
  const { csr, signerName, policy, approver, judge, maxAge } = options
  if (!isKubeObject(csr))
    throw new TypeError(`option "csr" must be an object with metadata; got ${typeName(csr)}`)
  if (typeof approver !== 'string' || approver === '')
    throw new TypeError('option "approver" must be the name of the user who approves')
  if (typeof judge !== 'function') throw new TypeError('option "judge" must be a function')
  const ownRequests = checkOneOf(options.ownRequests ?? 'leave', ['leave', 'judge'], 'ownRequests')
  const now = new Date(readInstant(options.now, 'now'))
  const answered = answerOf(csr) ?? (hasCondition(csr, 'Approved') ? 'it was approved' : undefined)
  if (answered !== undefined) return { action: 'ignore', why: answered }
  // As the signer will see it once it is approved.
  const seen = decideCsr({ csr: approved(csr), signerName, policy, maxAge, now })
  if (seen.action === 'ignore' || seen.action === 'wait') return { action: 'ignore', why: seen.why }
  if (seen.action === 'fail') return { action: 'deny', reason: 'SignerWouldRefuse', message: seen.message }
  const { request } = seen
  if (request.requester.username === approver && ownRequests === 'leave')
    return { action: 'ignore', why: 'it is a request of the approver itself; somebody else must decide' }
  const verdict: unknown = await judge(request)
  if (typeof verdict !== 'object' || verdict === null)
    return { action: 'ignore', why: 'it is left to others' }
  if ('deny' in verdict) return { action: 'deny', reason: 'DeniedByPolicy', message: textOf(verdict.deny) }
  if ('approve' in verdict && typeof verdict.approve === 'string')
    return { action: 'approve', reason: 'ApprovedByPolicy', message: verdict.approve }
  return { action: 'ignore', why: 'it is left to others' }
}

function approved(csr: KubeObject): KubeObject {
  return { ...csr, status: { conditions: [{ type: 'Approved', status: 'True' }] } }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : 'no reason was given')
