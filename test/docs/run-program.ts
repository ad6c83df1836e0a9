import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { root, subpaths } from '../../tools/pack.mjs'

/** The package by its name, from the sources; a subpath that is not exported is an error. */
const sources: Plugin = {
  name: 'sources',
  setup({ onResolve }) {
    const files = new Map(
      subpaths().map(({ specifier, file }) => [
        specifier,
        join(root, file.replace('./dist/', 'src/').replace(/\.js$/, '.ts')),
      ]),
    )
    onResolve({ filter: /^mesh-pki(?:\/|$)/ }, ({ path }) => {
      const file = files.get(path)
      return file === undefined ? { errors: [{ text: `${path} is not exported` }] } : { path: file }
    })
  },
}

/** Where the programs of a document are put; below the checkout, so that they find what is installed. */
export const programFolder = (document: string): string => join(root, 'build', document)

/**
 * Bundles a program of a document and runs it in a process of its own; answers what it printed. Throws where it ends badly or
 * complains.
 */
export async function outputOf(folder: string, name: string, program: string, cwd = root): Promise<string> {
  const outfile = join(folder, `${name}.mjs`)
  mkdirSync(dirname(outfile), { recursive: true })
  await build({
    stdin: { contents: program, loader: 'ts', resolveDir: root, sourcefile: `${name}.ts` },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    plugins: [sources],
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'silent',
  })
  const { status, stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8', cwd })
  if (status !== 0 || stderr !== '') throw new Error(`${name} ended with ${status}\n${stdout}${stderr}`)
  return stdout
}
