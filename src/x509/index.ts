/**
 * `mesh-pki/x509`: certificates, names, PEM and keys, read strictly.
 *
 * @module
 */

export {
  MeshPkiError,
  type MeshPkiErrorCode,
  type MeshPkiErrorData,
  type MeshPkiErrorOptions,
} from '../errors.ts'
export type { AbortSignalLike } from '../internal/abort.ts'
export type {
  CryptoKeyLike,
  CryptoKeyPairLike,
  RandomSource,
  SubtleCryptoLike,
  WebCryptoLike,
  WebJwk,
} from '../internal/web-crypto.ts'
export type { ResponseLike, WebAbortSignal, WebResponse } from '../internal/web-types.ts'
export type { SignatureAlgorithm } from './algorithm-identifier.ts'
export { Certificate, type ReadCertificateOptions } from './certificate.ts'
export type { CertificateInput } from './certificate-input.ts'
export { CertificateInventory } from './certificate-inventory.ts'
export { CertificateList, type CertificateListInput } from './certificate-list.ts'
export type { CertificateLeniency } from './certificate-walker.ts'
export { type ExportPrivateKeyOptions, exportPrivateKey } from './export-private-key.ts'
export type { Extension } from './extension-list.ts'
export type { AccessDescription } from './extensions/access-descriptions.ts'
export type {
  PolicyConstraints,
  PolicyInformation,
  PolicyMapping,
} from './extensions/certificate-policies.ts'
export type { DirectoryAttribute } from './extensions/directory-attributes.ts'
export type { DistributionPoint, DistributionPointName } from './extensions/distribution-points.ts'
export { ExtendedKeyUsage, type Oid } from './extensions/extended-key-usage.ts'
export type { IssuingDistributionPoint } from './extensions/issuing-distribution-point.ts'
export type { AuthorityKeyIdentifier } from './extensions/key-identifier.ts'
export type { KeyUsageName } from './extensions/key-usage.ts'
export type { NameConstraints } from './extensions/name-constraints.ts'
export { formatGeneralName, type GeneralName, type GeneralNameInput } from './general-name.ts'
export {
  type GeneratedKeyPair,
  type GenerateKeyPairOptions,
  generateKeyPair,
  type KeyAlgorithm,
} from './generate-key-pair.ts'
export { type ImportKeyObjectOptions, importKeyObject, type KeyObjectLike } from './import-key-object.ts'
export { type ImportPrivateKeyOptions, importPrivateKey } from './import-private-key.ts'
export { Name, type NameAttribute, type NameInput } from './name.ts'
export type { RdnInput } from './name-encoder.ts'
export { type PemBlock, readPem, writePem } from './pem.ts'
export { PrivateKey } from './private-key.ts'
export type { PssAlgorithm } from './pss-algorithm.ts'
export type { KeyKind } from './public-key-info.ts'
export type { RemoteSignerEvent, RemoteSignFunction, RemoteSignRequest } from './remote-signature.ts'
export { type RemoteSignerOptions, remoteSigner } from './remote-signer.ts'
export type { SignerInput } from './resolve-signer.ts'
export type { RevocationReason, RevokedCertificate } from './revoked-certificate.ts'
export type { Signer } from './signer.ts'
