// All cases, on whichever host this is started. A host gives what it is and gets back what passed.
import { importCases } from './cases/imports.mjs'
import { keyCases } from './cases/keys.mjs'
import { kubernetesCases } from './cases/kubernetes.mjs'
import { rotationCases } from './cases/rotation.mjs'
import { signingCases } from './cases/signing.mjs'
import { spiffeCases } from './cases/spiffe.mjs'
import { vectorCases } from './cases/vectors.mjs'

const CASES = [
  ...importCases,
  ...keyCases,
  ...vectorCases,
  ...signingCases,
  ...spiffeCases,
  ...rotationCases,
  ...kubernetesCases,
]

/** The longest that one case may take, in milliseconds: making an RSA key of 4096 bits is left to luck. */
const TIME_LIMIT = 45_000

/** @typedef {{ name: string, error?: string }} CaseResult */

/**
 * Runs every case, one after the other, and answers what became of each.
 *
 * @param {import('./cases/assert.mjs').Host} host
 * @returns {Promise<CaseResult[]>}
 */
export async function runCases(host) {
  /** @type {CaseResult[]} */
  const results = []
  for (const { name, run } of CASES) {
    try {
      await withinTime(async () => run(host))
      results.push({ name })
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
      const where = stack?.split('\n').find((line) => line.includes('mesh-pki')) ?? ''
      results.push({ name, error: `${message} ${where.trim()}`.trimEnd() })
    }
  }
  return results
}

/** @param {() => Promise<void>} run */
async function withinTime(run) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${TIME_LIMIT} ms`)), TIME_LIMIT)
  })
  try {
    await Promise.race([run(), late])
  } finally {
    clearTimeout(timer)
  }
}
