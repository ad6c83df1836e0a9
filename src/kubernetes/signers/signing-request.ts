/**
 * A request for a certificate as policies see it, whichever kind of object it came in.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { instantText } from '../../internal/instant-text.ts'
import { type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import type { Requester } from './requester.ts'
import type { CertificateUsage } from './usages.ts'

/** Kinds of objects that ask for certificates. */
export type SigningRequestKind = 'CertificateSigningRequest' | 'CertificateRequest' | 'PodCertificateRequest'

/** Which object it is. */
export interface SigningRequestRef {
  readonly kind: SigningRequestKind
  readonly name: string
  readonly namespace: string | undefined
  /** Tells it from an earlier one of the same name. */
  readonly uid: string
}

/** The pod that a PodCertificateRequest is for; the API server has checked that it runs on the node that asks. */
export interface PodIdentity {
  readonly podName: string
  readonly podUid: string
  readonly serviceAccountName: string
  readonly serviceAccountUid: string
  readonly nodeName: string
  readonly nodeUid: string
  /** What the pod's manifest says. Nobody has checked it. */
  readonly unverifiedUserAnnotations: Readonly<Record<string, string>>
}

/** A request that may be signed, if its requester may have what it asks for. */
export interface SigningRequest extends SigningRequestRef {
  /** Who made it. */
  readonly requester: Requester
  /** The request of the key. Names and extensions in it are wishes. */
  readonly csr: Csr
  /** What it shall be good for; allowed by the policy. */
  readonly usages: readonly CertificateUsage[]
  readonly isCa: boolean
  /** How long it may be valid, from its issuance, before the issuer's chain is asked. */
  readonly lifetimeMs: number
  /** `metadata.annotations`, which the requester writes. */
  readonly annotations: Readonly<Record<string, string>>
  /** Of a PodCertificateRequest. */
  readonly pod: PodIdentity | undefined
  /** What is odd about it. */
  readonly warnings: readonly string[]
}

/** When an object was made, in milliseconds; `undefined` where it does not say. */
export function createdAt(object: KubeObject): number | undefined {
  const text = textAt(object.metadata, 'creationTimestamp')
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}

/** Annotations of an object, as far as they are text. */
export function annotationsOf(object: KubeObject): Readonly<Record<string, string>> {
  return Object.freeze(
    Object.fromEntries(
      Object.entries(recordAt(object.metadata, 'annotations')).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    ),
  )
}

/** An instant as Kubernetes writes it, floored to seconds. */
export function kubeTime(now: Date): string {
  return instantText(Math.floor(now.getTime() / 1000) * 1000)
}
