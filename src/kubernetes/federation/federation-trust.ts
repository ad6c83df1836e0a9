/**
 * What a cluster of a federation shall sign with and trust.
 *
 * @module
 */

import type { Rollover } from '../../rotation/rollover/rollover.ts'
import { distinctCertificates } from '../../verify/trust-store.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { toCertificates } from '../../x509/certificate-input.ts'
import { sha256Hex } from '../objects/canonical-json.ts'
import { pemOf } from '../secrets/secret-writer.ts'
import type { FederationOptions } from './federation-options.ts'
import type { IssuedCertificateSpec } from './issued-certificate.ts'

/** The members of an order that authorities and a rollover decide. */
export type ClusterTrust = Pick<
  IssuedCertificateSpec,
  'authority' | 'authorityRoots' | 'trustBundle' | 'bundleSequence' | 'rollover' | 'revision'
> & { readonly authority: string; readonly trustBundle: string }

/** What a cluster shall sign with and trust; `undefined` where it keeps what it has. */
export async function trustOf(
  options: FederationOptions,
  cluster: string,
): Promise<ClusterTrust | undefined> {
  const { rollover, signer, passive = [] } = options
  if (rollover === undefined) {
    const own = await rootsOf(options, signer)
    return {
      authority: signer,
      authorityRoots: fingerprints(own),
      trustBundle: pemOf(distinctCertificates([...own, ...passive])),
      bundleSequence: undefined,
      rollover: undefined,
      revision: undefined,
    }
  }
  const desired = await rollover.desired(cluster)
  if (desired?.signer === undefined) return undefined
  const { bundle, revision } = desired
  const ids = bundle?.authorities.map(({ id }) => id) ?? [desired.signer]
  return {
    authority: desired.signer,
    authorityRoots: fingerprints(await rootsOf(options, desired.signer)),
    trustBundle: pemOf(await bundleRoots(options, rollover, ids, desired.signer)),
    bundleSequence: bundle?.sequence,
    rollover: rolloverId(rollover),
    revision,
  }
}

/**
 * Which rollover that is: revisions and sequences of one say nothing of another. It stays the same when its plan is revised, since the
 * authorities do.
 */
export function rolloverId({ plan }: Rollover): string {
  const ids = (wanted: string): string =>
    plan.authorities
      .filter(({ role }) => role === wanted)
      .map(({ id }) => id)
      .sort()
      .join('+')
  const text = `${ids('outgoing')}>${ids('incoming')}`
  return text.length <= MAX_ID ? text : sha256Hex(text)
}

/** Characters that are still read by people. An adoption of a thousand meshes has a thousand authorities. */
const MAX_ID = 128

/** The roots of an authority. @throws `TypeError` for one that is not given; what reading its Secret throws. */
export async function rootsOf(options: FederationOptions, id: string): Promise<readonly Certificate[]> {
  const where = Object.hasOwn(options.authorities, id) ? options.authorities[id] : undefined
  if (where === undefined)
    throw new TypeError(
      `option "authorities" has no ${id}; it has ${Object.keys(options.authorities).join(', ')}`,
    )
  return 'secret' in where
    ? (await options.loader.load(where.secret)).roots
    : toCertificates(where.roots, `authorities.${id}`)
}

/**
 * In the order that every istiod takes: what was there first, the new root behind it, and that twice once the cluster signs under it, so
 * that the bytes change and agents sign anew at once. Each text contains the one before, or is contained in it.
 */
async function bundleRoots(
  options: FederationOptions,
  rollover: Rollover,
  ids: readonly string[],
  signer: string,
): Promise<readonly Certificate[]> {
  const { authorities } = rollover.plan
  const ordered = [
    ...authorities.filter(({ role }) => role === 'outgoing'),
    ...authorities.filter(({ role }) => role === 'incoming'),
  ].filter(({ id }) => ids.includes(id))
  const isUnion = ordered.length > 1
  const lists = await Promise.all(
    ordered.map(async ({ id, role }) => {
      const roots = await rootsOf(options, id)
      return role === 'incoming' && id === signer && isUnion ? [...roots, ...roots] : roots
    }),
  )
  return lists.flat()
}

function fingerprints(roots: readonly Certificate[]): readonly string[] {
  return distinctCertificates(roots).map((root) => root.fingerprint())
}
