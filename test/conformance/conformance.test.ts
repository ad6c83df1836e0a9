/**
 * Runs the third-party cases of x509-limbo, NIST PKITS and BetterTLS: no wrong accept anywhere, every
 * judged case right, and every reject for its own reason.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type CheckPathResult, checkPath, checkPathSync } from '../../src/verify/index.ts'
import { conformanceAvailable } from '../support/conformance.ts'
import { requirement } from '../support/require.ts'
import { askOf, type Case, readCases, type Suite } from './cases.ts'

type CodesOfSuite = Readonly<Record<string, string>>

interface RejectCodes {
  readonly limbo: CodesOfSuite
  readonly 'pkits-without-crls': CodesOfSuite
  readonly bettertls: Readonly<Record<string, Readonly<Record<string, string | number>>>>
}

const readList = <T>(file: string): T =>
  JSON.parse(readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8'))

/** Cases that are refused with ERR_PATH_UNSUPPORTED. The lists may only become shorter. */
const unsupported = readList<Readonly<Record<string, readonly string[]>>>('unsupported.json')
/** Why each judged case is rejected, by its identifier; BetterTLS by code, its numbers in one text. */
const rejectCodes = readList<RejectCodes>('reject-codes.json')

const verdictOf = (result: CheckPathResult): string => (result.ok ? 'accept' : result.error.code)

/** Verdicts of both ways to ask, which must be the same. */
async function judge(it: Case): Promise<string> {
  const { leaf, options } = askOf(it)
  const verdict = verdictOf(checkPathSync(leaf, options))
  expect(verdictOf(await checkPath(leaf, options)), it.id).toBe(verdict)
  return verdict
}

interface Outcome {
  readonly unsupported: readonly string[]
  readonly codes: CodesOfSuite
  readonly wrong: readonly string[]
}

async function judgeAll(cases: readonly Case[]): Promise<Outcome> {
  const outcome = { unsupported: [] as string[], codes: {} as Record<string, string>, wrong: [] as string[] }
  for (const it of cases) {
    const verdict = await judge(it)
    if (verdict === 'ERR_PATH_UNSUPPORTED') outcome.unsupported.push(it.id)
    else if ((verdict === 'accept') !== (it.expected === 'accept')) outcome.wrong.push(`${it.id}: ${verdict}`)
    else if (verdict !== 'accept') outcome.codes[it.id] = verdict
  }
  return outcome
}

function bettertlsCodes(): CodesOfSuite {
  const codes: Record<string, string> = {}
  for (const [code, groups] of Object.entries(rejectCodes.bettertls))
    for (const [part, numbers] of Object.entries(groups))
      if (typeof numbers === 'string')
        for (const number of numbers.split(' ')) codes[`bettertls::${part}::${number}`] = code
  return codes
}

