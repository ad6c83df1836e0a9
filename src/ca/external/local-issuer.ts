/**
 * Another CA of this library as an external issuer.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readTimeSource, type TimeSource } from '../../internal/clock.ts'
import { formatDuration, readDuration } from '../../internal/duration.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { ExtendedKeyUsage } from '../../x509/extensions/extended-key-usage.ts'
import type { NameConstraints } from '../../x509/extensions/name-constraints.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import type { IssueIntermediateOptions, IssueOptions, IssueWorkloadOptions } from '../authority-options.ts'
import type { CertificateAuthority } from '../certificate-authority.ts'
import type { NameConstraintsInput } from '../name-constraints-input.ts'
import { IssuancePolicy, type IssuancePolicyInput } from '../policy/issuance-policy.ts'
import type { ExternalIssuer, IssuerAnswer, IssuerCallOptions, IssuerRequest } from './external-issuer.ts'
import { IssuerFailure } from './issuer-failure.ts'

/** Options of {@link localIssuer}: what the CA decides, whatever is asked for. */
export interface LocalIssuerOptions extends Pick<IssueOptions, 'profile' | 'backdate' | 'keyIdentifier'> {
  /**
   * Signs by `ca.sign` under this policy instead: the names that are asked for are the identities, and the subject that of the
   * caller. It decides on shape, back-dating and identifiers itself, so the options for those exclude it.
   */
  readonly policy?: IssuancePolicy | IssuancePolicyInput | undefined
  /** A longer lifetime that is asked for is cut to this. Default: the chain of the CA alone limits it. */
  readonly maxLifetime?: string | undefined
  /** Stands in messages. Default `'mesh-pki'`. */
  readonly name?: string | undefined
  /** Says how long ago a certificate was made. Default: the machine's. */
  readonly clock?: TimeSource | undefined
}

/** Requests that are remembered. As a rule only those of the last seconds are asked about. */
const MAX_REMEMBERED = 1024

/** A request that comes again later than this is a renewal, and shall not be given the old certificate. */
const REMEMBERED_MS = 600_000

/**
 * Makes an {@link ExternalIssuer} of a CA in this process. Without a policy CAs are made by `issueIntermediate`, and workloads
 * by `issueWorkload`, which wants exactly one SPIFFE ID among the names.
 *
 * The last 1,024 requests are remembered by `requestId`. One that is repeated within ten minutes makes no second
 * certificate; later it counts as a renewal. `lookup`, and so `resume`, answers what is remembered however old it is, and
 * once anything was forgotten it fails for what it does not know rather than say that nothing was made. All of it is in
 * memory: an issuer that was made anew, as after a restart, knows of nothing.
 *
 * @throws `TypeError` for what is no CA, and for options.
 *
 * @example
 * ```ts
 * import { createRootCa, localIssuer, requestCertificate } from 'mesh-pki/ca'
 * import { createCsr } from 'mesh-pki/csr'
 *
 * const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d' })
 * const { csr } = await createCsr({ subject: 'CN=Intermediate CA,O=Example', key: 'P-256' })
 * const { chain } = await requestCertificate(localIssuer(root, { maxLifetime: '365d' }), {
 *   csr,
 *   isCa: true,
 *   lifetime: { max: '90d' },
 *   anchors: root.certificate,
 * })
 * ```
 */
export function localIssuer(ca: LocalCa, options: LocalIssuerOptions = {}): ExternalIssuer {
  checkOptionNames(
    options,
    ['policy', 'profile', 'backdate', 'keyIdentifier', 'maxLifetime', 'name', 'clock'],
    'localIssuer',
  )
  if (typeof ca?.issueIntermediate !== 'function' || typeof ca.issueWorkload !== 'function')
    throw new TypeError(`localIssuer takes a CertificateAuthority; got ${typeName(ca)}`)
  const { name = 'mesh-pki', maxLifetime, clock, policy: input, ...decided } = options
  const policy = input === undefined ? undefined : IssuancePolicy.from(input)
  if (policy !== undefined && typeof ca.sign !== 'function')
    throw new TypeError('option "policy" needs a CertificateAuthority with the method sign')
  for (const [option, value] of Object.entries(decided))
    if (policy !== undefined && value !== undefined)
      throw new TypeError(`options "policy" and "${option}" exclude each other: the policy decides`)
  const longest = maxLifetime === undefined ? undefined : readDuration(maxLifetime, 'maxLifetime')
  const outcomes = new RememberedOutcomes(readTimeSource(clock))
  return {
    name,
    idempotent: true,
    issue: async (request, { signal }) => {
      const { requestId } = request
      const known = outcomes.recent(requestId)
      if (known !== undefined) return known
      outcomes.begin(requestId)
      try {
        const answer = await issueBy(ca, request, { ...decided, policy, longest, signal })
        outcomes.keep(requestId, answer)
        return answer
      } catch (error) {
        outcomes.keep(requestId, undefined)
        throw asFailure(error)
      } finally {
        outcomes.end(requestId)
      }
    },
    lookup: async (requestId) => outcomes.get(requestId),
  }
}

