/**
 * What can be told of a certificate that stands at the end of a chain: whether TLS takes it as server and as client.
 *
 * RFC 5280 leaves these to the application; OpenSSL and BoringSSL end the handshake over them.
 *
 * @module
 */

import type { VerifyPathOptions } from '../../verify/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { ExtendedKeyUsage, purposeLabel } from '../../x509/extensions/extended-key-usage.ts'
import { type LintFinding, type LintPlace, lintFinding } from './lint-finding.ts'

/** What it is used for: `both` in a mesh, where each workload is a server for some and a client for others. */
export type LeafUse = 'both' | 'either' | 'serverAuth' | 'clientAuth'

/** netscape-cert-type, which OpenSSL still obeys. */
const NETSCAPE_CERT_TYPE = '2.16.840.1.113730.1.1'
const NETSCAPE_BITS = { clientAuth: 0x80, serverAuth: 0x40 } as const

const SPIFFE_SCHEME = 'spiffe://'

type Side = 'serverAuth' | 'clientAuth'

/** What a leaf is for by the purpose that was asked for; `undefined` where that is not TLS. */
export function leafUseOf(
  certificate: Certificate,
  purpose: VerifyPathOptions['purpose'],
  spiffe: boolean,
): LeafUse | undefined {
  if (purpose === 'serverAuth' || purpose === ExtendedKeyUsage.serverAuth) return 'serverAuth'
  if (purpose === 'clientAuth' || purpose === ExtendedKeyUsage.clientAuth) return 'clientAuth'
  if (purpose !== 'any') return undefined
  const isWorkload = certificate.subjectAltNames.some(
    (name) => name.type === 'uri' && name.value.startsWith(SPIFFE_SCHEME),
  )
  // The relay and its agents have pairs for one side each.
  return spiffe && isWorkload ? 'both' : 'either'
}

/** Why TLS refuses a leaf. */
export function leafFindings(at: LintPlace, certificate: Certificate, use: LeafUse): readonly LintFinding[] {
  if (certificate.isCa || certificate.version < 3) return []
  return [
    ...keyUsageFindings(at, certificate),
    ...purposeFindings(at, certificate, use),
    ...netscapeFindings(at, certificate, use),
  ]
}

/** The sides that are needed and not allowed. */
function refusedSides(use: LeafUse, allows: (side: Side) => boolean): readonly Side[] {
  const sides: readonly Side[] = use === 'both' || use === 'either' ? ['serverAuth', 'clientAuth'] : [use]
  const refused = sides.filter((side) => !allows(side))
  return use === 'either' && refused.length < sides.length ? [] : refused
}

const ROLES: Readonly<Record<Side, string>> = { serverAuth: 'a server', clientAuth: 'a client' }
const rolesOf = (sides: readonly Side[]): string => sides.map((side) => ROLES[side]).join(' and as ')

function keyUsageFindings(at: LintPlace, { keyUsage }: Certificate): readonly LintFinding[] {
  if (keyUsage === undefined || keyUsage.includes('digitalSignature')) return []
  return [
    lintFinding('leaf-key-usage', {
      at,
      found: `key usage ${keyUsage.join(', ')}`,
      problem:
        'its key usage lacks digitalSignature, and TLS 1.3 signs every handshake: OpenSSL and Envoy refuse it',
      remedy: 'Issue it again with key usage digitalSignature, and keyEncipherment beside it for RSA',
      clause: 'RFC 8446 §4.4.2.2, RFC 5280 §4.2.1.3',
    }),
  ]
}

function purposeFindings(
  at: LintPlace,
  { extendedKeyUsage }: Certificate,
  use: LeafUse,
): readonly LintFinding[] {
  if (extendedKeyUsage === undefined) return []
  const refused = refusedSides(use, (side) => extendedKeyUsage.includes(ExtendedKeyUsage[side]))
  if (refused.length === 0) return []
  const any = extendedKeyUsage.includes(ExtendedKeyUsage.any)
    ? '; anyExtendedKeyUsage does not count for OpenSSL'
    : ''
  return [
    lintFinding('leaf-extended-key-usage', {
      at,
      found: `extended key usage ${extendedKeyUsage.slice(0, 8).map(purposeLabel).join(', ')}`,
      problem: `its extended key usage lacks ${refused.join(' and ')}, so it is refused as ${rolesOf(refused)}${any}`,
      remedy: `Issue it again with ${use === 'either' ? 'serverAuth or clientAuth' : use === 'both' ? 'serverAuth and clientAuth' : use}`,
      clause: 'RFC 5280 §4.2.1.12',
    }),
  ]
}

function netscapeFindings(at: LintPlace, { extensions }: Certificate, use: LeafUse): readonly LintFinding[] {
  const type = extensions.find(({ oid }) => oid === NETSCAPE_CERT_TYPE)
  if (type === undefined) return []
  // A BIT STRING in the short form: tag, length, unused bits, bits.
  const bits = type.value[3] ?? 0
  const refused = refusedSides(use, (side) => (bits & NETSCAPE_BITS[side]) !== 0)
  if (refused.length === 0) return []
  return [
    lintFinding('leaf-netscape-type', {
      at,
      found: `Netscape certificate type ${bits.toString(2).padStart(8, '0')}`,
      problem: `its Netscape certificate type does not list it as ${rolesOf(refused)}; OpenSSL obeys that extension and refuses it`,
      remedy:
        'Issue it again without that extension (OpenSSL: without nsCertType); extended key usage has replaced it',
    }),
  ]
}
