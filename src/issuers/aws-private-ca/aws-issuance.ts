/**
 * Requests to AWS Private CA from their first call to their certificate, so that none makes two.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import type { IssuerAnswer, IssuerRequest } from '../../ca/external/external-issuer.ts'
import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import { failureLabel } from '../../internal/backoff.ts'
import { toHex } from '../../internal/bytes.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { type AwsFailure, readAwsFailure } from './aws-failure.ts'
import type {
  AwsIssueCertificateInput,
  AwsPrivateCaClient,
  AwsSigningAlgorithm,
} from './aws-private-ca-client.ts'
import { chooseTemplate } from './choose-template.ts'
import { type RequestRecord, readRecord, StoreProblem, writeRecord } from './request-record.ts'
import type { AwsRequestStore } from './request-store.ts'

/** Checked options. */
export interface AwsIssuanceTerms {
  readonly client: AwsPrivateCaClient
  /** Of the CA. */
  readonly arn: string
  /** `aws`, `aws-cn` or `aws-us-gov`: templates are named within it. */
  readonly partition: string
  readonly signingAlgorithm: AwsSigningAlgorithm
  readonly backdateMs: number
  readonly store: AwsRequestStore
  readonly now: () => Date
}

/** How long AWS Private CA knows a token: a second call is answered by the certificate of the first. */
const TOKEN_SECONDS = 300

/** Until when a call is repeated: the last may be on its way for a while, and clocks differ. */
const REPEAT_SECONDS = 240

/** What an idempotency token may have (API reference of IssueCertificate). */
const MAX_TOKEN = 36

/** Requests to one CA. */
export class AwsIssuance {
  readonly #terms: AwsIssuanceTerms
  /** What was sent and not answered, oldest first: to be repeated as it was. */
  readonly #open = new Map<string, { readonly input: AwsIssueCertificateInput; readonly askedAt: number }>()

  constructor(terms: AwsIssuanceTerms) {
    this.#terms = terms
  }

  /** Sends a request, unless it is known already. The certificate is for {@link lookup}. @throws `IssuerFailure`. */
  async issue(request: IssuerRequest, signal: WebAbortSignal): Promise<'pending'> {
    const { requestId, intent } = request
    const { template, apiPassthrough } = chooseTemplate(request)
    const { arn, partition, signingAlgorithm, backdateMs } = this.#terms
    const now = this.#seconds()
    const known = await this.#read(requestId, 'failed')
    if (known?.certificateArn !== undefined && !(known.delivered && now - known.askedAt >= TOKEN_SECONDS))
      return 'pending'
    const isRepeated = known !== undefined && known.certificateArn === undefined
    if (isRepeated && !isRepeatable(known, now)) throw this.#forgotten(requestId)
    const record: RequestRecord = isRepeated
      ? known
      : {
          askedAt: now,
          notBefore: now - Math.floor(backdateMs / 1000),
          notAfter: now + Math.floor(intent.lifetimeMs / 1000),
          delivered: false,
        }
    const input: AwsIssueCertificateInput = {
      CertificateAuthorityArn: arn,
      Csr: new TextEncoder().encode(request.csr.toPem()),
      SigningAlgorithm: signingAlgorithm,
      TemplateArn: `arn:${partition}:acm-pca:::template/${template}/V1`,
      Validity: { Type: 'ABSOLUTE', Value: record.notAfter },
      ValidityNotBefore: { Type: 'ABSOLUTE', Value: record.notBefore },
      IdempotencyToken: tokenOf(requestId),
      ...(apiPassthrough === undefined ? {} : { ApiPassthrough: apiPassthrough }),
    }
    // Before it is sent: what is not remembered cannot be looked for.
    if (!isRepeated) await this.#keep(requestId, record, 'failed')
    this.#remember(requestId, input, record.askedAt)
    const sent = await this.#send(requestId, record, input, signal)
    if (!('failure' in sent)) return 'pending'
    const { message, retryable, refused } = sent.failure
    // One that comes after nobody waited for it may follow a repetition that made the certificate.
    const isNothing = refused && !isRepeated && !signal.aborted
    if (isNothing) await this.#forget(requestId)
    throw new IssuerFailure(message, { retryable, outcome: isNothing ? 'failed' : 'unknown' })
  }

