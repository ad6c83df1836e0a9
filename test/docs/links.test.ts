/** Links between documents lead somewhere. */

import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsOf } from '../../tools/anchors.mjs'
import { filesUnder } from '../../tools/source.mjs'

const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...filesUnder('docs', /\.md$/),
]

/** Links of a document that lead nowhere. */
function broken(file: string, text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return []
    const [path = '', anchor] = target.split('#')
    const to = path === '' ? file : posix.join(posix.dirname(file), path)
    if (path !== '' && !existsSync(to)) return [target]
    const content = path === '' ? text : anchor === undefined ? '' : readFileSync(to, 'utf8')
    return anchor === undefined || anchorsOf(content).has(anchor) ? [] : [target]
  })
}

test.each(documents)('of %s', (file) => {
  expect(broken(file, readFileSync(file, 'utf8'))).toEqual([])
})

describe('the gate itself', () => {
  test('finds files and headings that are not there', () => {
    const text =
      '# A `b` c\n[x](#a-b-c) [y](#a-b) [z](nowhere.md) [u](https://a.example/#b) [v](../README.md#mesh-pki)'
    expect(broken('docs/a.md', text)).toEqual(['#a-b', 'nowhere.md'])
  })
})
