/**
 * Finds issuers by name: at once for the same bytes, more slowly for names that are equal under
 * RFC 5280 §7.1 in another spelling.
 *
 * @module
 */

import { equalRange, latin1 } from '../internal/bytes.ts'
import { Certificate } from '../x509/certificate.ts'
import type { Name } from '../x509/name.ts'
import { canonicalName } from '../x509/name-comparison.ts'
import { bytesOf, type Issuer, layoutOf, subjectKeyOf } from './trust-anchor.ts'

/** Below so many issuers a scan costs less than an index. */
const SCAN_UP_TO = 8

const NONE: readonly Issuer[] = []

/** Issuers by their subject. */
export class IssuerIndex {
  readonly #issuers: readonly Issuer[]
  #byName: Map<string, Issuer[]> | undefined
  #byCanonicalName: Map<string, Issuer[]> | undefined

  constructor(issuers: readonly Issuer[]) {
    this.#issuers = issuers
  }

  /** Issuers whose subject is the issuer's name of a certificate, byte for byte. */
  named(subject: Certificate): readonly Issuer[] {
    const bytes = bytesOf(subject)
    const { issuerStart, issuerEnd } = layoutOf(subject)
    if (this.#issuers.length <= SCAN_UP_TO) {
      let found: Issuer[] | undefined
      for (const issuer of this.#issuers) {
        if (!hasName(issuer, bytes, issuerStart, issuerEnd)) continue
        if (found === undefined) found = [issuer]
        else found.push(issuer)
      }
      return found ?? NONE
    }
    this.#byName ??= group(this.#issuers, (issuer) => {
      const { subjectStart, subjectEnd } = layoutOf(issuer)
      return latin1(bytesOf(issuer), subjectStart, subjectEnd)
    })
    return this.#byName.get(latin1(bytes, issuerStart, issuerEnd)) ?? NONE
  }

  /** Issuers whose subject is the same name in another spelling. */
  spelledOtherwise(subject: Certificate): readonly Issuer[] {
    if (this.#issuers.length === 0) return NONE
    const bytes = bytesOf(subject)
    const { issuerStart, issuerEnd } = layoutOf(subject)
    return this.#canonical(Certificate.namesOf(subject).issuer).filter(
      (issuer) => !hasName(issuer, bytes, issuerStart, issuerEnd),
    )
  }

  /** Issuers with a subject, in whatever spelling. */
  withSubject(name: Name): readonly Issuer[] {
    const { der } = name
    return this.#canonical(canonicalName(der, 0, der.length))
  }

  #canonical(name: string): readonly Issuer[] {
    if (this.#issuers.length === 0) return NONE
    this.#byCanonicalName ??= group(this.#issuers, subjectKeyOf)
    return this.#byCanonicalName.get(name) ?? NONE
  }
}

function hasName(issuer: Issuer, bytes: Uint8Array, start: number, end: number): boolean {
  const { subjectStart, subjectEnd } = layoutOf(issuer)
  return equalRange(bytesOf(issuer), subjectStart, subjectEnd, bytes, start, end)
}

function group(issuers: readonly Issuer[], keyOf: (issuer: Issuer) => string): Map<string, Issuer[]> {
  const groups = new Map<string, Issuer[]>()
  for (const issuer of issuers) {
    const key = keyOf(issuer)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [issuer])
    else group.push(issuer)
  }
  return groups
}
