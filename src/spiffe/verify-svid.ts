/**
 * Verification of X509-SVIDs: the public functions.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { checkOneOf, checkOptionNames, readInstant } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import type { PathLimits, RevocationMode, VerifyPathOptions } from '../verify/options.ts'
import type { PathError } from '../verify/path-error.ts'
import { readPathRules } from '../verify/path-policy.ts'
import { type CheckPathResult, checkPath, checkPathSync } from '../verify/verify-path.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'
import type { CertificateListInput } from '../x509/certificate-list.ts'
import { viewPem } from '../x509/pem.ts'
import { lookUpBundle } from './bundle-lookup.ts'
import { type BundleSource, type BundleSourceInput, readBundleSource } from './bundle-source.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import type { SpiffeId } from './spiffe-id.ts'
import { type ExpectedIdentity, readOptionalExpectation, type SpiffeMatcher } from './spiffe-matcher.ts'
import { SvidError, unexpectedIdentity } from './svid-error.ts'
import { readSvidLeaf } from './svid-leaf.ts'
import { judgeSigner } from './svid-signers.ts'
import { type VerifiedSvid, verifiedSvid } from './verified-svid.ts'

/** Options of {@link verifySvid}. */
export interface VerifySvidOptions {
  /** Where the authorities of trust domains come from. Only those of the SVID's own domain are asked. */
  readonly bundles: BundleSourceInput
  /**
   * Who it must be. Without it any identity of a known trust domain passes: decide by `svid.id` then. It may be
   * left out, and not be `undefined`: a variable that was never set must not let everybody in.
   */
  readonly expect?: ExpectedIdentity
  /** The instant to judge at. Default: now. */
  readonly time?: Date | undefined
  /**
   * Signing certificates that are SVIDs and break the rules for those (X509-SVID §3.2, §4.3): `refuse`
   * (default), or `warn` and list them in `svid.warnings`. The intermediates that Gloo Mesh issues have a
   * SPIFFE ID with a path and need `warn`. It changes nothing about who is trusted: a CA's identity counts nowhere.
   */
  readonly signers?: 'refuse' | 'warn' | undefined
  /** Certificate revocation lists, as for `verifyPath`. */
  readonly crls?: CertificateListInput | readonly CertificateListInput[] | undefined
  /** As for `verifyPath`: `require` when `crls` is given, `off` otherwise. */
  readonly revocation?: RevocationMode | undefined
  /** Bounds of the work, as for `verifyPath`. */
  readonly limits?: PathLimits | undefined
}

/** What a peer presents: its leaf first, then what it sends beside it; or one PEM text with all of them. */
export type SvidInput = CertificateInput | readonly CertificateInput[]

/** What `checkSvid` answers. */
export type CheckSvidResult =
  | { readonly ok: true; readonly svid: VerifiedSvid }
  | { readonly ok: false; readonly error: SvidError | PathError }

const OPTION_NAMES = ['bundles', 'expect', 'time', 'signers', 'crls', 'revocation', 'limits']

/**
 * Verifies an X509-SVID (X509-SVID §5) and answers whose it is.
 *
 * In this order: the leaf has exactly one URI, a SPIFFE ID with a path; it is no CA; key usage, extended key
 * usage and criticality are as the standard wants. Then the bundle of the leaf's own trust domain, and of no
 * other, is asked, and the path to one of its authorities is verified by RFC 5280 as `verifyPath` does. Then the
 * signing certificates; then whether it is who was expected. `docs/spiffe.md` states it row by row.
 *
 * @throws {@link SvidError} with the row and clause that was broken, `PathError` for the path; what the bundle
 * source throws, other than a `MeshPkiError`; `TypeError` and `RangeError` for options, `MeshPkiError`
 * `ERR_SPIFFE_ID` for an `expect` that is no SPIFFE ID.
 *
 * **Warning**: without `expect` it authenticates and does not authorise.
 *
 * @example
 * ```ts
 * import { SpiffeBundle, verifySvid } from 'mesh-pki/spiffe'
 *
 * declare const bundleJson: string, chain: Uint8Array[]
 * const bundles = SpiffeBundle.fromJson('kind2', bundleJson)
 * const svid = await verifySvid(chain, { bundles, expect: 'spiffe://kind2/ns/default/sa/web' })
 * console.log(String(svid.id), svid.validUntil)
 * ```
 */
export async function verifySvid(chain: SvidInput, options: VerifySvidOptions): Promise<VerifiedSvid> {
  const result = await checkSvid(chain, options)
  if (!result.ok) throw result.error
  return result.svid
}

