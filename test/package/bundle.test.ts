import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build as esbuild } from 'esbuild'
import { build as rolldown } from 'rolldown'
import { expect, inject, onTestFinished, test } from 'vitest'
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
