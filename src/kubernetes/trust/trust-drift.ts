/**
 * How a distributed bundle differs from what it shall be.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { escapeText } from '../../internal/text.ts'
import { type KubeObject, recordAt } from '../objects/kube-object.ts'
import { ConfigMapName, DataKey } from '../objects/names.ts'
import { readCertificates } from '../secrets/secret-reader.ts'
import { type FieldOwner, fieldOwners } from './field-owners.ts'
import type { TrustRoots } from './trust-roots.ts'

/** How the root ConfigMap of a namespace differs from the roots that it shall hold. */
export interface TrustDrift {
  readonly namespace: string
  readonly name: string
  /**
   * `missing`: no object, or not the key in it. `stale`: other content. `foreign`: other content that somebody else
   * writes. `immutable`: other content that nobody can change.
   */
  readonly state: 'missing' | 'stale' | 'foreign' | 'immutable'
  /** Who wrote what is there, where that is known and it was not us. */
  readonly writer: string | undefined
  /** SHA-256 of roots that are not there. */
  readonly missingRoots: readonly string[]
  /** SHA-256 of certificates that are there and shall not be. */
  readonly extraRoots: readonly string[]
  /** Why what is there cannot be read. */
  readonly unreadable: string | undefined
}

/** Told by adapters that distribute trust. */
export interface TrustDriftEvent {
  readonly type: 'trust-drift'
  readonly drift: TrustDrift
  /** `reported`: nothing is written. `backed-off`: it would be written, but somebody else writes it too. */
  readonly outcome: 'reported' | 'backed-off'
}

/** What {@link findTrustDrift} looks at. */
export interface TrustDriftInput {
  readonly namespace: string
  /** Default `'istio-ca-root-cert'`. */
  readonly name?: string | undefined
  /** The ConfigMap; `undefined` where there is none. */
  readonly configMap: KubeObject | undefined
  readonly roots: TrustRoots
  /** Our own field manager. */
  readonly fieldManager: string
}

/**
 * Compares a root ConfigMap with the roots that it shall hold, as a set of certificates; `undefined` where they are the
 * same. Order, blanks and text around the blocks count for nothing: no verifier looks at them.
 */
export function findTrustDrift(input: TrustDriftInput): TrustDrift | undefined {
  const { namespace, name = ConfigMapName.istioRoot, configMap, roots, fieldManager } = input
  const wanted = roots.certificates.map((one) => one.fingerprint())
  const about = { namespace, name }
  const value = configMap === undefined ? undefined : recordAt(configMap, 'data')[DataKey.rootCert]
  if (configMap === undefined || value === undefined)
    return {
      ...about,
      state: configMap?.['immutable'] === true ? 'immutable' : 'missing',
      writer: undefined,
      missingRoots: wanted,
      extraRoots: [],
      unreadable: undefined,
    }
  const { found, unreadable } = readBundle(value)
  const missingRoots = wanted.filter((one) => !found.includes(one))
  const extraRoots = found.filter((one) => !wanted.includes(one))
  if (unreadable === undefined && missingRoots.length + extraRoots.length === 0) return undefined
  const rival = rivalOf(configMap, fieldManager)
  return {
    ...about,
    state: configMap['immutable'] === true ? 'immutable' : rival === undefined ? 'stale' : 'foreign',
    writer: rival?.manager,
    missingRoots,
    extraRoots,
    unreadable,
  }
}

/** Who, other than us, wrote the bundle last; `undefined` where we did, or nobody is known to have. */
export function rivalOf(configMap: KubeObject, fieldManager: string): FieldOwner | undefined {
  const owners = fieldOwners(configMap, ['data', DataKey.rootCert])
  if (owners.some(({ manager }) => manager === fieldManager)) return undefined
  // Who does not say when may have been the last.
  const at = ({ time }: FieldOwner): number => time ?? Number.POSITIVE_INFINITY
  return [...owners].sort((a, b) => at(b) - at(a) || 0)[0]
}

/** Fingerprints of a bundle, each once. What cannot be read is a drift, not a failure: istiod passes over it. */
function readBundle(value: unknown): {
  readonly found: readonly string[]
  readonly unreadable: string | undefined
} {
  if (typeof value !== 'string') return { found: [], unreadable: `expected text, found ${typeof value}` }
  try {
    const certificates = readCertificates(value, { leniency: ['generalized-time-before-2050'] })
    return { found: [...new Set(certificates.map((one) => one.fingerprint()))], unreadable: undefined }
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return { found: [], unreadable: escapeText(error.message) }
  }
}
