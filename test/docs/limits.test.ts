import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { membersOf } from './support.ts'

const ROW = /^\| ([^|]+) \| (\d+) \| `([\w./-]+)` `([\w.]+)` \| `(\w+)` \|$/gm
const rows = [...readFileSync('docs/limits.md', 'utf8').matchAll(ROW)].map(
  ([, what, limit, file, name, code]) => ({
    what: what ?? '',
    limit: Number(limit),
    file: `src/${file}`,
    name: name ?? '',
    code: code ?? '',
  }),
)
const codes = membersOf('MeshPkiErrorCode', readFileSync('src/errors.ts', 'utf8'))

/** The value of a constant: a product, a power or a shift of numbers. */
function numberOf(expression: string): number {
  const text = expression.replaceAll('_', '').trim()
  const [, a, operator, rest] = /^(\d+)\s*(\*\*|\*|<<)\s*(.+)$/.exec(text) ?? []
  if (operator === undefined) return Number(text)
  if (operator === '**') return Number(a) ** numberOf(rest ?? '')
  return operator === '<<' ? Number(a) * 2 ** numberOf(rest ?? '') : Number(a) * numberOf(rest ?? '')
}

function constantIn(file: string, name: string): number | undefined {
  const text = readFileSync(file, 'utf8')
  const [object, member] = name.split('.')
  if (member === undefined) {
    const [, expression] = new RegExp(`const ${name}(?:: number)? = ([^\\n]+)`).exec(text) ?? []
    return expression === undefined ? undefined : numberOf(expression)
  }
  const body = text.slice(text.indexOf(`const ${object}`))
  const [, expression] = new RegExp(`\\b${member}: ([\\d_]+)`).exec(body) ?? []
  return expression === undefined ? undefined : numberOf(expression)
}

test('every row of a table is read', () => {
  const lines = readFileSync('docs/limits.md', 'utf8').split('\n')
  const tables = lines.filter((line) => line.startsWith('| ') && !line.startsWith('| of |'))
  expect(rows).toHaveLength(tables.length)
  expect(rows.length).toBeGreaterThan(30)
})

describe.each(rows)('$what', ({ limit, file, name, code }) => {
  test('is what the code says', () => {
    expect(existsSync(file), file).toBe(true)
    expect(constantIn(file, name)).toBe(limit)
  })

  test('is refused with what there is', () => {
    expect(code === 'RangeError' || codes.includes(code), code).toBe(true)
  })
})

test('a constant is read as it is written', () => {
  expect(['4096', '64 * 1024', '2 ** 22', '1 << 20', '10_000'].map(numberOf)).toEqual([
    4096, 65_536, 4_194_304, 1_048_576, 10_000,
  ])
})
