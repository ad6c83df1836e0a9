/**
 * Policies that behave as the issuers of the field do.
 *
 * Three things always hold, whatever the original does: possession of the key is proven, what no verifier would accept
 * is not signed, and nothing outlives its issuers. `docs/issuance.md` has a row for each difference.
 *
 * @module
 */

import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import { type TrustDomain, toTrustDomain } from '../../spiffe/spiffe-id.ts'
import type { NameInput } from '../../x509/name.ts'
import type { IssuancePolicyInput } from './issuance-policy.ts'

/** Options of {@link istioCa}. */
export interface IstioCaOptions {
  /** `DEFAULT_WORKLOAD_CERT_TTL`. Default `'24h'`, or `maxLifetime` where that is less. */
  readonly defaultLifetime?: string | undefined
  /** `MAX_WORKLOAD_CERT_TTL`. Default `'2160h'`. */
  readonly maxLifetime?: string | undefined
}

/**
 * istiod's built-in CA: of the request it takes the key, and whether there is a common name. Names come from the caller's
 * identities, a longer lifetime is refused.
 *
 * @example
 * ```ts
 * import { type CertificateAuthority, istioCa } from 'mesh-pki/ca'
 *
 * declare const ca: CertificateAuthority, csr: string
 * await ca.sign(csr, istioCa(), { identities: ['spiffe://cluster.local/ns/shop/sa/cart'], lifetime: '24h' })
 * ```
 */
export function istioCa(options: IstioCaOptions = {}): IssuancePolicyInput {
  return { ...istiod('istioCa', options), request: { subjectAltNames: 'any', ca: 'ignore' } }
}

/**
 * istiod as a registration authority in front of another signer (`ValidateCSR`, strict since 1.24): the request may ask for its
 * caller's identities and nothing else.
 */
export function istioRa(options: IstioCaOptions = {}): IssuancePolicyInput {
  return {
    ...istiod('istioRa', options),
    namesFrom: 'request',
    subject: { from: 'policy' },
    request: {
      subject: 'empty-organization',
      subjectAltNames: 'within-identities',
      forms: ['uri'],
      maxUris: 1,
      extensions: ['subjectAltName'],
      ca: 'refuse',
    },
  }
}

function istiod(name: string, options: IstioCaOptions): IssuancePolicyInput {
  checkOptionNames(options, ['defaultLifetime', 'maxLifetime'], name)
  return {
    name,
    profile: 'istiod-workload',
    subject: { from: 'policy', commonName: 'first-name-if-asked' },
    names: { wildcards: true },
    lifetime: {
      default: options.defaultLifetime,
      max: options.maxLifetime ?? '2160h',
      min: '0s',
      onTooLong: 'reject',
    },
  }
}

/** Options of {@link istioCsr}. */
export interface IstioCsrOptions {
  /** `--max-client-certificate-duration`. Default `'1h'`. */
  readonly maxLifetime?: string | undefined
}

/**
 * cert-manager's istio-csr: no common name, no names but URIs, exactly the caller's identities, no extension but the usual
 * three; a longer lifetime is cut without a word to the sender.
 */
export function istioCsr(options: IstioCsrOptions = {}): IssuancePolicyInput {
  checkOptionNames(options, ['maxLifetime'], 'istioCsr')
  return {
    name: 'istioCsr',
    profile: 'istiod-workload',
    namesFrom: 'request',
    subject: { from: 'request', attributes: 'any' },
    request: {
      subject: 'no-common-name',
      subjectAltNames: 'equal-identities',
      forms: ['uri'],
      extensions: ['subjectAltName', 'keyUsage', 'extendedKeyUsage'],
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: ['serverAuth', 'clientAuth'],
      ca: 'refuse',
    },
    lifetime: { max: options.maxLifetime ?? '1h', min: '0s', onTooLong: 'cap' },
  }
}

/** Options of {@link glooIssuer}. */
export interface GlooIssuerOptions {
  /** `ttlDays` as a duration. Default `'365d'`. */
  readonly lifetime?: string | undefined
  /** `'final'` (default) keeps the subject of the request; `'legacy'`, to 1.0, leaves it empty. */
  readonly release?: 'final' | 'legacy' | undefined
}

/**
 * Gloo Mesh's issuer of intermediates: names come from `IssuedCertificate.spec.hosts`, here the identities; no path length, no
 * back-dating.
 */
export function glooIssuer(options: GlooIssuerOptions = {}): IssuancePolicyInput {
  checkOptionNames(options, ['lifetime', 'release'], 'glooIssuer')
  const release = checkOneOf(options.release ?? 'final', ['final', 'legacy'], 'release')
  return {
    name: 'glooIssuer',
    profile: release === 'final' ? 'gloo-intermediate' : 'gloo-legacy-intermediate',
    subject:
      release === 'final'
        ? { from: 'request', attributes: 'any', commonName: 'first-name-if-asked' }
        : { from: 'policy', commonName: 'first-name-if-asked' },
    request: { subjectAltNames: 'any', ca: 'ignore' },
    names: { wildcards: true, min: release === 'final' ? 0 : 1 },
    lifetime: { default: options.lifetime ?? '365d', max: 'none', min: '0s' },
  }
}

/** Options of {@link spire}. */
export interface SpireOptions {
  /** The trust domain whose entries are signed. */
  readonly trustDomain: TrustDomain | string
  /** `default_x509_svid_ttl`. Default `'1h'`. */
  readonly lifetime?: string | undefined
  /** SPIRE's default is `C=US,O=SPIRE`. */
  readonly subject?: NameInput | undefined
}

/**
 * SPIRE's server for registration entries: of the request it takes the key. The entry's SPIFFE ID and DNS names are the
 * identities; the first DNS name is also the common name.
 */
export function spire(options: SpireOptions): IssuancePolicyInput {
  if (options?.trustDomain === undefined) throw new TypeError('spire needs the option "trustDomain"')
  checkOptionNames(options, ['trustDomain', 'lifetime', 'subject'], 'spire')
  const trustDomain = toTrustDomain(options.trustDomain)
  return {
    name: 'spire',
    profile: 'spire-workload',
    subject: {
      from: 'policy',
      value: options.subject ?? [{ C: 'US' }, { O: 'SPIRE' }],
      commonName: 'first-dns-name',
    },
    request: { subjectAltNames: 'any', ca: 'ignore' },
    names: { spiffe: { allow: [trustDomain] }, dns: { allow: ['**'] } },
    lifetime: { default: options.lifetime ?? '1h', max: 'none', min: '0s' },
  }
}
