/**
 * How a root is mended: only its own key can.
 *
 * @module
 */

import { type ChainNode, isRootNode } from './issuer-graph.ts'
import { shellWord } from './lint-finding.ts'
import { reissueRootCommand } from './repair-commands.ts'

/** The command that issues a self-signed certificate again as a CA; nothing for others. */
export function rootRepair(node: ChainNode): { readonly command?: string } {
  const { at, certificate } = node
  if (!isRootNode(node) || certificate.subject.isEmpty) return {}
  return { command: reissueRootCommand(shellWord(at.source ?? ''), certificate) }
}
