/**
 * Lists and watches: selectors, pages, and what versions mean.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import type { KubeQuery, KubeResponse } from '../../../src/kubernetes/index.ts'
import { listAt, recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import {
  configMap,
  configMaps,
  eventLine,
  expectRefusal,
  type GetApi,
  MERGE,
  makeNamespace,
  metaOf,
  namesOf,
  objectOf,
  secret,
  secrets,
  send,
  versionOf,
  watchFor,
} from './support.ts'

const FIVE = [
  ['a', { app: 'x' }],
  ['b', { app: 'x' }],
  ['c', { app: 'y' }],
  ['d', { app: 'y' }],
  ['e', { app: 'y', z: '1' }],
] as const

export function describeReads(getApi: GetApi): void {
  let ns = ''
  let versions: readonly string[] = []
  const list = (query: KubeQuery = {}): Promise<KubeResponse> =>
    send(getApi().admin, 'GET', configMaps(ns), undefined, { query })
  const sorted = async (query: KubeQuery): Promise<string> =>
    [...namesOf(objectOf(await list(query), 200))].sort().join('')

  beforeAll(async () => {
    ns = await makeNamespace(getApi())
    const made: string[] = []
    for (const [name, labels] of FIVE)
      made.push(
        versionOf(
          objectOf(await send(getApi().admin, 'POST', configMaps(ns), configMap(name, {}, { labels }))),
        ),
      )
    versions = made
  })
  const last = (): string => versions.at(-1) ?? ''

  const lines = async (...args: Parameters<typeof watchFor>) => (await watchFor(...args)).map(eventLine)

  describe('selectors', () => {
    test.each([
      ['app=x', 'ab'],
      ['app==x', 'ab'],
      [' app = x ', 'ab'],
      ['app!=x', 'cde'],
      ['z!=1', 'abcd'],
      ['app in (x,y)', 'abcde'],
      ['app in (y)', 'cde'],
      ['app notin (x)', 'cde'],
      ['z notin (1)', 'abcd'],
      ['z', 'e'],
      ['!z', 'abcd'],
      ['app=y,!z', 'cd'],
      ['app=y,z', 'e'],
      ['app=', ''],
      ['z>0', 'e'],
      ['z<1', ''],
      ['', 'abcde'],
    ])('labels: %s', async (labelSelector, expected) => {
      expect(await sorted({ labelSelector })).toBe(expected)
    })

    test.each(['app in (x', 'app=x y', 'x/y/z=1', 'app=x,,z', 'app in x', '=x', 'z>x'])(
      'labels: %s is refused',
      async (labelSelector) => {
        expectRefusal(await list({ labelSelector }), 400, 'BadRequest')
      },
    )

    test.each([
      ['metadata.name=a', 'a'],
      ['metadata.name==a', 'a'],
      ['metadata.name!=a', 'bcde'],
      ['metadata.name=a,metadata.namespace=other', ''],
    ])('fields: %s', async (fieldSelector, expected) => {
      expect(await sorted({ fieldSelector })).toBe(expected)
    })

    test.each(['data.x=1', 'metadata.labels=a', 'metadata.name'])(
      'fields: %s is refused',
      async (fieldSelector) => {
        expectRefusal(await list({ fieldSelector }), 400, 'BadRequest')
      },
    )

    test('fields: the type of Secrets', async () => {
      const { admin } = getApi()
      const own = await makeNamespace(getApi())
      await send(admin, 'POST', secrets(own), secret('s', { type: 'example.com/a' }))
      await send(admin, 'POST', secrets(own), secret('t'))
      const query = { fieldSelector: 'type=example.com/a' }
      expect(namesOf(objectOf(await send(admin, 'GET', secrets(own), undefined, { query })))).toEqual(['s'])
    })

    test('all namespaces at once', async () => {
      const query = { fieldSelector: `metadata.namespace=${ns}` }
      const answer = await send(getApi().admin, 'GET', '/api/v1/configmaps', undefined, { query })
      expect(namesOf(objectOf(answer))).toEqual(['a', 'b', 'c', 'd', 'e'])
    })
  })

  describe('pages', () => {
    test('lead through a snapshot', async () => {
      const { admin } = getApi()
      const own = await makeNamespace(getApi())
      for (const name of ['a', 'b', 'c', 'd', 'e'])
        await send(admin, 'POST', configMaps(own), configMap(name))
      const page = async (query: KubeQuery) =>
        objectOf(await send(admin, 'GET', configMaps(own), undefined, { query: { limit: 2, ...query } }), 200)
      const one = await page({})
      expect(namesOf(one)).toEqual(['a', 'b'])
      expect(metaOf(one)['remainingItemCount']).toBe(3)
      await send(admin, 'DELETE', configMaps(own, 'c'))
      await send(admin, 'POST', configMaps(own), configMap('bb'))
      const two = await page({ continue: textAt(metaOf(one), 'continue') })
      expect(namesOf(two)).toEqual(['c', 'd'])
      expect(versionOf(two)).toBe(versionOf(one))
      const three = await page({ continue: textAt(metaOf(two), 'continue') })
      expect(namesOf(three)).toEqual(['e'])
      expect(textAt(metaOf(three), 'continue') ?? '').toBe('')
    })

    test('with a selector do not say how much remains', async () => {
      const answer = objectOf(await list({ limit: 2, labelSelector: 'app=y' }))
      expect(namesOf(answer)).toEqual(['c', 'd'])
      expect(metaOf(answer)).not.toHaveProperty('remainingItemCount')
      expect(textAt(metaOf(answer), 'continue')).toMatch(/./)
    })

    test('refuse a token that is none, and a version beside a token', async () => {
      const token = textAt(metaOf(objectOf(await list({ limit: 2 }))), 'continue')
      expectRefusal(await list({ limit: 2, continue: 'abc' }), 400, 'BadRequest')
      expectRefusal(await list({ limit: 2, continue: token, resourceVersion: '5' }), 400, 'BadRequest')
      const query = { continue: token, resourceVersion: '5', resourceVersionMatch: 'Exact' }
      expectRefusal(await list(query), 422, 'Invalid', ['FieldValueForbidden'], ['resourceVersionMatch'])
    })

    test('a limit that is no number: refused; one below zero: none', async () => {
      expectRefusal(await list({ limit: 'x' }), 400, 'BadRequest')
      expect(await sorted({ limit: -1 })).toBe('abcde')
    })
  })

  describe('versions of lists', () => {
    test.each([['0'], ['1']])('%s: what a cache has', async (resourceVersion) => {
      expect(await sorted({ resourceVersion })).toBe('abcde')
    })

    test('0 with a limit: all of it', async () => {
      expect(await sorted({ resourceVersion: '0', limit: 2 })).toBe('abcde')
    })

    test('Exact: as it was', async () => {
      const query = { resourceVersion: versions[2], resourceVersionMatch: 'Exact' }
      const answer = objectOf(await list(query), 200)
      expect(namesOf(answer)).toEqual(['a', 'b', 'c'])
      expect(versionOf(answer)).toBe(versions[2])
    })

    test('a version with a limit, and nothing said: as it was', async () => {
      const answer = objectOf(await list({ resourceVersion: versions[2], limit: 500 }), 200)
      expect(namesOf(answer)).toEqual(['a', 'b', 'c'])
    })

    test('NotOlderThan: at least so new', async () => {
      const resourceVersionMatch = 'NotOlderThan'
      expect(await sorted({ resourceVersion: versions[2], resourceVersionMatch })).toBe('abcde')
      expect(await sorted({ resourceVersion: versions[2], resourceVersionMatch, limit: 500 })).toBe('abcde')
    })

    test('what is not there yet: a timeout that asks to come again', async () => {
      const future = String(Number(last()) + 100_000)
      const query = { resourceVersion: future, resourceVersionMatch: 'NotOlderThan' }
      const answer = await list(query)
      expect(answer.status).toBe(504)
      expect(textAt(answer.body, 'reason')).toBe('Timeout')
      const details = recordAt(answer.body, 'details')
      expect(listAt(details, 'causes').map((one) => textAt(one, 'reason'))).toEqual([
        'ResourceVersionTooLarge',
      ])
      expect([details['retryAfterSeconds'], answer.headers['retry-after']]).toEqual([1, '1'])
      const one = await send(getApi().admin, 'GET', configMaps(ns, 'a'), undefined, {
        query: { resourceVersion: future },
      })
      expect([one.status, one.headers['retry-after']]).toEqual([504, '1'])
    })

    test('an exact version that is not there yet: a failure', async () => {
      const resourceVersion = String(Number(last()) + 100_000)
      expectRefusal(await list({ resourceVersion, resourceVersionMatch: 'Exact' }), 500, undefined)
    })

    test('what is no version: a failure', async () => {
      expectRefusal(await list({ resourceVersion: 'abc' }), 500, undefined)
    })

    test.each<[string, KubeQuery, string]>([
      ['Exact 0', { resourceVersion: '0', resourceVersionMatch: 'Exact' }, 'FieldValueForbidden'],
      ['without a version', { resourceVersionMatch: 'Exact' }, 'FieldValueForbidden'],
      ['of another word', { resourceVersion: '5', resourceVersionMatch: 'Other' }, 'FieldValueNotSupported'],
    ])('a match %s is refused', async (_what, query, cause) => {
      expectRefusal(await list(query), 422, 'Invalid', [cause], ['resourceVersionMatch'])
    })
  })

  describe('watch', () => {
    test('gives every change after a version', async () => {
      const { admin } = getApi()
      const own = await makeNamespace(getApi())
      const path = configMaps(own)
      await send(admin, 'POST', path, configMap('old'))
      const resourceVersion = versionOf(objectOf(await send(admin, 'GET', path)))
      const events = await watchFor(admin, path, { resourceVersion }, 3, async () => {
        await send(admin, 'POST', path, configMap('a'))
        await send(admin, 'PATCH', configMaps(own, 'a'), { data: { x: '1' } }, { contentType: MERGE })
        await send(admin, 'DELETE', configMaps(own, 'a'))
      })
      expect(events.map(eventLine)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a'])
      const seen = events.map(({ object }) => Number(versionOf(object)))
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
      expect(events.map(({ object }) => recordAt(object, 'data'))).toEqual([{}, { x: '1' }, { x: '1' }])
      expect(events.map(({ object }) => textAt(object, 'kind'))).toEqual([
        'ConfigMap',
        'ConfigMap',
        'ConfigMap',
      ])
    })

    test('gives what was before it connected', async () => {
      const { admin } = getApi()
      const query = { resourceVersion: versions[1] }
      expect(await lines(admin, configMaps(ns), query, 3)).toEqual(['ADDED c', 'ADDED d', 'ADDED e'])
    })

    test.each([
      ['without a version', {}],
      ['from 0', { resourceVersion: '0' }],
    ])('%s begins with what there is', async (_what, query) => {
      const seen = await lines(getApi().admin, configMaps(ns), query, 5)
      expect([...seen].sort()).toEqual(['ADDED a', 'ADDED b', 'ADDED c', 'ADDED d', 'ADDED e'])
    })

    test('with a selector: what begins to match is added, what no longer does is deleted', async () => {
      const { admin } = getApi()
      const own = await makeNamespace(getApi())
      const path = configMaps(own)
      const label = (app: string, data: object = {}) =>
        send(
          admin,
          'PATCH',
          configMaps(own, 'a'),
          { metadata: { labels: { app } }, data },
          { contentType: MERGE },
        )
      const made = objectOf(await send(admin, 'POST', path, configMap('a', {}, { labels: { app: 'y' } })))
      const query = { resourceVersion: versionOf(made), labelSelector: 'app=x' }
      const events = await watchFor(admin, path, query, 4, async () => {
        await label('x')
        await label('x', { k: '1' })
        await label('y', { k: '2' })
        await label('y', { k: '3' })
        await label('x', { k: '4' })
      })
      expect(events.map(eventLine)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a'])
      // What was deleted is as it last matched, with the version of the change.
      expect(recordAt(events[2]?.object, 'data')).toEqual({ k: '1' })
      expect(Number(versionOf(events[2]?.object))).toBeGreaterThan(Number(versionOf(events[1]?.object)))
    })

    test('of one name', async () => {
      const { admin } = getApi()
      const own = await makeNamespace(getApi())
      const resourceVersion = versionOf(objectOf(await send(admin, 'GET', configMaps(own))))
      const query = { resourceVersion, fieldSelector: 'metadata.name=b' }
      const seen = await lines(admin, configMaps(own), query, 1, async () => {
        await send(admin, 'POST', configMaps(own), configMap('a'))
        await send(admin, 'POST', configMaps(own), configMap('b'))
      })
      expect(seen).toEqual(['ADDED b'])
    })

    test.each<[string, KubeQuery, string]>([
      ['a version that is none', { resourceVersion: 'abc' }, 'ERROR 500 undefined'],
      ['a match', { resourceVersion: '1', resourceVersionMatch: 'NotOlderThan' }, 'ERROR 422 Invalid'],
      ['a selector that is none', { labelSelector: 'a in (' }, 'ERROR 400 BadRequest'],
    ])('refuses %s', async (_what, query, expected) => {
      expect(await lines(getApi().admin, configMaps(ns), query, 1)).toEqual([expected])
    })

    test('ends when its time is over', async () => {
      const query = { resourceVersion: last(), timeoutSeconds: 1, fieldSelector: 'metadata.name=none' }
      expect(await lines(getApi().admin, configMaps(ns), query, 5)).toEqual([])
    })

    test('ends when it is aborted', async () => {
      const stop = new AbortController()
      const query = { resourceVersion: last() }
      const seen: string[] = []
      setTimeout(() => stop.abort(), 50)
      for await (const event of getApi().admin.watch({ path: configMaps(ns), query, signal: stop.signal }))
        seen.push(eventLine(event))
      expect(seen).toEqual([])
    })
  })

  // The last: what others read by its version is gone then.
  describe('compaction', () => {
    // Later versions go on from a token though it is compacted, as long as their cache has it.
    test('pages expire', async () => {
      const { admin, uncached, compact } = getApi()
      const own = await makeNamespace(getApi())
      for (const name of ['a', 'b']) await send(admin, 'POST', configMaps(own), configMap(name))
      const ask = (query: KubeQuery) =>
        send(uncached, 'GET', configMaps(own), undefined, { query: { limit: 1, ...query } })
      const token = textAt(metaOf(objectOf(await ask({}))), 'continue')
      await send(admin, 'POST', configMaps(own), configMap('c'))
      await compact()
      const refused = await ask({ continue: token })
      expectRefusal(refused, 410, 'Expired')
      // It goes on with what there is now.
      const next = textAt(metaOf(refused.body), 'continue')
      expect(namesOf(objectOf(await ask({ continue: next, limit: 0 })))).toEqual(['b', 'c'])
    })

    test('an exact version is too old', async () => {
      const { uncached, compact, admin } = getApi()
      const own = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(own), configMap('a'))
      await compact()
      const query = { resourceVersion: '2', resourceVersionMatch: 'Exact' }
      expectRefusal(await send(uncached, 'GET', configMaps(own), undefined, { query }), 410, 'Expired')
    })

    test('a watch from an old version: ERROR 410', async () => {
      const { admin, uncached, compact } = getApi()
      const own = await makeNamespace(getApi())
      const made = objectOf(await send(admin, 'POST', configMaps(own), configMap('a')))
      await send(admin, 'POST', configMaps(own), configMap('b'))
      await compact()
      const query = { resourceVersion: String(Number(versionOf(made)) - 1) }
      expect(await lines(uncached, configMaps(own), query, 5)).toEqual(['ERROR 410 Expired'])
    })

    test('a watch from the newest version goes on', async () => {
      const { admin, uncached, compact } = getApi()
      const own = await makeNamespace(getApi())
      await send(admin, 'POST', configMaps(own), configMap('a'))
      await compact()
      const resourceVersion = versionOf(objectOf(await send(admin, 'GET', configMaps(own))))
      const seen = await lines(uncached, configMaps(own), { resourceVersion }, 1, () =>
        send(admin, 'POST', configMaps(own), configMap('b')),
      )
      expect(seen).toEqual(['ADDED b'])
    })
  })
}
