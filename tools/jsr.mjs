// Tries whether JSR would take the package: a dry run of `deno publish` on a copy of src. Nothing is published.
// Deno is the one that the runtimes are tried on: `npm run test:runtimes -- deno` installs it.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { readManifest, root, run, subpaths } from './pack.mjs'

const deno = join(root, 'test', 'runtime', 'node_modules', '.bin', 'deno')

function main() {
  if (!existsSync(deno)) {
    console.log('suite jsr: not run, there is no Deno: npm run test:runtimes -- deno')
    return !argv.includes('--require')
  }
  const { name, version } = readManifest()
  const folder = join(root, 'build', 'jsr')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const part of ['src', 'README.md', 'LICENSE', 'CHANGELOG.md', 'package.json']) {
    cpSync(join(root, part), join(folder, part), { recursive: true })
  }
  const config = {
    name: `@${name}/${name}`,
    version,
    license: 'Apache-2.0',
    exports: Object.fromEntries(
      subpaths().map(({ subpath, file }) => [
        subpath,
        file.replace('./dist/', './src/').replace(/\.js$/, '.ts'),
      ]),
    ),
    publish: { include: ['src', 'README.md', 'LICENSE', 'CHANGELOG.md'] },
    // As in tsconfig.json, which JSR does not read.
    compilerOptions: {
      lib: ['esnext', 'dom', 'deno.ns'],
      experimentalDecorators: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
    },
    nodeModulesDir: 'auto',
  }
  writeFileSync(join(folder, 'jsr.json'), JSON.stringify(config, undefined, 2))
  run(deno, ['publish', '--dry-run', '--allow-dirty', '--config', 'jsr.json'], folder)
  console.log(
    `JSR would take ${config.name} ${version} with ${subpaths().length} entries; nothing was published`,
  )
  return true
}

process.exitCode = main() ? 0 : 1
