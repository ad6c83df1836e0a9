/**
 * Words for keys, names and spans of time.
 *
 * @module
 */

import type { Certificate } from '../../x509/certificate.ts'
import type { Name } from '../../x509/name.ts'
import { printable, printableName } from './trust-measure.ts'

const COMMON_NAME = '2.5.4.3'
/** Octets of a name that is written out; a longer one says its length. */
const MAX_NAME = 8192

/** A name as a card has it: its common name, or all of it where it has none. */
export function shortName(name: Name): string {
  if (name.isEmpty) return '(no name)'
  if (name.octets > MAX_NAME) return `(a name of ${name.octets} octets)`
  const common = name.rdns
    .flat()
    .filter(({ type }) => type === COMMON_NAME)
    .at(-1)?.value
  return printableName(common === undefined || common.trim() === '' ? String(name) : common)
}

/** A name as it is. */
export function wholeName(name: Name): string {
  if (name.isEmpty) return '(no name)'
  return name.octets > MAX_NAME ? `(a name of ${name.octets} octets)` : printableName(String(name))
}

/** Kind of key, and how its SHA-256 begins: `P-256 5f0c 91ab 77e2`. */
export function keyWords(certificate: Certificate): string {
  const print = certificate.publicKeyFingerprint().slice(0, 12)
  return `${printable(certificate.publicKeyType, 40)} ${print.replace(/(.{4})(?=.)/g, '$1 ')}`
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365.2425 * DAY

/** A span of time, rounded down: what is left is never said to be more. @internal */
export function spanWords(span: number): string {
  const count = (n: number, unit: string): string => `${n} ${unit}${n === 1 ? '' : 's'}`
  if (span < 2 * MINUTE) return count(Math.floor(span / 1000), 'second')
  if (span < 2 * HOUR) return count(Math.floor(span / MINUTE), 'minute')
  if (span < 2 * DAY) return count(Math.floor(span / HOUR), 'hour')
  if (span < 60 * DAY) return count(Math.floor(span / DAY), 'day')
  if (span < 2 * YEAR) return count(Math.floor((span * 12) / YEAR), 'month')
  return count(span < 10 * YEAR ? Math.floor((span * 10) / YEAR) / 10 : Math.floor(span / YEAR), 'year')
}

/** An instant as a day; certificates hold UTC. */
export const day = (time: number): string => new Date(time).toISOString().slice(0, 10)

/** What an instant is to a certificate. */
type Validity = 'valid' | 'soon' | 'expired' | 'not-yet'

/** The dates of a certificate as they look at one instant. */
export interface Life {
  readonly notBefore: number
  readonly notAfter: number
  readonly validity: Validity
  /** `in 3 days`, `3 days ago`: from the instant to its end, or to its beginning where it has not begun. */
  readonly distance: string
}

/**
 * A certificate expires soon where less than `soon` milliseconds are left of it, and less than a third of its life: that is when
 * cert-manager renews, and before that a certificate of a day is young.
 */
export function lifeOf(certificate: Certificate, at: number, soon: number): Life {
  const [notBefore, notAfter] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()]
  // Both dates belong to the certificate's life (RFC 5280 §4.1.2.5).
  const validity =
    at > notAfter
      ? 'expired'
      : at < notBefore
        ? 'not-yet'
        : notAfter - at < Math.min(soon, (notAfter - notBefore) / 3)
          ? 'soon'
          : 'valid'
  const other = validity === 'not-yet' ? notBefore : notAfter
  const distance = other < at ? `${spanWords(at - other)} ago` : `in ${spanWords(other - at)}`
  return { notBefore, notAfter, validity, distance }
}
