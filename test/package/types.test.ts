import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, inject, test } from 'vitest'
import { root, run, subpaths } from '../../tools/pack.mjs'

const compilers = { '5.9': 'typescript-5-9', '6.0': 'typescript-6-0', '7.0': 'typescript' }
const resolutions = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}

/** The declarations of `@peculiar/x509` and `@opentelemetry/api` themselves need the DOM. */
const isBridge = (subpath: string) => ['./peculiar', './otel'].includes(subpath)
const isForNode = (subpath: string) => subpath === './node' || subpath.startsWith('./kubernetes/')

/** What each kind of user has declared: most have neither the DOM nor Node. */
const users = [
  { user: 'pure', types: [], lib: ['ES2022'], takes: (at: string) => !isBridge(at) && !isForNode(at) },
  { user: 'bridge', types: [], lib: ['ES2022', 'DOM'], takes: isBridge },
  { user: 'Node', types: ['node'], lib: ['ES2022'], takes: isForNode },
]

const cases = users.flatMap(({ user, types, lib, takes }) => {
  const specifiers = subpaths()
    .filter(({ subpath }) => takes(subpath))
    .map(({ specifier }) => specifier)
  if (specifiers.length === 0) return []
  return Object.entries(compilers).flatMap(([version, compiler]) =>
    Object.entries(resolutions).map(([resolution, options]) => ({
      user,
      version,
      compiler,
      resolution,
      specifiers,
      options: { ...options, types, lib },
    })),
  )
})

beforeAll(() => {
  mkdirSync(join(inject('consumer'), 'node_modules', '@types'), { recursive: true })
  const link = join(inject('consumer'), 'node_modules', '@types', 'node')
  symlinkSync(join(root, 'node_modules', '@types', 'node'), link, 'junction')
})

test.each(cases)('TypeScript $version, $resolution: the declarations compile for a $user user', (a) => {
  const folder = join(inject('consumer'), `types-${a.user}-${a.version}-${a.resolution}`)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    ...a.options,
    target: 'ES2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
  const imports = a.specifiers.map((specifier, at) => `import * as m${at} from '${specifier}'`)
  const names = a.specifiers.map((_, at) => `m${at}`)
  writeFileSync(
    join(folder, 'use.ts'),
    `${imports.join('\n')}\nexport const used: object[] = [${names.join(', ')}]\n`,
  )
  const tsc = join(root, 'node_modules', a.compiler, 'bin', 'tsc')
  expect(run(process.execPath, [tsc, '--version'], folder)).toContain(` ${a.version}.`)
  expect(run(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], folder)).toBe('')
})
