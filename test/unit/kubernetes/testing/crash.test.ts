/**
 * Crash points: a controller that dies between any two of its writes.
 */
import { describe, expect, test } from 'vitest'
import type { KubeTransport } from '../../../../src/kubernetes/index.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { clientOf, failure, KIND, map, NS, record, settle } from './support.ts'

const NAMES = ['a', 'b', 'c']

/** Makes what is missing: what it was doing when it died is not known to it. */
async function reconcile(transport: KubeTransport): Promise<void> {
  const client = clientOf(transport)
  for (const name of NAMES)
    if ((await client.find(KIND, { name, namespace: NS })) === undefined) await client.create(KIND, map(name))
}

describe.each(['delivered', 'lost'] as const)('the answer to the last write is %s', (answer) => {
  test('every crash point is reached once, and work goes on from each', async () => {
    const undisturbed = fakeKubeApi().transport()
    await reconcile(undisturbed)
    expect(undisturbed.writes).toBe(NAMES.length)
    for (let n = 0; n <= undisturbed.writes; n++) {
      const api = fakeKubeApi()
      const first = api.transport()
      first.crashAfterWrite(n, { answer })
      await reconcile(first).catch(() => {})
      expect([n, first.writes, first.crashed]).toEqual([n, n, true])
      expect(api.objects(KIND)).toHaveLength(n)
      const second = api.transport()
      await reconcile(second)
      expect([second.writes, api.writes]).toEqual([NAMES.length - n, NAMES.length])
    }
  })

  test('the caller of the last write', async () => {
    const transport = fakeKubeApi().transport()
    transport.crashAfterWrite(1, { answer })
    const first = await failure(clientOf(transport).create(KIND, map('a')))
    expect(first).toBe(answer === 'lost' ? 'ERR_KUBERNETES_UNAVAILABLE unknown' : 'none')
  })
})

test('every later request rejects, reads as well', async () => {
  const transport = fakeKubeApi().transport()
  const client = clientOf(transport)
  transport.crashAfterWrite(1)
  expect(transport.crashSignal.aborted).toBe(false)
  await client.create(KIND, map('a'))
  expect([transport.crashed, transport.crashSignal.aborted]).toEqual([true, true])
  expect(await failure(client.get(KIND, { name: 'a', namespace: NS }))).toContain('UNAVAILABLE')
})

test('watches of the process break, those of others do not', async () => {
  const api = fakeKubeApi()
  const transport = api.transport()
  const stop = new AbortController()
  const own = record(transport, stop.signal)
  const other = record(api.transport(), stop.signal)
  await settle()
  transport.crashAfterWrite(1)
  await clientOf(transport).create(KIND, map('a'))
  expect(await failure(own.done)).toBe('ECONNRESET')
  await settle()
  expect(other.seen).toEqual(['ADDED a'])
  stop.abort()
  await other.done
})

test('what changes nothing is no write', async () => {
  const transport = fakeKubeApi().transport()
  const client = clientOf(transport)
  const made = await client.create(KIND, map('a'))
  await client.replace(KIND, made)
  await failure(client.create(KIND, map('a')))
  expect(transport.writes).toBe(1)
})

test.each([-1, 0.5])('refuses to crash after %s writes', (n) => {
  expect(() => fakeKubeApi().transport().crashAfterWrite(n)).toThrow(RangeError)
})
