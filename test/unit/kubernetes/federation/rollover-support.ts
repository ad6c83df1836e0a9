import { secretJournal } from '../../../../src/kubernetes/federation/secret-journal.ts'
import { decodeCacerts } from '../../../../src/kubernetes/secrets/decode-cacerts.ts'
import {
  planRollover,
  Rollover,
  type RolloverKind,
  type RolloverParameters,
  type TraceEvent,
} from '../../../../src/rotation/index.ts'
import { checkPath } from '../../../../src/verify/index.ts'
import type { World } from './support.ts'

const decoder = new TextDecoder()
export const rootText = (world: World, cluster: string): string => {
  const data = world.cacerts(cluster)?.['data']
  return decoder.decode(Buffer.from(String(Reflect.get(data ?? {}, 'root-cert.pem')), 'base64'))
}

/** Roots by the organization in their names. */
export const rootsIn = (world: World, cluster: string): string =>
  decodeCacerts(world.cacerts(cluster) ?? {})
    .roots.map((root) => String(root.subject).replace('O=', ''))
    .join(' + ')

export const issuerIn = (world: World, cluster: string): string =>
  String(decodeCacerts(world.cacerts(cluster) ?? {}).certificate.issuer).replace('O=', '')

/** Every cluster accepts what every other one's CA signs: what a handshake needs. */
export async function strangers(world: World): Promise<readonly string[]> {
  const names = [...world.clusters.keys()]
  const found: string[] = []
  for (const server of names)
    for (const client of names) {
      const { certificate, chain } = decodeCacerts(world.cacerts(server) ?? {})
      const { roots } = decodeCacerts(world.cacerts(client) ?? {})
      const { ok } = await checkPath(certificate, {
        anchors: roots,
        intermediates: chain,
        time: world.clock.now(),
        purpose: 'any',
      })
      if (!ok) found.push(`${client} refuses ${server}`)
    }
  return found
}

export const terms = {
  leafLifetime: '4h',
  gracePeriodRatio: 0.5,
  propagation: '15m',
  switchDelay: '10m',
} as const

export interface Story {
  readonly kind: RolloverKind
  readonly outgoing: readonly string[]
  readonly from: (cluster: string) => string
}

export async function begin(
  world: World,
  { kind, outgoing, from }: Story,
  more: Partial<RolloverParameters> = {},
) {
  const incoming = 'root-new'
  await world.root(incoming)
  const authorities = Object.fromEntries(
    [...outgoing, incoming].map((id) => [id, { secret: world.rootRef(id) }]),
  )
  const certificates = await Promise.all(
    outgoing.map((id) => world.federation.loader.load(world.rootRef(id))),
  )
  const plan = planRollover({
    ...terms,
    ...more,
    kind,
    start: new Date(world.clock.now().getTime() + 3_600_000),
    outgoing: outgoing.map((id, i) => ({ id, certificate: certificates[i]?.certificate })),
    incoming: { id: incoming, lifetime: '3650d' },
    clusters: [...world.clusters.keys()].map((name) => ({ name, from: from(name) })),
  })
  const events: TraceEvent[] = []
  const open = () =>
    Rollover.open({
      plan,
      journal: secretJournal(world.manager, { namespace: 'mesh-pki', name: 'rollover' }),
      clock: world.clock,
      onEvent: (event) => void events.push(event),
    })
  world.federation = { ...world.federation, authorities, rollover: await open() }
  // Every verifier is a reader of cacerts here.
  world.agentOptions = { isDistributed: async () => true }
  return { open, events, incoming }
}

/** Lets time pass until the rollover is over, with a look at every quarter of an hour. */
export async function play(world: World, look: () => Promise<void> | void): Promise<boolean> {
  for (let i = 0; i < 800; i++) {
    await world.settle()
    await look()
    if ((await world.federation.rollover?.status())?.over === true) return true
    await world.clock.run('10m')
  }
  return false
}
