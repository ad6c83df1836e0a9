/**
 * What the kinds of requests have in common when they are read: a PKCS#10 request, usages, a lifetime, an age.
 *
 * @module
 */

import { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { decodeBase64 } from '../../internal/base64.ts'
import { formatDuration } from '../../internal/duration.ts'
import { type KubeObject, textAt } from '../objects/kube-object.ts'
import type { Requester } from './requester.ts'
import type { SigningPolicy } from './signing-policy.ts'
import {
  annotationsOf,
  createdAt,
  type PodIdentity,
  type SigningRequest,
  type SigningRequestKind,
} from './signing-request.ts'
import { judgeUsages } from './usages.ts'

/** Base64 of the largest request that is read, in PEM. */
const MAX_BASE64 = 131_072

/** What one kind of object says. */
export interface RequestParts {
  readonly kind: SigningRequestKind
  readonly requester: Requester
  /** The member with the request. */
  readonly request: unknown
  /** What is in its base64. */
  readonly encoding: 'pem' | 'der'
  readonly usages: unknown
  readonly isCa: boolean
  /** Milliseconds; `undefined` where the request asks for none. */
  readonly lifetimeMs: number | undefined
  readonly pod?: PodIdentity | undefined
}

/** How old a request may be. */
export interface AgeLimit {
  readonly maxAgeMs: number
  readonly now: Date
}

/** The request that an object holds; or why it is refused. Proof of possession is for later: it takes time. */
export function readRequest(
  object: KubeObject,
  parts: RequestParts,
  policy: SigningPolicy,
  { maxAgeMs, now }: AgeLimit,
): SigningRequest | { readonly refuse: string } {
  const { kind, requester, isCa } = parts
  const [name, namespace, uid] = ['name', 'namespace', 'uid'].map((member) => textAt(object.metadata, member))
  if (name === undefined || uid === undefined) return { refuse: 'the object has no name or UID' }
  const made = createdAt(object)
  if (made === undefined) return { refuse: 'the object does not say when it was made' }
  const age = now.getTime() - made
  if (age > maxAgeMs)
    return {
      refuse: `the request is ${formatDuration(age)} old; none is signed that is older than ${formatDuration(maxAgeMs)}. Make a new one`,
    }
  const csr = readCsr(parts.request, parts.encoding)
  if (typeof csr === 'string') return { refuse: csr }
  if (isCa && !policy.signsCas)
    return { refuse: 'the request asks to become a CA, and this signer makes none' }
  const { usages, refusals, warnings } = judgeUsages(parts.usages, {
    allowed: policy.usagesFor(isCa),
    isCa,
    enciphers: csr.publicKeyType.startsWith('RSA'),
  })
  const { lifetimeMs, refusals: tooLong } = policy.lifetimeFor(isCa, parts.lifetimeMs)
  const problems = [...refusals, ...tooLong]
  if (problems.length > 0) return { refuse: problems.join('; ') }
  return Object.freeze({
    kind,
    name,
    namespace,
    uid,
    requester,
    csr,
    usages,
    isCa,
    lifetimeMs,
    annotations: annotationsOf(object),
    pod: parts.pod,
    warnings,
  })
}

/** The PKCS#10 request; or why it cannot be read. */
function readCsr(value: unknown, encoding: 'pem' | 'der'): Csr | string {
  if (typeof value !== 'string') return `the request must be base64 text; found ${typeof value}`
  if (value.length > MAX_BASE64)
    return `the request has ${value.length} characters of base64; at most ${MAX_BASE64} are read`
  const bytes = decodeBase64(value)
  if (!(bytes instanceof Uint8Array)) return 'the request is not base64 (RFC 4648 §4)'
  try {
    return encoding === 'pem' ? Csr.fromPem(bytes) : Csr.fromDer(bytes)
  } catch (error) {
    if (error instanceof MeshPkiError) return error.message
    throw error
  }
}
