// Installs what the tests against a real API server need beside the server itself, both majors of @kubernetes/client-node and
// a Node that the second runs on, and runs those tests.
//
//   node tools/kubernetes.mjs [--install] [vitest's arguments]
//
// With --install it only installs. The server's programs, etcd and kube-apiserver, are taken from $KUBEBUILDER_ASSETS.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { arch, argv, env, execPath, platform } from 'node:process'
import { pathToFileURL } from 'node:url'
import { root, run } from './pack.mjs'

const home = join(root, 'build', 'kubernetes-peers')
const node = `node-${platform === 'win32' ? 'win' : platform}-${arch}`

/** What is installed apart, each in a folder of its own: they are large, and the two majors exclude each other. */
const peers = [
  { folder: 'client-node-1', name: '@kubernetes/client-node', version: '1.4.0' },
  { folder: 'client-node-2', name: '@kubernetes/client-node', version: '2.0.1' },
  { folder: 'node-22', name: node, version: '22.23.3' },
]

/** The folder of a peer, its package and the version that is wanted. */
export const peersAt = peers.map(({ folder, name, version }) => ({
  folder: join(home, folder),
  package: join(home, folder, 'node_modules', ...name.split('/')),
  version,
}))

/** @param {{ package: string, version: string }} peer */
function isInstalled({ package: at, version }) {
  const manifest = join(at, 'package.json')
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version
}

/** Whether all of them are there: `true`, or the reason why not. */
export function peersAvailable() {
  const missing = peersAt.filter((peer) => !isInstalled(peer))
  return missing.length === 0 ? true : 'no @kubernetes/client-node; npm run interop:kubernetes installs it'
}

function install() {
  for (const [i, { name, version }] of peers.entries()) {
    const peer = peersAt[i]
    if (peer === undefined || isInstalled(peer)) continue
    mkdirSync(peer.folder, { recursive: true })
    writeFileSync(join(peer.folder, 'package.json'), '{ "private": true }\n')
    // The second major warns that this Node is too old for it: it runs on the other.
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact']
    run('npm', ['install', ...flags, `${name}@${version}`], peer.folder)
    if (!isInstalled(peer)) throw new Error(`${name} ${version} did not install`)
  }
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  install()
  const rest = argv.slice(2).filter((argument) => argument !== '--install')
  if (!argv.includes('--install')) {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const required = [env['MESH_PKI_REQUIRE'], 'kubernetes'].filter((name) => name !== undefined).join(',')
    const { status } = spawnSync(execPath, [vitest, 'run', '--project', 'kubernetes', ...rest], {
      cwd: root,
      stdio: 'inherit',
      env: { ...env, MESH_PKI_REQUIRE: required },
    })
    process.exitCode = status ?? 1
  }
}
