/**
 * X509-SVIDs that go-spiffe and we are asked about: those of the vectors, and forged ones.
 */
import {
  BundleMap,
  type BundleSourceInput,
  SpiffeBundle,
  type TrustDomain,
} from '../../../src/spiffe/index.ts'
import {
  basicConstraints,
  forgeDer,
  keysOf,
  keyUsage,
  NOW,
  nameConstraints,
  nameOf,
  san,
  uri,
} from '../../fixtures/x509/forge-der.ts'
import type { GoTrust } from '../spiffe-go.ts'
import { bytes, randomIds, vectorsOf } from './inputs.ts'

/** A chain, and the same trust for both. */
export interface SvidCase {
  readonly name: string
  readonly chain: readonly Uint8Array[]
  readonly time: Date
  readonly trust: GoTrust
  readonly bundles: BundleSourceInput
}

/**
 * The vectors that expect nobody in particular. The peer reads the bundles from their documents, or gets the
 * authorities that we read: the former shows what users of go-spiffe see, the latter compares verification alone.
 */
export function svidVectors(trust: 'documents' | 'authorities'): readonly SvidCase[] {
  return vectorsOf('svid').flatMap(({ id: name, input }) => {
    if (input['expect'] !== undefined) return []
    const documents = Object.fromEntries(
      Object.entries(input['bundles'] ?? {}).map(([domain, json]) => [domain, String(json)]),
    )
    const read = Object.entries(documents).map(([domain, json]) => SpiffeBundle.fromJson(domain, json))
    const authorities = Object.fromEntries(
      read.map((one) => [one.trustDomain.name, one.x509Authorities.map(({ der }) => der)]),
    )
    const chain = Array.isArray(input['chain']) ? input['chain'].map(bytes) : []
    const time = typeof input['time'] === 'string' ? new Date(input['time']) : NOW
    const bundles = BundleMap.of(read)
    return [{ name, chain, time, bundles, trust: trust === 'documents' ? { documents } : { authorities } }]
  })
}

/** Texts that URL parsers repair. */
const REPAIRED = [
  'SPIFFE://td/w',
  'spiffe://td/w#',
  'spiffe://td#',
  'spiffe://td/w?',
  'spiffe://td:/w',
  'spiffe://td/%77',
]

/** Leaves with random URIs: what Go's URL parser, which stands between certificate and identity, makes of them. */
export function leavesWithUris(): readonly SvidCase[] {
  const root = forgeDer({ subject: 'root', extensions: [basicConstraints(true), keyUsage(5)] })
  return [...REPAIRED, ...randomIds(3000)].map((text) => forge(JSON.stringify(text), root, text))
}

/** Leaves below roots that may certify, or may not, one host or what is below a domain. */
export function leavesUnderConstraints(): readonly SvidCase[] {
  return ['permitted', 'excluded'].flatMap((how) =>
    ['a.b', '.a.b', 'b', 'A.B'].flatMap((constraint) => {
      const constraints = nameConstraints({ [how]: [uri(constraint)] })
      const extensions = [basicConstraints(true), keyUsage(5), constraints]
      const root = forgeDer({ subject: 'root', extensions })
      const forgeFor = (host: string) => forge(`${how} ${constraint}: ${host}`, root, `spiffe://${host}/w`)
      return ['a.b', 'x.a.b', 'xa.b', 'b'].map(forgeFor)
    }),
  )
}

function forge(name: string, root: Uint8Array, identity: string): SvidCase {
  const issuer = { name: nameOf('root'), keys: keysOf('root') }
  const leaf = forgeDer({ subject: 'leaf', issuer, extensions: [keyUsage(0), san([uri(identity)])] })
  // The root is in the bundle of whatever trust domain one of us could see.
  const host = /^spiffe:\/\/([a-z0-9._-]+)/i.exec(identity)?.[1] ?? 'td'
  const bundleFor = (trustDomain: TrustDomain) => SpiffeBundle.of({ trustDomain, x509Authorities: root })
  const trust = { authorities: { [host.toLowerCase()]: [root] } }
  return { name, chain: [leaf], time: NOW, trust, bundles: { bundleFor } }
}
