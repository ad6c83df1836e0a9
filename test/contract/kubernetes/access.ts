/**
 * Who may do what: RBAC, as least privilege is built on it.
 */
import { describe, expect, test } from 'vitest'
import type { KubeTransport } from '../../../src/kubernetes/index.ts'
import { textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import type { FakeKubeRule } from '../../../src/kubernetes/testing/index.ts'
import {
  APPLY,
  configMap,
  configMaps,
  eventLine,
  expectRefusal,
  fresh,
  type GetApi,
  leases,
  MERGE,
  makeNamespace,
  namesOf,
  objectOf,
  secret,
  secrets,
  send,
  watchFor,
} from './support.ts'

export function describeAccess(getApi: GetApi): void {
  const rule = (
    resources: readonly string[],
    verbs: readonly string[],
    rest: Partial<FakeKubeRule> = {},
  ) => ({
    apiGroups: [''],
    resources,
    verbs,
    ...rest,
  })
  const as = (rules: readonly FakeKubeRule[]): Promise<KubeTransport> => getApi().as(fresh('user'), [], rules)

  test('nobody that is known: Unauthorized, without details', async () => {
    const answer = await send(await getApi().stranger(), 'GET', configMaps('default'))
    expectRefusal(answer, 401, 'Unauthorized')
    expect(answer.body).not.toHaveProperty('details')
    expectRefusal(await send(await getApi().stranger(), 'GET', '/api/v1'), 401, 'Unauthorized')
    const events = await watchFor(await getApi().stranger(), configMaps('default'), {}, 1)
    expect(events.map(eventLine)).toEqual(['ERROR 401 Unauthorized'])
  })

  test('no rule: Forbidden, with verb and kind in the words', async () => {
    const user = await as([])
    const answer = await send(user, 'GET', secrets('default', 'a'))
    expectRefusal(answer, 403, 'Forbidden')
    expect(textAt(answer.body, 'message')).toMatch(/cannot get resource "secrets" in API group ""/)
    expectRefusal(await send(user, 'GET', '/apis/none.example.com/v1/foos'), 403, 'Forbidden')
    const events = await watchFor(user, secrets('default'), {}, 1)
    expect(events.map(eventLine)).toEqual(['ERROR 403 Forbidden'])
  })

  test('discovery is open to all that are known', async () => {
    objectOf(await send(await as([]), 'GET', '/api/v1'), 200)
  })

  test('verbs are told apart', async () => {
    const { admin } = getApi()
    const ns = await makeNamespace(getApi())
    await send(admin, 'POST', configMaps(ns), configMap('a'))
    const user = await as([rule(['configmaps'], ['get', 'update'], { namespace: ns })])
    objectOf(await send(user, 'GET', configMaps(ns, 'a')), 200)
    objectOf(await send(user, 'PUT', configMaps(ns, 'a'), configMap('a')), 200)
    const refused = [
      await send(user, 'GET', configMaps(ns)),
      await send(user, 'POST', configMaps(ns), configMap('b')),
      await send(user, 'PATCH', configMaps(ns, 'a'), {}, { contentType: MERGE }),
      await send(user, 'DELETE', configMaps(ns, 'a')),
      await send(user, 'DELETE', configMaps(ns)),
    ]
    for (const answer of refused) expectRefusal(answer, 403, 'Forbidden')
  })

  test('a rule of a namespace is for that one', async () => {
    const ns = await makeNamespace(getApi())
    const user = await as([rule(['configmaps'], ['list'], { namespace: ns })])
    objectOf(await send(user, 'GET', configMaps(ns)), 200)
    expectRefusal(await send(user, 'GET', configMaps('default')), 403, 'Forbidden')
    expectRefusal(await send(user, 'GET', '/api/v1/configmaps'), 403, 'Forbidden')
  })

  test('a rule of the cluster is for all', async () => {
    const ns = await makeNamespace(getApi())
    const user = await as([rule(['configmaps'], ['list'])])
    objectOf(await send(user, 'GET', configMaps(ns)), 200)
    objectOf(await send(user, 'GET', '/api/v1/configmaps'), 200)
  })

  describe('names', () => {
    test('limit what has one', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      for (const name of ['cacerts', 'other']) await send(admin, 'POST', secrets(ns), secret(name))
      const limit = { namespace: ns, resourceNames: ['cacerts'] }
      const user = await as([rule(['secrets'], ['get', 'update', 'create', 'list', 'watch'], limit)])
      objectOf(await send(user, 'GET', secrets(ns, 'cacerts')), 200)
      objectOf(await send(user, 'PUT', secrets(ns, 'cacerts'), secret('cacerts')), 200)
      expectRefusal(await send(user, 'GET', secrets(ns, 'other')), 403, 'Forbidden')
      // A create has no name yet.
      expectRefusal(await send(user, 'POST', secrets(ns), secret('cacerts')), 403, 'Forbidden')
    })

    test('limit lists and watches that ask for one name', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      for (const name of ['cacerts', 'other']) await send(admin, 'POST', secrets(ns), secret(name))
      const limit = { namespace: ns, resourceNames: ['cacerts'] }
      const user = await as([rule(['secrets'], ['list', 'watch'], limit)])
      const query = { fieldSelector: 'metadata.name=cacerts' }
      expect(namesOf(objectOf(await send(user, 'GET', secrets(ns), undefined, { query })))).toEqual([
        'cacerts',
      ])
      expectRefusal(await send(user, 'GET', secrets(ns)), 403, 'Forbidden')
      const other = { fieldSelector: 'metadata.name=other' }
      expectRefusal(await send(user, 'GET', secrets(ns), undefined, { query: other }), 403, 'Forbidden')
      const events = await watchFor(user, secrets(ns), { ...query, resourceVersion: '0' }, 1)
      expect(events.map(eventLine)).toEqual(['ADDED cacerts'])
      const refused = await watchFor(user, secrets(ns), {}, 1)
      expect(refused.map(eventLine)).toEqual(['ERROR 403 Forbidden'])
    })
  })

  test('an apply that makes something needs create, too', async () => {
    const ns = await makeNamespace(getApi())
    const apply = (user: KubeTransport, name: string) => {
      const options = { contentType: APPLY, query: { fieldManager: 'm' } } as const
      return send(user, 'PATCH', configMaps(ns, name), configMap(name), options)
    }
    const patches = rule(['configmaps'], ['patch'], { namespace: ns })
    expectRefusal(await apply(await as([patches]), 'a'), 403, 'Forbidden')
    // Its name is known, so that a rule can limit it.
    const creates = rule(['configmaps'], ['create'], { namespace: ns, resourceNames: ['a'] })
    const user = await as([patches, creates])
    objectOf(await apply(user, 'a'), 201)
    expectRefusal(await apply(user, 'b'), 403, 'Forbidden')
    objectOf(await apply(await as([patches]), 'a'), 200)
  })

  test('an update that makes something needs create, too', async () => {
    const ns = await makeNamespace(getApi())
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: {} }
    const user = await as([
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['update'], namespace: ns },
    ])
    expectRefusal(await send(user, 'PUT', leases(ns, 'l'), lease), 403, 'Forbidden')
  })

  test('parts have rules of their own', async () => {
    const { admin } = getApi()
    const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests/none'
    const group = { apiGroups: ['certificates.k8s.io'] }
    const whole = await as([{ ...group, resources: ['certificatesigningrequests'], verbs: ['patch'] }])
    const patch = (user: KubeTransport, at: string) => send(user, 'PATCH', at, {}, { contentType: MERGE })
    expectRefusal(await patch(whole, path), 404, 'NotFound')
    expectRefusal(await patch(whole, `${path}/status`), 403, 'Forbidden')
    const part = await as([{ ...group, resources: ['certificatesigningrequests/status'], verbs: ['patch'] }])
    expectRefusal(await patch(part, path), 403, 'Forbidden')
    expectRefusal(await patch(part, `${path}/status`), 404, 'NotFound')
    expectRefusal(await patch(admin, path), 404, 'NotFound')
  })

  test('asterisks stand for all', async () => {
    const ns = await makeNamespace(getApi())
    const user = await as([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespace: ns }])
    objectOf(await send(user, 'POST', configMaps(ns), configMap('a')), 201)
    objectOf(await send(user, 'GET', leases(ns)), 200)
    expectRefusal(await send(user, 'GET', configMaps('default')), 403, 'Forbidden')
  })
}
