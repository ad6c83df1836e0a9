/**
 * A Vault server, and how it knows us.
 *
 * @module
 */

import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, checkRequired, readFlag, typeName } from '../../internal/options.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { withinTime } from '../../internal/within-time.ts'
import { type IssuerFetch, readIssuerFetch } from '../issuer-fetch.ts'
import {
  exchange,
  failureOf,
  isSuccess,
  memberOf,
  type VaultAnswer,
  type VaultCall,
  type VaultTarget,
} from './vault-exchange.ts'
import { isSecret, readSecret, readSecretOption, type VaultSecret } from './vault-secret.ts'
import { readNamespace, readPath, readSegment, readServer } from './vault-server.ts'

/** Login by the token of a service account (Kubernetes auth method API, Login). */
export interface VaultKubernetesAuth {
  readonly role: string
  /** Reads the token of the service account; Kubernetes replaces the file of a projected one every hour. */
  readonly jwt: VaultSecret
  /** Where the method is mounted below `auth/`. Default `'kubernetes'`. */
  readonly mount?: string | undefined
}

/** Options of {@link vaultAuth}. Exactly one of `token` and `kubernetes` is given. */
export interface VaultAuthOptions {
  /** `https://vault.example:8200`; `http` for loopback only, or with `insecure`. */
  readonly server: string
  /** A namespace of Vault Enterprise, HCP Vault or OpenBao: `'admin/mesh'`. */
  readonly namespace?: string | undefined
  /** A token, or what reads it; a function is asked before each request. Neither is renewed here. */
  readonly token?: VaultSecret | undefined
  readonly kubernetes?: VaultKubernetesAuth | undefined
  /**
   * Default: the runtime's. It decides which server is trusted: that is where a CA bundle is given. An `IssuerFailure` that it
   * throws is taken as it is; of whatever else it throws nothing is shown but name and code.
   */
  readonly fetch?: IssuerFetch | undefined
  /** Allows `http` to a host that is not this one. Default `false`. */
  readonly insecure?: boolean | undefined
  /** How long a login or a renewal may take. Default `'30s'`. */
  readonly timeout?: string | undefined
  readonly clock?: Clock | undefined
}

const OPTION_NAMES = [
  'server',
  'namespace',
  'token',
  'kubernetes',
  'fetch',
  'insecure',
  'timeout',
  'clock',
] as const

/** A token and its time. */
interface Lease {
  readonly token: string
  readonly isRenewable: boolean
  /** From when on it is renewed, or replaced. */
  readonly renewAt: number
  readonly endsAt: number
  /** How long it was when it was new. */
  readonly fullMs: number
}

/** How much of a lease passes before it is renewed: there is time for several attempts. */
const RENEWED_AFTER = 2 / 3

/**
 * A Vault server with a way to be known to it. The secrets are in private fields: neither printing it nor an error shows them.
 */
export class VaultAuth {
  readonly #target: VaultTarget
  readonly #token: VaultSecret | undefined
  readonly #kubernetes: (VaultKubernetesAuth & { readonly mount: string }) | undefined
  readonly #clock: Clock
  readonly #timeoutMs: number
  #lease: Lease | undefined
  #pending: Promise<Lease> | undefined

