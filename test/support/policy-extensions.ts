/**
 * Extensions of certificate policies, encoded by the tests' own builder (RFC 5280 §4.2.1.4, §4.2.1.5,
 * §4.2.1.11, §4.2.1.14).
 */
import { hex, oid, seq, text, tlv } from '../fixtures/x509/der.ts'
import { ext } from '../unit/verify/forge.ts'
import { ANY, type PlainCertificate } from './policy-tree.ts'

export const ANY_POLICY = '2.5.29.32.0'

/** A policy by a short name: 'A' to 'Z', or {@link ANY}. */
export const policyOid = (name: string): string =>
  name === ANY ? ANY_POLICY : `1.3.6.1.4.1.99999.5.${name.charCodeAt(0) - 64}`

/** Policies without qualifiers. */
export const policies = (...names: readonly string[]): Uint8Array =>
  ext(32, seq(...names.map((name) => seq(oid(policyOid(name))))))

/** Mappings as `A>B`: the issuer's A is the subject's B. */
export const mappings = (...pairs: readonly string[]): Uint8Array =>
  ext(
    33,
    seq(
      ...pairs.map((pair) => {
        const [from = '', to = ''] = pair.split('>')
        return seq(oid(policyOid(from)), oid(policyOid(to)))
      }),
    ),
    true,
  )

/** requireExplicitPolicy and inhibitPolicyMapping; critical as §4.2.1.11 asks. */
export const policyConstraints = (
  fields: { readonly explicit?: number | undefined; readonly mapping?: number | undefined },
  critical = true,
): Uint8Array =>
  ext(
    36,
    seq(
      fields.explicit === undefined ? hex('') : tlv(0x80, Uint8Array.of(fields.explicit)),
      fields.mapping === undefined ? hex('') : tlv(0x81, Uint8Array.of(fields.mapping)),
    ),
    critical,
  )

export const inhibitAny = (skip: number, critical = true): Uint8Array =>
  ext(54, tlv(2, Uint8Array.of(skip)), critical)

/** One policy with one qualifier, whose value is an IA5String. */
export const qualifiedPolicy = (name: string, qualifier: string, critical: boolean): Uint8Array =>
  ext(
    32,
    seq(seq(oid(policyOid(name)), seq(seq(oid(qualifier), text(0x16, 'https://policy.example'))))),
    critical,
  )

/** The extensions of a plain certificate. */
export function extensionsOf(plain: PlainCertificate): readonly Uint8Array[] {
  const { requireExplicit: explicit, inhibitMapping: mapping } = plain
  return [
    ...(plain.policies === undefined ? [] : [policies(...plain.policies)]),
    ...(plain.mappings === undefined ? [] : [mappings(...plain.mappings.map((pair) => pair.join('>')))]),
    ...(explicit === undefined && mapping === undefined ? [] : [policyConstraints({ explicit, mapping })]),
    ...(plain.inhibitAny === undefined ? [] : [inhibitAny(plain.inhibitAny)]),
  ]
}
