/**
 * Vault's PKI engine, and OpenBao's, as an external issuer.
 *
 * @module
 */

import type { ExternalIssuer, IssuerAnswer } from '../../ca/external/external-issuer.ts'
import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { readDuration } from '../../internal/duration.ts'
import { isJsonArray } from '../../internal/json.ts'
import { checkOptionNames, checkRequired, readFlag, typeName } from '../../internal/options.ts'
import { CertificateListing } from './certificate-listing.ts'
import { signingFields } from './signing-request.ts'
import { checkAuth, VaultAuth } from './vault-auth.ts'
import { failureOf, isSuccess, memberOf, type VaultAnswer } from './vault-exchange.ts'
import { readSigningPath } from './vault-path.ts'

/** Options of {@link vaultIssuer}. */
export interface VaultIssuerOptions {
  /** The server, and how it knows us: `vaultAuth`. */
  readonly auth: VaultAuth
  /**
   * The endpoint that signs, without `/v1`: for CAs `'pki/root/sign-intermediate'` or `'pki/issuer/<ref>/sign-intermediate'`, for
   * workloads `'pki/sign/<role>'` or `'pki/issuer/<ref>/sign/<role>'`. The first part is the mount, and may be several.
   */
  readonly path: string
  /** How far a CA's validity begins in the past (`not_before_duration`). Default: Vault's own, 30 seconds. Roles have their own. */
  readonly backdate?: string | undefined
  /**
   * Looks for a certificate whose answer was lost among those that Vault has stored since it was asked. That costs a list of all serial
   * numbers before each request, and needs the capabilities `list` on `<mount>/certs` and `read` on `<mount>/cert/*`. Default `false`.
   */
  readonly lookup?: boolean | undefined
  /** Stands in messages. Default `'vault'`. */
  readonly name?: string | undefined
}

/**
 * Makes an {@link ExternalIssuer} of Vault's PKI engine, or of OpenBao's, which speaks the same API.
 *
 * A CA's subject and names are those of the request, in its order (`use_csr_values`); path length and name constraints are sent as asked.
 * A workload's names are sent as lists; a role with `use_csr_sans` takes those of the request instead. Names and
 * constraints that cannot be told to Vault are refused before anything is made. The rest of a workload's subject, its key usage and
 * purposes are the role's, a CA's key usage is the engine's and its request's: those are found out when the certificate comes.
 *
 * Vault knows no request by a name. So an answer that is lost ends in `ERR_ISSUER_OUTCOME_UNKNOWN`, and nothing is asked for twice;
 * with `lookup` the certificate is looked for. That never proves that none was made: Vault may still be working on it, a role
 * with `no_store` keeps nothing, and a replica may be behind. In memory it knows the last 256 requests without an answer, after a restart none.
 *
 * Status 429, 412 and 503 are tried again; status 500, 502 and 504, and a 503 of a proxy, leave the outcome unknown; others are
 * final, with Vault's reason.
 *
 * @throws `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { CertificateAuthority, requestCertificate } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 * import { vaultAuth, vaultIssuer } from 'mesh-pki/issuers/vault'
 *
 * declare const rootPem: string, token: string
 * const auth = vaultAuth({ server: 'https://vault.example:8200', token })
 * const { csr, signer } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })
 * const issued = await requestCertificate(vaultIssuer({ auth, path: 'pki/root/sign-intermediate' }), {
 *   csr,
 *   isCa: true,
 *   lifetime: { max: '90d', min: '30d' },
 *   anchors: rootPem,
 * })
 * const ca = await CertificateAuthority.from({ ...issued, signer })
 * ```
 */
export function vaultIssuer(options: VaultIssuerOptions): ExternalIssuer {
  checkOptionNames(options, ['auth', 'path', 'backdate', 'lookup', 'name'], 'vaultIssuer')
  checkRequired(options, ['auth', 'path'], 'vaultIssuer')
  const { auth, name = 'vault', backdate } = options
  checkAuth(auth)
  if (typeof name !== 'string') throw new TypeError(`option "name" must be a string; got ${typeName(name)}`)
  const path = readSigningPath(options.path)
  if (backdate !== undefined && path.kind === 'workload')
    throw new TypeError('option "backdate" is for CAs; a role has not_before_duration')
  const backdateMs =
    backdate === undefined
      ? undefined
      : readDuration(backdate, 'backdate', { allowZero: true, max: ['30d', 2_592_000_000] })
  const backdateSeconds = backdateMs === undefined ? undefined : backdateMs / 1000
  const listing = readFlag(options.lookup, 'lookup', false) ? new CertificateListing(auth, path) : undefined
  return {
    name,
    issue: async (request, { signal }) => {
      const body = signingFields(path, request, backdateSeconds)
      await listing?.remember(request, signal)
      const answer = await VaultAuth.send(auth, { method: 'POST', path: path.path, body }, signal)
      if (!isSuccess(answer)) throw failureOf(answer, 'the certificate')
      const issued = readIssued(answer)
      // Of an answer that comes too late nobody hears; it is still to be found.
      if (!signal.aborted) listing?.forget(request.requestId)
      return issued
    },
    ...(listing === undefined
      ? {}
      : { lookup: (requestId: string, { signal }) => listing.find(requestId, signal) }),
  }
}

/** Sign certificate and Sign intermediate, Sample response: `certificate`, `issuing_ca`, `ca_chain`. */
function readIssued({ json }: VaultAnswer): IssuerAnswer {
  const certificate = memberOf(json, 'data', 'certificate')
  const issuer = memberOf(json, 'data', 'issuing_ca')
  const chain = memberOf(json, 'data', 'ca_chain')
  if (typeof certificate !== 'string')
    throw new IssuerFailure('Vault answered something without data.certificate', {
      retryable: false,
      outcome: 'unknown',
    })
  const above = [issuer, ...(isJsonArray(chain) ? chain : [])].filter((pem) => typeof pem === 'string')
  return { certificate, chain: [...new Set(above)] }
}