/** {@link verifySvid} for callers who expect failure: it answers instead of throwing. @throws `TypeError`, `RangeError` for options. */
export async function checkSvid(chain: SvidInput, options: VerifySvidOptions): Promise<CheckSvidResult> {
  const policy = readPolicy(options)
  try {
    const asked = readPresented(chain)
    const bundle = requireAuthorities(asked, await lookUpBundle(policy.source, asked.id, asked.leaf))
    const first = conclude(
      await checkPath(asked.input, pathOptions(asked, bundle, policy)),
      asked,
      bundle,
      policy,
    )
    const again = withoutRefusedSigners(first, asked, bundle, policy)
    if (again === undefined) return first
    const second = conclude(await checkPath(asked.input, again), asked, bundle, policy)
    return second.ok ? second : first
  } catch (error) {
    return refusal(error)
  }
}

/**
 * {@link checkSvid} without waiting, for callbacks that cannot. Needs synchronous cryptography, as
 * `checkPathSync`, and a bundle source that answers at once.
 *
 * @throws `MeshPkiError` `ERR_SYNC_UNAVAILABLE` in other runtimes; `TypeError` for a source that answers later.
 */
export function checkSvidSync(chain: SvidInput, options: VerifySvidOptions): CheckSvidResult {
  const policy = readPolicy(options)
  try {
    const asked = readPresented(chain)
    const answer = lookUpBundle(policy.source, asked.id, asked.leaf)
    if (answer instanceof Promise) {
      // Nobody will wait for it: its failure must not end the process.
      answer.catch(() => {})
      throw new TypeError(
        'checkSvidSync needs a bundle source that answers at once; this one answers a promise',
      )
    }
    const bundle = requireAuthorities(asked, answer)
    const first = conclude(
      checkPathSync(asked.input, pathOptions(asked, bundle, policy)),
      asked,
      bundle,
      policy,
    )
    const again = withoutRefusedSigners(first, asked, bundle, policy)
    if (again === undefined) return first
    const second = conclude(checkPathSync(asked.input, again), asked, bundle, policy)
    return second.ok ? second : first
  } catch (error) {
    return refusal(error)
  }
}

/** A leaf that keeps the rules about leaves, and what came with it. */
interface Asked {
  readonly leaf: Certificate
  /** The same as it came: a trust store knows by its bytes what it has met before. */
  readonly input: Certificate | Uint8Array
  readonly id: SpiffeId
  readonly intermediates: readonly CertificateInput[]
}

interface SvidPolicy {
  readonly options: VerifySvidOptions
  readonly source: BundleSource
  readonly expect: SpiffeMatcher | undefined
  readonly signers: 'refuse' | 'warn'
}

function readPolicy(options: VerifySvidOptions): SvidPolicy {
  checkOptionNames(options, OPTION_NAMES, 'verification of an SVID')
  const { bundles, signers = 'refuse', time } = options
  const expect = readOptionalExpectation(options)
  if (time !== undefined) readInstant(time, 'time')
  return {
    options,
    source: readBundleSource(bundles),
    expect,
    signers: checkOneOf(signers, ['refuse', 'warn'], 'signers'),
  }
}

/**
 * The options checked without an SVID, where they are kept for later.
 *
 * @throws `TypeError`, `RangeError` as {@link verifySvid}.
 */
export function checkSvidOptions(options: VerifySvidOptions): void {
  readPolicy(options)
  const { crls, revocation, limits } = options
  readPathRules({ purpose: 'any', crls, revocation, limits })
}

function readPresented(chain: SvidInput): Asked {
  if (chain === undefined || chain === null)
    throw new TypeError('an SVID must be a certificate or an array of them, leaf first; got none')
  const items = isList(chain) ? chain : [chain]
  for (const [i, item] of items.entries())
    if (item === undefined || item === null) throw new TypeError(`chain[${i}] is no certificate; got ${item}`)
  try {
    const [first, ...rest] = items
    if (first === undefined)
      throw new SvidError('ERR_SVID_MALFORMED', {
        problem: 'the peer presented no certificate',
        requirement: 'ID-23',
        clause: 'SPIFFE-ID §3',
        remedy: 'Does the peer have an SVID, and is it asked for one?',
      })
    // The first block of a PEM text is the leaf. A private key beside it is refused: it is an incident.
    const [leaf, ...more]: readonly CertificateInput[] = isPem(first)
      ? viewPem(first, ['CERTIFICATE']).map(({ der }) => der)
      : [first]
    const certificate = toCertificate(leaf ?? '', 'chain', { leniency: ['generalized-time-before-2050'] })
    return {
      leaf: certificate,
      input: leaf instanceof Certificate ? leaf : Certificate.bytesOf(certificate),
      id: readSvidLeaf(certificate),
      intermediates: [...more, ...rest],
    }
  } catch (error) {
    if (!(error instanceof MeshPkiError) || error instanceof SvidError) throw error
    throw new SvidError('ERR_SVID_MALFORMED', {
      problem: `it cannot be read: ${error.message}`,
      requirement: 'X-17',
      clause: 'X509-SVID §5.1',
      cause: error,
    })
  }
}

