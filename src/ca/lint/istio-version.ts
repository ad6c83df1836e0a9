/**
 * What an istiod of a given release does.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'

/** A release of Istio. */
export interface IstioVersion {
  readonly text: string
  readonly minor: number
  readonly patch: number
}

/** Reads `1.28.7`, also with a leading `v` and a suffix such as `-distroless`. @throws `TypeError`, `RangeError`. */
export function readIstioVersion(value: unknown): IstioVersion | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string')
    throw new TypeError(`option "istioVersion" must be a text such as '1.28.7'; got ${typeName(value)}`)
  const [, minor, patch] = /^v?1\.(\d{1,3})\.(\d{1,3})(?:[-+][\w.-]{1,64})?$/.exec(value) ?? []
  if (minor === undefined || patch === undefined)
    throw new RangeError(`option "istioVersion" must be a release such as '1.28.7'; got ${quote(value, 64)}`)
  return { text: `1.${minor}.${patch}`, minor: Number(minor), patch: Number(patch) }
}

/** Whether istiod caps the life of a workload certificate to its own: since 1.28.7, 1.29.3 and 1.30.0. */
export function capsLeafLifetime({ minor, patch }: IstioVersion): boolean {
  return minor >= 30 || (minor === 29 && patch >= 3) || (minor === 28 && patch >= 7)
}

/** Whether istiod refuses to start with an incomplete secret, since 1.27.0; before, it signed with a CA of its own. */
export const refusesIncompleteSecret = ({ minor }: IstioVersion): boolean => minor >= 27

/** Whether istiod compares root bundles certificate by certificate, since 1.30.0; before, byte by byte. */
export const comparesRootsByDer = ({ minor }: IstioVersion): boolean => minor >= 30
