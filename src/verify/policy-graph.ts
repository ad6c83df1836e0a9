/**
 * Certificate policies of a path (RFC 5280 §6.1.2 to §6.1.5).
 *
 * The standard describes a tree, which grows exponentially with crafted certificates (CVE-2023-0464). Nodes of
 * one level with the same policy are one node here: what can be asked of the tree can be asked of this graph,
 * whose size is that of the extensions.
 *
 * @module
 */

import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import type { Oid } from '../x509/extensions/extended-key-usage.ts'
import { type Finding, finding, overBudget } from './finding.ts'
import { isExempt } from './path-length.ts'
import type { InitialPolicies } from './path-policy.ts'
import type { SearchBudget } from './search-budget.ts'

/** anyPolicy (RFC 5280 §4.2.1.4). */
const ANY_POLICY: Oid = '2.5.29.32.0'

/** The policies of one level. A node is its policy and the policies above that it stands for; `undefined` for anyPolicy's. */
interface Level {
  readonly nodes: Map<Oid, Set<Oid | undefined>>
  /** Whether anyPolicy is valid: then every policy is. */
  hasAny: boolean
}

/**
 * The policies that are valid for a path, in the anchor's domain; or why it is refused.
 *
 * `path` is leaf first, without the anchor. An anchor that is a certificate counts as RFC 5937 describes: its
 * policies narrow those that the caller accepts, its constraints count from the first certificate below it.
 */
export function checkPolicies(
  path: readonly Certificate[],
  anchor: Certificate | undefined,
  policies: InitialPolicies,
  budget: SearchBudget,
): readonly Oid[] | Finding {
  if (!mayMatter(path, anchor, policies)) return []
  const state = new PolicyState(path, anchor, policies)
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const certificate = path[depth]
    if (certificate === undefined) break
    const broken = state.process(certificate, depth, budget)
    if (broken !== undefined) return broken
  }
  return state.finish()
}

const has = (certificate: Certificate | undefined, arc: number): boolean =>
  certificate !== undefined && (Certificate.layoutOf(certificate).presentHigh & (1 << (arc - 32))) !== 0

/** Whether policies can refuse the path or be valid for it. Most certificates of a mesh have none. */
function mayMatter(
  path: readonly Certificate[],
  anchor: Certificate | undefined,
  { requireExplicit }: InitialPolicies,
): boolean {
  const constrains = (certificate: Certificate | undefined): boolean =>
    has(certificate, ExtensionArc.policyConstraints) || has(certificate, ExtensionArc.policyMappings)
  return (
    requireExplicit ||
    constrains(anchor) ||
    path.some(constrains) ||
    path.every((certificate) => has(certificate, ExtensionArc.certificatePolicies))
  )
}

/** The state variables of RFC 5280 §6.1.2, without those of other checks. */
class PolicyState {
  readonly #path: readonly Certificate[]
  /** `undefined` for any. */
  readonly #initial: ReadonlySet<Oid> | undefined
  /** Who asked first for an explicit policy, for the message. */
  #explicitBy: string
  #explicitPolicy: number
  #policyMapping: number
  #inhibitAny: number
  /** Empty levels are the standard's NULL tree. */
  readonly #levels: Level[] = [{ nodes: new Map(), hasAny: true }]

  constructor(path: readonly Certificate[], anchor: Certificate | undefined, policies: InitialPolicies) {
    const all = path.length + 1
    this.#path = path
    this.#explicitPolicy = policies.requireExplicit ? 0 : all
    this.#policyMapping = policies.inhibitMapping ? 0 : all
    this.#inhibitAny = policies.inhibitAny ? 0 : all
    this.#explicitBy = 'the option "policies.requireExplicit"'
    if (anchor !== undefined) this.#constrain(anchor)
    this.#initial = narrowed(policies.initial, anchor)
  }

