/**
 * AWS Private CA as an external issuer, and keys of AWS KMS as signers, over clients of the AWS SDK that are handed in.
 *
 * @module
 */

export {
  type AwsKmsClient,
  type AwsKmsSignerOptions,
  type AwsKmsSigningAlgorithm,
  awsKmsSigner,
} from './aws-kms-signer.ts'
export type {
  AwsAbsoluteTime,
  AwsApiPassthrough,
  AwsCallOptions,
  AwsGeneralName,
  AwsGetCertificateInput,
  AwsIssueCertificateInput,
  AwsPrivateCaClient,
  AwsSigningAlgorithm,
  AwsSubject,
} from './aws-private-ca-client.ts'
export { type AwsPrivateCaIssuerOptions, awsPrivateCaIssuer } from './aws-private-ca-issuer.ts'
export type { AwsRequestStore } from './request-store.ts'
