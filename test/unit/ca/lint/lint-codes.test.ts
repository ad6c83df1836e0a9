/**
 * No code without its two tests and its row in the document, and none besides.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LINT_CODES } from '../../../../src/ca/index.ts'
import { LINT_SEVERITIES } from '../../../../src/ca/lint/lint-codes.ts'
import { CHANGE_CASES, SECRET_CASES } from '../../kubernetes/lint-cacerts-cases.ts'
import { FEDERATION_CASES } from './check-federation-cases.ts'
import { CHAIN_CASES } from './lint-chain-cases.ts'
import { POSTURE_CASES } from './lint-posture-cases.ts'

const sorted = (codes: readonly string[]) => [...codes].sort()

/** The rows of the tables of findings: code, severity, meaning, remedy, number. */
const rows = readFileSync('docs/lint.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| `[a-z0-9-]+` \|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, code = '', severity = '', meaning = '', , number = '']) => ({
    code: code.replaceAll('`', ''),
    severity,
    meaning,
    number,
  }))

test('every code has a case with a positive and a negative test', () => {
  const tables = [CHAIN_CASES, SECRET_CASES, CHANGE_CASES, POSTURE_CASES, FEDERATION_CASES]
  const tested = new Set(tables.flatMap((cases) => cases.map(({ code }) => code)))
  expect(sorted([...tested])).toEqual(sorted(LINT_CODES))
  // Within a table each code stands once.
  for (const cases of tables) expect(new Set(cases.map(({ code }) => code)).size).toBe(cases.length)
})

test('docs/lint.md has exactly one row for every code, with the severity that it has', () => {
  expect(sorted(rows.map(({ code }) => code))).toEqual(sorted(LINT_CODES))
  const severities = Object.fromEntries(rows.map(({ code, severity }) => [code, severity]))
  expect(severities).toEqual({ ...LINT_SEVERITIES })
  expect(rows.filter(({ meaning }) => meaning === '')).toEqual([])
})

test('each of the 21 mistakes of the field has a finding', () => {
  const numbers = new Set(rows.map(({ number }) => Number(number)))
  for (let number = 1; number <= 21; number++) expect([number, numbers.has(number)]).toEqual([number, true])
})
