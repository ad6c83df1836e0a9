import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { readManifest, subpaths } from '../../tools/pack.mjs'

test('there are five runtime dependencies, no more', () => {
  expect(Object.keys(readManifest().dependencies).sort()).toEqual([
    '@noble/hashes',
    '@peculiar/asn1-schema',
    '@peculiar/x509',
    'reflect-metadata',
    'tslib',
  ])
})

test('every peer is optional', () => {
  const { peerDependencies, peerDependenciesMeta } = readManifest()
  expect(Object.keys(peerDependencies)).toEqual(['@kubernetes/client-node', '@opentelemetry/api', 'jose'])
  for (const peer of Object.keys(peerDependencies))
    expect(peerDependenciesMeta[peer]).toEqual({ optional: true })
})

test('only the door to the decorated libraries has side effects', () => {
  // Bundlers drop the metadata polyfill when the door is not listed, and keep too much when more is.
  expect(readManifest().sideEffects).toEqual(['./dist/internal/peculiar.js'])
})

test('installing the package runs no script', () => {
  const scripts = Object.keys(readManifest().scripts)
  expect(scripts.filter((name) => /^(pre|post)?install$/.test(name))).toEqual([])
})

test.each(subpaths())('$subpath leads to a module and its declarations', ({ types, file }) => {
  expect(existsSync(join(inject('installed'), types))).toBe(true)
  expect(existsSync(join(inject('installed'), file))).toBe(true)
})
