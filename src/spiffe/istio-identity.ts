/**
 * Identities as Istio reads them.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'
import { checkText, SCHEME } from './spiffe-grammar.ts'
import type { SpiffeId } from './spiffe-id.ts'

/** What Istio takes out of an identity. */
export interface IstioIdentity {
  readonly trustDomain: string
  readonly namespace: string
  readonly serviceAccount: string
}

/** Why Istio does not read an identity: `data.reason` of the error. */
export type IstioIdentityRefusal = 'scheme' | 'part-count' | 'keyword'

const EXPECTED = `${SCHEME}<trust domain>/ns/<namespace>/sa/<service account>`

/**
 * Reads an identity exactly as Istio's `ParseIdentity` does, to predict what istiod and istio-agent see.
 *
 * Istio splits at every slash and looks only at the number of parts and at `ns` and `sa`. So it takes
 * empty parts, ports, queries, percent-encoding and upper case. Do not authenticate by it: for that there is
 * `SpiffeId.parse`, which is as strict as SPIFFE-ID §2.
 *
 * @throws `MeshPkiError` `ERR_SPIFFE_ID`, with Istio's words and an {@link IstioIdentityRefusal} in
 * `data.reason`; `TypeError` for anything but a string.
 *
 * @example
 * ```ts
 * import { parseIstioIdentity } from 'mesh-pki/spiffe'
 *
 * const { namespace, serviceAccount } = parseIstioIdentity('spiffe://cluster.local/ns/shop/sa/cart')
 * console.log(namespace, serviceAccount) // shop cart
 * ```
 */
export function parseIstioIdentity(text: string): IstioIdentity {
  checkText(text, 'the text given to parseIstioIdentity')
  if (!text.startsWith(SCHEME)) throw refuse(text, 'scheme', `it does not begin with ${SCHEME}`)
  const parts = text.slice(SCHEME.length).split('/', 6)
  const [trustDomain, ns, namespace, sa, serviceAccount] = parts
  if (
    parts.length !== 5 ||
    trustDomain === undefined ||
    namespace === undefined ||
    serviceAccount === undefined
  ) {
    const found = parts.length > 5 ? 'more' : String(parts.length)
    throw refuse(
      text,
      'part-count',
      `it has ${found} ${found === '1' ? 'part' : 'parts'} between slashes in place of 5`,
    )
  }
  if (ns !== 'ns') throw refuse(text, 'keyword', `its second part is ${quote(ns ?? '', 64)} in place of "ns"`)
  if (sa !== 'sa') throw refuse(text, 'keyword', `its fourth part is ${quote(sa ?? '', 64)} in place of "sa"`)
  return Object.freeze({ trustDomain, namespace, serviceAccount })
}

/**
 * The principal of an identity, as Istio's AuthorizationPolicy and Envoy's `source.principal` write it:
 * `kind2/ns/default/sa/bookinfo-productpage`.
 *
 * @throws as {@link parseIstioIdentity}: an identity that Istio does not read has no principal.
 *
 * @example
 * ```ts
 * import { istioPrincipal } from 'mesh-pki/spiffe'
 *
 * console.log(istioPrincipal('spiffe://kind2/ns/default/sa/web')) // kind2/ns/default/sa/web
 * ```
 */
export function istioPrincipal(id: SpiffeId | string): string {
  const text = String(id)
  parseIstioIdentity(text)
  return text.slice(SCHEME.length)
}

/** What a principal is made of; the reverse of {@link istioPrincipal}. @throws as {@link parseIstioIdentity}. */
export function parseIstioPrincipal(text: string): IstioIdentity {
  checkText(text, 'the text given to parseIstioPrincipal')
  if (text.startsWith(SCHEME))
    throw new MeshPkiError(
      'ERR_SPIFFE_ID',
      `principal ${quote(text)}: a principal is written without ${SCHEME}; leave that out`,
      { data: { reason: 'scheme' satisfies IstioIdentityRefusal } },
    )
  return parseIstioIdentity(`${SCHEME}${text}`)
}

/**
 * A trust domain as Istio keeps it: `@`, as in the accounts of cloud providers, becomes `.`.
 *
 * It does nothing else; `lintTrustDomain` says whether the result suits both worlds.
 */
export function istioTrustDomain(text: string): string {
  checkText(text, 'the text given to istioTrustDomain')
  return text.replaceAll('@', '.')
}

function refuse(text: string, reason: IstioIdentityRefusal, problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_SPIFFE_ID',
    `identity is not a spiffe format: ${quote(text)}: ${problem}; expected ${EXPECTED} (Istio ParseIdentity)`,
    { data: { reason } },
  )
}
