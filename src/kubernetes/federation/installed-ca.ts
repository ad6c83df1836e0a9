/**
 * The CA that a cluster has now, out of its `cacerts`.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes, toHex } from '../../internal/bytes.ts'
import { instantOf } from '../../internal/instant-text.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import { DataKey } from '../objects/names.ts'
import { type CacertsBundle, decodeCacerts } from '../secrets/decode-cacerts.ts'
import type { IssuedCertificateSpec } from './issued-certificate.ts'

/** What stands in `cacerts`, as far as it can be read. */
export interface InstalledCa {
  readonly secret: KubeObject
  /** Whether this agent wrote it, or Gloo Mesh's did. */
  readonly isOurs: boolean
  /** `undefined` where it cannot be read; {@link problem} says why. */
  readonly bundle: CacertsBundle | undefined
  readonly problem: string | undefined
  /** Which wish it fulfils. */
  readonly wish: string | undefined
  /** The wish for which it was taken over as it was, whatever its names. */
  readonly adopted: string | undefined
  readonly authority: string | undefined
  readonly installedAt: Date | undefined
  readonly bundleSequence: number | undefined
  /** Which rollover numbered it. */
  readonly rollover: string | undefined
  /** Authorities before this one, with the end of the last workload certificate under each. */
  readonly ledger: Readonly<Record<string, string>>
}

/** Reads it, and whether its key is that of its certificate. Content never makes it throw. */
export async function readInstalledCa(
  secret: KubeObject | undefined,
  agentNamespace: string,
): Promise<InstalledCa | undefined> {
  if (secret === undefined) return undefined
  const { labels = {}, annotations = {} } = secret.metadata
  const isOurs =
    labels[FederationMark.agent] === agentNamespace || labels[FederationMark.glooAgent] !== undefined
  const { bundle, problem } = await readBundle(secret)
  const installedAt = annotations[FederationMark.installedAt]
  const time = installedAt === undefined ? Number.NaN : instantOf(installedAt)
  const sequence = Number(annotations[FederationMark.bundle] ?? Number.NaN)
  return {
    secret,
    isOurs,
    bundle,
    problem,
    wish: annotations[FederationMark.wish],
    adopted: annotations[FederationMark.adopted],
    authority: annotations[FederationMark.authority],
    installedAt: Number.isNaN(time) ? undefined : new Date(time),
    bundleSequence: Number.isSafeInteger(sequence) ? sequence : undefined,
    rollover: annotations[FederationMark.rollover],
    ledger: readLedger(annotations[FederationMark.ledger]),
  }
}

async function readBundle(
  secret: KubeObject,
): Promise<{ readonly bundle?: CacertsBundle; readonly problem?: string }> {
  try {
    const bundle = decodeCacerts(secret)
    const key = await importPrivateKey(bundle.privateKey.reveal())
    if (equalBytes(key.publicKey, bundle.certificate.publicKey)) return { bundle }
    return { problem: `the key in ${DataKey.caKey} is not that of the certificate` }
  } catch (error) {
    if (error instanceof MeshPkiError || error instanceof TypeError) return { problem: error.message }
    throw error
  }
}

/** What a person or another program wrote into the annotation is not taken for more than it is. */
function readLedger(text: string | undefined): Readonly<Record<string, string>> {
  try {
    const value: unknown = text === undefined ? {} : JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, 64)
        .filter(
          (entry): entry is [string, string] =>
            typeof entry[1] === 'string' && !Number.isNaN(instantOf(entry[1])),
        ),
    )
  } catch {
    return {}
  }
}

/** Whether a CA certificate leads to one of some roots: through its chain, now. */
export async function leadsTo(
  { certificate, chain }: Pick<CacertsBundle, 'certificate' | 'chain'>,
  roots: readonly Certificate[],
  now: Date,
): Promise<boolean> {
  const { ok } = await checkPath(certificate, {
    anchors: roots,
    intermediates: chain,
    time: now,
    purpose: 'any',
  })
  return ok
}

/** Whether the names of a CA certificate are those that were ordered, and no others. */
export function hasNames(certificate: Certificate, hosts: readonly string[]): boolean {
  const found = certificate.subjectAltNames.map((name) =>
    name.type === 'uri' ? `uri:${name.value}` : `${name.type}, which nobody ordered`,
  )
  const wanted = hosts.map((host) => `uri:${host}`)
  return (
    found.length === wanted.length && [...found].sort().every((name, i) => name === [...wanted].sort()[i])
  )
}

/** What makes one certificate as good as another: everything that is in it. The same wish needs no new certificate. */
export function wishOf(spec: IssuedCertificateSpec): string {
  const { hosts, organization, lifetime, keyAlgorithm, pathLength, authority, rotation } = spec
  return digest([
    'wish 1',
    [...hosts].sort(),
    organization,
    lifetime,
    keyAlgorithm,
    pathLength,
    authority ?? '',
    rotation ?? '',
  ])
}

/** One round of issuance: a wish, and the certificate that is there before. A round is over when that has changed. */
export function roundOf(wish: string, installed: InstalledCa | undefined): string {
  return digest(['round 1', wish, installed?.bundle?.certificate.fingerprint() ?? 'none'])
}

function digest(value: unknown): string {
  return toHex(sha256(new TextEncoder().encode(JSON.stringify(value))), 0, 16)
}