  /** What became of a request. @throws `IssuerFailure`. */
  async lookup(requestId: string, signal: WebAbortSignal): Promise<IssuerAnswer | 'pending' | undefined> {
    const record = await this.#read(requestId, 'unknown')
    if (record === undefined) return undefined
    if (record.certificateArn !== undefined)
      return this.#fetch(requestId, record, record.certificateArn, signal)
    if (!isRepeatable(record, this.#seconds())) throw this.#forgotten(requestId)
    const open = this.#open.get(requestId)
    // Sent by another process: `issue` will repeat it, by the same token and the same validity.
    if (open === undefined) return undefined
    const sent = await this.#send(requestId, record, open.input, signal)
    if (!('failure' in sent)) return this.#fetch(requestId, sent.record, sent.certificateArn, signal)
    const { message, retryable, refused, byInput } = sent.failure
    if (!refused || !byInput) throw new IssuerFailure(message, { retryable, outcome: 'unknown' })
    await this.#forget(requestId)
    throw new IssuerFailure(message, { retryable: false, outcome: 'failed' })
  }

  async #send(
    requestId: string,
    before: RequestRecord,
    input: AwsIssueCertificateInput,
    signal: WebAbortSignal,
  ): Promise<
    { readonly certificateArn: string; readonly record: RequestRecord } | { readonly failure: AwsFailure }
  > {
    let certificateArn: unknown
    try {
      const answer = await this.#terms.client.issueCertificate(input, { abortSignal: signal })
      certificateArn = answer?.CertificateArn
    } catch (error) {
      return { failure: readAwsFailure(error, 'IssueCertificate') }
    }
    if (typeof certificateArn !== 'string' || !this.#isOurs(certificateArn))
      throw new IssuerFailure('IssueCertificate answered no ARN of a certificate of this CA', {
        retryable: true,
        outcome: 'unknown',
      })
    const record = { ...before, certificateArn }
    await this.#keep(requestId, record, 'unknown')
    this.#open.delete(requestId)
    return { certificateArn, record }
  }

  async #fetch(
    requestId: string,
    record: RequestRecord,
    certificateArn: string,
    signal: WebAbortSignal,
  ): Promise<IssuerAnswer | 'pending'> {
    const { client, arn } = this.#terms
    let certificate: unknown
    let chain: unknown
    try {
      const input = { CertificateAuthorityArn: arn, CertificateArn: certificateArn }
      const answer = await client.getCertificate(input, { abortSignal: signal })
      certificate = answer?.Certificate
      chain = answer?.CertificateChain
    } catch (error) {
      const { name, message, retryable, refused } = readAwsFailure(error, 'GetCertificate')
      if (name === 'RequestInProgressException') return 'pending'
      if (name !== 'RequestFailedException' || !refused)
        throw new IssuerFailure(message, { retryable, outcome: 'unknown' })
      await this.#forget(requestId)
      throw new IssuerFailure(message, { retryable: false, outcome: 'failed' })
    }
    if (typeof certificate !== 'string' || (chain !== undefined && typeof chain !== 'string'))
      throw new IssuerFailure('GetCertificate answered no certificate and chain in PEM', {
        retryable: true,
        outcome: 'unknown',
      })
    if (!record.delivered) await this.#keep(requestId, { ...record, delivered: true }, 'unknown')
    return { certificate, chain: chain ?? [] }
  }

  async #read(requestId: string, outcome: IssuerFailure['outcome']): Promise<RequestRecord | undefined> {
    return this.#stored(outcome, async () => {
      const text = await this.#terms.store.get(requestId)
      return text === undefined ? undefined : readRecord(text, (arn) => this.#isOurs(arn))
    })
  }

  async #keep(requestId: string, record: RequestRecord, outcome: IssuerFailure['outcome']): Promise<void> {
    await this.#stored(outcome, async () => this.#terms.store.set(requestId, writeRecord(record)))
  }

  async #forget(requestId: string): Promise<void> {
    this.#open.delete(requestId)
    // A record that stays makes the next call a repetition, which does no harm.
    await this.#stored('failed', async () => this.#terms.store.delete(requestId)).catch(() => {})
  }

  async #stored<T>(outcome: IssuerFailure['outcome'], work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const isOurs = error instanceof StoreProblem
      throw new IssuerFailure(
        `its store of requests failed: ${isOurs ? error.message : failureLabel(error)}`,
        {
          retryable: !isOurs,
          outcome,
        },
      )
    }
  }

  /** What is too old to be repeated is not kept. */
  #remember(requestId: string, input: AwsIssueCertificateInput, askedAt: number): void {
    this.#open.delete(requestId)
    for (const [oldest, known] of this.#open) {
      if (askedAt - known.askedAt < REPEAT_SECONDS) break
      this.#open.delete(oldest)
    }
    this.#open.set(requestId, { input, askedAt })
  }

  #forgotten(requestId: string): IssuerFailure {
    return new IssuerFailure(
      `its answer was lost, and AWS Private CA may no longer know the idempotency token ${tokenOf(requestId)}: look for it in CloudTrail, or for the public key in an audit report of the CA; then ask by another requestId`,
      { retryable: false, outcome: 'unknown' },
    )
  }

  #isOurs(certificateArn: string): boolean {
    const prefix = `${this.#terms.arn}/certificate/`
    return certificateArn.startsWith(prefix) && /^[\w-]{1,64}$/.test(certificateArn.slice(prefix.length))
  }

  #seconds(): number {
    return Math.floor(this.#terms.now().getTime() / 1000)
  }
}

/** A clock that was put back by more than the reserve cannot say how old the token is. */
function isRepeatable({ askedAt }: RequestRecord, now: number): boolean {
  const age = now - askedAt
  return age < REPEAT_SECONDS && age >= REPEAT_SECONDS - TOKEN_SECONDS
}

function tokenOf(requestId: string): string {
  return requestId.length <= MAX_TOKEN ? requestId : toHex(sha256(new TextEncoder().encode(requestId)), 0, 16)
}
