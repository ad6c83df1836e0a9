/**
 * Proves before a CA is handed out that what it signs will verify.
 *
 * @module
 */

import type { Certificate } from '../x509/certificate.ts'
import type { VerifyPathOptions } from './options.ts'
import { readPathPolicy } from './path-policy.ts'
import { type CheckPathResult, runPathSearch } from './verify-path.ts'

/**
 * Verifies a synthetic leaf below a CA whose key is elsewhere: only the leaf's own signature is taken as
 * good. Internal to this package; no `index.ts` exports it.
 */
export async function checkUnsignedLeaf(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  options: Pick<VerifyPathOptions, 'anchors' | 'time' | 'purpose'>,
): Promise<CheckPathResult> {
  return runPathSearch({ leaf, intermediates, policy: readPathPolicy(options), unsignedLeaf: true })
}
