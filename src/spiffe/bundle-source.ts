/**
 * Where a verifier finds the authorities of a trust domain.
 *
 * @module
 */

import { BundleMap } from './bundle-map.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import type { TrustDomain } from './spiffe-id.ts'

/**
 * Answers the bundle of a trust domain, and of that alone (SPIFFE Federation §7.3). One bundle, a `BundleMap`
 * and a live source are all of this shape, and so is whatever a caller writes.
 *
 * A source may throw a `MeshPkiError` to say why it has no bundle; `verifySvid` then names it as the cause.
 */
export interface BundleSource {
  /** The bundle; `undefined` where the trust domain is not known. */
  bundleFor(trustDomain: TrustDomain): SpiffeBundle | undefined | Promise<SpiffeBundle | undefined>
}

/** What the option `bundles` takes. */
export type BundleSourceInput = BundleSource | readonly SpiffeBundle[]

/** The option "bundles". @throws `TypeError` for what is no source; `MeshPkiError` for two bundles of one domain. */
export function readBundleSource(bundles: BundleSourceInput | undefined): BundleSource {
  if (isList(bundles)) return BundleMap.of(bundles)
  if (typeof bundles === 'object' && bundles !== null && typeof bundles.bundleFor === 'function')
    return bundles
  throw new TypeError(
    `option "bundles" must be a SpiffeBundle, a BundleMap, an array of bundles, or have a method bundleFor(trustDomain); got ${bundles === null ? 'null' : typeof bundles}`,
  )
}

function isList(bundles: BundleSourceInput | undefined): bundles is readonly SpiffeBundle[] {
  if (!Array.isArray(bundles)) return false
  for (const bundle of bundles)
    if (!(bundle instanceof SpiffeBundle))
      throw new TypeError(
        'option "bundles" must hold SpiffeBundle values only; read each by SpiffeBundle.fromJson',
      )
  return true
}
