/**
 * What a client must be told about a foreign trust domain (SPIFFE Federation §5.1).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { checkOneOf, checkOptionNames } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { BundleMap } from './bundle-map.ts'
import { type BundleSource, type BundleSourceInput, readBundleSource } from './bundle-source.ts'
import { readEndpointUrl } from './endpoint-url.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import { SpiffeId, type TrustDomain, toTrustDomain } from './spiffe-id.ts'

/** An endpoint whose server is authenticated as any web site (§5.2.1). */
export interface WebRelationship {
  /** The foreign trust domain. The document does not say whose it is. */
  readonly trustDomain: TrustDomain | string
  /** `https`, without user information. */
  readonly url: string
  readonly profile: 'https_web'
}

/** An endpoint whose server is authenticated by its X509-SVID (§5.2.2). */
export interface SpiffeRelationship {
  readonly trustDomain: TrustDomain | string
  readonly url: string
  readonly profile: 'https_spiffe'
  /** Who the server must be, exactly. */
  readonly endpointSpiffeId: SpiffeId | string
  /**
   * Where the server is of the same trust domain (self-serving): its bundle as of now, obtained by another way.
   * It authenticates the first connection and counts until it is replaced, as of the moment at which the client
   * is made. A bundle in `initial` goes before it, so that it grows old over restarts, unless both have sequences
   * and this one's is higher. To begin anew with another bootstrap, leave the old one out of `initial`.
   */
  readonly bootstrap?: SpiffeBundle | undefined
  /**
   * Where the server is of another trust domain: where that one's bundle comes from. By default from the
   * client's own relationship with it.
   */
  readonly endpointBundles?: BundleSourceInput | undefined
  /** Signing certificates of the server that break the rules of X509-SVID, as for `verifySvid`. Default `refuse`. */
  readonly signers?: 'refuse' | 'warn' | undefined
}

/** A relationship with a foreign trust domain. Its three parts are never inferred from one another (§7.2). */
export type FederationRelationship = WebRelationship | SpiffeRelationship

/** A relationship after checking. */
export interface CheckedRelationship {
  readonly trustDomain: TrustDomain
  readonly url: string
  readonly profile: 'https_web' | 'https_spiffe'
  /** What `https_spiffe` adds. */
  readonly endpoint: EndpointIdentity | undefined
  readonly bootstrap: SpiffeBundle | undefined
}

/** How the server of an `https_spiffe` endpoint is authenticated. */
export interface EndpointIdentity {
  readonly id: SpiffeId
  readonly isSelfServing: boolean
  readonly signers: 'refuse' | 'warn'
  /** `undefined`: the client's own bundles. */
  readonly bundles: BundleSource | undefined
}

/**
 * Checks a relationship as SPIFFE Federation §5 wants it configured.
 *
 * @throws `MeshPkiError` `ERR_FEDERATION_CONFIG` and `ERR_FEDERATION_URL`; `ERR_SPIFFE_…` for names.
 */
export function readRelationship(relationship: FederationRelationship): CheckedRelationship {
  const { trustDomain, url, profile } = relationship
  for (const [name, value] of Object.entries({ trustDomain, url, profile }))
    if (value === undefined || value === '')
      throw refuse(
        `a relationship needs ${name}: trust domain, URL and profile are all stated, none follows from another (SPIFFE Federation §5.1)`,
      )
  const common = ['trustDomain', 'url', 'profile']
  const domain = toTrustDomain(trustDomain)
  if (relationship.profile === 'https_web') {
    refuseMore(relationship, common, domain)
    return {
      trustDomain: domain,
      url: readEndpointUrl(url),
      profile: 'https_web',
      endpoint: undefined,
      bootstrap: undefined,
    }
  }
  if (relationship.profile !== 'https_spiffe')
    throw refuse(
      `the profile of a relationship is "https_web" or "https_spiffe"; got ${quote(String(profile), 32)}`,
    )
  checkOptionNames(
    relationship,
    [...common, 'endpointSpiffeId', 'bootstrap', 'endpointBundles', 'signers'],
    'a relationship',
  )
  return {
    trustDomain: domain,
    url: readEndpointUrl(url),
    profile: 'https_spiffe',
    ...readEndpoint(relationship, domain),
  }
}

/** An https_web relationship with a bootstrap bundle was meant to be the stronger profile. */
function refuseMore(relationship: object, known: readonly string[], trustDomain: TrustDomain): void {
  const [more] = Object.entries(relationship).filter(
    ([name, value]) => !known.includes(name) && value !== undefined,
  )
  if (more === undefined) return
  throw refuse(
    `the relationship with ${quote(trustDomain.name)} has ${quote(more[0], 32)}, which https_web does not use (SPIFFE Federation §5.2.1.2); is https_spiffe meant?`,
  )
}

function readEndpoint(
  { endpointSpiffeId, bootstrap, endpointBundles, signers = 'refuse' }: SpiffeRelationship,
  trustDomain: TrustDomain,
): Pick<CheckedRelationship, 'endpoint' | 'bootstrap'> {
  const who = `the relationship with ${quote(trustDomain.name)}`
  if (endpointSpiffeId === undefined)
    throw refuse(
      `${who} needs endpointSpiffeId: https_spiffe authenticates the server by it (SPIFFE Federation §5.2.2.2)`,
    )
  const id = endpointSpiffeId instanceof SpiffeId ? endpointSpiffeId : SpiffeId.parse(endpointSpiffeId)
  if (id.path === '')
    throw refuse(
      `${who}: endpointSpiffeId ${quote(String(id))} has no path, so no server can have it (X509-SVID §3.1)`,
    )
  if (bootstrap !== undefined && !(bootstrap instanceof SpiffeBundle))
    throw new TypeError('option "bootstrap" must be a SpiffeBundle')
  const isSelfServing = id.memberOf(trustDomain)
  if (isSelfServing && endpointBundles !== undefined)
    throw refuse(
      `${who} is self-serving: pass its own bundle as bootstrap, not endpointBundles (SPIFFE Federation §5.2.2.2)`,
    )
  if (bootstrap !== undefined && !bootstrap.trustDomain.equals(trustDomain))
    throw refuse(`${who}: the bootstrap bundle is that of ${quote(bootstrap.trustDomain.name)}`)
  return {
    endpoint: {
      id,
      isSelfServing,
      signers: checkOneOf(signers, ['refuse', 'warn'], 'signers'),
      bundles: readEndpointBundles(endpointBundles, id, who),
    },
    bootstrap,
  }
}

/** A source that never changes must know the endpoint's trust domain now; a live one may learn it. */
function readEndpointBundles(
  input: BundleSourceInput | undefined,
  id: SpiffeId,
  who: string,
): BundleSource | undefined {
  if (input === undefined) return undefined
  const source = readBundleSource(input)
  const isFixed = source instanceof SpiffeBundle || source instanceof BundleMap
  if (isFixed && source.bundleFor(id.trustDomain) === undefined)
    throw refuse(
      `${who}: endpointBundles has no bundle of ${quote(id.trustDomain.name)}, the trust domain of the server (SPIFFE Federation §5.2.2.2)`,
    )
  return source
}

/** Makes the error of a relationship that is not as it must be. */
export function refuse(message: string): MeshPkiError {
  return new MeshPkiError('ERR_FEDERATION_CONFIG', message)
}
