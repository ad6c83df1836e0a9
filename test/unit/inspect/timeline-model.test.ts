import { describe, expect, test } from 'vitest'
import { timelineOf } from '../../../src/inspect/timeline/render-timeline.ts'
import type { Timeline, TimelineLane } from '../../../src/inspect/timeline/timeline.ts'
import { planRollover, simulateRollover } from '../../../src/rotation/index.ts'
import { DAY, handTrace, MINUTE, P, PARAMETERS, PLAN } from './plans.ts'

const lanes = (timeline: Timeline, title: RegExp): readonly TimelineLane[] =>
  timeline.groups.find((group) => title.test(group.title))?.lanes ?? []

const bars = (lane: TimelineLane | undefined): readonly (readonly [string, number, number, number])[] =>
  (lane?.bars ?? []).map(({ shape, authority, from, to }) => [
    shape,
    authority,
    (from - P) / MINUTE,
    (to - P) / MINUTE,
  ])

// D 15m, S 1m: D + 2S = 17m. Switched at 17m, within 10m. Retired 24h + 10m + 4m later, 1471m; withdrawn by 1488m; pruned after a day more.
const A = 17
const R = 17 + 24 * 60 + 14
const PRUNED = R + 17 + 24 * 60

describe('a plan', () => {
  const timeline = timelineOf(PLAN)
  const end = PRUNED + 10

  test('has a line for every instant, with all of its inequalities', () => {
    expect(timeline.gates.map(({ at }) => (at - P) / MINUTE)).toEqual([0, A, R, PRUNED])
    expect(timeline.gates.map(({ steps }) => steps.map(({ stage }) => stage))).toEqual([
      ['STAGED', 'PUBLISHED'],
      ['DISTRIBUTED', 'ACTIVE', 'DRAINING'],
      ['RETIRED'],
      ['PRUNED'],
    ])
    const facts = timeline.gates.flatMap(({ steps }) => steps.flatMap((step) => step.facts))
    expect(facts.some(({ broken }) => broken)).toBe(false)
    expect(timeline.gates[2]?.steps[0]?.facts).toEqual([
      {
        id: 'C2',
        condition: 'R − A ≥ Δsw + L + 4S',
        needs: '1d14m',
        has: '1d14m',
        slack: '0s',
        broken: false,
      },
    ])
    // Both clusters switch at once: one step.
    expect(timeline.gates[1]?.steps[1]?.clusters).toEqual(['east', 'west'])
  })

  test('has the lives, without stages that took no time', () => {
    expect(
      lanes(timeline, /life/).map(({ label, bars: own }) => [label, own.map((bar) => bar.label)]),
    ).toEqual([
      ['root-2025', ['ACTIVE', 'DRAINING', 'RETIRED', 'PRUNED']],
      ['root-2026', ['STAGED · PUBLISHED', 'DISTRIBUTED · ACTIVE']],
    ])
  })

  test('has issuers that switch within Δsw', () => {
    const signing = lanes(timeline, /signs/)
    expect(signing.map(({ label }) => label)).toEqual(['east', 'west'])
    expect(bars(signing[0])).toEqual([
      ['full', 0, -10, A],
      ['full', 1, A, end],
      ['fall', 0, A, A + 10],
    ])
  })

  test('has bundles with ramps of D + 2S, at both ends', () => {
    const trusting = lanes(timeline, /trusts/)
    expect(trusting.map(({ label, tag }) => `${label} ${tag}`)).toEqual([
      'east root-2025',
      'east root-2026',
      'west root-2025',
      'west root-2026',
      'partner.example root-2025',
      'partner.example root-2026',
    ])
    expect(bars(trusting[0])).toEqual([
      ['full', 0, -10, R],
      ['fall', 0, R, R + 17],
    ])
    expect(bars(trusting[1])).toEqual([
      ['rise', 1, 0, 17],
      ['full', 1, 17, end],
    ])
  })

  test('has old certificates until Δsw + L after the switch', () => {
    expect(bars(lanes(timeline, /Certificates/)[0])[2]).toEqual(['fall', 0, A, A + 10 + 24 * 60])
  })

  test('an adoption gives every cluster the root of the others, an issuing CA changes no bundle', () => {
    const adoption = planRollover({
      ...PARAMETERS,
      kind: 'adoption',
      outgoing: ['east', 'west'].map((name) => ({
        id: `${name}-root`,
        notAfter: new Date('2026-06-01T00:00:00Z'),
      })),
      clusters: ['east', 'west'].map((name) => ({ name, from: `${name}-root` })),
    })
    const trusting = lanes(timelineOf(adoption), /trusts/)
    expect(bars(trusting[0])[0]).toEqual(['full', 0, -10, R])
    expect(bars(trusting[1])[0]).toEqual(['rise', 1, 0, 17])
    const kept = timelineOf(planRollover({ ...PARAMETERS, kind: 'issuing-ca' }))
    expect(lanes(kept, /trusts/)).toEqual([])
    expect(kept.notes.join()).toMatch(/root stays/)
  })

  test('a cross-signed authority signs before all have its bundle, and still does then', () => {
    const plan = planRollover({ ...PARAMETERS, crossSign: true })
    const cross = timelineOf(plan)
    const [, next, certificate] = lanes(cross, /life/)
    expect(next?.bars.map(({ label }) => label)).toEqual(['STAGED · PUBLISHED · ACTIVE'])
    // Sent along until D + 2S; valid for longer, perhaps for longer than is drawn.
    const end = Math.min(cross.to, Date.parse(plan.cross?.notAfter ?? ''))
    expect(bars(certificate)).toEqual([
      ['full', 1, 0, 17],
      ['some', 1, 17, (end - P) / MINUTE],
    ])
    expect(cross.to).toBeLessThan(P + 4 * DAY)
  })

  test('many clusters that switch one after the other share a line, and equal bundles a lane', () => {
    const clusters = Array.from({ length: 100 }, (_, i) => `c${i}`)
    const many = timelineOf(planRollover({ ...PARAMETERS, clusters, audiences: [], stagger: '1m' }))
    expect(many.gates.length).toBeLessThan(10)
    const shared = many.gates.find(({ at, until }) => until > at)
    expect(shared?.steps[0]?.clusters).toEqual(clusters.slice(1, -1))
    expect(shared?.steps[0]?.facts[0]?.slack).toBe('1m, the least of 98')
    expect(lanes(many, /trusts/).map(({ label }) => label)).toEqual(['100 like c0', '100 like c0'])
    expect(lanes(many, /signs/)).toHaveLength(40)
    expect(many.notes).toContain('60 of 100 clusters that sign are left out')
  })
})

