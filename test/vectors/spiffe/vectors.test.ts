import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { isVector, judge, type Vector } from './judge.ts'

const document: unknown = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'))
const { vectors, notTestable, time } = readDocument(document)

/** Rows of the checklist: SPIFFE-ID, X509-SVID, bundles and maps, federation. */
const ROWS = [rows('ID', 23), rows('X', 27), rows('B', 15), rows('F', 23)].flat()

test('every row of the checklist has vectors, or a reason why not', () => {
  const covered = new Set([...vectors.map(({ row }) => row), ...Object.keys(notTestable)])
  expect(ROWS.filter((row) => !covered.has(row))).toEqual([])
  expect([...covered].filter((row) => !ROWS.includes(row))).toEqual([])
  expect(Object.keys(notTestable)).toEqual(['F-07', 'F-12', 'F-17'])
})

test('there are as many as on record, each with a name of its own', () => {
  expect(new Set(vectors.map(({ id }) => id)).size).toBe(vectors.length)
  expect(vectors.length).toBe(382)
  expect(vectors.filter(({ verdict }) => verdict === 'reject').length).toBe(211)
})

describe.each([...new Set(vectors.map(({ kind }) => kind))])('%s', (kind) => {
  test.each(vectors.filter((vector) => vector.kind === kind))('$id: $comment', async (vector) => {
    const outcome = await judge(vector, time)
    expect(outcome).toEqual(expected(vector))
  })
})

/** What the judge must answer: a vector says only what matters, so the rest is left out on both sides. */
function expected({ verdict, code, reason, result }: Vector) {
  if (verdict === 'accept') return { verdict, ...(result === undefined ? {} : { result }) }
  return {
    verdict,
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
    ...(result === undefined ? {} : { result }),
  }
}

function rows(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(2, '0')}`)
}

function readDocument(value: unknown) {
  if (typeof value !== 'object' || value === null || !('vectors' in value) || !Array.isArray(value.vectors))
    throw new Error('no vectors')
  const all: readonly unknown[] = value.vectors
  const vectors = all.filter(isVector)
  if (vectors.length !== all.length) throw new Error('a vector lacks a part')
  const { notTestable, time } = value as unknown as { notTestable: Record<string, string>; time: string }
  return { vectors, notTestable, time: new Date(time) }
}

test('a judge that is wrong is found out', async () => {
  const [one] = vectors.filter(({ verdict }) => verdict === 'reject')
  if (one === undefined) throw new Error('there is one')
  expect(await judge(one, time)).not.toEqual({ verdict: 'accept' })
  await expect(judge({ ...one, kind: 'no-such-kind' }, time)).rejects.not.toBeInstanceOf(MeshPkiError)
})
