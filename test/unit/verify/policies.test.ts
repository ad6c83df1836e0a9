/**
 * Vectors made by hand from the text of RFC 5280 §6.1: each chain stands beside one that differs in what the
 * rule is about.
 */
import { describe, expect, test } from 'vitest'
import {
  ANY_POLICY,
  inhibitAny,
  mappings,
  policies,
  policyConstraints,
  policyOid,
  qualifiedPolicy,
} from '../../support/policy-extensions.ts'
import { ANY } from '../../support/policy-tree.ts'
import { type Forged, forge, forgeCa, keysOf } from './forge.ts'
import { type Ask, accepted, expectBlame, refused } from './support.ts'

type Extensions = readonly Uint8Array[]

/** One certificate; `selfIssued` for a new key of the CA above it. */
type Link = Extensions | { readonly selfIssued: Extensions }

interface Chain {
  readonly leaf: Forged
  readonly below: readonly Forged[]
  readonly ask: Ask
}

/** Root, CAs from the top, leaf. */
function chain(links: readonly Link[], root: Extensions = []): Chain {
  const top = forgeCa({ subject: 'policy root', extensions: root })
  const below: Forged[] = []
  for (const [i, link] of links.entries()) {
    const issuer = below[i - 1] ?? top
    const selfIssued = 'selfIssued' in link
    const recipe = {
      subject: selfIssued ? issuer.name : `policy ${i}`,
      keys: keysOf(`policy ${i}`),
      issuer,
      extensions: selfIssued ? link.selfIssued : link,
    }
    below.push(i === links.length - 1 ? forge(recipe) : forgeCa(recipe))
  }
  const leaf = below.at(-1) ?? top
  const intermediates = below.slice(0, -1).map(({ der }) => der)
  return { leaf, below, ask: { anchors: top.der, intermediates } }
}

const explicit = { requireExplicit: true }

/** The policies of a chain that is accepted, by their short names. */
const policiesOf = ({ leaf, ask }: Chain, options: Ask['policies']): readonly string[] =>
  accepted(leaf.der, { ...ask, policies: options }).policies

const refuse = ({ leaf, ask }: Chain, options: Ask['policies'] = {}): void => {
  refused(leaf.der, { ...ask, policies: options }, 'ERR_PATH_POLICY')
}

const oids = (...names: readonly string[]): readonly string[] => names.map(policyOid).sort()

describe('a policy is valid where every certificate asserts it (§6.1.3 (d), (e))', () => {
  const both = chain([[policies('A', 'B')], [policies('B', 'C')]])

  test('path.policies are those in common; where the caller names some, those that it accepts', () => {
    expect(policiesOf(both, explicit)).toEqual(oids('B'))
    expect(policiesOf(both, { ...explicit, initial: oids('A', 'B') })).toEqual(oids('B'))
    refuse(both, { ...explicit, initial: oids('A', 'C') })
  })

  test('without a demand for an explicit policy the same path passes with none', () => {
    expect(policiesOf(both, { initial: oids('A', 'C') })).toEqual([])
    expect(policiesOf(both, undefined)).toEqual(oids('B'))
    expect(policiesOf(chain([[policies('A')], [policies('B')]]), {})).toEqual([])
    expect(policiesOf(chain([[policies('A')], []]), {})).toEqual([])
  })

  test('one certificate without the extension is enough to have none (§6.1.3 (e))', () => {
    for (const links of [
      [[], [policies('A')]],
      [[policies('A')], []],
      [[policies('A')], [], [policies('A')]],
    ])
      refuse(chain(links), explicit)
    expect(policiesOf(chain([[policies('A')], [policies('A')], [policies('A')]]), explicit)).toEqual(
      oids('A'),
    )
  })

  test('the error names the certificate at which the last policy ended (§6.1.3 (f))', () => {
    const broken = chain([[policies('A')], [policies('B')], [policies('B')]])
    const error = refused(broken.leaf.der, { ...broken.ask, policies: explicit }, 'ERR_PATH_POLICY')
    const [, second] = broken.below
    if (second === undefined) throw new Error('a chain of three')
    expectBlame(error, second.certificate, 1)
  })
})

