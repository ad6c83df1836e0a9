/**
 * `mesh-pki/ca`: root CAs, intermediates and workload certificates.
 *
 * @module
 */

export type {
  CertificateAuthorityOptions,
  IssuedCertificate,
  IssueIntermediateOptions,
  IssueWorkloadOptions,
} from './authority-options.ts'
export { CertificateAuthority } from './certificate-authority.ts'
export { type CreateRootCaOptions, createRootCa } from './create-root-ca.ts'
export type { KeyIdentifierMethod } from './key-identifier.ts'
export type { NameConstraintsInput } from './name-constraints-input.ts'
export type { ProfileName } from './profile.ts'
