/**
 * The rules that X509-SVID sets for the signing certificates of a path.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { SpiffeId } from './spiffe-id.ts'
import { SvidError, type SvidErrorCode, type SvidErrorOptions } from './svid-error.ts'
import { isCritical, uriNames } from './svid-leaf.ts'

/**
 * Judges one signing certificate; `undefined` when nothing stands against it.
 *
 * A CA is an SVID, and bound by the rules for one, when it has a URI of the scheme `spiffe` (§3.2: "if
 * present"). Of other CAs, roots made by OpenSSL for instance, RFC 5280 is all that is asked.
 */
export function judgeSigner(certificate: Certificate, depth: number): SvidError | undefined {
  // Most have no alternative names at all.
  if (Certificate.layoutOf(certificate).subjectAltNameStart === 0) return undefined
  const uris = uriNames(certificate)
  return uris.some(hasSpiffeScheme) ? judge(certificate, depth, uris) : undefined
}

function judge(certificate: Certificate, depth: number, uris: readonly string[]): SvidError | undefined {
  const refuse = (code: SvidErrorCode, options: Omit<SvidErrorOptions, 'certificate' | 'depth'>): SvidError =>
    new SvidError(code, { ...options, certificate, depth })
  const [uri = ''] = uris
  if (uris.length > 1)
    return refuse('ERR_SVID_SIGNER_ID', {
      problem: `it has ${uris.length} URIs, one of them a SPIFFE ID`,
      requirement: 'X-01',
      clause: 'X509-SVID §2',
      expected: 'exactly one URI',
      found: uris
        .slice(0, 8)
        .map((one) => quote(one))
        .join(', '),
      remedy: SIGNER_REMEDY,
    })
  const id = parse(uri)
  if (id instanceof MeshPkiError)
    return refuse('ERR_SVID_SIGNER_ID', {
      problem: `its URI is not a SPIFFE ID: ${id.message}`,
      requirement: 'X-06',
      clause: 'X509-SVID §3.2',
      expected: 'the SPIFFE ID of a trust domain, without a path',
      found: quote(uri),
      remedy: SIGNER_REMEDY,
      cause: id,
    })
  if (id.path !== '')
    return refuse('ERR_SVID_SIGNER_ID', {
      problem: `its identity ${quote(uri)} has a path, as only workloads have`,
      requirement: 'X-06',
      clause: 'X509-SVID §3.2',
      expected: String(id.trustDomain.id),
      found: uri,
      remedy: SIGNER_REMEDY,
    })
  const { keyUsage } = certificate
  if (keyUsage !== undefined && isCritical(certificate, ExtensionArc.keyUsage)) return undefined
  return refuse('ERR_SVID_SIGNER_KEY_USAGE', {
    problem: keyUsage === undefined ? 'it has no key usage' : 'its key usage is not critical',
    requirement: keyUsage === undefined ? 'X-13' : 'X-12',
    clause: 'X509-SVID §4.3',
    expected: 'critical key usage with keyCertSign',
    found: keyUsage === undefined ? 'no key usage' : `${keyUsage.join(', ')}, not critical`,
    remedy: SIGNER_REMEDY,
  })
}

const SIGNER_REMEDY =
  "Have the CA issued again by the rules, or pass signers: 'warn' to let it pass, as the intermediates of Gloo Mesh need"

/** Whether a URI is meant as a SPIFFE ID, also where it is misspelt. */
export const hasSpiffeScheme = (uri: string): boolean => /^spiffe:/i.test(uri)

function parse(uri: string): SpiffeId | MeshPkiError {
  try {
    return SpiffeId.parse(uri)
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}
