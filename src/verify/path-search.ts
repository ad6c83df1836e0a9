/**
 * Finds a path from a leaf to a trust anchor: depth first, best candidate first, with backtracking.
 *
 * It is a generator that yields the signatures to be checked, so that one search serves callers that can
 * wait and callers that cannot. Work is bounded: a search that exceeds a budget fails with its code, whatever
 * it might have found later.
 *
 * @module
 */

import { equalRange } from '../internal/bytes.ts'
import { Certificate } from '../x509/certificate.ts'
import type { Oid } from '../x509/extensions/extended-key-usage.ts'
import { type Candidate, Candidates } from './candidates.ts'
import { checkBelow, checkIssuer, checkLeaf } from './certificate-checks.ts'
import { noIssuer, refusedAlgorithm, type Surroundings, unusableKey, wrongSigner } from './dead-ends.ts'
import { closest, errorOf, type Finding, mostSpecific, onPath, overBudget } from './finding.ts'
import type { PathError } from './path-error.ts'
import type { PathPolicy } from './path-policy.ts'
import { checkPolicies } from './policy-graph.ts'
import { Revocation } from './revocation.ts'
import { isFatal, SearchBudget } from './search-budget.ts'
import { type Asking, hasSameKey, SignatureCheck } from './signature-check.ts'
import { bytesOf, type Issuer, layoutOf, subjectKeyOf, TrustAnchor } from './trust-anchor.ts'
import { TrustStore } from './trust-store.ts'

/** What a search runs on. */
export interface PathSearchInput {
  readonly leaf: Certificate
  readonly intermediates: readonly Certificate[]
  readonly unreadable?: readonly Error[]
  /** Certificates among these that verification itself read from bytes. */
  readonly readHere?: readonly Certificate[]
  readonly policy: PathPolicy
  /** The leaf's own signature is taken as good. For the dry run of a CA whose key is elsewhere; reachable from no export. */
  readonly unsignedLeaf: boolean
}

/** A path that every check passed. */
export interface FoundPath {
  readonly leaf: Certificate
  /** Leaf first; the last is signed by the anchor. */
  readonly certificates: readonly Certificate[]
  readonly anchor: Issuer
  readonly policies: readonly Oid[]
}

/** What is sought below a candidate: which anchors count, and what a finished path has to pass. */
interface Goal {
  readonly policy: PathPolicy
  /** Only this anchor counts. */
  readonly anchor?: Issuer
  readonly findings: Finding[]
}

/** Issuers that a search judges before it begins to remember how. */
const JUDGE_ANEW = 16

/** One search. */
export class PathSearch {
  readonly #input: PathSearchInput
  readonly #budget: SearchBudget
  readonly #signatures: SignatureCheck
  readonly #candidates: Candidates
  readonly #revocation: Revocation | undefined
  #judgements = 0
  #judged: Map<Certificate, Finding | undefined> | undefined

