/**
 * What ends when, over everything that one looks after.
 *
 * @module
 */

import { formatDuration } from '../internal/duration.ts'
import { groupBy } from '../internal/group-by.ts'
import { instantText } from '../internal/instant-text.ts'
import { checkOptionNames, readInstant, typeName } from '../internal/options.ts'
import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { formatGeneralName } from '../x509/general-name.ts'
import { breaksOf, type ExpiryRole, LifeRelations, type PlacedExpiry, roleOf } from './expiry-impact.ts'
import { type ExpiryPlace, ExpiryReader, type ExpirySource, type FoundCertificate } from './expiry-source.ts'
import { type RenewalState, renewalStatus } from './renewal-status.ts'
import type { RenewalPolicy } from './renewal-time.ts'

/** Options of {@link expiryReport}. */
export interface ExpiryReportOptions {
  /** When to renew, for every certificate. Default: when a fifth remains, `{ gracePeriodRatio: 0.2 }`. */
  readonly policy?: RenewalPolicy | undefined
  /** Default: now. */
  readonly time?: Date | undefined
  /** How far before issuance validity begins, where the policy does not say. Default `'2m'`. */
  readonly backdate?: string | undefined
}

/** One certificate, however often it stands somewhere. `source`, `file` and `index` are its first place. */
export interface CertificateExpiry extends ExpiryPlace {
  readonly state: RenewalState
  readonly notAfter: Date
  /** When it is due under the policy. */
  readonly renewAt: Date
  readonly role: ExpiryRole
  /** The subject, or the first alternative name where that is empty; escaped and cut. */
  readonly subject: string
  readonly serialNumber: string
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string
  /** Every place, the first included. */
  readonly places: readonly ExpiryPlace[]
  /** What fails when it ends, in one or two sentences. */
  readonly breaks: string
}

/** What could not be read, so that nobody knows when it ends. */
export interface UnreadableExpiry extends ExpiryPlace {
  readonly state: 'unreadable'
  /** What is wrong with it. */
  readonly problem: string
}

/** A line of the report; `state` tells which. */
export type ExpiryEntry = CertificateExpiry | UnreadableExpiry

const DEFAULT_POLICY: RenewalPolicy = { gracePeriodRatio: 0.2 }
const MAX_SOURCES = 10_000
/** Octets of a name that is written out, and characters and places of a line. */
const MAX_NAME = 8192
const MAX_SUBJECT = 96
const MAX_PLACES = 3

/** What ends when: earliest first, and what could not be read last. `String(report)` is a line for each. */
export class ExpiryReport {
  readonly entries: readonly ExpiryEntry[]
  /** The instant to which every `state` belongs. */
  readonly time: Date

  /** @internal */
  constructor(entries: readonly ExpiryEntry[], time: Date) {
    this.entries = Object.freeze([...entries])
    this.time = time
    Object.freeze(this)
  }

  /** Those that were read. */
  get certificates(): readonly CertificateExpiry[] {
    return this.entries.filter((entry) => entry.state !== 'unreadable')
  }

  /** Those that were not. */
  get unreadable(): readonly UnreadableExpiry[] {
    return this.entries.filter((entry) => entry.state === 'unreadable')
  }

  /** One line for each entry, in columns: state, end, time left, role, subject, places, what breaks. */
  toString(): string {
    const rows = this.entries.map((entry) => rowOf(entry, this.time))
    const widths: number[] = []
    for (const row of rows)
      for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
    const last = widths.length - 1
    return rows
      .map((row) =>
        row
          .map((cell, i) => (i === last ? cell : cell.padEnd(widths[i] ?? 0)))
          .join('  ')
          .trimEnd(),
      )
      .join('\n')
  }
}

/**
 * Every certificate of chains, files, Kubernetes Secrets and trust bundles, with the earliest end first and what breaks then.
 *
 * A file is read to its last PEM block. A certificate that stands in several places is one entry with all of its places, for
 * it ends once and is replaced everywhere. What cannot be read is an entry too. Private keys are passed over: their blocks are
 * not decoded, and nothing of them is shown; so are requests, CRLs, parameters, and empty files. A text may have 4 MiB and 1024
 * blocks, a source 1024 files, a report 10,000 sources and 50,000 certificates; what is beyond is an entry that says so.
 *
 * **Warning**: it checks no signature. Who issued whom is taken from names and key identifiers, and what is trusted from
 * the names of files such as `root-cert.pem` and `ca.crt`.
 *
 * @throws `TypeError`, `RangeError` for the arguments; never for what stands in a source.
 *
 * @example
 * ```ts
 * import { expiryReport } from 'mesh-pki/rotation'
 *
 * declare const secret: { metadata: { name: string; namespace: string }; data: Record<string, string> }
 * declare const leaf: string
 * const report = expiryReport([
 *   { name: 'cluster-1', secret },
 *   { name: 'productpage', chain: [leaf] },
 * ])
 * console.log(String(report))
 * for (const { state, subject, breaks } of report.certificates) if (state !== 'fresh') console.warn(subject, breaks)
 * ```
 */
