/**
 * What signers do, as typed events.
 *
 * @module
 */

import type { Certificate } from '../../x509/certificate.ts'
import type { SigningRequestRef } from './signing-request.ts'

/** A certificate was made and written into its request. */
export interface SignedEvent {
  readonly type: 'signed'
  readonly request: SigningRequestRef
  readonly certificate: Certificate
}

/** A request was refused for good, and its object says so. */
export interface RefusedEvent {
  readonly type: 'refused'
  readonly request: SigningRequestRef
  readonly reason: string
  readonly message: string
}

/**
 * A certificate was made and never handed out: its request was denied, deleted or answered otherwise meanwhile. Nobody but
 * this process has seen it; who wants to be sure revokes it.
 */
export interface DroppedEvent {
  readonly type: 'dropped'
  readonly request: SigningRequestRef
  readonly certificate: Certificate
  readonly serialNumber: string
  readonly why: string
}

/** Something is odd about a request that is signed. */
export interface WarningEvent {
  readonly type: 'warning'
  readonly request: SigningRequestRef
  readonly message: string
}

/** What `onEvent` of a `RequestSigner` is told. */
export type SignerEvent = SignedEvent | RefusedEvent | DroppedEvent | WarningEvent
