/**
 * Profiles: which extensions a certificate gets, in which order, and which of them are critical.
 *
 * @module
 */

import type { KeyUsageName } from '../x509/extensions/key-usage.ts'

/**
 * Whose certificates to make.
 *
 * `mesh`: what RFC 5280 asks of conforming CAs. `istio`: Istio's `tools/certs` for CAs and istiod's for
 * workloads. `gloo`: Gloo Mesh for CAs, from the release that keeps the subject; for workloads istiod's,
 * which signs below them.
 */
export type ProfileName = 'mesh' | 'istio' | 'gloo'

/** Every profile. */
export const PROFILE_NAMES: readonly ProfileName[] = ['mesh', 'istio', 'gloo']

/** What a certificate is for. */
export type CertificateRole = 'root' | 'intermediate' | 'workload'

/** An extension of a profile. Extensions without a value in a certificate are left out. */
export type ProfileExtension =
  | 'basicConstraints'
  | 'keyUsage'
  | 'extendedKeyUsage'
  | 'subjectKeyIdentifier'
  | 'authorityKeyIdentifier'
  | 'subjectAltName'
  | 'nameConstraints'

/** The shape of a certificate. */
export interface CertificateProfile {
  readonly name: ProfileName
  readonly role: CertificateRole
  /** In the order in which they are written. */
  readonly extensions: readonly ProfileExtension[]
  readonly keyUsage: readonly KeyUsageName[]
  /** Without it a key that can only sign gets no `keyEncipherment`, which means nothing for it (RFC 5480 §3). */
  readonly keyEnciphermentForAll: boolean
  /** When the subject alternative name is critical; always when the subject is empty (RFC 5280 §4.2.1.6). */
  readonly criticalSubjectAltName: boolean
  /** Default path length of an intermediate; `'none'` for no limit. */
  readonly pathLength: number | 'none'
}

const CA_SIGN: readonly KeyUsageName[] = ['keyCertSign', 'cRLSign']
const ISTIO_CA: readonly KeyUsageName[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'keyCertSign',
]
const GLOO_CA: readonly KeyUsageName[] = ['keyCertSign']
const WORKLOAD: readonly KeyUsageName[] = ['digitalSignature', 'keyEncipherment']

/** What Go's crypto/x509 writes for istiod's workload certificates, in its order; no subject key identifier. */
const ISTIOD_WORKLOAD: readonly ProfileExtension[] = [
  'keyUsage',
  'extendedKeyUsage',
  'basicConstraints',
  'authorityKeyIdentifier',
  'subjectAltName',
]

/** The profile of a name and role. */
export function profileOf(name: ProfileName, role: CertificateRole): CertificateProfile {
  const base = { name, role, keyEnciphermentForAll: name !== 'mesh', criticalSubjectAltName: false }
  switch (role) {
    case 'workload':
      return {
        ...base,
        extensions:
          name === 'mesh'
            ? [
                'basicConstraints',
                'keyUsage',
                'extendedKeyUsage',
                'subjectKeyIdentifier',
                'authorityKeyIdentifier',
                'subjectAltName',
              ]
            : ISTIOD_WORKLOAD,
        keyUsage: WORKLOAD,
        criticalSubjectAltName: name !== 'mesh',
        pathLength: 'none',
      }
    default:
      return { ...base, ...caProfile(name), pathLength: role === 'root' || name === 'gloo' ? 'none' : 0 }
  }
}

function caProfile(
  name: ProfileName,
): Pick<CertificateProfile, 'extensions' | 'keyUsage' | 'criticalSubjectAltName'> {
  switch (name) {
    case 'mesh':
      return {
        extensions: [
          'basicConstraints',
          'keyUsage',
          'subjectKeyIdentifier',
          'authorityKeyIdentifier',
          'subjectAltName',
          'nameConstraints',
        ],
        keyUsage: CA_SIGN,
        criticalSubjectAltName: false,
      }
    case 'istio':
      return {
        extensions: [
          'subjectKeyIdentifier',
          'basicConstraints',
          'keyUsage',
          'subjectAltName',
          'authorityKeyIdentifier',
          'nameConstraints',
        ],
        keyUsage: ISTIO_CA,
        criticalSubjectAltName: false,
      }
    case 'gloo':
      return {
        extensions: [
          'keyUsage',
          'basicConstraints',
          'subjectKeyIdentifier',
          'authorityKeyIdentifier',
          'subjectAltName',
          'nameConstraints',
        ],
        keyUsage: GLOO_CA,
        criticalSubjectAltName: true,
      }
  }
}
