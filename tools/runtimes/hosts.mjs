// The hosts that the package is claimed to run on: which, at what version, and how each runs the suite.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { env, execPath, version } from 'node:process'
import { root } from '../pack.mjs'
import { runChromium } from './chromium.mjs'
import { runProcess } from './run-process.mjs'
import { runWorkerd } from './workerd.mjs'

export const home = join(root, 'test', 'runtime')

/** @type {Record<string, string>} */
const pinned = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).dependencies

/** The whole suite on one host, with all of its bundling and starting, in milliseconds. */
const TIME_LIMIT = 150_000

/** @typedef {{ output: string, problem: string | undefined }} Run */

/**
 * @typedef {object} Host
 * @property {string} id as hosts.json names it
 * @property {string} title
 * @property {() => string | undefined} missing why it cannot be used, if it cannot
 * @property {(folder: string) => Promise<Run>} run
 */

/** The version behind a pin: `1.4.5`, or that of `npm:node@22.23.3`. @param {string} name */
const wantedOf = (name) => {
  const spec = pinned[name]
  if (spec === undefined) throw new Error(`test/runtime/package.json has no ${name}`)
  return spec.slice(spec.lastIndexOf('@') + 1)
}

const bin = (/** @type {string[]} */ ...path) => join(home, 'node_modules', ...path)

/**
 * What a program says of its version, without what separates digits: workerd prints the date that is in its version.
 *
 * @param {string} command
 */
const printedVersion = (command) =>
  (spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout ?? '').replaceAll('-', '')

/**
 * @param {string} command
 * @param {string} wanted a part of what it prints
 */
function missingAt(command, wanted) {
  if (existsSync(command) && printedVersion(command).includes(wanted)) return undefined
  return 'it did not install'
}

/**
 * @param {string} id
 * @param {string} title
 * @param {string} command
 * @param {{ wanted?: string, args?: readonly string[] }} [options]
 * @returns {Host}
 */
function processHost(id, title, command, { wanted, args = [] } = {}) {
  return {
    id,
    title,
    missing: () => (wanted === undefined ? undefined : missingAt(command, wanted)),
    run: (cwd) => runProcess(command, [...args, 'hosts/process.mjs'], { cwd, timeLimit: TIME_LIMIT }),
  }
}

/** @param {string} name */
function pinnedNode(name) {
  const wanted = wantedOf(name)
  return processHost(name, `Node.js ${wanted}`, bin(name, 'bin', 'node'), { wanted })
}

/**
 * @param {string} id
 * @param {string} title
 * @param {readonly string[]} flags
 * @returns {Host}
 */
function workerdHost(id, title, flags) {
  const command = bin('.bin', 'workerd')
  const [, date = ''] = wantedOf('workerd').split('.')
  return {
    id,
    title,
    missing: () => missingAt(command, date),
    run: (folder) => runWorkerd({ folder, command, flags, timeLimit: TIME_LIMIT }),
  }
}

/** @returns {Host} */
function chromiumHost() {
  const command = env['MESH_PKI_CHROMIUM'] ?? 'chromium'
  const [, found] = /(\d+(?:\.\d+)+)/.exec(printedVersion(command)) ?? []
  return {
    id: 'chromium',
    title: `Chromium ${found ?? ''}`.trim(),
    missing: () =>
      found === undefined
        ? `there is no ${command}; apt-get install chromium, or set MESH_PKI_CHROMIUM`
        : undefined,
    run: (folder) => runChromium({ folder, command, timeLimit: TIME_LIMIT }),
  }
}

const DENO_ARGS = ['run', '--allow-all', '--no-config', '--node-modules-dir=manual']
const workerd = `workerd ${wantedOf('workerd')}`

/** Those that npm installs, and the Node that runs this, which stands for the oldest one. @type {readonly Host[]} */
export const npmHosts = [
  processHost('node20', `Node.js ${version.slice(1)}`, execPath),
  pinnedNode('node22'),
  pinnedNode('node24'),
  pinnedNode('node26'),
  processHost('bun', `Bun ${wantedOf('bun')}`, bin('.bin', 'bun'), { wanted: wantedOf('bun') }),
  processHost('deno', `Deno ${wantedOf('deno')}`, bin('.bin', 'deno'), {
    wanted: wantedOf('deno'),
    args: DENO_ARGS,
  }),
  workerdHost('workerd', `${workerd}, WebCrypto alone`, ['no_nodejs_compat', 'no_nodejs_compat_v2']),
  workerdHost('workerd-nodejs', `${workerd}, as it comes`, []),
]

/** What comes from the system's packages. @returns {readonly Host[]} */
export const systemHosts = () => [chromiumHost()]
