// The suite on workerd: a configuration, and the bundle as its worker.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleSuite, FOR_NODE } from './bundle.mjs'
import { runProcess } from './run-process.mjs'

/** Behaviour of workerd changes by this date, not by its version. From 2026-08-04 on it has Node's modules, unless flags say no. */
const COMPATIBILITY_DATE = '2026-11-01'

/**
 * @param {readonly string[]} flags
 * @returns {string}
 */
function configuration(flags) {
  const modules = ['main', ...FOR_NODE].map(
    (name) => `(name = "${name}.mjs", esModule = embed "${name}.mjs")`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "suite", worker = .suite)]);
const suite :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  compatibilityFlags = [${flags.map((flag) => `"${flag}"`).join(', ')}]
);
`
}

/**
 * @param {{ folder: string, command: string, flags: readonly string[], timeLimit: number }} options
 * @returns {Promise<{ output: string, problem: string | undefined }>}
 */
export async function runWorkerd({ folder, command, flags, timeLimit }) {
  const out = join(folder, 'workerd')
  mkdirSync(out, { recursive: true })
  await bundleSuite(folder, 'hosts/workerd.mjs', out)
  writeFileSync(join(out, 'config.capnp'), configuration(flags))
  return runProcess(command, ['test', 'config.capnp'], { cwd: out, timeLimit })
}
