// Runs the gates one after the other, all of them even when one fails, and says at the end which did.
//
//   node tools/check.mjs [--skip-tests] [--report <file>] [gate…]
//
// Without names every gate runs. --report leaves the counts as JSON.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { argv, env, execPath, platform } from 'node:process'
import { pack, root } from './pack.mjs'
import { filesUnder } from './source.mjs'
import { countPart, sum } from './tally.mjs'

/** @typedef {{ title: string, run: () => boolean, report?: string }} Gate */

const build = join(root, 'build')
const path = { PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${env['PATH'] ?? ''}` }

/**
 * @param {string} command
 * @param {...string} args
 */
function succeeds(command, ...args) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...env, ...path },
    // Installed commands are scripts on Windows, which only a shell can start.
    shell: platform === 'win32' && command !== execPath,
  })
  if (result.error) console.error(result.error.message)
  return result.status === 0
}

/**
 * Compiles a project that may have no files yet, which the compiler takes for a mistake.
 *
 * @param {string} config
 * @param {string} folder
 */
function compiles(config, folder) {
  if (filesUnder(folder, /\.ts$/).length === 0) {
    console.log(`${config}: ${folder} has no files`)
    return true
  }
  console.log(config)
  return succeeds('tsc', '-p', config, '--noEmit')
}

/** All of them run, so that one pass shows every error. */
const all = (/** @type {(() => boolean)[]} */ ...checks) =>
  checks.map((check) => check()).every((passed) => passed)

/**
 * @param {string} name
 * @param {...string} projects
 * @returns {Gate}
 */
function vitest(name, ...projects) {
  const report = join(build, 'check', `${name}.json`)
  const output = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const selected = projects.flatMap((project) => ['--project', project])
  return {
    title: `tests: ${projects.join(', ')}`,
    report,
    run: () => succeeds('vitest', 'run', ...selected, ...output),
  }
}

/** Packed at most once a run, since publint and attw both want it. */
let tarball = ''
const packed = () => {
  if (tarball === '') tarball = pack(join(build, 'pack-check'))
  return tarball
}

/** @type {Record<string, Gate>} */
const gates = {
  build: { title: 'build', run: () => succeeds('npm', 'run', '--silent', 'build') },
  types: {
    title: 'types: src, tests, examples, benchmarks, fuzzers, runtimes',
    run: () =>
      all(
        () => compiles('tsconfig.json', 'src'),
        () => compiles('tsconfig.node.json', 'src/node'),
        () => compiles('tsconfig.test.json', 'test'),
        () => compiles('tsconfig.examples.json', 'examples'),
        () => compiles('tsconfig.bench.json', 'bench'),
        () => compiles('tsconfig.fuzz.json', 'test/fuzz'),
        () => succeeds('tsc', '-p', 'test/runtime/tsconfig.json'),
      ),
  },
  lint: { title: 'lint and layers', run: () => succeeds('npm', 'run', '--silent', 'lint') },
  format: { title: 'format', run: () => succeeds('npm', 'run', '--silent', 'format:check') },
  tests: vitest('source', 'source', 'types'),
  package: vitest('package', 'package'),
  publint: { title: 'publint', run: () => succeeds('publint', 'run', packed(), '--strict') },
  attw: { title: 'are the types wrong', run: () => succeeds('attw', packed(), '--profile', 'esm-only') },
  knip: { title: 'unused code and dependencies', run: () => succeeds('knip') },
  'knip-production': { title: 'unused in what is shipped', run: () => succeeds('knip', '--production') },
}

const args = argv.slice(2)
const skipTests = args.includes('--skip-tests')
const reportAt = args.indexOf('--report')
const reportFile = reportAt < 0 ? undefined : args[reportAt + 1]
const names = args.filter((arg) => !arg.startsWith('--') && arg !== reportFile)
const unknown = names.filter((name) => !(name in gates))
if (unknown.length > 0 || (reportAt >= 0 && reportFile === undefined)) {
  console.error(`usage: check [--skip-tests] [--report <file>] [${Object.keys(gates).join(' | ')}]…`)
  process.exit(2)
}

rmSync(join(build, 'check'), { recursive: true, force: true })
/** @type {string[]} */
const failed = []
/** @type {import('./tally.mjs').Counts[]} */
const counts = []
for (const [name, { title, run, report }] of Object.entries(gates)) {
  if (names.length > 0 ? !names.includes(name) : skipTests && name === 'tests') continue
  console.log(`\n=== ${title} ===`)
  let passed = false
  try {
    passed = run()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
  }
  if (!passed) failed.push(name)
  counts.push(countPart(passed ? 0 : 1, report))
}

if (reportFile !== undefined) {
  mkdirSync(dirname(reportFile), { recursive: true })
  writeFileSync(reportFile, JSON.stringify(sum(counts)))
}
console.log(`\n=== summary ===\n${counts.length - failed.length} of ${counts.length} gates passed`)
if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
