import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { countPart, countsOf, failuresOf, sum } from '../../tools/tally.mjs'
import { withTemporaryFolder } from '../support/openssl.ts'

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((result) => ({ status: result })),
})

describe('a report', () => {
  test.each([
    ['our own counts', { passed: 3, failed: 1 }, { passed: 3, failed: 1 }],
    [
      'passed and failed tests',
      { testResults: [file('passed', 'passed'), file('failed', 'passed', 'failed')] },
      { passed: 2, failed: 1 },
    ],
    ['a file that breaks while it loads', { testResults: [file('failed')] }, { passed: 0, failed: 1 }],
    ['a file that registers nothing', { testResults: [file('passed')] }, { passed: 0, failed: 0 }],
    [
      'a hook that fails after its tests',
      { testResults: [file('failed', 'passed')] },
      { passed: 1, failed: 1 },
    ],
    ['a skipped test', { testResults: [file('passed', 'passed', 'skipped')] }, { passed: 1, failed: 1 }],
  ])('%s', (_, report, counts) => {
    expect(countsOf(report)).toEqual(counts)
  })
})

describe('what failed is named', () => {
  const failed = { status: 'failed', fullName: 'a token is read', failureMessages: ['Error: 404\n at x'] }

  test.each([
    ['our own counts', { passed: 3, failed: 1 }, []],
    ['all passed', { testResults: [file('passed', 'passed')] }, []],
    [
      'a test, with the first line of why',
      { testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults: [failed] }] },
      ['a.test.ts › a token is read: Error: 404'],
    ],
    [
      'a test that did not run',
      { testResults: [{ name: 'a.test.ts', ...file('passed', 'passed', 'skipped') }] },
      ['a.test.ts › : skipped'],
    ],
    [
      'a file that breaks while it loads',
      { testResults: [{ name: 'a.test.ts', message: 'no such module\n', ...file('failed') }] },
      ['a.test.ts: no such module'],
    ],
  ])('%s', (_, report, lines) => {
    expect(failuresOf(report)).toEqual(lines)
  })
})

describe('a part', () => {
  test('without a report counts as one', () => {
    expect([countPart(0), countPart(2)]).toEqual([
      { passed: 1, failed: 0 },
      { passed: 0, failed: 1 },
    ])
  })

  test('whose report is absent or broken has failed', async () => {
    await withTemporaryFolder((folder) => {
      const report = join(folder, 'report.json')
      expect(countPart(0, report)).toEqual({ passed: 0, failed: 1 })
      writeFileSync(report, '{ "passed": 1')
      expect(countPart(0, report)).toEqual({ passed: 0, failed: 1 })
    })
  })

  test('that ended badly has a failure, whatever its report says', async () => {
    await withTemporaryFolder((folder) => {
      const report = join(folder, 'report.json')
      writeFileSync(report, '{ "passed": 7, "failed": 0 }')
      expect(countPart(0, report)).toEqual({ passed: 7, failed: 0 })
      expect(countPart(1, report)).toEqual({ passed: 7, failed: 1 })
    })
  })

  test('that found no test has failed', async () => {
    await withTemporaryFolder((folder) => {
      const report = join(folder, 'report.json')
      writeFileSync(report, '{ "testResults": [] }')
      expect(countPart(0, report)).toEqual({ passed: 0, failed: 1 })
    })
  })
})

test('the sum adds up', () => {
  expect(sum([])).toEqual({ passed: 0, failed: 0 })
  expect(
    sum([
      { passed: 1, failed: 2 },
      { passed: 10, failed: 20 },
    ]),
  ).toEqual({ passed: 11, failed: 22 })
})
