import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, inject, test } from 'vitest'
import { root, subpaths } from '../../tools/pack.mjs'
import { quoted, tableOf } from '../docs/support.ts'

/** What an import of a whole subpath costs: kB (1000 octets), minified and compressed; peers and what is loaded later do not count. */
async function sizeOf(specifier: string): Promise<number> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from '${specifier}'`, resolveDir: inject('consumer') },
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true,
    write: false,
    metafile: true,
    outdir: 'out',
    absWorkingDir: inject('consumer'),
    external: ['node:*', 'jose', '@opentelemetry/api', '@kubernetes/client-node'],
    logLevel: 'silent',
  })
  const texts = new Map(outputFiles.map(({ path, contents }) => [path, contents]))
  const loaded = new Set<string>()
  const load = (file: string): void => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const { path, kind } of metafile.outputs[file]?.imports ?? [])
      if (kind === 'import-statement' && metafile.outputs[path] !== undefined) load(path)
  }
  load('out/stdin.js')
  const octets = [...loaded].map((file) => texts.get(join(inject('consumer'), file)) ?? new Uint8Array())
  return octets.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0) / 1000
}

const rows = new Map(
  tableOf(readFileSync(join(root, 'README.md'), 'utf8'), '| import | kB |').map(([name, size]) => [
    quoted(name)[0] ?? '',
    Number(size),
  ]),
)

test('the README has the size of every subpath', () => {
  expect([...rows.keys()].sort()).toEqual(
    subpaths()
      .map(({ specifier }) => specifier)
      .sort(),
  )
})

// The table is the budget: what grows past it is looked at, and so is a figure that has become too large.
test.each(subpaths())('$specifier is as large as the README says, and no larger', async ({ specifier }) => {
  const size = await sizeOf(specifier)
  const said = rows.get(specifier) ?? 0
  expect(size).toBeGreaterThan(0)
  expect(size, `${specifier}: ${size.toFixed(1)} kB`).toBeLessThanOrEqual(said)
  expect(size, `${specifier}: ${size.toFixed(1)} kB`).toBeGreaterThan(said * 0.8 - 1)
})
