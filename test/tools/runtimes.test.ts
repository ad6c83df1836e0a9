import { describe, expect, test } from 'vitest'
import { linesOf, outcomeOf, reportOf } from '../../tools/runtimes/outcome.mjs'
import { countsOf, failuresOf } from '../../tools/tally.mjs'

const printed = (results: unknown) => ({
  output: `a warning\nresults: ${JSON.stringify(results)}\n`,
  problem: undefined,
})
const sound = outcomeOf('Bun 1', printed([{ name: 'a' }, { name: 'b' }]), 2)

describe('what a host printed', () => {
  test('passes with as many cases as there are', () => {
    expect(linesOf(sound)).toBe('Bun 1: 2 cases passed')
    expect(countsOf(reportOf([sound]))).toEqual({ passed: 2, failed: 0 })
    expect(failuresOf(reportOf([sound]))).toEqual([])
  })

  test('names the case that failed', () => {
    const outcome = outcomeOf('Bun 1', printed([{ name: 'a' }, { name: 'b', error: 'expected c' }]), 2)
    expect(linesOf(outcome)).toBe('Bun 1: 1 cases passed, 1 FAILED\n  b: expected c')
    expect(countsOf(reportOf([sound, outcome]))).toEqual({ passed: 3, failed: 1 })
    expect(failuresOf(reportOf([sound, outcome]))).toEqual(['Bun 1 › b: expected c'])
  })

  test.each([
    ['fewer cases', [{ name: 'a' }], 'ran 1 cases, where hosts.json has 2'],
    ['one case twice', [{ name: 'a' }, { name: 'a' }], 'ran 2, 1 by name, cases, where hosts.json has 2'],
    ['none', [], 'ran 0 cases, where hosts.json has 2'],
  ])('fails with %s', (_what, results, problem) => {
    const outcome = outcomeOf('Bun 1', printed(results), 2)
    expect(outcome.problem).toBe(problem)
    expect(countsOf(reportOf([outcome])).failed).toBe(1)
    expect(failuresOf(reportOf([outcome]))).toEqual([`Bun 1 › the run: ${problem}`])
  })

  test('fails without results, and with a bad end behind them', () => {
    const silent = outcomeOf('Bun 1', { output: 'Segmentation fault', problem: 'ended with SIGSEGV' }, 2)
    expect(silent.problem).toBe('ended with SIGSEGV\nSegmentation fault')
    expect(outcomeOf('Bun 1', { output: '', problem: undefined }, 2).problem).toBe('ended without results')
    const late = outcomeOf(
      'Bun 1',
      { ...printed([{ name: 'a' }, { name: 'b' }]), problem: 'ended with 1' },
      2,
    )
    expect(linesOf(late)).toBe('Bun 1: 2 cases passed, 0 FAILED; it ended with 1')
    expect(countsOf(reportOf([silent, late]))).toEqual({ passed: 2, failed: 2 })
  })
})
