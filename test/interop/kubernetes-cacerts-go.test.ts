/**
 * istiod's verdict on its plug-in CA: ours is that of a program in Go, over the same functions that istiod calls.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkCacerts } from '../../src/kubernetes/lint/check-cacerts.ts'
import { type CacertsFiles, openCacertsGo } from '../support/cacerts-go.ts'
import { goAvailable } from '../support/go.ts'
import { requirement } from '../support/require.ts'
import { pem } from '../unit/ca/lint/support.ts'
import { CASES, QUIRKS } from '../unit/kubernetes/lint/check-cacerts-cases.ts'
import {
  CASES_TIME,
  ca,
  crlOf,
  four,
  KEY,
  middle,
  root,
} from '../unit/kubernetes/lint/check-cacerts-material.ts'
import { secretOf } from '../unit/kubernetes/support.ts'

type Texts = Readonly<Record<string, string>>

/** What istiod reads of a secret, as it is mounted. */
function filesOf(texts: Texts, startup = true): CacertsFiles {
  const at = (key: string) => texts[key] ?? ''
  const when = { time: CASES_TIME, startup }
  if (texts['tls.crt'] !== undefined) {
    const chain = at('tls.crt') + at('ca.crt')
    return { signer: at('tls.crt'), key: at('tls.key'), chain, roots: at('ca.crt'), crls: undefined, ...when }
  }
  return {
    signer: at('ca-cert.pem'),
    key: at('ca-key.pem'),
    chain: at('cert-chain.pem'),
    roots: at('root-cert.pem'),
    crls: texts['ca-crl.pem'],
    ...when,
  }
}

async function ours(texts: Texts, startup = true): Promise<readonly [step: number, message: string]> {
  const verdict = await checkCacerts(secretOf(texts), { time: CASES_TIME, startup })
  if (verdict.ok) return [0, '']
  return [verdict.step === 'incomplete' ? -1 : verdict.step, verdict.message]
}

/** Go's details after the reason that both have: another text for the same, or a hint in parentheses. */
const isSameReason = (mine: string, theirs: string): boolean =>
  theirs.startsWith(mine) ||
  mine.startsWith(theirs.slice(0, 60)) ||
  /malformed|failed to parse (cert chain|CRL)/.test(mine)

/** Go reads keys and CRLs that are no DER: damaged ones get further there. `checkCacerts` says so. */
const isStricter = (step: number, message: string, theirs: number): boolean =>
  (step === 3 && message.includes('failed to parse the PKCS8') && (theirs === 0 || theirs > 3)) ||
  (step === 5 && message.includes('malformed') && (theirs === 0 || theirs >= 5))

if (requirement('go', goAvailable)) {
  describe('the matrix', () => {
    const all = [...CASES, ...QUIRKS]
    test(`${all.length} sets of files`, async () => {
      const go = openCacertsGo()
      try {
        const theirs = go.judge(all.map(({ texts, startup }) => filesOf(texts, startup)))
        for (const [i, { name, texts, startup }] of all.entries()) {
          const [step, message] = await ours(texts, startup)
          const verdict = theirs[i] ?? { step: -2, message: '' }
          expect({ name, step, theirs: verdict.message }).toEqual({
            name,
            step: verdict.step,
            theirs: verdict.message,
          })
          expect([name, message, verdict.message, isSameReason(message, verdict.message)]).toEqual([
            name,
            message,
            verdict.message,
            true,
          ])
        }
      } finally {
        go.close()
      }
    })
  })

  const COUNT = 1500
  test(`${COUNT} sets that were cut, joined and damaged`, async () => {
    const pieces = [
      pem(ca),
      pem(root),
      pem(middle),
      KEY,
      crlOf(ca),
      crlOf(root),
      '-----BEGIN CERTIFICATE-----',
      '-----END CERTIFICATE-----',
      '\n',
      '\r\n',
      ' ',
      '\t',
      'text\n',
      'Name: value\n',
      '-----BEGIN ',
      '-----END ',
      '-----',
      '=',
      'QUJD\n',
      '\n-----END X-----\n',
      '-----BEGIN X-----\n-----END X-----\n',
    ]
    const sound: Texts = four(pem(ca), pem(ca, root), pem(root), KEY, {
      'ca-crl.pem': crlOf(ca) + crlOf(root),
    })
    const edit = fc.record({
      key: fc.constantFrom(...Object.keys(sound)),
      at: fc.nat(),
      cut: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(1500)),
      piece: fc.constantFrom('', '', ...pieces),
      isAtLine: fc.boolean(),
    })
    const damaged = fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits): Texts => {
      const texts: Record<string, string> = { ...sound }
      for (const { key, at, cut, piece, isAtLine } of edits) {
        const text = texts[key] ?? ''
        const free = at % (text.length + 1)
        const from = isAtLine ? text.lastIndexOf('\n', free) + 1 : free
        texts[key] = text.slice(0, from) + piece + text.slice(from + cut)
      }
      return texts
    })
    const sets = fc.sample(damaged, { numRuns: COUNT, seed: 20261127 })
    const go = openCacertsGo()
    try {
      const theirs = go.judge(sets.map((texts) => filesOf(texts)))
      const steps = new Map<number, number>()
      let explained = 0
      for (const [i, texts] of sets.entries()) {
        const [step, message] = await ours(texts)
        const verdict = theirs[i] ?? { step: -2, message: '' }
        if (isStricter(step, message, verdict.step)) {
          explained++
          continue
        }
        expect({ texts, step, message, theirs: verdict }).toMatchObject({ step: verdict.step })
        steps.set(step, (steps.get(step) ?? 0) + 1)
      }
      expect(explained).toBeLessThan(COUNT / 12)
      // Each verdict was met.
      for (const step of [0, 1, 2, 3, 5, 6]) expect([step, steps.get(step) ?? 0]).not.toEqual([step, 0])
    } finally {
      go.close()
    }
  })
}
