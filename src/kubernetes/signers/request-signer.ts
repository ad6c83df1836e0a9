/**
 * What signs requests of Kubernetes: a CA or an external issuer, under one policy, and never twice for one request.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import type { IssuedCertificate } from '../../ca/authority-options.ts'
import type { CertificateAuthority } from '../../ca/certificate-authority.ts'
import type { ExternalIssuer } from '../../ca/external/external-issuer.ts'
import { PolicyError } from '../../ca/policy/policy-violation.ts'
import { requestLabel } from '../../ca/policy/sign-request.ts'
import { type VerifiedCsr, verifyProofOfPossession } from '../../csr/proof-of-possession.ts'
import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { toHex } from '../../internal/bytes.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { formatDuration, readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readFunction, typeName } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import { escapeText, quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type IssuerCallTerms, signExternally } from './external-signing.ts'
import type { SignerEvent } from './signer-event.ts'
import { type SigningGrant, SigningPolicy, type SigningPolicyInput } from './signing-policy.ts'
import type { SigningRequest, SigningRequestRef } from './signing-request.ts'
import { wishOf } from './signing-wish.ts'

/** Options of {@link RequestSigner.from}. */
export interface RequestSignerOptions extends Partial<IssuerCallTerms> {
  /** Signs by a CA of this process. */
  readonly ca?: Pick<CertificateAuthority, 'sign' | 'chain'> | undefined
  /** Signs by a CA that is elsewhere; needs `anchors`, and takes the retry options of `requestCertificate`. */
  readonly issuer?: ExternalIssuer | undefined
  readonly policy: SigningPolicy | SigningPolicyInput
  readonly clock?: Clock | undefined
  /** Told what was signed, refused and dropped. */
  readonly onEvent?: ((event: SignerEvent) => void) | undefined
}

const ISSUER_TERMS = [
  'anchors',
  'timeout',
  'attempts',
  'backoff',
  'maxBackoff',
  'random',
  'pendingTimeout',
  'onIssuerEvent',
] as const
const OPTIONS = ['ca', 'issuer', 'policy', 'clock', 'onEvent', ...ISSUER_TERMS]

/** A certificate that was made for a request. */
export interface SignedRequest {
  readonly ref: SigningRequestRef
  readonly certificate: Certificate
  /** The certificate and its issuers, root last. */
  readonly chain: readonly Certificate[]
  /** PEM of the certificate and the CAs above it, without the root: what `status.certificate` holds. */
  readonly pem: string
  /** PEM of the root, or of what stands for it. */
  readonly rootPem: string
}

/** A request whose key is proven, and what its requester may have. */
export interface AuthorizedRequest {
  readonly request: SigningRequest
  readonly verified: VerifiedCsr
  readonly grant: SigningGrant
}

/** What the policy's function threw. @internal */
export class AuthorizeFailure extends Error {
  override readonly name = 'AuthorizeFailure'

  constructor(cause: unknown) {
    super('the policy could not be asked', { cause })
  }
}

/** Certificates that were made and are not yet written; each is of one request that is being worked on. */
const MAX_REMEMBERED = 1024

/**
 * Signs requests. One of these serves all requests of one CA and policy, for as long as the process runs: what it made
 * and could not hand out yet it keeps, so that a server that fails for an hour costs one signature for each request, not one for
 * each attempt.
 *
 * **Warning**: it forgets with its process. A CA of this process then signs once more for a request whose answer was
 * not written; the first certificate was never seen by anybody. An external issuer is asked by one and the same
 * `requestId`, and makes no second one.
 *
 * @example
 * ```ts
 * import type { CertificateAuthority } from 'mesh-pki/ca'
 * import { RequestSigner, serviceAccountIdentity, workloadSigning } from 'mesh-pki/kubernetes'
 *
 * declare const ca: CertificateAuthority
 * const signer = RequestSigner.from({
 *   ca,
 *   policy: workloadSigning({ identify: serviceAccountIdentity('cluster.local') }),
 *   onEvent: (event) => {
 *     if (event.type === 'dropped') console.warn('never handed out', event.serialNumber)
 *   },
 * })
 * ```
 */
export class RequestSigner {
  readonly policy: SigningPolicy
  readonly #ca: Pick<CertificateAuthority, 'sign' | 'chain'> | undefined
  readonly #external: { readonly issuer: ExternalIssuer; readonly terms: IssuerCallTerms } | undefined
  readonly #clock: Clock
  readonly #onEvent: ((event: SignerEvent) => void) | undefined
  /** By UID, oldest first. */
  readonly #remembered = new Map<string, { readonly signed: SignedRequest; readonly wish: string }>()
  readonly #signing = new Map<string, { readonly signing: Promise<SignedRequest>; readonly wish: string }>()

