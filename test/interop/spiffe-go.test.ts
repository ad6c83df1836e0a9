/**
 * go-spiffe v2 and Istio's own packages on the same inputs as we: identities, bundles, X509-SVIDs, JWT-SVIDs,
 * and what Istio makes of names. Verdicts and values agree, but for the deviations that are listed by name.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { SpiffeBundle } from '../../src/spiffe/index.ts'
import { basicConstraints, forgeDer, keysOf, keyUsage } from '../fixtures/x509/forge-der.ts'
import { requirement } from '../support/require.ts'
import * as bundle from '../support/spiffe-go/bundle-deviations.ts'
import { compare, type Deviation, sideBySide } from '../support/spiffe-go/compare.ts'
import * as inputs from '../support/spiffe-go/inputs.ts'
import * as mesh from '../support/spiffe-go/istio-deviations.ts'
import * as istio from '../support/spiffe-go/istio-inputs.ts'
import * as ours from '../support/spiffe-go/ours.ts'
import * as svid from '../support/spiffe-go/svid-deviations.ts'
import { leavesUnderConstraints, leavesWithUris, svidVectors } from '../support/spiffe-go/svids.ts'
import * as token from '../support/spiffe-go/token-deviations.ts'
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

/** No difference without a name, no name without a case, and enough of both verdicts. */
function agree(
  names: readonly string[],
  our: readonly Verdict[],
  their: readonly Verdict[],
  deviations: readonly Deviation[],
  least: { readonly accepted: number; readonly refused: number },
): void {
  const found = compare(sideBySide(names, our, their), deviations)
  expect(found.unexplained).toEqual([])
  expect(found.stale).toEqual([])
  expect(found.accepted).toBeGreaterThanOrEqual(least.accepted)
  expect(found.refused).toBeGreaterThanOrEqual(least.refused)
}

function goSpiffe(): void {
  let go: GoProgram<SpiffeQuestion>
  beforeAll(async () => {
    go = await openGoSpiffe()
    return go.close
  }, BUILD_TIMEOUT)

  test('a difference without a name is found, and a name without a difference', () => {
    const [yes, no] = [{ ok: true, value: 1 } as const, { ok: false, error: 'no' } as const]
    const named: Deviation = { name: 'b', reason: 'because', how: 'they accept', cases: ['b', 'c'] }
    const found = compare(sideBySide(['a', 'b', 'c'], [no, no, yes], [yes, yes, yes]), [named])
    expect(found).toMatchObject({ accepted: 1, refused: 0, deviating: 1, stale: ['b: c'] })
    expect(found.unexplained).toEqual(['they accept: a: ours no, theirs 1'])
    expect(compare(sideBySide(['a'], [yes], [{ ok: true, value: 2 }]), []).unexplained.length).toBe(1)
    expect(compare(sideBySide(['a'], [yes], [no]), []).unexplained.length).toBe(1)
  })

  test('identities: vectors, and random ones', () => {
    const texts = [...inputs.textsOf('spiffe-id'), ...inputs.randomIds(5000)]
    const theirs = go.ask(texts.map((text) => ({ kind: 'id', text })))
    agree(texts, texts.map(ours.idOf), theirs, bundle.ID_DEVIATIONS, { accepted: 1500, refused: 2500 })
  })

  test('trust domains: vectors, and random ones', () => {
    const texts = [...inputs.textsOf('trust-domain'), ...inputs.randomTrustDomains(3000)]
    const theirs = go.ask(texts.map((text) => ({ kind: 'trust-domain', text })))
    const deviations = bundle.TRUST_DOMAIN_DEVIATIONS
    agree(texts, texts.map(ours.trustDomainOf), theirs, deviations, { accepted: 500, refused: 1500 })
  })

  const vectors = inputs.vectorsOf('bundle')
  const trustDomain = 'prod.example'

  test('bundles: authorities, sequence and hint of every vector', () => {
    const documents = vectors.map(inputs.documentOf)
    const theirs = go.ask(documents.map((document) => ({ kind: 'bundle', trustDomain, document })))
    const read = documents.map((document) => ours.bundleOf(trustDomain, document))
    const names = vectors.map(({ id }) => id)
    agree(names, read, theirs, bundle.BUNDLE_DEVIATIONS, { accepted: 20, refused: 15 })
  })

  test('bundles: every element for itself', () => {
    const elements = inputs.elementsOf(vectors)
    const documents = [...elements.values()].map((element) => `{"keys":[${element}]}`)
    const theirs = go.ask(documents.map((document) => ({ kind: 'bundle', trustDomain, document })))
    const read = documents.map((document) => ours.unlessEmpty(ours.bundleOf(trustDomain, document)))
    const least = { accepted: 10, refused: 20 }
    agree([...elements.keys()], read, theirs.map(ours.unlessEmpty), bundle.ELEMENT_DEVIATIONS, least)
  })

  test('bundles: go-spiffe reads what we write', () => {
    const kinds = ['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'] as const
    const extensions = [basicConstraints(true), keyUsage(5)]
    const roots = kinds.map((kind) => forgeDer({ subject: kind, keys: keysOf('root', kind), extensions }))
    const made = SpiffeBundle.of({
      trustDomain,
      x509Authorities: roots,
      jwtAuthorities: kinds.map((kind) => jwtAuthority(`key ${kind}`, 'tokens', kind)),
      sequence: 2n ** 64n - 1n,
      refreshHint: '5m',
    })
    const read = vectors.filter(({ verdict }) => verdict === 'accept')
    const bundles = [made, ...read.map((one) => SpiffeBundle.fromJson(trustDomain, inputs.documentOf(one)))]
    const theirs = go.ask(bundles.map((one) => ({ kind: 'bundle', trustDomain, document: one.toJson() })))
    // Against what went in, not only against what we say that we hold.
    expect(theirs[0]).toMatchObject({
      value: { x509: roots.map(ours.sha256), sequence: '18446744073709551615', refreshHint: 300 },
    })
    const held = bundles.map((one): Verdict => ({ ok: true, value: ours.contentsOf(one) }))
    const names = ['every kind of key', ...read.map(({ id }) => id)]
    agree(names, held, theirs, bundle.WRITTEN_DEVIATIONS, { accepted: 50, refused: 0 })
  })

  test.each([
    ['of the vectors, with documents', () => svidVectors('documents'), svid.SVID_DOCUMENT_DEVIATIONS, 45, 45],
    ['of the vectors, with authorities', () => svidVectors('authorities'), svid.SVID_DEVIATIONS, 45, 45],
    ['forged with any URI', leavesWithUris, svid.URI_DEVIATIONS, 500, 1500],
    ['forged below name constraints', leavesUnderConstraints, svid.CONSTRAINT_DEVIATIONS, 10, 8],
  ] as const)('X509-SVIDs %s', async (_, casesOf, deviations, accepted, refused) => {
    const cases = casesOf()
    const theirs = go.ask(cases.map(({ chain, time, trust }) => ({ kind: 'svid', chain, time, ...trust })))
    const verdicts = await Promise.all(cases.map(ours.svidOf))
    const names = cases.map(({ name }) => name)
    agree(names, verdicts, theirs, deviations, { accepted, refused })
  })

  const documents = Object.fromEntries(BUNDLES.map((one) => [one.trustDomain.name, one.toJson()]))
  const askTokens = (asked: readonly string[]): readonly Verdict[] =>
    go.ask(asked.map((text) => ({ kind: 'token', token: text, audience: [AUDIENCE], documents })))

  test('JWT-SVIDs: good and bad ones', async () => {
    const asked = tokens()
    const texts = Object.values(asked)
    const theirs = askTokens(texts)
    const verdicts = await Promise.all(texts.map(ours.tokenOf))
    agree(Object.keys(asked), verdicts, theirs, token.TOKEN_DEVIATIONS, { accepted: 16, refused: 28 })
  })

  test('JWT-SVIDs: broken ones', async () => {
    const broken = brokenTokens(2000)
    const theirs = askTokens(broken)
    const found = compare(
      sideBySide(broken, await Promise.all(broken.map(ours.tokenOf)), theirs),
      token.BROKEN_TOKEN_DEVIATIONS,
    )
    // Every run has another key and another time, so which deviations occur is left to chance.
    expect(found.unexplained).toEqual([])
    expect(found.accepted).toBeGreaterThan(100)
    expect(found.refused).toBeGreaterThan(1000)
  })
}