  constructor(input: PathSearchInput) {
    const { policy } = input
    this.#input = input
    this.#budget = new SearchBudget(policy.limits)
    this.#signatures = new SignatureCheck(this.#budget, TrustStore.factsOf(policy.store))
    this.#candidates = new Candidates(policy, input.intermediates)
    this.#revocation =
      policy.revocation === 'off'
        ? undefined
        : new Revocation(policy, this.#budget, this.#signatures, {
            named: (name) => this.#candidates.bySubject(name),
            validate: (signer, anchor) => this.#validateSigner(signer, anchor),
          })
  }

  /** Runs it. Answers the path, or the most specific failure. */
  *run(): Asking<FoundPath | PathError> {
    const { leaf, policy } = this.#input
    const broken = checkLeaf(leaf, policy)
    if (broken !== undefined) return errorOf(broken)
    const goal: Goal = { policy, findings: [] }
    return (yield* this.#extend(goal, [leaf])) ?? mostSpecific(goal.findings)
  }

  /** A path from whoever signed a CRL to the same anchor (RFC 5280 §6.3.3 (f)); its purpose and name do not count. */
  *#validateSigner(signer: Certificate, anchor: Issuer): Asking<Finding | undefined> {
    const { policy: asked } = this.#input
    const policy: PathPolicy = {
      ...asked,
      purpose: undefined,
      name: undefined,
      rules: new Set(),
      maxIntermediates: Number.POSITIVE_INFINITY,
      policies: { initial: undefined, requireExplicit: false, inhibitMapping: false, inhibitAny: false },
    }
    const broken = checkLeaf(signer, policy)
    if (broken !== undefined) return broken
    const goal: Goal = { policy, anchor, findings: [] }
    const found = yield* this.#extend(goal, [signer])
    return found === undefined ? closest(goal.findings) : undefined
  }

  /** Extends a path by every candidate for its last certificate's issuer. */
  *#extend(goal: Goal, path: readonly Certificate[]): Asking<FoundPath | undefined> {
    const subject = path[path.length - 1]
    if (subject === undefined) return undefined
    let tried = false
    let candidates: readonly Candidate[] | undefined = this.#candidates.named(subject, this.#budget)
    for (let i = 0, spelled = false; ; i++) {
      if (candidates === undefined) {
        goal.findings.push(overBudget(this.#budget.comparisonsExceeded, subject, path.length - 1, path))
        return undefined
      }
      if (i === candidates.length) {
        if (spelled) break
        spelled = true
        candidates = this.#candidates.spelledOtherwise(subject, this.#budget)
        i = -1
        continue
      }
      const candidate: Candidate | undefined = candidates[i]
      if (candidate === undefined || !isNew(candidate, path, goal)) continue
      tried = true
      const found = yield* this.#try(goal, path, subject, candidate)
      if (found !== undefined) return found
      const last = goal.findings[goal.findings.length - 1]
      if (last !== undefined && isFatal(last.code)) return undefined
    }
    if (!tried) goal.findings.push(noIssuer(this.#around, path, subject))
    return undefined
  }

  /** Judges one candidate, and then goes on above it or finishes. */
  *#try(
    goal: Goal,
    path: readonly Certificate[],
    subject: Certificate,
    candidate: Candidate,
  ): Asking<FoundPath | undefined> {
    const { policy, findings } = goal
    const { issuer, isAnchor } = candidate
    const depth = path.length - 1
    if (!this.#budget.takeCandidate()) {
      findings.push(overBudget(this.#budget.candidatesExceeded, subject, depth, path))
      return undefined
    }
    if (path.length + 1 > policy.limits.depth) {
      findings.push(overBudget(this.#budget.depthExceeded, subject, depth, path))
      return undefined
    }
    const broken =
      issuer instanceof TrustAnchor
        ? undefined
        : (this.#judge(issuer, path.length, isAnchor, policy) ??
          checkBelow(issuer, path, isAnchor, policy, this.#budget))
    if (broken !== undefined) {
      const stranger = yield* this.#askWhetherStranger(path, subject, candidate, broken)
      const tried = issuer instanceof TrustAnchor ? path : [...path, issuer]
      findings.push(stranger ?? onPath(broken, tried))
      return undefined
    }
    const unsigned = yield* this.#checkSignature(path, subject, candidate)
    if (unsigned !== undefined) {
      findings.push(unsigned)
      return undefined
    }
    if (isAnchor) return yield* this.#finish(goal, path, issuer)
    return issuer instanceof TrustAnchor ? undefined : yield* this.#extend(goal, [...path, issuer])
  }

  /** Judges an issuer by itself; once, where a search goes through the same ones again and again. */
  #judge(issuer: Certificate, depth: number, isAnchor: boolean, policy: PathPolicy): Finding | undefined {
    // Anchors are judged by other rules, and the path of a CRL's signer has another purpose.
    if (++this.#judgements < JUDGE_ANEW || isAnchor || policy !== this.#input.policy)
      return checkIssuer(issuer, depth, isAnchor, policy)
    this.#judged ??= new Map()
    let found = this.#judged.get(issuer)
    if (found === undefined && !this.#judged.has(issuer)) {
      found = checkIssuer(issuer, depth, isAnchor, policy)
      this.#judged.set(issuer, found)
    }
    return found === undefined || found.depth === depth ? found : { ...found, depth }
  }

  /** What only a whole path shows: policies, and then revocation, from the anchor downwards. */
  *#finish(
    { policy, findings }: Goal,
    path: readonly Certificate[],
    anchor: Issuer,
  ): Asking<FoundPath | undefined> {
    const constraining =
      anchor instanceof TrustAnchor || !policy.anchorChecks.constraints ? undefined : anchor
    const policies = checkPolicies(path, constraining, policy.policies, this.#budget)
    if ('code' in policies) {
      findings.push(policies)
      return undefined
    }
    const revoked = this.#revocation === undefined ? undefined : yield* this.#revocation.check(path, anchor)
    if (revoked !== undefined) {
      findings.push(revoked)
      return undefined
    }
    return { leaf: path[0] ?? this.#input.leaf, certificates: path, anchor, policies }
  }

  /**
   * A certificate that only bears the issuer's name is not to blame for what it breaks. Asking costs a
   * signature, so half of the budget stays for candidates that may be right; a key that we do not use cannot
   * be asked.
   */
  *#askWhetherStranger(
    path: readonly Certificate[],
    subject: Certificate,
    candidate: Candidate,
    broken: Finding,
  ): Asking<Finding | undefined> {
    if (broken.code === 'ERR_PATH_KEY' || isFatal(broken.code) || !this.#budget.hasSpareSignatures)
      return undefined
    const stranger = yield* this.#checkSignature(path, subject, candidate)
    return stranger?.code === 'ERR_PATH_BUDGET_SIGNATURES' ? undefined : stranger
  }

  *#checkSignature(
    path: readonly Certificate[],
    subject: Certificate,
    candidate: Candidate,
  ): Asking<Finding | undefined> {
    if (this.#input.unsignedLeaf && subject === this.#input.leaf) return undefined
    if (subject.signatureAlgorithm === undefined) return refusedAlgorithm(path, subject)
    const verdict = yield* this.#signatures.ask(subject, candidate.issuer)
    if (verdict === true) return undefined
    if (verdict === false) return wrongSigner(this.#around, path, subject, candidate)
    if (verdict === 'budget')
      return overBudget(this.#budget.signaturesExceeded, subject, path.length - 1, path)
    return unusableKey(path, candidate.issuer, verdict)
  }

  get #around(): Surroundings {
    const { policy, intermediates, unreadable = [] } = this.#input
    const { anchors, intermediates: known } = TrustStore.partsOf(policy.store)
    return { anchors, known, offered: intermediates, unreadable }
  }
}

/** Whether a candidate is not in the path yet, and no anchor but the one that is sought. */
function isNew({ issuer, isAnchor }: Candidate, path: readonly Certificate[], goal: Goal): boolean {
  if (isAnchor && goal.anchor !== undefined && issuer !== goal.anchor) return false
  for (const other of path) if (isSameEntity(other, issuer)) return false
  return true
}

/** Same name and key: going through it again could only go round in a circle. */
function isSameEntity(a: Certificate, b: Issuer): boolean {
  if (!hasSameKey(a, b)) return false
  const x = layoutOf(a)
  const y = layoutOf(b)
  return (
    equalRange(bytesOf(a), x.subjectStart, x.subjectEnd, bytesOf(b), y.subjectStart, y.subjectEnd) ||
    Certificate.namesOf(a).subject === subjectKeyOf(b)
  )
}
