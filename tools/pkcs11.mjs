// Installs what the PKCS#11 test needs, SoftHSM and a WebCrypto over it, and runs the test, which makes a token of its own.
//
//   node tools/pkcs11.mjs [--install]
//
// With --install it only installs: the test then runs among all others.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { argv, env, execPath } from 'node:process'
import { root, run } from './pack.mjs'

const home = join(root, 'test', 'interop', 'pkcs11')

/** @param {string} command */
const isOnPath = (command) => spawnSync(command, ['--version']).error === undefined

/** Whether the WebCrypto is installed and its native part was built for this Node. */
function isBuilt() {
  // A process of its own: a native module that failed to load once stays failed.
  const manifest = JSON.stringify(join(home, 'package.json'))
  const program = `require('node:module').createRequire(${manifest})('node-webcrypto-p11')`
  return spawnSync(execPath, ['--eval', program]).status === 0
}

function install() {
  if (!isOnPath('softhsm2-util')) {
    run('apt-get', ['update'], root)
    run('apt-get', ['install', '-y', '--no-install-recommends', 'softhsm2'], root)
  }
  if (isBuilt()) return
  // The native part is compiled. Where Node came with its headers, nothing needs to fetch them.
  const prefix = dirname(dirname(execPath))
  if (existsSync(join(prefix, 'include', 'node', 'node_api.h'))) env['npm_config_nodedir'] ??= prefix
  run('npm', ['ci', '--no-audit', '--no-fund'], home)
  if (!isBuilt()) throw new Error('node-webcrypto-p11 was installed, but its native part does not load')
}

install()
if (!argv.includes('--install')) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [vitest, 'run', '--project', 'source', 'test/interop/pkcs11.test.ts']
  const required = [env['MESH_PKI_REQUIRE'], 'softhsm'].filter((name) => name !== undefined).join(',')
  const { status } = spawnSync(execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...env, MESH_PKI_REQUIRE: required },
  })
  process.exitCode = status ?? 1
}