function goIstio(): void {
  let go: GoProgram<IstioQuestion>
  beforeAll(async () => {
    go = await openGoIstio()
    return go.close
  }, BUILD_TIMEOUT)

  test('identities', () => {
    const texts = istio.identities()
    const theirs = go.ask(texts.map((text) => ({ kind: 'identity', text })))
    agree(texts, texts.map(ours.istioIdentityOf), theirs, [], { accepted: 1000, refused: 2000 })
  })

  test('principals under the names of a mesh', () => {
    const asked = istio.principals()
    const expanded = asked.map(({ text, trustDomain, names }) => ours.principalsOf(text, trustDomain, names))
    const least = { accepted: 4000, refused: 0 }
    agree(asked.map(nameOf), expanded, go.ask(asked), [], least)
  })

  test('identities under other names', () => {
    const asked = istio.expansions()
    const expanded = asked.map(({ text, names }) => ours.expansionsOf(text, istio.OWN, names))
    agree(asked.map(nameOf), expanded, go.ask(asked), mesh.EXPAND_DEVIATIONS, { accepted: 2000, refused: 0 })
  })

  test('identities of services as istiod expands them', () => {
    const asked = istio.services()
    const theirs = go.ask(asked.map(({ text, names }) => ({ kind: 'expand-identity', text, names })))
    const expanded = asked.map(({ text, names }) => ours.expansionsOf(text, istio.OWN, names))
    agree(asked.map(nameOf), expanded, theirs, [], { accepted: 4, refused: 0 })
  })

  test('trust domains', () => {
    const texts = istio.trustDomains()
    const theirs = go.ask(texts.map((text) => ({ kind: 'trust-domain', text })))
    agree(texts, texts.map(ours.istioTrustDomainOf), theirs, [], { accepted: 500, refused: 2000 })
  })

  const nameOf = (asked: IstioQuestion): string => JSON.stringify(asked)
}
