// Runs the smoke program from the packed tarball on every runtime that we claim, each started bare:
// a test runner loads modules in its own way and hides what a user would meet.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, env, execPath, version } from 'node:process'
import { pack, root, run } from './pack.mjs'

const home = join(root, 'test', 'runtime')
const bin = (/** @type {string[]} */ ...path) => join(home, 'node_modules', ...path)

/** @type {Record<string, string>} */
const pinned = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).dependencies

const runtimes = [
  { name: `Node.js ${version.slice(1)}`, command: execPath, args: [] },
  ...Object.entries(pinned).map(([name, spec]) => {
    const wanted = spec.slice(spec.lastIndexOf('@') + 1)
    if (name.startsWith('node')) {
      return { name: `Node.js ${wanted}`, command: bin(name, 'bin', 'node'), args: [], wanted }
    }
    const args = name === 'deno' ? ['run', '--allow-all', '--no-config', '--node-modules-dir=manual'] : []
    return { name: `${name} ${wanted}`, command: bin('.bin', name), args, wanted }
  }),
]

/** @param {{ command: string, wanted?: string }} runtime */
function isInstalled({ command, wanted }) {
  if (wanted === undefined) return true
  if (!existsSync(command)) return false
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return (stdout ?? '').includes(wanted)
}

/**
 * Installs the runtimes, unless they are there, and the package with its production dependencies.
 *
 * @param {string} tarball
 * @param {string} folder where the package goes
 */
function install(tarball, folder) {
  if (!runtimes.every(isInstalled)) run('npm', ['install', '--no-audit', '--no-fund'], home)
  const missing = runtimes.filter((runtime) => !isInstalled(runtime)).map(({ name }) => name)
  if (missing.length > 0) throw new Error(`${missing.join(', ')} did not install`)
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  run('npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', tarball], folder)
  copyFileSync(join(home, 'smoke.mjs'), join(folder, 'smoke.mjs'))
}

/** @returns {{ passed: number, failed: number }} */
function main() {
  // Outside of what follows: a package that does not build is a failure wherever this runs.
  const tarball = pack(join(root, 'build', 'pack-runtimes'))
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-runtimes-'))
  try {
    try {
      install(tarball, folder)
    } catch (error) {
      const required = (env['MESH_PKI_REQUIRE'] ?? '').split(',').some((name) => name.trim() === 'runtimes')
      const text = error instanceof Error ? error.message : String(error)
      // Without a network this is nobody's fault, so the whole story is only told where it counts.
      console.log(`suite runtimes: not run, cannot be installed: ${required ? text : text.split('\n')[0]}`)
      return { passed: 0, failed: required ? 1 : 0 }
    }
    let failed = 0
    for (const { name, command, args } of runtimes) {
      const { status, error, stdout, stderr } = spawnSync(command, [...args, 'smoke.mjs'], {
        cwd: folder,
        encoding: 'utf8',
        timeout: 120_000,
      })
      const passed = status === 0
      if (!passed) failed++
      console.log(`${name}: ${passed ? 'passed' : `FAILED (${error?.message ?? `status ${status}`})`}`)
      if (!passed) console.log(`${stdout}${stderr}`.trimEnd())
    }
    return { passed: runtimes.length - failed, failed }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const result = main()
const report = argv.indexOf('--report')
if (report >= 0) writeFileSync(argv[report + 1] ?? '', JSON.stringify(result))
process.exitCode = result.failed === 0 ? 0 : 1
