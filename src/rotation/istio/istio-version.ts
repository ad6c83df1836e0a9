/**
 * Versions of Istio, and what changed when.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'

/** A version as three numbers. */
export type IstioVersion = readonly [major: number, minor: number, patch: number]

/** Reads `1.24` or `1.24.3`. @throws `TypeError`. */
export function readIstioVersion(value: unknown): IstioVersion {
  const match = typeof value === 'string' ? /^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?$/.exec(value) : null
  if (match === null)
    throw new TypeError(
      `option "istioVersion" must be a version such as '1.24' or '1.24.3'; got ${typeof value === 'string' ? quote(value, 32) : typeof value}`,
    )
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
}

/** Whether a version is at least another. */
export function isAtLeast(version: IstioVersion, least: IstioVersion): boolean {
  for (const [i, part] of least.entries()) {
    const own = version[i] ?? 0
    if (own !== part) return own > part
  }
  return true
}

/** istiod takes a new intermediate from its file without a restart (#31522). */
export const RELOADS_INTERMEDIATE: IstioVersion = [1, 12, 0]
/** istiod takes new roots from its file without a restart (#47063). */
export const RELOADS_ROOTS: IstioVersion = [1, 20, 0]
/** istiod compares roots as sets of certificates; before, as bytes (#59909). */
export const COMPARES_SETS: IstioVersion = [1, 30, 0]

/** Whether istiod cuts a certificate to the end of its signer: from 1.28.7, 1.29.3 and 1.30.0 on. */
export function clampsLifetimes(version: IstioVersion): boolean {
  const [major, minor] = version
  if (major === 1 && minor === 28) return isAtLeast(version, [1, 28, 7])
  if (major === 1 && minor === 29) return isAtLeast(version, [1, 29, 3])
  return isAtLeast(version, [1, 30, 0])
}