  /** §6.1.3 (d) to (f), and §6.1.4 or §6.1.5 (a) and (b). */
  process(certificate: Certificate, depth: number, budget: SearchBudget): Finding | undefined {
    const level = this.#levels[this.#levels.length - 1]
    if (level === undefined) return undefined
    const own = certificate.certificatePolicies
    const mappings = depth === 0 ? undefined : certificate.policyMappings
    const work = (own?.length ?? 0) + (mappings?.length ?? 0) + level.nodes.size
    if (!budget.takeComparisons(work))
      return overBudget(budget.comparisonsExceeded, certificate, depth, this.#path)
    const selfIssued = isExempt(certificate)
    if (own === undefined) clear(level)
    else {
      const anyCounts = this.#inhibitAny > 0 || (depth > 0 && selfIssued)
      keepAsserted(level, new Set(own.map(({ policy }) => policy)), anyCounts)
    }
    if (this.#explicitPolicy === 0 && isNull(level)) return this.#noPolicy(certificate, depth)
    if (depth === 0) {
      if (this.#explicitPolicy > 0) this.#explicitPolicy--
      if (certificate.policyConstraints?.requireExplicitPolicy === 0) this.#requireExplicit(0, certificate)
      return undefined
    }
    for (const { issuerDomainPolicy, subjectDomainPolicy } of mappings ?? []) {
      if (issuerDomainPolicy === ANY_POLICY || subjectDomainPolicy === ANY_POLICY)
        return finding('ERR_PATH_POLICY', certificate, depth, this.#path, () => ({
          problem: 'its policy mappings map from or to anyPolicy',
          clause: 'RFC 5280 §6.1.4 (a)',
          remedy: 'Have it issued again with mappings between named policies',
        }))
    }
    this.#levels.push(mapped(level, mappings ?? [], this.#policyMapping > 0))
    if (!selfIssued) {
      if (this.#explicitPolicy > 0) this.#explicitPolicy--
      if (this.#policyMapping > 0) this.#policyMapping--
      if (this.#inhibitAny > 0) this.#inhibitAny--
    }
    this.#constrain(certificate)
    return undefined
  }

  /** §6.1.4 (i) and (j). */
  #constrain(certificate: Certificate): void {
    const { requireExplicitPolicy, inhibitPolicyMapping } = certificate.policyConstraints ?? {}
    if (requireExplicitPolicy !== undefined) this.#requireExplicit(requireExplicitPolicy, certificate)
    if (inhibitPolicyMapping !== undefined)
      this.#policyMapping = Math.min(this.#policyMapping, inhibitPolicyMapping)
    const { inhibitAnyPolicy } = certificate
    if (inhibitAnyPolicy !== undefined) this.#inhibitAny = Math.min(this.#inhibitAny, inhibitAnyPolicy)
  }

  #requireExplicit(after: number, certificate: Certificate): void {
    if (after >= this.#explicitPolicy) return
    this.#explicitPolicy = after
    this.#explicitBy = `the policy constraints of ${certificateLabel(certificate)}`
  }

  /** §6.1.5 (g): the policies of the anchor's domain that reach the leaf, and that the caller accepts. */
  finish(): readonly Oid[] | Finding {
    const reached = this.#reached()
    const valid = this.#accepted(reached)
    const [leaf] = this.#path
    if (valid.length > 0 || this.#explicitPolicy > 0 || leaf === undefined) return valid
    return this.#noPolicy(leaf, 0, reached)
  }

  #accepted(reached: ReadonlySet<Oid>): readonly Oid[] {
    const initial = this.#initial
    if (initial === undefined) return [...reached].sort()
    if (reached.has(ANY_POLICY)) return [...initial].sort()
    return [...reached].filter((policy) => initial.has(policy)).sort()
  }

  /** Which policies of the first level have a descendant in the last. */
  #reached(): ReadonlySet<Oid> {
    const reached = new Set<Oid>()
    let wanted = new Set<Oid>()
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const level = this.#levels[i]
      if (level === undefined) break
      if (i === this.#levels.length - 1) {
        wanted = new Set(level.nodes.keys())
        if (level.hasAny) reached.add(ANY_POLICY)
      }
      const above = new Set<Oid>()
      for (const policy of wanted) {
        for (const parent of level.nodes.get(policy) ?? []) {
          if (parent === undefined) reached.add(policy)
          else above.add(parent)
        }
      }
      wanted = above
    }
    return reached
  }

  #noPolicy(certificate: Certificate, depth: number, reached?: ReadonlySet<Oid>): Finding {
    const own = certificate.certificatePolicies?.map(({ policy }) => policy) ?? []
    const wanted = this.#initial === undefined ? 'any policy' : [...this.#initial].slice(0, 8).join(', ')
    const found =
      reached !== undefined && reached.size > 0
        ? [...reached].slice(0, 8).join(', ')
        : own.length === 0
          ? 'no policies in this certificate'
          : `${own.slice(0, 8).join(', ')}, none of them valid all the way from the anchor`
    return finding('ERR_PATH_POLICY', certificate, depth, this.#path, () => ({
      problem: `no certificate policy is valid for the path, but one is asked for by ${this.#explicitBy}: expected ${wanted}, found ${found}`,
      clause: depth === 0 ? 'RFC 5280 §6.1.5 (g)' : 'RFC 5280 §6.1.3 (f)',
      expected: wanted,
      found,
      remedy: 'Every certificate below the anchor must assert the policy, or one that is mapped to it',
    }))
  }
}

