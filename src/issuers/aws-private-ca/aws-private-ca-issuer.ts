/**
 * AWS Private CA as an external issuer.
 *
 * @module
 */

import type { ExternalIssuer } from '../../ca/external/external-issuer.ts'
import { BACKDATE_RULES } from '../../ca/issuance-rules.ts'
import { readTimeSource, type TimeSource } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOneOf, checkOptionNames, checkRequired, typeName } from '../../internal/options.ts'
import { AwsIssuance } from './aws-issuance.ts'
import type { AwsPrivateCaClient, AwsSigningAlgorithm } from './aws-private-ca-client.ts'
import { type AwsRequestStore, readStore } from './request-store.ts'

/** Options of {@link awsPrivateCaIssuer}. */
export interface AwsPrivateCaIssuerOptions {
  /** `new ACMPCA({ region })` of `@aws-sdk/client-acm-pca`. Credentials, region and endpoint are its affair. */
  readonly client: AwsPrivateCaClient
  /** The CA: `arn:aws:acm-pca:<region>:<account>:certificate-authority/<id>`. */
  readonly certificateAuthorityArn: string
  /** What the CA signs by; of the family of its key. */
  readonly signingAlgorithm: AwsSigningAlgorithm
  /**
   * How long before the call validity begins. Default `'1h'`, which AWS Private CA does by itself. No longer than
   * `lifetime.backdate` of `requestCertificate`.
   */
  readonly backdate?: string | undefined
  /** Remembers requests. Default: in memory, the last 1,024. */
  readonly store?: AwsRequestStore | undefined
  /** Stands in messages. Default `'AWS Private CA'`. */
  readonly name?: string | undefined
  /** Default: the machine's. */
  readonly clock?: TimeSource | undefined
}

const OPTION_NAMES = [
  'client',
  'certificateAuthorityArn',
  'signingAlgorithm',
  'backdate',
  'store',
  'name',
  'clock',
]

const SIGNING_ALGORITHMS: readonly AwsSigningAlgorithm[] = [
  'SHA256WITHECDSA',
  'SHA384WITHECDSA',
  'SHA512WITHECDSA',
  'SHA256WITHRSA',
  'SHA384WITHRSA',
  'SHA512WITHRSA',
]

const CA_ARN = /^arn:(aws[a-z-]*):acm-pca:[a-z0-9-]{1,32}:\d{12}:certificate-authority\/[\w-]{1,64}$/

/**
 * Makes an `ExternalIssuer` of a CA at AWS Private CA, over `IssueCertificate` and `GetCertificate`.
 *
 * The plainest certificate template that does what is asked for is taken. CAs have a path length from 0 to 3; a template without
 * passthrough is enough where subject and names are those of the CSR. Name constraints go into a blank template as a custom
 * extension. What no template can do is refused before anything is sent.
 *
 * Validity is sent as two instants in seconds (`ABSOLUTE`): days, months and years are too coarse, and count from a
 * moment that only AWS knows; `END_DATE` says the same as `ABSOLUTE` in a form with two meanings.
 *
 * `requestId` is the idempotency token, or the beginning of its SHA-256 where it is longer than 36 characters. AWS Private CA
 * remembers a token for five minutes. For four, a request whose answer was lost is repeated by the same token and the same validity,
 * and brings the same certificate; later nobody can say whether there is one, and so does `lookup`. After a restart the
 * default store knows of nothing: a request that is repeated within five minutes brings the same certificate, a later one
 * a second. Where that matters, give a `store` that outlives the process.
 *
 * It does not revoke. What it answers must be verified: `requestCertificate` does.
 *
 * @throws `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { CertificateAuthority, requestCertificate } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 * import { type AwsPrivateCaClient, awsPrivateCaIssuer } from 'mesh-pki/issuers/aws-private-ca'
 *
 * // import { ACMPCA } from '@aws-sdk/client-acm-pca'
 * // const client = new ACMPCA({ region: 'eu-central-1' })
 * declare const client: AwsPrivateCaClient, rootPem: string
 * const issuer = awsPrivateCaIssuer({
 *   client,
 *   certificateAuthorityArn:
 *     'arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/12345678-1234-1234-1234-123456789012',
 *   signingAlgorithm: 'SHA256WITHECDSA',
 * })
 * const { csr, signer } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })
 * const issued = await requestCertificate(issuer, {
 *   csr,
 *   isCa: true,
 *   pathLength: 0,
 *   lifetime: { max: '90d' },
 *   anchors: rootPem,
 * })
 * const ca = await CertificateAuthority.from({ ...issued, signer })
 * ```
 */
export function awsPrivateCaIssuer(options: AwsPrivateCaIssuerOptions): ExternalIssuer {
  checkOptionNames(options, OPTION_NAMES, 'awsPrivateCaIssuer')
  checkRequired(options, ['client', 'certificateAuthorityArn', 'signingAlgorithm'], 'awsPrivateCaIssuer')
  const { client, certificateAuthorityArn: arn, name = 'AWS Private CA' } = options
  if (typeof client.issueCertificate !== 'function' || typeof client.getCertificate !== 'function')
    throw new TypeError(
      'option "client" must have the methods issueCertificate and getCertificate: ACMPCA of @aws-sdk/client-acm-pca has them, ACMPCAClient has not',
    )
  if (typeof name !== 'string') throw new TypeError(`option "name" must be a string; got ${typeName(name)}`)
  const partition = typeof arn === 'string' ? CA_ARN.exec(arn)?.[1] : undefined
  if (partition === undefined)
    throw new TypeError(
      'option "certificateAuthorityArn" must be arn:aws:acm-pca:<region>:<account>:certificate-authority/<id>',
    )
  const issuance = new AwsIssuance({
    client,
    arn,
    partition,
    signingAlgorithm: checkOneOf(options.signingAlgorithm, SIGNING_ALGORITHMS, 'signingAlgorithm'),
    backdateMs: readDuration(options.backdate ?? '1h', 'backdate', BACKDATE_RULES),
    store: readStore(options.store),
    now: readTimeSource(options.clock),
  })
  return {
    name,
    idempotent: true,
    issue: (request, { signal }) => issuance.issue(request, signal),
    lookup: (requestId, { signal }) => issuance.lookup(requestId, signal),
  }
}