  private constructor(options: RequestSignerOptions) {
    const { ca, issuer, anchors, policy, clock, onEvent } = options
    this.policy = SigningPolicy.from(policy)
    this.#ca = ca
    this.#external =
      issuer === undefined || anchors === undefined
        ? undefined
        : { issuer, terms: { ...termsOf(options), anchors } }
    this.#clock = readClock(clock)
    this.#onEvent = onEvent
  }

  /** @throws `TypeError`; what reading the policy throws. */
  static from(options: RequestSignerOptions): RequestSigner {
    checkOptionNames(options, OPTIONS, 'RequestSigner.from')
    const { ca, issuer, anchors, onEvent } = options
    if ((ca === undefined) === (issuer === undefined))
      throw new TypeError('RequestSigner.from needs one of the options "ca" and "issuer"')
    if (ca !== undefined && typeof ca.sign !== 'function')
      throw new TypeError(`option "ca" must be a CertificateAuthority; got ${typeName(ca)}`)
    if (issuer !== undefined && typeof issuer.issue !== 'function')
      throw new TypeError(`option "issuer" must be an ExternalIssuer; got ${typeName(issuer)}`)
    if (issuer !== undefined && anchors === undefined)
      throw new TypeError('option "issuer" needs the option "anchors": the roots that its chains may lead to')
    for (const name of ISSUER_TERMS)
      if (issuer === undefined && options[name] !== undefined)
        throw new TypeError(`option "${name}" is for the option "issuer"`)
    readFunction(onEvent, 'onEvent')
    readFunction(options.onIssuerEvent, 'onIssuerEvent')
    return new RequestSigner(options)
  }

  /** When the chain of the CA ends: no certificate lives longer. `undefined` for an external issuer. */
  get notAfter(): Date | undefined {
    const ends = this.#ca?.chain.map(({ notAfter }) => notAfter.getTime())
    return ends === undefined || ends.length === 0 ? undefined : new Date(Math.min(...ends))
  }

  /**
   * Checks that the requester holds the key, and asks the policy what it may have.
   *
   * @throws `MeshPkiError` that `refusalOf` takes for a refusal; {@link AuthorizeFailure}.
   *
   * @internal
   */
  async authorize(request: SigningRequest, signal: AbortSignalLike | undefined): Promise<AuthorizedRequest> {
    const verified = await verifyProofOfPossession(request.csr)
    const answer = await this.#askPolicy(request, signal)
    const grant = readGrant(answer)
    if (typeof grant === 'string')
      throw new PolicyError(this.policy.name, labelOf(request), [
        { rule: 'authorize', in: 'request', message: `the request was not authorised: ${escapeText(grant)}` },
      ])
    return { request, verified, grant }
  }

