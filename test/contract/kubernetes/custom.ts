/**
 * CustomResourceDefinitions and what they make.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { listAt, recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import {
  APPLY,
  eventLine,
  expectRefusal,
  fresh,
  type GetApi,
  MERGE,
  makeNamespace,
  metaOf,
  namesOf,
  objectOf,
  send,
  versionOf,
  watchFor,
} from './support.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const APIVERSION = 'mesh.example.com/v1'

const SCHEMA = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['a'],
      properties: {
        a: { type: 'string', pattern: '^[a-z]+$' },
        n: { type: 'integer', minimum: 2 },
        e: { type: 'string', enum: ['X', 'Y'] },
        d: { type: 'string', default: 'dd' },
        l: { type: 'array', items: { type: 'string' } },
        m: { type: 'object', additionalProperties: { type: 'string' } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    status: {
      type: 'object',
      properties: {
        state: { type: 'string' },
        conditions: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['type'],
          items: {
            type: 'object',
            required: ['type'],
            properties: { type: { type: 'string' }, status: { type: 'string' } },
          },
        },
      },
    },
  },
}

function definition(plural: string, kind: string, version: object = {}, rest: object = {}): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.mesh.example.com` },
    spec: {
      group: 'mesh.example.com',
      scope: 'Namespaced',
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: SCHEMA },
          ...version,
        },
      ],
    },
    ...rest,
  }
}

export function describeCustom(getApi: GetApi): void {
  const unique = fresh('k').replaceAll('-', '')
  const things = `things${unique}`
  const plains = `plains${unique}`
  const kind = `Thing${unique}`
  const plainKind = `Plain${unique}`
  const path = (ns: string, name = '', plural = things): string =>
    `/apis/${APIVERSION}/namespaces/${ns}/${plural}${name === '' ? '' : `/${name}`}`
  const thing = (name: string, rest: object = {}, metadata: object = {}): object => ({
    apiVersion: APIVERSION,
    kind,
    metadata: { name, ...metadata },
    spec: { a: 'x' },
    ...rest,
  })

  /** A real server takes a moment to serve a new kind. */
  const served = async (plural: string): Promise<void> => {
    for (let i = 0; i < 200; i++) {
      const found = await send(getApi().admin, 'GET', `/apis/${APIVERSION}`)
      const list = await send(getApi().admin, 'GET', `/apis/${APIVERSION}/${plural}`)
      const names = listAt(found.body, 'resources').map((one) => textAt(one, 'name'))
      if (names.includes(plural) && list.status === 200) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`${plural} is not served`)
  }

  beforeAll(async () => {
    const { admin } = getApi()
    objectOf(await send(admin, 'POST', CRDS, definition(things, kind)), 201)
    const plain = definition(plains, plainKind, { subresources: undefined })
    objectOf(await send(admin, 'POST', CRDS, plain), 201)
    await served(things)
    await served(plains)
  })

  describe('definition', () => {
    test('is established, and its kind is discovered', async () => {
      const found = objectOf(await send(getApi().admin, 'GET', `${CRDS}/${things}.mesh.example.com`))
      const types = listAt(recordAt(found, 'status'), 'conditions')
        .filter((one) => textAt(one, 'status') === 'True')
        .map((one) => textAt(one, 'type'))
      expect([...types].sort()).toEqual(['Established', 'NamesAccepted'])
      const resources = listAt(
        objectOf(await send(getApi().admin, 'GET', `/apis/${APIVERSION}`)),
        'resources',
      )
      expect(resources.map((one) => textAt(one, 'name'))).toEqual(
        expect.arrayContaining([things, `${things}/status`, plains]),
      )
      expect(resources.map((one) => textAt(one, 'name'))).not.toContain(`${plains}/status`)
    })

    test.each<[string, () => object, string, string]>([
      [
        'another name',
        () => definition('as', 'A', {}, { metadata: { name: 'x' } }),
        'FieldValueInvalid',
        'metadata.name',
      ],
      [
        'no schema',
        () => definition('as', 'A', { schema: undefined }),
        'FieldValueRequired',
        'spec.versions[0].schema.openAPIV3Schema',
      ],
    ])('refuses %s', async (_what, make, cause, field) => {
      expectRefusal(await send(getApi().admin, 'POST', CRDS, make()), 422, 'Invalid', [cause], [field])
    })
  })

  describe('object', () => {
    test('is pruned, filled in, and comes without the status', async () => {
      const ns = await makeNamespace(getApi())
      const body = thing('t', { spec: { a: 'x', zz: 1, free: { q: 1 } }, status: { state: 'S' }, other: 1 })
      const made = objectOf(await send(getApi().admin, 'POST', path(ns), body), 201)
      expect(made['spec']).toEqual({ a: 'x', d: 'dd', free: { q: 1 } })
      expect(made).not.toHaveProperty('status')
      expect(made).not.toHaveProperty('other')
      expect(metaOf(made)['generation']).toBe(1)
    })

    test.each<[string, object, number, string, string[], string[]]>([
      ['no kind', { metadata: { name: 't' }, spec: { a: 'x' } }, 400, 'BadRequest', [], []],
      ['another kind', { ...thing('t'), kind: 'Other' }, 422, 'Invalid', ['FieldValueInvalid'], ['kind']],
      ['a missing member', thing('t', { spec: {} }), 422, 'Invalid', ['FieldValueRequired'], ['spec.a']],
      ['another type', thing('t', { spec: { a: 1 } }), 422, 'Invalid', ['FieldValueInvalid'], ['spec.a']],
      ['a pattern', thing('t', { spec: { a: 'X' } }), 422, 'Invalid', ['FieldValueInvalid'], ['spec.a']],
      ['a bound', thing('t', { spec: { a: 'x', n: 1 } }), 422, 'Invalid', ['FieldValueInvalid'], ['spec.n']],
      [
        'a word that is none',
        thing('t', { spec: { a: 'x', e: 'Z' } }),
        422,
        'Invalid',
        ['FieldValueNotSupported'],
        ['spec.e'],
      ],
      ['a name in capitals', thing('T'), 422, 'Invalid', ['FieldValueInvalid'], ['metadata.name']],
    ])('refuses %s', async (_what, body, status, reason, causes, fields) => {
      const ns = await makeNamespace(getApi())
      const answer = await send(getApi().admin, 'POST', path(ns), body)
      expectRefusal(answer, status, reason, causes, fields)
    })

    test('an update needs the version, and makes nothing', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', path(ns), thing('t')))
      const blind = await send(admin, 'PUT', path(ns, 't'), thing('t', { spec: { a: 'y' } }))
      expectRefusal(blind, 422, 'Invalid', ['FieldValueInvalid'], ['metadata.resourceVersion'])
      objectOf(await send(admin, 'PUT', path(ns, 't'), { ...made, spec: { a: 'y' } }), 200)
      expectRefusal(await send(admin, 'PUT', path(ns, 'u'), thing('u')), 404, 'NotFound')
      const versioned = thing('u', {}, { resourceVersion: '5' })
      expectRefusal(await send(admin, 'PUT', path(ns, 'u'), versioned), 404, 'NotFound')
    })

    test('null members are left out', async () => {
      const ns = await makeNamespace(getApi())
      const body = thing('t', { spec: { a: 'x', d: null, n: null } })
      const made = objectOf(await send(getApi().admin, 'POST', path(ns), body), 201)
      expect(made['spec']).toEqual({ a: 'x', d: 'dd' })
    })

    test('lists have kind and version, also in their items', async () => {
      const ns = await makeNamespace(getApi())
      await send(getApi().admin, 'POST', path(ns), thing('t'))
      const list = objectOf(await send(getApi().admin, 'GET', path(ns)))
      expect(list['kind']).toBe(`${kind}List`)
      expect(listAt(list, 'items').map((one) => textAt(one, 'kind'))).toEqual([kind])
      const query = { fieldSelector: 'metadata.name=t' }
      expect(namesOf(objectOf(await send(getApi().admin, 'GET', path(ns), undefined, { query })))).toEqual([
        't',
      ])
      const other = { fieldSelector: 'spec.a=x' }
      expectRefusal(
        await send(getApi().admin, 'GET', path(ns), undefined, { query: other }),
        400,
        'BadRequest',
      )
    })
  })

  describe('status', () => {
    const merge = (ns: string, at: string, body: object) =>
      send(getApi().admin, 'PATCH', path(ns, at), body, { contentType: MERGE })

    test('and spec are written apart, and only the spec counts generations', async () => {
      const ns = await makeNamespace(getApi())
      await send(getApi().admin, 'POST', path(ns), thing('t'))
      const told = { spec: { a: 'y' }, metadata: { labels: { a: 'b' } }, status: { state: 'S' } }
      const status = objectOf(await merge(ns, 't/status', told), 200)
      expect(status['spec']).toMatchObject({ a: 'x' })
      expect(status['status']).toEqual({ state: 'S' })
      expect(metaOf(status)['generation']).toBe(1)
      expect(metaOf(status)).not.toHaveProperty('labels')
      const spec = objectOf(await merge(ns, 't', { spec: { a: 'y' }, status: { state: 'R' } }), 200)
      expect(spec['spec']).toMatchObject({ a: 'y' })
      expect(spec['status']).toEqual({ state: 'S' })
      expect(metaOf(spec)['generation']).toBe(2)
      const label = objectOf(await merge(ns, 't', { metadata: { labels: { a: 'b' } } }), 200)
      expect(metaOf(label)['generation']).toBe(2)
    })

    test('conflicts with an old version', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', path(ns), thing('t')))
      objectOf(await merge(ns, 't', { spec: { a: 'y' } }), 200)
      const stale = { ...made, status: { state: 'S' } }
      expectRefusal(await send(admin, 'PUT', path(ns, 't/status'), stale), 409, 'Conflict')
    })

    test('that says the same keeps the version', async () => {
      const ns = await makeNamespace(getApi())
      await send(getApi().admin, 'POST', path(ns), thing('t'))
      const first = objectOf(await merge(ns, 't/status', { status: { state: 'S' } }))
      const again = objectOf(await merge(ns, 't/status', { status: { state: 'S' } }))
      expect(versionOf(again)).toBe(versionOf(first))
    })

    test('conditions are owned one by one', async () => {
      const ns = await makeNamespace(getApi())
      await send(getApi().admin, 'POST', path(ns), thing('t'))
      const apply = (fieldManager: string, ...conditions: object[]) =>
        send(
          getApi().admin,
          'PATCH',
          path(ns, 't/status'),
          { apiVersion: APIVERSION, kind, metadata: { name: 't' }, status: { conditions } },
          { contentType: APPLY, query: { fieldManager } },
        )
      const ready = { type: 'Ready', status: 'True' }
      const synced = { type: 'Synced', status: 'True' }
      objectOf(await apply('m1', ready), 200)
      const both = objectOf(await apply('m2', synced), 200)
      expect(recordAt(both, 'status')['conditions']).toEqual([ready, synced])
      const refused = await apply('m2', synced, { ...ready, status: 'False' })
      const field = '.status.conditions[type="Ready"].status'
      expectRefusal(refused, 409, 'Conflict', ['FieldManagerConflict'], [field])
      const gone = objectOf(await apply('m1'), 200)
      expect(recordAt(gone, 'status')['conditions']).toEqual([synced])
      expectRefusal(await apply('m1', { status: 'True' }), 500, undefined)
      expectRefusal(await apply('m1', ready, ready), 500, undefined)
    })

    test('cannot be applied to what is not there', async () => {
      const ns = await makeNamespace(getApi())
      const body = { apiVersion: APIVERSION, kind, metadata: { name: 't' }, status: { state: 'S' } }
      const options = { contentType: APPLY, query: { fieldManager: 'm' } } as const
      expectRefusal(await send(getApi().admin, 'PATCH', path(ns, 't/status'), body, options), 404, 'NotFound')
    })

    test('is part of the object where it is not apart', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const at = path(ns, '', plains)
      const body = { ...thing('p', { status: { state: 'S' } }), kind: plainKind }
      const made = objectOf(await send(admin, 'POST', at, body), 201)
      expect(made['status']).toEqual({ state: 'S' })
      const change = { status: { state: 'R' } }
      const next = objectOf(await send(admin, 'PATCH', `${at}/p`, change, { contentType: MERGE }), 200)
      expect([next['status'], metaOf(next)['generation']]).toEqual([{ state: 'R' }, 2])
      const label = { metadata: { labels: { a: 'b' } } }
      const labelled = objectOf(await send(admin, 'PATCH', `${at}/p`, label, { contentType: MERGE }), 200)
      expect(metaOf(labelled)['generation']).toBe(2)
      const refused = await send(admin, 'PATCH', `${at}/p/status`, change, { contentType: MERGE })
      expectRefusal(refused, 404, 'NotFound')
    })
  })

  describe('apply', () => {
    test('lists are one value, maps are not', async () => {
      const ns = await makeNamespace(getApi())
      const apply = (fieldManager: string, spec: object) =>
        send(getApi().admin, 'PATCH', path(ns, 't'), thing('t', { spec }), {
          contentType: APPLY,
          query: { fieldManager },
        })
      objectOf(await apply('m1', { a: 'x', l: ['1'], m: { x: '1' } }), 201)
      const more = objectOf(await apply('m2', { a: 'x', m: { y: '1' } }), 200)
      expect(recordAt(more, 'spec')['m']).toEqual({ x: '1', y: '1' })
      const refused = await apply('m2', { a: 'x', l: ['1', '2'] })
      expectRefusal(refused, 409, 'Conflict', ['FieldManagerConflict'], ['.spec.l'])
    })
  })

  test('a mark of deletion counts a generation', async () => {
    const { admin } = getApi()
    const ns = await makeNamespace(getApi())
    await send(admin, 'POST', path(ns), thing('t', {}, { finalizers: ['example.com/x'] }))
    const marked = objectOf(await send(admin, 'DELETE', path(ns, 't')), 200)
    expect(metaOf(marked)['generation']).toBe(2)
    const patch = { metadata: { finalizers: null } }
    objectOf(await send(admin, 'PATCH', path(ns, 't'), patch, { contentType: MERGE }), 200)
    expectRefusal(await send(admin, 'GET', path(ns, 't')), 404, 'NotFound')
  })

  test('is watched', async () => {
    const { admin } = getApi()
    const ns = await makeNamespace(getApi())
    const resourceVersion = versionOf(objectOf(await send(admin, 'GET', path(ns))))
    const events = await watchFor(admin, path(ns), { resourceVersion }, 2, async () => {
      await send(admin, 'POST', path(ns), thing('t'))
      await send(admin, 'PATCH', path(ns, 't/status'), { status: { state: 'S' } }, { contentType: MERGE })
    })
    expect(events.map(eventLine)).toEqual(['ADDED t', 'MODIFIED t'])
    expect(textAt(events[0]?.object, 'kind')).toBe(kind)
  })
}
