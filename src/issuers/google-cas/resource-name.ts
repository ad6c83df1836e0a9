/**
 * Names of Google Cloud resources, and where their service is. They become parts of URLs, so nothing in them is escaped:
 * what would have to be is refused.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'

/** Identifiers of CA pools, CAs, certificates and templates (CA Service), key rings and keys (Cloud KMS). */
const ID = '[A-Za-z0-9_-]{1,63}'

/** A project ID or number; old ones have a domain before them: `example.com:mesh`. */
const PROJECT = '(?:[a-z0-9][a-z0-9.-]{0,252}:)?[a-z0-9][a-z0-9-]{0,62}'

const LOCATION = '[a-z0-9][a-z0-9-]{0,62}'

const POOL = new RegExp(`^projects/${PROJECT}/locations/(${LOCATION})/caPools/${ID}$`)
const TEMPLATE = new RegExp(`^projects/${PROJECT}/locations/(${LOCATION})/certificateTemplates/${ID}$`)
const KEY_VERSION = new RegExp(
  `^projects/${PROJECT}/locations/${LOCATION}/keyRings/${ID}/cryptoKeys/${ID}/cryptoKeyVersions/[1-9][0-9]{0,18}$`,
)
const WHOLE_ID = new RegExp(`^${ID}$`)

/** The option "caPool". @throws `TypeError`. */
export function readCaPool(value: unknown): string {
  return read(value, POOL, 'caPool', 'projects/*/locations/*/caPools/*')
}

/** A template of the location that its pool is in, as CA Service wants it. @throws `TypeError`. */
export function readTemplate(value: unknown, caPool: string): string {
  const name = read(value, TEMPLATE, 'certificateTemplate', 'projects/*/locations/*/certificateTemplates/*')
  const [own, other] = [POOL.exec(caPool)?.[1], TEMPLATE.exec(name)?.[1]]
  if (own === other) return name
  throw new TypeError(
    `option "certificateTemplate" is in the location ${quote(other ?? '')}, the CA pool in ${quote(own ?? '')}; they must be the same`,
  )
}

/** The option "keyVersion". @throws `TypeError`. */
export function readKeyVersion(value: unknown): string {
  return read(
    value,
    KEY_VERSION,
    'keyVersion',
    'projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*',
  )
}

/** One identifier. @throws `TypeError`. */
export function readId(value: unknown, option: string): string {
  return read(value, WHOLE_ID, option, '1 to 63 letters, digits, "-" and "_"')
}

/** Whether a text is one identifier. */
export const isId = (text: string): boolean => WHOLE_ID.test(text)

function read(value: unknown, pattern: RegExp, option: string, form: string): string {
  if (typeof value !== 'string')
    throw new TypeError(`option "${option}" must be ${form}; got ${typeName(value)}`)
  if (!pattern.test(value))
    throw new TypeError(`option "${option}" must be ${form}; got ${quote(value, 128)}`)
  return value
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * The option "endpoint": `https` and a host, such as that of Private Service Connect.
 *
 * @throws `TypeError`; what it was is not shown, since it may hold a password.
 */
export function readEndpoint(value: unknown, fallback: string, insecure: boolean): string {
  if (value === undefined) return fallback
  const fault = (problem: string): TypeError => new TypeError(`option "endpoint" ${problem}`)
  const form = 'must be https://<host>, without a path'
  if (typeof value !== 'string') throw fault(`${form}; got ${typeName(value)}`)
  // What `URL` would repair or drop without a word, and user information.
  if (/[\u0000-\u0020\u007f\\@?#]/.test(value) || !URL.canParse(value)) throw fault(form)
  const { protocol, hostname, origin, pathname } = new URL(value)
  if (pathname !== '/') throw fault(form)
  if (protocol === 'https:') return origin
  if (protocol === 'http:' && insecure && LOOPBACK.test(hostname)) return origin
  throw fault(
    protocol === 'http:'
      ? 'must have the scheme https: by http everybody on the way reads the access token. insecure: true allows http to the loopback interface alone'
      : form,
  )
}
