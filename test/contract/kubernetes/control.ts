/**
 * Leases, Namespaces, Events and Deployments, as far as controllers depend on them.
 */
import { describe, expect, test } from 'vitest'
import { listAt, recordAt } from '../../../src/kubernetes/objects/kube-object.ts'
import {
  APPLY,
  configMap,
  configMaps,
  expectRefusal,
  fresh,
  type GetApi,
  leases,
  MERGE,
  makeNamespace,
  metaOf,
  objectOf,
  send,
  versionOf,
} from './support.ts'

const TIME = '2026-01-01T00:00:00.123456Z'

const lease = (name: string, spec: object, metadata: object = {}): object => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, ...metadata },
  spec,
})

const EVENT = {
  eventTime: TIME,
  reportingController: 'example.com/a',
  reportingInstance: 'i',
  action: 'A',
  reason: 'R',
  type: 'Normal',
  note: 'n',
}

export function describeControl(getApi: GetApi): void {
  describe('Lease', () => {
    test('times have six digits', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const made = await send(admin, 'POST', leases(ns), lease('l', { renewTime: TIME, holderIdentity: 'a' }))
      expect(objectOf(made, 201)['spec']).toEqual({ renewTime: TIME, holderIdentity: 'a' })
      for (const renewTime of ['2026-01-01T00:00:00.123Z', '2026-01-01T00:00:00Z'])
        expectRefusal(await send(admin, 'POST', leases(ns), lease('m', { renewTime })), 400, 'BadRequest')
    })

    test('times are told in UTC', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const spec = { renewTime: '2026-01-01T00:00:00.123456+01:00' }
      const made = objectOf(await send(admin, 'POST', leases(ns), lease('l', spec)), 201)
      expect(made['spec']).toEqual({ renewTime: '2025-12-31T23:00:00.123456Z' })
    })

    test.each<[string, object, number, string, string[], string[]]>([
      [
        'no duration',
        { leaseDurationSeconds: 0 },
        422,
        'Invalid',
        ['FieldValueInvalid'],
        ['spec.leaseDurationSeconds'],
      ],
      [
        'fewer than no transitions',
        { leaseTransitions: -1 },
        422,
        'Invalid',
        ['FieldValueInvalid'],
        ['spec.leaseTransitions'],
      ],
      ['a duration as text', { leaseDurationSeconds: '15' }, 400, 'BadRequest', [], []],
      ['half a second', { leaseDurationSeconds: 1.5 }, 400, 'BadRequest', [], []],
    ])('refuses %s', async (_what, spec, status, reason, causes, fields) => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      expectRefusal(await send(admin, 'POST', leases(ns), lease('l', spec)), status, reason, causes, fields)
    })

    test('an update needs the version', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      await send(admin, 'POST', leases(ns), lease('l', {}))
      const answer = await send(admin, 'PUT', leases(ns, 'l'), lease('l', { holderIdentity: 'b' }))
      expectRefusal(answer, 422, 'Invalid', ['FieldValueInvalid'], ['metadata.resourceVersion'])
    })

    test('an update makes what is not there, whatever its version', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      objectOf(await send(admin, 'PUT', leases(ns, 'l'), lease('l', {})), 201)
      const versioned = lease('m', {}, { resourceVersion: '5' })
      objectOf(await send(admin, 'PUT', leases(ns, 'm'), versioned), 201)
      const named = lease('n', {}, { uid: 'gone' })
      expectRefusal(await send(admin, 'PUT', leases(ns, 'n'), named), 409, 'Conflict')
    })
  })

  describe('Namespace', () => {
    test('must exist', async () => {
      const { admin } = getApi()
      const ns = fresh('none')
      expectRefusal(await send(admin, 'POST', configMaps(ns), configMap('a')), 404, 'NotFound')
      const options = { contentType: APPLY, query: { fieldManager: 'm' } } as const
      const applied = await send(admin, 'PATCH', configMaps(ns, 'a'), configMap('a'), options)
      expectRefusal(applied, 404, 'NotFound')
    })

    test('its name is a label', async () => {
      const answer = await send(getApi().admin, 'POST', '/api/v1/namespaces', { metadata: { name: 'a.b' } })
      expectRefusal(answer, 422, 'Invalid', ['FieldValueInvalid'], ['metadata.name'])
    })

    test('one that ends takes nothing new, and lets go what it has', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const path = `/api/v1/namespaces/${ns}`
      await send(admin, 'POST', configMaps(ns), configMap('a'))
      const ending = objectOf(await send(admin, 'DELETE', path), 200)
      expect(metaOf(ending)).toHaveProperty('deletionTimestamp')
      expect(ending['status']).toMatchObject({ phase: 'Terminating' })
      const refused = await send(admin, 'POST', configMaps(ns), configMap('b'))
      expectRefusal(refused, 403, 'Forbidden', ['NamespaceTerminating'], ['metadata.namespace'])
      const options = { contentType: APPLY, query: { fieldManager: 'm' } } as const
      const applied = await send(admin, 'PATCH', configMaps(ns, 'b'), configMap('b'), options)
      expectRefusal(applied, 403, 'Forbidden', ['NamespaceTerminating'], ['metadata.namespace'])
      objectOf(await send(admin, 'PUT', configMaps(ns, 'a'), configMap('a', { data: { x: '1' } })), 200)
      objectOf(await send(admin, 'DELETE', configMaps(ns, 'a')), 200)
      const body = { metadata: { name: ns }, spec: { finalizers: [] } }
      objectOf(await send(admin, 'PUT', `${path}/finalize`, body), 200)
      expectRefusal(await send(admin, 'GET', path), 404, 'NotFound')
    })

    test('some are never deleted', async () => {
      const answer = await send(getApi().admin, 'DELETE', '/api/v1/namespaces/kube-system')
      expectRefusal(answer, 403, 'Forbidden')
    })
  })

  describe('Event', () => {
    const events = (ns: string, name?: string): string =>
      `/apis/events.k8s.io/v1/namespaces/${ns}/events${name === undefined ? '' : `/${name}`}`
    const about = (namespace: string): object => ({ regarding: { kind: 'Pod', name: 'p', namespace } })

    test('is made', async () => {
      const ns = await makeNamespace(getApi())
      const event = { metadata: { name: 'e' }, ...EVENT, ...about(ns) }
      expect(objectOf(await send(getApi().admin, 'POST', events(ns), event), 201)['note']).toBe('n')
    })

    test.each<[string, object, string, string]>([
      ['a long note', { note: 'x'.repeat(1025) }, 'FieldValueInvalid', 'message'],
      ['another type', { type: 'Error' }, 'FieldValueInvalid', 'type'],
      ['no time', { eventTime: undefined }, 'FieldValueRequired', 'eventTime'],
      ['no action', { action: undefined }, 'FieldValueRequired', 'action'],
      ['no reason', { reason: undefined }, 'FieldValueRequired', 'reason'],
      ['no instance', { reportingInstance: undefined }, 'FieldValueRequired', 'reportingInstance'],
      [
        'a controller that is no name',
        { reportingController: 'a b' },
        'FieldValueInvalid',
        'reportingController',
      ],
    ])('refuses %s', async (_what, rest, cause, field) => {
      const ns = await makeNamespace(getApi())
      const event = { metadata: { name: 'e' }, ...EVENT, ...about(ns), ...rest }
      expectRefusal(await send(getApi().admin, 'POST', events(ns), event), 422, 'Invalid', [cause], [field])
    })

    // Later versions take "default" as well.
    test('about what is cluster-scoped is in kube-system', async () => {
      const ns = await makeNamespace(getApi())
      const event = { metadata: { name: fresh('e') }, ...EVENT, regarding: { kind: 'Node', name: 'n' } }
      const refused = await send(getApi().admin, 'POST', events(ns), event)
      expectRefusal(refused, 422, 'Invalid', ['FieldValueInvalid'], ['involvedObject.namespace'])
      objectOf(await send(getApi().admin, 'POST', events('kube-system'), event), 201)
    })
  })

  describe('Deployment', () => {
    const path = (ns: string, rest = ''): string => `/apis/apps/v1/namespaces/${ns}/deployments${rest}`
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'a' } },
        template: {
          metadata: { labels: { app: 'a' } },
          spec: { containers: [{ name: 'c', image: 'i' }] },
        },
      },
    }

    test('the generation grows with the spec alone', async () => {
      const { admin } = getApi()
      const ns = await makeNamespace(getApi())
      const body = { ...deployment, status: { replicas: 5 } }
      const made = objectOf(await send(admin, 'POST', path(ns), body), 201)
      expect(metaOf(made)['generation']).toBe(1)
      expect(recordAt(made, 'status')).not.toHaveProperty('replicas')
      const patch = (change: object, rest = '') =>
        send(admin, 'PATCH', path(ns, `/d${rest}`), change, { contentType: MERGE })
      const annotations = { 'example.com/hash': 'x' }
      const rolled = objectOf(await patch({ spec: { template: { metadata: { annotations } } } }))
      expect(metaOf(rolled)['generation']).toBe(2)
      expect(metaOf(objectOf(await patch({ metadata: { labels: { a: 'b' } } })))['generation']).toBe(2)
      const ignored = objectOf(await patch({ status: { replicas: 3 } }))
      expect(recordAt(ignored, 'status')).not.toHaveProperty('replicas')
      const observed = objectOf(
        await patch({ status: { replicas: 3, observedGeneration: 2 }, spec: { replicas: 7 } }, '/status'),
      )
      expect(metaOf(observed)['generation']).toBe(2)
      expect(observed['spec']).toMatchObject({ replicas: 1 })
      expect(observed['status']).toMatchObject({ replicas: 3, observedGeneration: 2 })
    })
  })

  describe('discovery', () => {
    test.each([
      ['/api/v1', 'secrets', true],
      ['/apis/apps/v1', 'deployments/status', true],
      ['/apis/certificates.k8s.io/v1', 'certificatesigningrequests/approval', true],
      ['/apis/certificates.k8s.io/v1', 'clustertrustbundles', false],
    ])('%s: %s', async (at, name, expected) => {
      const answer = objectOf(await send(getApi().admin, 'GET', at), 200)
      const names = listAt(answer, 'resources').map((one) => recordAt({ one }, 'one')['name'])
      expect(names.includes(name)).toBe(expected)
    })

    test('a version that is not served: NotFound', async () => {
      expectRefusal(await send(getApi().admin, 'GET', '/apis/apps/v7'), 404, 'NotFound')
      expectRefusal(await send(getApi().admin, 'GET', '/apis/certificates.k8s.io/v1alpha7'), 404, 'NotFound')
    })
  })

  test('a list has its version', async () => {
    const list = objectOf(await send(getApi().admin, 'GET', '/api/v1/namespaces'), 200)
    expect(versionOf(list)).toMatch(/^\d+$/)
    expect(list['kind']).toBe('NamespaceList')
  })
}
