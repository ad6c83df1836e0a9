/**
 * What is to be done about a PodCertificateRequest.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { isKubeObject, type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import { hasCondition } from './csr-decision.ts'
import { readRequest } from './read-request.ts'
import { type Requester, serviceAccountOf, usernameOf } from './requester.ts'
import { readSignerName } from './signer-name.ts'
import type { SigningDecision } from './signing-flow.ts'
import { SigningPolicy, type SigningPolicyInput } from './signing-policy.ts'
import type { PodIdentity } from './signing-request.ts'

/** What {@link decidePodCertificate} looks at. */
export interface DecidePodCertificateOptions {
  /** A `certificates.k8s.io/v1beta1` PodCertificateRequest. */
  readonly request: KubeObject
  readonly signerName: string
  readonly policy: SigningPolicy | SigningPolicyInput
  /** Requests that are older are failed. Default `'15m'`, after which Kubernetes deletes them. */
  readonly maxAge?: string | undefined
  readonly now: Date
}

/** The shortest life that the API server takes. */
export const MIN_POD_LIFETIME_MS = 3_600_000
/** The most that `notBefore` may be away from the server's clock. */
const MAX_BACKDATE_MS = 300_000
const MAX_EXPIRATION_SECONDS = 7_862_400
const DEFAULT_EXPIRATION_SECONDS = 86_400

/**
 * Decides about a pod's request for a certificate. There is no approval: the kubelet asks for a pod that runs on its node, and
 * the API server has checked that.
 *
 * The requester is the pod's service account, as if it had asked itself; `pod` of the request says more. The certificate lives
 * no longer than `maxExpirationSeconds`, from its `notBefore`, and at least an hour.
 *
 * @throws `TypeError`, `RangeError` for options.
 */
export function decidePodCertificate(options: DecidePodCertificateOptions): SigningDecision {
  checkOptionNames(options, ['request', 'signerName', 'policy', 'maxAge', 'now'], 'decidePodCertificate')
  const { request, maxAge = '15m' } = options
  if (!isKubeObject(request))
    throw new TypeError(`option "request" must be an object with metadata; got ${typeName(request)}`)
  const signerName = readSignerName(options.signerName)
  const policy = SigningPolicy.from(options.policy)
  const backdate = policy.backdateFor(false)
  if (backdate > MAX_BACKDATE_MS)
    throw new RangeError(
      'option "policy" back-dates certificates by more than 5 minutes, which Kubernetes refuses for pods; set lifetime.backdate',
    )
  const maxAgeMs = readDuration(maxAge, 'maxAge')
  const now = new Date(readInstant(options.now, 'now'))
  const spec = recordAt(request, 'spec')
  const found = textAt(spec, 'signerName')
  if (found !== signerName)
    return {
      action: 'ignore',
      why: `it is for the signer ${quote(found ?? 'none', 128)}, not for ${signerName}`,
    }
  for (const type of ['Issued', 'Denied', 'Failed'])
    if (hasCondition(request, type)) return { action: 'ignore', why: `it has the condition ${type}` }
  if (recordAt(request, 'status')['certificateChain'])
    return { action: 'ignore', why: 'it has a certificate of somebody else' }
  const pod = podOf(spec)
  const requester = requesterFor(request, pod)
  if (pod === undefined || requester === undefined)
    return failed('the request does not name its pod, service account and node')
  const seconds = spec['maxExpirationSeconds'] ?? DEFAULT_EXPIRATION_SECONDS
  if (
    typeof seconds !== 'number' ||
    !Number.isInteger(seconds) ||
    seconds * 1000 < MIN_POD_LIFETIME_MS ||
    seconds > MAX_EXPIRATION_SECONDS
  )
    return failed(
      `maxExpirationSeconds must be a whole number from ${MIN_POD_LIFETIME_MS / 1000} to ${MAX_EXPIRATION_SECONDS}`,
    )
  const read = readRequest(
    request,
    {
      kind: 'PodCertificateRequest',
      requester,
      request: spec['stubPKCS10Request'],
      encoding: 'der',
      usages: [],
      isCa: false,
      // The server counts from notBefore, a policy from the issuance.
      lifetimeMs: seconds * 1000 - backdate,
      pod,
    },
    policy,
    { maxAgeMs, now },
  )
  if ('refuse' in read) return failed(read.refuse)
  if (read.lifetimeMs + backdate < MIN_POD_LIFETIME_MS)
    return failed(
      'the policy of this signer allows less than an hour, and Kubernetes takes no shorter certificate',
    )
  return { action: 'sign', request: read }
}

function podOf(spec: Readonly<Record<string, unknown>>): PodIdentity | undefined {
  const [podName, podUid, serviceAccountName, serviceAccountUid, nodeName, nodeUid] = [
    'podName',
    'podUID',
    'serviceAccountName',
    'serviceAccountUID',
    'nodeName',
    'nodeUID',
  ].map((member) => textAt(spec, member))
  if (!podName || !podUid || !serviceAccountName || !serviceAccountUid || !nodeName || !nodeUid)
    return undefined
  const annotations = Object.entries(recordAt(spec, 'unverifiedUserAnnotations')).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.freeze({
    podName,
    podUid,
    serviceAccountName,
    serviceAccountUid,
    nodeName,
    nodeUid,
    unverifiedUserAnnotations: Object.freeze(Object.fromEntries(annotations)),
  })
}

function requesterFor(request: KubeObject, pod: PodIdentity | undefined): Requester | undefined {
  const { namespace } = request.metadata
  if (pod === undefined || namespace === undefined) return undefined
  const username = usernameOf({ namespace, name: pod.serviceAccountName })
  const serviceAccount = serviceAccountOf(username)
  if (serviceAccount === undefined) return undefined
  return Object.freeze({
    username,
    uid: pod.serviceAccountUid,
    groups: Object.freeze([
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ]),
    extra: Object.freeze({}),
    serviceAccount,
  })
}

const failed = (message: string): SigningDecision => ({
  action: 'fail',
  reason: 'SignerValidationFailure',
  message,
})