/** What the anchor's own policies leave of those that the caller accepts (RFC 5937 §3.2). */
function narrowed(
  initial: ReadonlySet<Oid> | undefined,
  anchor: Certificate | undefined,
): ReadonlySet<Oid> | undefined {
  const own = anchor?.certificatePolicies?.map(({ policy }) => policy)
  if (own === undefined || own.includes(ANY_POLICY)) return initial
  return new Set(initial === undefined ? own : own.filter((policy) => initial.has(policy)))
}

const isNull = ({ nodes, hasAny }: Level): boolean => nodes.size === 0 && !hasAny

function clear(level: Level): void {
  level.nodes.clear()
  level.hasAny = false
}

/** §6.1.3 (d): what the level expects and the certificate asserts stays; anyPolicy stands for what is missing on either side. */
function keepAsserted(level: Level, asserted: ReadonlySet<Oid>, anyCounts: boolean): void {
  const any = anyCounts && asserted.has(ANY_POLICY)
  if (!any) for (const policy of level.nodes.keys()) if (!asserted.has(policy)) level.nodes.delete(policy)
  if (level.hasAny)
    for (const policy of asserted)
      if (policy !== ANY_POLICY && !level.nodes.has(policy)) level.nodes.set(policy, new Set([undefined]))
  if (!any) level.hasAny = false
}

/** §6.1.4 (b): the level below, where a policy is known by the names that the certificate maps it to. */
function mapped(
  level: Level,
  mappings: readonly { readonly issuerDomainPolicy: Oid; readonly subjectDomainPolicy: Oid }[],
  allowed: boolean,
): Level {
  const below: Level = { nodes: new Map(), hasAny: level.hasAny }
  const from = new Set(mappings.map(({ issuerDomainPolicy }) => issuerDomainPolicy))
  if (!allowed) for (const policy of from) level.nodes.delete(policy)
  else {
    for (const { issuerDomainPolicy, subjectDomainPolicy } of mappings) {
      if (!level.nodes.has(issuerDomainPolicy)) {
        if (!level.hasAny) continue
        level.nodes.set(issuerDomainPolicy, new Set([undefined]))
      }
      addParent(below, subjectDomainPolicy, issuerDomainPolicy)
    }
  }
  for (const policy of level.nodes.keys()) if (!allowed || !from.has(policy)) addParent(below, policy, policy)
  return below
}

function addParent({ nodes }: Level, policy: Oid, parent: Oid): void {
  const parents = nodes.get(policy)
  if (parents === undefined) nodes.set(policy, new Set([parent]))
  else parents.add(parent)
}
