/**
 * An independent reading of the standard for the tests: character classes as lists, the rules of
 * SPIFFE-ID §2.1–§2.3 as plain string operations, Istio's as in its own source. Nothing of `src` is used.
 */

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const DIGITS = '0123456789'

/** "letters, numbers, dots, dashes, and underscores ([a-z0-9.-_])" (§2.1). */
export const TRUST_DOMAIN_CHARACTERS: ReadonlySet<string> = new Set([...LOWER, ...DIGITS, '.', '-', '_'])

/** "letters, numbers, dots, dashes, and underscores ([a-zA-Z0-9.-_])" (§2.2). */
export const PATH_CHARACTERS: ReadonlySet<string> = new Set([...LOWER, ...UPPER, ...DIGITS, '.', '-', '_'])

const only = (text: string, allowed: ReadonlySet<string>) => text.split('').every((char) => allowed.has(char))

export function isTrustDomainName(text: string): boolean {
  return text.length >= 1 && text.length <= 255 && only(text, TRUST_DOMAIN_CHARACTERS)
}

export function isSpiffeId(text: string): boolean {
  if (text.length > 2048 || text.slice(0, 9) !== 'spiffe://') return false
  const [trustDomain = '', ...segments] = text.slice(9).split('/')
  const isSegment = (segment: string) =>
    segment !== '' && segment !== '.' && segment !== '..' && only(segment, PATH_CHARACTERS)
  return isTrustDomainName(trustDomain) && segments.every(isSegment)
}

/** The label rule of Istio's ValidateTrustDomain: DNS-1123 in either case, last label may be empty. */
export function isIstioTrustDomain(text: string): boolean {
  if (text === '') return false
  const labels = text.split('.')
  return labels.every(
    (label, at) =>
      (at === labels.length - 1 && at > 0 && label === '') ||
      (label.length <= 63 && /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/.test(label) && !label.includes('\n')),
  )
}

/** Names that both worlds take, as one pattern. */
export function isSafeTrustDomain(text: string): boolean {
  const pattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
  return pattern.test(text) && !text.includes('\n') && text.length <= 255
}

/** Istio's ParseIdentity. */
export function istioReads(text: string): readonly [string, string, string] | undefined {
  if (!text.startsWith('spiffe://')) return undefined
  const parts = text.slice(9).split('/')
  if (parts.length !== 5 || parts[1] !== 'ns' || parts[3] !== 'sa') return undefined
  return [parts[0] ?? '', parts[2] ?? '', parts[4] ?? '']
}

/** What a call throws; fails when it returns. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('expected an exception')
}
