/**
 * Random chains with certificate policies: our verdict and our policies are those of the tree that RFC 5280
 * §6.1 describes, written from its text in test/support/policy-tree.ts.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkPolicies } from '../../src/verify/policy-graph.ts'
import { DEFAULT_LIMITS, SearchBudget } from '../../src/verify/search-budget.ts'
import { Certificate } from '../../src/x509/index.ts'
import { certificateOf, commonName, seq, tlv } from '../fixtures/x509/der.ts'
import { extensionsOf, policyOid } from '../support/policy-extensions.ts'
import {
  ANY,
  type PlainCertificate,
  type PlainInputs,
  type PlainOutcome,
  processTree,
} from '../support/policy-tree.ts'
import { type Forged, forge, forgeCa, keysOf } from '../unit/verify/forge.ts'
import { type Ask, accepted, refused } from '../unit/verify/support.ts'

const NAMES = ['A', 'B', 'C', 'D'] as const
const named = fc.constantFrom(...NAMES)
const skip = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 2 })

/** Mappings from or to anyPolicy are rare: they end a path at once. */
const mapping = fc.tuple(
  fc.oneof({ weight: 40, arbitrary: named }, { weight: 1, arbitrary: fc.constant(ANY) }),
  fc.oneof({ weight: 40, arbitrary: named }, { weight: 1, arbitrary: fc.constant(ANY) }),
)

const certificate: fc.Arbitrary<PlainCertificate> = fc.record({
  selfIssued: fc.oneof(
    { weight: 3, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  // Few have none: such a path has no policies, and there is nothing to compare.
  policies: fc.option(
    fc.uniqueArray(fc.oneof({ weight: 3, arbitrary: named }, { weight: 2, arbitrary: fc.constant(ANY) }), {
      minLength: 1,
      maxLength: 4,
    }),
    { nil: undefined, freq: 12 },
  ),
  mappings: fc.option(fc.uniqueArray(mapping, { minLength: 1, maxLength: 4, selector: String }), {
    nil: undefined,
    freq: 1,
  }),
  requireExplicit: skip,
  inhibitMapping: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 1 }),
  inhibitAny: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 1 }),
})

const inputs: fc.Arbitrary<PlainInputs> = fc.record({
  initial: fc.option(fc.uniqueArray(named, { minLength: 1, maxLength: 3 }), { nil: undefined, freq: 2 }),
  explicit: fc.boolean(),
  inhibitMapping: fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  inhibitAny: fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
})

/** The anchor's subordinate first. */
const chain = fc.array(certificate, { minLength: 1, maxLength: 5 })
const anchored = fc.option(certificate, { nil: undefined, freq: 1 })

const sorted = (policies: readonly string[]): readonly string[] => policies.map(policyOid).sort()

/** What can be asked of both. */
const outcome = ({ accepted, policies }: PlainOutcome): unknown =>
  accepted ? { accepted, policies: sorted(policies) } : { accepted }

const budget = (): SearchBudget => new SearchBudget(DEFAULT_LIMITS)

const unsigned = (plain: PlainCertificate, issuer: string, subject: string): Certificate =>
  Certificate.fromDer(
    certificateOf({
      issuer: commonName(issuer),
      subject: commonName(subject),
      ...(extensionsOf(plain).length === 0
        ? {}
        : { extensionsField: tlv(0xa3, seq(...extensionsOf(plain))) }),
    }),
  )

/** Names down a chain: a self-issued certificate has its issuer's. */
function namesOf(plains: readonly PlainCertificate[]): readonly string[] {
  const names = ['root']
  for (const [i, { selfIssued }] of plains.entries())
    names.push(selfIssued ? (names[i] ?? '') : `subject ${i + 1}`)
  return names
}

function graphOutcome(
  plains: readonly PlainCertificate[],
  { initial, explicit, inhibitMapping, inhibitAny }: PlainInputs,
  anchor: PlainCertificate | undefined,
): unknown {
  const names = namesOf(plains)
  const path = plains.map((plain, i) => unsigned(plain, names[i] ?? '', names[i + 1] ?? '')).reverse()
  const found = checkPolicies(
    path,
    anchor === undefined ? undefined : unsigned(anchor, 'root', 'root'),
    {
      initial: initial === undefined ? undefined : new Set(initial.map(policyOid)),
      requireExplicit: explicit,
      inhibitMapping,
      inhibitAny,
    },
    budget(),
  )
  return Array.isArray(found) ? { accepted: true, policies: found } : { accepted: false }
}

