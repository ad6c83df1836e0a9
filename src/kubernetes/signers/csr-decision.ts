/**
 * What is to be done about a CertificateSigningRequest.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import {
  isKubeObject,
  isRecord,
  type KubeObject,
  listAt,
  numberAt,
  recordAt,
  textAt,
} from '../objects/kube-object.ts'
import { readRequest } from './read-request.ts'
import { requesterOf } from './requester.ts'
import { readSignerName } from './signer-name.ts'
import type { SigningDecision } from './signing-flow.ts'
import { SigningPolicy, type SigningPolicyInput } from './signing-policy.ts'

/** What {@link decideCsr} looks at. */
export interface DecideCsrOptions {
  /** A `certificates.k8s.io/v1` CertificateSigningRequest. */
  readonly csr: KubeObject
  /** Whose requests are signed: `<domain>/<path>`. */
  readonly signerName: string
  readonly policy: SigningPolicy | SigningPolicyInput
  /** Requests that are older are refused. Default `'24h'`, after which Kubernetes deletes those that nobody approved. */
  readonly maxAge?: string | undefined
  readonly now: Date
}

/** The shortest `spec.expirationSeconds` that an API server takes. */
const MIN_EXPIRATION_SECONDS = 600

/**
 * Decides about a request: whether it is ours, approved, not yet answered, and may be signed as far as its object tells.
 *
 * The API server does not hold a signer to the approval: it takes a certificate for a request that nobody approved, or that
 * was denied. So it is looked at here.
 *
 * @throws `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { decideCsr, type KubeObject, type SigningPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const csr: KubeObject
 * declare const policy: SigningPolicy
 * const decision = decideCsr({ csr, signerName: 'example.com/mesh', policy, now: new Date() })
 * if (decision.action === 'sign') console.log(decision.request.requester.username)
 * ```
 */
export function decideCsr(options: DecideCsrOptions): SigningDecision {
  checkOptionNames(options, ['csr', 'signerName', 'policy', 'maxAge', 'now'], 'decideCsr')
  const { csr, maxAge = '24h' } = options
  if (!isKubeObject(csr))
    throw new TypeError(`option "csr" must be an object with metadata; got ${typeName(csr)}`)
  const signerName = readSignerName(options.signerName)
  const policy = SigningPolicy.from(options.policy)
  const maxAgeMs = readDuration(maxAge, 'maxAge')
  const now = new Date(readInstant(options.now, 'now'))
  const spec = recordAt(csr, 'spec')
  const found = textAt(spec, 'signerName')
  if (found !== signerName)
    return {
      action: 'ignore',
      why: `it is for the signer ${quote(found ?? 'none', 128)}, not for ${signerName}`,
    }
  const answered = answerOf(csr)
  if (answered !== undefined) return { action: 'ignore', why: answered }
  if (!isApproved(csr)) return { action: 'wait', why: 'it is not approved yet' }
  const seconds = recordAt(csr, 'spec')['expirationSeconds']
  if (seconds !== undefined && seconds !== null && !isExpiration(numberAt(spec, 'expirationSeconds')))
    return invalid(`expirationSeconds must be a whole number of at least ${MIN_EXPIRATION_SECONDS}`)
  const isCa = listAt(spec, 'usages').includes('cert sign')
  if (!Array.isArray(spec['usages']) || spec['usages'].length === 0)
    return invalid('the request lists no usages; at least one is needed')
  const request = readRequest(
    csr,
    {
      kind: 'CertificateSigningRequest',
      requester: requesterOf(csr),
      request: spec['request'],
      encoding: 'pem',
      usages: spec['usages'],
      isCa: isCa && policy.signsCas,
      lifetimeMs: typeof seconds === 'number' ? seconds * 1000 : undefined,
    },
    policy,
    { maxAgeMs, now },
  )
  return 'refuse' in request ? invalid(request.refuse) : { action: 'sign', request }
}

/** Why a request needs no answer any longer; `undefined` for one that does. A condition counts whatever its status. */
export function answerOf(csr: KubeObject): string | undefined {
  if (hasCondition(csr, 'Denied')) return 'it was denied'
  if (hasCondition(csr, 'Failed')) return 'it has failed'
  const certificate = recordAt(csr, 'status')['certificate']
  if (certificate !== undefined && certificate !== null && certificate !== '') return 'it has its certificate'
  return undefined
}

/** Whether somebody has approved it. */
function isApproved(csr: KubeObject): boolean {
  return conditionsIn(csr).some(
    (one) => textAt(one, 'type') === 'Approved' && textAt(one, 'status') === 'True',
  )
}

/** The list of conditions as it came. */
export function conditionsIn(object: KubeObject): readonly unknown[] {
  return listAt(recordAt(object, 'status'), 'conditions')
}

/** Whether there is a condition of a type, whatever its status. */
export function hasCondition(object: KubeObject, type: string): boolean {
  return conditionsIn(object).some((one) => isRecord(one) && textAt(one, 'type') === type)
}

const isExpiration = (seconds: number | undefined): boolean =>
  seconds !== undefined && Number.isInteger(seconds) && seconds >= MIN_EXPIRATION_SECONDS

const invalid = (message: string): SigningDecision => ({
  action: 'fail',
  reason: 'SignerValidationFailure',
  message,
})
