import { SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { openTelemetry } from '../../../src/otel/index.ts'
import { RotationScheduler } from '../../../src/rotation/index.ts'
import { FederationClient, type FetchLike, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { bundle, trustDomain, web } from '../spiffe/federation-support.ts'
import { telemetry } from './telemetry.ts'

const NOON = new Date('2026-06-01T12:00:00Z')
const later = (ms: number) => new Date(NOON.getTime() + ms)

describe('rotation', () => {
  test('attempts are durations and spans; what waited, expired and failed is told', async () => {
    const clock = manualClock(NOON)
    const { bridge, spans, metrics } = telemetry({ clock })
    let tries = 0
    await using scheduler = new RotationScheduler({
      clock,
      onEvent: bridge.scheduler,
      rotate: async () => {
        await clock.sleep(2000)
        if (tries++ === 0) throw Object.assign(new Error('password hunter2'), { code: 'EIO' })
        return { dueAt: later(86_400_000) }
      },
    })
    scheduler.add(later(1000))
    await clock.run('10m')
    const found = await metrics()
    expect(found.get('mesh_pki.rotation.attempt.duration')?.points).toEqual([
      {
        attributes: { 'mesh_pki.rotation.outcome': 'failed', 'error.type': 'EIO' },
        count: 1,
        sum: 2,
      },
      { attributes: { 'mesh_pki.rotation.outcome': 'succeeded' }, count: 1, sum: 2 },
    ])
    expect(found.get('mesh_pki.rotation.delay')?.points).toMatchObject([{ count: 1, sum: 0 }])
    const [failed, succeeded] = spans()
    expect(failed).toMatchObject({
      name: 'rotate',
      start: NOON.getTime() + 1000,
      end: NOON.getTime() + 3000,
      status: { code: SpanStatusCode.ERROR, message: 'EIO' },
    })
    expect(succeeded?.attributes).toMatchObject({ 'mesh_pki.rotation.attempt': 2 })
    expect(JSON.stringify([spans(), ...found])).not.toContain('hunter2')
  })

  test('attempts whose end is never told are forgotten', () => {
    const { bridge, spans } = telemetry()
    const started = { type: 'started', dueAt: NOON, attempt: 1, cause: 'due' } as const
    for (let handle = 1; handle <= 20_000; handle++) bridge.scheduler({ ...started, handle, at: NOON })
    const end = { type: 'succeeded', attempt: 1, dueAt: undefined, expiresAt: undefined } as const
    bridge.scheduler({ ...end, handle: 1, at: later(5000) })
    bridge.scheduler({ ...end, handle: 20_000, at: later(5000) })
    expect(spans().map(({ start, end }) => end - start)).toEqual([0, 5000])
  })

  test('what is expired and what stepped is counted', async () => {
    const { bridge, metrics } = telemetry()
    bridge.scheduler({ type: 'expired', handle: 1, at: NOON, expiresAt: NOON, failures: 4 })
    bridge.scheduler({ type: 'clock-stepped', at: NOON, by: -5000 })
    const found = await metrics()
    expect(found.get('mesh_pki.rotation.expired')?.points).toEqual([{ attributes: {}, value: 1 }])
    expect(found.get('mesh_pki.rotation.clock_steps')?.points).toEqual([
      { attributes: { 'mesh_pki.rotation.direction': 'back' }, value: 1 },
    ])
  })

  test('a rollover’s stages count once, though a driver that was started anew tells them again', async () => {
    const { bridge, metrics } = telemetry()
    const stage = { type: 'stage', at: 0, authority: 'b', stage: 'ACTIVE', revision: 3 } as const
    bridge.rollover(stage)
    bridge.rollover({ ...stage, retold: true })
    bridge.rollover({ type: 'published', at: 0, sequence: 7, digest: 'd', authorities: ['a', 'b'] })
    bridge.rollover({ type: 'finished', at: 0, direction: 'forward', retold: true })
    const found = await metrics()
    expect(found.get('mesh_pki.rollover.stages')?.points).toEqual([
      { attributes: { 'mesh_pki.rollover.stage': 'ACTIVE' }, value: 1 },
    ])
    expect(found.get('mesh_pki.rollover.sequence')?.points).toEqual([{ attributes: {}, value: 7 }])
    expect(found.get('mesh_pki.rollover.authorities')?.points).toEqual([{ attributes: {}, value: 2 }])
    expect(found.has('mesh_pki.rollover.finished')).toBe(false)
  })
})

describe('bundles of others', () => {
  test('what is in force is shown, and 0 when it is too old', async () => {
    const clock = manualClock(NOON)
    const { bridge, metrics } = telemetry({ clock })
    let answers = true
    const fetch: FetchLike = async () =>
      answers ? new Response(bundle(1n).toJson()) : new Response('', { status: 500 })
    const client = new FederationClient({
      relationships: [web],
      staleAfter: '1h',
      clock,
      fetch,
      onEvent: bridge.federation,
    })
    const stop = new AbortController()
    const running = client.run({ signal: stop.signal })
    await clock.run('1m')
    const inForce = async () => (await metrics()).get('mesh_pki.federation.authorities')?.points
    const domain = { 'mesh_pki.trust_domain': trustDomain }
    expect(await inForce()).toEqual([{ attributes: domain, value: 2 }])
    answers = false
    await clock.run('2h')
    expect(await inForce()).toEqual([{ attributes: domain, value: 0 }])
    const events = (await metrics()).get('mesh_pki.federation.events')?.points ?? []
    expect(events.map(({ attributes }) => attributes['mesh_pki.federation.event'])).toEqual([
      'fetched',
      'failed',
      'stale',
    ])
    expect(events[1]?.attributes['error.type']).toMatch(/^ERR_[A-Z_]+$/)
    stop.abort()
    await running.catch(() => {})
  })

  test('a bundle without authorities is 0', async () => {
    const { bridge, metrics } = telemetry()
    const empty = SpiffeBundle.of({ trustDomain, x509Authorities: [] })
    bridge.federation({ type: 'emptied', trustDomain: empty.trustDomain, bundle: empty })
    expect((await metrics()).get('mesh_pki.federation.authorities')?.points).toMatchObject([{ value: 0 }])
  })
})

test('issuance: enrollment, issuers, remote signers', async () => {
  const { bridge, metrics } = telemetry()
  bridge.enrollment({
    type: 'refused',
    operation: 'enroll',
    status: 401,
    code: 'unauthorized',
    reason: 'hunter2',
    name: 'east',
    tokenId: '12345678',
    client: '192.0.2.1',
    certificate: undefined,
    error: undefined,
  })
  const error = new MeshPkiError('ERR_ISSUER_TIMEOUT', 'hunter2')
  bridge.issuer({ type: 'failed', call: 'issue', attempt: 1, requestId: 'r', error })
  bridge.issuer({ type: 'pending', call: 'lookup', attempt: 2, requestId: 'r' })
  bridge.remoteSigner({ type: 'attempt-failed', reason: 'timeout', attempt: 3, willRetry: false, error })
  const found = await metrics()
  expect(found.get('mesh_pki.enrollment.requests')?.points).toEqual([
    {
      attributes: {
        'mesh_pki.enrollment.operation': 'enroll',
        'mesh_pki.enrollment.outcome': 'refused',
        'http.response.status_code': 401,
        'error.type': 'unauthorized',
      },
      value: 1,
    },
  ])
  expect(found.get('mesh_pki.issuer.unfinished_calls')?.points.map(({ attributes }) => attributes)).toEqual([
    {
      'mesh_pki.issuer.call': 'issue',
      'mesh_pki.issuer.outcome': 'failed',
      'error.type': 'ERR_ISSUER_TIMEOUT',
    },
    { 'mesh_pki.issuer.call': 'lookup', 'mesh_pki.issuer.outcome': 'pending' },
  ])
  expect(found.get('mesh_pki.remote_signer.failures')?.points).toMatchObject([
    { attributes: { 'mesh_pki.remote_signer.reason': 'timeout', 'mesh_pki.remote_signer.final': 'true' } },
  ])
  expect(JSON.stringify([...found])).not.toContain('hunter2')
})

describe('the life of certificates', () => {
  test('is counted when metrics are collected, until it is ended', async () => {
    const clock = manualClock(NOON)
    const { bridge, metrics } = telemetry({ clock })
    let reads = 0
    const end = bridge.watchCertificates(() => {
      reads++
      return [
        { name: 'cacerts of east', certificate: { notAfter: later(3_600_000) } },
        { name: 'cacerts of west', certificate: { notAfter: later(-1000) } },
      ]
    })
    const values = async () =>
      (await metrics())
        .get('mesh_pki.certificate.expiry')
        ?.points.map(({ attributes, value }) => [attributes['mesh_pki.certificate.name'], value])
    expect(await values()).toEqual([
      ['cacerts of east', 3600],
      ['cacerts of west', -1],
    ])
    clock.advance('30m')
    expect((await values())?.[0]).toEqual(['cacerts of east', 1800])
    expect(reads).toBe(2)
    end()
    await values()
    expect(reads).toBe(2)
  })

  test('hostile names are bounded and harmless', async () => {
    const { bridge, metrics } = telemetry()
    const name = `a\u202e\n${'x'.repeat(100_000)}`
    bridge.watchCertificates(() => [{ name, certificate: { notAfter: NOON } }])
    const [point] = (await metrics()).get('mesh_pki.certificate.expiry')?.points ?? []
    const shown = String(point?.attributes['mesh_pki.certificate.name'])
    expect(shown.length).toBeLessThanOrEqual(300)
    expect(shown).not.toMatch(/[\u202e\n]/)
  })
})

test('without a provider nothing is recorded, and nothing fails', () => {
  const bridge = openTelemetry()
  bridge.kubernetes({ type: 'clock-skew', skewMs: 1 })
  bridge.scheduler({ type: 'expired', handle: 1, at: NOON, expiresAt: NOON, failures: 0 })
  bridge.watchCertificates(() => [])()
})

test('mistakes in options are told', () => {
  // @ts-expect-error: a provider is not a tracer.
  expect(() => openTelemetry({ tracerProvider: {} })).toThrow(/no option "tracerProvider"/)
  // @ts-expect-error: it must be a function, so that each collection sees what is there then.
  expect(() => openTelemetry().watchCertificates([])).toThrow(/"read" must be a function/)
  // @ts-expect-error: no clock.
  expect(() => openTelemetry({ clock: {} })).toThrow(/"clock"/)
})
