/**
 * What an agent asks for and the management side answers. The private key is in neither.
 *
 * @module
 */

import { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { decodeBase64, encodeBase64 } from '../../internal/base64.ts'
import { quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { apiVersionOf, type KubeResource } from '../api/kube-resource.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import { readCertificates } from '../secrets/secret-reader.ts'

/** What the issuer answered. */
export type RequestState = 'PENDING' | 'FINISHED' | 'FAILED'

/** A request with its answer. */
export interface FederationRequest {
  readonly object: KubeObject
  readonly uid: string
  /** The annotation of the agent; empty where there is none. */
  readonly round: string
  readonly csr: Csr
  readonly state: RequestState
  /** The issuer's words, where it refused. */
  readonly error: string
  readonly answer: RequestAnswer | undefined
}

/** A signed certificate as it came. Nothing is verified. */
export interface RequestAnswer {
  readonly certificate: Certificate
  /** The certificate and those above it, as far as they were sent. */
  readonly chain: readonly Certificate[]
  /** `signingRootCa`. */
  readonly roots: readonly Certificate[]
}

/** Bytes of one member; a chain of ten RSA-4096 certificates has some 20 kB. */
const MAX_BYTES = 262_144

/**
 * Reads a request and its answer. Bytes are base64 of PEM, as Gloo Mesh has them.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_ORDER`, and the codes of {@link Csr} and {@link Certificate}.
 */
export function readCertificateRequest(object: KubeObject): FederationRequest {
  const spec = recordAt(object, 'spec')
  const status = recordAt(object, 'status')
  const state = textAt(status, 'state')
  const { uid = '', annotations } = object.metadata
  const pem = pemAt(object, spec, 'certificateSigningRequest')
  if (pem === undefined) throw refuse(object, 'spec.certificateSigningRequest', 'is missing')
  const signed = pemAt(object, status, 'signedCertificate')
  return {
    object,
    uid,
    round: annotations?.[FederationMark.round] ?? '',
    csr: Csr.fromPem(pem),
    state:
      state === 'FINISHED' && signed !== undefined ? 'FINISHED' : state === 'FAILED' ? 'FAILED' : 'PENDING',
    error: textAt(status, 'error') ?? '',
    answer: state === 'FINISHED' && signed !== undefined ? readAnswer(object, status, signed) : undefined,
  }
}

function readAnswer(object: KubeObject, status: unknown, signed: string): RequestAnswer {
  const [certificate, ...rest] = readCertificates(signed)
  if (certificate === undefined) throw refuse(object, 'status.signedCertificate', 'holds no certificate')
  const above = pemAt(object, status, 'certChain')
  const roots = pemAt(object, status, 'signingRootCa')
  return {
    certificate,
    chain: [certificate, ...rest, ...(above === undefined ? [] : readCertificates(above))],
    roots: roots === undefined ? [] : readCertificates(roots),
  }
}

/** Makes a request, to be created. */
export function encodeCertificateRequest(
  resource: KubeResource,
  input: {
    readonly name: string
    readonly namespace: string
    readonly csr: Csr
    readonly round: string
    readonly labels: Readonly<Record<string, string>>
  },
): KubeObject {
  const { name, namespace, csr, round, labels } = input
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name, namespace, labels: { ...labels }, annotations: { [FederationMark.round]: round } },
    spec: { certificateSigningRequest: base64Of(csr.toPem()) },
  }
}

/** The request with an answer in its status. */
export function answerRequest(
  object: KubeObject,
  answer:
    | { readonly certificate: Certificate; readonly chain: readonly Certificate[]; readonly roots: string }
    | { readonly error: string }
    /** No answer yet, and why. */
    | { readonly waitsFor: string },
): KubeObject {
  const observedGeneration = numberAt(object.metadata, 'generation') ?? 0
  const before = recordAt(object, 'status')
  if ('waitsFor' in answer)
    return { ...object, status: { ...before, state: 'PENDING', error: answer.waitsFor } }
  const status =
    'error' in answer
      ? { ...before, observedGeneration, state: 'FAILED', error: answer.error }
      : {
          ...before,
          observedGeneration,
          state: 'FINISHED',
          error: undefined,
          signedCertificate: base64Of(answer.certificate.toPem()),
          signingRootCa: base64Of(answer.roots),
          certChain: base64Of(answer.chain.map((one) => one.toPem()).join('')),
        }
  return { ...object, status }
}

function base64Of(text: string): string {
  return encodeBase64(new TextEncoder().encode(text))
}

function pemAt(object: KubeObject, record: unknown, member: string): string | undefined {
  const value = textAt(record, member)
  if (value === undefined || value === '') return undefined
  if (value.length > MAX_BYTES)
    throw refuse(object, member, `has ${value.length} characters; at most ${MAX_BYTES} are read`)
  const bytes = decodeBase64(value)
  if (!(bytes instanceof Uint8Array)) throw refuse(object, member, 'is not base64 (RFC 4648 §4)')
  return new TextDecoder().decode(bytes)
}

function refuse({ metadata }: KubeObject, member: string, problem: string): MeshPkiError {
  const { name = '', namespace = '' } = metadata
  return new MeshPkiError(
    'ERR_KUBERNETES_ORDER',
    `CertificateRequest ${quote(`${namespace}/${name}`)}: ${member} ${problem}`,
    {
      data: { name, namespace, member },
    },
  )
}