describe('a trace', () => {
  const timeline = timelineOf(handTrace())

  test('has what issuers signed with, and what verifiers trusted', () => {
    const end = 2 * 24 * 60
    expect(bars(lanes(timeline, /signed/)[0])).toEqual([
      ['full', 0, 0, 22],
      ['full', 1, 22, end],
    ])
    const [old, next] = lanes(timeline, /trusted/)
    expect(bars(old)).toEqual([
      ['full', 0, 0, 24 * 60 + 1],
      ['some', 0, 24 * 60 + 1, 24 * 60 + 3],
    ])
    expect(bars(next)).toEqual([
      ['some', 1, 5, 15],
      ['full', 1, 15, end],
    ])
  })

  test('has a bar for certificates of one authority, cut at renewals', () => {
    const [holder] = lanes(timeline, /Certificates/)
    expect(bars(holder)).toEqual([
      ['full', 0, 0, 31],
      ['full', 1, 31, 2 * 24 * 60],
    ])
    expect(holder?.bars[1]?.cuts).toEqual([P + 12 * 60 * MINUTE])
  })

  test('has what was left over, of C1 and of C2', () => {
    const facts = timeline.gates.flatMap(({ steps }) => steps.flatMap((step) => step.facts))
    // First use at 31m, last verifier at 15m. Dropped at 24h1m, last use at 31m.
    expect(facts.map(({ id, has }) => [id, has])).toEqual([
      ['C1', '5m'],
      ['C1', '16m'],
      ['C2', '23h30m'],
    ])
    expect(timeline.origin).toBe(P + 2 * MINUTE)
  })

  test('says where nothing was left over', () => {
    const late = handTrace().map((event) =>
      event.type === 'applied' && event.verifier === 'v1' && event.sequence === 2
        ? { ...event, at: P + 40 * MINUTE }
        : event,
    )
    const sorted = [...late].sort((a, b) => a.at - b.at)
    const active = timelineOf(sorted).gates.flatMap(({ steps }) =>
      steps.filter(({ stage }) => stage === 'ACTIVE'),
    )
    expect(active[0]?.facts).toMatchObject([{ id: 'C1', has: '-9m', slack: '-9m', broken: true }])
  })

  test('marks failures, forced gates, crashes, restores', () => {
    const marked = timelineOf(
      handTrace([
        {
          type: 'handshake-failed',
          at: P + 33 * MINUTE,
          holder: 'east/h',
          verifier: 'v0',
          certificate: 'c1',
          problem: 'bad',
        },
        { type: 'journal', at: P + 34 * MINUTE, revision: 9, what: 'forced distribution-evidence: because' },
        { type: 'journal', at: P + 34 * MINUTE, revision: 9, what: 'new ACTIVE in east' },
        { type: 'crashed', at: P + 35 * MINUTE, what: 'driver 1' },
        { type: 'restored', at: P + 36 * MINUTE, what: 'the journal' },
      ]),
    )
    expect(lanes(marked, /else/).map(({ label, tag }) => `${label} ${tag}`)).toEqual([
      'failed handshakes 1',
      'forced gates 1',
      'restored journals 1',
      'crashes 1',
      'other events 1',
    ])
    expect(lanes(marked, /Certificates/)[0]?.marks).toHaveLength(1)
  })

  test('of a simulation has every stage that the driver entered', async () => {
    const { events, finished } = await simulateRollover(PLAN, { seed: 5, crashes: 0.1 })
    expect(finished).toBe(true)
    const simulated = timelineOf(events)
    const drawn = simulated.gates.flatMap(({ at, steps }) => steps.map(({ stage }) => `${at} ${stage}`))
    const staged = events.filter((event) => event.type === 'stage')
    const expected = staged
      .filter(({ authority, stage }) => !(authority === 'root-2025' && stage === 'ACTIVE'))
      .map(({ at, stage }) => `${at} ${stage}`)
    expect(drawn.sort()).toEqual(expected.sort())
    // No handshake failed, so nothing was short.
    const facts = simulated.gates.flatMap(({ steps }) => steps.flatMap((step) => step.facts))
    expect(facts.length).toBeGreaterThan(2)
    expect(facts.filter(({ broken }) => broken)).toEqual([])
    const switched = events.filter((event) => event.type === 'switched')
    for (const { member, at } of switched)
      expect(lanes(simulated, /signed/).find(({ label }) => label === member)?.bars[1]?.from).toBe(at)
  })

  test('draws at most 40 holders apart, those whose handshakes failed among them', async () => {
    const { events } = await simulateRollover(PLAN, {
      seed: 5,
      holders: 40,
      evidence: false,
      actual: { propagation: '3h' },
    })
    const failing = new Set(
      events.flatMap((event) => (event.type === 'handshake-failed' ? [event.holder] : [])),
    )
    expect(failing.size).toBeGreaterThan(0)
    const holders = lanes(timelineOf(events), /Certificates/)
    expect(
      holders
        .map(({ label, tag }) => (tag === undefined ? '' : `${label} ${tag}`))
        .filter((one) => one !== ''),
    ).toEqual(['40 more root-2025', '40 more root-2026'])
    const drawn = holders.filter(({ tag }) => tag === undefined).map(({ label }) => label)
    expect(drawn).toHaveLength(40)
    expect([...failing].slice(0, 40).filter((holder) => !drawn.includes(holder))).toEqual([])
  })
})
