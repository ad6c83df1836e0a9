/**
 * Reads what a client sends.
 *
 * @module
 */

import { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { concatBytes } from '../../internal/bytes.ts'
import { isJsonObject, readJson } from '../../internal/json.ts'
import { quote } from '../../internal/text.ts'
import type { HeadersLike } from '../../internal/web-types.ts'
import type { BodyReader } from '../../spiffe/bundle-endpoint.ts'
import { soleClusterName } from './cluster-name.ts'
import { EnrollmentRefusal } from './enrollment-refusal.ts'

/** The part of `Request` that is used. */
export interface EnrollmentRequest {
  readonly method: string
  /** The whole URL, or its path. */
  readonly url: string
  readonly headers: HeadersLike
  readonly body: { getReader(): BodyReader } | null
}

/** What a client asks for, read and not yet proven. */
export interface AskedCertificate {
  readonly csr: Csr
  /** The name of the cluster, as the request and its CSR say alike. */
  readonly name: string
}

/** The version of the wire format that is spoken here. */
export const WIRE_VERSION: bigint = 1n

const MEMBERS = ['version', 'csr', 'name']
const READS_WITHOUT_PAUSE = 256

/**
 * Reads the body of a request up to a limit.
 *
 * @throws `EnrollmentRefusal` 413; the signal's reason.
 */
export async function readBody(
  { body, headers }: EnrollmentRequest,
  maxBytes: number,
  signal: AbortSignalLike,
): Promise<Uint8Array> {
  const declared = headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge(maxBytes)
  const reader = body?.getReader()
  if (reader === undefined) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (let reads = 1; ; reads++) {
      const { done, value } = await orAborted(reader.read(), signal)
      if (done) return concatBytes(chunks)
      // Chunks that are there at once leave timers no turn, so that no time-out could come.
      if (reads % READS_WITHOUT_PAUSE === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0))
      if (!(value instanceof Uint8Array) || value.length === 0) continue
      length += value.length
      if (length > maxBytes) throw tooLarge(maxBytes)
      chunks.push(value)
    }
  } catch (error) {
    reader.cancel().catch(() => {})
    if (error instanceof EnrollmentRefusal || signal.aborted) throw error
    throw malformed('the body ended before its time', error)
  }
}

/**
 * Reads a request out of its body: JSON `{ "version": 1, "csr": "<PEM>", "name": "<cluster>" }`, `name` being optional,
 * or a bare CSR as `application/pkcs10` (RFC 5967), DER or PEM.
 *
 * @throws `EnrollmentRefusal` 415, 400.
 */
export function readAsked(headers: HeadersLike, body: Uint8Array): AskedCertificate {
  const type = mediaType(headers.get('content-type'))
  if (type === 'application/json') {
    const { csr, name } = readMembers(body)
    return named(readCsr(csr), name)
  }
  if (type === 'application/pkcs10') return named(readCsr(body), undefined)
  throw new EnrollmentRefusal(
    415,
    'content-type',
    `expected the content type application/json or application/pkcs10; found ${type === '' ? 'none' : quote(type, 64)}`,
  )
}

/** The type of a content without its parameters, in lower case. */
export const mediaType = (header: string | null): string =>
  (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

function readMembers(body: Uint8Array): { readonly csr: string; readonly name: string | undefined } {
  const document = readDocument(body)
  if (!isJsonObject(document)) throw malformed('the body must be a JSON object')
  for (const member of document.keys())
    if (!MEMBERS.includes(member))
      throw malformed(`the body has the member ${quote(member, 64)}; known are ${MEMBERS.join(', ')}`)
  if (document.get('version') !== WIRE_VERSION)
    throw malformed(`expected "version": ${WIRE_VERSION}, the only one that this server speaks`)
  const csr = document.get('csr')
  const name = document.get('name')
  if (typeof csr !== 'string') throw malformed('the member "csr" must be a CSR in PEM')
  if (name !== undefined && typeof name !== 'string')
    throw malformed('the member "name" must be text, or be left out')
  return { csr, name }
}

function readDocument(body: Uint8Array): ReturnType<typeof readJson> {
  try {
    return readJson(body)
  } catch (error) {
    if (error instanceof MeshPkiError) throw malformed(error.message, error)
    throw error
  }
}

function readCsr(input: string | Uint8Array): Csr {
  try {
    return typeof input !== 'string' && input[0] === 0x30 ? Csr.fromDer(input) : Csr.fromPem(input)
  } catch (error) {
    if (error instanceof MeshPkiError) throw badCsr(`the CSR cannot be read: ${error.message}`, error)
    throw error
  }
}

function named(csr: Csr, name: string | undefined): AskedCertificate {
  const found = soleClusterName(csr.subjectAltNames)
  if ('fault' in found) throw new EnrollmentRefusal(400, 'name', `the CSR: ${found.fault}`)
  if (name !== undefined && name !== found.name)
    throw new EnrollmentRefusal(
      400,
      'name',
      `the request is for the cluster ${quote(name)}, and its CSR for ${quote(found.name)}; both must be the same`,
    )
  if (csr.isCa) throw badCsr('the CSR asks for a CA certificate; enrollment gives client certificates only')
  return { csr, name: found.name }
}

/** A CSR that is none, or not one for enrollment. */
export function badCsr(message: string, error?: unknown): EnrollmentRefusal {
  return new EnrollmentRefusal(400, 'csr', message, { error })
}

function malformed(message: string, error?: unknown): EnrollmentRefusal {
  return new EnrollmentRefusal(400, 'malformed', message, { error })
}

function tooLarge(maxBytes: number): EnrollmentRefusal {
  return new EnrollmentRefusal(413, 'too-large', `the body is larger than ${maxBytes} bytes`)
}
