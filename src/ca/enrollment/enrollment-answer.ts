/**
 * What a server answers, as it is written and read.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { isJsonObject, type JsonObject, readJson } from '../../internal/json.ts'
import { Certificate } from '../../x509/certificate.ts'
import { WIRE_VERSION } from './enrollment-request.ts'

/** The certificates of an answer, read. None of them is trusted yet. */
export interface EnrollmentAnswer {
  readonly name: string
  readonly certificate: Certificate
  /** The certificate, then its issuers. */
  readonly chain: readonly Certificate[]
  /** What the server says to trust. */
  readonly anchors: readonly Certificate[]
}

/** What a server says when it refuses. */
export interface RefusedAnswer {
  readonly code: string
  readonly message: string
}

/** Certificates of one list. A path has at most 12. */
const MAX_CHAIN = 16
const MAX_ANCHORS = 64

/** The answer as JSON: `{ version, name, certificate, chain, anchors }`, certificates in PEM. */
export function writeAnswer({ name, certificate, chain, anchors }: EnrollmentAnswer): string {
  return JSON.stringify({
    version: Number(WIRE_VERSION),
    name,
    certificate: certificate.toPem(),
    chain: chain.map(String).join(''),
    anchors: anchors.map(String).join(''),
  })
}

/** Reads an answer. Members that are not known are passed over. @throws `MeshPkiError` `ERR_ENROLLMENT_RESPONSE`. */
export function readAnswer(body: Uint8Array): EnrollmentAnswer {
  const members = readMembers(body)
  if (members.get('version') !== WIRE_VERSION)
    throw badAnswer(`its member "version" is not ${WIRE_VERSION}, the only one that is understood here`)
  const name = text(members, 'name')
  const [certificate, ...others] = certificates(members, 'certificate', 1)
  if (certificate === undefined || others.length > 0)
    throw badAnswer('its member "certificate" must hold one certificate')
  return {
    name,
    certificate,
    chain: certificates(members, 'chain', MAX_CHAIN),
    anchors: certificates(members, 'anchors', MAX_ANCHORS),
  }
}

/** Reads a refusal; `undefined` for what is none. */
export function readRefused(body: Uint8Array): RefusedAnswer | undefined {
  try {
    const members = readMembers(body)
    return { code: text(members, 'code'), message: text(members, 'message') }
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

/** Something else than an answer. */
export function badAnswer(problem: string, cause?: unknown): MeshPkiError {
  return new MeshPkiError(
    'ERR_ENROLLMENT_RESPONSE',
    `what the enrollment server answered is not used: ${problem}`,
    {
      cause,
    },
  )
}

function readMembers(body: Uint8Array): JsonObject {
  try {
    const document = readJson(body)
    if (isJsonObject(document)) return document
  } catch (error) {
    if (error instanceof MeshPkiError) throw badAnswer(error.message, error)
    throw error
  }
  throw badAnswer('it is no JSON object')
}

function text(members: JsonObject, member: string): string {
  const value = members.get(member)
  if (typeof value !== 'string') throw badAnswer(`its member "${member}" must be text`)
  return value
}

function certificates(members: JsonObject, member: string, most: number): readonly Certificate[] {
  const pem = text(members, member)
  // Counted before they are read: each costs.
  if (pem.split('-----BEGIN ').length - 1 > most)
    throw badAnswer(`its member "${member}" holds more than ${most} certificates`)
  try {
    return Certificate.listFromPem(pem, { leniency: ['generalized-time-before-2050'] })
  } catch (error) {
    if (error instanceof MeshPkiError)
      throw badAnswer(`its member "${member}" cannot be read: ${error.message}`, error)
    throw error
  }
}
