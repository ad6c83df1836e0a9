// Packs the package and sets it up the way a user has it: unpacked under node_modules, away from this
// repository, with nothing else there but its declared dependencies.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { platform } from 'node:process'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean | readonly string[]} sideEffects
 * @property {Readonly<Record<string, string | { types: string, default: string }>>} exports
 * @property {Readonly<Record<string, string>>} dependencies
 * @property {Readonly<Record<string, string>>} peerDependencies
 * @property {Readonly<Record<string, { readonly optional: boolean }>>} peerDependenciesMeta
 * @property {Readonly<Record<string, string>>} scripts
 * @property {unknown} [repository]
 */

/** @returns {Manifest} */
export function readManifest() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

/**
 * The subpaths that carry code, as `.` or `./name`, with the files they lead to.
 *
 * @returns {{ subpath: string, specifier: string, types: string, file: string }[]}
 */
export function subpaths() {
  const { name, exports } = readManifest()
  return Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string'
      ? []
      : [{ subpath, specifier: name + subpath.slice(1), types: target.types, file: target.default }],
  )
}

/**
 * Runs a command to its end; its output is shown only when it fails.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} cwd
 */
export function run(command, args, cwd) {
  // npm is a script on Windows, which only a shell can start.
  const shell = platform === 'win32' && command === 'npm'
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', shell, maxBuffer: 1 << 26 })
  if (result.error) throw result.error
  if (result.status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${result.status}\n${result.stdout}${result.stderr}`,
    )
  }
  return result.stdout
}

/**
 * Builds and packs; `prepack` does the build, so the tarball is what `npm publish` would send.
 *
 * @param {string} destination emptied first
 * @returns {string} the tarball
 */
export function pack(destination) {
  rmSync(destination, { recursive: true, force: true })
  mkdirSync(destination, { recursive: true })
  run('npm', ['pack', '--silent', '--pack-destination', destination], root)
  const tarball = readdirSync(destination).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack left no tarball')
  return resolve(destination, tarball)
}

/**
 * A fresh folder with the unpacked tarball. Dependencies and peers are links to those installed here, so that
 * no network is needed; whatever the manifest does not declare cannot be found from there.
 *
 * @param {string} tarball
 * @returns {{ folder: string, installed: string, remove: () => void }}
 */
export function unpackConsumer(tarball) {
  const { name, dependencies, peerDependencies } = readManifest()
  // Compilers and bundlers report real paths; start from one.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mesh-pki-consumer-')))
  const modules = join(folder, 'node_modules')
  const installed = join(modules, name)
  mkdirSync(installed, { recursive: true })
  run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], folder)
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(modules, dependency)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', dependency), link, 'junction')
  }
  return { folder, installed, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
