/**
 * The extensions that certificates and requests share, decoded from where their layout says they are.
 *
 * @module
 */

import { DerCursor } from '../internal/der.ts'
import type { ExtensionsLayout } from './certificate-layout.ts'
import { type Oid, readExtendedKeyUsage } from './extensions/extended-key-usage.ts'
import { type KeyUsageName, keyUsageNames } from './extensions/key-usage.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'

/** Subject alternative names; empty without the extension. */
export function subjectAltNamesOf(
  bytes: Uint8Array,
  { subjectAltNameStart }: ExtensionsLayout,
): readonly GeneralName[] {
  return subjectAltNameStart === 0 ? [] : readGeneralNames(new DerCursor(bytes, subjectAltNameStart))
}

/** Key usage; `undefined` without the extension. */
export function keyUsageOf({ keyUsage }: ExtensionsLayout): readonly KeyUsageName[] | undefined {
  return keyUsage === 0 ? undefined : keyUsageNames(keyUsage)
}

/** Extended key usage; `undefined` without the extension. */
export function extendedKeyUsageOf(
  bytes: Uint8Array,
  { extendedKeyUsageStart }: ExtensionsLayout,
): readonly Oid[] | undefined {
  return extendedKeyUsageStart === 0
    ? undefined
    : readExtendedKeyUsage(new DerCursor(bytes, extendedKeyUsageStart))
}

/** Whether basic constraints say CA. */
export function isCaOf({ basicConstraints }: ExtensionsLayout): boolean {
  return basicConstraints >= 0 && (basicConstraints & 1) === 1
}
