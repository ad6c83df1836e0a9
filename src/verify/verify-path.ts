/**
 * Verification of certification paths: the public functions and what answers their signature questions.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type NodeCrypto, nodeCrypto } from '../internal/node-crypto.ts'
import { defaultWebCrypto } from '../internal/web-crypto.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import type { CertificateLeniency } from '../x509/certificate-walker.ts'
import type { Oid } from '../x509/extensions/extended-key-usage.ts'
import { readPem } from '../x509/pem.ts'
import { importNodeKey, importWebKey, type VerificationKey } from '../x509/verification-key.ts'
import { type PathPolicy, readPathPolicy, type VerifyPathOptions } from './options.ts'
import { findPath, type PathSearch, type SignatureAnswer, type SignatureQuestion } from './path-builder.ts'
import { PathError } from './path-error.ts'
import { TrustStore } from './trust-store.ts'

/** "Conforming applications MUST be able to process" both forms of dates (RFC 5280 §4.1.2.5). */
const LENIENCY: readonly CertificateLeniency[] = ['generalized-time-before-2050']

/** What the constructor below wants to see: nobody else has it. */
const VERIFIED: unique symbol = Symbol('verified')

/** A path that was verified. Only verification makes one. */
export class VerifiedPath {
  /** Leaf first, anchor last. */
  readonly certificates: readonly Certificate[]
  /** The certificate that was asked about. */
  readonly leaf: Certificate
  /** The trust anchor that the path ends in. */
  readonly anchor: Certificate
  /** The policies that are valid for the path (RFC 5280 §6.1.6). This version does not compute them: `undefined`. */
  readonly policies: readonly Oid[] | undefined
  /** How revocation was judged. `'off'` is the only way of this version. */
  readonly revocation: 'off'
  readonly #time: number

  private constructor(proof: typeof VERIFIED, certificates: readonly Certificate[], time: number) {
    const leaf = certificates[0]
    const anchor = certificates[certificates.length - 1]
    if (proof !== VERIFIED || leaf === undefined || anchor === undefined) {
      throw new TypeError('only verification makes a VerifiedPath')
    }
    this.certificates = Object.freeze([...certificates])
    this.leaf = leaf
    this.anchor = anchor
    this.policies = undefined
    this.revocation = 'off'
    this.#time = time
    Object.freeze(this)
  }

  /** The instant that was judged at. */
  get time(): Date {
    return new Date(this.#time)
  }

  /** @internal */
  static of(proof: typeof VERIFIED, certificates: readonly Certificate[], time: number): VerifiedPath {
    return new VerifiedPath(proof, certificates, time)
  }
}

/** What `checkPath` answers. */
export type CheckPathResult =
  | { readonly ok: true; readonly path: VerifiedPath }
  | { readonly ok: false; readonly error: PathError }

/**
 * Verifies that a path leads from a certificate to a trust anchor (RFC 5280 §6.1).
 *
 * Checked for every certificate: signature, validity, names, basic constraints, key usage, path length,
 * extended key usage, name constraints, critical extensions, key and algorithm strength; for the leaf, the
 * peer's name if one is given. Paths are searched with backtracking under fixed budgets.
 *
 * @throws `PathError` with the most specific reason; its `causes` hold the other dead ends. `TypeError` and
 * `RangeError` for options.
 *
 * **Warning**: revocation and certificate policies are not judged by this version. Asked for, they are
 * refused with `ERR_PATH_UNSUPPORTED`; a certificate that constrains policies is refused likewise. It does
 * not compare SPIFFE IDs: pass `name: { uri }` or look at `path.leaf`.
 *
 * @example
 * ```ts
 * import { verifyPath } from 'mesh-pki/verify'
 *
 * declare const leaf: Uint8Array, intermediates: Uint8Array[], rootsPem: string
 * const path = await verifyPath(leaf, { anchors: rootsPem, intermediates, purpose: 'serverAuth', name: { dns: 'db.example' } })
 * console.log(path.certificates.map((certificate) => String(certificate.subject)))
 * ```
 */
export async function verifyPath(leaf: CertificateInput, options: VerifyPathOptions): Promise<VerifiedPath> {
  const result = await checkPath(leaf, options)
  if (!result.ok) throw result.error
  return result.path
}

/**
 * {@link verifyPath} for callers who expect failure: it answers instead of throwing a `PathError`.
 *
 * @throws `TypeError` and `RangeError` for options.
 */
export async function checkPath(
  leaf: CertificateInput,
  options: VerifyPathOptions,
): Promise<CheckPathResult> {
  const prepared = prepare(leaf, options)
  if (prepared instanceof PathError) return { ok: false, error: prepared }
  return runPathSearch(prepared)
}

/**
 * {@link checkPath} without waiting, for callbacks that cannot. Needs synchronous cryptography: Node, Bun, Deno.
 *
 * @throws `MeshPkiError` `ERR_SYNC_UNAVAILABLE` in other runtimes; `TypeError` and `RangeError` for options.
 */
export function checkPathSync(leaf: CertificateInput, options: VerifyPathOptions): CheckPathResult {
  const node = nodeCrypto()
  if (node === undefined) {
    throw new MeshPkiError(
      'ERR_SYNC_UNAVAILABLE',
      'checkPathSync needs node:crypto, which this runtime lacks; use checkPath',
    )
  }
  const search = prepare(leaf, options)
  if (search instanceof PathError) return { ok: false, error: search }
  const keys = new KeyCache(search.policy.store)
  const steps = findPath(search)
  let step = steps.next()
  while (step.done !== true) step = steps.next(answerSync(step.value, keys, node))
  return conclude(step.value, search.policy)
}

/** Runs a search to its end, waiting where it must. */
export async function runPathSearch(search: PathSearch): Promise<CheckPathResult> {
  const node = nodeCrypto()
  const keys = new KeyCache(search.policy.store)
  const steps = findPath(search)
  let step = steps.next()
  while (step.done !== true) step = steps.next(await answer(step.value, keys, node))
  return conclude(step.value, search.policy)
}

function conclude(outcome: readonly Certificate[] | PathError, policy: PathPolicy): CheckPathResult {
  return outcome instanceof PathError
    ? { ok: false, error: outcome }
    : { ok: true, path: VerifiedPath.of(VERIFIED, outcome, policy.time) }
}

function prepare(leafInput: CertificateInput, options: VerifyPathOptions): PathSearch | PathError {
  try {
    const policy = readPathPolicy(options)
    const leaf = toCertificate(leafInput, 'leaf', { leniency: LENIENCY })
    const unreadable: MeshPkiError[] = []
    const intermediates = readIntermediates(options, unreadable)
    return { leaf, intermediates, unreadable, policy, unsignedLeaf: false }
  } catch (error) {
    if (error instanceof PathError) return error
    if (!(error instanceof MeshPkiError)) throw error
    return new PathError(
      'ERR_PATH_MALFORMED',
      error.data['option'] === undefined ? `the leaf cannot be read: ${error.message}` : error.message,
      { cause: error },
    )
  }
}

/** A peer may send anything beside its leaf: what cannot be read cannot be part of a path either. */
function readIntermediates(
  { intermediates }: VerifyPathOptions,
  unreadable: MeshPkiError[],
): readonly Certificate[] {
  const items: readonly CertificateInput[] =
    intermediates === undefined ? [] : isList(intermediates) ? intermediates : [intermediates]
  const read: Certificate[] = []
  const attempt = (reading: () => void): void => {
    try {
      reading()
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      unreadable.push(error)
    }
  }
  const readOne = (item: CertificateInput): void =>
    attempt(() => read.push(toCertificate(item, 'intermediates', { leniency: LENIENCY })))
  for (const item of items) {
    if (typeof item !== 'string') readOne(item)
    // One bad block among good ones loses itself only.
    else attempt(() => readPem(item, ['CERTIFICATE']).forEach(({ der }) => void readOne(der)))
  }
  return read.filter((certificate, i) => read.findIndex((other) => other.equals(certificate)) === i)
}

function isList(input: CertificateInput | readonly CertificateInput[]): input is readonly CertificateInput[] {
  return Array.isArray(input)
}

/** Imported keys: those of the store's own certificates outlive the call, those of a peer's do not. */
class KeyCache {
  readonly #store: TrustStore
  readonly #keys = new Map<Certificate, VerificationKey>()

