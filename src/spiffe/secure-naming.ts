/**
 * Istio's secure naming: which identities may answer for a service.
 *
 * @module
 */

import { typeName } from '../internal/options.ts'
import { escapeText, quote } from '../internal/text.ts'
import { istioTrustDomain } from './istio-identity.ts'
import { IstioTrustDomains } from './istio-trust-domains.ts'
import { SCHEME } from './spiffe-grammar.ts'
import type { SpiffeId } from './spiffe-id.ts'
import type { SpiffeMatcher } from './spiffe-matcher.ts'

/** A service account: `namespace/name`, its parts, or an identity. */
export type ServiceAccount =
  | SpiffeId
  | string
  | { readonly namespace: string; readonly serviceAccount: string }

/** Which service accounts run the workloads of each service; a service is named as the caller likes. */
export type ServiceAccounts =
  | Readonly<Record<string, readonly ServiceAccount[]>>
  | ReadonlyMap<string, readonly ServiceAccount[]>

/**
 * Makes the check that an Istio client applies to a server: its identity must be one of the service accounts
 * of the service that was called, under the mesh's trust domain or an alias of it.
 *
 * An account without a trust domain is meant in the mesh's; one that is an identity is accepted in its own trust
 * domain. Both are accepted under the aliases as well, as istiod does it.
 *
 * The answer is a function from a service to what `verifySvid` takes as `expect`. A service that is not known,
 * or that has no service account, matches nobody. Istio then skips the check; we do not.
 *
 * @throws `MeshPkiError` `ERR_SPIFFE_ID` for an account that is no identity of Istio's form; `TypeError` for
 * other values.
 *
 * @example
 * ```ts
 * import { IstioTrustDomains, secureNaming } from 'mesh-pki/spiffe'
 *
 * const mesh = new IstioTrustDomains({ trustDomain: 'kind2', aliases: ['cluster.local'] })
 * const expectFor = secureNaming({ 'reviews.default.svc.cluster.local': ['default/bookinfo-reviews'] }, mesh)
 * const expect = expectFor('reviews.default.svc.cluster.local')
 * console.log(String(expect))
 * ```
 */
export function secureNaming(
  services: ServiceAccounts,
  mesh: IstioTrustDomains,
): (service: string) => SpiffeMatcher {
  if (!(mesh instanceof IstioTrustDomains))
    throw new TypeError(
      'secureNaming takes the trust domains of the mesh, new IstioTrustDomains({ trustDomain, aliases })',
    )
  const entries = isMap(services) ? [...services] : Object.entries(services)
  const accepted = new Map(
    entries.map(([service, accounts]) => {
      if (!Array.isArray(accounts))
        throw new TypeError(
          `the service accounts of ${quote(service)} must be an array; got ${typeName(accounts)}`,
        )
      return [service, new Set(accounts.flatMap((account) => identitiesOf(account, mesh)))]
    }),
  )
  return (service) => {
    const ids = accepted.get(service) ?? new Set<string>()
    const description =
      ids.size === 0
        ? `nobody, since no service account of ${quote(service)} is known`
        : `one of the service accounts of ${quote(service)}: ${escapeText([...ids].join(' or '))}`
    return Object.freeze({
      matches: (id: SpiffeId) => ids.has(String(id)),
      toString: () => description,
    })
  }
}

function isMap(services: ServiceAccounts): services is ReadonlyMap<string, readonly ServiceAccount[]> {
  if (typeof services !== 'object' || services === null || Array.isArray(services))
    throw new TypeError('secureNaming takes an object or a Map from services to their service accounts')
  return services instanceof Map
}

function identitiesOf(account: ServiceAccount, mesh: IstioTrustDomains): readonly string[] {
  if (typeof account === 'object' && account !== null && 'namespace' in account)
    return fromParts(account.namespace, account.serviceAccount, mesh)
  const text = String(account)
  if (text.startsWith(SCHEME)) return mesh.expandIdentity(text)
  const [namespace, serviceAccount, ...more] = text.split('/')
  return fromParts(namespace, more.length === 0 ? serviceAccount : undefined, mesh)
}

/** An account without a trust domain of its own is meant in the mesh's. */
function fromParts(namespace: unknown, serviceAccount: unknown, mesh: IstioTrustDomains): readonly string[] {
  for (const part of [namespace, serviceAccount])
    if (typeof part !== 'string' || part === '' || part.includes('/'))
      throw new TypeError(
        'a service account must be "namespace/name", { namespace, serviceAccount } or an identity, with neither part empty',
      )
  return mesh.expandIdentity(
    `${SCHEME}${istioTrustDomain(mesh.names[0] ?? '')}/ns/${namespace}/sa/${serviceAccount}`,
  )
}
