/**
 * How a root is mended: only its own key can.
 *
 * @module
 */

import type { PlacedCertificate } from './certificate-file.ts'
import { type ChainNode, isRootNode } from './issuer-graph.ts'
import { shellWord } from './lint-finding.ts'
import { reissueRootCommand } from './repair-commands.ts'

/** Basic constraints, key usage and the key identifiers: what a command writes again. */
const REWRITTEN: readonly string[] = ['2.5.29.19', '2.5.29.15', '2.5.29.14', '2.5.29.35']

const hasOthers = ({ certificate }: PlacedCertificate): boolean =>
  certificate.extensions.some(({ oid }) => !REWRITTEN.includes(oid))

/**
 * Whether a command can issue it again as it was: "openssl x509" takes the first certificate of a file, and the command
 * would lose extensions, such as name constraints.
 */
export function canReissue(at: PlacedCertificate): boolean {
  return at.isAlone === true && !hasOthers(at)
}

/** What to do, and the command that issues a self-signed certificate again as a CA, where one can. */
export function rootRepair(
  node: ChainNode,
  remedy: string,
): { readonly remedy: string; readonly command?: string } {
  const { at, certificate } = node
  if (!isRootNode(node) || certificate.subject.isEmpty) return { remedy }
  if (canReissue(at)) return { remedy, command: reissueRootCommand(shellWord(at.source ?? ''), certificate) }
  return hasOthers(at) ? { remedy: `${remedy}, and keep its other extensions as they are` } : { remedy }
}
