/**
 * Google Cloud: Certificate Authority Service as an issuer, Cloud KMS as a signer.
 *
 * @module
 */

export type { IssuerFetch } from '../issuer-fetch.ts'
export type { SubjectMode } from './certificate-config.ts'
export { GoogleApiError, type GoogleApiErrorFacts } from './google-api-error.ts'
export { type GoogleCasIssuer, type GoogleCasIssuerOptions, googleCasIssuer } from './google-cas-issuer.ts'
export { type GoogleKmsSignerOptions, googleKmsSigner } from './google-kms-signer.ts'
