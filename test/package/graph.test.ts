import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, inject, test } from 'vitest'
import { staticGraph } from '../../tools/graph.mjs'
import { readManifest, subpaths } from '../../tools/pack.mjs'

const door = 'dist/internal/peculiar.js'
const isDecorated = (specifier: string) =>
  specifier.startsWith('@peculiar/') || specifier === 'reflect-metadata'
/** Subpaths that exist for Node alone. */
const isForNode = (subpath: string) => subpath === './node' || subpath.startsWith('./kubernetes/')

const graphOf = (file: string) =>
  staticGraph(file, (path) => readFileSync(join(inject('installed'), path), 'utf8'))

test('the walk follows imports and re-exports, and stops at import()', () => {
  const modules: Record<string, string> = {
    'a.js': "import './b.js'; export { x } from './c.js'; void import('./later.js')",
    'b.js': "export * from 'package-b'",
    'c.js': "import { y } from 'node:fs'; import './a.js'; export const x = y",
  }
  const { files, packages } = staticGraph('./a.js', (file) => modules[file] ?? '')
  expect([...files].sort()).toEqual(['a.js', 'b.js', 'c.js'])
  expect([...packages.keys()].sort()).toEqual(['node:fs', 'package-b'])
})

const others = subpaths().filter(({ subpath }) => subpath !== './peculiar')

test.each(others)('$subpath loads none of the decorated libraries', ({ file }) => {
  const { files, packages } = graphOf(file)
  expect([...packages].filter(([specifier]) => isDecorated(specifier))).toEqual([])
  expect([...files]).not.toContain(door)
})

test.each(others.filter(({ subpath }) => !isForNode(subpath)))(
  '$subpath loads nothing of Node',
  ({ file }) => {
    expect([...graphOf(file).packages].filter(([specifier]) => specifier.startsWith('node:'))).toEqual([])
  },
)

/** The subpath that each optional peer is for. It is loaded there and nowhere else; client-node is passed in. */
const peers = { jose: './spiffe/jwt', '@opentelemetry/api': './otel' }

test.each(others)('$subpath loads no optional peer but its own', ({ subpath, file }) => {
  const { packages } = graphOf(file)
  expect(Object.keys(readManifest().peerDependencies).filter((peer) => packages.has(peer))).toEqual(
    Object.entries(peers).flatMap(([peer, at]) => (at === subpath ? [peer] : [])),
  )
})

test('telemetry loads nothing of what it observes', () => {
  expect(
    [...graphOf('./dist/otel/index.js').files].filter(
      (file) => !/^dist\/(otel\/|internal\/|errors\.js)/.test(file),
    ),
  ).toEqual([])
})

test('the root loads neither the bridge, nor test helpers, nor what talks to the outside', () => {
  const strays = [...graphOf('./dist/index.js').files].filter((file) =>
    /^dist\/(peculiar|testing|node|issuers|kubernetes|otel)\//.test(file),
  )
  expect(strays).toEqual([])
})

test('a SPIFFE ID costs at most 3 kB, minified and gzipped', async () => {
  const result = await build({
    stdin: { contents: "export { SpiffeId } from 'mesh-pki/spiffe'", resolveDir: inject('consumer') },
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    logLevel: 'silent',
  })
  const code = result.outputFiles[0]?.contents ?? new Uint8Array()
  expect(code.length).toBeGreaterThan(0)
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(3000)
})
