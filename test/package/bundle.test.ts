import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { build as esbuild } from 'esbuild'
import { build as rolldown } from 'rolldown'
import { rollup } from 'rollup'
import { expect, inject, onTestFinished, test } from 'vitest'
import webpack from 'webpack'
import { root, run } from '../../tools/pack.mjs'

/** The smoke program beside the installed package, and an empty folder from which no package is found. */
function prepare() {
  const input = join(inject('consumer'), 'smoke.mjs')
  copyFileSync(join(root, 'test', 'runtime', 'smoke.mjs'), input)
  const folder = mkdtempSync(join(tmpdir(), 'mesh-pki-bundle-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { input, output: join(folder, 'bundle.mjs') }
}

// Bundlers treat side effects each in their own way, and a dropped polyfill shows only when the bundle runs.
test('a bundle by esbuild runs', async () => {
  const { input, output } = prepare()
  await esbuild({
    entryPoints: [input],
    outfile: output,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    logLevel: 'silent',
  })
  expect(run(process.execPath, [output], join(output, '..'))).toBe('')
})

test('a bundle by Rolldown runs', async () => {
  const { input, output } = prepare()
  await rolldown({
    input,
    platform: 'browser',
    logLevel: 'silent',
    output: { file: output, format: 'esm', minify: true, codeSplitting: false },
  })
  expect(run(process.execPath, [output], join(output, '..'))).toBe('')
})

test('a bundle by Rollup runs', async () => {
  const { input, output } = prepare()
  const bundle = await rollup({
    input,
    plugins: [nodeResolve()],
    onwarn: (warning) => {
      throw new Error(`Rollup warns: ${warning.message}`)
    },
  })
  // In one file Rollup puts what is imported later below the program, whose own await then comes too early.
  await bundle.write({ dir: join(output, '..'), entryFileNames: 'bundle.mjs', format: 'es' })
  await bundle.close()
  expect(run(process.execPath, [output], join(output, '..'))).toBe('')
})

test('a bundle by webpack runs', async () => {
  const { input, output } = prepare()
  const compiler = webpack({
    entry: input,
    mode: 'production',
    target: 'es2022',
    experiments: { outputModule: true },
    output: { path: join(output, '..'), filename: 'bundle.mjs', module: true, chunkFormat: 'module' },
    performance: false,
  })
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    compiler?.run((error, result) => (error === null ? resolve(result) : reject(error)))
  })
  expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({
    errors: [],
    warnings: [],
  })
  expect(run(process.execPath, [output], join(output, '..'))).toBe('')
})
