/**
 * Every guard of a rollover is taken away in turn, and the suite must see it: the named invariant breaks, which holds
 * in the same runs with the guard.
 */

import { describe, expect, test } from 'vitest'
import type { RolloverParameters } from '../../src/rotation/index.ts'
import type { GateId } from '../../src/rotation/rollover/rollover-gate.ts'
import { ROLLOVER_GATES } from '../../src/rotation/rollover/rollover-gates.ts'
import type { RolloverPlan } from '../../src/rotation/rollover/rollover-plan.ts'
import { MESH_RULES, type MeshRules } from '../../src/rotation/simulation/mesh-rules.ts'
import { simulateWith } from '../../src/rotation/simulation/simulate-rollover.ts'
import type { SimulationOptions } from '../../src/rotation/simulation/simulation-options.ts'
import type { SimulationInternals } from '../../src/rotation/simulation/simulation-run.ts'
import type { InvariantId } from '../../src/rotation/trace/invariants.ts'
import { ADOPTION, at, changed, DAY, HOUR, MINUTE, plan } from '../unit/rotation/rollover/support.ts'

type Run = Omit<SimulationOptions, 'seed'>
/** What breaks: an invariant, or the safety condition itself. */
type Symptom = InvariantId | 'outage'

interface Mutant {
  readonly symptom: Symptom
  readonly plan: RolloverPlan
  readonly run?: Run
  /** What is given up in both, where another guard would do the same work. */
  readonly without?: Partial<MeshRules>
  readonly withoutGates?: readonly GateId[]
}

/** Seeds that a mutant may need to be seen. */
const SEEDS = 60
/** Seeds in which the whole must hold. */
const HELD = 15

const always = { extremes: 'always' } as const
/** Nobody reports, so that time alone decides. */
const timeOnly: Run = { evidence: false, ...always }
const parameters = (more: Partial<RolloverParameters> = {}): RolloverPlan => plan(more)

/** An adoption of three roots under a bound of two, which its planner would refuse. */
const tooMany = changed(plan(ADOPTION), (made) => ({
  ...made,
  parameters: { ...made.parameters, maxAuthorities: 2 },
}))

const GATES: Readonly<Record<GateId, Mutant>> = {
  staged: { symptom: 'I4', plan: parameters() },
  'plan-time': { symptom: 'I12', plan: parameters({ activateAt: at(6 * HOUR) }) },
  'bundle-size': { symptom: 'I16', plan: tooMany },
  'distribution-time': { symptom: 'I12', plan: parameters(), run: timeOnly },
  // The mesh is slower than its plan: only who asks finds out.
  'distribution-evidence': { symptom: 'I1', plan: parameters(), run: { actual: { propagation: '2h' } } },
  'own-bundle': {
    symptom: 'outage',
    plan: parameters({ crossSign: true }),
    run: { actual: { propagation: '20h' } },
  },
  'incoming-valid': {
    symptom: 'outage',
    plan: parameters({ kind: 'issuing-ca' }),
    run: { ...always, actual: { authorityBackdate: '0s' } },
  },
  // Everybody sleeps until after the planned taint, so that switch and taint come due together.
  'switch-time': {
    symptom: 'I10',
    plan: parameters({ emergency: { reissueWithin: '1h' } }),
    run: { ...timeOnly, incidents: [{ kind: 'sleep', after: '10m', for: '5h' }] },
  },
  'switch-evidence': {
    symptom: 'I2',
    plan: parameters(),
    run: { actual: { switchDelay: '30h' } },
    without: { reportsDetails: false },
  },
  'retention-time': { symptom: 'I2', plan: parameters(), run: timeOnly },
  ledger: { symptom: 'I13', plan: parameters(), run: { actual: { leafLifetime: '48h' } } },
  presence: {
    symptom: 'I2',
    plan: parameters({ retention: 'renewals' }),
    run: { actual: { outage: '10h' } },
  },
  'withdrawal-time': { symptom: 'I6', plan: parameters({ pruneAfter: '0s' }), run: timeOnly },
  'withdrawal-evidence': {
    symptom: 'I6',
    plan: parameters({ pruneAfter: '0s' }),
    run: { actual: { propagation: '2h' } },
  },
  // A journal from before an abort, with everybody's report in it.
  'evidence-age': {
    symptom: 'I2',
    plan: parameters(),
    run: {
      incidents: [
        { kind: 'abort', after: '16h30m' },
        { kind: 'restore', after: '25h', to: '11h' },
      ],
    },
  },
  // The same, where nobody asks anybody: a driver that saw a later revision knows.
  recovery: {
    symptom: 'I2',
    plan: parameters(),
    run: {
      incidents: [
        { kind: 'abort', after: '16h30m' },
        { kind: 'restore', after: '25h', to: '11h', restarts: false },
      ],
    },
    withoutGates: ['evidence-age', 'switch-evidence', 'presence', 'ledger'],
  },
}

const back = (after: string) => ({ kind: 'clock-back' as const, after, by: '30h', for: '1h', name: 'east' })

