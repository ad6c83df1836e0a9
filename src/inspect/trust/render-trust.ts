/**
 * Draws who trusts whom.
 *
 * @module
 */

import type { FederationInput } from '../../ca/lint/index.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOneOf, checkOptionNames, readCount, typeName } from '../../internal/options.ts'
import { readTrust } from './read-trust.ts'
import { printableName } from './trust-measure.ts'
import { trustSvg } from './trust-svg.ts'
import { trustText } from './trust-text.ts'

/** Options of `renderTrust`. */
export interface TrustOptions {
  /** `svg`: a picture, a document of its own. `text`: for terminals and pull requests. */
  readonly format: 'svg' | 'text'
  /** Of a picture: pixels, 640 to 4000, default 800. Of text: columns, 80 to 400, default 100. */
  readonly width?: number | undefined
  /** Default: the clusters. */
  readonly title?: string | undefined
  /** A certificate that ends within this time is marked, as `'30d'`, the default. */
  readonly soon?: string | undefined
}

const OPTION_NAMES = ['format', 'width', 'title', 'soon']

/**
 * Draws the trust between clusters: which roots there are and who trusts them, which CA signed which, whose workloads verify
 * where and why not, and what expires when.
 *
 * It takes what `checkFederation` takes. The matrix is that function's: each cell is a verification of RFC 5280 §6.1 at
 * `time`, as server and as client. Arrows are signatures that were checked, over the certificates of all clusters
 * together; a name for which no key stands is drawn dashed. One name with one key is one CA, so a root that was issued again or cross-signed has one card with
 * a line for each certificate. Roots have letters; clusters say whom they trust by these. What expired, expires soon, is trusted by
 * nobody or leads nowhere is marked, in words too. Dates are UTC. Clusters stand in the order in which they are given.
 *
 * The picture is deterministic, loads nothing and runs nothing; it follows the light or dark mode of who looks at it. Foreign text is
 * escaped and cut. It takes at most 16 clusters, with 16 certificates in a chain and 8 of workloads each, and 64 CAs in chains;
 * roots to which no chain leads are drawn until there are 12 roots, and the rest are counted. A picture grows wider than `width` where chains are
 * too long for it. For `n` clusters with `w` certificates of workloads each, at most `2·w·n²` paths are searched, each within
 * the budgets of `checkPath` and again without a certificate whose key identifier does not fit, and 2048 more signatures are checked.
 *
 * **Warning**: it does not lint. What it cannot read it names by code; `checkFederation` says what to do about it. Revocation is not
 * asked for.
 *
 * @throws `TypeError` for options; `RangeError` for options, and for more than there is room for; `MeshPkiError` for a `root` that
 * cannot be read, and `ERR_SPIFFE_TRUST_DOMAIN`.
 *
 * @example
 * ```ts
 * import { renderTrust } from 'mesh-pki/inspect'
 *
 * declare const east: { roots: string; chain: string }, west: { roots: string; chain: string }
 * const clusters = [
 *   { name: 'east', trustDomain: 'east.example', ...east },
 *   { name: 'west', trustDomain: 'west.example', ...west },
 * ]
 * console.log(await renderTrust({ clusters }, { format: 'text' }))
 * ```
 */
export async function renderTrust(input: FederationInput, options: TrustOptions): Promise<string> {
  checkOptionNames(options, OPTION_NAMES, 'renderTrust')
  const format = checkOneOf(options.format, ['svg', 'text'], 'format')
  const [least, most, usual] = format === 'svg' ? [640, 4000, 800] : [80, 400, 100]
  const width = readCount(options.width ?? usual, 'width', least, most)
  const { title } = options
  if (title !== undefined && typeof title !== 'string')
    throw new TypeError(`option "title" must be a text; got ${typeName(title)}`)
  const soon = readDuration(options.soon ?? '30d', 'soon', { allowZero: true })
  const map = await readTrust(input, soon, title === undefined ? undefined : printableName(title))
  return format === 'svg' ? trustSvg(map, width) : trustText(map, width)
}
