/**
 * What is used of the client of AWS Private CA, by shape: no SDK is imported.
 *
 * @module
 */

import type { WebAbortSignal } from '../../internal/web-types.ts'

/** What goes with every call; the SDK's `HttpHandlerOptions`. */
export interface AwsCallOptions {
  readonly abortSignal: WebAbortSignal
}

/** The algorithms that AWS Private CA signs by. The family must be that of the CA's key. */
export type AwsSigningAlgorithm =
  | 'SHA256WITHECDSA'
  | 'SHA384WITHECDSA'
  | 'SHA512WITHECDSA'
  | 'SHA256WITHRSA'
  | 'SHA384WITHRSA'
  | 'SHA512WITHRSA'

/** A subject, attribute by attribute in DER order. AWS allows standard attributes or these, not both. */
export interface AwsSubject {
  CustomAttributes: { ObjectIdentifier: string; Value: string }[]
}

/** A subject alternative name; one member. */
export interface AwsGeneralName {
  DnsName?: string
  Rfc822Name?: string
  UniformResourceIdentifier?: string
  IpAddress?: string
  RegisteredId?: string
  DirectoryName?: AwsSubject
}

/** What an `APIPassthrough` template takes from the call in place of the CSR. */
export interface AwsApiPassthrough {
  Subject?: AwsSubject
  Extensions?: {
    SubjectAlternativeNames?: AwsGeneralName[]
    ExtendedKeyUsage?: (
      | { ExtendedKeyUsageType: 'SERVER_AUTH' | 'CLIENT_AUTH' }
      | { ExtendedKeyUsageObjectIdentifier: string }
    )[]
    /** `Value` is base64 of the extension's value. */
    CustomExtensions?: { ObjectIdentifier: string; Value: string; Critical: boolean }[]
  }
}

/** An instant, in seconds since 1970. */
export interface AwsAbsoluteTime {
  Type: 'ABSOLUTE'
  Value: number
}

/** `IssueCertificate`, as far as it is used. */
export interface AwsIssueCertificateInput {
  CertificateAuthorityArn: string
  /** PEM, as bytes. */
  Csr: Uint8Array
  SigningAlgorithm: AwsSigningAlgorithm
  TemplateArn: string
  Validity: AwsAbsoluteTime
  ValidityNotBefore: AwsAbsoluteTime
  IdempotencyToken: string
  ApiPassthrough?: AwsApiPassthrough
}

/** `GetCertificate`. */
export interface AwsGetCertificateInput {
  CertificateAuthorityArn: string
  CertificateArn: string
}

/**
 * `new ACMPCA({ region })` of `@aws-sdk/client-acm-pca` is one. A bare `ACMPCAClient` is made one by two functions.
 *
 * @example
 * ```ts
 * import type { AwsPrivateCaClient } from 'mesh-pki/issuers/aws-private-ca'
 *
 * // import { ACMPCAClient, GetCertificateCommand, IssueCertificateCommand } from '@aws-sdk/client-acm-pca'
 * declare const bare: { send(command: object, options: object): Promise<object> }
 * declare const IssueCertificateCommand: new (input: object) => object
 * declare const GetCertificateCommand: new (input: object) => object
 * const client: AwsPrivateCaClient = {
 *   issueCertificate: (input, options) => bare.send(new IssueCertificateCommand(input), options),
 *   getCertificate: (input, options) => bare.send(new GetCertificateCommand(input), options),
 * }
 * ```
 */
export interface AwsPrivateCaClient {
  issueCertificate(
    input: AwsIssueCertificateInput,
    options: AwsCallOptions,
  ): Promise<{ readonly CertificateArn?: string | undefined }>
  getCertificate(
    input: AwsGetCertificateInput,
    options: AwsCallOptions,
  ): Promise<{ readonly Certificate?: string | undefined; readonly CertificateChain?: string | undefined }>
}
