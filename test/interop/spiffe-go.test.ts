/**
 * go-spiffe v2 and Istio's own packages on the same inputs as we: identities, bundles, X509-SVIDs, JWT-SVIDs,
 * and what Istio makes of names. Verdicts and values agree, but for the deviations that are listed by name.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  BundleMap,
  checkSvid,
  IstioTrustDomains,
  lintTrustDomain,
  parseIstioIdentity,
  SpiffeBundle,
  SpiffeId,
  TrustDomain,
} from '../../src/spiffe/index.ts'
import { checkJwtSvid } from '../../src/spiffe/jwt/index.ts'
import { basicConstraints, forgeDer, keysOf, keyUsage } from '../fixtures/x509/forge-der.ts'
import { requirement } from '../support/require.ts'
import { compare, type Deviation, refusal, sideBySide, verdictOf } from '../support/spiffe-go/compare.ts'
import * as known from '../support/spiffe-go/deviations.ts'
import * as inputs from '../support/spiffe-go/inputs.ts'
import * as istio from '../support/spiffe-go/istio-inputs.ts'
import * as other from '../support/spiffe-go/other-deviations.ts'
import { leavesUnderConstraints, leavesWithUris, svidVectors } from '../support/spiffe-go/svids.ts'
import { AUDIENCE, BUNDLES, brokenTokens, jwtAuthority, tokens } from '../support/spiffe-go/tokens.ts'
import {
  type GoProgram,
  goIstioAvailable,
  goSpiffeAvailable,
  type IstioQuestion,
  openGoIstio,
  openGoSpiffe,
  type SpiffeQuestion,
  type Verdict,
} from '../support/spiffe-go.ts'

// A cold build of Istio's packages compiles three hundred others.
const BUILD_TIMEOUT = 600_000

if (requirement('go-spiffe', goSpiffeAvailable)) describe('go-spiffe', goSpiffe)
if (requirement('go-istio', goIstioAvailable)) describe("Istio's packages", goIstio)

/** Nothing without a name, no name without a case, and enough of both verdicts. */
function agree(
  names: readonly string[],
  ours: readonly Verdict[],
  theirs: readonly Verdict[],
  deviations: readonly Deviation[],
  least: { readonly accepted: number; readonly refused: number },
): void {
  const found = compare(sideBySide(names, ours, theirs), deviations)
  expect(found.unexplained).toEqual([])
  expect(found.stale).toEqual([])
  expect(found.accepted).toBeGreaterThanOrEqual(least.accepted)
  expect(found.refused).toBeGreaterThanOrEqual(least.refused)
}

