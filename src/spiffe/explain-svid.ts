/**
 * Says for a person why an SVID was refused, or what was accepted.
 *
 * @module
 */

import { escapeText } from '../internal/text.ts'
import { explain, explainRefusal } from '../verify/explain.ts'
import { PathError } from '../verify/path-error.ts'
import { SvidError } from './svid-error.ts'
import { VerifiedSvid } from './verified-svid.ts'
import type { CheckSvidResult } from './verify-svid.ts'

/**
 * Prints the outcome of `checkSvid`: of a refusal the certificate, the rule with its clause, what was expected
 * and found, and what would make it pass; of an accepted SVID its identity, its path and its warnings.
 *
 * The text is for people: its wording may change in any release. What comes from certificates is escaped.
 *
 * @throws `TypeError` for anything but what `checkSvid` answers, its error or its SVID.
 *
 * @example
 * ```ts
 * import { checkSvid, explainSvid, type SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare const chain: Uint8Array[], bundles: SpiffeBundle
 * const result = await checkSvid(chain, { bundles })
 * if (!result.ok) console.error(explainSvid(result))
 * ```
 */
export function explainSvid(result: CheckSvidResult | SvidError | PathError | VerifiedSvid): string {
  if (result instanceof SvidError) return explainError(result)
  if (result instanceof PathError) return explainPath(result)
  if (result instanceof VerifiedSvid) return explainAccepted(result)
  if (typeof result === 'object' && result !== null && 'ok' in result)
    return explainSvid(result.ok ? result.svid : result.error)
  throw new TypeError('explainSvid takes what checkSvid answers, its error or a VerifiedSvid')
}

/** Adding an unknown root to a bundle is the wrong reflex where trust domains are kept apart. */
function explainPath(error: PathError): string {
  if (error.code !== 'ERR_PATH_NO_ISSUER') return explain(error)
  return `${explain(error)}\n  for SVIDs:   The trust anchors are the authorities of its own trust domain. Is that bundle current, and does the peer send its intermediates?`
}

function explainError(error: SvidError): string {
  const { requirement } = error
  const row = requirement === undefined ? '' : ` [${requirement}]`
  return [`refused: ${error.code}${row}`, ...explainRefusal(error)].join('\n')
}

function explainAccepted(svid: VerifiedSvid): string {
  const lines = [`identity: ${svid.id}`, explain(svid.path)]
  for (const { requirement, clause, message } of svid.warnings)
    lines.push(`  advice [${requirement}]: ${escapeText(message, 512)} (${clause})`)
  return lines.join('\n')
}
