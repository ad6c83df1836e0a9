import { describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import { secretJournal } from '../../../../src/kubernetes/federation/secret-journal.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { START, World } from './support.ts'

const ref = { namespace: 'mesh-pki', name: 'journal' }
const stateOf = (object: KubeObject | undefined): string => {
  const text = Reflect.get(object?.['data'] ?? {}, 'rollover.json')
  return Buffer.from(String(text), 'base64').toString()
}

/** A server that has one Secret and answers every write with it: only what is sent to it counts. */
function standIn(uid: () => string) {
  const writes: unknown[] = []
  const secret = () => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...ref, uid: uid(), resourceVersion: '7' },
    data: { 'rollover.json': Buffer.from('one').toString('base64') },
  })
  const transport: KubeTransport = {
    async request({ method, body }) {
      if (method !== 'GET') writes.push(body)
      return { status: 200, headers: {}, body: secret() }
    },
    async *watch() {},
  }
  return { writes, client: new KubeClient(transport, { fieldManager: 'test', clock: manualClock(START) }) }
}

describe('a journal in a Secret', () => {
  test('is another one where the Secret was made anew, though its version is the same: etcd came from a backup', async () => {
    for (const [then, isWritten] of [
      ['first', true],
      ['second', false],
    ] as const) {
      let uid = 'first'
      const { client, writes } = standIn(() => uid)
      const journal = secretJournal(client, ref)
      const version = (await journal.read())?.version
      uid = then
      expect(await journal.replace(version, 'two')).toBe(isWritten)
      expect(writes).toHaveLength(isWritten ? 1 : 0)
    }
  })

  test('is another one where somebody wrote it since', async () => {
    const world = new World([])
    const journal = secretJournal(world.manager, ref)
    await journal.replace(undefined, 'one')
    const version = (await journal.read())?.version
    expect(await journal.replace(version, 'two')).toBe(true)
    expect(await journal.replace(version, 'three')).toBe(false)
    expect(stateOf(world.management.read(KubeResources.secrets, ref))).toBe('two')
  })

  test('is not written over what came between its last look and its write', async () => {
    const world = new World([])
    const journal = secretJournal(world.manager, ref)
    await journal.replace(undefined, 'one')
    const version = (await journal.read())?.version
    const other = secretJournal(world.client(world.management, 'other'), ref)
    // The other one writes when this one has looked for the last time.
    const isUpdate = world.management.faults.delay('1s', { verb: 'update', nth: 1 })
    const writing = journal.replace(version, 'mine')
    while (isUpdate.hits === 0) await Promise.resolve()
    isUpdate.remove()
    expect(await other.replace(version, 'theirs')).toBe(true)
    await world.clock.run('1s')
    expect(await writing).toBe(false)
    expect(stateOf(world.management.read(KubeResources.secrets, ref))).toBe('theirs')
  })

  test('keeps what else is in its Secret: labels, and other data', async () => {
    const world = new World([])
    const journal = secretJournal(world.manager, ref)
    await journal.replace(undefined, 'one')
    const found = world.management.read(KubeResources.secrets, ref)
    world.management.seed({
      ...found,
      metadata: { ...found?.metadata, labels: { mine: 'yes' } },
      data: { ...(found?.['data'] as object), note: 'eA==' },
    })
    expect(await journal.replace((await journal.read())?.version, 'two')).toBe(true)
    const after = world.management.read(KubeResources.secrets, ref)
    expect(after?.metadata.labels).toEqual({ mine: 'yes' })
    expect(after?.['data']).toMatchObject({ note: 'eA==' })
    expect(stateOf(after)).toBe('two')
  })

  test('a first write whose answer was lost is looked up; another one’s journal is not taken for it', async () => {
    for (const [text, isOurs] of [
      ['mine', true],
      ['theirs', false],
    ] as const) {
      const world = new World([])
      await secretJournal(world.client(world.management, 'other'), ref).replace(undefined, text)
      world.management.faults.fail('broken-connection', { verb: 'create' })
      const written = secretJournal(world.manager, ref).replace(undefined, 'mine')
      if (isOurs) expect(await written).toBe(true)
      else await expect(written).rejects.toMatchObject({ outcome: 'unknown' })
    }
  })
})
