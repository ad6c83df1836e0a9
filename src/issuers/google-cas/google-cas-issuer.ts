/**
 * A CA pool of Google's Certificate Authority Service as an external issuer.
 *
 * @module
 */

import type {
  CertificateIntent,
  ExternalIssuer,
  IssuerAnswer,
  IssuerCallOptions,
  IssuerRequest,
} from '../../ca/external/external-issuer.ts'
import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { isJsonArray, isJsonObject, type JsonObject } from '../../internal/json.ts'
import { checkOneOf, checkOptionNames, checkRequired, readFlag, typeName } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import { type IssuerFetch, readIssuerFetch } from '../issuer-fetch.ts'
import { certificateConfig, type SubjectMode, UnwritableRequest } from './certificate-config.ts'
import { callGoogle, type GoogleCall, type GoogleService } from './google-api.ts'
import { badAnswer, GoogleApiError, stringOf } from './google-api-error.ts'
import { certificateIdOf, uuidOf } from './request-names.ts'
import { readCaPool, readEndpoint, readId, readTemplate } from './resource-name.ts'

/** Options of {@link googleCasIssuer}. */
export interface GoogleCasIssuerOptions {
  /** `projects/{project}/locations/{location}/caPools/{pool}`. */
  readonly caPool: string
  /**
   * A `fetch` that adds an access token of the scope `https://www.googleapis.com/auth/cloud-platform`. An `IssuerFailure`
   * that it throws is taken as it is; of whatever else it throws nothing is shown but name and code.
   */
  readonly fetch: IssuerFetch
  /** The tier of the pool. DevOps pools keep no certificates, so nothing can be looked up there. Default `'enterprise'`. */
  readonly tier?: 'enterprise' | 'devops' | undefined
  /**
   * What is sent. `'config'` (default): all that is asked for, member by member. `'csr'`: the CSR; then path length, key
   * usage and constraints are those of its extensions, of the template, or of the pool's policy.
   */
  readonly request?: 'config' | 'csr' | undefined
  /** `projects/{project}/locations/{location}/certificateTemplates/{template}`, in the pool's location; or chosen by what is asked for. */
  readonly certificateTemplate?: string | ((intent: CertificateIntent) => string | undefined) | undefined
  /** The one CA of the pool that shall sign. Default: the pool chooses among those that are enabled. */
  readonly certificateAuthorityId?: string | undefined
  /**
   * How the subject is decided. `DEFAULT` puts its parts into an order of Google's own. Default `RDN_SEQUENCE`, which keeps
   * it, and `DEFAULT` for an empty subject. `REFLECTED_SPIFFE` makes the one name out of the caller's identity.
   */
  readonly subjectMode?: SubjectMode | undefined
  /** Default `https://privateca.googleapis.com`. */
  readonly endpoint?: string | undefined
  /** Allows `http` to the loopback interface, for tests. Default `false`. */
  readonly insecure?: boolean | undefined
  /** Stands in messages. Default `'Google CA Service'`. */
  readonly name?: string | undefined
}

/** What {@link googleCasIssuer} makes. */
export interface GoogleCasIssuer extends ExternalIssuer {
  readonly idempotent: true
  /**
   * Asks whether the pool would issue, by `validateOnly`: nothing is made.
   *
   * @throws `IssuerFailure` or `GoogleApiError` with Google's reason where it would not.
   */
  validate(request: IssuerRequest, options: IssuerCallOptions): Promise<void>
}

const OPTION_NAMES: readonly string[] = [
  'caPool',
  'fetch',
  'tier',
  'request',
  'certificateTemplate',
  'certificateAuthorityId',
  'subjectMode',
  'endpoint',
  'insecure',
  'name',
]

const ENDPOINT = 'https://privateca.googleapis.com'

interface Pool extends GoogleService {
  readonly caPool: string
  readonly isEnterprise: boolean
  readonly request: 'config' | 'csr'
  readonly template: GoogleCasIssuerOptions['certificateTemplate']
  readonly certificateAuthorityId: string | undefined
  readonly subjectMode: SubjectMode | undefined
}

