/**
 * The rules that X509-SVID sets for the leaf itself, before anybody asks who issued it.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { DerCursor } from '../internal/der.ts'
import { escapeText, quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { isCriticalExtension } from '../x509/extension-list.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { ExtendedKeyUsage, listsPurpose, purposeLabel } from '../x509/extensions/extended-key-usage.ts'
import { SpiffeId } from './spiffe-id.ts'
import { SvidError, type SvidErrorCode, type SvidErrorOptions } from './svid-error.ts'

type Refusal = Omit<SvidErrorOptions, 'certificate' | 'depth'>

/**
 * The identity of a leaf that keeps every rule of X509-SVID §2, §3.1, §4 and §5.2 about it.
 *
 * @throws {@link SvidError}.
 */
export function readSvidLeaf(leaf: Certificate): SpiffeId {
  const id = readIdentity(leaf)
  checkNotCa(leaf)
  checkKeyUsage(leaf)
  checkExtendedKeyUsage(leaf)
  checkNameCriticality(leaf)
  return id
}

/** X-01, X-19, X-03. The text is that of the certificate, octet by octet: nobody repairs it. */
function readIdentity(leaf: Certificate): SpiffeId {
  const uris = uriNames(leaf)
  const [uri] = uris
  if (uri === undefined || uris.length > 1)
    throw refuse(leaf, 'ERR_SVID_URI_COUNT', {
      problem: `it has ${uris.length === 0 ? 'no URI' : `${uris.length} URIs`} among its subject alternative names, so ${uris.length === 0 ? 'it has no identity' : 'nobody can say which one it is'}`,
      requirement: 'X-01',
      clause: 'X509-SVID §2',
      expected: 'exactly one URI',
      found:
        uris.length === 0
          ? 'none'
          : uris
              .slice(0, 8)
              .map((value) => quote(value))
              .join(', '),
      remedy: leaf.isCa
        ? "It is a CA's certificate: is the chain in order, leaf first?"
        : 'Have it issued with one SPIFFE ID',
    })
  const id = parseIdentity(leaf, uri)
  if (id.path === '')
    throw refuse(leaf, 'ERR_SVID_NO_PATH', {
      problem: `its identity ${quote(String(id))} has no path: that is the name of a trust domain, not of a workload`,
      requirement: 'X-03',
      clause: 'X509-SVID §3.1, §5.2',
      expected: 'a SPIFFE ID with a path',
      found: String(id),
      remedy: 'Have it issued for the workload, such as spiffe://<trust domain>/ns/<namespace>/sa/<account>',
    })
  return id
}

function parseIdentity(leaf: Certificate, uri: string): SpiffeId {
  try {
    return SpiffeId.parse(uri)
  } catch (cause) {
    if (!(cause instanceof MeshPkiError)) throw cause
    throw refuse(leaf, 'ERR_SVID_ID', {
      problem: `its URI is not a SPIFFE ID: ${cause.message}`,
      requirement: 'X-19',
      clause: 'X509-SVID §5.2',
      expected: 'a SPIFFE ID',
      found: quote(uri),
      remedy: 'Have it issued with an identity that is spelt right; verifiers must not repair it',
      data: { reason: cause.data['reason'] },
      cause,
    })
  }
}

/** The URIs among a certificate's subject alternative names, octet by octet. */
export function uriNames(certificate: Certificate): readonly string[] {
  return certificate.subjectAltNames.flatMap((name) => (name.type === 'uri' ? [name.value] : []))
}

/** X-08, X-09, X-18: a signing certificate never authenticates. */
function checkNotCa(leaf: Certificate): void {
  if (!leaf.isCa) return
  throw refuse(leaf, 'ERR_SVID_CA', {
    problem: "it is a CA's certificate, which is for validation and never authenticates anybody",
    requirement: 'X-08',
    clause: 'X509-SVID §3.2, §4.1, §5.2',
    expected: 'cA false',
    found: 'cA true',
    remedy: 'Present the certificate of the workload, not that of its issuer',
  })
}

/** X-12, X-14, X-18. */
function checkKeyUsage(leaf: Certificate): void {
  const { keyUsage } = leaf
  const refuseUsage = (requirement: string, problem: string, expected: string): SvidError =>
    refuse(leaf, 'ERR_SVID_KEY_USAGE', {
      problem,
      requirement,
      clause: 'X509-SVID §4.3',
      expected,
      found: keyUsage === undefined ? 'no key usage' : keyUsage.join(', '),
      remedy: 'Have it issued with critical key usage digitalSignature',
    })
  if (keyUsage === undefined)
    throw refuseUsage('X-12', 'it has no key usage', 'key usage, critical, with digitalSignature')
  if (!isCritical(leaf, ExtensionArc.keyUsage))
    throw refuseUsage('X-12', 'its key usage is not critical', 'critical key usage')
  if (!keyUsage.includes('digitalSignature'))
    throw refuseUsage('X-14', 'its key usage lacks digitalSignature', 'digitalSignature')
  for (const usage of ['keyCertSign', 'cRLSign'] as const)
    if (keyUsage.includes(usage))
      throw refuseUsage(
        'X-18',
        `its key usage has ${usage}, which is for signing certificates only`,
        `no ${usage}`,
      )
}

/** X-15. */
function checkExtendedKeyUsage(leaf: Certificate): void {
  const { extendedKeyUsageStart: start } = Certificate.layoutOf(leaf)
  if (start === 0) return
  const missing = (['serverAuth', 'clientAuth'] as const).filter(
    (purpose) => !listsPurpose(new DerCursor(Certificate.bytesOf(leaf), start), ExtendedKeyUsage[purpose]),
  )
  if (missing.length === 0) return
  throw refuse(leaf, 'ERR_SVID_EXTENDED_KEY_USAGE', {
    problem: `its extended key usage lacks ${missing.join(' and ')}`,
    requirement: 'X-15',
    clause: 'X509-SVID §4.4',
    expected: 'serverAuth and clientAuth, or no extended key usage',
    found: escapeText((leaf.extendedKeyUsage ?? []).slice(0, 16).map(purposeLabel).join(', ')),
    remedy: 'Have it issued for both purposes: a workload is client and server',
  })
}

/** X-04. */
function checkNameCriticality(leaf: Certificate): void {
  if (!leaf.subject.isEmpty || isCritical(leaf, ExtensionArc.subjectAltName)) return
  throw refuse(leaf, 'ERR_SVID_SAN_NOT_CRITICAL', {
    problem: 'its subject is empty, and its subject alternative names are not critical',
    requirement: 'X-04',
    clause: 'X509-SVID §3.1, RFC 5280 §4.1.2.6',
    expected: 'critical subject alternative names, or a subject',
    found: 'neither',
    remedy: 'Have it issued with critical subject alternative names',
  })
}

/** Whether an extension 2.5.29.n of a certificate is critical. */
export function isCritical(certificate: Certificate, arc: number): boolean {
  return isCriticalExtension(Certificate.layoutOf(certificate), arc)
}

function refuse(certificate: Certificate, code: SvidErrorCode, refusal: Refusal): SvidError {
  return new SvidError(code, { ...refusal, certificate })
}
