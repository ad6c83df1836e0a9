/**
 * What a CA refuses to sign, before it signs.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { equalRange } from '../internal/bytes.ts'
import type { DurationRules } from '../internal/duration.ts'
import { quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import type { Name } from '../x509/name.ts'

/**
 * Self-issued certificates are exempt from path length, and a key that is in the chain already could sign
 * in its owner's place: no issuing function makes such certificates.
 *
 * @throws `MeshPkiError` `ERR_CA_SELF_ISSUED`, `ERR_CA_KEY_REUSED`, `ERR_CA_SUBJECT`.
 */
export function checkSubject(
  subject: Name,
  publicKey: Uint8Array,
  mustBeNamed: boolean,
  chain: readonly Certificate[],
): void {
  if (mustBeNamed && subject.isEmpty) {
    throw new MeshPkiError(
      'ERR_CA_SUBJECT',
      'a CA certificate needs a subject that is not empty and unique in its mesh, such as "L=kind2,CN=Intermediate CA,O=Istio" (RFC 5280 §4.1.2.6)',
    )
  }
  for (const issuer of chain) {
    if (!subject.isEmpty && issuer.subject.equals(subject)) {
      throw new MeshPkiError(
        'ERR_CA_SELF_ISSUED',
        `the subject ${quote(String(subject))} is also that of ${certificateLabel(issuer)} in the issuer's chain; a self-issued certificate is exempt from path length (RFC 5280 §6.1.4 (l)). Choose another subject, such as one with L=<cluster>`,
      )
    }
    const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(issuer)
    if (
      equalRange(Certificate.bytesOf(issuer), publicKeyStart, publicKeyEnd, publicKey, 0, publicKey.length)
    ) {
      throw new MeshPkiError(
        'ERR_CA_KEY_REUSED',
        `the public key is also that of ${certificateLabel(issuer)} in the issuer's chain; make a new key for each certificate, or this one could sign in its issuer's place`,
      )
    }
  }
}

/**
 * The path length of a new intermediate must fit under every path length above it.
 *
 * @throws `MeshPkiError` `ERR_CA_PATH_LENGTH`.
 */
export function checkPathLengthBelow(pathLength: number | undefined, chain: readonly Certificate[]): void {
  let below = 1
  for (const issuer of chain) {
    const allowed = issuer.pathLength
    if (allowed !== undefined) {
      if (allowed < below) {
        throw new MeshPkiError(
          'ERR_CA_PATH_LENGTH',
          `${certificateLabel(issuer)} has path length ${allowed}, so no certificate could ever verify below another intermediate; issue from a CA with a greater path length (RFC 5280 §4.2.1.9)`,
          { data: { allowed, needed: below } },
        )
      }
      if (pathLength === undefined || pathLength > allowed - below) {
        throw new MeshPkiError(
          'ERR_CA_PATH_LENGTH',
          `path length ${pathLength ?? 'none (no limit)'} was asked for, but ${certificateLabel(issuer)} with path length ${allowed} leaves at most ${allowed - below} (RFC 5280 §4.2.1.9)`,
          { data: { allowed: allowed - below, asked: pathLength } },
        )
      }
    }
    if (!issuer.isSelfIssued) below++
  }
}

/** How far validity may begin in the past: beyond ten years it is a typing mistake. */
export const BACKDATE_RULES: DurationRules = { allowZero: true, max: ['3650d', 3650 * 86_400_000] }

/** The validity of a new certificate, and which issuer cut it short. */
export interface CappedValidity {
  readonly notBefore: number
  readonly notAfter: number
  readonly cappedBy: Certificate | undefined
}

/**
 * Validity from now, never beyond any certificate of the issuer's chain.
 *
 * @throws `MeshPkiError` `ERR_CA_EXPIRED`, `ERR_CA_NOT_YET_VALID`.
 */
export function cappedValidity(
  now: number,
  lifetime: number,
  backdate: number,
  chain: readonly Certificate[],
): CappedValidity {
  let notAfter = now + lifetime
  let cappedBy: Certificate | undefined
  for (const issuer of chain) {
    const layout = Certificate.layoutOf(issuer)
    if (now > layout.notAfter) {
      throw new MeshPkiError(
        'ERR_CA_EXPIRED',
        `the signing chain has expired: ${certificateLabel(issuer)} was valid until ${iso(layout.notAfter)}, and it is ${iso(now)}. Renew it before issuing below it (RFC 5280 §6.1.3 (a)(2))`,
      )
    }
    if (now < layout.notBefore) {
      throw new MeshPkiError(
        'ERR_CA_NOT_YET_VALID',
        `the signing chain is not yet valid: ${certificateLabel(issuer)} is valid from ${iso(layout.notBefore)}, and it is ${iso(now)}. Is a clock wrong? Otherwise wait (RFC 5280 §6.1.3 (a)(2))`,
      )
    }
    if (layout.notAfter < notAfter) {
      notAfter = layout.notAfter
      cappedBy = issuer
    }
  }
  return { notBefore: now - backdate, notAfter, cappedBy }
}

const iso = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')
