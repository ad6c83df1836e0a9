import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { Controller, KubeClient, KubeResources, Reflector } from '../../../src/kubernetes/index.ts'
import { fakeKubeApi } from '../../../src/kubernetes/testing/index.ts'
import { manualClock, seededRandom } from '../../../src/testing/index.ts'
import { telemetry } from './telemetry.ts'

const { configMaps } = KubeResources

describe('what runs in Kubernetes', () => {
  test('a request is a duration and a client span; one that is refused has its code', async () => {
    const clock = manualClock()
    const { bridge, spans, metrics } = telemetry({ clock })
    const api = fakeKubeApi({ clock })
    const client = new KubeClient(api.transport(), { fieldManager: 'c', clock, onEvent: bridge.kubernetes })
    const object = { metadata: { namespace: 'n', name: 'a' }, data: { password: 'hunter2' } }
    await client.create(configMaps, object)
    await expect(client.create(configMaps, object)).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_ALREADY_EXISTS',
    })
    const about = { 'mesh_pki.kubernetes.verb': 'create', 'mesh_pki.kubernetes.resource': 'configmaps' }
    const made = { ...about, 'http.response.status_code': 201 }
    const refused = {
      ...about,
      'http.response.status_code': 409,
      'error.type': 'ERR_KUBERNETES_ALREADY_EXISTS',
    }
    expect((await metrics()).get('mesh_pki.kubernetes.request.duration')).toEqual({
      unit: 's',
      points: [
        { attributes: made, count: 1, sum: 0 },
        { attributes: refused, count: 1, sum: 0 },
      ],
    })
    const now = clock.now().getTime()
    const span = { name: 'create configmaps', kind: SpanKind.CLIENT, start: now, end: now }
    expect(spans()).toEqual([
      { ...span, attributes: made, status: { code: SpanStatusCode.UNSET } },
      {
        ...span,
        attributes: refused,
        status: { code: SpanStatusCode.ERROR, message: 'ERR_KUBERNETES_ALREADY_EXISTS' },
      },
    ])
    expect(JSON.stringify(spans())).not.toContain('hunter2')
  })

  test('a controller’s keys are in spans and not in metrics; messages of errors are in neither', async () => {
    const clock = manualClock()
    const { bridge, spans, metrics } = telemetry({ clock })
    const client = new KubeClient(fakeKubeApi({ clock }).transport(), { fieldManager: 'c', clock })
    const reflector = new Reflector(client, configMaps, {
      random: seededRandom(3),
      onEvent: bridge.kubernetes,
    })
    let tries = 0
    const controller = new Controller({
      name: 'test',
      sources: [{ reflector }],
      clock,
      onEvent: bridge.kubernetes,
      reconcile: async () => {
        await clock.sleep(250)
        if (tries++ === 0) throw new SyntaxError('token hunter2 is no JSON')
        return { changed: false }
      },
    })
    const stop = new AbortController()
    const running = controller.run(stop.signal)
    await client.create(configMaps, { metadata: { namespace: 'n', name: 'a' } })
    await clock.run('2s')
    stop.abort()
    await running
    const found = await metrics()
    expect(found.get('mesh_pki.reconcile.duration')?.points).toEqual([
      {
        attributes: {
          'mesh_pki.controller.name': 'test',
          'mesh_pki.controller.outcome': 'failed',
          'error.type': 'SyntaxError',
        },
        count: 1,
        sum: 0.25,
      },
      {
        attributes: { 'mesh_pki.controller.name': 'test', 'mesh_pki.controller.outcome': 'done' },
        count: 1,
        sum: 0.25,
      },
    ])
    expect(
      spans().map(({ name, kind, start, end, attributes }) => [
        name,
        kind,
        end - start,
        attributes['mesh_pki.controller.key'],
      ]),
    ).toEqual([
      ['reconcile test', SpanKind.INTERNAL, 250, 'n/a'],
      ['reconcile test', SpanKind.INTERNAL, 250, 'n/a'],
    ])
    expect(JSON.stringify([spans(), ...found])).not.toContain('hunter2')
    expect(JSON.stringify([...found])).not.toContain('n/a')
    expect(found.get('mesh_pki.reflector.transitions')?.points).toContainEqual({
      attributes: {
        'mesh_pki.kubernetes.resource': 'configmaps',
        'mesh_pki.reflector.phase': 'listed',
      },
      value: 1,
    })
  })

  test('leadership is 1 or 0, and a try that failed changes nothing', async () => {
    const { bridge, metrics } = telemetry()
    const value = async () => (await metrics()).get('mesh_pki.lease.leading')?.points
    const attributes = { 'mesh_pki.lease.name': 'ns/agent' }
    bridge.kubernetes({ type: 'lease', lease: 'ns/agent', phase: 'acquired' })
    bridge.kubernetes({ type: 'lease', lease: 'ns/agent', phase: 'failed', error: new Error('x') })
    expect(await value()).toEqual([{ attributes, value: 1 }])
    bridge.kubernetes({ type: 'lease', lease: 'ns/agent', phase: 'lost' })
    expect(await value()).toEqual([{ attributes, value: 0 }])
  })

  test('skew, signers and drift', async () => {
    const { bridge, metrics } = telemetry()
    bridge.kubernetes({ type: 'clock-skew', skewMs: -90_000 })
    const request = { kind: 'CertificateSigningRequest', name: 'a', namespace: undefined, uid: 'u' } as const
    bridge.signer({ type: 'refused', request, reason: 'PolicyDenied', message: 'hunter2' })
    bridge.signer({ type: 'warning', request, message: 'hunter2' })
    bridge.trust({
      type: 'trust-drift',
      outcome: 'backed-off',
      drift: {
        namespace: 'n',
        name: 'istio-ca-root-cert',
        state: 'foreign',
        writer: 'istiod',
        missingRoots: [],
        extraRoots: [],
        unreadable: undefined,
      },
    })
    const found = await metrics()
    expect(found.get('mesh_pki.kubernetes.clock_skew')).toEqual({
      unit: 's',
      points: [{ attributes: {}, value: -90 }],
    })
    const kind = { 'mesh_pki.signer.kind': 'CertificateSigningRequest' }
    expect(found.get('mesh_pki.signer.requests')?.points).toEqual([
      {
        attributes: {
          ...kind,
          'mesh_pki.signer.outcome': 'refused',
          'mesh_pki.signer.reason': 'PolicyDenied',
        },
        value: 1,
      },
      { attributes: { ...kind, 'mesh_pki.signer.outcome': 'warning' }, value: 1 },
    ])
    expect(found.get('mesh_pki.trust.drifts')?.points).toEqual([
      {
        attributes: { 'mesh_pki.trust.state': 'foreign', 'mesh_pki.trust.outcome': 'backed-off' },
        value: 1,
      },
    ])
    expect(JSON.stringify([...found])).not.toContain('hunter2')
  })
})
