/**
 * Certificate policies under `openssl verify -policy_check`: the verdicts agree, but for the differences that
 * are listed with their reasons.
 */
import { describe, expect, test } from 'vitest'
import { checkPathSync } from '../../src/verify/index.ts'
import { opensslAvailable } from '../support/openssl.ts'
import { extensionsOf, policyOid } from '../support/policy-extensions.ts'
import { ANY, type PlainCertificate } from '../support/policy-tree.ts'
import { requirement } from '../support/require.ts'
import { aki, type Forged, forge, forgeCa, keyIdOf, keysOf, NOW, ski } from '../unit/verify/forge.ts'
import { opensslVerdict } from '../unit/verify/openssl-verdict.ts'

interface Options {
  readonly policy?: readonly string[]
  readonly explicit?: boolean
  readonly inhibitMap?: boolean
  readonly inhibitAny?: boolean
}

type Link = Partial<PlainCertificate>

/** The anchor's subordinate first; the root has no policies, since OpenSSL does not look at its. */
type Row = readonly [title: string, links: readonly Link[], options: Options, ok: boolean]

const has = (...policies: readonly string[]): Link => ({ policies })
const rollover = (...policies: readonly string[]): Link => ({ policies, selfIssued: true })
const maps = (policies: readonly string[], ...pairs: readonly (readonly [string, string])[]): Link => ({
  policies,
  mappings: pairs,
})
const explicit = { explicit: true }
const wants = (...policy: readonly string[]): Options => ({ policy, explicit: true })

const ALIKE: readonly Row[] = [
  ['no policies, none asked for', [{}, {}], {}, true],
  ['no policies, one asked for', [{}, {}], explicit, false],
  ['the same policy all the way', [has('A'), has('A')], explicit, true],
  ['two different policies', [has('A'), has('B')], explicit, false],
  ['two different policies, none asked for', [has('A'), has('B')], {}, true],
  ['a CA without policies', [has('A'), {}, has('A')], explicit, false],
  ['a policy that the caller accepts', [has('A', 'B'), has('B')], wants('B'), true],
  ['policies that the caller does not accept', [has('A', 'B'), has('B')], wants('A'), false],
  ['one of two that the caller accepts', [has('B'), has('B')], wants('A', 'B'), true],
  ['anyPolicy above', [has(ANY), has('A')], wants('A'), true],
  ['anyPolicy above, another below', [has(ANY), has('A')], wants('B'), false],
  ['anyPolicy below', [has('A'), has(ANY)], wants('A'), true],
  ['anyPolicy below, another above', [has('A'), has(ANY)], wants('B'), false],
  ['anyPolicy all the way', [has(ANY), has(ANY)], wants('A'), true],
  ['anyPolicy inhibited', [has(ANY), has('A')], { ...wants('A'), inhibitAny: true }, false],
  ['named beside anyPolicy inhibited', [has('A', ANY), has('A')], { ...wants('A'), inhibitAny: true }, true],
  [
    'anyPolicy of a self-issued CA, inhibited',
    [has('A'), rollover(ANY), has('A')],
    { ...explicit, inhibitAny: true },
    true,
  ],
  [
    'anyPolicy of another CA, inhibited',
    [has('A'), has(ANY), has('A')],
    { ...explicit, inhibitAny: true },
    false,
  ],
  ['inhibitAnyPolicy 0', [{ ...has('A'), inhibitAny: 0 }, has(ANY)], explicit, false],
  ['inhibitAnyPolicy 1', [{ ...has('A'), inhibitAny: 1 }, has(ANY)], explicit, true],
  ['inhibitAnyPolicy 1, one later', [{ ...has('A'), inhibitAny: 1 }, has('A'), has(ANY)], explicit, false],
  ['requireExplicitPolicy 0', [{ requireExplicit: 0 }, {}], {}, false],
  ['requireExplicitPolicy 0, with a policy', [{ ...has('A'), requireExplicit: 0 }, has('A')], {}, true],
  ['requireExplicitPolicy 1', [{ requireExplicit: 1 }, {}], {}, false],
  ['requireExplicitPolicy 2', [{ requireExplicit: 2 }, {}], {}, true],
  ['requireExplicitPolicy 2, a CA more', [{ requireExplicit: 2 }, {}, {}], {}, false],
  [
    'requireExplicitPolicy 2, a self-issued CA more',
    [{ requireExplicit: 2 }, { selfIssued: true }, {}],
    {},
    true,
  ],
  ['requireExplicitPolicy 0 in the leaf', [{}, { requireExplicit: 0 }], {}, false],
  ['requireExplicitPolicy 1 in the leaf', [{}, { requireExplicit: 1 }], {}, true],
  ['a mapping', [maps(['A'], ['A', 'B']), has('B')], wants('A'), true],
  ['a mapping, the new name in the caller’s set', [maps(['A'], ['A', 'B']), has('B')], wants('B'), false],
  ['a mapping, the old name in the leaf', [maps(['A'], ['A', 'B']), has('A')], explicit, false],
  ['a mapping to two', [maps(['A'], ['A', 'B'], ['A', 'C']), has('C')], wants('A'), true],
  ['two mapped to one', [maps(['A', 'B'], ['A', 'C'], ['B', 'C']), has('C')], wants('B'), true],
  ['mapped twice', [maps(['A'], ['A', 'B']), maps(['B'], ['B', 'C']), has('C')], wants('A'), true],
  ['a mapping of what only anyPolicy covers', [maps([ANY], ['A', 'B']), has('B')], wants('A'), true],
  ['a mapping of what the CA has not', [maps(['C'], ['A', 'B']), has('B')], explicit, false],
  [
    'mapping inhibited by the caller',
    [maps(['A'], ['A', 'B']), has('B')],
    { ...explicit, inhibitMap: true },
    false,
  ],
  [
    'inhibitPolicyMapping 0',
    [{ ...has('A'), inhibitMapping: 0 }, maps(['A'], ['A', 'B']), has('B')],
    explicit,
    false,
  ],
  [
    'inhibitPolicyMapping 1',
    [{ ...has('A'), inhibitMapping: 1 }, maps(['A'], ['A', 'B']), has('B')],
    explicit,
    true,
  ],
  [
    'inhibitPolicyMapping 1, a self-issued CA between',
    [{ ...has('A'), inhibitMapping: 1 }, rollover('A'), maps(['A'], ['A', 'B']), has('B')],
    explicit,
    true,
  ],
  [
    'inhibitPolicyMapping 1, another CA between',
    [{ ...has('A'), inhibitMapping: 1 }, has('A'), maps(['A'], ['A', 'B']), has('B')],
    explicit,
    false,
  ],
  ['a mapping from anyPolicy', [maps([ANY], [ANY, 'A']), has('A')], explicit, false],
  ['a mapping to anyPolicy', [maps(['A'], ['A', ANY]), has('A')], explicit, false],
]

