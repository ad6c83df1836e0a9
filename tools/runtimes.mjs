// Runs the cases of test/runtime from the packed tarball on every runtime that we claim, each started bare: a test runner
// loads modules in its own way and hides what a user would meet.
//
//   node tools/runtimes.mjs [--report <file>] [host…]
//
// Without names all hosts run. --report leaves the counts as JSON, with the names of what failed.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, env } from 'node:process'
import { pack, root, run } from './pack.mjs'
import { home, npmHosts, systemHosts } from './runtimes/hosts.mjs'
import { linesOf, outcomeOf, reportOf } from './runtimes/outcome.mjs'

/** @typedef {import('./runtimes/hosts.mjs').Host} Host */
/** @typedef {import('./runtimes/outcome.mjs').Outcome} Outcome */

/** @type {{ cases: number, lacks: Record<string, readonly string[]> }} */
const declared = JSON.parse(readFileSync(join(home, 'hosts.json'), 'utf8'))
const required = (env['MESH_PKI_REQUIRE'] ?? '').split(',').some((name) => name.trim() === 'runtimes')

/**
 * Installs the runtimes, unless they are there, and the package with its production dependencies and the peers that
 * run everywhere.
 *
 * @param {readonly Host[]} hosts
 * @param {string} tarball
 * @param {string} folder where the package goes
 */
function install(hosts, tarball, folder) {
  const isMissing = (/** @type {Host} */ host) => host.missing() !== undefined
  if (hosts.some(isMissing)) run('npm', ['install', '--no-audit', '--no-fund'], home)
  const missing = hosts.filter(isMissing).map(({ title }) => title)
  if (missing.length > 0) throw new Error(`${missing.join(', ')} did not install`)
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const flags = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  const peers = ['jose', '@opentelemetry/api'].map((name) => `${name}@${devDependencies[name]}`)
  run('npm', ['install', ...flags, tarball, ...peers], folder)
  for (const name of ['suite.mjs', 'cases', 'hosts', 'vectors']) {
    cpSync(join(home, name), join(folder, name), { recursive: true })
  }
}

/**
 * @param {Host} host
 * @param {string} folder
 */
async function tryHost({ id, title, run }, folder) {
  const lacks = declared.lacks[id]
  if (lacks === undefined) throw new Error(`hosts.json does not say what ${id} lacks`)
  const facts = [`name = ${JSON.stringify(id)}`, `lacks = ${JSON.stringify(lacks)}`]
  writeFileSync(join(folder, 'host.mjs'), facts.map((fact) => `export const ${fact}\n`).join(''))
  // A bundle that cannot be made is a failure of this host, and says nothing of the next.
  const ended = await run(folder).catch((error) => ({ output: '', problem: `did not start: ${error}` }))
  const outcome = outcomeOf(title, ended, declared.cases)
  console.log(linesOf(outcome))
  return outcome
}

/**
 * @param {string} what
 * @param {string} why
 * @returns {readonly Outcome[]} a failure where it was demanded, else nothing
 */
function notRun(what, why) {
  // Without a network this is nobody's fault, so the whole story is only told where it counts.
  console.log(`${what}: not run, ${required ? why : why.split('\n')[0]}`)
  return required ? [{ title: what, results: [], problem: `not run, ${why}` }] : []
}

/**
 * @param {readonly string[]} names
 * @returns {Promise<readonly Outcome[]>}
 */
async function main(names) {
  const isAsked = (/** @type {Host} */ { id }) => names.length === 0 || names.includes(id)
  const fromNpm = npmHosts.filter(isAsked)
  const fromSystem = systemHosts().filter(isAsked)
  // Outside of what follows: a package that does not build is a failure wherever this runs.
  const tarball = pack(join(root, 'build', 'pack-runtimes'))
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-runtimes-'))
  // Also when it is interrupted; the hosts have been ended by then.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  /** @type {Outcome[]} */
  const outcomes = []
  try {
    install(fromNpm, tarball, folder)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return notRun('suite runtimes', `cannot be installed: ${text}`)
  }
  for (const host of [...fromNpm, ...fromSystem]) {
    const missing = host.missing()
    outcomes.push(
      ...(missing === undefined ? [await tryHost(host, folder)] : notRun(`runtime ${host.id}`, missing)),
    )
  }
  return outcomes
}

const args = argv.slice(2)
const at = args.indexOf('--report')
const reportFile = at < 0 ? undefined : args[at + 1]
const names = args.filter((arg) => !arg.startsWith('--') && arg !== reportFile)
const known = [...npmHosts, ...systemHosts()].map(({ id }) => id)
if (names.some((name) => !known.includes(name))) {
  console.error(`usage: runtimes [--report <file>] [${known.join(' | ')}]…`)
  process.exit(2)
}
const report = reportOf(await main(names))
if (reportFile !== undefined) writeFileSync(reportFile, JSON.stringify(report))
process.exitCode = report.failed === 0 ? 0 : 1
