import { inspect } from 'node:util'
import { expect } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import type { SecretLike } from '../../../src/kubernetes/index.ts'
import * as fixtures from './fixtures.ts'

export const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
export const plain = (secret: SecretLike, key: string) =>
  Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8')

/** A secret with these texts, base64 as the API server gives them. */
export function secretOf(
  texts: Readonly<Record<string, string>>,
  rest: Partial<SecretLike> = {},
): SecretLike {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cacerts', namespace: 'istio-system' },
    type: 'Opaque',
    ...rest,
    data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, base64(text)])),
  }
}

const lines = (text: string) => text.split('\n').filter((line) => line.length > 8 && !/^-----|:/.test(line))
const keyTexts = Object.entries(fixtures)
  .filter(([name]) => name.includes('KEY'))
  .flatMap(([, text]) => lines(text))
const secrets = [
  ...keyTexts.map((line) => line.slice(0, 12)),
  ...keyTexts.map((line) => base64(line).slice(4, 20)),
]

/** Fails when any way of printing the value shows a piece of a key, as PEM or in base64 once more. */
export function expectSealed(value: unknown): void {
  const shown = [
    inspect(value, { depth: 20, showHidden: true, maxStringLength: null }),
    JSON.stringify(value) ?? '',
    String(value),
    value instanceof Error ? `${value.stack} ${inspect(value.cause, { depth: 20 })}` : '',
  ].join('\n')
  for (const secret of secrets) expect(shown).not.toContain(secret)
}

/** What a call throws: a MeshPkiError of this code that shows no key. */
export function refusal(call: () => unknown, code: string): MeshPkiError {
  try {
    call()
  } catch (error) {
    expectSealed(error)
    if (!(error instanceof MeshPkiError)) throw error
    expect([error.code, error.message]).toEqual([code, error.message])
    return error
  }
  throw new Error('expected an exception')
}