describe('the graph answers what the tree of RFC 5280 §6.1 answers', () => {
  test('20,000 chains', () => {
    const tally = { refused: 0, empty: 0, some: 0, any: 0 }
    fc.assert(
      fc.property(chain, inputs, anchored, (plains, given, anchor) => {
        const expected = processTree(plains, given, anchor)
        if (!expected.accepted) tally.refused++
        else if (expected.policies.length === 0) tally.empty++
        else if (expected.policies.includes(ANY)) tally.any++
        else tally.some++
        expect(graphOutcome(plains, given, anchor)).toEqual(outcome(expected))
      }),
      { numRuns: 20_000, seed: 5280 },
    )
    // None of the outcomes is rare, or the comparison would say nothing.
    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(500)
  })

  test('signed chains through the whole verifier', () => {
    const tally = { refused: 0, some: 0 }
    fc.assert(
      fc.property(chain, inputs, fc.option(anchored, { nil: undefined }), (plains, given, anchor) => {
        const expected = processTree(plains, given, anchor ?? undefined)
        const { leaf, ask } = signed(plains, given, anchor ?? undefined)
        if (expected.accepted) {
          if (expected.policies.length > 0) tally.some++
          expect(accepted(leaf, ask).policies).toEqual(sorted(expected.policies))
        } else {
          tally.refused++
          refused(leaf, ask, 'ERR_PATH_POLICY')
        }
      }),
      { numRuns: 1000, seed: 5280 },
    )
    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(50)
  })
})

/** The same chain with keys and signatures. */
function signed(
  plains: readonly PlainCertificate[],
  { initial, explicit, inhibitMapping, inhibitAny }: PlainInputs,
  anchor: PlainCertificate | undefined,
): { readonly leaf: Uint8Array; readonly ask: Ask } {
  const names = namesOf(plains)
  const keys = (i: number) => keysOf(`policies ${i}`, 'Ed25519')
  const root = forgeCa({
    subject: 'root',
    keys: keys(0),
    extensions: anchor === undefined ? [] : extensionsOf(anchor),
  })
  const links: Forged[] = [root]
  for (const [i, plain] of plains.entries()) {
    const recipe = {
      subject: names[i + 1] ?? '',
      keys: keys(i + 1),
      issuer: links[i],
      extensions: extensionsOf(plain),
    }
    links.push(i === plains.length - 1 ? forge(recipe) : forgeCa(recipe))
  }
  const below = links.slice(1).map(({ der }) => der)
  return {
    leaf: below.at(-1) ?? root.der,
    ask: {
      anchors: root.der,
      intermediates: below.slice(0, -1),
      policies: {
        initial: initial?.map(policyOid),
        requireExplicit: explicit,
        inhibitMapping,
        inhibitAny,
      },
    },
  }
}

// CVE-2023-0464: each level doubles the nodes of a tree. Ten levels of 40 policies, each mapped to each, make 40^10.
describe('a chain whose tree is exponential is judged in the size of its extensions', () => {
  const letters = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + i))
  const dense: PlainCertificate = {
    selfIssued: false,
    policies: letters,
    mappings: letters.flatMap((from) => letters.map((to) => [from, to] as const)),
  }
  const inputsOf = (initial: readonly string[] | undefined): PlainInputs => ({
    initial,
    explicit: true,
    inhibitMapping: false,
    inhibitAny: false,
  })
  const leafOf = (policy: string): PlainCertificate => ({ selfIssued: false, policies: [policy] })
  const levels = Array.from({ length: 10 }, () => dense)

  test('all of its policies reach a leaf with one of them, and none another leaf', () => {
    expect(graphOutcome([...levels, leafOf('A')], inputsOf(undefined), undefined)).toEqual({
      accepted: true,
      policies: sorted(letters),
    })
    expect(graphOutcome([...levels, leafOf('A')], inputsOf(['B']), undefined)).toEqual({
      accepted: true,
      policies: sorted(['B']),
    })
    expect(graphOutcome([...levels, leafOf('z')], inputsOf(undefined), undefined)).toEqual({
      accepted: false,
    })
    expect(graphOutcome([...levels, leafOf('A')], inputsOf(['z']), undefined)).toEqual({ accepted: false })
  })

  test('the tree itself agrees where it is small enough', () => {
    const small: PlainCertificate = {
      selfIssued: false,
      policies: ['A', 'B'],
      mappings: [
        ['A', 'A'],
        ['A', 'B'],
        ['B', 'A'],
        ['B', 'B'],
      ],
    }
    const plains = [...Array.from({ length: 8 }, () => small), leafOf('A')]
    const expected = processTree(plains, inputsOf(['B']))
    expect(expected).toEqual({ accepted: true, policies: ['B'] })
    expect(graphOutcome(plains, inputsOf(['B']), undefined)).toEqual(outcome(expected))
  })

  test('its work counts: a small budget ends it with its own code', () => {
    const plains = [...levels, leafOf('A')]
    const { leaf, ask } = signed(plains, inputsOf(undefined), undefined)
    accepted(leaf, ask)
    refused(leaf, { ...ask, limits: { comparisons: 1000 } }, 'ERR_PATH_BUDGET_COMPARISONS')
  })
})