function goSpiffe(): void {
  let go: GoProgram<SpiffeQuestion>
  beforeAll(async () => {
    go = await openGoSpiffe()
  }, BUILD_TIMEOUT)
  afterAll(() => go.close())

  const idOf = (text: string): Verdict =>
    verdictOf(() => {
      const id = SpiffeId.parse(text)
      return { text: String(id), trustDomain: id.trustDomain.name, path: id.path }
    })

  test('identities: vectors, and random ones', () => {
    const texts = [
      ...inputs.vectorsOf('spiffe-id').map(({ input }) => String(input['text'])),
      ...inputs.randomIds(5000),
    ]
    const theirs = go.ask(texts.map((text) => ({ kind: 'id', text })))
    agree(texts, texts.map(idOf), theirs, known.ID_DEVIATIONS, { accepted: 1000, refused: 1000 })
  })

  test('trust domains: vectors, and random ones', () => {
    const vectors = inputs.vectorsOf('trust-domain').map(({ input }) => String(input['text']))
    const texts = [...vectors, ...inputs.randomTrustDomains(3000)]
    const theirs = go.ask(texts.map((text) => ({ kind: 'trust-domain', text })))
    const ours = texts.map((text) => verdictOf(() => TrustDomain.parse(text).name))
    agree(texts, ours, theirs, known.TRUST_DOMAIN_DEVIATIONS, { accepted: 300, refused: 300 })
  })

  const bundles = inputs.vectorsOf('bundle')
  const trustDomain = 'prod.example'

  test('bundles: authorities, sequence and hint of every vector', () => {
    const theirs = go.ask(
      bundles.map((one) => ({ kind: 'bundle', trustDomain, document: inputs.documentOf(one) })),
    )
    const ours = bundles.map((one) =>
      verdictOf(() => inputs.contentsOf(SpiffeBundle.fromJson(trustDomain, inputs.documentOf(one)))),
    )
    agree(
      bundles.map(({ id }) => id),
      ours,
      theirs,
      known.BUNDLE_DEVIATIONS,
      { accepted: 20, refused: 15 },
    )
  })

  test('bundles: every element for itself', () => {
    const elements = inputs.elementsOf(bundles)
    const documents = [...elements.values()].map((element) => `{"keys":[${element}]}`)
    const theirs = go.ask(documents.map((document) => ({ kind: 'bundle', trustDomain, document })))
    const ours = documents.map((document) =>
      verdictOf(() => inputs.contentsOf(SpiffeBundle.fromJson(trustDomain, document))),
    )
    const names = [...elements.keys()]
    agree(names, ours.map(unlessEmpty), theirs.map(unlessEmpty), known.ELEMENT_DEVIATIONS, {
      accepted: 10,
      refused: 15,
    })
  })

  test('bundles: go-spiffe reads what we write', () => {
    const kinds = ['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'] as const
    const roots = kinds.map((kind) =>
      forgeDer({
        subject: kind,
        keys: keysOf('root', kind),
        extensions: [basicConstraints(true), keyUsage(5)],
      }),
    )
    const jwtAuthorities = kinds.map((kind) => jwtAuthority(`key ${kind}`, 'tokens', kind))
    const made = SpiffeBundle.of({
      ...{ trustDomain, x509Authorities: roots, jwtAuthorities },
      ...{ sequence: 2n ** 64n - 1n, refreshHint: '5m' },
    })
    const read = bundles.flatMap((one) => {
      const bundle = verdictOf(() => SpiffeBundle.fromJson(trustDomain, inputs.documentOf(one)))
      return bundle.ok && bundle.value instanceof SpiffeBundle ? [{ name: one.id, bundle: bundle.value }] : []
    })
    const all = [{ name: 'every kind of key', bundle: made }, ...read]
    const theirs = go.ask(
      all.map(({ bundle }) => ({ kind: 'bundle', trustDomain, document: bundle.toJson() })),
    )
    expect(theirs[0]).toMatchObject({
      value: { x509: roots.map(inputs.sha256), sequence: '18446744073709551615', refreshHint: 300 },
    })
    const ours = all.map(({ bundle }) => verdictOf(() => inputs.contentsOf(bundle)))
    agree(namesOf(all), ours, theirs, known.WRITTEN_DEVIATIONS, { accepted: 50, refused: 0 })
  })

  test.each([
    [
      'of the vectors, with documents',
      () => svidVectors('documents'),
      known.SVID_DOCUMENT_DEVIATIONS,
      45,
      45,
    ],
    ['of the vectors, with authorities', () => svidVectors('authorities'), known.SVID_DEVIATIONS, 45, 45],
    ['forged with any URI', leavesWithUris, known.URI_DEVIATIONS, 500, 500],
    ['forged below name constraints', leavesUnderConstraints, known.CONSTRAINT_DEVIATIONS, 10, 8],
  ] as const)('X509-SVIDs %s', async (_, casesOf, deviations, accepted, refused) => {
    const cases = casesOf()
    const theirs = go.ask(cases.map(({ chain, time, trust }) => ({ kind: 'svid', chain, time, ...trust })))
    const ours = await Promise.all(
      cases.map(async ({ chain, bundles, time }): Promise<Verdict> => {
        const result = await checkSvid(chain, { bundles, time })
        return result.ok ? { ok: true, value: String(result.svid.id) } : refusal(result.error)
      }),
    )
    agree(namesOf(cases), ours, theirs, deviations, { accepted, refused })
  })

  test('JWT-SVIDs: good and bad ones', async () => {
    const asked = Object.entries(tokens())
    const { ours, theirs } = await judgeTokens(asked.map(([, token]) => token))
    agree(
      asked.map(([name]) => name),
      ours,
      theirs,
      other.TOKEN_DEVIATIONS,
      { accepted: 17, refused: 20 },
    )
  })

  test('JWT-SVIDs: broken ones', async () => {
    const broken = brokenTokens(2000)
    const { ours, theirs } = await judgeTokens(broken)
    // The key is another one each time, so which deviations occur is left to chance.
    const found = compare(sideBySide(broken, ours, theirs), other.BROKEN_TOKEN_DEVIATIONS)
    expect(found.unexplained).toEqual([])
    expect(found.accepted).toBeGreaterThan(100)
    expect(found.refused).toBeGreaterThan(1000)
  })

  async function judgeTokens(asked: readonly string[]) {
    const documents = Object.fromEntries(BUNDLES.map((one) => [one.trustDomain.name, one.toJson()]))
    const theirs = go.ask(asked.map((token) => ({ kind: 'token', token, audience: [AUDIENCE], documents })))
    const ours = await Promise.all(asked.map(tokenOf))
    return { ours, theirs }
  }
}

