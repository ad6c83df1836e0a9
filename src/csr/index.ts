/**
 * `mesh-pki/csr`: requests for certificates, made, read, and proven.
 *
 * @module
 */

export { type CreateCsrOptions, type CreatedCsr, createCsr } from './create-csr.ts'
export { Csr, type CsrInput } from './csr.ts'
export { type ProofOfPossessionOptions, VerifiedCsr, verifyProofOfPossession } from './proof-of-possession.ts'
