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
  /** With the name of the rule where a rule was broken. */
  readonly 'limbo-webpki': CodesOfSuite
  readonly pkits: CodesOfSuite
  readonly bettertls: Readonly<Record<string, Readonly<Record<string, string | number>>>>
}

const readList = <T>(file: string): T =>
  JSON.parse(readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8'))

/** Why each judged case is rejected, by its identifier; BetterTLS by code, its numbers in one text. */
const rejectCodes = readList<RejectCodes>('reject-codes.json')

function verdictOf(result: CheckPathResult): string {
  if (result.ok) return 'accept'
  const { code, data } = result.error
  return code === 'ERR_PATH_RULE' ? `${code} ${String(data['rule'])}` : code
}

/** Verdicts of both ways to ask, which must be the same. */
async function judge(it: Case): Promise<string> {
  const { leaf, options } = askOf(it)
  const verdict = verdictOf(checkPathSync(leaf, options))
  expect(verdictOf(await checkPath(leaf, options)), it.id).toBe(verdict)
  return verdict
}

interface Outcome {
  readonly codes: CodesOfSuite
  readonly wrong: readonly string[]
}

async function judgeAll(cases: readonly Case[]): Promise<Outcome> {
  const outcome = { codes: {} as Record<string, string>, wrong: [] as string[] }
  for (const it of cases) {
    const verdict = await judge(it)
    if ((verdict === 'accept') !== (it.expected === 'accept')) outcome.wrong.push(`${it.id}: ${verdict}`)
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
  // The signature of 4.4.4's CRL was altered in the count of unused bits, so that it is no DER.
  [/BadCRLSignature|UnknownCRL|NoBase/, ['CRL_UNUSABLE']],
  [/Revoked|revoked|SerialNumberTest1[58]|CRLSigningKeyTest7|OldWithNewTest2|NewWithOldTest5/, ['REVOKED']],
  [/OldCRLnextUpdate|pre2000CRLnextUpdate/, ['CRL_EXPIRED']],
  [/cRLSignFalse/, ['CRL_SIGNER']],
  [/MissingCRL|BadCRLIssuerName|WrongCRL|onlyContains.*Certs/, ['REVOCATION_UNKNOWN']],
  [/Section8|Section9|Section10|Section11|Section12/, ['POLICY']],
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

    test.each([
      ['limbo', rejectCodes.limbo],
      ['pkits', rejectCodes.pkits],
      ['bettertls', bettertlsCodes()],
    ] as const)('%s: every case is right, for the right reason', async (suite, codes) => {
      const cases = casesOf(suite, 'rfc5280')
      const outcome = await judgeAll(cases)
      expect(outcome.wrong).toEqual([])
      expect(outcome.codes).toEqual(codes)
      expect(contradictions(cases, outcome.codes)).toEqual([])
    })

    test('limbo, profile webpki: every case is right, each by the rule that it breaks', async () => {
      const cases = casesOf('limbo', 'webpki')
      const outcome = await judgeAll(cases)
      expect(outcome.wrong).toEqual([])
      expect(outcome.codes).toEqual(rejectCodes['limbo-webpki'])
    })

    // "Under rfc5280 they are accepted by design"; two have an identifier that no strict reader takes.
    test('limbo, the same cases under profile rfc5280: accepted, so that only the rules decide', async () => {
      const refused: string[] = []
      for (const it of casesOf('limbo', 'webpki')) {
        const verdict = await judge({ ...it, profile: 'rfc5280' })
        if (verdict !== 'accept') refused.push(`${it.id}: ${verdict}`)
      }
      expect(refused).toEqual([
        'limbo::webpki::aki::root-with-aki-authoritycertissuer: ERR_PATH_MALFORMED',
        'limbo::webpki::aki::root-with-aki-authoritycertserialnumber: ERR_PATH_MALFORMED',
      ])
    })

    test('bettertls: the counts by code are those of the list', () => {
      for (const [code, { count, ...groups }] of Object.entries(rejectCodes.bettertls))
        expect([code, Object.values(groups).flatMap((text) => String(text).split(' ')).length]).toEqual([
          code,
          count,
        ])
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