describe('anyPolicy (§6.1.3 (d)(2))', () => {
  test('stands for every policy that the other side names', () => {
    expect(policiesOf(chain([[policies(ANY)], [policies('A')]]), explicit)).toEqual(oids('A'))
    expect(policiesOf(chain([[policies('A')], [policies(ANY)]]), explicit)).toEqual(oids('A'))
    refuse(chain([[policies(ANY)], [policies('A')]]), { ...explicit, initial: oids('B') })
  })

  test('all the way down it is itself, or what the caller accepts (§6.1.5 (g)(iii)(3))', () => {
    const all = chain([[policies(ANY)], [policies(ANY)]])
    expect(policiesOf(all, explicit)).toEqual([ANY_POLICY])
    expect(policiesOf(all, { ...explicit, initial: oids('B', 'A') })).toEqual(oids('A', 'B'))
    // "any-policy" among the initial policies is the whole set (§6.1.1 (c)).
    expect(policiesOf(all, { ...explicit, initial: [policyOid('A'), ANY_POLICY] })).toEqual([ANY_POLICY])
  })

  test('beside a named one', () => {
    const mixed = chain([[policies('A', ANY)], [policies('A', ANY)]])
    expect(policiesOf(mixed, explicit)).toEqual([policyOid('A'), ANY_POLICY].sort())
    expect(policiesOf(mixed, { ...explicit, initial: oids('B') })).toEqual(oids('B'))
    const narrow = chain([[policies('A', ANY)], [policies('A')]])
    expect(policiesOf(narrow, explicit)).toEqual(oids('A'))
    refuse(narrow, { ...explicit, initial: oids('B') })
  })

  test('inhibited by the caller it counts for nothing (§6.1.1 (g))', () => {
    refuse(chain([[policies(ANY)], [policies('A')]]), { ...explicit, inhibitAny: true })
    refuse(chain([[policies('A')], [policies(ANY)]]), { ...explicit, inhibitAny: true })
    const named = chain([[policies('A', ANY)], [policies('A', ANY)]])
    expect(policiesOf(named, { ...explicit, inhibitAny: true })).toEqual(oids('A'))
  })

  test('but in a self-issued CA, which is not the leaf (§6.1.3 (d)(2)(b))', () => {
    const inhibited = { ...explicit, inhibitAny: true }
    const rollover = chain([[policies('A')], { selfIssued: [policies(ANY)] }, [policies('A')]])
    expect(policiesOf(rollover, inhibited)).toEqual(oids('A'))
    refuse(chain([[policies('A')], [policies(ANY)], [policies('A')]]), inhibited)
    refuse(chain([[policies('A')], { selfIssued: [policies(ANY)] }]), inhibited)
  })

  test('inhibitAnyPolicy counts CAs that are not self-issued (§6.1.4 (h), (j))', () => {
    const skip = (count: number, ...links: readonly Link[]): Chain =>
      chain([[policies('A'), inhibitAny(count)], ...links])
    refuse(skip(0, [policies(ANY)]), explicit)
    expect(policiesOf(skip(1, [policies(ANY)]), explicit)).toEqual(oids('A'))
    refuse(skip(1, [policies('A')], [policies(ANY)]), explicit)
    expect(policiesOf(skip(1, { selfIssued: [policies('A')] }, [policies(ANY)]), explicit)).toEqual(oids('A'))
    // A later certificate can only lower it.
    refuse(skip(0, [policies('A'), inhibitAny(5)], [policies(ANY)]), explicit)
  })
})

describe('requireExplicitPolicy counts down (§6.1.4 (h), (i), §6.1.5 (a), (b))', () => {
  const none: Extensions = []
  const demand = (count: number): Extensions => [policyConstraints({ explicit: count })]

  test('from 0 at once, from n after n certificates; the leaf counts too', () => {
    refuse(chain([demand(0), none]))
    // The leaf lowers 1 to 0 (§6.1.5 (a)), whereupon a policy is asked for.
    refuse(chain([demand(1), none]))
    accepted(chain([demand(2), none]).leaf.der, chain([demand(2), none]).ask)
    refuse(chain([demand(2), none, none]))
    const long = chain([demand(3), none, none])
    accepted(long.leaf.der, long.ask)
  })

  test('self-issued CAs do not count, a self-issued leaf does', () => {
    const rollover = chain([demand(2), { selfIssued: none }, none])
    accepted(rollover.leaf.der, rollover.ask)
    refuse(chain([demand(2), none, none]))
    refuse(chain([demand(1), { selfIssued: none }]))
  })

  test('a later certificate can only lower it', () => {
    refuse(chain([demand(0), demand(9), none]))
    refuse(chain([demand(9), demand(0), none]))
    const far = chain([demand(9), demand(9), none])
    accepted(far.leaf.der, far.ask)
  })

  test('in the leaf only 0 has a meaning (§6.1.5 (b))', () => {
    refuse(chain([none, demand(0)]))
    const one = chain([none, demand(1)])
    accepted(one.leaf.der, one.ask)
    expect(policiesOf(chain([[policies('A')], [policies('A'), ...demand(0)]]), {})).toEqual(oids('A'))
  })

  test('the message names who asked, the option or the certificate', () => {
    const asked = chain([demand(0), none])
    const error = refused(asked.leaf.der, asked.ask, 'ERR_PATH_POLICY')
    expect(error.message).toContain('CN=policy 0')
    const byOption = refused(
      chain([none]).leaf.der,
      { ...chain([none]).ask, policies: explicit },
      'ERR_PATH_POLICY',
    )
    expect(byOption.message).toContain('policies.requireExplicit')
  })
})

