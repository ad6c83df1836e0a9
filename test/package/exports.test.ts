import { inject, test } from 'vitest'
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
