/**
 * Objects: how they are made, changed and deleted, and what versions are for.
 */
import { describe, expect, test } from 'vitest'
import {
  configMap,
  configMaps,
  expectRefusal,
  fresh,
  type GetApi,
  leases,
  makeNamespace,
  metaOf,
  objectOf,
  send,
  uidOf,
  versionOf,
} from './support.ts'

export function describeObjects(getApi: GetApi): void {
  describe('create', () => {
    test('sets what is the server’s', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const forged = { uid: 'forged', creationTimestamp: '2001-01-01T00:00:00Z' }
      const made = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a', {}, forged)), 201)
      expect(metaOf(made)).toMatchObject({ name: 'a', namespace: ns })
      expect(uidOf(made)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      expect(metaOf(made)['creationTimestamp']).not.toBe(forged.creationTimestamp)
      expect(metaOf(made)['creationTimestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      expect(versionOf(made)).toMatch(/^[1-9]\d*$/)
    })

    test('an object of that name: AlreadyExists', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a'))
      expectRefusal(await send(admin, 'POST', configMaps(ns), configMap('a')), 409, 'AlreadyExists')
    })

    test('with a resourceVersion: refused, without a reason', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const body = configMap('a', {}, { resourceVersion: '5' })
      expectRefusal(await send(admin, 'POST', configMaps(ns), body), 500, undefined)
    })

    test.each<[string, object, number, string, string[], string[]]>([
      ['no name', configMap(undefined), 422, 'Invalid', ['FieldValueRequired'], ['metadata.name']],
      ['a name in capitals', configMap('Bad'), 422, 'Invalid', ['FieldValueInvalid'], ['metadata.name']],
      ['another namespace', configMap('a', {}, { namespace: 'kube-system' }), 400, 'BadRequest', [], []],
      ['another kind', { ...configMap('a'), kind: 'Secret' }, 400, 'BadRequest', [], []],
      ['another version', { ...configMap('a'), apiVersion: 'v2' }, 400, 'BadRequest', [], []],
      ['no object', [], 400, 'BadRequest', [], []],
      ['a value that is no text', configMap('a', { data: { x: 1 } }), 400, 'BadRequest', [], []],
      [
        'a label’s key',
        configMap('a', {}, { labels: { 'a b': 'c' } }),
        422,
        'Invalid',
        ['FieldValueInvalid'],
        ['metadata.labels'],
      ],
      [
        'a label’s value',
        configMap('a', {}, { labels: { a: 'b c' } }),
        422,
        'Invalid',
        ['FieldValueInvalid'],
        ['metadata.labels'],
      ],
      [
        'an annotation’s key',
        configMap('a', {}, { annotations: { 'a b': 'c' } }),
        422,
        'Invalid',
        ['FieldValueInvalid'],
        ['metadata.annotations'],
      ],
      [
        'annotations above 256 KiB',
        configMap('a', {}, { annotations: { a: 'x'.repeat(262_144) } }),
        422,
        'Invalid',
        ['FieldValueTooLong'],
        ['metadata.annotations'],
      ],
      [
        'a finalizer without a domain',
        configMap('a', {}, { finalizers: ['abc'] }),
        422,
        'Invalid',
        ['FieldValueInvalid'],
        ['metadata.finalizers[0]'],
      ],
    ])('refuses %s', async (_what, body, status, reason, causes, fields) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      expectRefusal(await send(admin, 'POST', configMaps(ns), body), status, reason, causes, fields)
    })

    test('takes the kind and the version from the path', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', configMaps(ns), { metadata: { name: 'a' } }), 201)
      expect([made['kind'], made['apiVersion']]).toEqual(['ConfigMap', 'v1'])
    })

    test('drops what the kind does not have', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a', { foo: 1 })), 201)
      expect(made).not.toHaveProperty('foo')
    })

    test('makes a name from generateName', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const body = configMap(undefined, {}, { generateName: 'gen-' })
      const made = objectOf(await send(admin, 'POST', configMaps(ns), body), 201)
      expect(metaOf(made)['name']).toMatch(/^gen-[a-z0-9]{5}$/)
    })

    test('a body above 3 MiB: 413', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const body = configMap('a', { data: { x: 'x'.repeat(3_200_000) } })
      expectRefusal(await send(admin, 'POST', configMaps(ns), body), 413, 'RequestEntityTooLarge')
    })

    test('not for all namespaces at once', async () => {
      const answer = await send(getApi().admin, 'POST', '/api/v1/configmaps', configMap('a'))
      expectRefusal(answer, 405, 'MethodNotAllowed')
    })
  })

  describe('get', () => {
    test('nothing of that name: NotFound', async () => {
      const ns = await makeNamespace(getApi())
      expectRefusal(await send(getApi().admin, 'GET', configMaps(ns, 'none')), 404, 'NotFound')
    })

    test('no such kind: NotFound', async () => {
      const answer = await send(getApi().admin, 'GET', '/api/v1/namespaces/default/foos/a')
      expectRefusal(answer, 404, 'NotFound')
    })

    test('no such group: 404', async () => {
      const answer = await send(getApi().admin, 'GET', '/apis/none.example.com/v1/foos')
      // The server's answer is no Status here.
      expect(answer.status).toBe(404)
    })
  })

  describe('update', () => {
    test('with the version that was read, once', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a')))
      const put = () => send(admin, 'PUT', configMaps(ns, 'a'), { ...made, data: { x: '1' } })
      const changed = objectOf(await put(), 200)
      expect(Number(versionOf(changed))).toBeGreaterThan(Number(versionOf(made)))
      expect(uidOf(changed)).toBe(uidOf(made))
      expectRefusal(await put(), 409, 'Conflict')
    })

    test.each([
      ['without a version', {}],
      ['with the version 0', { resourceVersion: '0' }],
    ])('%s the last writer wins', async (_what, metadata) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a', { data: { x: '1' } }))
      const body = configMap('a', { data: { y: '2' } }, metadata)
      const changed = objectOf(await send(admin, 'PUT', configMaps(ns, 'a'), body), 200)
      expect(changed['data']).toEqual({ y: '2' })
    })

    test('that changes nothing keeps the version', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a', { data: { x: '1' } })))
      const again = objectOf(await send(admin, 'PUT', configMaps(ns, 'a'), made), 200)
      expect(versionOf(again)).toBe(versionOf(made))
    })

    test.each<[string, object, number, string | undefined]>([
      ['another name', configMap('b'), 400, 'BadRequest'],
      ['no name', configMap(undefined), 400, 'BadRequest'],
      ['another UID', configMap('a', {}, { uid: 'other' }), 409, 'Conflict'],
      ['a version that is no number', configMap('a', {}, { resourceVersion: 'abc' }), 500, undefined],
    ])('refuses %s', async (_what, body, status, reason) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a'))
      expectRefusal(await send(admin, 'PUT', configMaps(ns, 'a'), body), status, reason)
    })

    test('of what is not there: NotFound', async () => {
      const ns = await makeNamespace(getApi())
      const answer = await send(getApi().admin, 'PUT', configMaps(ns, 'a'), configMap('a'))
      expectRefusal(answer, 404, 'NotFound')
    })

    test('of a collection: 405', async () => {
      const answer = await send(getApi().admin, 'PUT', configMaps('default'), configMap('a'))
      expectRefusal(answer, 405, 'MethodNotAllowed')
    })
  })

  describe('delete', () => {
    test('answers what is gone, and NotFound afterwards', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a')))
      const gone = objectOf(await send(admin, 'DELETE', configMaps(ns, 'a')), 200)
      expect([gone['kind'], gone['status']]).toEqual(['Status', 'Success'])
      expect(gone['details']).toEqual({ name: 'a', kind: 'configmaps', uid: uidOf(made) })
      expectRefusal(await send(admin, 'DELETE', configMaps(ns, 'a')), 404, 'NotFound')
    })

    test.each([
      ['UID', { uid: 'other' }],
      ['version', { resourceVersion: '1' }],
    ])('refuses another %s', async (_what, preconditions) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a'))
      const options = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }
      expectRefusal(await send(admin, 'DELETE', configMaps(ns, 'a'), options), 409, 'Conflict')
    })

    test('takes UID and version as they are', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a')))
      const preconditions = { uid: uidOf(made), resourceVersion: versionOf(made) }
      const options = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }
      objectOf(await send(admin, 'DELETE', configMaps(ns, 'a'), options), 200)
    })

    test('refuses a policy that is none', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(ns), configMap('a'))
      const options = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'No' }
      const answer = await send(admin, 'DELETE', configMaps(ns, 'a'), options)
      expectRefusal(answer, 422, 'Invalid', ['FieldValueNotSupported'], ['propagationPolicy'])
    })

    test('what has finalizers stays until they are gone', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const finalizers = ['example.com/x']
      await send(admin, 'POST', configMaps(ns), configMap('a', {}, { finalizers }))
      const marked = objectOf(await send(admin, 'DELETE', configMaps(ns, 'a')), 200)
      expect(metaOf(marked)).toHaveProperty('deletionTimestamp')
      expect(metaOf(marked)).toMatchObject({ finalizers, deletionGracePeriodSeconds: 0 })
      const again = objectOf(await send(admin, 'DELETE', configMaps(ns, 'a')), 200)
      expect(versionOf(again)).toBe(versionOf(marked))
      const added = configMap('a', {}, { finalizers: [...finalizers, 'example.com/y'] })
      const refused = await send(admin, 'PUT', configMaps(ns, 'a'), added)
      expectRefusal(refused, 422, 'Invalid', ['FieldValueForbidden'], ['metadata.finalizers'])
      expectRefusal(await send(admin, 'POST', configMaps(ns), configMap('a')), 409, 'AlreadyExists')
      const released = configMap('a', {}, { finalizers: [] })
      const last = objectOf(await send(admin, 'PUT', configMaps(ns, 'a'), released), 200)
      expect(versionOf(last)).toBe(versionOf(marked))
      expectRefusal(await send(admin, 'GET', configMaps(ns, 'a')), 404, 'NotFound')
    })

    test('another object of the name has another UID', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const first = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a')))
      await send(admin, 'DELETE', configMaps(ns, 'a'))
      const second = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a')))
      expect(uidOf(second)).not.toBe(uidOf(first))
    })

    test('of a collection takes what is selected', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      for (const [name, app] of [
        ['a', 'x'],
        ['b', 'y'],
      ] as const)
        await send(admin, 'POST', configMaps(ns), configMap(name, {}, { labels: { app } }))
      const query = { labelSelector: 'app=x' }
      objectOf(await send(admin, 'DELETE', configMaps(ns), undefined, { query }), 200)
      expectRefusal(await send(admin, 'GET', configMaps(ns, 'a')), 404, 'NotFound')
      objectOf(await send(admin, 'GET', configMaps(ns, 'b')), 200)
    })
  })

  describe('one version for all kinds', () => {
    test('grows with every change of any of them', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const one = objectOf(await send(admin, 'POST', configMaps(ns), configMap('a')))
      const two = objectOf(await send(admin, 'POST', leases(ns), { metadata: { name: 'a' } }))
      const list = objectOf(await send(admin, 'GET', configMaps(ns)))
      expect(Number(versionOf(two))).toBeGreaterThan(Number(versionOf(one)))
      expect(Number(versionOf(list))).toBeGreaterThanOrEqual(Number(versionOf(two)))
    })
  })

  test('the name of the manager is bounded', async () => {
    const { admin } = getApi()
    const ns = await makeNamespace(getApi())
    await send(admin, 'POST', configMaps(ns), configMap('a'))
    const query = { fieldManager: 'm'.repeat(129) }
    const answer = await send(admin, 'PUT', configMaps(ns, 'a'), configMap('a'), { query })
    expectRefusal(answer, 422, 'Invalid', ['FieldValueTooLong'], ['fieldManager'])
  })

  test('names are cluster-wide where a kind is', async () => {
    const { admin } = getApi()
    const name = fresh('ns')
    objectOf(await send(admin, 'POST', '/api/v1/namespaces', { metadata: { name } }), 201)
    expectRefusal(
      await send(admin, 'POST', '/api/v1/namespaces', { metadata: { name } }),
      409,
      'AlreadyExists',
    )
  })
}
