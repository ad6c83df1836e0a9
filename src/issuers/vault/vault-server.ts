/**
 * Where a Vault server is, and how it is named in a request.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'

/** What `URL` would repair or drop without a word: blanks, control characters, backslashes. */
const REPAIRED = /[\u0000-\u0020\u007f\\]/

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** A name in a path: what needs no escaping. Vault takes none that ends in a period (HTTP API, Parameter restrictions). */
const SEGMENT = '[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_-])?'
const PATH = new RegExp(`^${SEGMENT}(?:/${SEGMENT}){0,15}$`)

/**
 * The option "server": `https://host:8200`, or with a path before `/v1`, without a slash at its end.
 *
 * @throws `TypeError`; a URL with a password in it is not shown.
 */
export function readServer(value: unknown, insecure: boolean): string {
  if (typeof value !== 'string')
    throw new TypeError(`option "server" must be the URL of a Vault server; got ${typeName(value)}`)
  if (REPAIRED.test(value) || !URL.canParse(value))
    throw new TypeError('option "server" must be a URL such as https://vault.example:8200')
  const { protocol, username, password, search, hash, hostname, href } = new URL(value)
  if (username !== '' || password !== '' || value.includes('@'))
    throw new TypeError('option "server" must hold no user information; Vault is told a token by a header')
  if (search !== '' || hash !== '' || /[?#]/.test(value))
    throw new TypeError('option "server" must have no query and no fragment')
  if (protocol !== 'https:' && protocol !== 'http:')
    throw new TypeError(`option "server" must have the scheme https; found ${quote(protocol, 32)}`)
  if (protocol === 'http:' && !insecure && !LOOPBACK.test(hostname))
    throw new TypeError(
      'option "server" must have the scheme https: by http everybody on the way reads the token. insecure: true allows it',
    )
  return withoutSlashes(href).replace(/\/v1$/, '')
}

/** A text without the slashes at its end. By an expression that would be quadratic in slashes that are not at the end. */
export function withoutSlashes(text: string): string {
  let end = text.length
  while (text.charAt(end - 1) === '/') end--
  return text.slice(0, end)
}

/** The option "namespace" (HTTP API, Namespaces), without slashes around it. @throws `TypeError`. */
export function readNamespace(value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string')
    throw new TypeError(`option "namespace" must be a string; got ${typeName(value)}`)
  return readPath(value.replace(/^\/|\/$/g, ''), 'namespace')
}

/** A path below `/v1`. @throws `TypeError` for one that would have to be escaped, or leads upwards. */
export function readPath(value: unknown, option: string): string {
  if (typeof value !== 'string')
    throw new TypeError(`option "${option}" must be a path of Vault, such as 'pki'; got ${typeName(value)}`)
  if (!PATH.test(value))
    throw new TypeError(
      `option "${option}" must be names of letters, digits, "-", "_" and ".", with "/" between, without /v1; found ${quote(value, 64)}`,
    )
  return value
}

/** One name. @throws `TypeError`. */
export function readSegment(value: unknown, option: string): string {
  const path = readPath(value, option)
  if (path.includes('/')) throw new TypeError(`option "${option}" must be one name without "/"`)
  return path
}
