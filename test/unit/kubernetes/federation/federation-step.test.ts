import { beforeAll, describe, expect, test } from 'vitest'
import { GLOO_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import type { FederationOptions } from '../../../../src/kubernetes/federation/federation-options.ts'
import { entitlementOf, federationStep } from '../../../../src/kubernetes/federation/federation-step.ts'
import type { Entitlement } from '../../../../src/kubernetes/federation/issuer-decision.ts'
import {
  memoryJournal,
  planRollover,
  Rollover,
  type RolloverParameters,
} from '../../../../src/rotation/index.ts'
import type { Certificate } from '../../../../src/x509/index.ts'
import { HOUR } from './parts.ts'
import { START, World } from './support.ts'

let world: World
let root: Certificate

beforeAll(async () => {
  world = new World(['east', 'west'], { workloadLifetime: '4h' })
  await world.root('root-1')
  root = (await world.federation.loader.load(world.rootRef('root-1'))).certificate
})

const ask = (more: Partial<FederationOptions> = {}, cluster = 'east', order = world.meshOf('east').order) =>
  entitlementOf({ ...world.federation, ...more }, cluster, order)

const granted = async (more: Partial<FederationOptions> = {}): Promise<Entitlement> => {
  const found = await ask(more)
  if (found === undefined || 'hold' in found) throw new Error('nothing is granted')
  return found
}

describe('what an order is entitled to', () => {
  test('is what its own mesh is, and no other’s: by cluster, namespace and name', async () => {
    expect((await granted()).hosts).toEqual(['spiffe://east.example/ns/istio-system/sa/istiod'])
    const { order } = world.meshOf('east')
    expect(await ask({}, 'west', order)).toBeUndefined()
    expect(await ask({}, 'east', { ...order, namespace: 'other' })).toBeUndefined()
    expect(await ask({}, 'east', { ...order, name: 'other' })).toBeUndefined()
    expect(await ask({}, 'north', order)).toBeUndefined()
  })

  test('is held where the key is not here, or nothing is decided', async () => {
    const held = await ask({ authorities: { 'root-1': { roots: [root] } } })
    expect(held).toHaveProperty('hold')
    const rollover = await rolling({})
    Object.assign(rollover, { desired: async () => undefined })
    const { rollover: _none, ...rest } = world.federation
    const authorities = Object.fromEntries(rollover.plan.authorities.map(({ id }) => [id, { roots: [root] }]))
    const federation = { ...rest, rollover, authorities }
    expect(await entitlementOf(federation, 'east', world.meshOf('east').order)).toHaveProperty('hold')
  })

  test('is bound to its trust domains where these are given', async () => {
    const bound = world.federation.meshes.map((mesh) => ({ ...mesh, trustDomains: ['east.example', 'old'] }))
    expect((await granted({ meshes: bound })).nameConstraints).toEqual({
      permitted: [
        { type: 'uri', value: 'east.example' },
        { type: 'uri', value: 'old' },
      ],
      otherForms: 'allow',
    })
    expect(await granted()).not.toHaveProperty('nameConstraints')
  })

  test('has Gloo Mesh’s profile in its kind', async () => {
    expect((await granted({ api: GLOO_API })).profile).toBe('gloo')
    expect(await granted()).not.toHaveProperty('profile')
  })
})

async function rolling(more: Partial<RolloverParameters>): Promise<Rollover> {
  const plan = planRollover({
    leafLifetime: '4h',
    gracePeriodRatio: 0.5,
    start: new Date(START.getTime() + HOUR),
    outgoing: { id: 'root-1', certificate: root },
    incoming: { id: 'root-2', lifetime: '3650d' },
    clusters: ['east', 'west'],
    ...more,
  })
  return Rollover.open({ plan, journal: memoryJournal(), clock: world.clock })
}

describe('a rollover that orders cannot drive', () => {
  const authorities = () => ({
    'root-1': { secret: world.rootRef('root-1') },
    'root-2': { secret: world.rootRef('root-2') },
  })
  const step = (rollover: Rollover, more: Partial<FederationOptions> = {}) =>
    federationStep({ ...world.federation, authorities: authorities(), rollover, ...more })

  test('is none that one can', async () => {
    const { clusters, rollover } = await step(await rolling({}))
    expect(clusters.map(({ error }) => error)).toEqual([undefined, undefined])
    expect(rollover?.over).toBe(false)
  })

  test.each([
    ['of another kind', { kind: 'issuing-ca' as const }, {}],
    ['that counts on shorter workload certificates', { leafLifetime: '3h59m' }, {}],
    ['in Gloo’s kind', {}, { api: GLOO_API }],
  ])('is refused before anything is written: one %s', async (_name, plan, more) => {
    const before = world.apiOf('east').writes
    await expect(step(await rolling(plan), more)).rejects.toThrow(RangeError)
    expect(world.apiOf('east').writes).toBe(before)
  })

  test('nor does it go with roots that it did not publish', async () => {
    await expect(step(await rolling({}), { passive: [root] })).rejects.toThrow(TypeError)
    const { clusters } = await federationStep({ ...world.federation, passive: [root] })
    expect(clusters.map(({ error }) => error)).toEqual([undefined, undefined])
  })

  test('waits for the incoming root, which may come later, and tells why', async () => {
    const rollover = await rolling({})
    expect((await step(rollover)).incoming).toMatch(/root-2/)
    await world.root('root-2')
    expect((await step(rollover)).incoming).toBeUndefined()
  })
})

test.each([['owner'], ['meshes'], ['authorities'], ['signer'], ['loader']])(
  'says that the option %s is missing',
  async (name) => {
    const { federation } = new World(['east'])
    const call = federationStep({ ...federation, [name]: undefined } as never)
    await expect(call).rejects.toThrow(new TypeError(`federationStep needs the option "${name}"`))
  },
)

test('a signer that is no authority is no cluster’s fault', async () => {
  const { federation } = new World(['east'])
  await expect(federationStep({ ...federation, signer: 'nobody' })).rejects.toThrow(
    new TypeError('option "authorities" has no "nobody"; it has root-1'),
  )
})
