/**
 * Finds a path from a leaf to a trust anchor: depth first, best candidate first, with backtracking.
 *
 * It is a generator that yields the signatures to be checked, so that one search serves callers that can
 * wait and callers that cannot. Work is bounded by four budgets; a search that exceeds one fails with
 * `ERR_PATH_BUDGET`, whatever it might have found later.
 *
 * @module
 */

import { equalRange } from '../internal/bytes.ts'
import { escapeText, quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { readPublicKeyInfo } from '../x509/public-key-info.ts'
import { isSelfSigned } from '../x509/self-signed.ts'
import { type CheckContext, checkIssuer, checkLeaf, place } from './certificate-checks.ts'
import type { PathPolicy } from './options.ts'
import { mostSpecific, PathError } from './path-error.ts'

/** A signature to be checked: was `subject` signed by the key of `issuer`? */
export interface SignatureQuestion {
  readonly subject: Certificate
  readonly issuer: Certificate
}

/** The answer: it verifies, it does not, or an error says why it could not be checked. */
export type SignatureAnswer = boolean | Error

/** What a search runs on. */
export interface PathSearch {
  readonly leaf: Certificate
  readonly intermediates: readonly Certificate[]
  /** Why certificates beside the leaf could not be read: they are passed over, but may be what is missing. */
  readonly unreadable?: readonly Error[]
  readonly policy: PathPolicy
  /** The leaf's own signature is taken as good. For the dry run of a CA whose key is elsewhere; reachable from no export. */
  readonly unsignedLeaf: boolean
}

/** Candidates looked at in one search. The pathological cases of x509-limbo need some hundreds. */
const MAX_CANDIDATES = 4096

/** A certificate that may have issued another. */
interface Candidate {
  readonly certificate: Certificate
  readonly isAnchor: boolean
  readonly score: number
  readonly keyIdDiffers: boolean
}

/** Runs the search. Returns the path, leaf first and anchor last, or the most specific failure. */
export function* findPath(
  search: PathSearch,
): Generator<SignatureQuestion, readonly Certificate[] | PathError, SignatureAnswer> {
  const { leaf, policy } = search
  let comparisons = policy.limits.comparisons
  const context: CheckContext = {
    policy,
    comparisons: {
      take: (count) => {
        comparisons -= count
        return comparisons >= 0
      },
    },
  }
  const leafFailure = checkLeaf(leaf, context)
  if (leafFailure !== undefined) return leafFailure
  const state: SearchState = {
    search,
    context,
    failures: [],
    candidates: 0,
    weight: 0,
    known: new Map(),
    issuers: new Map(),
  }
  const path = yield* extend(state, [leaf])
  return path ?? mostSpecific(state.failures)
}

interface SearchState {
  readonly search: PathSearch
  readonly context: CheckContext
  readonly failures: PathError[]
  candidates: number
  weight: number
  /** Answers of this search: signatures met again on another branch cost nothing. */
  readonly known: Map<Certificate, Map<Certificate, SignatureAnswer>>
  /** Certificates that bear the issuer's name, by subject: names are compared once, not on every branch. */
  readonly issuers: Map<Certificate, readonly Candidate[]>
}

/** Extends a path by every candidate for its last certificate's issuer. */
function* extend(
  state: SearchState,
  path: readonly Certificate[],
): Generator<SignatureQuestion, readonly Certificate[] | undefined, SignatureAnswer> {
  const { search, failures } = state
  const subject = path[path.length - 1] ?? search.leaf
  const issuers = state.issuers.get(subject) ?? findCandidates(search, subject)
  state.issuers.set(subject, issuers)
  const candidates = issuers.filter(
    ({ certificate }) => !path.some((other) => isSameEntity(other, certificate)),
  )
  if (candidates.length === 0) failures.push(noIssuer(search, subject, path.length - 1))
  for (const candidate of candidates) {
    const { certificate, isAnchor } = candidate
    if (++state.candidates > MAX_CANDIDATES) {
      failures.push(
        budget(
          subject,
          path,
          `more than ${MAX_CANDIDATES} candidates for an issuer; are there many certificates with the same name?`,
        ),
      )
      return undefined
    }
    if (path.length + 1 > search.policy.limits.depth) {
      failures.push(
        budget(
          subject,
          path,
          `a path of more than ${search.policy.limits.depth} certificates; the option "limits.depth" sets the bound`,
        ),
      )
      return undefined
    }
    const broken = checkIssuer(certificate, path, isAnchor, state.context)
    if (broken !== undefined) {
      if (broken.code === 'ERR_PATH_BUDGET') {
        failures.push(broken)
        return undefined
      }
      // A certificate that only bears the issuer's name is not to blame. Asking costs a signature, so half
      // of the budget stays for candidates that may be right; a key that we do not use cannot be asked.
      const mayAsk = broken.code !== 'ERR_PATH_KEY' && state.weight <= search.policy.limits.signatures / 2
      const stranger = mayAsk ? yield* checkSignature(state, path, candidate) : undefined
      failures.push(stranger === undefined || stranger.code === 'ERR_PATH_BUDGET' ? broken : stranger)
      continue
    }
    const unsigned = yield* checkSignature(state, path, candidate)
    if (unsigned !== undefined) {
      failures.push(unsigned)
      if (unsigned.code === 'ERR_PATH_BUDGET') return undefined
      continue
    }
    if (isAnchor) return [...path, certificate]
    const found = yield* extend(state, [...path, certificate])
    if (found !== undefined) return found
    if (failures[failures.length - 1]?.code === 'ERR_PATH_BUDGET') return undefined
  }
  return undefined
}

/** Candidates by name (RFC 5280 §7.1), the most promising first: same key identifier, then valid now, then anchors. */
function findCandidates({ intermediates, policy }: PathSearch, subject: Certificate): readonly Candidate[] {
  const candidates: Candidate[] = []
  const consider = (certificate: Certificate, isAnchor: boolean): void => {
    if (!isNamedIssuer(certificate, subject)) return
    const match = keyIdMatch(certificate, subject)
    const { notBefore, notAfter } = Certificate.layoutOf(certificate)
    const valid = policy.time >= notBefore && policy.time <= notAfter
    candidates.push({
      certificate,
      isAnchor,
      keyIdDiffers: match < 0,
      score: match * 4 + (valid ? 2 : 0) + (isAnchor ? 1 : 0),
    })
  }
  for (const anchor of policy.store.anchors) consider(anchor, true)
  for (const intermediate of policy.store.intermediates) consider(intermediate, false)
  for (const intermediate of intermediates) consider(intermediate, false)
  return candidates.sort((a, b) => b.score - a.score)
}

function isNamedIssuer(issuer: Certificate, subject: Certificate): boolean {
  const a = Certificate.layoutOf(issuer)
  const b = Certificate.layoutOf(subject)
  const issuerBytes = Certificate.bytesOf(issuer)
  const subjectBytes = Certificate.bytesOf(subject)
  if (equalRange(issuerBytes, a.subjectStart, a.subjectEnd, subjectBytes, b.issuerStart, b.issuerEnd))
    return true
  return issuer.subject.equals(subject.issuer)
}

/** 1: the key identifiers agree; 0: one is missing; -1: they differ, which the same key under another method also does. */
function keyIdMatch(issuer: Certificate, subject: Certificate): number {
  const a = Certificate.layoutOf(issuer)
  const b = Certificate.layoutOf(subject)
  if (a.subjectKeyIdStart === 0 || b.authorityKeyIdStart === 0) return 0
  const same = equalRange(
    Certificate.bytesOf(issuer),
    a.subjectKeyIdStart,
    a.subjectKeyIdEnd,
    Certificate.bytesOf(subject),
    b.authorityKeyIdStart,
    b.authorityKeyIdEnd,
  )
  return same ? 1 : -1
}

/** Same name and key: going through it again could only go round in a circle. */
function isSameEntity(a: Certificate, b: Certificate): boolean {
  const x = Certificate.layoutOf(a)
  const y = Certificate.layoutOf(b)
  const xs = Certificate.bytesOf(a)
  const ys = Certificate.bytesOf(b)
  return (
    equalRange(xs, x.publicKeyStart, x.publicKeyEnd, ys, y.publicKeyStart, y.publicKeyEnd) &&
    (equalRange(xs, x.subjectStart, x.subjectEnd, ys, y.subjectStart, y.subjectEnd) ||
      a.subject.equals(b.subject))
  )
}

function* checkSignature(
  state: SearchState,
  path: readonly Certificate[],
  candidate: Candidate,
): Generator<SignatureQuestion, PathError | undefined, SignatureAnswer> {
  const { search, known } = state
  const subject = path[path.length - 1] ?? search.leaf
  const depth = path.length - 1
  const issuer = candidate.certificate
  if (depth === 0 && search.unsignedLeaf) return undefined
  if (subject.signatureAlgorithm === undefined) {
    return new PathError(
      'ERR_PATH_ALGORITHM',
      `${place(depth)} ${certificateLabel(subject)}: it is signed with ${escapeText(subject.signatureAlgorithmDescription)}; accepted are ECDSA and RSA PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512, and Ed25519`,
      { certificate: subject, depth },
    )
  }
  let answers = known.get(subject)
  if (answers === undefined) {
    answers = new Map()
    known.set(subject, answers)
  }
  let answer = answers.get(issuer)
  if (answer === undefined) {
    state.weight += signatureWeight(issuer)
    if (state.weight > search.policy.limits.signatures) {
      return budget(
        subject,
        path,
        `signature checks worth more than ${search.policy.limits.signatures} P-256 verifications; the option "limits.signatures" sets the bound`,
      )
    }
    answer = yield { subject, issuer }
    answers.set(issuer, answer)
  }
  if (answer === true) return undefined
  if (answer instanceof Error) {
    return new PathError(
      'ERR_PATH_KEY',
      `${place(depth + 1)} ${certificateLabel(issuer)}: ${answer.message}`,
      { certificate: issuer, depth: depth + 1, cause: answer },
    )
  }
  if (candidate.keyIdDiffers) return otherKey(subject, issuer, depth)
  if (isRoot(subject)) return untrustedRoot(search, subject, depth)
  return new PathError(
    'ERR_PATH_SIGNATURE',
    `${place(depth)} ${certificateLabel(subject)}: its signature does not verify under the key of ${certificateLabel(issuer)}, which bears the issuer's name. It was altered, or another CA of the same name signed it (RFC 5280 §6.1.3 (a)(1))`,
    { certificate: subject, depth },
  )
}

function otherKey(subject: Certificate, issuer: Certificate, depth: number): PathError {
  return new PathError(
    'ERR_PATH_NO_ISSUER',
    `${place(depth)} ${certificateLabel(subject)}: it was signed by a key with the identifier ${subject.authorityKeyIdentifier}; ${certificateLabel(issuer)} bears the issuer's name, but its key is another (identifier ${issuer.subjectKeyIdentifier}). Two CAs share one name, or the CA changed its key; trust the CA that signed it`,
    {
      certificate: subject,
      depth,
      data: { authorityKeyIdentifier: subject.authorityKeyIdentifier, found: issuer.subjectKeyIdentifier },
    },
  )
}

/** Costs in P-256 verifications, as measured with OpenSSL 3: P-384 about 10, P-521 about 20. */
function signatureWeight(issuer: Certificate): number {
  const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(issuer)
  const { kind } = readPublicKeyInfo(Certificate.bytesOf(issuer), publicKeyStart, publicKeyEnd)
  return kind === 'P-384' ? 10 : kind === 'P-521' ? 20 : 1
}

/** Self-signed by its name and identifiers. Two empty names, as in old Gloo Mesh chains, say nothing. */
const isRoot = (certificate: Certificate): boolean =>
  isSelfSigned(certificate) && !certificate.subject.isEmpty

/** A root that came with the peer. That somebody trusted bears its name does not help. */
function untrustedRoot({ policy }: PathSearch, subject: Certificate, depth: number): PathError {
  const { anchors } = policy.store
  if (anchors.some((anchor) => anchor.equals(subject))) {
    return new PathError(
      'ERR_PATH_NO_ISSUER',
      `${place(depth)} ${certificateLabel(subject)}: it is a trust anchor itself, which vouches for others but is not accepted as a peer's certificate; issue a leaf below it (RFC 5280 §6.1)`,
      { certificate: subject, depth },
    )
  }
  return new PathError(
    'ERR_PATH_NO_ISSUER',
    `${place(depth)} ${certificateLabel(subject)}: it is a self-signed root that is not among the trust anchors, which are ${labelAll(anchors)}. Two meshes with separate roots do not trust each other: share one root, or add this one to the trust anchors (RFC 5280 §6.1)`,
    {
      certificate: subject,
      depth,
      data: {
        issuer: escapeText(String(subject.issuer)),
        anchors: anchors.slice(0, 16).map((anchor) => escapeText(String(anchor.subject))),
      },
    },
  )
}

function labelAll(certificates: readonly Certificate[]): string {
  return (
    certificates.slice(0, 4).map(certificateLabel).join(', ') +
    (certificates.length > 4 ? `, and ${certificates.length - 4} more` : '')
  )
}

function noIssuer(search: PathSearch, subject: Certificate, depth: number): PathError {
  const { intermediates, policy } = search
  if (isRoot(subject)) return untrustedRoot(search, subject, depth)
  const { anchors } = policy.store
  const offered = intermediates.length + policy.store.intermediates.length
  const [unreadable] = search.unreadable ?? []
  const passedOver =
    unreadable === undefined
      ? ''
      : ` (${search.unreadable?.length} more cannot be read; the first: ${escapeText(unreadable.message)})`
  return new PathError(
    'ERR_PATH_NO_ISSUER',
    `${place(depth)} ${certificateLabel(subject)}: nobody trusted issued it. Its issuer is ${certificateLabelOfIssuer(subject)}; the trust anchors are ${labelAll(anchors)}, and none of the ${offered} intermediates has that name${passedOver}. Add the issuer's root to the trust anchors, or send the missing intermediate (RFC 5280 §6.1)`,
    {
      certificate: subject,
      depth,
      data: {
        issuer: escapeText(String(subject.issuer)),
        anchors: anchors.slice(0, 16).map((anchor) => escapeText(String(anchor.subject))),
      },
    },
  )
}

function certificateLabelOfIssuer(subject: Certificate): string {
  return subject.issuer.isEmpty ? 'the empty name' : quote(String(subject.issuer), 160)
}

function budget(subject: Certificate, path: readonly Certificate[], problem: string): PathError {
  return new PathError(
    'ERR_PATH_BUDGET',
    `${place(path.length - 1)} ${certificateLabel(subject)}: ${problem}`,
    { certificate: subject, depth: path.length - 1 },
  )
}
