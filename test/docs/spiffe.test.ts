import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Row {
  readonly row: string
  readonly verdict: string
}

const document = readFileSync('docs/spiffe.md', 'utf8')
const { vectors } = JSON.parse(readFileSync('test/vectors/spiffe/vectors.json', 'utf8')) as {
  vectors: readonly Row[]
}

const count = (row: string, verdict: string): number =>
  vectors.filter((vector) => vector.row === row && vector.verdict === verdict).length

test('docs/spiffe.md has one row for each requirement, with the vectors that there are', () => {
  const rows = [...document.matchAll(/^\| ([A-Z]+-\d\d) \|.*\| ([^|]*) \|$/gm)].map(
    ([, row = '', found = '']) => ({
      row,
      found,
    }),
  )
  expect(rows.length).toBe(23 + 27 + 15 + 23)
  expect(new Set(rows.map(({ row }) => row)).size).toBe(rows.length)
  for (const { row, found } of rows) {
    const [accept, reject] = [count(row, 'accept'), count(row, 'reject')]
    if (accept + reject > 0) expect(`${row}: ${found}`).toBe(`${row}: ${accept} accept, ${reject} reject`)
    else expect(['unit tests', 'none']).toContain(found)
  }
  expect(vectors.filter((vector) => !rows.some(({ row }) => row === vector.row))).toEqual([])
})
