/** The pictures of trust in the documentation are those of the code. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { elementsOf, parseXml } from '../unit/inspect/strict-xml.ts'
import { trustPictures } from './trust-pictures.ts'

const pictures = await trustPictures()

test.each(['trust-before.svg', 'trust-after.svg'] as const)('docs/%s is drawn by the code', (file) => {
  expect(readFileSync(`docs/${file}`, 'utf8')).toBe(pictures[file])
})

test('docs/inspect.md has the text beside the picture', () => {
  const page = readFileSync('docs/inspect.md', 'utf8')
  const [, text] = /!\[[^\]]*\]\(trust-before\.svg\)[\s\S]*?```text\n([\s\S]*?)```/.exec(page) ?? []
  expect(text).toBe(pictures['trust-before'])
})

const verdicts = (svg: string): readonly string[] =>
  elementsOf(parseXml(svg)).flatMap(({ name, children }) => {
    const [text] = children
    const found =
      name === 'title' && typeof text === 'string' ? /^(\w+) in (\w+): (verified|refused)/.exec(text) : null
    return found === null ? [] : [found.slice(1).join(' ')]
  })

test('before, each cluster verifies itself alone; after, everybody verifies everybody', () => {
  expect(verdicts(pictures['trust-before.svg'])).toEqual([
    'east east verified',
    'east west refused',
    'west east refused',
    'west west verified',
  ])
  expect(verdicts(pictures['trust-after.svg'])).toEqual([
    'east east verified',
    'east west verified',
    'west east verified',
    'west west verified',
  ])
})

test('the keys of the clusters stay the same; the pictures are as wide as a page', () => {
  const keys = (svg: string): readonly string[] => svg.match(/>P-256 [0-9a-f ]+</g) ?? []
  const [before, after] = [keys(pictures['trust-before.svg']), keys(pictures['trust-after.svg'])]
  expect([before.length, after.length]).toEqual([4, 3])
  expect(after.slice(1)).toEqual(before.slice(2))
  for (const svg of [pictures['trust-before.svg'], pictures['trust-after.svg']])
    expect(parseXml(svg).attributes.get('width')).toBe('800')
})
