/**
 * A chain that breaks no rule of profile `webpki`, and the same chain with one thing changed.
 */
import { describe, expect, test } from 'vitest'
import type { ProfileRule } from '../../../src/verify/index.ts'
import { commonName } from '../../fixtures/x509/der.ts'
import {
  aki,
  basicConstraints,
  dns,
  eku,
  type Forged,
  forgeDer,
  keyIdOf,
  keysOf,
  keyUsage,
  type Recipe,
  SERVER_AUTH,
  san,
  ski,
} from './forge.ts'
import { type Ask, accepted, refused } from './support.ts'

type Role = 'root' | 'ca' | 'leaf'
type ExtensionName = 'bc' | 'ku' | 'ski' | 'aki' | 'san' | 'eku' | 'more'

/** What differs in one certificate. An extension that is `null` is left out. */
interface Change extends Partial<Omit<Recipe, 'issuer' | 'extensions'>> {
  readonly ext?: Partial<Record<ExtensionName, Uint8Array | null>>
}

/** What differs in the chain, and in the question. */
export interface Changes {
  readonly root?: Change
  readonly ca?: Change
  readonly leaf?: Change
  readonly ask?: Ask
}

const keys = { root: keysOf('rules root'), ca: keysOf('rules ca'), leaf: keysOf('rules leaf') }

/** Key identifiers of the chain, whether or not its certificates have them. */
export const keyIds = { root: keyIdOf(keys.root), ca: keyIdOf(keys.ca), leaf: keyIdOf(keys.leaf) } as const

const USUAL: Readonly<Record<Role, Partial<Record<ExtensionName, Uint8Array>>>> = {
  root: { bc: basicConstraints(true), ku: keyUsage(5), ski: ski(keyIds.root) },
  ca: { bc: basicConstraints(true), ku: keyUsage(5), ski: ski(keyIds.ca), aki: aki(keyIds.root) },
  leaf: {
    bc: basicConstraints(false),
    ku: keyUsage(0),
    ski: ski(keyIds.leaf),
    aki: aki(keyIds.ca),
    san: san([dns('a.example.com')]),
    eku: eku(SERVER_AUTH),
  },
}

function make(
  role: Role,
  issuer: Pick<Forged, 'name' | 'keys'> | undefined,
  change: Change = {},
): Uint8Array {
  const { ext = {}, ...recipe } = change
  const values = Object.values({ ...USUAL[role], ...ext })
  return forgeDer({
    subject: `rules ${role}`,
    keys: keys[role],
    issuer,
    ...recipe,
    extensions: recipe.version === null ? [] : values.filter((value) => value !== null),
  })
}

/** The leaf, and the question about it. */
export function profileChain({ root, ca, leaf, ask }: Changes): {
  readonly leaf: Uint8Array
  readonly ask: Ask
} {
  const name = (role: Role, change: Change | undefined): Uint8Array => {
    const subject = change?.subject ?? `rules ${role}`
    return typeof subject === 'string' ? commonName(subject) : subject
  }
  const top = { name: name('root', root), keys: keys.root }
  const middle = { name: name('ca', ca), keys: keys.ca }
  return {
    leaf: make('leaf', middle, leaf),
    ask: { anchors: make('root', undefined, root), intermediates: make('ca', top, ca), ...ask },
  }
}

/** A rule with chains that break it and nothing else, and neighbours that break nothing. */
export interface RuleCases {
  readonly rule: ProfileRule
  readonly broken: Readonly<Record<string, Changes>>
  readonly sound: Readonly<Record<string, Changes>>
}

/** Refused by the rule alone: with it off the chain passes, and with it on under `rfc5280` it does not. */
export function expectRule(
  rule: ProfileRule,
  { leaf, ask }: { readonly leaf: Uint8Array; readonly ask: Ask },
): void {
  const error = refused(leaf, { ...ask, profile: 'webpki' }, 'ERR_PATH_RULE')
  expect(error.data).toMatchObject({ rule })
  expect(error.message).toContain(`"${rule}"`)
  accepted(leaf, { ...ask, profile: 'webpki', rules: { [rule]: false } })
  accepted(leaf, { ...ask, profile: 'rfc5280' })
  accepted(leaf, ask)
  const alone = refused(leaf, { ...ask, profile: 'rfc5280', rules: { [rule]: true } }, 'ERR_PATH_RULE')
  expect(alone.data).toMatchObject({ rule })
}

/** Registers a table of rules. */
export function describeRules(title: string, table: readonly RuleCases[]): void {
  describe(title, () => {
    for (const { rule, broken, sound } of table) {
      test.each(Object.entries(broken))(`${rule}: %s is refused`, (_title, changes) => {
        expectRule(rule, profileChain(changes))
      })
      test.each(Object.entries(sound))(`${rule}: %s is not`, (_title, changes) => {
        const { leaf, ask } = profileChain(changes)
        accepted(leaf, { ...ask, profile: 'webpki' })
      })
    }
  })
}