/** What became of requests. */
class RememberedOutcomes {
  readonly #now: () => Date
  readonly #pending = new Set<string>()
  /** Oldest first; the last attempt of each. Without an answer: it made nothing, so a renewal never gets the old one. */
  readonly #known = new Map<string, { readonly answer: IssuerAnswer | undefined; readonly at: number }>()
  #hasForgotten = false

  constructor(now: () => Date) {
    this.#now = now
  }

  /** What a request that is repeated is answered; `undefined` where it shall be worked on. */
  recent(requestId: string): IssuerAnswer | 'pending' | undefined {
    if (this.#pending.has(requestId)) return 'pending'
    const known = this.#known.get(requestId)
    return known === undefined || this.#now().getTime() - known.at > REMEMBERED_MS ? undefined : known.answer
  }

  /** What became of a request; `undefined` where surely nothing was made. @throws `IssuerFailure` where it may be forgotten. */
  get(requestId: string): IssuerAnswer | 'pending' | undefined {
    if (this.#pending.has(requestId)) return 'pending'
    const known = this.#known.get(requestId)
    if (known !== undefined) return known.answer
    if (!this.#hasForgotten) return undefined
    throw new IssuerFailure(
      `it remembers the last ${MAX_REMEMBERED} requests, and may have forgotten this one; look into the records of the CA`,
      { retryable: false, outcome: 'unknown' },
    )
  }

  begin(requestId: string): void {
    this.#pending.add(requestId)
  }

  keep(requestId: string, answer: IssuerAnswer | undefined): void {
    this.#known.delete(requestId)
    this.#known.set(requestId, { answer, at: this.#now().getTime() })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_REMEMBERED) return
      this.#known.delete(oldest)
      this.#hasForgotten = true
    }
  }

  end(requestId: string): void {
    this.#pending.delete(requestId)
  }
}

/** Of a CA, what is needed. */
export type LocalCa = Pick<CertificateAuthority, 'issueIntermediate' | 'issueWorkload'> &
  Partial<Pick<CertificateAuthority, 'sign'>>

async function issueBy(
  ca: LocalCa,
  { csr, intent }: IssuerRequest,
  {
    longest,
    policy,
    ...decided
  }: Pick<LocalIssuerOptions, 'profile' | 'backdate' | 'keyIdentifier'> &
    IssuerCallOptions & { readonly longest: number | undefined; readonly policy: IssuancePolicy | undefined },
): Promise<IssuerAnswer> {
  const { subject, subjectAltNames, pathLength, nameConstraints } = intent
  const lifetime = formatDuration(Math.min(intent.lifetimeMs, longest ?? intent.lifetimeMs))
  if (policy !== undefined && ca.sign !== undefined)
    return ca.sign(csr, policy, {
      identities: subjectAltNames,
      lifetime,
      signal: decided.signal,
      ...(policy.subject.from === 'caller' ? { subject } : {}),
    })
  if (intent.isCa) {
    const options: IssueIntermediateOptions = {
      ...decided,
      lifetime,
      subject,
      subjectAltNames,
      pathLength,
      nameConstraints: nameConstraints === undefined ? undefined : exactly(nameConstraints),
    }
    return ca.issueIntermediate(csr, options)
  }
  const ids = subjectAltNames.filter(({ type }) => type === 'uri')
  const [id] = ids
  if (id?.type !== 'uri' || ids.length > 1)
    throw refusal('it issues to workloads with exactly one URI among their names, which is their SPIFFE ID')
  const usual: readonly string[] = [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]
  if (intent.extendedKeyUsage.some((oid) => !usual.includes(oid)))
    throw refusal('its workload certificates are for serverAuth and clientAuth')
  const options: IssueWorkloadOptions = {
    ...decided,
    lifetime,
    subject,
    id: id.value,
    subjectAltNames: subjectAltNames.filter((other) => other !== id),
  }
  return ca.issueWorkload(csr, options)
}

/** The subtrees as they are: those that close other forms are among them. */
function exactly({ permitted, excluded }: NameConstraints): NameConstraintsInput {
  return {
    permitted: permitted.filter(isWritable),
    excluded: excluded.filter(isWritable),
    otherForms: 'allow',
  }
}

/** None is of the type "other": they were made of an option that has no such type. */
const isWritable = (name: GeneralName): name is Exclude<GeneralName, { type: 'other' }> =>
  name.type !== 'other'

/** A CA that throws has released nothing; only its signer may do better next time. */
function asFailure(error: unknown): IssuerFailure {
  if (error instanceof IssuerFailure) return error
  const isOurs = error instanceof MeshPkiError
  return new IssuerFailure(isOurs || error instanceof TypeError ? error.message : 'the CA failed', {
    retryable: isOurs && error.code === 'ERR_CA_SIGNER',
    outcome: 'failed',
    cause: error,
  })
}

const refusal = (message: string): IssuerFailure =>
  new IssuerFailure(message, { retryable: false, outcome: 'failed' })
