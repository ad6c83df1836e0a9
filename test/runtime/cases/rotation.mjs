// Time: a scheduler under a manual clock, rollovers planned, tried out and drawn.
import { renderTimeline } from 'mesh-pki/inspect'
import { planRollover, RotationScheduler, renewalStatus, simulateRollover } from 'mesh-pki/rotation'
import { createTestHierarchy, manualClock } from 'mesh-pki/testing'
import { equal, fails, ok } from './assert.mjs'

const START = new Date('2026-03-01T00:00:00Z')
const DAY = 86_400_000
const PARAMETERS = {
  start: START,
  outgoing: { id: 'root-2025', notAfter: new Date('2026-06-01T00:00:00Z') },
  incoming: { id: 'root-2026', lifetime: '365d' },
  clusters: ['east', 'west'],
  leafLifetime: '24h',
  gracePeriodRatio: 0.5,
  propagation: '15m',
}

/** @type {import('./assert.mjs').Case[]} */
export const rotationCases = [
  {
    name: 'a scheduler keeps an instant that no timer can be set for',
    async run() {
      const clock = manualClock(START)
      /** @type {number[]} */
      const ran = []
      const scheduler = new RotationScheduler({
        clock,
        rotate: (_, { dueAt }) => {
          ran.push((clock.now().getTime() - START.getTime()) / DAY)
          return new Date(dueAt.getTime() + 25 * DAY)
        },
      })
      scheduler.add(new Date(START.getTime() + 30 * DAY))
      await clock.run('29d23h59m59s')
      equal(ran, [], 'before it is due')
      await clock.run('26d1s')
      equal(ran, [30, 55], 'when it is due')
      await scheduler.close()
      equal(clock.sleepers, 0, 'nobody waits any longer')
    },
  },
  {
    name: 'a certificate is due when half of its life is over',
    async run() {
      const { workload } = await createTestHierarchy({ time: START, lifetime: '24h' })
      const at = (/** @type {number} */ hours) =>
        renewalStatus(
          workload,
          { gracePeriodRatio: 0.5 },
          { now: new Date(START.getTime() + hours * 3_600_000) },
        )
      equal([at(11).state, at(13).state, at(25).state], ['fresh', 'due', 'expired'], 'states')
    },
  },
  {
    name: 'a rollover as planned loses no handshake',
    async run() {
      const result = await simulateRollover(planRollover(PARAMETERS), { seed: 1 })
      const { finished, handshakes, outages, violations } = result
      equal([finished, handshakes.failed, outages.length, violations.length], [true, 0, 0, 0], 'the run')
      ok(handshakes.tried > 0, 'handshakes to be tried')
    },
  },
  {
    name: 'a rollover slower than planned loses some, when time alone decides',
    async run() {
      const actual = { propagation: '12h' }
      const options = { seed: 1, actual, evidence: false, extremes: /** @type {const} */ ('always') }
      const { outages, violations } = await simulateRollover(planRollover(PARAMETERS), options)
      ok(outages.length > 0, 'outages')
      ok(violations.length > 0, 'broken invariants')
    },
  },
  {
    name: 'a rollover over real certificates loses no handshake',
    async run() {
      const options = {
        seed: 1,
        verification: /** @type {const} */ ('certificates'),
        holders: 1,
        verifiers: 1,
      }
      const { finished, handshakes } = await simulateRollover(planRollover(PARAMETERS), options)
      equal([finished, handshakes.failed], [true, 0], 'the run')
    },
  },
  {
    name: 'a rollover that cannot be is not planned',
    async run() {
      const outgoing = { id: 'root-2025', notAfter: new Date('2026-03-01T06:00:00Z') }
      const plan = () => planRollover({ ...PARAMETERS, outgoing })
      await fails(plan, 'ERR_ROLLOVER_INFEASIBLE', 'an old root that ends in hours')
    },
  },
  {
    name: 'a plan is drawn as a picture and as text',
    run() {
      const plan = planRollover(PARAMETERS)
      const svg = renderTimeline(plan, { format: 'svg', timeZone: 'Europe/Berlin' })
      ok(svg.startsWith('<svg ') && svg.trimEnd().endsWith('</svg>'), 'one picture')
      ok(svg.includes('root-2026'), 'the new root in it')
      const text = renderTimeline(plan, { format: 'text', width: 100 })
      ok(text.includes('root-2025') && text.includes('root-2026'), 'both roots in the text')
    },
  },
]
