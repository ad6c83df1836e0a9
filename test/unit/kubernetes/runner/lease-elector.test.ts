import { describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { LeaseElector, type LeaseElectorOptions } from '../../../../src/kubernetes/runner/lease-elector.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock, seededRandom } from '../../../../src/testing/index.ts'

const ALL = { rules: 'all' } as const
const lease = { namespace: 'n', name: 'lock' }

function start() {
  const clock = manualClock()
  const api = fakeKubeApi({ clock, users: { a: ALL, b: ALL, c: ALL } })
  const log: string[] = []
  const run = (identity: string, own = clock, more: Partial<LeaseElectorOptions> = {}) => {
    const client = new KubeClient(api.transport({ user: identity }), { fieldManager: identity, clock: own })
    const elector = new LeaseElector(client, { ...lease, identity, random: seededRandom(7), ...more })
    const stop = new AbortController()
    const running = elector.run(async (signal) => {
      log.push(`${identity} leads`)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      log.push(`${identity} stops`)
    }, stop.signal)
    return { elector, stop, running, client }
  }
  const spec = () =>
    Reflect.get(api.read(KubeResources.leases, lease) ?? {}, 'spec') as Record<string, unknown>
  return { clock, api, log, run, spec }
}

describe('a lease elector', () => {
  test('makes one leader, who keeps the Lease', async () => {
    const world = start()
    const a = world.run('a')
    await world.clock.run('5s')
    const b = world.run('b')
    await world.clock.run('5m')
    expect(world.log).toEqual(['a leads'])
    expect([a.elector.isLeading, b.elector.isLeading]).toEqual([true, false])
    expect(world.spec()).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 })
    // meta/v1 MicroTime: six digits.
    expect(world.spec()['renewTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect(() => a.elector.assertLeading()).not.toThrow()
    expect(() => b.elector.assertLeading()).toThrow(/"b" does not hold the Lease n\/lock, which "a" has/)
    a.stop.abort()
    b.stop.abort()
    await Promise.all([a.running, b.running])
  })

  test('a leader that stops gives the Lease up, so that the next one need not wait', async () => {
    const world = start()
    const a = world.run('a')
    await world.clock.run('5s')
    const b = world.run('b')
    a.stop.abort()
    await world.clock.run('3s')
    expect(world.log).toEqual(['a leads', 'a stops', 'b leads'])
    expect(world.spec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
    b.stop.abort()
    await Promise.all([a.running, b.running])
  })

  test('a leader that cannot renew stops before another begins', async () => {
    const world = start()
    const a = world.run('a')
    await world.clock.run('5s')
    const b = world.run('b')
    await world.clock.run('5s')
    // The network of the leader is gone; it cannot know whether somebody else has taken over.
    world.api.faults.fail('broken-connection', { user: 'a', times: Number.POSITIVE_INFINITY })
    await world.clock.run('9s')
    expect(world.log).toEqual(['a leads'])
    await world.clock.run('30s')
    expect(world.log).toEqual(['a leads', 'a stops', 'b leads'])
    expect(a.elector.isLeading).toBe(false)
    expect(() => a.elector.assertLeading()).toThrow(/does not hold the Lease/)
    a.stop.abort()
    b.stop.abort()
    await Promise.all([a.running, b.running])
  })

  test.each([
    ['its requests are refused', '15s', '10s', '2s'],
    ['its requests are refused', '4s', '3s', '1s'],
    ['its requests are never answered', '15s', '10s', '2s'],
    // One request may take longer than this Lease.
    ['its requests are never answered', '4s', '3s', '1s'],
  ])(
    'a leader stops in time where %s, with a Lease of %s',
    async (how, leaseDuration, renewDeadline, retryPeriod) => {
      const world = start()
      const terms = { leaseDuration, renewDeadline, retryPeriod }
      const a = world.run('a', world.clock, terms)
      await world.clock.run('5s')
      const b = world.run('b', world.clock, terms)
      await world.clock.run('5s')
      const all = { user: 'a', times: Number.POSITIVE_INFINITY }
      if (how.endsWith('refused')) world.api.faults.fail('broken-connection', all)
      else world.api.faults.hang(all)
      await world.clock.run(renewDeadline)
      expect(world.log).toEqual(['a leads', 'a stops'])
      await world.clock.run('30s')
      expect(world.log).toEqual(['a leads', 'a stops', 'b leads'])
      a.stop.abort()
      b.stop.abort()
      await Promise.all([a.running, b.running])
    },
  )

  test.each(['create', 'update'] as const)(
    'a slow answer to %s does not lengthen the tenure: it counts from what was sent',
    async (verb) => {
      const world = start()
      const slow = world.api.faults.delay('6s', { user: 'a', verb, resource: KubeResources.leases })
      const a = world.run('a')
      while (slow.hits === 0) await world.clock.run('1s')
      // It was sent within the last second. Nothing that is sent after it is answered.
      world.api.faults.hang({ user: 'a', times: Number.POSITIVE_INFINITY })
      await world.clock.run('6s')
      expect(a.elector.isLeading).toBe(true)
      // The Lease's UID, and that nobody had it before.
      expect(a.elector.fence).toMatch(/^.+\.0$/)
      await world.clock.run('2s')
      expect(a.elector.isLeading).toBe(true)
      await world.clock.run('2s')
      expect(a.elector.isLeading).toBe(false)
      expect(a.elector.fence).toBeUndefined()
      expect(() => a.elector.assertLeading()).toThrow(/does not hold the Lease/)
      expect(world.log).toEqual(['a leads', 'a stops'])
      a.stop.abort()
      await a.running
    },
  )

  test('judges a Lease by its own time: clocks that differ by hours make no second leader', async () => {
    const world = start()
    const a = world.run('a')
    await world.clock.run('5s')
    const ahead = manualClock(new Date(world.clock.now().getTime() + 6 * 3_600_000))
    const b = world.run('b', ahead)
    for (let i = 0; i < 60; i++) {
      await world.clock.run('1s')
      await ahead.run('1s')
    }
    expect(world.log).toEqual(['a leads'])
    a.stop.abort()
    b.stop.abort()
    await world.clock.run('3s')
    await ahead.run('3s')
    await Promise.all([a.running, b.running])
  })

  test('takes over what a dead process left, after the longer of both durations', async () => {
    const world = start()
    world.api.seed({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: lease,
      spec: {
        holderIdentity: 'dead',
        leaseDurationSeconds: 60,
        renewTime: '2020-01-01T00:00:00.000000Z',
        leaseTransitions: 4,
      },
    })
    const a = world.run('a')
    await world.clock.run('55s')
    expect(world.log).toEqual([])
    await world.clock.run('10s')
    expect(world.log).toEqual(['a leads'])
    expect(world.spec()).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 })
    a.stop.abort()
    await a.running
  })

  test('goes on at once with what it held itself before it was restarted', async () => {
    const world = start()
    world.api.seed({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: lease,
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 60,
        acquireTime: '2025-12-31T23:00:00.000000Z',
        renewTime: '2025-12-31T23:59:59.000000Z',
        leaseTransitions: 4,
      },
    })
    const a = world.run('a')
    const b = world.run('b')
    await world.clock.run('1s')
    expect(world.log).toEqual(['a leads'])
    expect(world.spec()).toMatchObject({ leaseTransitions: 4, acquireTime: '2025-12-31T23:00:00.000000Z' })
    a.stop.abort()
    b.stop.abort()
    await world.clock.run('3s')
    await Promise.all([a.running, b.running])
  })

  test('of two that begin together one leads', async () => {
    const world = start()
    const all = ['a', 'b', 'c'].map((identity) => world.run(identity))
    await world.clock.run('1m')
    expect(world.log.filter((line) => line.endsWith('leads'))).toHaveLength(1)
    for (const { stop } of all) stop.abort()
    await world.clock.run('5s')
    await Promise.all(all.map(({ running }) => running))
  })

  test('what the work throws is the caller’s to know, and the Lease is given up', async () => {
    const world = start()
    const client = new KubeClient(world.api.transport(), { fieldManager: 'x', clock: world.clock })
    const elector = new LeaseElector(client, { ...lease, identity: 'x' })
    await expect(
      elector.run(async () => {
        throw new Error('broken work')
      }, new AbortController().signal),
    ).rejects.toThrow('broken work')
    expect(world.spec()).toMatchObject({ holderIdentity: '' })
  })

  test.each([
    [{ identity: '' }, TypeError, 'identity'],
    [{ leaseDuration: '5s', renewDeadline: '10s' }, RangeError, 'renewDeadline'],
    [{ renewDeadline: '2s', retryPeriod: '2s' }, RangeError, 'renewDeadline'],
    [{ holder: 'x' }, TypeError, 'holder'],
  ])('refuses options that make no sense: %j', (more, kind, option) => {
    const client = new KubeClient(start().api.transport(), { fieldManager: 'x' })
    const make = () => new LeaseElector(client, { ...lease, identity: 'x', ...more })
    expect(make).toThrow(kind)
    expect(make).toThrow(option)
  })
})
