import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { FederationOptions } from '../../../../src/kubernetes/federation/federation-options.ts'
import { rolloverId, rootsOf, trustOf } from '../../../../src/kubernetes/federation/federation-trust.ts'
import { readCertificates } from '../../../../src/kubernetes/secrets/secret-reader.ts'
import { memoryJournal, planRollover, Rollover } from '../../../../src/rotation/index.ts'
import type { Certificate } from '../../../../src/x509/index.ts'
import { HOUR } from './parts.ts'
import { START, World } from './support.ts'

let world: World
const certificates = new Map<string, Certificate>()

beforeAll(async () => {
  world = new World(['east'])
  for (const id of ['root-1', 'root-2', 'root-3']) {
    await world.root(id)
    certificates.set(id, (await world.federation.loader.load(world.rootRef(id))).certificate)
  }
  const authorities = Object.fromEntries(
    [...certificates.keys()].map((id) => [id, { secret: world.rootRef(id) }]),
  )
  world.federation = { ...world.federation, authorities }
})

const root = (id: string): Certificate => {
  const found = certificates.get(id)
  if (found === undefined) throw new Error(`no ${id}`)
  return found
}
const namesIn = (text: string): readonly string[] =>
  readCertificates(text).map(({ subject }) => String(subject).replace('O=', ''))

async function rolling(outgoing: readonly string[] = ['root-1'], incoming = 'root-2'): Promise<Rollover> {
  const plan = planRollover({
    kind: outgoing.length > 1 ? 'adoption' : 'root',
    leafLifetime: '4h',
    gracePeriodRatio: 0.5,
    start: new Date(START.getTime() + HOUR),
    outgoing: outgoing.map((id) => ({ id, certificate: root(id) })),
    incoming: { id: incoming, lifetime: '3650d' },
    clusters: outgoing.map((from, i) => ({ name: ['east', 'west'][i] ?? 'x', from })),
  })
  return Rollover.open({ plan, journal: memoryJournal(), clock: world.clock })
}

/** What the east is told while a rollover wants this of it. */
async function told(signer: string, ids: readonly string[] | undefined, rollover?: Rollover) {
  const driver = rollover ?? (await rolling())
  vi.spyOn(driver, 'desired').mockResolvedValue({
    member: 'east',
    revision: 5,
    signer,
    attachCross: false,
    bundle:
      ids === undefined ? undefined : { sequence: 9, digest: '', authorities: ids.map((id) => ({ id })) },
  })
  const trust = await trustOf({ ...world.federation, rollover: driver }, 'east')
  if (trust === undefined) throw new Error('nothing is told')
  return trust
}

describe('without a rollover a cluster trusts', () => {
  test('the authority that signs, and passive roots behind it, each once', async () => {
    const of = (more: Partial<FederationOptions>) => trustOf({ ...world.federation, ...more }, 'east')
    const passive = [root('root-3'), root('root-1')]
    const trust = await of({ passive })
    expect(namesIn(trust?.trustBundle ?? '')).toEqual(['root-1', 'root-3'])
    // What is passive signs nothing.
    expect(trust).toMatchObject({ authority: 'root-1', authorityRoots: [root('root-1').fingerprint()] })
    expect(trust?.bundleSequence).toBeUndefined()
    expect(namesIn((await of({}))?.trustBundle ?? '')).toEqual(['root-1'])
  })
})

describe('in a rollover a cluster trusts', () => {
  test('old before new, and the new one twice once it signs under it: each text holds the one before', async () => {
    const first = await told('root-1', ['root-1'])
    const union = await told('root-1', ['root-2', 'root-1'])
    const switched = await told('root-2', ['root-2', 'root-1'])
    const last = await told('root-2', ['root-2'])
    expect([first, union, switched, last].map(({ trustBundle }) => namesIn(trustBundle))).toEqual([
      ['root-1'],
      ['root-1', 'root-2'],
      ['root-1', 'root-2', 'root-2'],
      ['root-2'],
    ])
    expect(union.trustBundle.startsWith(first.trustBundle)).toBe(true)
    expect(switched.trustBundle.startsWith(union.trustBundle)).toBe(true)
    expect(switched.trustBundle).toContain(last.trustBundle)
  })

  test('many, and gets its CA from one: its roots are named', async () => {
    expect(await told('root-1', ['root-1', 'root-2'])).toMatchObject({
      authority: 'root-1',
      authorityRoots: [root('root-1').fingerprint()],
      bundleSequence: 9,
      revision: 5,
      rollover: 'root-1>root-2',
    })
    expect((await told('root-2', ['root-1', 'root-2'])).authorityRoots).toEqual([
      root('root-2').fingerprint(),
    ])
  })

  test('its own before anything is published, and nothing new while nobody knows better', async () => {
    const before = await told('root-1', undefined)
    expect(namesIn(before.trustBundle)).toEqual(['root-1'])
    expect(before.bundleSequence).toBeUndefined()
    const rollover = await rolling()
    vi.spyOn(rollover, 'desired').mockResolvedValue(undefined)
    expect(await trustOf({ ...world.federation, rollover }, 'east')).toBeUndefined()
  })
})

describe('which rollover it is', () => {
  test('is told by its authorities, whatever order they are named in', async () => {
    const [one, other] = await Promise.all([
      rolling(['root-1', 'root-3'], 'root-2'),
      rolling(['root-3', 'root-1'], 'root-2'),
    ])
    expect(rolloverId(one)).toBe(rolloverId(other))
    expect(rolloverId(await rolling(['root-1'], 'root-2'))).not.toBe(rolloverId(one))
    expect(rolloverId(await rolling(['root-2'], 'root-1'))).not.toBe(rolloverId(await rolling()))
  })
})

describe('the roots of an authority', () => {
  test('are read from where it is; an unknown one is a mistake, whatever its name', async () => {
    expect((await rootsOf(world.federation, 'root-1')).map(String)).toEqual([String(root('root-1'))])
    const theirs = { ...world.federation, authorities: { theirs: { roots: [root('root-3')] } } }
    expect((await rootsOf(theirs, 'theirs')).map(String)).toEqual([String(root('root-3'))])
    for (const id of ['root-9', 'constructor', 'toString', '__proto__'])
      await expect(rootsOf(world.federation, id)).rejects.toThrow(/has no/)
  })
})
