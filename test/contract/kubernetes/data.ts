/**
 * Secrets and ConfigMaps: what they may hold, and what never changes.
 */
import { describe, expect, test } from 'vitest'
import {
  base64,
  configMap,
  configMaps,
  expectRefusal,
  type GetApi,
  MERGE,
  makeNamespace,
  metaOf,
  objectOf,
  secret,
  secrets,
  send,
} from './support.ts'

const MEBIBYTE = 1_048_576
const LABELLED = { labels: { a: 'b' } }

export function describeData(getApi: GetApi): void {
  describe('Secret', () => {
    test('stringData goes into data, and over it', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const body = secret('s', { stringData: { a: 'x' }, data: { a: base64('y'), b: base64('z') } })
      const made = objectOf(await send(admin, 'POST', secrets(ns), body), 201)
      expect(made).not.toHaveProperty('stringData')
      expect(made['data']).toEqual({ a: base64('x'), b: base64('z') })
      expect(made['type']).toBe('Opaque')
    })

    test.each<[string, object, number, string, string[], string[]]>([
      ['what is not base64', { data: { a: '*' } }, 400, 'BadRequest', [], []],
      ['base64 without its padding', { data: { a: 'eg' } }, 400, 'BadRequest', [], []],
      ['base64 for URLs', { data: { a: '__8=' } }, 400, 'BadRequest', [], []],
      ['a key with a slash', { data: { 'a/b': '' } }, 422, 'Invalid', ['FieldValueInvalid'], ['data[a/b]']],
      ['the key ..', { data: { '..': '' } }, 422, 'Invalid', ['FieldValueInvalid'], ['data[..]']],
      [
        'more than a mebibyte',
        { data: { a: base64(new Uint8Array(MEBIBYTE)), b: base64('x') } },
        422,
        'Invalid',
        ['FieldValueTooLong'],
        ['data'],
      ],
      [
        'kubernetes.io/tls without its keys',
        { type: 'kubernetes.io/tls', data: { a: '' } },
        422,
        'Invalid',
        ['FieldValueRequired'],
        ['data[tls.crt]', 'data[tls.key]'],
      ],
      [
        'a ServiceAccount’s token without its annotation',
        { type: 'kubernetes.io/service-account-token' },
        422,
        'Invalid',
        ['FieldValueRequired'],
        ['metadata.annotations[kubernetes.io/service-account.name]'],
      ],
    ])('refuses %s', async (_what, rest, status, reason, causes, fields) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      expectRefusal(await send(admin, 'POST', secrets(ns), secret('s', rest)), status, reason, causes, fields)
    })

    test.each([
      ['just a mebibyte', { a: base64(new Uint8Array(MEBIBYTE)) }, undefined],
      ['line breaks in base64', { a: 'e\ng==' }, { a: 'eg==' }],
      ['unused bits that are set', { a: 'eh==' }, { a: 'eg==' }],
      ['empty values', { a: '', b: null }, { a: '', b: '' }],
    ])('takes %s', async (_what, data, expected) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', secrets(ns), secret('s', { data })), 201)
      if (expected !== undefined) expect(made['data']).toEqual(expected)
    })

    test('the type never changes', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', secrets(ns), secret('s', { type: 'example.com/a' }))
      const put = await send(admin, 'PUT', secrets(ns, 's'), secret('s', { type: 'example.com/b' }))
      expectRefusal(put, 422, 'Invalid', ['FieldValueInvalid'], ['type'])
      const patch = { type: 'example.com/b' }
      const merged = await send(admin, 'PATCH', secrets(ns, 's'), patch, { contentType: MERGE })
      expectRefusal(merged, 422, 'Invalid', ['FieldValueInvalid'], ['type'])
    })

    test('left out, the type is Opaque, which is a change', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', secrets(ns), secret('s', { type: 'example.com/a' }))
      const put = await send(admin, 'PUT', secrets(ns, 's'), secret('s'))
      expectRefusal(put, 422, 'Invalid', ['FieldValueInvalid'], ['type'])
    })
  })

  describe('ConfigMap', () => {
    test.each<[string, object, number, string, string[], string[]]>([
      ['a key with a slash', { data: { 'a/b': '' } }, 422, 'Invalid', ['FieldValueInvalid'], ['data[a/b]']],
      [
        'a key that stands twice',
        { data: { a: '' }, binaryData: { a: '' } },
        422,
        'Invalid',
        ['FieldValueInvalid'],
        ['data[a]'],
      ],
      [
        'more than a mebibyte',
        { data: { a: 'x'.repeat(MEBIBYTE + 1) } },
        422,
        'Invalid',
        ['FieldValueTooLong'],
        ['[]'],
      ],
      ['binaryData that is not base64', { binaryData: { a: '*' } }, 400, 'BadRequest', [], []],
    ])('refuses %s', async (_what, rest, status, reason, causes, fields) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const answer = await send(admin, 'POST', configMaps(ns), configMap('c', rest))
      expectRefusal(answer, status, reason, causes, fields)
    })
  })

  describe.each<
    [string, (ns: string, name?: string) => string, (name: string, rest?: object, meta?: object) => object]
  >([
    ['immutable Secret', secrets, secret],
    ['immutable ConfigMap', configMaps, configMap],
  ])('%s', (_what, path, make) => {
    const data = { a: 'eA==' }

    test.each<[string, object, string[]]>([
      ['changes its data', { immutable: true, data: { a: 'eQ==' } }, ['data']],
      ['is made mutable', { immutable: false, data }, ['immutable']],
      ['leaves immutable out', { data }, ['immutable']],
    ])('refuses what %s', async (_change, rest, fields) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', path(ns), make('i', { immutable: true, data }))
      const answer = await send(admin, 'PUT', path(ns, 'i'), make('i', rest))
      expectRefusal(answer, 422, 'Invalid', ['FieldValueForbidden'], fields)
    })

    test('takes labels, and can be deleted', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', path(ns), make('i', { immutable: true, data }))
      const labelled = make('i', { immutable: true, data }, LABELLED)
      expect(metaOf(objectOf(await send(admin, 'PUT', path(ns, 'i'), labelled), 200))).toMatchObject(LABELLED)
      objectOf(await send(admin, 'DELETE', path(ns, 'i')), 200)
    })

    test('can become it', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', path(ns), make('i', { data }))
      objectOf(await send(admin, 'PUT', path(ns, 'i'), make('i', { immutable: true, data })), 200)
    })
  })
}
