// What the cases ask with: no test framework, nothing of a host.

/**
 * @typedef {object} Host
 * @property {string} name
 * @property {ReadonlySet<string>} lacks what it is known to lack, by the names of hosts.json
 * @property {(subpath: string) => Promise<object>} load imports a subpath that is written for Node
 */

/** @typedef {{ name: string, run: (host: Host) => void | Promise<void> }} Case */

/** @param {unknown} value */
const shown = (value) =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? String(value)

/**
 * @param {unknown} condition
 * @param {string} what
 */
export function ok(condition, what) {
  if (!condition) throw new Error(`expected ${what}`)
}

/**
 * Compares values as JSON writes them.
 *
 * @param {unknown} actual
 * @param {unknown} expected
 * @param {string} what
 */
export function equal(actual, expected, what) {
  if (shown(actual) !== shown(expected))
    throw new Error(`${what}: expected ${shown(expected)}, got ${shown(actual)}`)
}

/**
 * A result of `checkPath` or `checkSvid` that must be a refusal.
 *
 * @param {{ ok: boolean, error?: { code: string } }} result
 * @param {string} code
 * @param {string} what
 */
export function refused(result, code, what) {
  equal(result.ok ? 'accepted' : result.error?.code, code, what)
}

/**
 * @param {{ ok: boolean, error?: Error }} result
 * @param {string} what
 */
export function accepted(result, what) {
  if (!result.ok) throw new Error(`${what}: ${result.error?.message ?? 'refused'}`)
}

/**
 * Code that must fail with a code of ours, at once or later.
 *
 * @param {() => unknown} run
 * @param {string} code
 * @param {string} what
 */
export async function fails(run, code, what) {
  let answer
  try {
    answer = await run()
  } catch (error) {
    const {
      code: found,
      name,
      message,
    } = /** @type {{ code?: unknown, name?: string, message?: string }} */ (error)
    if (found !== code) throw new Error(`${what}: expected ${code}, got ${name} ${found ?? ''} ${message}`)
    return
  }
  throw new Error(`${what}: expected ${code}, got ${typeof answer}`)
}