interface Verdicts {
  readonly ours: boolean
  readonly theirs: boolean
  readonly text: string
}

/** Both verdicts on the same chain. */
async function judge(links: readonly Link[], options: Options, anchor: Link = {}): Promise<Verdicts> {
  const keys = keysOf('policy root')
  const root = forgeCa({
    subject: 'policy root',
    keys,
    extensions: [ski(keyIdOf(keys)), ...extensionsOf({ selfIssued: true, ...anchor })],
  })
  const below: Forged[] = []
  for (const [i, link] of links.entries()) {
    const plain: PlainCertificate = { selfIssued: false, ...link }
    const issuer = below[i - 1] ?? root
    const keys = keysOf(`policy ${i}`)
    // OpenSSL takes the first of several CAs with one name, unless key identifiers tell them apart.
    const identifiers = [ski(keyIdOf(keys)), aki(issuer.keyId)]
    const recipe = {
      subject: plain.selfIssued ? issuer.name : `policy ${i}`,
      keys,
      issuer,
      extensions: [...identifiers, ...extensionsOf(plain)],
    }
    below.push(i === links.length - 1 ? forge(recipe) : forgeCa(recipe))
  }
  const leaf = below.at(-1)?.der ?? root.der
  const intermediates = below.slice(0, -1).map(({ der }) => der)
  const result = checkPathSync(leaf, {
    anchors: root.der,
    intermediates,
    time: NOW,
    purpose: 'any',
    policies: {
      initial: options.policy?.map(policyOid),
      requireExplicit: options.explicit,
      inhibitMapping: options.inhibitMap,
      inhibitAny: options.inhibitAny,
    },
  })
  const { ok, text } = await opensslVerdict({
    anchors: [root.der],
    intermediates,
    leaf,
    arguments: [
      '-policy_check',
      // Without the option OpenSSL's user-initial-policy-set is empty; the standard's is any-policy.
      ...(options.policy ?? [ANY]).flatMap((policy) => ['-policy', policyOid(policy)]),
      ...(options.explicit === true ? ['-explicit_policy'] : []),
      ...(options.inhibitMap === true ? ['-inhibit_map'] : []),
      ...(options.inhibitAny === true ? ['-inhibit_any'] : []),
    ],
  })
  return { ours: result.ok, theirs: ok, text }
}

if (requirement('openssl', opensslAvailable)) {
  describe('policies are judged alike', () => {
    test.each(ALIKE)('%s', async (_title, links, options, ok) => {
      const verdicts = await judge(links, options)
      expect(verdicts).toEqual({ ours: ok, theirs: ok, text: verdicts.text })
    })
  })

  describe('differences', () => {
    const differ = async (
      links: readonly Link[],
      options: Options,
      ours: boolean,
      theirs: RegExp,
      anchor?: Link,
    ): Promise<void> => {
      const verdicts = await judge(links, options, anchor)
      expect(verdicts).toEqual({ ours, theirs: !ours, text: verdicts.text })
      expect(verdicts.text).toMatch(theirs)
    }

    // §6.1.5 (a) lowers the count for the last certificate whoever issued it; OpenSSL goes by §6.1.4 (h) there too.
    test('a self-issued leaf counts down to an explicit policy for us, and not for OpenSSL', async () => {
      await differ([{ requireExplicit: 1 }, { selfIssued: true }], {}, false, /^$/)
      const alike = await judge([{ requireExplicit: 2 }, { selfIssued: true }], {})
      expect([alike.ours, alike.theirs]).toEqual([true, true])
    })

    // §6.1.4 (a) is about certificates that others follow.
    test('mappings of anyPolicy in the leaf concern OpenSSL, and not us', async () => {
      await differ([has('A'), maps(['A'], [ANY, 'B'])], explicit, true, /error 42 at 0 depth/)
      const alike = await judge([has('A'), maps(['A'], ['A', 'B'])], explicit)
      expect([alike.ours, alike.theirs]).toEqual([true, true])
    })

    // RFC 5937, which is no standard, lets an anchor's certificate narrow the inputs; OpenSSL leaves it out.
    test("the anchor's own policies and constraints count for us, and not for OpenSSL", async () => {
      await differ([has('A'), has('A')], wants('A'), false, /^$/, has('B'))
      await differ([{}, {}], {}, false, /^$/, { requireExplicit: 0 })
      const alike = await judge([has('A'), has('A')], wants('A'), has('A'))
      expect([alike.ours, alike.theirs]).toEqual([true, true])
    })
  })
}