/** What an identifier or a description says about the reason; the checked-in lists must agree with it. */
const REASONS: readonly (readonly [pattern: RegExp, codes: readonly string[]])[] = [
  // The certificates of 4.1.2 and 4.1.6 were altered in the count of unused bits, so that they are no DER.
  [/InvalidCASignature/, ['NO_ISSUER']],
  [/InvalidDSASignature/, ['MALFORMED']],
  [/InvalidEESignature/, ['SIGNATURE']],
  [/notBefore|not-yet-valid/, ['NOT_YET_VALID']],
  [/notAfter|::expired-|REASON_EXPIRED/, ['EXPIRED']],
  [/InvalidNameChaining/, ['NO_ISSUER']],
  [/MissingbasicConstraints|cAFalse|CRLSigningKeyTest8|NOT_A_CA|MISSING_BASIC/, ['NOT_CA']],
  [/pathLenConstraint|max-chain-depth|pathlen-too-long/, ['LENGTH']],
  [/keyCertSignFalse/, ['KEY_USAGE']],
  [/nameConstraintsTest|INVALID_REASON_NAME_CONSTRAINTS/, ['NAME_CONSTRAINTS']],
  [/REASON_DEPRECATED_CRYPTO/, ['ALGORITHM']],
  [/REASON_BAD_EKU|ee-wrong-eku/, ['EXTENDED_KEY_USAGE']],
  // One bad name of several, where the suite says which: constraints, or the peer's name, judged first.
  [/VALIDATE_/, ['NAME_MISMATCH', 'MALFORMED']],
  [/^NAME_CONSTRAINTS$/, ['NAME_CONSTRAINTS']],
  [/::nc::.*#no-peer/, ['NAME_CONSTRAINTS']],
  [/rfc5280::nc::/, ['NAME_CONSTRAINTS', 'NAME_MISMATCH', 'MALFORMED']],
  [/critical/, ['CRITICAL_EXTENSION']],
  [/forbidden-/, ['KEY']],
  [/mismatch|wildcard-|no-san/, ['NAME_MISMATCH']],
  [/untrusted-root|missing-intermediate|cycle/, ['NO_ISSUER']],
  [/empty-subject/, ['EMPTY_SUBJECT']],
]

function contradictions(cases: readonly Case[], codes: CodesOfSuite): readonly string[] {
  return cases.flatMap(({ id, description }) => {
    const code = codes[id]
    // PKITS and limbo tell the reason in the identifier; the descriptions of BetterTLS are lists of features.
    const text = id.startsWith('bettertls') ? description : id
    const reason = REASONS.find(([pattern]) => pattern.test(text))
    if (code === undefined || reason === undefined) return []
    return reason[1].includes(code.replace('ERR_PATH_', '')) ? [] : [`${id}: ${code}`]
  })
}

if (requirement('conformance', conformanceAvailable)) {
  const casesOf = (suite: Suite, profile: string | undefined): readonly Case[] =>
    readCases(suite).filter((it) => (it.profile ?? undefined) === profile)

  describe('conformance', () => {
    test.each([
      ['limbo', 111, 28, 2],
      ['pkits', 247, 0, 2],
      ['bettertls', 633, 0, 0],
    ] as const)('%s has as many cases as its README says', (suite, rfc5280, webpki, none) => {
      const counts = [rfc5280, webpki, none]
      const profiles = ['rfc5280', 'webpki', undefined]
      expect(profiles.map((profile) => casesOf(suite, profile).length)).toEqual(counts)
      expect(readCases(suite)).toHaveLength(rfc5280 + webpki + none)
    })

    test.each(['limbo', 'bettertls'] as const)(
      '%s: every judged case is right, for the right reason',
      async (suite) => {
        const cases = casesOf(suite, 'rfc5280')
        const outcome = await judgeAll(cases)
        expect(outcome.wrong).toEqual([])
        expect(outcome.unsupported).toEqual(unsupported[suite] ?? [])
        expect(outcome.codes).toEqual(suite === 'limbo' ? rejectCodes.limbo : bettertlsCodes())
        expect(contradictions(cases, outcome.codes)).toEqual([])
      },
    )

    test('bettertls: the counts by code are those of the list', () => {
      for (const [code, { count, ...groups }] of Object.entries(rejectCodes.bettertls))
        expect([code, Object.values(groups).flatMap((text) => String(text).split(' ')).length]).toEqual([
          code,
          count,
        ])
    })

    test('pkits: every case requires revocation, so every case is refused', async () => {
      const outcome = await judgeAll(casesOf('pkits', 'rfc5280'))
      expect(outcome.wrong).toEqual([])
      expect(outcome.unsupported).toEqual(unsupported['pkits'])
      expect(outcome.codes).toEqual({})
    })

    // The verdict of these does not depend on a CRL: without any, RFC 5280 §6.1 alone must find it.
    test('pkits without its CRLs: every case that no CRL decides is right, for the right reason', async () => {
      const cases = casesOf('pkits', 'rfc5280')
        .filter(({ needs = [] }) => !needs.some((need) => need.startsWith('crl')))
        .map((it) => ({ ...it, crls: [] }))
      const outcome = await judgeAll(cases)
      expect(cases).toHaveLength(191)
      expect(outcome.wrong).toEqual([])
      expect(outcome.unsupported).toEqual(unsupported['pkits-without-crls'])
      expect(outcome.codes).toEqual(rejectCodes['pkits-without-crls'])
      expect(contradictions(cases, outcome.codes)).toEqual([])
    })

    test('profile webpki is never accepted', async () => {
      const cases = casesOf('limbo', 'webpki')
      const outcome = await judgeAll(cases)
      expect(outcome.unsupported).toEqual(cases.map(({ id }) => id))
    })

    test('cases without a profile are counted only, and those of DSA are not accepted', async () => {
      const rest = (['limbo', 'pkits'] as const).flatMap((suite) => casesOf(suite, undefined))
      expect(rest.map((it) => it.class)).toEqual(['open', 'open', 'dsa', 'dsa'])
      for (const it of rest.filter((other) => other.class === 'dsa')) {
        expect(['ERR_PATH_KEY', 'ERR_PATH_MALFORMED'], it.id).toContain(await judge({ ...it, crls: [] }))
      }
    })
  })
}
