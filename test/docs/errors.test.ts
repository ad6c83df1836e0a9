import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { membersOf } from './support.ts'

/** The codes that begin a table row, in the order of the document. */
const rowsOf = (text: string) => [...text.matchAll(/^\|\s*`(ERR_[A-Z0-9_]+)`\s*\|/gm)].map(([, code]) => code)

test('docs/errors.md has exactly one row for every code, and none besides', () => {
  const codes = membersOf('MeshPkiErrorCode', readFileSync('src/errors.ts', 'utf8'))
  expect(codes).not.toEqual([])
  expect(codes.filter((code) => !/^ERR_[A-Z0-9_]+$/.test(code))).toEqual([])
  expect(rowsOf(readFileSync('docs/errors.md', 'utf8')).sort()).toEqual(codes.sort())
})

describe('the gate itself', () => {
  test('reads a union', () => {
    const text = "export type Other = 'ERR_C'\nexport type Codes =\n  // why\n  | 'ERR_A'\n  | 'ERR_B'\n"
    expect(membersOf('Codes', text)).toEqual(['ERR_A', 'ERR_B'])
    expect(membersOf('Other', text)).toEqual(['ERR_C'])
    expect(membersOf('Codes', 'type Codes = 1 | Other')).toEqual(['(TSLiteralType)', '(TSTypeReference)'])
  })

  test('reads rows, twice when they stand twice', () => {
    const text =
      '| code | meaning |\n| --- | --- |\n| `ERR_A` | one |\n|`ERR_B`| see `ERR_A` |\n| `ERR_A` | two |\n'
    expect(rowsOf(text)).toEqual(['ERR_A', 'ERR_B', 'ERR_A'])
  })
})
