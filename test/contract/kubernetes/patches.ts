/**
 * Merge patches (RFC 7396) and JSON patches (RFC 6902).
 */
import { describe, expect, test } from 'vitest'
import {
  configMap,
  configMaps,
  expectRefusal,
  type GetApi,
  JSON_PATCH,
  MERGE,
  makeNamespace,
  objectOf,
  send,
  versionOf,
} from './support.ts'

export function describePatches(getApi: GetApi): void {
  describe('merge patch', () => {
    test('sets and takes away members', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a', { data: { x: '1', y: '1' } }))
      const patch = { data: { x: null, z: '3' } }
      const changed = objectOf(
        await send(admin, 'PATCH', configMaps(ns, 'a'), patch, { contentType: MERGE }),
        200,
      )
      expect(changed['data']).toEqual({ y: '1', z: '3' })
      const again = objectOf(
        await send(admin, 'PATCH', configMaps(ns, 'a'), patch, { contentType: MERGE }),
        200,
      )
      expect(versionOf(again)).toBe(versionOf(changed))
    })

    test.each<[string, unknown, number, string | undefined, string[], string[]]>([
      ['an old version', { metadata: { resourceVersion: '1' }, data: { x: '2' } }, 409, 'Conflict', [], []],
      ['another name', { metadata: { name: 'b' } }, 400, 'BadRequest', [], []],
      ['another UID', { metadata: { uid: 'b' } }, 422, 'Invalid', ['FieldValueInvalid'], ['metadata.uid']],
      ['a list', [1], 422, 'Invalid', ['FieldValueInvalid'], ['patch']],
    ])('refuses %s', async (_what, patch, status, reason, causes, fields) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a'))
      const answer = await send(admin, 'PATCH', configMaps(ns, 'a'), patch, { contentType: MERGE })
      expectRefusal(answer, status, reason, causes, fields)
    })

    test('of what is not there: NotFound', async () => {
      const ns = await makeNamespace(getApi())
      const answer = await send(getApi().admin, 'PATCH', configMaps(ns, 'a'), {}, { contentType: MERGE })
      expectRefusal(answer, 404, 'NotFound')
    })

    test('with force, which is for apply only', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a'))
      const options = { contentType: MERGE, query: { force: true } } as const
      const answer = await send(admin, 'PATCH', configMaps(ns, 'a'), {}, options)
      expectRefusal(answer, 422, 'Invalid', ['FieldValueForbidden'], ['force'])
    })
  })

  describe('JSON patch', () => {
    test.each<[string, unknown, number, string | undefined, object | undefined]>([
      [
        'what fits',
        [
          { op: 'test', path: '/data/x', value: '1' },
          { op: 'add', path: '/data/a~1b', value: '2' },
          { op: 'remove', path: '/data/x' },
        ],
        422,
        'Invalid',
        undefined,
      ],
      [
        'what fits and is valid',
        [
          { op: 'test', path: '/data/x', value: '1' },
          { op: 'copy', from: '/data/x', path: '/data/y' },
          { op: 'move', from: '/data/x', path: '/data/z' },
          { op: 'replace', path: '/data/z', value: '3' },
        ],
        200,
        undefined,
        { y: '1', z: '3' },
      ],
      ['a test that fails', [{ op: 'test', path: '/data/x', value: '2' }], 422, 'Invalid', undefined],
      ['what is not there', [{ op: 'remove', path: '/data/none' }], 422, 'Invalid', undefined],
      ['a map', {}, 400, 'BadRequest', undefined],
    ])('%s', async (_what, patch, status, reason, data) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a', { data: { x: '1' } }))
      const answer = await send(admin, 'PATCH', configMaps(ns, 'a'), patch, { contentType: JSON_PATCH })
      expect([answer.status, Reflect.get(Object(answer.body), 'reason')]).toEqual([status, reason])
      if (data !== undefined) expect(objectOf(answer)['data']).toEqual(data)
    })
  })

  test('a patch of no known type: 415', async () => {
    const { admin } = getApi()
    const ns = await makeNamespace(getApi())
    await send(admin, 'POST', configMaps(ns), configMap('a'))
    const answer = await send(admin, 'PATCH', configMaps(ns, 'a'), {}, { contentType: 'application/json' })
    expectRefusal(answer, 415, 'UnsupportedMediaType')
  })
}
