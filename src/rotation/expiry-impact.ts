/**
 * What breaks when a certificate ends.
 *
 * @module
 */

import { instantText } from '../internal/instant-text.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { canonicalName } from '../x509/name-comparison.ts'
import { isSelfSigned } from '../x509/self-signed.ts'
import type { ExpiryPlace } from './expiry-source.ts'

/**
 * `leaf`: no CA. `root`: a self-signed CA in a file or a chain. `anchor`: what is trusted without being that: a member of a
 * bundle, or an intermediate in a file of roots. `intermediate`: any other CA.
 */
export type ExpiryRole = 'leaf' | 'intermediate' | 'root' | 'anchor'

/** A certificate with all of its places. */
export interface PlacedExpiry {
  readonly certificate: Certificate
  readonly fingerprint: string
  readonly places: readonly ExpiryPlace[]
  /** Whether one of the places holds what is trusted. */
  readonly isTrusted: boolean
}

/** The role, by the certificate itself and by where it stands. */
export function roleOf({ certificate, places, isTrusted }: PlacedExpiry): ExpiryRole {
  // Basic constraints came with version 3.
  const isCa = certificate.isCa || (certificate.version === 1 && certificate.isSelfIssued)
  const inFile = places.some(({ file }) => file !== undefined)
  if (isCa && isSelfSigned(certificate) && (inFile || !isTrusted)) return 'root'
  if (isTrusted) return 'anchor'
  return isCa ? 'intermediate' : 'leaf'
}

/** Who ends before whom, by names and key identifiers; signatures are not looked at. */
export class LifeRelations {
  readonly #issuers = new Map<string, PlacedExpiry>()
  /** By fingerprint: of those whose best issuer it is, the one that ends last. */
  readonly #lastBelow = new Map<string, PlacedExpiry>()

  constructor(all: readonly PlacedExpiry[]) {
    for (const one of all) for (const key of this.#keysOfSubject(one)) this.#offer(this.#issuers, key, one)
    for (const one of all) {
      const issuer = this.issuerOf(one)
      if (issuer !== undefined) this.#offer(this.#lastBelow, issuer.fingerprint, one)
    }
  }

  /**
   * The issuer that ends last: from the same source, else by key identifier from any other. Several clusters may call their
   * CAs the same, so a name alone is not enough across sources.
   */
  issuerOf({ certificate, fingerprint, places }: PlacedExpiry): PlacedExpiry | undefined {
    if (isSelfSigned(certificate)) return undefined
    const { issuerStart, issuerEnd } = Certificate.layoutOf(certificate)
    const name = canonicalName(Certificate.bytesOf(certificate), issuerStart, issuerEnd)
    const id = certificate.authorityKeyIdentifier ?? ''
    const sources = [...new Set(places.map(({ source }) => source))]
    const keys = [
      ...sources.map((source) => keyOf(source, name, id)),
      ...(id === '' ? [] : [keyOf(undefined, name, id)]),
    ]
    for (const key of keys) {
      const issuer = this.#issuers.get(key)
      if (issuer !== undefined && issuer.fingerprint !== fingerprint) return issuer
    }
    return undefined
  }

  /** Of those that it issued, the one that ends last. */
  lastBelow({ fingerprint }: PlacedExpiry): PlacedExpiry | undefined {
    return this.#lastBelow.get(fingerprint)
  }

  /** A subject without an identifier answers to any, and an issuer is asked for without one where it is not named. */
  #keysOfSubject({ certificate, places }: PlacedExpiry): readonly string[] {
    const { subjectStart, subjectEnd } = Certificate.layoutOf(certificate)
    const name = canonicalName(Certificate.bytesOf(certificate), subjectStart, subjectEnd)
    const id = certificate.subjectKeyIdentifier ?? ''
    const sources = [...new Set(places.map(({ source }) => source))]
    return [
      ...sources.flatMap((source) => [
        keyOf(source, name, id),
        ...(id === '' ? [] : [keyOf(source, name, '')]),
      ]),
      ...(id === '' ? [] : [keyOf(undefined, name, id)]),
    ]
  }

  #offer(map: Map<string, PlacedExpiry>, key: string, one: PlacedExpiry): void {
    const known = map.get(key)
    if (known === undefined || known.certificate.notAfter < one.certificate.notAfter) map.set(key, one)
  }
}

/** One or two sentences: what fails, and how its end lies to those above and below it. */
export function breaksOf(
  placed: PlacedExpiry,
  role: ExpiryRole,
  relations: LifeRelations,
  now: Date,
): string {
  const { certificate, places, isTrusted } = placed
  const end = certificate.notAfter
  const when = `${Math.floor(now.getTime() / 1000) * 1000 > end.getTime() ? 'Since' : 'After'} ${instantText(end.getTime())}`
  const signs = places.some(
    ({ file, index }) => file !== undefined && /(^|\/)(ca-cert\.pem|tls\.crt)$/.test(file) && index === 1,
  )
  const first = `${when} ${consequence(role, isTrusted, signs)}.`
  const second = relationOf(placed, relations, now)
  return second === undefined ? first : `${first} ${second}.`
}

function consequence(role: ExpiryRole, isTrusted: boolean, signs: boolean): string {
  const stop = signs ? 'issuance stops, and ' : ''
  if (role === 'leaf') return "this workload's handshakes fail"
  if (role === 'intermediate')
    return signs
      ? 'issuance stops, and all leaves under it fail'
      : 'every chain through it fails, and its CA issues nothing that verifies'
  return isTrusted
    ? `${stop}every workload of every cluster that trusts it refuses every certificate below it`
    : `${stop}every certificate below it fails wherever it is trusted`
}

function relationOf(placed: PlacedExpiry, relations: LifeRelations, now: Date): string | undefined {
  const { certificate } = placed
  if (certificate.notBefore > now)
    return `It is not valid before ${instantText(certificate.notBefore.getTime())}, and refused until then`
  const issuer = relations.issuerOf(placed)?.certificate
  if (issuer !== undefined && issuer.notAfter < certificate.notAfter)
    return `It outlives its issuer ${certificateLabel(issuer)} and fails with it, after ${instantText(issuer.notAfter.getTime())}`
  const below = relations.lastBelow(placed)?.certificate
  if (below !== undefined && below.notAfter > certificate.notAfter)
    return `It ends before its ${below.isCa ? 'intermediate' : 'leaf'} ${certificateLabel(below)}, which says ${instantText(below.notAfter.getTime())} and fails with it`
  return undefined
}

function keyOf(source: string | undefined, name: string, id: string): string {
  return JSON.stringify([source ?? null, name, id])
}
