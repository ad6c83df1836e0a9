/**
 * What tests of `awsPrivateCaIssuer` have in common.
 */
import { expect, vi } from 'vitest'
import type { CertificateIntent, IssuerFailure, IssuerRequest } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { type AwsPrivateCaClient, awsPrivateCaIssuer } from '../../../src/issuers/aws-private-ca/index.ts'
import { CA_ARN } from './aws-double.ts'

export const OPTIONS = { certificateAuthorityArn: CA_ARN, signingAlgorithm: 'SHA256WITHECDSA' } as const
export const CERTIFICATE_ARN = `${CA_ARN}/certificate/286535153982981100925020015808220737245`
export const BASE = 'arn:aws:acm-pca:::template/'
export const signal = new AbortController().signal

/** A client that answers what it is told to, one answer after the other; the last for ever. */
export function stubClient(...answers: readonly unknown[]) {
  const next = (kind: readonly unknown[]): unknown => {
    const answer = kind.length > 1 ? (kind as unknown[]).shift() : kind[0]
    if (answer instanceof Error) throw answer
    return answer
  }
  const left = [...(answers.length === 0 ? [{ CertificateArn: CERTIFICATE_ARN }] : answers)]
  const issueCertificate = vi.fn<AwsPrivateCaClient['issueCertificate']>(async () => next(left) as object)
  const getCertificate = vi.fn<AwsPrivateCaClient['getCertificate']>(async () => ({
    Certificate: 'a certificate',
    CertificateChain: 'a chain',
  }))
  return { issueCertificate, getCertificate }
}

/** A clock that stands where it is put, in seconds. */
export function handClock(start = 1_800_000_000) {
  let seconds = start
  return {
    now: () => new Date(seconds * 1000),
    forward: (by: number) => {
      seconds += by
    },
  }
}

export interface Wish {
  readonly csrSubject?: string
  readonly csrNames?: readonly { type: 'uri' | 'dns' | 'ip' | 'email' | 'registered-id'; value: string }[]
  readonly intent?: Partial<CertificateIntent>
  readonly requestId?: string
}

export async function wishOf({
  csrSubject,
  csrNames = [],
  intent,
  requestId = 'wish-1',
}: Wish = {}): Promise<IssuerRequest> {
  const { csr } = await createCsr({
    key: 'P-256',
    ...(csrSubject === undefined ? {} : { subject: csrSubject }),
    subjectAltNames: csrNames,
  })
  return {
    csr,
    requestId,
    intent: {
      isCa: false,
      pathLength: 'none',
      subject: csr.subject,
      subjectAltNames: csr.subjectAltNames,
      lifetimeMs: 86_400_000,
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'],
      keyUsage: ['digitalSignature'],
      nameConstraints: undefined,
      ...intent,
    },
  }
}

export const CA_WISH: Wish = {
  csrSubject: 'CN=Intermediate CA,O=Example',
  intent: { isCa: true, pathLength: 0, extendedKeyUsage: [], keyUsage: ['keyCertSign'] },
}

/** The call that a wish leads to. */
export async function inputOf(wish: Wish) {
  const client = stubClient()
  const request = await wishOf(wish)
  const issuer = awsPrivateCaIssuer({ ...OPTIONS, client, clock: handClock() })
  expect(await issuer.issue(request, { signal })).toBe('pending')
  const input = client.issueCertificate.mock.calls[0]?.[0]
  if (input === undefined) throw new Error('nothing was sent')
  return { input, request }
}

export async function failureOf(promise: Promise<unknown>): Promise<IssuerFailure> {
  const error: unknown = await promise.then(
    (value) => new Error(`expected a failure, got ${String(value)}`),
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'IssuerFailure' })
  return error as IssuerFailure
}

export const refusalOfWish = async (wish: Wish): Promise<string> => {
  const client = stubClient()
  const issuer = awsPrivateCaIssuer({ ...OPTIONS, client })
  const failure = await failureOf(issuer.issue(await wishOf(wish), { signal }))
  expect([failure.retryable, failure.outcome]).toEqual([false, 'failed'])
  expect(client.issueCertificate).not.toHaveBeenCalled()
  return failure.message
}
