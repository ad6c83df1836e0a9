/**
 * Hierarchies with a clock that stands still, and signers that misbehave.
 */
import { webcrypto } from 'node:crypto'
import {
  CertificateAuthority,
  type CertificateAuthorityOptions,
  type CreateRootCaOptions,
  createRootCa,
  type IssueIntermediateOptions,
} from '../../../src/ca/index.ts'
import { type CreateCsrOptions, type Csr, createCsr } from '../../../src/csr/index.ts'
import { type ManualClock, manualClock } from '../../../src/testing/index.ts'
import {
  type AbortSignalLike,
  type Certificate,
  generateKeyPair,
  type KeyAlgorithm,
  type PrivateKey,
  type Signer,
} from '../../../src/x509/index.ts'
import { run } from '../../fixtures/x509/openssl-certificate.ts'

export const NOW: Date = new Date('2026-01-01T00:00:00Z')
export const ID = 'spiffe://cluster.local/ns/default/sa/bookinfo-productpage'

/** An instant so many seconds after {@link NOW}. */
export const at = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)
export const MINUTE = 60
export const HOUR = 3600
export const DAY = 86_400

export const clockAt = (seconds = 0): ManualClock => manualClock(at(seconds))

/** Ed25519 where the kind does not matter: it is the quickest to make. */
export const rootCa = (options: Partial<CreateRootCaOptions> = {}): Promise<CertificateAuthority> =>
  createRootCa({
    subject: 'CN=Root CA,O=Istio',
    lifetime: '3650d',
    key: 'Ed25519',
    clock: clockAt(),
    ...options,
  })

/** A request that somebody else made. */
export const request = async (options: Partial<CreateCsrOptions> = {}): Promise<Csr> =>
  (await createCsr({ key: 'Ed25519', ...options })).csr

export const INTERMEDIATE = 'L=kind2,CN=Intermediate CA,O=Istio'

/** An intermediate below a CA, taken over with its key. */
export async function below(
  parent: CertificateAuthority,
  issue: Partial<IssueIntermediateOptions & { key: KeyAlgorithm }> = {},
  from: Partial<CertificateAuthorityOptions> = {},
): Promise<CertificateAuthority> {
  const { key = 'Ed25519', ...options } = issue
  const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key })
  const { certificate, chain } = await parent.issueIntermediate(csr, { lifetime: '365d', ...options })
  return CertificateAuthority.from({ certificate, chain, signer, clock: clockAt(), ...from })
}

type Answer = (
  tbs: Uint8Array,
  options: { readonly signal?: AbortSignalLike } | undefined,
  call: number,
) => unknown

/** A signer of a caller's: it counts, and answers as it is told. */
export class CallersSigner implements Signer {
  readonly publicKey: Uint8Array
  readonly signatureAlgorithm: Signer['signatureAlgorithm']
  calls = 0
  readonly #inner: Signer
  readonly #answer: Answer | undefined

  constructor(inner: Signer, answer?: Answer) {
    this.publicKey = inner.publicKey
    this.signatureAlgorithm = inner.signatureAlgorithm
    this.#inner = inner
    this.#answer = answer
  }

  sign(tbs: Uint8Array, options?: { readonly signal?: AbortSignalLike }): Uint8Array | Promise<Uint8Array> {
    this.calls++
    const answer = this.#answer
    if (answer === undefined) return this.#inner.sign(tbs)
    return answer(tbs, options, this.calls) as Uint8Array | Promise<Uint8Array>
  }
}

/** A pair of WebCrypto, as a caller would hold it. */
export async function cryptoKeyPair(
  kind: 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'RSA-2048',
  { extractable = false, hash = 'SHA-256' }: { extractable?: boolean; hash?: string } = {},
): Promise<CryptoKeyPair> {
  const algorithm =
    kind === 'Ed25519'
      ? { name: 'Ed25519' }
      : kind === 'RSA-2048'
        ? { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash }
        : { name: 'ECDSA', namedCurve: kind }
  const pair = await webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, extractable, [
    'sign',
    'verify',
  ])
  return pair as CryptoKeyPair
}

export const keyOf = async (kind: KeyAlgorithm): Promise<PrivateKey> =>
  (await generateKeyPair(kind, { extractable: true })).privateKey

/** Alternative names as `type:value`. */
export const namesOf = (certificate: Pick<Certificate, 'subjectAltNames'>): readonly string[] =>
  certificate.subjectAltNames.map((name) => `${name.type}:${String(name.value)}`)

/** What OpenSSL prints of a certificate, trimmed lines. */
export const opensslText = (certificate: Certificate): readonly string[] =>
  run(['x509', '-noout', '-text', '-nameopt', 'RFC2253'], certificate.toPem())
    .toString()
    .split('\n')
    .map((line) => line.trim())
