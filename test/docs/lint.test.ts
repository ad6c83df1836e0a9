/** docs/lint.md has the steps and the words of istiod's verdict. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CASES, INCOMPLETE, QUIRKS } from '../unit/kubernetes/lint/check-cacerts-cases.ts'
import { quoted, tableOf } from './support.ts'

const document = readFileSync('docs/lint.md', 'utf8')
const rows = tableOf(document, '| step | what istiod asks | how its message begins | when |').map(
  ([step = '', , messages = '']) => ({ step, messages: quoted(messages) }),
)
/** Every refusal that is compared with the code, and with Go. */
const refusals = [...CASES, ...INCOMPLETE, ...QUIRKS].flatMap(({ name, refused }) =>
  refused === undefined ? [] : [{ name, step: String(refused[0]), message: refused[1] }],
)

test('every step of istiod has a row, in its order', () => {
  expect(rows.map(({ step }) => step)).toEqual(['incomplete', '1', '2', '3', '4', '5', '6'])
})

test.each(refusals)('$name: the words of step $step', ({ step, message }) => {
  const begins = rows.find((row) => row.step === step)?.messages ?? []
  expect(begins.filter((begin) => message.startsWith(begin))).toHaveLength(1)
})

test('no message stands there that istiod does not say', () => {
  const source = readFileSync('src/kubernetes/lint/istiod-verdict.ts', 'utf8')
  const unsaid = rows.flatMap(({ messages }) => messages).filter((begin) => !source.includes(begin.trimEnd()))
  expect(unsaid).toEqual([])
})