/**
 * Makes an issuer of a CA pool, by `projects.locations.caPools.certificates.create` of the API `privateca` v1.
 *
 * A wish becomes two names there: `requestId`, a UUID by which Google answers a repeated call with the certificate that it
 * made, for at least 60 minutes; and in the Enterprise tier `certificateId`, by which the certificate is looked up, and
 * which no other certificate of the location can have.
 *
 * The lifetime is sent in whole seconds. Google cuts it where a CA above ends sooner, and the last second is not counted.
 *
 * @throws `TypeError` for options. The issuer's methods throw `GoogleApiError`, or `IssuerFailure` for what the API cannot
 * say. A DevOps pool that is asked again more than 60 minutes later may make a second certificate.
 *
 * @example
 * ```ts
 * import { CertificateAuthority, requestCertificate } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 * import { googleCasIssuer } from 'mesh-pki/issuers/google-cas'
 *
 * declare const auth: { getAccessToken(): Promise<string> } // new GoogleAuth({ scopes }) of google-auth-library
 * declare const rootPem: string
 * const issuer = googleCasIssuer({
 *   caPool: 'projects/example/locations/europe-west1/caPools/mesh',
 *   fetch: async (url, init) =>
 *     fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${await auth.getAccessToken()}` } }),
 * })
 * const { csr, signer } = await createCsr({ subject: 'L=kind2,CN=Intermediate CA,O=Example', key: 'P-256' })
 * const issued = await requestCertificate(issuer, { csr, isCa: true, lifetime: { max: '90d' }, anchors: rootPem })
 * const ca = await CertificateAuthority.from({ ...issued, signer })
 * ```
 */
export function googleCasIssuer(options: GoogleCasIssuerOptions): GoogleCasIssuer {
  checkOptionNames(options, OPTION_NAMES, 'googleCasIssuer')
  checkRequired(options, ['caPool', 'fetch'], 'googleCasIssuer')
  const given = { ...options }
  const caPool = readCaPool(given.caPool)
  const template = given.certificateTemplate
  if (template !== undefined && typeof template !== 'function') readTemplate(template, caPool)
  const { certificateAuthorityId, subjectMode, name = 'Google CA Service' } = given
  if (typeof name !== 'string') throw new TypeError(`option "name" must be a string; got ${typeName(name)}`)
  const pool: Pool = {
    caPool,
    template,
    endpoint: readEndpoint(given.endpoint, ENDPOINT, readFlag(given.insecure, 'insecure', false)),
    fetch: readIssuerFetch(given.fetch),
    isEnterprise: checkOneOf(given.tier ?? 'enterprise', ['enterprise', 'devops'], 'tier') === 'enterprise',
    request: checkOneOf(given.request ?? 'config', ['config', 'csr'], 'request'),
    certificateAuthorityId:
      certificateAuthorityId === undefined
        ? undefined
        : readId(certificateAuthorityId, 'certificateAuthorityId'),
    subjectMode:
      subjectMode === undefined
        ? undefined
        : checkOneOf<SubjectMode>(
            subjectMode,
            ['DEFAULT', 'RDN_SEQUENCE', 'REFLECTED_SPIFFE'],
            'subjectMode',
          ),
  }
  const issuer: GoogleCasIssuer = {
    name,
    idempotent: true,
    issue: (request, { signal }) => create(pool, request, signal),
    validate: async (request, { signal }) => {
      // Without a requestId: one that was used up by a trial might not be taken for the real request.
      await callGoogle(pool, creation(pool, request, { validateOnly: 'true' }), signal)
    },
  }
  return Object.freeze(
    pool.isEnterprise
      ? {
          ...issuer,
          lookup: (requestId: string, { signal }: IssuerCallOptions) => lookUp(pool, requestId, signal),
        }
      : issuer,
  )
}

type Signal = IssuerCallOptions['signal']

async function create(pool: Pool, request: IssuerRequest, signal: Signal): Promise<IssuerAnswer> {
  const { requestId } = request
  const call = creation(pool, request, { requestId: uuidOf(requestId) })
  try {
    return answerOf(await callGoogle(pool, call, signal), call.what)
  } catch (error) {
    if (!pool.isEnterprise || !isNamed(error, 'ALREADY_EXISTS')) throw error
  }
  // Made by an earlier call than those that Google still knows by their requestId.
  const found = await lookUp(pool, requestId, signal)
  if (found !== undefined) return found
  throw new GoogleApiError(
    `the certificateId ${certificateIdOf(requestId)} is taken in this location, but not in this CA pool; ask by another requestId`,
    { status: 409, code: 'ALREADY_EXISTS', retryable: false, outcome: 'unknown' },
  )
}

