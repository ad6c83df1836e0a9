/**
 * `mesh-pki/inspect`: shows people what plain values mean.
 *
 * @module
 */

export { type DescribeInput, describe, type ReadCertificate } from './describe/describe.ts'
export type { AnchorSet, DescribeAnchors, DescribeOptions } from './describe/describe-options.ts'
export type {
  BundleDescription,
  BundleMapDescription,
  CertificateDescription,
  ChainDescription,
  ChainLink,
  CrlDescription,
  CsrDescription,
  DescribedExtension,
  DescribedKey,
  DescribedRenewal,
  DescribedRole,
  DescribedSpiffeId,
  DescribedSubject,
  DescribedValidity,
  DescribedVerdict,
  Description,
  FileDescription,
  FilePart,
  OtherBlock,
  PrivateKeyMention,
  TrustVerdict,
  UnreadableBlock,
} from './describe/description.ts'
export { printDescription } from './describe/print-description.ts'
export { parseShowCerts } from './show-certs/parse-show-certs.ts'
export type {
  ShowCerts,
  ShowCertsFinding,
  ShowCertsVerdict,
  ShownCertificate,
} from './show-certs/show-certs.ts'
export { renderTimeline, type TimelineOptions } from './timeline/render-timeline.ts'
export { renderTrust, type TrustOptions } from './trust/render-trust.ts'
