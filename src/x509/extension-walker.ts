/**
 * Walks the value of one certificate extension and notes what verification asks for.
 *
 * @module
 */

import type { DerCursor } from '../internal/der.ts'
import { isContent } from '../internal/oid.ts'
import type { ExtensionsLayout } from './certificate-layout.ts'
import { readAccessDescriptions } from './extensions/access-descriptions.ts'
import { walkBasicConstraints } from './extensions/basic-constraints.ts'
import {
  readCertificatePolicies,
  readInhibitAnyPolicy,
  readPolicyConstraints,
  readPolicyMappings,
} from './extensions/certificate-policies.ts'
import { readDirectoryAttributes } from './extensions/directory-attributes.ts'
import { readDistributionPoints } from './extensions/distribution-points.ts'
import { walkExtendedKeyUsage } from './extensions/extended-key-usage.ts'
import { walkAuthorityKeyIdentifier, walkSubjectKeyIdentifier } from './extensions/key-identifier.ts'
import { walkKeyUsage } from './extensions/key-usage.ts'
import { walkNameConstraints } from './extensions/name-constraints.ts'
import { walkGeneralNames } from './general-name.ts'

/** Last arcs of the extensions 2.5.29.n that RFC 5280 §4.2.1, §5.2 and §5.3 define. */
export const ExtensionArc = {
  subjectDirectoryAttributes: 9,
  subjectKeyIdentifier: 14,
  keyUsage: 15,
  subjectAltName: 17,
  issuerAltName: 18,
  basicConstraints: 19,
  cRLNumber: 20,
  reasonCode: 21,
  invalidityDate: 24,
  deltaCRLIndicator: 27,
  issuingDistributionPoint: 28,
  certificateIssuer: 29,
  nameConstraints: 30,
  cRLDistributionPoints: 31,
  certificatePolicies: 32,
  policyMappings: 33,
  authorityKeyIdentifier: 35,
  policyConstraints: 36,
  extKeyUsage: 37,
  freshestCRL: 46,
  inhibitAnyPolicy: 54,
} as const

/** id-pe-authorityInfoAccess and id-pe-subjectInfoAccess, content octets. */
export const AUTHORITY_INFO_ACCESS: readonly number[] = [0x2b, 6, 1, 5, 5, 7, 1, 1]
export const SUBJECT_INFO_ACCESS: readonly number[] = [0x2b, 6, 1, 5, 5, 7, 1, 11]

/**
 * Passes over the value at the cursor, up to its limit. `arc` is n of 2.5.29.n, or -1; `zeros` is a leniency.
 * Extensions that RFC 5280 does not define are opaque; whether they may be critical is verification's question.
 */
export function walkExtension(
  cursor: DerCursor,
  layout: ExtensionsLayout,
  arc: number,
  oidStart: number,
  oidEnd: number,
  zeros: boolean,
): void {
  switch (arc) {
    case ExtensionArc.basicConstraints:
      layout.basicConstraints = walkBasicConstraints(cursor)
      return
    case ExtensionArc.keyUsage:
      layout.keyUsage = walkKeyUsage(cursor, zeros)
      return
    case ExtensionArc.extKeyUsage:
      layout.extendedKeyUsageStart = cursor.offset
      walkExtendedKeyUsage(cursor)
      return
    case ExtensionArc.subjectAltName:
      layout.subjectAltNameStart = cursor.offset
      walkGeneralNames(cursor, 'subjectAltName')
      return
    case ExtensionArc.subjectKeyIdentifier:
      layout.subjectKeyIdStart = walkSubjectKeyIdentifier(cursor)
      layout.subjectKeyIdEnd = cursor.offset
      return
    case ExtensionArc.authorityKeyIdentifier:
      walkAuthorityKeyIdentifier(cursor, layout)
      return
    case ExtensionArc.nameConstraints:
      layout.nameConstraintsStart = cursor.offset
      walkNameConstraints(cursor)
      return
    case ExtensionArc.issuerAltName:
      walkGeneralNames(cursor, 'issuerAltName')
      return
    case ExtensionArc.certificatePolicies:
      readCertificatePolicies(cursor)
      return
    case ExtensionArc.policyMappings:
      readPolicyMappings(cursor)
      return
    case ExtensionArc.policyConstraints:
      readPolicyConstraints(cursor)
      return
    case ExtensionArc.inhibitAnyPolicy:
      readInhibitAnyPolicy(cursor)
      return
    case ExtensionArc.cRLDistributionPoints:
    case ExtensionArc.freshestCRL:
      readDistributionPoints(cursor)
      return
    case ExtensionArc.subjectDirectoryAttributes:
      readDirectoryAttributes(cursor)
      return
    default:
      if (isContent(cursor.bytes, oidStart, oidEnd, AUTHORITY_INFO_ACCESS))
        readAccessDescriptions(cursor, 'authorityInfoAccess')
      else if (isContent(cursor.bytes, oidStart, oidEnd, SUBJECT_INFO_ACCESS))
        readAccessDescriptions(cursor, 'subjectInfoAccess')
      else cursor.offset = cursor.limit
  }
}
