/**
 * Describes certificates, requests, CRLs, chains, bundles and files.
 *
 * @module
 */

import { Csr } from '../../csr/csr.ts'
import { VerifiedCsr } from '../../csr/proof-of-possession.ts'
import { typeName } from '../../internal/options.ts'
import { BundleMap } from '../../spiffe/bundle-map.ts'
import { SpiffeBundle } from '../../spiffe/spiffe-bundle.ts'
import { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate, toCertificates } from '../../x509/certificate-input.ts'
import { CertificateList } from '../../x509/certificate-list.ts'
import { ALL_LENIENCIES } from '../../x509/certificate-walker.ts'
import { describeBundle, describeBundleMap } from './describe-bundle.ts'
import { describeCertificate } from './describe-certificate.ts'
import { describeChain } from './describe-chain.ts'
import { describeCrl } from './describe-crl.ts'
import { describeCsr } from './describe-csr.ts'
import { describeFile } from './describe-file.ts'
import { type DescribeOptions, type DescribeTerms, readDescribeOptions } from './describe-options.ts'
import { settled } from './described-text.ts'
import type {
  BundleDescription,
  BundleMapDescription,
  CertificateDescription,
  ChainDescription,
  CrlDescription,
  CsrDescription,
  Description,
  FileDescription,
} from './description.ts'

/** A certificate that was read, by this library or, by shape, by `@peculiar/x509` or Node. */
export type ReadCertificate = Exclude<CertificateInput, string | Uint8Array>

/** What `describe` takes. */
export type DescribeInput =
  | ReadCertificate
  | Csr
  | VerifiedCsr
  | CertificateList
  | readonly CertificateInput[]
  | SpiffeBundle
  | BundleMap
  | string
  | Uint8Array

/**
 * Says what something is, as a plain frozen value that JSON can hold, with its `kind`: a certificate, a request, a CRL, a chain
 * (an array, leaf first), a SPIFFE bundle or bundle map; and of a PEM text or of DER whatever it holds, in order.
 *
 * Beside what stands in it, it says what that means in a mesh: the role, SPIFFE IDs and what is wrong with them, how long it lives and
 * when it is to be renewed, what the lint finds, who signed whom (by signatures, not by names), and with `anchors` by whom it is
 * verified and why not (RFC 5280 §6.1, X509-SVID §5). `printDescription` prints it.
 *
 * Instants are ISO 8601 in UTC, identifiers and fingerprints lower-case hex, spans milliseconds. Text from outside is escaped and cut at
 * 256 characters, so compare certificates, not these texts. Lists end after 64 elements and chains after 256 certificates or
 * 512 KiB; `omitted` says how many are left out. Private keys in a text are named, and never read. Content never makes it throw where it stands in a PEM block: what
 * cannot be read is a part of kind `unreadable`.
 *
 * **Warning**: it describes, and decides nothing. `checkPath` and `checkSvid` answer whom to trust, with their own options.
 *
 * @throws `TypeError` and `RangeError` for options, and for what is none of these; `MeshPkiError` `ERR_PEM_NO_BLOCK` and `ERR_PEM_LIMIT`
 * for a text, `ERR_DER_…` and `ERR_CERTIFICATE_…` for DER and for what stands in an array.
 *
 * @example
 * ```ts
 * import { describe, printDescription } from 'mesh-pki/inspect'
 *
 * declare const chainPem: string, eastRoots: string, westRoots: string
 * const description = await describe(chainPem, { anchors: { east: eastRoots, west: westRoots } })
 * console.log(printDescription(description))
 * ```
 */
export async function describe(
  subject: ReadCertificate,
  options?: DescribeOptions,
): Promise<CertificateDescription>
export async function describe(subject: Csr | VerifiedCsr, options?: DescribeOptions): Promise<CsrDescription>
export async function describe(subject: CertificateList, options?: DescribeOptions): Promise<CrlDescription>
export async function describe(
  subject: readonly CertificateInput[],
  options?: DescribeOptions,
): Promise<ChainDescription>
export async function describe(subject: SpiffeBundle, options?: DescribeOptions): Promise<BundleDescription>
export async function describe(subject: BundleMap, options?: DescribeOptions): Promise<BundleMapDescription>
export async function describe(
  subject: string | Uint8Array,
  options?: DescribeOptions,
): Promise<FileDescription>
export async function describe(subject: DescribeInput, options?: DescribeOptions): Promise<Description>
export async function describe(subject: DescribeInput, options: DescribeOptions = {}): Promise<Description> {
  return settled(await describeAny(subject, readDescribeOptions(options)))
}

async function describeAny(subject: DescribeInput, terms: DescribeTerms): Promise<Description> {
  if (typeof subject === 'string' || subject instanceof Uint8Array) return describeFile(subject, terms)
  if (subject instanceof Certificate) return describeCertificate(subject, terms)
  if (subject instanceof Csr) return describeCsr(subject, terms)
  if (VerifiedCsr.is(subject)) return describeCsr(subject.csr, terms)
  if (subject instanceof CertificateList) return describeCrl(subject, terms)
  if (subject instanceof SpiffeBundle) return describeBundle(subject, terms)
  if (subject instanceof BundleMap) return describeBundleMap(subject, terms)
  if (isList(subject)) {
    const certificates = toCertificates(subject, 'chain', { leniency: ALL_LENIENCIES })
    if (certificates.length === 0) throw new RangeError('describe needs at least one certificate of a chain')
    return describeChain(
      certificates.map((certificate, at) => ({ certificate, position: at + 1 })),
      terms,
    )
  }
  if (typeof subject === 'object' && subject !== null && ('raw' in subject || 'rawData' in subject))
    return describeCertificate(toCertificate(subject, 'subject', { leniency: ALL_LENIENCIES }), terms)
  throw new TypeError(
    `describe takes a Certificate, a Csr, a CertificateList, an array of certificates, a SpiffeBundle, a BundleMap, PEM (string) or DER (Uint8Array); got ${typeName(subject)}`,
  )
}

function isList(subject: object): subject is readonly CertificateInput[] {
  return Array.isArray(subject)
}
