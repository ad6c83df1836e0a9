// Bundles the suite for hosts without node_modules, the way an application does: platform "browser", nothing of Node.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/** Subpaths that are written for Node: modules apart, which only load where Node's modules are. */
export const FOR_NODE = ['mesh-pki/node', 'mesh-pki/kubernetes/in-cluster']

/**
 * @param {string} folder where the package is installed, and the suite beside it
 * @param {string} entry the host's program
 * @param {string} out the folder of `main.mjs`, and of a module for each of {@link FOR_NODE}
 */
export async function bundleSuite(folder, entry, out) {
  /** @type {import('esbuild').BuildOptions} */
  const common = { bundle: true, format: 'esm', platform: 'browser', target: 'es2022', logLevel: 'silent' }
  await build({
    ...common,
    entryPoints: [join(folder, entry)],
    outfile: join(out, 'main.mjs'),
    // Stacks of failing cases name functions.
    keepNames: true,
  })
  for (const subpath of FOR_NODE) {
    const outfile = join(out, `${subpath}.mjs`)
    const stdin = { contents: `export * from '${subpath}'`, resolveDir: folder }
    await build({ ...common, stdin, outfile, external: ['node:*'] })
    if (!existsSync(outfile)) throw new Error(`no bundle of ${subpath}`)
  }
}