  /** @throws `TypeError`, `RangeError` for options. */
  constructor(options: VaultAuthOptions) {
    checkOptionNames(options, OPTION_NAMES, 'vaultAuth')
    checkRequired(options, ['server'], 'vaultAuth')
    const { server, namespace, token, kubernetes, fetch, insecure, timeout, clock } = options
    this.#target = Object.freeze({
      server: readServer(server, readFlag(insecure, 'insecure', false)),
      namespace: readNamespace(namespace),
      fetch: readIssuerFetch(fetch),
    })
    if ((token === undefined) === (kubernetes === undefined))
      throw new TypeError('vaultAuth needs exactly one of the options "token" and "kubernetes"')
    this.#token = token === undefined ? undefined : readSecretOption(token, 'token')
    this.#kubernetes = kubernetes === undefined ? undefined : readKubernetes(kubernetes)
    this.#clock = readClock(clock)
    this.#timeoutMs = readDuration(timeout ?? '30s', 'timeout', { max: ['1d', 86_400_000] })
  }

  /**
   * Sends a request with a token. One that is refused with status 403 is sent once more where another token can be had: Vault has made
   * nothing of it.
   *
   * @throws `IssuerFailure`; the reason of the signal.
   * @internal
   */
  static async send(
    auth: VaultAuth,
    call: VaultCall,
    signal: WebAbortSignal & AbortSignalLike,
  ): Promise<VaultAnswer> {
    const token = await orAborted(auth.#current(), signal)
    const answer = await exchange(auth.#target, call, token, signal)
    if (answer.status !== 403 || typeof auth.#token === 'string') return answer
    if (auth.#lease?.token === token) auth.#lease = undefined
    const next = await orAborted(auth.#current(), signal)
    return next === token ? answer : exchange(auth.#target, call, next, signal)
  }

  async #current(): Promise<string> {
    if (this.#token !== undefined) return readSecret(this.#token, 'token')
    const now = this.#clock.now().getTime()
    const lease = this.#lease
    if (lease !== undefined && now < lease.renewAt) return lease.token
    // All who come while it is on its way wait for the same one.
    this.#pending ??= this.#next(lease, now).finally(() => {
      this.#pending = undefined
    })
    return (await this.#pending).token
  }

  async #next(lease: Lease | undefined, now: number): Promise<Lease> {
    const isAlive = lease !== undefined && now < lease.endsAt
    try {
      const renewed = isAlive && lease.isRenewable ? await this.#renew(lease) : undefined
      this.#lease = renewed ?? (await this.#login())
    } catch (error) {
      // What still works is used: the next request tries again.
      if (!isAlive) throw error
      return lease
    }
    return this.#lease
  }

  /** Renews (Token auth method API, Renew a Token (Self)); `undefined` where a login is better. */
  async #renew(lease: Lease): Promise<Lease | undefined> {
    const call = { method: 'POST', path: 'auth/token/renew-self', body: {} } as const
    const answer = await this.#bounded((signal) => exchange(this.#target, call, lease.token, signal)).catch(
      () => undefined,
    )
    if (answer === undefined || !isSuccess(answer)) return undefined
    const renewed = this.#leaseOf(answer, lease.token)
    // Near its last end, its max TTL, a renewal gives less and less.
    return renewed === undefined || renewed.fullMs < lease.fullMs / 2
      ? undefined
      : { ...renewed, fullMs: lease.fullMs }
  }

  async #login(): Promise<Lease> {
    const kubernetes = this.#kubernetes
    if (kubernetes === undefined) throw new TypeError('there is no way to log in')
    const { role, mount } = kubernetes
    const answer = await this.#bounded(async (signal) => {
      const jwt = await readSecret(kubernetes.jwt, 'kubernetes.jwt')
      const call = {
        method: 'POST',
        path: `auth/${mount}/login`,
        body: { role, jwt },
        secrets: [jwt],
      } as const
      return exchange(this.#target, call, undefined, signal)
    }).catch((error: unknown) => {
      throw asLoginFailure(error)
    })
    if (!isSuccess(answer)) throw asLoginFailure(failureOf(answer, 'the login'))
    const lease = this.#leaseOf(answer, undefined)
    if (lease === undefined)
      throw new IssuerFailure('Vault answered the login by something that holds no token', {
        retryable: false,
        outcome: 'failed',
      })
    return lease
  }

  #leaseOf({ json }: VaultAnswer, before: string | undefined): Lease | undefined {
    const given = memberOf(json, 'auth', 'client_token')
    const token = typeof given === 'string' && given !== '' ? given : before
    const duration = memberOf(json, 'auth', 'lease_duration')
    if (token === undefined || !isSecret(token) || typeof duration !== 'bigint' || duration < 0n)
      return undefined
    const now = this.#clock.now().getTime()
    // A lease of zero is that of a token without an end.
    const fullMs = duration === 0n ? Number.POSITIVE_INFINITY : Number(duration) * 1000
    return {
      token,
      isRenewable: memberOf(json, 'auth', 'renewable') === true,
      renewAt: now + fullMs * RENEWED_AFTER,
      endsAt: now + fullMs,
      fullMs,
    }
  }

  #bounded<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timedOut = (): IssuerFailure =>
      new IssuerFailure('Vault did not answer the login in time', { retryable: true, outcome: 'failed' })
    return withinTime(
      { clock: this.#clock, milliseconds: this.#timeoutMs, signal: undefined, timedOut },
      work,
    )
  }
}

/**
 * Makes a {@link VaultAuth} for `vaultIssuer` and `vaultSigner`. Nothing is sent yet.
 *
 * By `kubernetes` it logs in when a token is first needed, renews the token when two thirds of its lease have passed, with the request
 * that needs it, and logs in anew where Vault does not renew it, or refuses it with status 403. Many who need one at once
 * cause one login. A token without requests ends unrenewed: there is no timer.
 *
 * It does not revoke its token; its lease ends by itself.
 *
 * @throws `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { vaultAuth } from 'mesh-pki/issuers/vault'
 *
 * declare function readToken(path: string): Promise<string>
 * const auth = vaultAuth({
 *   server: 'https://vault.example:8200',
 *   namespace: 'admin/mesh',
 *   kubernetes: { role: 'mesh-ca', jwt: () => readToken('/var/run/secrets/tokens/vault') },
 * })
 * ```
 */
export function vaultAuth(options: VaultAuthOptions): VaultAuth {
  return new VaultAuth(options)
}

/** @throws `TypeError` for what does not come from `vaultAuth`. */
export function checkAuth(auth: unknown): void {
  if (!(auth instanceof VaultAuth))
    throw new TypeError(`option "auth" must come from vaultAuth; got ${typeName(auth)}`)
}

function readKubernetes(value: VaultKubernetesAuth): VaultKubernetesAuth & { readonly mount: string } {
  checkOptionNames(value, ['role', 'jwt', 'mount'], 'option "kubernetes"')
  checkRequired(value, ['role', 'jwt'], 'option "kubernetes"')
  return {
    role: readSegment(value.role, 'kubernetes.role'),
    jwt: readSecretOption(value.jwt, 'kubernetes.jwt'),
    mount: readPath(value.mount ?? 'kubernetes', 'kubernetes.mount'),
  }
}

/** A login makes no certificate, whatever becomes of it. */
function asLoginFailure(error: unknown): IssuerFailure {
  if (!(error instanceof IssuerFailure))
    return new IssuerFailure('the login at Vault failed', { retryable: true, outcome: 'failed' })
  return new IssuerFailure(error.message, { retryable: error.retryable, outcome: 'failed' })
}
