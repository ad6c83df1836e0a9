/**
 * The valid_policy_tree of RFC 5280 §6.1, word by word: real nodes, real pruning, exponential where it has to be.
 * It exists to judge the library's graph and shares nothing with it.
 */

/** anyPolicy, as the tree's callers spell it. */
export const ANY = 'any'

/** What policy processing asks of one certificate. */
export interface PlainCertificate {
  readonly selfIssued: boolean
  readonly policies?: readonly string[] | undefined
  readonly mappings?: readonly (readonly [issuerDomain: string, subjectDomain: string])[] | undefined
  readonly requireExplicit?: number | undefined
  readonly inhibitMapping?: number | undefined
  readonly inhibitAny?: number | undefined
}

/** Inputs (c), (e), (f) and (g) of §6.1.1. */
export interface PlainInputs {
  /** user-initial-policy-set; `undefined` for any-policy. An empty set is possible below a constrained anchor. */
  readonly initial: readonly string[] | undefined
  readonly explicit: boolean
  readonly inhibitMapping: boolean
  readonly inhibitAny: boolean
}

export interface PlainOutcome {
  readonly accepted: boolean
  /** Policies whose parent is anyPolicy after §6.1.5 (g): those of the anchor's domain. `any` for a leaf's anyPolicy. */
  readonly policies: readonly string[]
}

interface Node {
  readonly depth: number
  readonly policy: string
  expected: readonly string[]
  readonly parent: Node | undefined
  readonly children: Node[]
}

/** A tree, or NULL. */
interface Tree {
  root: Node | undefined
}

const REFUSED: PlainOutcome = { accepted: false, policies: [] }

/** §6.1.2 to §6.1.5 for certificates 1 to n, the anchor's subordinate first. */
export function processTree(
  certificates: readonly PlainCertificate[],
  inputs: PlainInputs,
  anchor?: PlainCertificate,
): PlainOutcome {
  const n = certificates.length
  // §6.1.2 (a), (d), (e), (f).
  const tree: Tree = {
    root: { depth: 0, policy: ANY, expected: [ANY], parent: undefined, children: [] },
  }
  // RFC 5937 §3.2: what the anchor says narrows the inputs.
  let explicitPolicy = Math.min(inputs.explicit ? 0 : n + 1, anchor?.requireExplicit ?? Number.MAX_VALUE)
  let policyMapping = Math.min(inputs.inhibitMapping ? 0 : n + 1, anchor?.inhibitMapping ?? Number.MAX_VALUE)
  let inhibitAnyPolicy = Math.min(inputs.inhibitAny ? 0 : n + 1, anchor?.inhibitAny ?? Number.MAX_VALUE)
  const initial = intersect(inputs.initial, anchor?.policies)

  for (const [index, certificate] of certificates.entries()) {
    const i = index + 1
    // §6.1.3 (d).
    if (certificate.policies !== undefined && tree.root !== undefined) {
      addPolicies(tree, i, certificate.policies)
      const anyCounts = inhibitAnyPolicy > 0 || (i < n && certificate.selfIssued)
      if (certificate.policies.includes(ANY) && anyCounts) addExpected(tree, i)
      prune(tree, i - 1)
    }
    // §6.1.3 (e).
    if (certificate.policies === undefined) tree.root = undefined
    // §6.1.3 (f).
    if (!(explicitPolicy > 0 || tree.root !== undefined)) return REFUSED
    if (i === n) break

    // §6.1.4 (a).
    const mappings = certificate.mappings ?? []
    if (mappings.some(([from, to]) => from === ANY || to === ANY)) return REFUSED
    // §6.1.4 (b).
    for (const from of new Set(mappings.map(([issuerDomain]) => issuerDomain))) {
      const to = mappings.filter(([issuerDomain]) => issuerDomain === from).map(([, subject]) => subject)
      if (policyMapping > 0) mapPolicy(tree, i, from, to)
      else {
        for (const node of nodesAt(tree, i)) if (node.policy === from) remove(tree, node)
        prune(tree, i - 1)
      }
    }
    // §6.1.4 (h).
    if (!certificate.selfIssued) {
      if (explicitPolicy !== 0) explicitPolicy -= 1
      if (policyMapping !== 0) policyMapping -= 1
      if (inhibitAnyPolicy !== 0) inhibitAnyPolicy -= 1
    }
    // §6.1.4 (i), (j).
    const { requireExplicit, inhibitMapping, inhibitAny } = certificate
    if (requireExplicit !== undefined && requireExplicit < explicitPolicy) explicitPolicy = requireExplicit
    if (inhibitMapping !== undefined && inhibitMapping < policyMapping) policyMapping = inhibitMapping
    if (inhibitAny !== undefined && inhibitAny < inhibitAnyPolicy) inhibitAnyPolicy = inhibitAny
  }

  // §6.1.5 (a), (b).
  if (explicitPolicy !== 0) explicitPolicy -= 1
  if (certificates[n - 1]?.requireExplicit === 0) explicitPolicy = 0
  // §6.1.5 (g).
  if (tree.root !== undefined && initial !== undefined) intersectTree(tree, n, initial)
  if (!(explicitPolicy > 0 || tree.root !== undefined)) return REFUSED
  return { accepted: true, policies: anchorPolicies(tree, n) }
}

