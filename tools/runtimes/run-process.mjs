// Runs a program in a process group of its own, so that its end is the end of everything it started.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'

/** What is kept of the output of one program, in characters; more is no result of ours. */
const MAX_OUTPUT = 1 << 22

/** @type {Set<number>} */
const groups = new Set()

/** @param {number} pid */
function killGroup(pid) {
  groups.delete(pid)
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}

// Groups of their own do not get what a terminal sends.
process.on('exit', () => groups.forEach(killGroup))
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => process.exit(1))

/**
 * @typedef {object} RunOptions
 * @property {string} cwd
 * @property {number} timeLimit in milliseconds
 * @property {Promise<void>} [until] ends the program early, as a page that was seen does
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @returns {Promise<{ output: string, problem: string | undefined }>} all it printed, and how it ended if not well
 */
export async function runProcess(command, args, { cwd, timeLimit, until }) {
  const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  if (child.pid !== undefined) groups.add(child.pid)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => {
      if (output.length < MAX_OUTPUT) output += text
    })
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const ended = once(child, 'close').then(
    ([status, signal]) => (status === 0 ? undefined : `ended with ${status ?? signal}`),
    (error) => String(error.message),
  )
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(`took longer than ${timeLimit} ms`), timeLimit)
  })
  try {
    const problem = await Promise.race([ended, late, ...(until === undefined ? [] : [until])])
    return { output, problem }
  } finally {
    clearTimeout(timer)
    if (child.pid !== undefined) killGroup(child.pid)
    await ended
  }
}
