/**
 * Verification of certification paths: the public functions.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { nodeCrypto } from '../internal/node-crypto.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'
import { type CertificateLeniency, checkCertificateSize } from '../x509/certificate-walker.ts'
import { viewPem } from '../x509/pem.ts'
import type { CertificateFacts } from './certificate-facts.ts'
import type { VerifyPathOptions } from './options.ts'
import { PathError } from './path-error.ts'
import { readPathPolicy } from './path-policy.ts'
import { type FoundPath, PathSearch, type PathSearchInput } from './path-search.ts'
import { SignatureAnswers } from './signature-answers.ts'
import { distinctCertificates, TrustStore } from './trust-store.ts'
import { type VerifiedPath, verifiedPath } from './verified-path.ts'

/** "Conforming applications MUST be able to process" both forms of dates (RFC 5280 §4.1.2.5). */
const LENIENCY: readonly CertificateLeniency[] = ['generalized-time-before-2050']

/** Unreadable certificates beside a leaf after which the rest is not read: each costs an error. */
const MAX_UNREADABLE = 1024

/** What `checkPath` answers. */
export type CheckPathResult =
  | { readonly ok: true; readonly path: VerifiedPath }
  | { readonly ok: false; readonly error: PathError }

/**
 * Verifies that a path leads from a certificate to a trust anchor (RFC 5280 §6.1).
 *
 * Checked for every certificate: signature, validity, names, basic constraints, key usage, path length,
 * extended key usage, name constraints, policies, critical extensions, key and algorithm strength; revocation
 * where CRLs are given (§6.3); for the leaf, the peer's name if one is given (RFC 9525). Paths are searched
 * with backtracking under fixed budgets. `docs/verification.md` has the whole list, in order.
 *
 * @throws `PathError` with the most specific reason; its `causes` hold the other dead ends, and `explain`
 * prints all of it. `TypeError` and `RangeError` for options.
 *
 * **Warning**: without `crls` nobody asks whether a certificate is revoked. OCSP is not asked, and nothing is
 * fetched. It does not compare SPIFFE IDs: pass `name: { uri }` or look at `path.leaf`.
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
  const answers = new SignatureAnswers(search.policy.store, node)
  const steps = new PathSearch(search).run()
  let step = steps.next()
  while (step.done !== true) step = steps.next(answers.answerSync(step.value, node))
  return conclude(step.value, search, answers)
}

/** Runs a search to its end, waiting where it must, in its turn among those of the same trust store. */
export function runPathSearch(search: PathSearchInput): Promise<CheckPathResult> {
  const { store } = search.policy
  return TrustStore.windowOf(store).run(async (isCrowded) => {
    const answers = new SignatureAnswers(store, nodeCrypto())
    const steps = new PathSearch(search).run()
    let step = steps.next()
    while (step.done !== true) {
      const answer = answers.answer(step.value, isCrowded())
      step = steps.next(answer instanceof Promise ? await answer : answer)
    }
    return conclude(step.value, search, answers)
  })
}

function conclude(
  outcome: FoundPath | PathError,
  { policy, readHere = [] }: PathSearchInput,
  answers: SignatureAnswers,
): CheckPathResult {
  if (outcome instanceof PathError) return { ok: false, error: outcome }
  answers.learn(outcome, readHere)
  return { ok: true, path: verifiedPath(outcome, policy) }
}

function prepare(leafInput: CertificateInput, options: VerifyPathOptions): PathSearchInput | PathError {
  try {
    const policy = readPathPolicy(options)
    const facts = TrustStore.factsOf(policy.store)
    const readHere: Certificate[] = []
    const leaf = readPeer(leafInput, 'leaf', facts, readHere)
    const unreadable: MeshPkiError[] = []
    const intermediates = readIntermediates(options, unreadable, facts, readHere)
    return { leaf, intermediates, unreadable, readHere, policy, unsignedLeaf: false }
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

/** A peer's certificate, the one that was read before where its bytes are the same. */
function readPeer(
  input: CertificateInput,
  option: string,
  facts: CertificateFacts,
  readHere: Certificate[],
): Certificate {
  if (input instanceof Certificate) return input
  const certificate =
    input instanceof Uint8Array
      ? (facts.recall(input) ?? readBytes(input, facts))
      : toCertificate(input, option, { leniency: LENIENCY })
  readHere.push(certificate)
  return certificate
}

function readBytes(der: Uint8Array, facts: CertificateFacts): Certificate {
  checkCertificateSize(der)
  return Certificate.overCopy(facts.copy(der), LENIENCY)
}

/** A peer may send anything beside its leaf: what cannot be read cannot be part of a path either. */
function readIntermediates(
  { intermediates }: Pick<VerifyPathOptions, 'intermediates'>,
  unreadable: MeshPkiError[],
  facts: CertificateFacts,
  readHere: Certificate[],
): readonly Certificate[] {
  if (intermediates === undefined) return []
  const items: readonly CertificateInput[] = isList(intermediates) ? intermediates : [intermediates]
  const read: Certificate[] = []
  for (const item of items) {
    if (unreadable.length === MAX_UNREADABLE) break
    try {
      if (typeof item !== 'string') read.push(readPeer(item, 'intermediates', facts, readHere))
      // One bad block among good ones loses itself only.
      else read.push(...readIntermediates({ intermediates: derOf(item) }, unreadable, facts, readHere))
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      unreadable.push(error)
    }
  }
  return distinctCertificates(read)
}

function derOf(pem: string): readonly Uint8Array[] {
  return viewPem(pem, ['CERTIFICATE'], 'skip').map(({ der }) => der)
}

function isList(input: CertificateInput | readonly CertificateInput[]): input is readonly CertificateInput[] {
  return Array.isArray(input)
}
