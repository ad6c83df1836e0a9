/**
 * One spelling for all that a client may take for the same URI.
 *
 * @module
 */

const UNRESERVED = /[A-Za-z0-9._~-]/

/**
 * A text that equivalent URIs share (RFC 3986 §6.2.2, §6.2.3): case, percent-encoding of what needs none, dot segments, the
 * usual port, the dot at the end of a host; and, since they lead to the same resource, user information, fragment and an
 * empty query left out. For denials alone: it takes more for equal than any one client does.
 */
export function equivalentUri(text: string): string {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return UNRESERVED.test(character) ? character : encoded
  })
  const whole = URL.canParse(decoded) ? new URL(decoded).href : decoded
  const [target = ''] = whole.split('#', 1)
  return target
    .replace(/^([^:/?#]+:\/\/)[^/?#]*@/, '$1')
    .replace(/^([^:/?#]+:\/\/[^/:?#]*)\.(?=[:/?#]|$)/, '$1')
    .replace(/\?$/, '')
    .toLowerCase()
}