/** Where looking itself fails, what was made stays unknown. */
async function lookUp(pool: Pool, requestId: string, signal: Signal): Promise<IssuerAnswer | undefined> {
  try {
    return await get(pool, requestId, signal)
  } catch (error) {
    if (!(error instanceof GoogleApiError) || error.outcome === 'unknown') throw error
    const { message, status, code, retryable } = error
    throw new GoogleApiError(message, { status, code, retryable, outcome: 'unknown' })
  }
}

async function get(pool: Pool, requestId: string, signal: Signal): Promise<IssuerAnswer | undefined> {
  const path = `${pool.caPool}/certificates/${certificateIdOf(requestId)}`
  const what = 'certificates.get'
  try {
    return answerOf(await callGoogle(pool, { method: 'GET', path, what }, signal), what)
  } catch (error) {
    if (isNamed(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

const isNamed = (error: unknown, code: string): boolean =>
  error instanceof GoogleApiError && error.code === code

/** @throws `IssuerFailure` for what cannot be asked for. */
function creation(pool: Pool, request: IssuerRequest, query: Readonly<Record<string, string>>): GoogleCall {
  const { caPool, isEnterprise, certificateAuthorityId } = pool
  const parameters = {
    // Pools of the DevOps tier ignore it.
    ...(isEnterprise ? { certificateId: certificateIdOf(request.requestId) } : {}),
    ...query,
    ...(certificateAuthorityId === undefined
      ? {}
      : { issuingCertificateAuthorityId: certificateAuthorityId }),
  }
  const text = Object.entries(parameters).map((pair) => pair.join('='))
  return {
    method: 'POST',
    path: `${caPool}/certificates?${text.join('&')}`,
    body: certificateOf(pool, request),
    what: 'certificates.create',
  }
}

/** The message `Certificate`, as it is asked for. */
function certificateOf(pool: Pool, request: IssuerRequest): Readonly<Record<string, unknown>> {
  const { csr, intent } = request
  const seconds = Math.floor(intent.lifetimeMs / 1000)
  if (seconds < 1) throw unwritable('CA Service counts lifetimes in whole seconds; ask for one at least')
  const mode = pool.subjectMode ?? (intent.subject.isEmpty ? 'DEFAULT' : 'RDN_SEQUENCE')
  const template = templateFor(pool, intent)
  try {
    return {
      lifetime: `${seconds}s`,
      subjectMode: mode,
      ...(template === undefined ? {} : { certificateTemplate: template }),
      ...(pool.request === 'csr' ? { pemCsr: csr.toPem() } : { config: certificateConfig(request, mode) }),
    }
  } catch (error) {
    if (error instanceof UnwritableRequest) throw unwritable(error.message)
    throw error
  }
}

function templateFor({ template, caPool }: Pool, intent: CertificateIntent): string | undefined {
  if (typeof template !== 'function') return template
  try {
    const chosen = template(intent)
    return chosen === undefined ? undefined : readTemplate(chosen, caPool)
  } catch (cause) {
    const text = cause instanceof TypeError ? escapeText(cause.message) : 'it threw an error'
    throw unwritable(`"certificateTemplate" chose none: ${text}`, cause)
  }
}

const unwritable = (message: string, cause?: unknown): IssuerFailure =>
  new IssuerFailure(message, { retryable: false, outcome: 'failed', cause })

/** The message `Certificate`, as it was made. */
function answerOf(body: JsonObject, what: string): IssuerAnswer {
  // Revoked if and only if it is there.
  const revocation = body.get('revocationDetails')
  if (revocation !== undefined && revocation !== null) {
    const state = isJsonObject(revocation) ? revocation.get('revocationState') : undefined
    const reason = typeof state === 'string' && /^[A-Z_]{1,64}$/.test(state) ? ` (${state})` : ''
    throw new IssuerFailure(
      `the certificate that was made for this request has been revoked${reason}; ask by another requestId or, better, for a new key`,
      { retryable: false, outcome: 'failed' },
    )
  }
  const certificate = stringOf(body, 'pemCertificate', what)
  const chain = body.get('pemCertificateChain') ?? []
  const members = isJsonArray(chain) ? chain.filter((item) => typeof item === 'string') : []
  if (!isJsonArray(chain) || members.length !== chain.length)
    throw badAnswer('its member "pemCertificateChain" is no list of strings', what)
  return { certificate, chain: members }
}
