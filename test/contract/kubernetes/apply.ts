/**
 * Server-side apply: who owns what, and what is refused.
 */
import { describe, expect, test } from 'vitest'
import type { KubeResponse } from '../../../src/kubernetes/index.ts'
import { listAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import {
  APPLY,
  configMap,
  configMaps,
  expectRefusal,
  type GetApi,
  makeNamespace,
  metaOf,
  objectOf,
  secret,
  secrets,
  send,
  uidOf,
  versionOf,
} from './support.ts'

/** Who is in managedFields, as `Apply m`. */
const managersOf = (object: unknown): readonly string[] =>
  listAt(metaOf(object), 'managedFields')
    .map((entry) => `${textAt(entry, 'operation')} ${textAt(entry, 'manager')}`)
    .sort()

export function describeApply(getApi: GetApi): void {
  const apply = (path: string, body: unknown, fieldManager: string, force?: true): Promise<KubeResponse> => {
    const query = { fieldManager, ...(force === undefined ? {} : { force }) }
    return send(getApi().admin, 'PATCH', path, body, { contentType: APPLY, query })
  }

  test('makes what is not there', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    const made = objectOf(await apply(path, configMap('a', { data: { x: '1' } }), 'm1'), 201)
    expect(made['data']).toEqual({ x: '1' })
    expect(managersOf(made)).toEqual(['Apply m1'])
  })

  test('the same again changes nothing', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    const made = objectOf(await apply(path, configMap('a', { data: { x: '1' } }), 'm1'), 201)
    const again = objectOf(await apply(path, configMap('a', { data: { x: '1' } }), 'm1'), 200)
    expect(versionOf(again)).toBe(versionOf(made))
  })

  test('records the fields that are owned', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    const body = configMap('a', { data: { x: '1' } }, { labels: { l: '1' } })
    const made = objectOf(await apply(path, body, 'm1'), 201)
    expect(listAt(metaOf(made), 'managedFields')).toMatchObject([
      {
        manager: 'm1',
        operation: 'Apply',
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:x': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
      },
    ])
  })

  test('another’s field: a conflict that names field and owner', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1', y: '1' } }), 'm1')
    const refused = await apply(path, configMap('a', { data: { x: '2', z: '2' } }), 'm2')
    expectRefusal(refused, 409, 'Conflict', ['FieldManagerConflict'], ['.data.x'])
    const [cause] = listAt(Object(refused.body)['details'], 'causes')
    expect(textAt(cause, 'message')).toContain('"m1"')
    const found = objectOf(await send(getApi().admin, 'GET', path))
    expect(found['data']).toEqual({ x: '1', y: '1' })
  })

  test('the same value is owned by both, and stays until both let go', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1' } }), 'm1')
    const shared = objectOf(await apply(path, configMap('a', { data: { x: '1' } }), 'm2'), 200)
    expect(managersOf(shared)).toEqual(['Apply m1', 'Apply m2'])
    const left = objectOf(await apply(path, configMap('a', { data: { y: '1' } }), 'm1'), 200)
    expect(left['data']).toEqual({ x: '1', y: '1' })
    const gone = objectOf(await apply(path, configMap('a', { data: { z: '1' } }), 'm2'), 200)
    expect(gone['data']).toEqual({ y: '1', z: '1' })
  })

  test('what is applied no longer is taken away', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1', y: '1' } }, { labels: { l: '1' } }), 'm1')
    const changed = objectOf(await apply(path, configMap('a', { data: { y: '1' } }), 'm1'), 200)
    expect(changed['data']).toEqual({ y: '1' })
    expect(metaOf(changed)).not.toHaveProperty('labels')
  })

  test('force takes the field', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1', y: '1' } }), 'm1')
    const forced = objectOf(await apply(path, configMap('a', { data: { x: '2' } }), 'm2', true), 200)
    expect(forced['data']).toEqual({ x: '2', y: '1' })
    const refused = await apply(path, configMap('a', { data: { x: '1', y: '1' } }), 'm1')
    expectRefusal(refused, 409, 'Conflict', ['FieldManagerConflict'], ['.data.x'])
  })

  test('an update takes what it changes, and is in the way of the next apply', async () => {
    const { admin } = getApi()
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1', y: '1' } }), 'm1')
    const query = { fieldManager: 'u' }
    const body = configMap('a', { data: { x: '2', y: '1' } })
    const updated = objectOf(await send(admin, 'PUT', path, body, { query }), 200)
    expect(managersOf(updated)).toEqual(['Apply m1', 'Update u'])
    const refused = await apply(path, configMap('a', { data: { x: '1', y: '1' } }), 'm1')
    expectRefusal(refused, 409, 'Conflict', ['FieldManagerConflict'], ['.data.x'])
  })

  test('an update that takes a field away takes it from its owner', async () => {
    const { admin } = getApi()
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1' } }), 'm1')
    const body = configMap('a', { data: { y: '1' } })
    const updated = objectOf(await send(admin, 'PUT', path, body, { query: { fieldManager: 'u' } }), 200)
    expect(managersOf(updated)).toEqual(['Update u'])
  })

  test('what nobody is recorded for has an owner, too', async () => {
    const { admin } = getApi()
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1', y: '1' } }), 'm1')
    const reset = configMap('a', { data: { x: '1', y: '1' } }, { managedFields: [{}] })
    expect(managersOf(objectOf(await send(admin, 'PUT', path, reset), 200))).toEqual([])
    const refused = await apply(path, configMap('a', { data: { x: '2' } }), 'm1')
    expectRefusal(refused, 409, 'Conflict', ['FieldManagerConflict'], ['.data.x'])
    const more = objectOf(await apply(path, configMap('a', { data: { z: '1' } }), 'm1'), 200)
    expect(more['data']).toEqual({ x: '1', y: '1', z: '1' })
    expect(managersOf(more)).toEqual(['Apply m1', 'Update before-first-apply'])
  })

  test('several conflicts are all told', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    await apply(path, configMap('a', { data: { x: '1', y: '1' } }), 'm1')
    const refused = await apply(path, configMap('a', { data: { x: '2', y: '2' } }), 'm2')
    expect(refused.status).toBe(409)
    const fields = listAt(Object(refused.body)['details'], 'causes').map((cause) => textAt(cause, 'field'))
    expect([...fields].sort()).toEqual(['.data.x', '.data.y'])
  })

  describe('guards', () => {
    test('an old version: Conflict', async () => {
      const path = configMaps(await makeNamespace(getApi()), 'a')
      const made = objectOf(await apply(path, configMap('a', { data: { x: '1' } }), 'm1'))
      const guarded = configMap('a', { data: { x: '2' } }, { resourceVersion: versionOf(made) })
      objectOf(await apply(path, guarded, 'm1'), 200)
      expectRefusal(await apply(path, guarded, 'm1'), 409, 'Conflict')
    })

    test('a version does not keep it from making what is gone', async () => {
      const path = configMaps(await makeNamespace(getApi()), 'a')
      objectOf(await apply(path, configMap('a', {}, { resourceVersion: '1' }), 'm1'), 201)
    })

    test('a UID does', async () => {
      const path = configMaps(await makeNamespace(getApi()), 'a')
      expectRefusal(await apply(path, configMap('a', {}, { uid: 'gone' }), 'm1'), 409, 'Conflict')
      expectRefusal(await send(getApi().admin, 'GET', path), 404, 'NotFound')
    })

    test('another UID: refused; the right one: taken', async () => {
      const path = configMaps(await makeNamespace(getApi()), 'a')
      const made = objectOf(await apply(path, configMap('a'), 'm1'))
      const other = await apply(path, configMap('a', {}, { uid: 'other' }), 'm1')
      expectRefusal(other, 422, 'Invalid', ['FieldValueInvalid'], ['metadata.uid'])
      const own = configMap('a', { data: { x: '1' } }, { uid: uidOf(made) })
      objectOf(await apply(path, own, 'm1'), 200)
    })
  })

  test.each<[string, object, number, string]>([
    ['no kind', { metadata: { name: 'a' } }, 400, 'BadRequest'],
    ['another version', { ...configMap('a'), apiVersion: 'v2' }, 400, 'BadRequest'],
    ['no name', configMap(undefined), 400, 'BadRequest'],
    ['managedFields', configMap('a', {}, { managedFields: [] }), 400, 'BadRequest'],
  ])('refuses %s', async (_what, body, status, reason) => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    expectRefusal(await apply(path, body, 'm1'), status, reason)
  })

  test('needs a manager', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    const answer = await send(getApi().admin, 'PATCH', path, configMap('a'), { contentType: APPLY })
    expectRefusal(answer, 422, 'Invalid', ['FieldValueRequired'], ['fieldManager'])
  })

  test('the type of a Secret stays', async () => {
    const path = secrets(await makeNamespace(getApi()), 's')
    await apply(path, secret('s', { type: 'example.com/a' }), 'm1')
    const changed = await apply(path, secret('s', { type: 'example.com/b' }), 'm1')
    expectRefusal(changed, 422, 'Invalid', ['FieldValueInvalid'], ['type'])
  })

  test('finalizers and owners are owned one by one', async () => {
    const path = configMaps(await makeNamespace(getApi()), 'a')
    const owner = (uid: string) => ({ apiVersion: 'v1', kind: 'Pod', name: uid, uid })
    const meta = (letter: string) => ({
      finalizers: [`example.com/${letter}`],
      ownerReferences: [owner(letter)],
    })
    await apply(path, configMap('a', {}, meta('x')), 'm1')
    const both = objectOf(await apply(path, configMap('a', {}, meta('y')), 'm2'), 200)
    expect(metaOf(both)).toMatchObject({
      finalizers: ['example.com/x', 'example.com/y'],
      ownerReferences: [owner('x'), owner('y')],
    })
    const one = objectOf(await apply(path, configMap('a'), 'm1'), 200)
    expect(metaOf(one)).toMatchObject({ finalizers: ['example.com/y'], ownerReferences: [owner('y')] })
  })
}