  async #askPolicy(request: SigningRequest, signal: AbortSignalLike | undefined): Promise<unknown> {
    try {
      return await orAborted((async () => this.policy.authorize(request, { signal }))(), signal)
    } catch (error) {
      // It says nothing of the request, whatever its code.
      throw new AuthorizeFailure(error)
    }
  }

  /**
   * Makes the certificate of a request, or answers the one that was made before for the same key, names and usages, and is
   * still good for half of its life.
   *
   * @throws what `CertificateAuthority.sign` or `requestCertificate` throw.
   *
   * @internal
   */
  async sign(authorized: AuthorizedRequest, signal: AbortSignalLike | undefined): Promise<SignedRequest> {
    const { uid } = authorized.request
    const wish = wishOf(authorized)
    const known = this.#remembered.get(uid)
    if (known?.wish === wish && this.#isGood(known.signed.certificate, authorized)) return known.signed
    const underWay = this.#signing.get(uid)
    if (underWay?.wish === wish) return underWay.signing
    this.drop(uid, 'it grew old, or its request was changed, before it could be written')
    const signing = this.#make(authorized, wish, signal).finally(() => {
      if (this.#signing.get(uid)?.signing === signing) this.#signing.delete(uid)
    })
    this.#signing.set(uid, { signing, wish })
    return signing
  }

  async #make(
    { request, verified, grant }: AuthorizedRequest,
    wish: string,
    signal: AbortSignalLike | undefined,
  ): Promise<SignedRequest> {
    for (const message of request.warnings)
      tell(this.#onEvent, { type: 'warning', request: refOf(request), message })
    const issued = await this.#issue(request, verified, grant, signal)
    const signed = signedRequest(refOf(request), issued)
    this.drop(request.uid, 'its request was changed before it could be written')
    this.#remembered.set(request.uid, { signed, wish })
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MAX_REMEMBERED) break
      this.drop(oldest, 'more requests are waiting than are remembered')
    }
    return signed
  }

  /** What was made for an object and is not known to be written. @internal */
  remembered(uid: string | undefined): SignedRequest | undefined {
    return uid === undefined ? undefined : this.#remembered.get(uid)?.signed
  }

  /** What was made for objects of a name, other than that of `uid`. @internal */
  rememberedFor(
    kind: SigningRequestRef['kind'],
    name: string,
    namespace: string | undefined,
    uid?: string,
  ): readonly SignedRequest[] {
    const all = [...this.#remembered.values()].map(({ signed }) => signed)
    return all.filter(
      ({ ref }) => ref.kind === kind && ref.name === name && ref.namespace === namespace && ref.uid !== uid,
    )
  }

  /** A certificate is in its request: it is not kept any longer. @internal */
  written(signed: SignedRequest): void {
    if (this.#remembered.get(signed.ref.uid)?.signed !== signed) return
    this.#remembered.delete(signed.ref.uid)
    tell(this.#onEvent, { type: 'signed', request: signed.ref, certificate: signed.certificate })
  }

  /** A certificate will never be in its request. @internal */
  drop(uid: string, why: string): void {
    const signed = this.remembered(uid)
    if (signed === undefined) return
    this.#remembered.delete(uid)
    const { ref, certificate } = signed
    const { serialNumber } = certificate
    tell(this.#onEvent, { type: 'dropped', request: ref, certificate, serialNumber, why })
  }

  /** A refusal stands in its request. @internal */
  refused(request: SigningRequestRef, reason: string, message: string): void {
    tell(this.#onEvent, { type: 'refused', request, reason, message })
  }

  #issue(
    request: SigningRequest,
    verified: VerifiedCsr,
    grant: SigningGrant,
    signal: AbortSignalLike | undefined,
  ): Promise<IssuedCertificate> {
    const policy = this.policy.issuancePolicyFor(request)
    const lifetimeMs = lifetimeOf(request, grant)
    if (this.#ca !== undefined)
      return this.#ca.sign(verified, policy, {
        identities: grant.identities,
        lifetime: formatDuration(lifetimeMs),
        ...(grant.subject === undefined ? {} : { subject: grant.subject }),
        ...(signal === undefined ? {} : { signal }),
      })
    const external = this.#external
    if (external === undefined) throw new TypeError('a RequestSigner has a CA or an issuer')
    return signExternally({
      ...external,
      policy,
      nameConstraints: this.policy.nameConstraints,
      request: verified,
      grant,
      lifetimeMs,
      requestId: requestIdOf(request),
      clock: this.#clock,
      signal,
    })
  }

  /** Whether a certificate is good for half of its life, and no longer than one that would be made now. */
  #isGood({ notBefore, notAfter }: Certificate, { request, grant }: AuthorizedRequest): boolean {
    const leftMs = notAfter.getTime() - this.#clock.now().getTime()
    const isFresh = leftMs > (notAfter.getTime() - notBefore.getTime()) / 2
    return isFresh && leftMs <= lifetimeOf(request, grant)
  }
}

function lifetimeOf({ lifetimeMs }: SigningRequest, { lifetime }: SigningGrant): number {
  return lifetime === undefined ? lifetimeMs : Math.min(lifetimeMs, readDuration(lifetime, 'lifetime'))
}

/** Whose request it is: who made it, or else what it says. */
function labelOf({ requester: { username }, csr }: SigningRequest): string {
  return username === '' ? requestLabel(csr) : quote(username, 160)
}

/** The same for the same object and request, in every process: 128 bits in hexadecimal digits. */
function requestIdOf({ kind, uid, csr }: SigningRequest): string {
  const wish = JSON.stringify(['mesh-pki kubernetes 1', kind, uid, csr.fingerprint()])
  return toHex(sha256(new TextEncoder().encode(wish)), 0, 16)
}

function signedRequest(ref: SigningRequestRef, { certificate, chain }: IssuedCertificate): SignedRequest {
  const above = chain.filter((one) => !one.equals(certificate))
  const root = above.at(-1)
  const presented = root?.isSelfIssued === true ? above.slice(0, -1) : above
  return Object.freeze({
    ref,
    certificate,
    chain: Object.freeze([certificate, ...above]),
    pem: [certificate, ...presented].map((one) => one.toPem()).join(''),
    rootPem: root?.toPem() ?? '',
  })
}

function refOf({ kind, name, namespace, uid }: SigningRequestRef): SigningRequestRef {
  return { kind, name, namespace, uid }
}

/** A grant, or why there is none. What is neither refuses. */
function readGrant(answer: unknown): SigningGrant | string {
  if (typeof answer !== 'object' || answer === null)
    return 'no reason was given; only a grant with identities lets a request pass'
  if ('refuse' in answer)
    return typeof answer.refuse === 'string' ? answer.refuse : 'the reason that was given is no text'
  checkOptionNames(answer, ['identities', 'subject', 'lifetime'], 'the answer of "authorize"')
  if (!isGrant(answer))
    throw new TypeError('the answer of "authorize" must hold "identities", an array, or "refuse", a text')
  return answer
}

/** Names, subject and lifetime in it are read where the certificate is made. */
function isGrant(answer: object): answer is SigningGrant {
  return 'identities' in answer && Array.isArray(answer.identities)
}

function termsOf(options: Partial<IssuerCallTerms>): Partial<IssuerCallTerms> {
  return Object.fromEntries(
    ISSUER_TERMS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  )
}
