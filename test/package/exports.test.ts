import { expect, inject, test } from 'vitest'
import { run, subpaths } from '../../tools/pack.mjs'
import { expectToMatchFile } from './snapshot.ts'

test('every subpath exports exactly the names on record', () => {
  const specifiers = subpaths().map(({ specifier }) => specifier)
  // A process of its own loads the package as users do, not through the test runner's loader.
  const program = `
    const names = {}
    for (const specifier of ${JSON.stringify(specifiers)}) names[specifier] = Object.keys(await import(specifier)).sort()
    console.log(JSON.stringify(names))`
  const output = run(process.execPath, ['--input-type=module', '--eval', program], inject('consumer'))
  expectToMatchFile('exports.json', JSON.parse(output))
})

test('the package itself has every name of the pure subpaths, and no others', () => {
  const pure = ['x509', 'verify', 'spiffe', 'csr', 'ca', 'rotation', 'inspect'].map(
    (name) => `mesh-pki/${name}`,
  )
  const program = `
    const namesOf = async (specifier) => Object.keys(await import(specifier))
    const pure = (await Promise.all(${JSON.stringify(pure)}.map(namesOf))).flat()
    console.log(JSON.stringify({ pure, own: await namesOf('mesh-pki') }))`
  const output = run(process.execPath, ['--input-type=module', '--eval', program], inject('consumer'))
  const found: { pure: string[]; own: string[] } = JSON.parse(output)
  expect([...new Set(found.own)].sort()).toEqual([...new Set([...found.pure, 'MeshPkiError'])].sort())
})
