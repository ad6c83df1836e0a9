/**
 * Issuers that are elsewhere: Vault, AWS Private CA, cert-manager, another mesh-pki.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import type { CertificateInput } from '../../x509/certificate-input.ts'
import type { Oid } from '../../x509/extensions/extended-key-usage.ts'
import type { KeyUsageName } from '../../x509/extensions/key-usage.ts'
import type { NameConstraints } from '../../x509/extensions/name-constraints.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import type { Name } from '../../x509/name.ts'

/** What the certificate shall say; a frozen copy. An adapter maps it to the role, template or fields of its service. */
export interface CertificateIntent {
  readonly isCa: boolean
  /** How many CAs may follow below it; `'none'` for no limit, which is also what it is for no CA. */
  readonly pathLength: number | 'none'
  readonly subject: Name
  /** All of them, and no others. */
  readonly subjectAltNames: readonly GeneralName[]
  /** How long it shall be valid, from now. */
  readonly lifetimeMs: number
  /** What the extended key usage of a workload shall list. Empty for a CA, and where any will do. */
  readonly extendedKeyUsage: readonly Oid[]
  /** Key usage that it must have; more may be given. */
  readonly keyUsage: readonly KeyUsageName[]
  /** For a CA: exactly these subtrees, those that close a form included. */
  readonly nameConstraints: NameConstraints | undefined
}

/** What an {@link ExternalIssuer} is asked for. */
export interface IssuerRequest {
  /** The request; its signature was verified. */
  readonly csr: Csr
  /**
   * Names this wish, the same in every attempt: an issuer that was asked twice by one name makes one certificate.
   * At most 63 letters, digits, `-`, `_` and `.`; 32 hexadecimal digits where it is made here.
   */
  readonly requestId: string
  readonly intent: CertificateIntent
}

/** A certificate and what leads from it to its root. */
export interface IssuerAnswer {
  readonly certificate: CertificateInput
  /** In any order; with or without the certificate itself, the root, and others. */
  readonly chain: CertificateInput | readonly CertificateInput[]
}

/** What goes with every call. */
export interface IssuerCallOptions {
  /** Aborts when nobody waits for the answer any longer. */
  readonly signal: WebAbortSignal
}

/**
 * Makes certificates of requests, elsewhere. Nothing that it answers is believed: `requestCertificate` verifies it.
 *
 * Failures are thrown as `IssuerFailure`, which says whether a certificate may have been made. What is thrown
 * otherwise counts as one that may have been.
 *
 * @example
 * ```ts
 * import { type ExternalIssuer, IssuerFailure } from 'mesh-pki/ca'
 *
 * declare const token: string
 * const issuer: ExternalIssuer = {
 *   name: 'vault',
 *   async issue({ csr, intent }, { signal }) {
 *     const response = await fetch('https://vault.example/v1/pki/sign/mesh', {
 *       method: 'POST',
 *       headers: { 'X-Vault-Token': token },
 *       body: JSON.stringify({ csr: csr.toPem(), ttl: `${intent.lifetimeMs / 1000}s` }),
 *       signal,
 *     })
 *     if (!response.ok) {
 *       const outcome = response.status < 500 ? 'failed' : 'unknown'
 *       throw new IssuerFailure(`Vault answered ${response.status}`, { retryable: response.status >= 500, outcome })
 *     }
 *     const { data } = await response.json()
 *     return { certificate: data.certificate, chain: data.ca_chain }
 *   },
 * }
 * ```
 */
export interface ExternalIssuer {
  /** Stands in messages and events. */
  readonly name?: string | undefined
  /**
   * Whether a second call with the same `requestId` makes no second certificate, but answers the first one. Then it
   * may be asked again without a {@link lookup}.
   */
  readonly idempotent?: boolean | undefined
  /** Asks for a certificate. `'pending'`: it was accepted, {@link lookup} has the certificate when it is made. */
  issue(request: IssuerRequest, options: IssuerCallOptions): Promise<IssuerAnswer | 'pending'>
  /**
   * What became of a request. `'pending'`: it is still worked on. `undefined`: nothing was made, and nothing of what
   * was sent so far will be, so that it may be asked for again.
   *
   * An `IssuerFailure` that is not `retryable` and whose outcome is `'failed'` says that the request was refused for good: surely
   * nothing was made, and nobody asks again. Where looking itself failed, the outcome is `'unknown'`.
   */
  lookup?(requestId: string, options: IssuerCallOptions): Promise<IssuerAnswer | 'pending' | undefined>
}
