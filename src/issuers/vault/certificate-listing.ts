/**
 * Looks for a certificate whose answer was lost, among those that Vault has stored since.
 *
 * @module
 */

import type { IssuerAnswer, IssuerRequest } from '../../ca/external/external-issuer.ts'
import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { isJsonArray } from '../../internal/json.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { Certificate } from '../../x509/certificate.ts'
import { VaultAuth } from './vault-auth.ts'
import { failureOf, isSuccess, memberOf } from './vault-exchange.ts'
import type { SigningPath } from './vault-path.ts'

type Signal = WebAbortSignal & AbortSignalLike

/** Requests that are remembered. */
const MAX_REMEMBERED = 256

/** Certificates that are read to find one. More come in between two lists only where many others ask too. */
const MAX_READ = 64

/** What was there before a certificate was asked for. */
interface Before {
  readonly publicKey: Uint8Array
  readonly serials: ReadonlySet<string>
}

/** What Vault had stored before each of the last requests. */
export class CertificateListing {
  readonly #auth: VaultAuth
  readonly #path: SigningPath
  readonly #before = new Map<string, Before>()

  constructor(auth: VaultAuth, path: SigningPath) {
    this.#auth = auth
    this.#path = path
  }

  /** Before a request is sent. One that is repeated keeps what was there before the first. */
  async remember({ csr, requestId }: IssuerRequest, signal: Signal): Promise<void> {
    const known = this.#before.get(requestId)
    if (known !== undefined && equalBytes(known.publicKey, csr.publicKey)) return
    // Nothing was asked for yet, whatever became of the list.
    const serials = await this.#list(signal).catch(withOutcome('failed'))
    this.#before.delete(requestId)
    this.#before.set(requestId, { publicKey: csr.publicKey, serials: new Set(serials) })
    const [oldest] = this.#before.keys()
    if (this.#before.size > MAX_REMEMBERED && oldest !== undefined) this.#before.delete(oldest)
  }

  /** After a request was answered: the next by its name is another one, whose certificate is none of those before it. */
  forget(requestId: string): void {
    this.#before.delete(requestId)
  }

  /** @throws `IssuerFailure` where it is not there, since it may still come. */
  find(requestId: string, signal: Signal): Promise<IssuerAnswer> {
    // To be refused a look says nothing of what was made.
    return this.#search(requestId, signal).catch(withOutcome('unknown'))
  }

  async #search(requestId: string, signal: Signal): Promise<IssuerAnswer> {
    const before = this.#before.get(requestId)
    if (before === undefined)
      throw unknown('what was stored before this request is not known, as after a restart', false)
    const since = (await this.#list(signal)).filter((serial) => !before.serials.has(serial))
    if (since.length > MAX_READ)
      throw unknown(`${since.length} certificates were stored since, and at most ${MAX_READ} are read`, false)
    for (const serial of since) {
      const pem = await this.#certificate(serial, signal)
      if (pem === undefined || !isOf(pem, before.publicKey)) continue
      return { certificate: pem, chain: await this.#chain(signal) }
    }
    throw unknown(`it is not among the ${since.length} certificates that were stored since`, true)
  }

  /** PKI API, List certificates: `GET /pki/certs?list=true` answers `data.keys`; status 404 is an empty list. Proxies know no method LIST. */
  async #list(signal: Signal): Promise<readonly string[]> {
    const answer = await this.#get('certs?list=true', signal)
    if (answer.status === 404) return []
    if (!isSuccess(answer)) throw failureOf(answer, 'the list of certificates')
    const keys = memberOf(answer.json, 'data', 'keys')
    if (!isJsonArray(keys)) throw unknown('the list of certificates is longer than 1 MiB, or none', false)
    return keys.filter((key) => typeof key === 'string')
  }

  /** PKI API, Read certificate: `GET /pki/cert/:serial` answers `data.certificate`. */
  async #certificate(serial: string, signal: Signal): Promise<string | undefined> {
    if (!/^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){0,31}$/i.test(serial)) return undefined
    const answer = await this.#get(`cert/${serial}`, signal)
    if (answer.status === 404) return undefined
    if (!isSuccess(answer)) throw failureOf(answer, 'a stored certificate')
    const pem = memberOf(answer.json, 'data', 'certificate')
    return typeof pem === 'string' ? pem : undefined
  }

  /** PKI API, Read issuer certificate: `GET /pki/issuer/:issuer_ref/json` answers `data.certificate` and `data.ca_chain`. */
  async #chain(signal: Signal): Promise<readonly string[]> {
    const answer = await this.#get(`issuer/${this.#path.issuerRef ?? 'default'}/json`, signal)
    if (!isSuccess(answer)) throw failureOf(answer, 'the chain of the issuer')
    const chain = memberOf(answer.json, 'data', 'ca_chain')
    return [memberOf(answer.json, 'data', 'certificate'), ...(isJsonArray(chain) ? chain : [])].filter(
      (pem) => typeof pem === 'string',
    )
  }

  #get(path: string, signal: Signal): ReturnType<typeof VaultAuth.send> {
    return VaultAuth.send(this.#auth, { method: 'GET', path: `${this.#path.mount}/${path}` }, signal)
  }
}

function isOf(pem: string, publicKey: Uint8Array): boolean {
  try {
    return equalBytes(Certificate.fromPem(pem).publicKey, publicKey)
  } catch {
    return false
  }
}

const withOutcome =
  (outcome: IssuerFailure['outcome']) =>
  (error: unknown): never => {
    throw error instanceof IssuerFailure
      ? new IssuerFailure(error.message, { retryable: error.retryable, outcome })
      : error
  }

const unknown = (why: string, retryable: boolean): IssuerFailure =>
  new IssuerFailure(`Vault was asked for its certificates: ${why}`, { retryable, outcome: 'unknown' })
