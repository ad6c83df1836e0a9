/**
 * DNS names as certificates carry them.
 *
 * @module
 */

/**
 * A DNS name in lower case if it is well formed; `undefined` otherwise.
 *
 * Labels are letters, digits, hyphens and underscores, 1 to 63, 253 in all. RFC 5280 §4.2.1.6 has no
 * underscores, but they are in use and harmless to compare; profile `webpki` will refuse them. `wildcard`
 * admits `*` as the whole left-most label (RFC 9525 §6.3). No trailing dot.
 */
export function normalizeDnsName(name: string, wildcard: boolean): string | undefined {
  if (name.length > 253 || name.length === 0) return undefined
  let labelStart = 0
  for (let i = 0; i <= name.length; i++) {
    const code = i < name.length ? name.charCodeAt(i) : 0x2e
    if (code === 0x2e) {
      if (i === labelStart || i - labelStart > 63) return undefined
      if (name.charCodeAt(labelStart) === 0x2d || name.charCodeAt(i - 1) === 0x2d) return undefined
      labelStart = i + 1
      continue
    }
    if (wildcard && i === 0 && code === 0x2a && name.charCodeAt(1) === 0x2e) continue
    if (!isLabelCode(code)) return undefined
  }
  return asciiLowerCase(name)
}

function isLabelCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x5f
  )
}

/** Lower case of A to Z only: `toLowerCase` maps the Kelvin sign to k. */
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32))
}

/** Whether a lower-case name is a domain or below it. */
export function isWithinDomain(name: string, domain: string): boolean {
  return (
    name === domain || (name.endsWith(domain) && name.charCodeAt(name.length - domain.length - 1) === 0x2e)
  )
}
