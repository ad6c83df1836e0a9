/**
 * What is to be done about a CertificateRequest of cert-manager.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { isObjectName, type KubeResource } from '../api/kube-resource.ts'
import { conditionOf, isConditionTrue } from '../objects/condition.ts'
import { isKubeObject, type KubeObject, type ObjectName, recordAt, textAt } from '../objects/kube-object.ts'
import { hasCondition } from './csr-decision.ts'
import { readGoDuration } from './go-duration.ts'
import { issuerResourceOf, unreadyIssuer } from './mesh-issuer.ts'
import { readRequest } from './read-request.ts'
import { requesterOf } from './requester.ts'
import type { SigningDecision } from './signing-flow.ts'
import { SigningPolicy, type SigningPolicyInput } from './signing-policy.ts'

/** What {@link decideCertManagerRequest} looks at. */
export interface DecideCertManagerOptions {
  /** A `cert-manager.io/v1` CertificateRequest. */
  readonly request: KubeObject
  /** The issuer that it names, as it was read; `'missing'` where there is none; left out until it is asked for. */
  readonly issuer?: KubeObject | 'missing' | undefined
  /** The policy of that issuer; needed once the issuer is given. */
  readonly policy?: SigningPolicy | SigningPolicyInput | undefined
  /** Requests that are older are failed; cert-manager then makes a new one. Default `'7d'`. */
  readonly maxAge?: string | undefined
  readonly now: Date
}

/** What is to be done about a request of cert-manager. */
export type CertManagerDecision =
  | SigningDecision
  /** The issuer must be read, and the question asked again with it. */
  | { readonly action: 'issuer'; readonly resource: KubeResource; readonly ref: ObjectName }
  /** It waits for something; its object shall say so. */
  | { readonly action: 'pending'; readonly message: string }

const OPTIONS = ['request', 'issuer', 'policy', 'maxAge', 'now']

/**
 * Decides about a request as cert-manager's contract for external issuers demands.
 *
 * Ours are those with exactly our group and one of our kinds: an empty group is cert-manager's own. What has an answer is left
 * alone for good, since cert-manager makes a new request for another try. What is not approved is not even written to.
 *
 * @throws `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { decideCertManagerRequest, type KubeObject } from 'mesh-pki/kubernetes'
 *
 * declare const request: KubeObject
 * const decision = decideCertManagerRequest({ request, now: new Date() })
 * if (decision.action === 'issuer') console.log('waits for', decision.resource.kind, decision.ref.name)
 * ```
 */
export function decideCertManagerRequest(options: DecideCertManagerOptions): CertManagerDecision {
  checkOptionNames(options, OPTIONS, 'decideCertManagerRequest')
  const { request, issuer, maxAge = '7d' } = options
  if (!isKubeObject(request))
    throw new TypeError(`option "request" must be an object with metadata; got ${typeName(request)}`)
  const maxAgeMs = readDuration(maxAge, 'maxAge')
  const now = new Date(readInstant(options.now, 'now'))
  const spec = recordAt(request, 'spec')
  const named = recordAt(spec, 'issuerRef')
  const resource = issuerResourceOf(named['group'], named['kind'])
  if (resource === undefined)
    return {
      action: 'ignore',
      why: `it is for ${quote(textAt(named, 'kind') ?? '', 64)} of the group ${quote(textAt(named, 'group') ?? '', 64)}, which is none of our issuers`,
    }
  const answered = answerOf(request)
  if (answered !== undefined) return { action: 'ignore', why: answered }
  if (hasCondition(request, 'Denied'))
    return {
      action: 'fail',
      reason: 'Denied',
      message: 'The CertificateRequest was denied by an approval controller',
    }
  if (!isConditionTrue(request, 'Approved')) return { action: 'wait', why: 'it is not approved yet' }
  const name = textAt(named, 'name')
  if (!isObjectName(name))
    return { action: 'fail', reason: 'Failed', message: 'issuerRef.name names no object' }
  const ref = resource.namespaced ? { name, namespace: request.metadata.namespace } : { name }
  if (issuer === undefined) return { action: 'issuer', resource, ref }
  const label = `${resource.kind} ${quote(name, 253)}`
  if (issuer === 'missing')
    return { action: 'pending', message: `${label} not found. Waiting for it to be created` }
  const unready = unreadyIssuer(issuer)
  if (unready !== undefined) return { action: 'pending', message: `${label}: ${unready}` }
  if (options.policy === undefined) throw new TypeError('option "policy" is needed with the option "issuer"')
  return judge(request, SigningPolicy.from(options.policy), maxAgeMs, now)
}

function judge(request: KubeObject, policy: SigningPolicy, maxAgeMs: number, now: Date): SigningDecision {
  const spec = recordAt(request, 'spec')
  const { duration } = spec
  const asked = duration === undefined || duration === null ? undefined : readGoDuration(duration)
  if (asked === undefined && duration !== undefined && duration !== null)
    return failed(
      `the duration ${typeof duration === 'string' ? quote(duration, 64) : typeof duration} is none, such as "24h0m0s"`,
    )
  if (asked !== undefined && asked < 1000) return failed('the duration is shorter than a second')
  const read = readRequest(
    request,
    {
      kind: 'CertificateRequest',
      requester: requesterOf(request),
      request: spec['request'],
      encoding: 'pem',
      usages: spec['usages'],
      isCa: spec['isCA'] === true,
      lifetimeMs: asked,
    },
    policy,
    { maxAgeMs, now },
  )
  return 'refuse' in read ? failed(read.refuse) : { action: 'sign', request: read }
}

/** Why a request needs no answer any longer. */
function answerOf(request: KubeObject): string | undefined {
  const ready = conditionOf(request, 'Ready')
  if (ready?.status === 'True') return 'it has its certificate'
  if (ready?.reason === 'Failed') return 'it has failed'
  if (ready?.reason === 'Denied') return 'its denial is written down'
  if (isConditionTrue(request, 'InvalidRequest')) return 'it is invalid'
  const certificate = recordAt(request, 'status')['certificate']
  return certificate === undefined || certificate === null || certificate === ''
    ? undefined
    : 'it has a certificate of somebody else'
}

const failed = (message: string): SigningDecision => ({ action: 'fail', reason: 'Failed', message })
