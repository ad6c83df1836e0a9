/**
 * What a verifier says of a chain as a whole.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { TrustDomain } from '../../spiffe/spiffe-id.ts'
import type { VerifyPathOptions } from '../../verify/options.ts'
import { PathError } from '../../verify/path-error.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { encodeGeneralNames } from '../../x509/general-name-encoder.ts'
import { dryRun } from '../dry-run.ts'
import { leafOf } from './chain-order.ts'
import { type ChainNode, isRootNode } from './issuer-graph.ts'
import { whyNoFittingPath } from './key-identifiers.ts'
import { type LintFinding, lintFinding } from './lint-finding.ts'

/**
 * Verifies the leaf, or below a CA a throw-away workload whose signature alone is taken as good, to the anchors; where
 * none are known, to the roots in the chain. Without any of both there is no verdict.
 */
export async function verdictFindings(
  nodes: readonly ChainNode[],
  hasAnchors: boolean,
  now: number,
  purpose: VerifyPathOptions['purpose'],
): Promise<readonly LintFinding[]> {
  const leaf = leafOf(nodes)
  if (leaf === undefined) return []
  const anchors = nodes
    .filter((node) => (hasAnchors ? node.isAnchor : isRootNode(node)))
    .map(({ certificate }) => certificate)
  const intermediates = nodes.filter(({ inChain }) => inChain).map(({ certificate }) => certificate)
  if (anchors.length === 0) return []
  if (leaf.certificate.isCa) return dryRunFindings(leaf, intermediates, anchors, now)
  const result = await checkPath(leaf.certificate, { anchors, intermediates, time: new Date(now), purpose })
  if (result.ok) return []
  const { error } = result
  return [
    lintFinding('path-refused', {
      at: leaf.at,
      found: error.code,
      problem: `it does not verify: ${reasonOf(error)}`,
      remedy:
        remedyOf(error) ?? 'Mend what the other findings name; explain() prints every way that was tried',
    }),
  ]
}

async function dryRunFindings(
  leaf: ChainNode,
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  now: number,
): Promise<readonly LintFinding[]> {
  const reason = await whyNoWorkload(leaf.certificate, chain, anchors, now)
  if (reason === undefined) return []
  return [
    lintFinding('no-workload-verifies', {
      at: leaf.at,
      found: reason.code,
      problem: `no workload certificate that this CA signs would verify under these roots: ${reasonOf(reason)}`,
      remedy: 'Mend what the other findings name before the CA is used; istiod does not notice it',
    }),
  ]
}

/** What an error says is wrong, without its stop and without what to do, which findings have apart. */
export function reasonOf(error: MeshPkiError): string {
  const remedy = remedyOf(error)
  const { message } = error
  const text = remedy !== undefined && message.endsWith(remedy) ? message.slice(0, -remedy.length) : message
  return text.trimEnd().replace(/\.$/, '')
}

function remedyOf(error: MeshPkiError): string | undefined {
  return error instanceof PathError ? error.remedy : undefined
}

/**
 * Why a throw-away workload below a CA does not verify as server and as client, with issuers that fit by key
 * identifiers; `undefined` where it does. Its key is not needed.
 */
export async function whyNoWorkload(
  certificate: Certificate,
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  now: number,
  trustDomain?: TrustDomain,
): Promise<MeshPkiError | undefined> {
  const material = { intermediates: chain.filter((each) => each !== certificate), anchors }
  const names =
    trustDomain === undefined
      ? undefined
      : encodeGeneralNames([{ type: 'uri', value: `spiffe://${trustDomain.name}/workload` }], 'trustDomain')
  return whyNoFittingPath<MeshPkiError>(material, async ({ intermediates: above, anchors: roots }) => {
    try {
      const { chain: path, refusedPurpose: error } = await dryRun({
        certificate,
        above,
        signer: undefined,
        now,
        anchor: 'any',
        anchors: roots,
        // What constrains names shows only where there are some.
        names,
      })
      return error === undefined ? { ok: true, certificates: path } : { ok: false, error }
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      return { ok: false, error: error.cause instanceof MeshPkiError ? error.cause : error }
    }
  })
}
