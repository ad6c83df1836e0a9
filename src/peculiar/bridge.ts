/**
 * Our values to and from those of `@peculiar/x509`.
 *
 * @module
 */

import { Csr, type CsrInput } from '../csr/csr.ts'
import { PeculiarCertificate, Pkcs10CertificateRequest } from '../internal/peculiar.ts'
import { Certificate, type ReadCertificateOptions } from '../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'

/**
 * A certificate as `@peculiar/x509` holds it, for what that library offers and this one does not.
 *
 * **Warning**: its parser is lenient and its `X509ChainBuilder` is no path validation. Go on deciding trust
 * with `mesh-pki/verify`.
 *
 * @example
 * ```ts
 * import { toPeculiarCertificate } from 'mesh-pki/peculiar'
 * import { Certificate } from 'mesh-pki/x509'
 *
 * declare const pem: string
 * console.log(toPeculiarCertificate(Certificate.fromPem(pem)).toString('text'))
 * ```
 */
export function toPeculiarCertificate(certificate: CertificateInput): PeculiarCertificate {
  return new PeculiarCertificate(new Uint8Array(toCertificate(certificate).der))
}

/** Reads a certificate of `@peculiar/x509` strictly. @throws `MeshPkiError` as `Certificate.fromDer`. */
export function fromPeculiarCertificate(
  certificate: PeculiarCertificate,
  options?: ReadCertificateOptions,
): Certificate {
  return Certificate.fromDer(new Uint8Array(certificate.rawData), options)
}

/** A request as `@peculiar/x509` holds it. */
export function toPeculiarCsr(csr: CsrInput): Pkcs10CertificateRequest {
  return new Pkcs10CertificateRequest(new Uint8Array(Csr.from(csr).der))
}

/** Reads a request of `@peculiar/x509` strictly. @throws `MeshPkiError` as `Csr.fromDer`. */
export function fromPeculiarCsr(csr: Pkcs10CertificateRequest): Csr {
  return Csr.fromDer(new Uint8Array(csr.rawData))
}