describe('mappings (§6.1.4 (a), (b))', () => {
  test("the leaf has the subject's policy, the path the anchor's", () => {
    const mapped = chain([[policies('A'), mappings('A>B')], [policies('B')]])
    expect(policiesOf(mapped, explicit)).toEqual(oids('A'))
    expect(policiesOf(mapped, { ...explicit, initial: oids('A') })).toEqual(oids('A'))
    refuse(mapped, { ...explicit, initial: oids('B') })
    // What was mapped is no longer known by its old name.
    refuse(chain([[policies('A'), mappings('A>B')], [policies('A')]]), explicit)
  })

  test('one policy to several, several to one, and through two CAs', () => {
    const fan = (leaf: string): Chain => chain([[policies('A'), mappings('A>B', 'A>C')], [policies(leaf)]])
    expect(policiesOf(fan('B'), explicit)).toEqual(oids('A'))
    expect(policiesOf(fan('C'), explicit)).toEqual(oids('A'))
    refuse(fan('D'), explicit)
    const joined = chain([[policies('A', 'B'), mappings('A>C', 'B>C')], [policies('C')]])
    expect(policiesOf(joined, explicit)).toEqual(oids('A', 'B'))
    expect(policiesOf(joined, { ...explicit, initial: oids('B') })).toEqual(oids('B'))
    const twice = chain([
      [policies('A', 'D'), mappings('A>B')],
      [policies('B', 'D'), mappings('B>C')],
      [policies('C')],
    ])
    expect(policiesOf(twice, explicit)).toEqual(oids('A'))
  })

  test('two policies that change places', () => {
    const swap = (leaf: string): Chain =>
      chain([[policies('A', 'B'), mappings('A>B', 'B>A')], [policies(leaf)]])
    expect(policiesOf(swap('A'), explicit)).toEqual(oids('B'))
    expect(policiesOf(swap('B'), explicit)).toEqual(oids('A'))
    refuse(swap('A'), { ...explicit, initial: oids('A') })
  })

  test('a policy that the CA does not assert is mapped only where it asserts anyPolicy (§6.1.4 (b)(1))', () => {
    refuse(chain([[policies('C'), mappings('A>B')], [policies('B')]]), explicit)
    const any = chain([[policies(ANY), mappings('A>B')], [policies('B')]])
    expect(policiesOf(any, { ...explicit, initial: oids('A') })).toEqual(oids('A'))
    refuse(any, { ...explicit, initial: oids('B') })
  })

  test('from or to anyPolicy the path is refused, also where no policy is asked for (§6.1.4 (a))', () => {
    for (const pair of [`${ANY}>A`, `A>${ANY}`]) {
      const bad = chain([[policies(ANY), mappings(pair)], [policies('A')]])
      refuse(bad)
      expectBlame(
        refused(bad.leaf.der, bad.ask, 'ERR_PATH_POLICY'),
        bad.below[0]?.certificate ?? bad.leaf.certificate,
        1,
      )
      // Nothing follows a leaf, so its mappings are never prepared for.
      const idle = chain([[policies('A')], [policies('A'), mappings(pair)]])
      expect(policiesOf(idle, explicit)).toEqual(oids('A'))
    }
  })

  test('inhibited, by the caller or a CA, the mapped policy ends (§6.1.4 (b)(2))', () => {
    const mapped: readonly Link[] = [[policies('A', 'C'), mappings('A>B')], [policies('B', 'C')]]
    expect(policiesOf(chain(mapped), explicit)).toEqual(oids('A', 'C'))
    expect(policiesOf(chain(mapped), { ...explicit, inhibitMapping: true })).toEqual(oids('C'))
    const same = chain([[policies('A'), mappings('A>B')], [policies('A')]])
    refuse(same, { ...explicit, inhibitMapping: true })
  })

  test('inhibitPolicyMapping counts CAs that are not self-issued (§6.1.4 (h), (i))', () => {
    const skip = (count: number, ...between: readonly Link[]): Chain =>
      chain([
        [policies('A'), policyConstraints({ mapping: count })],
        ...between,
        [policies('A'), mappings('A>B')],
        [policies('B')],
      ])
    refuse(skip(0), explicit)
    expect(policiesOf(skip(1), explicit)).toEqual(oids('A'))
    refuse(skip(1, [policies('A')]), explicit)
    expect(policiesOf(skip(1, { selfIssued: [policies('A')] }), explicit)).toEqual(oids('A'))
    refuse(skip(0, [policies('A'), policyConstraints({ mapping: 5 })]), explicit)
  })
})

