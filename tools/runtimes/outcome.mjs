// What became of the suite on one host, out of what the host printed; and the report on all of them.

/** @typedef {{ name: string, error?: string }} CaseResult */
/** @typedef {{ title: string, results: readonly CaseResult[], problem: string | undefined }} Outcome */

/** So much of the output of a host that broke off is shown. */
const SHOWN = 4000

/** @param {CaseResult} result */
const isBad = ({ error }) => error !== undefined

/** @param {Outcome} outcome */
const isGood = ({ results, problem }) => problem === undefined && !results.some(isBad)

/**
 * Judges what a host printed. A host that ran fewer cases than there are, or one of them twice, has failed.
 *
 * @param {string} title
 * @param {{ output: string, problem: string | undefined }} run
 * @param {number} wanted how many cases there are
 * @returns {Outcome}
 */
export function outcomeOf(title, { output, problem }, wanted) {
  const [, text] = /^results: (\[.*\])$/m.exec(output) ?? []
  if (text === undefined) {
    const how = problem ?? 'ended without results'
    return { title, results: [], problem: `${how}\n${output.slice(-SHOWN)}`.trimEnd() }
  }
  /** @type {CaseResult[]} */
  const results = JSON.parse(text)
  const distinct = new Set(results.map(({ name }) => name)).size
  if (results.length === wanted && distinct === wanted) return { title, results, problem }
  const counted = distinct === results.length ? `${distinct}` : `${results.length}, ${distinct} by name,`
  return { title, results, problem: `ran ${counted} cases, where hosts.json has ${wanted}` }
}

/**
 * A line for a host, and one for each case that failed.
 *
 * @param {Outcome} outcome
 * @returns {string}
 */
export function linesOf(outcome) {
  const { title, results, problem } = outcome
  const bad = results.filter(isBad)
  const failed = isGood(outcome) ? '' : `, ${bad.length} FAILED`
  const first = `${title}: ${results.length - bad.length} cases passed${failed}${problem === undefined ? '' : `; it ${problem}`}`
  return [first, ...bad.map(({ name, error }) => `  ${name}: ${error}`)].join('\n')
}

/**
 * Counts of cases, and the failures in the form that tally.mjs reads.
 *
 * @param {readonly Outcome[]} outcomes
 */
export function reportOf(outcomes) {
  const counts = { passed: 0, failed: 0 }
  const testResults = outcomes.map((outcome) => {
    const { title, results, problem } = outcome
    const bad = results.filter(isBad)
    counts.passed += results.length - bad.length
    // A host that broke off has failed, whatever it did not come to.
    counts.failed += bad.length + (problem === undefined ? 0 : 1)
    const failures = bad.map(({ name, error }) => ({
      status: 'failed',
      fullName: name,
      failureMessages: [error ?? ''],
    }))
    if (problem !== undefined) {
      failures.push({ status: 'failed', fullName: 'the run', failureMessages: [problem] })
    }
    return { name: title, status: isGood(outcome) ? 'passed' : 'failed', assertionResults: failures }
  })
  return { ...counts, testResults }
}
