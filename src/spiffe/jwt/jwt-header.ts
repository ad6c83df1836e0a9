/**
 * What a JWT-SVID says before anybody has looked at its signature (JWT-SVID §2, §3).
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { decodeBase64Url } from '../../internal/base64.ts'
import { isJsonObject, type JsonObject, readJson } from '../../internal/json.ts'
import { quote } from '../../internal/text.ts'
import { SpiffeId } from '../spiffe-id.ts'

/** Algorithms that a JWT-SVID may be signed with (JWT-SVID §2.1). */
export type JwtSvidAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'PS256'
  | 'PS384'
  | 'PS512'

/** All of them. Nothing symmetric, and never `none`. */
export const ALGORITHMS: readonly JwtSvidAlgorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
]

/** What a token claims, to find out which key has to confirm it. */
export interface ClaimedToken {
  readonly algorithm: JwtSvidAlgorithm
  readonly keyId: string
  readonly id: SpiffeId
}

/** Characters of a token. Servers of the web take headers of 8 or 16 kB. */
const MAX_TOKEN = 65_536

/** "Any header not described here […] MUST NOT be included" (JWT-SVID §2). */
const HEADERS = ['alg', 'kid', 'typ']
const TYPES = ['JWT', 'JOSE']

/** Reads header and subject, strictly: a member that stands twice is an error. @throws `MeshPkiError` `ERR_JWT_SVID_…`. */
export function readClaimedToken(token: string, allowed: readonly JwtSvidAlgorithm[]): ClaimedToken {
  if (token.length > MAX_TOKEN)
    throw malformed(`it has ${token.length} characters, at most ${MAX_TOKEN} are read`, '§5.1')
  const parts = token.split('.', 4)
  const [header = '', payload = '', signature = ''] = parts
  if (parts.length !== 3)
    throw malformed(
      'it is not of three parts with a dot between them, the compact serialization of JWS',
      '§5.1',
    )
  // One signature has one text: `jose` would pass over blanks in it.
  if (decodeBase64Url(signature) === undefined) throw malformed('its signature is not base64url', '§5.1')
  return { ...readHeader(readPart(header, 'header'), allowed), id: readSubject(readPart(payload, 'payload')) }
}

function readHeader(
  header: JsonObject,
  allowed: readonly JwtSvidAlgorithm[],
): Pick<ClaimedToken, 'algorithm' | 'keyId'> {
  const stray = [...header.keys()].find((name) => !HEADERS.includes(name))
  if (stray !== undefined)
    throw malformed(`its header has ${quote(stray, 64)}; only ${HEADERS.join(', ')} may be there`, '§2')
  const typ = header.get('typ')
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.includes(typ)))
    throw malformed(`its "typ" is ${shown(typ)}; expected ${TYPES.join(' or ')}, or none`, '§2.3')
  const alg = header.get('alg')
  const algorithm = allowed.find((one) => one === alg)
  if (algorithm === undefined)
    throw new MeshPkiError(
      'ERR_JWT_SVID_ALGORITHM',
      `JWT-SVID: its algorithm is ${shown(alg)}; accepted are ${allowed.join(', ')} (JWT-SVID §2.1)`,
      { data: { expected: allowed, found: typeof alg === 'string' ? alg.slice(0, 64) : undefined } },
    )
  const kid = header.get('kid')
  if (typeof kid !== 'string' || kid === '')
    throw new MeshPkiError(
      'ERR_JWT_SVID_KEY',
      'JWT-SVID: its header has no "kid" that is text, so nobody can say which key of the bundle signed it. The standard makes it optional (JWT-SVID §2.2), and it is needed here; have it issued with one',
    )
  return { algorithm, keyId: kid }
}

function readSubject(payload: JsonObject): SpiffeId {
  const sub = payload.get('sub')
  if (typeof sub !== 'string') throw malformed('it has no "sub", the SPIFFE ID of its workload', '§3.1')
  try {
    const id = SpiffeId.parse(sub)
    if (id.path !== '') return id
    throw malformed('its "sub" has no path: that is the name of a trust domain, not of a workload', '§3.1')
  } catch (cause) {
    if (!(cause instanceof MeshPkiError) || cause.code !== 'ERR_SPIFFE_ID') throw cause
    throw malformed(`its "sub" is no SPIFFE ID: ${cause.message}`, '§3.1', cause)
  }
}

function readPart(part: string, what: string): JsonObject {
  const bytes = decodeBase64Url(part)
  if (bytes === undefined) throw malformed(`its ${what} is not base64url`, '§5.1')
  try {
    const value = readJson(bytes)
    if (isJsonObject(value)) return value
  } catch (cause) {
    // The text of a token stays out of messages; the position is enough.
    if (!(cause instanceof MeshPkiError)) throw cause
    throw malformed(`its ${what} is not JSON as it must be (${cause.code})`, '§5.1')
  }
  throw malformed(`its ${what} is not a JSON object`, '§5.1')
}

/** A token that is none. Its signature, and claims other than `sub`, never appear. */
export function malformed(problem: string, clause: string, cause?: unknown): MeshPkiError {
  return new MeshPkiError('ERR_JWT_SVID_MALFORMED', `JWT-SVID: ${problem} (JWT-SVID ${clause})`, { cause })
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? quote(value, 64) : value === undefined ? 'absent' : 'no text'