const RULES: readonly (Mutant & { readonly name: string; readonly broken: Partial<MeshRules> })[] = [
  {
    name: 'verifiers take any bundle, also an older one',
    broken: { acceptBundle: () => 'apply' },
    symptom: 'I5',
    plan: parameters(),
    run: { incidents: [{ kind: 'abort', after: '5m' }] },
  },
  {
    name: 'issuers sign with what is not in their own bundle',
    broken: { whyNotSign: () => undefined },
    symptom: 'I3',
    plan: parameters({ crossSign: true }),
    run: { evidence: false },
  },
  {
    name: 'issuers sign though their clock went back',
    broken: { whyNotSign: () => undefined },
    symptom: 'I14',
    plan: parameters(),
    run: { incidents: [back('1h'), back('13h')] },
  },
  {
    name: 'members follow an older desired state',
    broken: { keepsRevision: false },
    symptom: 'I3',
    plan: parameters(),
    run: { incidents: [{ kind: 'restore', after: '25h', to: '24h50m' }] },
  },
  {
    name: 'certificates outlive their path',
    broken: { caps: false },
    symptom: 'I7',
    plan: parameters({ outgoing: { id: 'A', notAfter: at(DAY + 29 * MINUTE) } }),
    run: { ...timeOnly, actual: { leafLifetime: '24h1s' } },
  },
  {
    name: 'certificates begin when they are issued',
    broken: { backdates: false },
    symptom: 'I7',
    plan: parameters(),
  },
  {
    name: 'serial numbers come twice',
    broken: { uniqueSerials: false },
    symptom: 'I7',
    plan: parameters(),
  },
  {
    name: 'jitter is drawn at every poll',
    broken: { drawsOnce: false },
    symptom: 'I8',
    plan: parameters(),
  },
  {
    name: 'a forced reissue comes all at once',
    broken: { reissueShare: () => 0 },
    symptom: 'I9',
    plan: parameters({ emergency: { reissueWithin: '1h' } }),
    run: { holders: 8 },
  },
  {
    name: 'the cross-certificate is not sent along',
    broken: { attachesCross: false },
    symptom: 'I1',
    plan: parameters({ crossSign: true }),
    run: { ...always, actual: { propagation: '1h' } },
  },
]

/** The symptoms of one run. */
async function symptoms(
  mutant: Mutant,
  seed: number,
  internals: Partial<SimulationInternals>,
): Promise<ReadonlySet<Symptom>> {
  const { violations, outages, handshakes } = await simulateWith(
    mutant.plan,
    { ...mutant.run, seed },
    internals,
  )
  const found = new Set<Symptom>(violations.map(({ invariant }) => invariant))
  if (outages.length > 0 && handshakes.failed > 0) found.add('outage')
  return found
}

async function firstSeed(
  mutant: Mutant,
  internals: Partial<SimulationInternals>,
): Promise<number | undefined> {
  for (let seed = 0; seed < SEEDS; seed++)
    if ((await symptoms(mutant, seed, internals)).has(mutant.symptom)) return seed
  return undefined
}

/** The gates of a run; `but` is the one that is taken away. */
const gatesOf = ({ withoutGates = [] }: Mutant, but?: GateId) =>
  ROLLOVER_GATES.filter(({ id }) => id !== but && !withoutGates.includes(id))

async function expectHeld(mutant: Mutant): Promise<void> {
  const rules = { ...MESH_RULES, ...mutant.without }
  const gates = gatesOf(mutant)
  for (let seed = 0; seed < HELD; seed++)
    expect([...(await symptoms(mutant, seed, { rules, gates }))]).toEqual([])
}

describe('a gate that is taken away', () => {
  test.each(ROLLOVER_GATES.map(({ id }) => [id, GATES[id].symptom] as const))('%s: %s breaks', async (id) => {
    const mutant = GATES[id]
    await expectHeld(mutant)
    const gates = gatesOf(mutant, id)
    expect(gates).toHaveLength(gatesOf(mutant).length - 1)
    expect(await firstSeed(mutant, { gates, rules: { ...MESH_RULES, ...mutant.without } })).toBeDefined()
  })

  test('each protects an invariant that the table knows', () => {
    for (const { id, protects } of ROLLOVER_GATES) {
      const { symptom } = GATES[id]
      // Where a certificate is refused before an invariant has a name for it, the outage itself is seen.
      if (symptom !== 'outage') expect(protects).toContain(symptom)
    }
  })
})

describe('a rule that members break', () => {
  test.each(RULES.map((mutant) => [mutant.name, mutant.symptom, mutant] as const))(
    '%s: %s breaks',
    async (_name, _symptom, mutant) => {
      await expectHeld(mutant)
      expect(await firstSeed(mutant, { rules: { ...MESH_RULES, ...mutant.broken } })).toBeDefined()
    },
  )

  test('and each rule there is has a mutant', () => {
    const broken = new Set(RULES.flatMap((mutant) => Object.keys(mutant.broken)))
    broken.add('reportsDetails') // Its absence is not a fault: the driver then waits longer.
    expect([...broken].sort()).toEqual(Object.keys(MESH_RULES).sort())
  })
})

test('a journal that swaps without comparing: two drivers write one revision', async () => {
  const mutant: Mutant = { symptom: 'I4', plan: parameters() }
  await expectHeld(mutant)
  expect(await firstSeed(mutant, { compares: false })).toBeDefined()
})