/** RFC 5937 §3.2: the anchor's policies and the caller's. */
function intersect(
  initial: readonly string[] | undefined,
  anchor: readonly string[] | undefined,
): readonly string[] | undefined {
  if (anchor === undefined || anchor.includes(ANY)) return initial
  return initial === undefined ? anchor : initial.filter((policy) => anchor.includes(policy))
}

/** §6.1.3 (d)(1). */
function addPolicies(tree: Tree, depth: number, policies: readonly string[]): void {
  for (const policy of policies) {
    if (policy === ANY) continue
    const above = nodesAt(tree, depth - 1)
    const expecting = above.filter(({ expected }) => expected.includes(policy))
    // (i)
    for (const node of expecting) addChild(node, policy, [policy])
    // (ii)
    if (expecting.length === 0)
      for (const node of above) if (node.policy === ANY) addChild(node, policy, [policy])
  }
}

/** §6.1.3 (d)(2). */
function addExpected(tree: Tree, depth: number): void {
  for (const node of nodesAt(tree, depth - 1)) {
    for (const policy of node.expected)
      if (!node.children.some((child) => child.policy === policy)) addChild(node, policy, [policy])
  }
}

/** §6.1.4 (b)(1). */
function mapPolicy(tree: Tree, depth: number, from: string, to: readonly string[]): void {
  const mapped = nodesAt(tree, depth).filter(({ policy }) => policy === from)
  for (const node of mapped) node.expected = to
  if (mapped.length > 0 || !nodesAt(tree, depth).some(({ policy }) => policy === ANY)) return
  const parent = nodesAt(tree, depth - 1).find(({ policy }) => policy === ANY)
  if (parent !== undefined) addChild(parent, from, to)
}

/** §6.1.5 (g)(iii), for a user-initial-policy-set that is not any-policy. */
function intersectTree(tree: Tree, n: number, initial: readonly string[]): void {
  // 1.
  const set: Node[] = []
  for (let depth = 1; depth <= n; depth++)
    set.push(...nodesAt(tree, depth).filter(({ parent }) => parent?.policy === ANY))
  // 2.
  for (const node of set) if (node.policy !== ANY && !initial.includes(node.policy)) remove(tree, node)
  // 3.
  const any = nodesAt(tree, n).find(({ policy }) => policy === ANY)
  if (any !== undefined) {
    const parent = any.parent
    for (const policy of initial) {
      if (set.some((node) => node.policy === policy) || parent === undefined) continue
      addChild(parent, policy, [policy])
    }
    remove(tree, any)
  }
  // 4.
  prune(tree, n - 1)
}

function anchorPolicies(tree: Tree, n: number): readonly string[] {
  const found = new Set<string>()
  for (let depth = 1; depth <= n; depth++)
    for (const { policy, parent } of nodesAt(tree, depth))
      if (parent?.policy === ANY && (policy !== ANY || depth === n)) found.add(policy)
  return [...found].sort()
}

function addChild(parent: Node, policy: string, expected: readonly string[]): void {
  parent.children.push({ depth: parent.depth + 1, policy, expected, parent, children: [] })
}

function nodesAt({ root }: Tree, depth: number): readonly Node[] {
  let level = root === undefined ? [] : [root]
  for (let i = 0; i < depth; i++) level = level.flatMap(({ children }) => children)
  return level
}

/** A node goes with everything below it. */
function remove(tree: Tree, node: Node): void {
  if (node.parent === undefined) tree.root = undefined
  else node.parent.children.splice(node.parent.children.indexOf(node), 1)
}

/** "If there is a node of depth i-1 or less without any child nodes, delete that node." Again, until there is none. */
function prune(tree: Tree, depth: number): void {
  for (let level = depth; level >= 0; level--)
    for (const node of nodesAt(tree, level)) if (node.children.length === 0) remove(tree, node)
}