export function expiryReport(
  sources: readonly ExpirySource[],
  options: ExpiryReportOptions = {},
): ExpiryReport {
  checkOptionNames(options, ['policy', 'time', 'backdate'], 'expiryReport')
  if (!Array.isArray(sources))
    throw new TypeError(`expiryReport takes an array of sources; got ${typeName(sources)}`)
  if (sources.length > MAX_SOURCES)
    throw new RangeError(`expiryReport takes at most ${MAX_SOURCES} sources; got ${sources.length}`)
  const now = new Date(readInstant(options.time ?? new Date(), 'time'))
  const { backdate, policy = DEFAULT_POLICY } = options
  const rule = backdate === undefined || policy.backdate !== undefined ? policy : { ...policy, backdate }
  const reader = new ExpiryReader()
  for (const [i, source] of sources.entries()) reader.add(source, `sources[${i}]`)
  const all = placedOf(reader.found)
  const relations = new LifeRelations(all)
  const read = all
    .map((placed) => certificateExpiry(placed, relations, rule, now))
    .sort((a, b) => a.notAfter.getTime() - b.notAfter.getTime())
  const unread = reader.found.flatMap((one): UnreadableExpiry[] =>
    'problem' in one
      ? [Object.freeze({ ...one.place, state: 'unreadable', problem: escapeText(one.problem, 1024) })]
      : [],
  )
  return new ExpiryReport([...read, ...unread], now)
}

function placedOf(found: readonly FoundCertificate[]): readonly PlacedExpiry[] {
  const read = found.flatMap((one) =>
    'problem' in one ? [] : [{ ...one, fingerprint: one.certificate.fingerprint() }],
  )
  return [...groupBy(read, ({ fingerprint }) => fingerprint).values()].flatMap((same) => {
    const [first] = same
    if (first === undefined) return []
    const { certificate, fingerprint } = first
    const places = Object.freeze(same.map(({ place }) => Object.freeze(place)))
    return [{ certificate, fingerprint, places, isTrusted: same.some(({ isTrusted }) => isTrusted) }]
  })
}

function certificateExpiry(
  placed: PlacedExpiry,
  relations: LifeRelations,
  policy: RenewalPolicy,
  now: Date,
): CertificateExpiry {
  const { certificate, fingerprint, places } = placed
  const { state, renewAt, expiresAt } = renewalStatus(certificate, policy, { now })
  const role = roleOf(placed)
  const [first = { source: '', index: 1 }] = places
  return Object.freeze({
    ...first,
    state,
    notAfter: expiresAt,
    renewAt,
    role,
    subject: subjectOf(certificate),
    serialNumber: certificate.serialNumber,
    fingerprint,
    places,
    breaks: breaksOf(placed, role, relations, now),
  })
}

function subjectOf(certificate: Certificate): string {
  const { subject } = certificate
  if (subject.octets > MAX_NAME) return `(a name of ${subject.octets} octets)`
  if (!subject.isEmpty) return escapeText(String(subject))
  const [name] = certificate.subjectAltNames
  if (name === undefined) return '(no subject)'
  return escapeText(typeof name.value === 'string' ? name.value : formatGeneralName(name))
}

function rowOf(entry: ExpiryEntry, now: Date): readonly string[] {
  if (entry.state === 'unreadable') return [entry.state, '-', '-', '-', '-', placeText(entry), entry.problem]
  const left = entry.notAfter.getTime() - now.getTime()
  const places = entry.places.slice(0, MAX_PLACES).map(placeText).join(', ')
  const more = entry.places.length - MAX_PLACES
  return [
    entry.state,
    instantText(entry.notAfter.getTime()),
    left < 0 ? `${formatDuration(left)} ago` : `in ${formatDuration(left)}`,
    entry.role,
    escapeText(entry.subject, MAX_SUBJECT),
    more > 0 ? `${places} and ${more} more` : places,
    entry.breaks,
  ]
}

function placeText({ source, object, file, index }: ExpiryPlace): string {
  const where = [source, object, file].flatMap((part) => (part === undefined ? [] : [escapeText(part, 64)]))
  return `${where.join(' ')}#${index}`
}