describe('what the anchor says narrows what the caller accepts (RFC 5937 §3.2)', () => {
  const off: Ask['anchorChecks'] = { constraints: false }
  const path: readonly Link[] = [[policies('A', 'B')], [policies('A', 'B')]]

  const cases: readonly (readonly [string, Extensions, readonly Link[], Ask['policies']])[] = [
    ['its policies', [policies('C')], path, explicit],
    ['its policies and those of the caller', [policies('A')], path, { ...explicit, initial: oids('B') }],
    ['requireExplicitPolicy', [policyConstraints({ explicit: 0 })], [[], []], {}],
    ['requireExplicitPolicy, counting down', [policyConstraints({ explicit: 2 })], [[], []], {}],
    [
      'inhibitPolicyMapping',
      [policyConstraints({ mapping: 0 })],
      [[policies('A'), mappings('A>B')], [policies('B')]],
      explicit,
    ],
    ['inhibitAnyPolicy', [inhibitAny(0)], [[policies(ANY)], [policies('A')]], explicit],
  ]

  test.each(cases)('%s', (_title, root, links, options) => {
    const constrained = chain(links, root)
    refuse(constrained, options)
    accepted(constrained.leaf.der, { ...constrained.ask, policies: options, anchorChecks: off })
    const free = chain(links)
    accepted(free.leaf.der, { ...free.ask, policies: options })
  })

  test('what is left is the result', () => {
    expect(policiesOf(chain(path, [policies('A', 'D')]), explicit)).toEqual(oids('A'))
    expect(policiesOf(chain(path, [policies(ANY)]), explicit)).toEqual(oids('A', 'B'))
    expect(policiesOf(chain(path), explicit)).toEqual(oids('A', 'B'))
    // Without a demand the path passes, for no policy.
    expect(policiesOf(chain(path, [policies('C')]), {})).toEqual([])
  })

  test('a count that is not yet down does not refuse', () => {
    const later = chain([[], []], [policyConstraints({ explicit: 3 })])
    accepted(later.leaf.der, later.ask)
    refuse(chain([[], []], [policyConstraints({ explicit: 2 })]))
  })
})

describe('policy extensions may be critical (§4.2.1.4, §4.2.1.5, §4.2.1.11, §4.2.1.14)', () => {
  const CPS = '1.3.6.1.5.5.7.2.1'

  test('critical policies with a qualifier that is known, and one that is not', () => {
    const known = chain([[policies('A')], [qualifiedPolicy('A', CPS, true)]])
    expect(policiesOf(known, explicit)).toEqual(oids('A'))
    const unknown = chain([[policies('A')], [qualifiedPolicy('A', '1.3.6.1.4.1.99999.6', true)]])
    refused(unknown.leaf.der, unknown.ask, 'ERR_PATH_CRITICAL_EXTENSION')
    const harmless = chain([[policies('A')], [qualifiedPolicy('A', '1.3.6.1.4.1.99999.6', false)]])
    expect(policiesOf(harmless, explicit)).toEqual(oids('A'))
  })

  test('constraints count the same, critical or not', () => {
    for (const critical of [true, false]) {
      refuse(chain([[policyConstraints({ explicit: 0 }, critical)], []]))
      const passing = chain([[policyConstraints({ explicit: 5 }, critical), inhibitAny(0, critical)], []])
      accepted(passing.leaf.der, passing.ask)
      const any = [[policies(ANY), inhibitAny(0, critical)], [policies(ANY)]]
      refuse(chain(any), explicit)
    }
  })
})
