/**
 * The policy that most meshes want: one SPIFFE ID for each requester, and a short life.
 *
 * @module
 */

import { checkOptionNames, readFunction } from '../../internal/options.ts'
import { SpiffeId, type TrustDomain, toTrustDomain } from '../../spiffe/spiffe-id.ts'
import type { SigningPolicyInput, SigningRules } from './signing-policy.ts'
import type { SigningRequest } from './signing-request.ts'
import type { CertificateUsage } from './usages.ts'

/** Options of {@link workloadSigning}. */
export interface WorkloadSigningOptions {
  /**
   * The SPIFFE ID of whoever made a request; `undefined` for those who have none here. It is shown the whole request, so that
   * istiod, which asks for others, can be told from those who ask for themselves.
   */
  readonly identify: (
    request: SigningRequest,
  ) => SpiffeId | string | undefined | Promise<SpiffeId | string | undefined>
  /** What messages call it. Default `'workloads'`. */
  readonly name?: string | undefined
  /** Default `'mesh-workload'`; `'istiod-workload'` for certificates as istiod makes them. */
  readonly profile?: SigningRules['profile'] | undefined
  /** The longest life; more is cut. Default `'24h'`. */
  readonly maxLifetime?: string | undefined
  /** The life of who asks for none. Default: `maxLifetime`. */
  readonly defaultLifetime?: string | undefined
  /** Further limits on names, such as `{ spiffe: { allow: ['spiffe://prod.example.com/ns/**'] } }`. */
  readonly names?: SigningRules['names'] | undefined
  readonly keys?: SigningRules['keys'] | undefined
  /** What may be asked for. Default: digital signature, key encipherment, server auth, client auth. */
  readonly usages?: readonly CertificateUsage[] | undefined
}

const OPTIONS = ['identify', 'name', 'profile', 'maxLifetime', 'defaultLifetime', 'names', 'keys', 'usages']

/**
 * A policy that gives each requester one SPIFFE ID, found by a function of the caller's, and makes no CAs.
 *
 * A request may leave its names out or ask for that very ID; its subject is ignored.
 *
 * @example
 * ```ts
 * import { serviceAccountIdentity, workloadSigning } from 'mesh-pki/kubernetes'
 *
 * const policy = workloadSigning({ identify: serviceAccountIdentity('cluster.local'), maxLifetime: '12h' })
 * ```
 */
export function workloadSigning(options: WorkloadSigningOptions): SigningPolicyInput {
  checkOptionNames(options, OPTIONS, 'workloadSigning')
  const {
    identify,
    name = 'workloads',
    profile,
    maxLifetime = '24h',
    defaultLifetime,
    names,
    keys,
    usages,
  } = options
  if (identify === undefined) throw new TypeError('workloadSigning needs the option "identify"')
  readFunction(identify, 'identify')
  return {
    name,
    usages,
    workload: {
      profile: profile ?? 'mesh-workload',
      subject: { from: 'policy' },
      names,
      keys,
      lifetime: { max: maxLifetime, default: defaultLifetime ?? maxLifetime, onTooLong: 'cap' },
    },
    authorize: async (request) => {
      const id = await identify(request)
      return id === undefined ? { refuse: 'its requester has no identity here' } : { identities: [id] }
    },
  }
}

/**
 * Gives service accounts the identity that Istio gives them: `spiffe://<trust domain>/ns/<namespace>/sa/<name>`. Others have
 * none.
 *
 * @throws `MeshPkiError` `ERR_SPIFFE_TRUST_DOMAIN`.
 */
export function serviceAccountIdentity(
  trustDomain: TrustDomain | string,
): (request: Pick<SigningRequest, 'requester'>) => SpiffeId | undefined {
  const domain = toTrustDomain(trustDomain)
  return ({ requester: { serviceAccount } }) =>
    serviceAccount === undefined
      ? undefined
      : SpiffeId.forIstio({
          trustDomain: domain,
          namespace: serviceAccount.namespace,
          serviceAccount: serviceAccount.name,
        })
}
