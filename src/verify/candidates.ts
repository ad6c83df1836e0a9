/**
 * Which certificates may have issued another, the most promising first.
 *
 * @module
 */

import { equalRange, latin1 } from '../internal/bytes.ts'
import { Certificate } from '../x509/certificate.ts'
import type { Name } from '../x509/name.ts'
import { IssuerIndex } from './issuer-index.ts'
import type { PathPolicy } from './path-policy.ts'
import type { SearchBudget } from './search-budget.ts'
import { bytesOf, type Issuer, layoutOf, TrustAnchor } from './trust-anchor.ts'
import { TrustStore, type TrustStoreParts } from './trust-store.ts'

/** What may have issued a certificate. */
export interface Candidate {
  readonly issuer: Issuer
  readonly isAnchor: boolean
  /** Both sides have a key identifier, and they differ: another key, or the same under another method. */
  readonly keyIdDiffers: boolean
  readonly score: number
}

/** Up to so many known certificates a list is made in less time than it is looked up. */
const FEW = 8

/** Finds candidates for one search. */
export class Candidates {
  readonly #policy: PathPolicy
  readonly #store: TrustStoreParts
  readonly #peers: readonly Certificate[]
  readonly #peerIndex: IssuerIndex
  /** Lists are kept where they are long to make: a search may come back to the same certificate often. */
  readonly #named: Map<Certificate, readonly Candidate[]> | undefined
  #spelledOtherwise: Map<Certificate, readonly Candidate[]> | undefined
  #distances: Map<Issuer, number> | undefined

  constructor(policy: PathPolicy, peers: readonly Certificate[]) {
    this.#policy = policy
    this.#store = TrustStore.partsOf(policy.store)
    this.#peers = peers
    this.#peerIndex = new IssuerIndex(peers)
    this.#named = peers.length + this.#store.intermediates.length > FEW ? new Map() : undefined
  }

  /**
   * Those whose subject is the issuer's name byte for byte, which is nearly always enough. `undefined` where the
   * budget is used up: a list costs as much as it is long, however few of it are tried.
   */
  named(subject: Certificate, budget: SearchBudget): readonly Candidate[] | undefined {
    const before = this.#named?.get(subject)
    if (before !== undefined) return before
    const { anchorIndex, intermediateIndex } = this.#store
    const anchors = anchorIndex.named(subject)
    const known = intermediateIndex.named(subject)
    const offered = this.#peerIndex.named(subject)
    if (!budget.takeComparisons(anchors.length + known.length + offered.length)) return undefined
    const sorted = this.#rateAll(subject, anchors, known, offered)
    this.#named?.set(subject, sorted)
    return sorted
  }

  /** Those whose subject is the same name in another spelling (RFC 5280 §7.1). */
  spelledOtherwise(subject: Certificate, budget: SearchBudget): readonly Candidate[] | undefined {
    const before = this.#spelledOtherwise?.get(subject)
    if (before !== undefined) return before
    const { anchorIndex, intermediateIndex } = this.#store
    const anchors = anchorIndex.spelledOtherwise(subject)
    const known = intermediateIndex.spelledOtherwise(subject)
    const offered = this.#peerIndex.spelledOtherwise(subject)
    if (!budget.takeComparisons(anchors.length + known.length + offered.length)) return undefined
    const sorted = this.#rateAll(subject, anchors, known, offered)
    this.#spelledOtherwise ??= new Map()
    this.#spelledOtherwise.set(subject, sorted)
    return sorted
  }

  #rateAll(
    subject: Certificate,
    anchors: readonly Issuer[],
    known: readonly Issuer[],
    offered: readonly Issuer[],
  ): readonly Candidate[] {
    const found: Candidate[] = []
    for (const issuer of anchors) found.push(this.#rate(issuer, true, subject))
    for (const issuer of known) found.push(this.#rate(issuer, false, subject))
    for (const issuer of offered) found.push(this.#rate(issuer, false, subject))
    return this.#sort(found)
  }

  /** Every certificate with a subject that is no anchor's. */
  bySubject(name: Name): readonly Certificate[] {
    return [this.#store.intermediateIndex, this.#peerIndex].flatMap((index) =>
      index.withSubject(name).filter((issuer) => issuer instanceof Certificate),
    )
  }

  /** A key identifier that agrees counts most, then validity at the time of the check, then trust. */
  #rate(issuer: Issuer, isAnchor: boolean, subject: Certificate): Candidate {
    const match = keyIdMatch(issuer, subject)
    const { notBefore, notAfter } = layoutOf(issuer)
    const { time } = this.#policy
    const valid = issuer instanceof TrustAnchor || (time >= notBefore && time <= notAfter)
    return {
      issuer,
      isAnchor,
      keyIdDiffers: match < 0,
      score: match * 4 + (valid ? 2 : 0) + (isAnchor ? 1 : 0),
    }
  }

  /** Among equals the one from which fewer names lead to an anchor: rings of cross-signed CAs are left at once. */
  #sort(found: Candidate[]): readonly Candidate[] {
    if (found.length < 2) return found
    found.sort((a, b) => b.score - a.score)
    if (found[0]?.score !== found[1]?.score) return found
    this.#distances ??= this.#measure()
    const distances = this.#distances
    const distanceOf = ({ issuer }: Candidate): number => distances.get(issuer) ?? Number.MAX_SAFE_INTEGER
    return found.sort((a, b) => b.score - a.score || distanceOf(a) - distanceOf(b))
  }

  /** How many certificates stand between each CA that is valid now and an anchor, by names alone. */
  #measure(): Map<Issuer, number> {
    const below = new Map<string, Certificate[]>()
    const { time } = this.#policy
    for (const certificate of [...this.#store.intermediates, ...this.#peers]) {
      const { issuerStart, issuerEnd, notBefore, notAfter } = layoutOf(certificate)
      if (time < notBefore || time > notAfter || !certificate.isCa) continue
      const name = latin1(bytesOf(certificate), issuerStart, issuerEnd)
      const same = below.get(name)
      if (same === undefined) below.set(name, [certificate])
      else same.push(certificate)
    }
    const distances = new Map<Issuer, number>()
    let frontier: readonly Issuer[] = this.#store.anchors
    for (const anchor of frontier) distances.set(anchor, 0)
    for (let distance = 1; frontier.length > 0; distance++) {
      const next: Certificate[] = []
      for (const issuer of frontier) {
        const { subjectStart, subjectEnd } = layoutOf(issuer)
        const name = latin1(bytesOf(issuer), subjectStart, subjectEnd)
        for (const certificate of below.get(name) ?? []) {
          if (distances.has(certificate)) continue
          distances.set(certificate, distance)
          next.push(certificate)
        }
        below.delete(name)
      }
      frontier = next
    }
    return distances
  }
}

/** 1: the key identifiers agree; 0: one is missing; -1: they differ, which the same key under another method also does. */
export function keyIdMatch(issuer: Issuer, subject: Certificate): number {
  const a = layoutOf(issuer)
  const b = layoutOf(subject)
  if (a.subjectKeyIdStart === 0 || b.authorityKeyIdStart === 0) return 0
  const same = equalRange(
    bytesOf(issuer),
    a.subjectKeyIdStart,
    a.subjectKeyIdEnd,
    bytesOf(subject),
    b.authorityKeyIdStart,
    b.authorityKeyIdEnd,
  )
  return same ? 1 : -1
}
