import { relative } from 'node:path'
import { expect, inject, test } from 'vitest'
import { filesUnder } from '../../tools/source.mjs'
import { expectToMatchFile } from './snapshot.ts'

const packed = () =>
  filesUnder(inject('installed'), /./)
    .map((file) => relative(inject('installed'), file).split('\\').join('/'))
    .sort()

test('the tarball holds exactly the files on record', () => {
  expectToMatchFile('files.json', packed())
})

test('the tarball holds documents, declarations, modules and the vectors, nothing else', () => {
  const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']
  const strays = packed().filter(
    (file) =>
      !documents.includes(file) &&
      file !== 'dist/spiffe/vectors.json' &&
      !/^dist\/.+(?<!\.test)\.(js|d\.ts)$/.test(file),
  )
  expect(strays).toEqual([])
})