/** X-26, B-06: without an authority every X509-SVID of the trust domain is refused. */
function requireAuthorities({ leaf, id: { trustDomain } }: Asked, bundle: SpiffeBundle): SpiffeBundle {
  if (SpiffeBundle.storeOf(bundle) !== undefined) return bundle
  throw new SvidError('ERR_SVID_NO_AUTHORITY', {
    problem: `the bundle of its trust domain ${quote(trustDomain.name)} has no X.509 authority, so every X509-SVID of it is refused`,
    requirement: bundle.isEmpty ? 'B-06' : 'X-26',
    clause: bundle.isEmpty ? 'SPIFFE Trust Domain and Bundle §4.1.3' : 'X509-SVID §6.2',
    expected: 'an authority with the use x509-svid',
    found: bundle.skipped.length === 0 ? 'none' : `none; ${bundle.skipped.length} elements were passed over`,
    remedy:
      bundle.skipped[0] === undefined
        ? 'The trust domain revoked everything, or does not issue X509-SVIDs; ask its operators'
        : `The first that was passed over: ${bundle.skipped[0].message}`,
    certificate: leaf,
  })
}

/** extended key usage of CAs is not looked at; that of the leaf was, by X-15. */
function pathOptions(
  { intermediates }: Asked,
  bundle: SpiffeBundle,
  { options: { time, crls, revocation, limits } }: SvidPolicy,
): VerifyPathOptions {
  return {
    store: SpiffeBundle.storeOf(bundle),
    intermediates,
    purpose: 'any',
    ekuStrictness: 'ignore-ca',
    time,
    crls,
    revocation,
    limits,
  }
}

function conclude(
  result: CheckPathResult,
  { leaf, id }: Asked,
  bundle: SpiffeBundle,
  { expect, signers }: SvidPolicy,
): CheckSvidResult {
  if (!result.ok) return result
  const { path } = result
  const refused = signers === 'refuse' ? firstRefusedSigner(path.certificates) : undefined
  if (refused !== undefined) return { ok: false, error: refused }
  if (expect !== undefined && expect.matches(id) !== true)
    return { ok: false, error: unexpectedIdentity(id, expect, leaf) }
  return { ok: true, svid: verifiedSvid({ id, path, bundle }) }
}

/**
 * Where a signing certificate broke the rules, there may be another path that avoids all that do: a CA that was
 * issued again, for instance, stands beside its old certificate for a while. Options for a second search.
 */
function withoutRefusedSigners(
  first: CheckSvidResult,
  asked: Asked,
  bundle: SpiffeBundle,
  policy: SvidPolicy,
): VerifyPathOptions | undefined {
  if (first.ok || !(first.error instanceof SvidError) || !first.error.code.startsWith('ERR_SVID_SIGNER_'))
    return undefined
  const keeps = (certificate: Certificate): boolean => judgeSigner(certificate, 1) === undefined
  const anchors = bundle.x509Authorities.filter(keeps)
  if (anchors.length === 0) return undefined
  const intermediates = asked.intermediates.flatMap((input) => readIntermediates(input)).filter(keeps)
  return { ...pathOptions(asked, bundle, policy), store: undefined, anchors, intermediates }
}

/** What cannot be read cannot be part of a path. */
function readIntermediates(input: CertificateInput): readonly Certificate[] {
  try {
    const ders = isPem(input) ? viewPem(input, ['CERTIFICATE'], 'skip').map(({ der }) => der) : [input]
    return ders.map((der) => toCertificate(der, 'chain', { leniency: ['generalized-time-before-2050'] }))
  } catch (error) {
    if (error instanceof MeshPkiError) return []
    throw error
  }
}

function firstRefusedSigner(certificates: readonly Certificate[]): SvidError | undefined {
  for (let depth = 1; depth < certificates.length; depth++) {
    const certificate = certificates[depth]
    const refused = certificate === undefined ? undefined : judgeSigner(certificate, depth)
    if (refused !== undefined) return refused
  }
  return undefined
}

function refusal(error: unknown): CheckSvidResult {
  if (error instanceof SvidError) return { ok: false, error }
  throw error
}

/** A file that was read without an encoding is PEM, too: DER never begins with a dash. */
const isPem = (input: CertificateInput): input is string | Uint8Array =>
  typeof input === 'string' || (input instanceof Uint8Array && input[0] === 0x2d)

function isList(chain: SvidInput): chain is readonly CertificateInput[] {
  return Array.isArray(chain)
}