  constructor(store: TrustStore) {
    this.#store = store
  }

  get(certificate: Certificate): VerificationKey | undefined {
    return TrustStore.keyOf(this.#store, certificate) ?? this.#keys.get(certificate)
  }

  keep(certificate: Certificate, key: VerificationKey): void {
    this.#keys.set(certificate, key)
    TrustStore.keepKey(this.#store, certificate, key)
  }
}

function importWithNode(issuer: Certificate, keys: KeyCache, node: NodeCrypto): VerificationKey {
  const known = keys.get(issuer)
  if (known !== undefined) return known
  const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(issuer)
  const key = importNodeKey(node, Certificate.bytesOf(issuer), publicKeyStart, publicKeyEnd)
  keys.keep(issuer, key)
  return key
}

function answerSync(
  { subject, issuer }: SignatureQuestion,
  keys: KeyCache,
  node: NodeCrypto,
): SignatureAnswer {
  try {
    const { algorithm, data, signature } = signedParts(subject)
    return importWithNode(issuer, keys, node).verifySync?.(algorithm, data, signature) ?? false
  } catch (error) {
    return asAnswer(error)
  }
}

async function answer(
  { subject, issuer }: SignatureQuestion,
  keys: KeyCache,
  node: NodeCrypto | undefined,
): Promise<SignatureAnswer> {
  try {
    const { algorithm, data, signature } = signedParts(subject)
    if (node !== undefined) return await importWithNode(issuer, keys, node).verify(algorithm, data, signature)
    let key = keys.get(issuer)
    if (key === undefined) {
      const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(issuer)
      key = await importWebKey(defaultWebCrypto(), Certificate.bytesOf(issuer), publicKeyStart, publicKeyEnd)
      keys.keep(issuer, key)
    }
    return await key.verify(algorithm, data, signature)
  } catch (error) {
    return asAnswer(error)
  }
}

/** The parts of a signed certificate, as views. */
function signedParts(certificate: Certificate): {
  readonly algorithm: NonNullable<Certificate['signatureAlgorithm']>
  readonly data: Uint8Array
  readonly signature: Uint8Array
} {
  const algorithm = certificate.signatureAlgorithm
  if (algorithm === undefined) {
    throw new MeshPkiError(
      'ERR_PATH_ALGORITHM',
      `${certificateLabel(certificate)} is signed with ${certificate.signatureAlgorithmDescription}`,
    )
  }
  const bytes = Certificate.bytesOf(certificate)
  const { tbsStart, tbsEnd, signatureStart, signatureEnd } = Certificate.layoutOf(certificate)
  return {
    algorithm,
    data: bytes.subarray(tbsStart, tbsEnd),
    signature: bytes.subarray(signatureStart, signatureEnd),
  }
}

/** A key that cannot be imported is an answer; anything else is a fault of ours or of the runtime, and is thrown. */
function asAnswer(error: unknown): SignatureAnswer {
  if (error instanceof MeshPkiError) return error
  throw error
}
