/**
 * What Istio's packages and we are asked about: names in Istio's form, and what is nearly so.
 */
import fc from 'fast-check'
import type { IstioQuestion } from '../spiffe-go.ts'
import { mutated } from './inputs.ts'

type ExpandPrincipal = Extract<IstioQuestion, { kind: 'expand-principal' }>
type ExpandIdentity = Extract<IstioQuestion, { kind: 'expand-identity' }>

const NAMES = ['cluster.local', 'td', 'old-td', 'new-td', 'a.b', 'Td', 'cluster.local.', 'a@b']
const PATTERNS = ['*', '*-td', 'td-*', 'old*', '*local', '*td', 't*', '**', '*t*']

const someName = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NAMES, ...PATTERNS) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom(...'td-*.lo'), { minLength: 1, maxLength: 6 })
      .map((list) => list.join('')),
  },
)
const part = fc.constantFrom('ns', 'sa', '', 'a', '*', 'é', 'a:b', 'x y', 'ns*')

/** A principal: mostly of five parts, with `ns` and `sa` where they belong. */
const principal = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(someName, part, part).map(([td, ns, sa]) => `${td}/ns/${ns}/sa/${sa}`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(someName, fc.array(part, { maxLength: 6 }))
      .map(([td, rest]) => [td, ...rest].join('/')),
  },
  { weight: 1, arbitrary: mutated(fc.constant('td/ns/shop/sa/cart')) },
)
const identity = fc
  .tuple(fc.constantFrom('spiffe://', 'spiffe://', 'spiffe://', '', 'SPIFFE://', 'spiffe:/'), principal)
  .map(([scheme, text]) => `${scheme}${text}`)

/** Texts that are identities of Istio, or nearly. */
export const identities = (): readonly string[] => fc.sample(identity, { numRuns: 5000, seed: 20260604 })

/** Principals, with the names of a mesh. */
export function principals(): readonly ExpandPrincipal[] {
  const asked = fc.tuple(principal, someName, fc.array(someName, { maxLength: 3 }))
  return fc
    .sample(asked, { numRuns: 5000, seed: 20260605 })
    .map(([text, trustDomain, names]) => ({ kind: 'expand-principal', text, trustDomain, names }))
}

/** Identities, with names to put them under. */
export function expansions(): readonly ExpandIdentity[] {
  const asked = fc.tuple(principal, fc.array(someName, { minLength: 1, maxLength: 4 }))
  return fc
    .sample(asked, { numRuns: 5000, seed: 20260606 })
    .map(([text, names]) => ({ kind: 'expand-identity', text: `spiffe://${text}`, names }))
}

/** The trust domain of the mesh of {@link services}. */
export const OWN = 'own'

/** Identities of services with the aliases of a mesh: its own ones, those under an alias, and foreign ones. */
export function services(): readonly ExpandIdentity[] {
  return [OWN, 'alias', 'foreign'].flatMap((name) =>
    [[], ['alias'], ['alias', 'alias-2'], [OWN]].map((names) => ({
      kind: 'expand-identity' as const,
      text: `spiffe://${name}/ns/shop/sa/cart`,
      names,
    })),
  )
}

/** Names of trust domains: labels of every kind, long ones and strange ones. */
export function trustDomains(): readonly string[] {
  const label = fc.oneof(
    fc.array(fc.constantFrom(...'ab1-A'), { maxLength: 8 }).map((list) => list.join('')),
    fc.constantFrom('a', 'x'.repeat(63), 'x'.repeat(64), '', 'é', 'a_b', 'a\n', 'a b', '*', '-a', 'a-'),
  )
  const name = fc.oneof(
    { weight: 5, arbitrary: fc.array(label, { maxLength: 4 }).map((labels) => labels.join('.')) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  )
  return fc.sample(name, { numRuns: 5000, seed: 20260607 })
}
