import { describe, expect, test, vi } from 'vitest'
import type { FederationOptions } from '../../../../src/kubernetes/federation/federation-options.ts'
import { hearMembers } from '../../../../src/kubernetes/federation/hear-members.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { memoryJournal, planRollover, Rollover } from '../../../../src/rotation/index.ts'
import { DAY, HOUR, MINUTE, ORDER, orderOf } from './parts.ts'
import { START, World } from './support.ts'

const at = (ms: number): string => new Date(START.getTime() + ms).toISOString()

/** A rollover whose only cluster is the east; a status of its order is heard. */
async function hearing(status: object) {
  const world = new World(['east'], { workloadLifetime: '4h' })
  await world.root('root-1')
  const { certificate } = await world.federation.loader.load(world.rootRef('root-1'))
  const plan = planRollover({
    leafLifetime: '4h',
    gracePeriodRatio: 0.5,
    switchDelay: '10m',
    start: new Date(START.getTime() + HOUR),
    outgoing: { id: 'root-1', certificate },
    incoming: { id: 'root-2', lifetime: '3650d' },
    clusters: ['east'],
  })
  const rollover = await Rollover.open({ plan, journal: memoryJournal(), clock: world.clock })
  const give = (name: string, said: object) => {
    const { object } = orderOf()
    world.apiOf('east').seed({
      ...object,
      metadata: { ...object.metadata, name, uid: name },
      status: { observedAt: at(0), rollover: 'root-1>root-2', revision: 0, signer: 'root-1', ...said },
    } as KubeObject)
  }
  give(ORDER.name, status)
  const reported = vi.spyOn(rollover, 'report')
  const failed: unknown[] = []
  const hear = async (options: Partial<FederationOptions> = {}) => {
    const all = { ...world.federation, ...options }
    await hearMembers(all, rollover, (_cluster, work) =>
      work().catch((error: unknown) => void failed.push(error)),
    )
    return reported.mock.calls.at(-1)?.[0]
  }
  return { world, rollover, give, hear, reported, failed }
}

describe('what a cluster says', () => {
  test('is reported, with what its workloads present where somebody knows', async () => {
    const { hear, failed } = await hearing({})
    expect(await hear()).toEqual({ member: 'east', revision: 0, signer: 'root-1', issued: [] })
    expect(await hear({ presentsIn: async () => ['root-1'] })).toMatchObject({ presents: ['root-1'] })
    expect(await hear({ presentsIn: async () => undefined })).not.toHaveProperty('presents')
    expect(failed).toEqual([])
  })

  test('is not reported once it is older than may be', async () => {
    const { hear, reported } = await hearing({ observedAt: at(-20 * MINUTE) })
    await hear()
    expect(reported).not.toHaveBeenCalled()
    await hear({ evidenceMaxAge: '20m' })
    expect(reported).toHaveBeenCalledTimes(1)
  })

  test('of a mesh with no word of its own is not reported for its cluster', async () => {
    const { world, give, hear, reported } = await hearing({})
    const second = { ...world.meshOf('east'), order: { ...ORDER, name: 'second' } }
    const meshes = [world.meshOf('east'), second]
    await hear({ meshes })
    expect(reported).not.toHaveBeenCalled()
    give('second', {})
    await hear({ meshes })
    expect(reported).toHaveBeenCalledTimes(1)
  })

  test('holds up no retirement beyond what an honest agent can say, which counts in full', async () => {
    const line = (ms: number) => ({ signer: 'root-2', ledger: [{ authority: 'root-1', notAfter: at(ms) }] })
    const end = async (ms: number) => {
      const { hear } = await hearing(line(ms))
      const [first] = (await hear())?.issued ?? []
      return first === undefined ? undefined : first.notAfter.getTime() - START.getTime()
    }
    // Four hours, and ten minutes for istiod; the clock of the cluster may be a minute ahead.
    const honest = 4 * HOUR + 10 * MINUTE + MINUTE
    expect(await end(honest)).toBe(honest)
    expect(await end(1000 * DAY)).toBeGreaterThanOrEqual(honest)
    expect(await end(1000 * DAY)).toBeLessThan(5 * HOUR)
  })

  test('that no report can be is the mistake of its cluster, not of who calls', async () => {
    for (const wrong of [{ revision: -1 }, { revision: 0.5 }, { signer: '' }]) {
      const { hear, failed } = await hearing(wrong)
      await hear()
      expect(failed).toMatchObject([{ code: 'ERR_ROLLOVER_EVIDENCE' }])
    }
  })
})

describe('a cluster that says that it is ahead of the journal', () => {
  const digest = 'd'.repeat(64)

  test.each([
    ['by its revision', 1, 0],
    ['by its bundle', 0, 1],
  ])('%s is believed only where the journal was restored', async (_name, revisions, sequences) => {
    const { rollover, give, hear, reported, failed } = await hearing({})
    const { state } = await rollover.status()
    const { revision, bundle } = state
    give(ORDER.name, { revision, distributed: { sequence: bundle.sequence, digest } })
    reported.mockResolvedValue()
    await hear()
    expect(reported).toHaveBeenCalledTimes(1)
    const sequence = bundle.sequence + sequences
    give(ORDER.name, { revision: revision + revisions, distributed: { sequence, digest } })
    await hear()
    expect(reported).toHaveBeenCalledTimes(1)
    expect(failed).toMatchObject([{ code: 'ERR_ROLLOVER_EVIDENCE' }])
    await hear({ recovery: 'believe-members' })
    expect(reported).toHaveBeenCalledTimes(2)
  })

  test('is heard where the journal itself knows that it went back', async () => {
    const { rollover, give, hear, reported } = await hearing({})
    const status = await rollover.status()
    give(ORDER.name, { revision: status.state.revision + 1 })
    vi.spyOn(rollover, 'status').mockResolvedValue({
      ...status,
      state: { ...status.state, recovering: { at: at(0), told: [] } },
    })
    reported.mockResolvedValue()
    await hear()
    expect(reported).toHaveBeenCalledTimes(1)
  })

  test('no bundle and revision of another rollover is ahead of this one', async () => {
    const { hear, failed } = await hearing({
      rollover: 'x>y',
      revision: 9,
      distributed: { sequence: 9, digest },
    })
    expect(await hear()).toMatchObject({ revision: 0 })
    expect(failed).toEqual([])
  })
})
