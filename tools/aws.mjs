// Installs what the AWS test needs, moto's server and the AWS SDK, and runs the test, which starts a server of its own.
//
//   node tools/aws.mjs [--install]
//
// With --install it only installs: the test then runs among all others.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv, env, execPath } from 'node:process'
import { root, run } from './pack.mjs'

const home = join(root, 'test', 'interop', 'aws')
const venv = join(root, 'build', 'moto')
const python = join(venv, 'bin', 'python')

/** Whether moto is there, in the version that is asked for. */
function isInstalled() {
  const wanted = /==(\S+)/.exec(readFileSync(join(home, 'requirements.txt'), 'utf8'))?.[1]
  const { status, stdout } = spawnSync(python, ['-c', 'import moto; print(moto.__version__)'], {
    encoding: 'utf8',
  })
  return status === 0 && stdout.trim() === wanted
}

function install() {
  if (!isInstalled()) {
    run('python3', ['-m', 'venv', venv], root)
    run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', join(home, 'requirements.txt')], root)
  }
  if (!existsSync(join(home, 'node_modules', '@aws-sdk', 'client-kms')))
    run('npm', ['ci', '--no-audit', '--no-fund'], home)
}

install()
if (!argv.includes('--install')) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [vitest, 'run', '--project', 'source', 'test/interop/aws.test.ts']
  const required = [env['MESH_PKI_REQUIRE'], 'moto'].filter((name) => name !== undefined).join(',')
  const { status } = spawnSync(execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...env, MESH_PKI_REQUIRE: required },
  })
  process.exitCode = status ?? 1
}
