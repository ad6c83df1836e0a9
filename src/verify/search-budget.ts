/**
 * What one verification may cost. Work beyond it is refused, since a peer chooses what there is to look at.
 *
 * @module
 */

import type { PathErrorCode } from './path-error.ts'

/** Bounds that callers may set. */
export interface BudgetLimits {
  readonly signatures: number
  readonly depth: number
  readonly comparisons: number
}

/** The bounds unless options say otherwise. */
export const DEFAULT_LIMITS: BudgetLimits = {
  // rustls-webpki's; no accepted case of x509-limbo, PKITS and BetterTLS needs more than 20.
  signatures: 100,
  // Certificates of a path, leaf and anchor included. The same suites need 7.
  depth: 12,
  // rustls-webpki's, introduced against certificates of many names under many constraints.
  comparisons: 250_000,
}

/** Candidates for an issuer that one search looks at. The pathological cases of x509-limbo need some hundreds. */
const MAX_CANDIDATES = 4096

/** Which bound was exceeded, and the words for it. */
export interface ExceededBudget {
  readonly code: Extract<PathErrorCode, `ERR_PATH_BUDGET_${string}`>
  readonly problem: string
  readonly remedy: string
}

const REMEDY = 'Look at what the peer sent; raise the bound only if that is sound'

/** Counts down. Every `take…` answers whether there was enough left. */
export class SearchBudget {
  readonly limits: BudgetLimits
  #signatures: number
  #comparisons: number
  #candidates = MAX_CANDIDATES

  constructor(limits: BudgetLimits) {
    this.limits = limits
    this.#signatures = limits.signatures
    this.#comparisons = limits.comparisons
  }

  /** Takes a signature check, weighted by what its algorithm costs. */
  takeSignature(weight: number): boolean {
    this.#signatures -= weight
    return this.#signatures >= 0
  }

  /** Whether at least half of the signatures is left: questions that only improve a message may use the first half. */
  get hasSpareSignatures(): boolean {
    return this.#signatures >= this.limits.signatures / 2
  }

  /** Takes comparisons of names, policies and scopes. */
  takeComparisons(count: number): boolean {
    this.#comparisons -= count
    return this.#comparisons >= 0
  }

  /** Takes one candidate for an issuer. */
  takeCandidate(): boolean {
    return --this.#candidates >= 0
  }

  /** What to say when signatures are used up. */
  get signaturesExceeded(): ExceededBudget {
    return {
      code: 'ERR_PATH_BUDGET_SIGNATURES',
      problem: `signature checks worth more than ${this.limits.signatures} P-256 verifications; the option "limits.signatures" sets the bound`,
      remedy: REMEDY,
    }
  }

  /** What to say when comparisons are used up. */
  get comparisonsExceeded(): ExceededBudget {
    return {
      code: 'ERR_PATH_BUDGET_COMPARISONS',
      problem: `more than ${this.limits.comparisons} comparisons with name constraints, policies and CRL scopes; the option "limits.comparisons" sets the bound`,
      remedy: REMEDY,
    }
  }

  /** What to say of a path that is too long. Other paths are still tried. */
  get depthExceeded(): ExceededBudget {
    return {
      code: 'ERR_PATH_BUDGET_DEPTH',
      problem: `a path of more than ${this.limits.depth} certificates; the option "limits.depth" sets the bound`,
      remedy: REMEDY,
    }
  }

  /** What to say when candidates are used up. */
  get candidatesExceeded(): ExceededBudget {
    return {
      code: 'ERR_PATH_BUDGET_CANDIDATES',
      problem: `more than ${MAX_CANDIDATES} candidates for an issuer; there are many certificates with the same name`,
      remedy: REMEDY,
    }
  }
}

/** Budgets that end a search at once; a path that is too long ends only itself. */
export function isFatal(code: PathErrorCode): boolean {
  return (
    code === 'ERR_PATH_BUDGET_SIGNATURES' ||
    code === 'ERR_PATH_BUDGET_CANDIDATES' ||
    code === 'ERR_PATH_BUDGET_COMPARISONS'
  )
}
