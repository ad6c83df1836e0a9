/**
 * What the output of `openssl s_client -showcerts` says, as a value.
 *
 * @module
 */

import type { Certificate } from '../../x509/certificate.ts'

/**
 * What became of the connection.
 *
 * - `plaintext`: there is no TLS at that port: what answered speaks something else.
 * - `refused`: nobody listens, or the peer broke off, as where it wants a client certificate.
 * - `verified`: OpenSSL found a path to a CA that it was given (`-CAfile`). Names are not part of that unless `-verify_hostname` was.
 * - `unverified`: a chain was presented, and OpenSSL found none.
 * - `presented`: a chain was presented, and the text does not say more: it was cut.
 * - `unknown`: nothing of all this.
 */
export type ShowCertsVerdict = 'plaintext' | 'refused' | 'verified' | 'unverified' | 'presented' | 'unknown'

/** What is odd in what was presented. */
export interface ShowCertsFinding {
  readonly code:
    | 'certificate-unreadable'
    | 'issuer-differs'
    | 'more-certificates'
    | 'name-unreadable'
    | 'order'
    | 'root-presented'
    | 'subject-differs'
    | 'twice'
  /** Which certificate, as OpenSSL numbers them. */
  readonly index: number
  readonly message: string
}

/** One certificate of the chain, as it was presented. */
export interface ShownCertificate {
  /** OpenSSL's number; blocks without one are counted on. */
  readonly index: number
  /** The `s:` and `i:` lines, where they are there. */
  readonly subject: string | undefined
  readonly issuer: string | undefined
  /** `undefined` where it cannot be read; a finding says why. */
  readonly certificate: Certificate | undefined
}

/** What the text says. */
export interface ShowCerts {
  readonly verdict: ShowCertsVerdict
  /** As a sentence: what that means, and what to look at. */
  readonly message: string
  /** OpenSSL's own words and number: `{ code: 19, words: 'self-signed certificate in certificate chain' }`. */
  readonly verification: { readonly code: number; readonly words: string } | undefined
  /** What was presented, in the order of the wire: the leaf first. */
  readonly chain: readonly ShownCertificate[]
  /** `TLSv1.3`; `undefined` where no handshake was finished. */
  readonly protocol: string | undefined
  /** Whether the peer asked for a client certificate, as one that wants mutual TLS does; which issuers it takes, as it names them. */
  readonly clientCertificate: { readonly requested: boolean; readonly issuers: readonly string[] }
  readonly findings: readonly ShowCertsFinding[]
}