const namesOf = (cases: readonly { readonly name: string }[]): readonly string[] =>
  cases.map(({ name }) => name)

/** A bundle without any authority as the refusal of its only element. */
function unlessEmpty(verdict: Verdict): Verdict {
  const { x509, jwt } = (verdict.ok ? verdict.value : {}) as { readonly x509?: object; readonly jwt?: object }
  const isEmpty = Object.keys({ ...x509, ...jwt }).length === 0
  return verdict.ok && isEmpty ? { ok: false, error: 'no authority' } : verdict
}

async function tokenOf(token: string): Promise<Verdict> {
  const result = await checkJwtSvid(token, { bundles: BundleMap.of(BUNDLES), audience: AUDIENCE })
  if (!result.ok) return refusal(result.error)
  const { id, audience, expiresAt } = result.svid
  return { ok: true, value: { id: String(id), audience, expiry: Math.floor(expiresAt.getTime() / 1000) } }
}

function goIstio(): void {
  let go: GoProgram<IstioQuestion>
  beforeAll(async () => {
    go = await openGoIstio()
  }, BUILD_TIMEOUT)
  afterAll(() => go.close())

  test('identities', () => {
    const texts = istio.identities()
    const theirs = go.ask(texts.map((text) => ({ kind: 'identity', text })))
    const ours = texts.map((text) => verdictOf(() => ({ ...parseIstioIdentity(text) })))
    agree(texts, ours, theirs, [], { accepted: 1000, refused: 1000 })
  })

  test('principals under the names of a mesh', () => {
    const asked = istio.principals()
    const ours = asked.map(({ text, trustDomain, names }) =>
      verdictOf(() => new IstioTrustDomains({ trustDomain, aliases: names }).expandPrincipal(text)),
    )
    const names = asked.map((one) => JSON.stringify(one))
    agree(names, ours, go.ask(asked), other.PRINCIPAL_DEVIATIONS, { accepted: 4000, refused: 0 })
  })

  test('identities under other names', () => {
    const asked = istio.expansions()
    const ours = asked.map(({ text, names: [trustDomain = '', ...aliases] }) =>
      verdictOf(() => [...new IstioTrustDomains({ trustDomain, aliases }).expandIdentity(text)].sort()),
    )
    const names = asked.map((one) => JSON.stringify(one))
    agree(names, ours, go.ask(asked), other.EXPAND_DEVIATIONS, { accepted: 2000, refused: 0 })
  })

  test('identities of services as istiod expands them', () => {
    const meshes = ['own', 'alias', 'foreign'].flatMap((name) =>
      [[], ['alias'], ['alias', 'alias-2'], ['own']].map((aliases) => ({ name, aliases })),
    )
    const textOf = (name: string): string => `spiffe://${name}/ns/shop/sa/cart`
    const theirs = go.ask(
      meshes.map(({ name, aliases }) => ({ kind: 'expand-identity', text: textOf(name), names: aliases })),
    )
    const ours = meshes.map(({ name, aliases }) =>
      verdictOf(() =>
        [...new IstioTrustDomains({ trustDomain: 'own', aliases }).expandIdentity(textOf(name))].sort(),
      ),
    )
    const names = meshes.map(({ name, aliases }) => `${name} with ${aliases.join(', ')}`)
    agree(names, ours, theirs, other.ISTIOD_DEVIATIONS, { accepted: 4, refused: 0 })
  })

  test('trust domains', () => {
    const texts = istio.trustDomains()
    const theirs = go.ask(texts.map((text) => ({ kind: 'trust-domain', text })))
    const ours = texts.map((text): Verdict => {
      const found = lintTrustDomain(text).findings.find(({ refusedBy }) => refusedBy === 'istio')
      return found === undefined ? { ok: true, value: null } : { ok: false, error: found.message }
    })
    agree(texts, ours, theirs, [], { accepted: 500, refused: 1000 })
  })
}
