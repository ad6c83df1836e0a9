// Sums what the parts of a run reported, names what failed, and ends with the line `N passed, N failed`.
//
// Each argument is `name=status` or `name=status:file`: the exit status of a part, and the report it
// should have left, either vitest's JSON or `{ "passed": n, "failed": n }`.
import { readFileSync } from 'node:fs'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'

/** @typedef {{ passed: number, failed: number }} Counts */
/** @typedef {{ status: string, fullName?: string, failureMessages?: string[] }} TestResult */
/** @typedef {{ status: string, name?: string, message?: string, assertionResults: TestResult[] }} FileResult */

/**
 * @param {unknown} report
 * @returns {Counts}
 */
export function countsOf(report) {
  const { passed, failed, testResults } = /** @type {Record<string, unknown>} */ (report)
  if (typeof passed === 'number' && typeof failed === 'number') return { passed, failed }
  const counts = { passed: 0, failed: 0 }
  for (const { status, assertionResults } of /** @type {FileResult[]} */ (testResults)) {
    const good = assertionResults.filter((result) => result.status === 'passed').length
    counts.passed += good
    // Nothing is skipped on purpose, so a test that did not run is one that failed.
    counts.failed += assertionResults.length - good
    // A file that breaks while it loads has no tests to count.
    if (status !== 'passed' && good === assertionResults.length) counts.failed++
  }
  return counts
}

/**
 * A line for every test that did not pass: the end of a long log is all that some readers are shown.
 *
 * @param {unknown} report
 * @returns {string[]}
 */
export function failuresOf(report) {
  const { testResults = [] } = /** @type {{ testResults?: FileResult[] }} */ (report)
  /** @param {string | undefined} text */
  const firstLine = (text) => (text ?? '').split('\n', 1)[0]
  return testResults.flatMap(({ status, name = '', message, assertionResults }) => {
    const bad = assertionResults.filter((result) => result.status !== 'passed')
    if (bad.length === 0) return status === 'passed' ? [] : [`${name}: ${firstLine(message)}`]
    return bad.map(
      ({ status, fullName = '', failureMessages = [] }) =>
        `${name} › ${fullName}: ${firstLine(failureMessages[0]) || status}`,
    )
  })
}

/**
 * What a part adds to the sum; a part that ended badly never adds zero failures.
 *
 * @param {number} status its exit status
 * @param {string} [file] its report
 * @returns {Counts}
 */
export function countPart(status, file) {
  const passed = { passed: 1, failed: 0 }
  const failed = { passed: 0, failed: 1 }
  if (file === undefined) return status === 0 ? passed : failed
  /** @type {Counts} */
  let counts
  try {
    counts = countsOf(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return failed
  }
  // No test at all is a run that found nothing, not a run that went well.
  if (counts.failed === 0 && (status !== 0 || counts.passed === 0)) return { ...counts, failed: 1 }
  return counts
}

/**
 * @param {string | undefined} file
 * @returns {string[]}
 */
function failuresIn(file) {
  if (file === undefined) return []
  try {
    return failuresOf(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    return [`${file} cannot be read: ${error}`]
  }
}

/**
 * @param {readonly Counts[]} parts
 * @returns {Counts}
 */
export function sum(parts) {
  const total = { passed: 0, failed: 0 }
  for (const { passed, failed } of parts) {
    total.passed += passed
    total.failed += failed
  }
  return total
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const total = sum(
    argv.slice(2).map((part) => {
      const [, name = part, status = '1', file] = /^([^=]*)=(\d+)(?::(.+))?$/.exec(part) ?? []
      const counts = countPart(Number(status), file)
      if (counts.failed > 0) {
        console.log(`\n${name} ended with ${status}, ${counts.failed} failed`)
        for (const failure of failuresIn(file)) console.log(`  ${failure}`)
      }
      return counts
    }),
  )
  console.log(`${total.passed} passed, ${total.failed} failed`)
  // Not 1: that is how a crash of this script ends, which prints no line.
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 3
}
