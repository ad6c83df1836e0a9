/**
 * The certificates of the field, as data.
 *
 * @module
 */

import { checkOneOf } from '../../internal/options.ts'
import { ExtendedKeyUsage } from '../../x509/extensions/extended-key-usage.ts'
import {
  type CertificateProfile,
  type CertificateRole,
  type ProfileExtension,
  readProfile,
} from './certificate-profile.ts'

/** The name of a profile. */
export type CertificateProfileName =
  | 'mesh-root'
  | 'mesh-intermediate'
  | 'mesh-workload'
  | 'istio-tools-root'
  | 'istio-tools-intermediate'
  | 'istio-tools-workload'
  | 'istiod-root'
  | 'istiod-intermediate'
  | 'istiod-workload'
  | 'gloo-root'
  | 'gloo-intermediate'
  | 'gloo-legacy-intermediate'
  | 'gloo-relay-root'
  | 'gloo-relay-signing'
  | 'gloo-relay-server'
  | 'gloo-relay-client'
  | 'spire-workload'

const { serverAuth, clientAuth } = ExtendedKeyUsage
const FOR_BOTH = [serverAuth, clientAuth] as const

/** Go's crypto/x509 writes extensions in this order, and ends with those that its caller adds. */
const GO_CA: readonly ProfileExtension[] = [
  'keyUsage',
  'basicConstraints',
  'subjectKeyIdentifier',
  'authorityKeyIdentifier',
  'subjectAltName',
  'nameConstraints',
]

/** A root names no issuer but itself; only the relay's original has an authority key identifier all the same. */
const rootOf = (extensions: readonly ProfileExtension[]): readonly ProfileExtension[] =>
  extensions.filter((name) => name !== 'authorityKeyIdentifier')

/** What all have in common, unless they say otherwise. */
const COMMON = {
  critical: ['basicConstraints', 'keyUsage'],
  keyEnciphermentForAll: true,
  extendedKeyUsage: [],
  pathLength: 'none',
  lifetime: '3650d',
  backdate: '2m',
  deviations: [],
} as const satisfies Partial<CertificateProfile>

const MESH_CA = {
  ...COMMON,
  extensions: [
    'basicConstraints',
    'keyUsage',
    'subjectKeyIdentifier',
    'authorityKeyIdentifier',
    'subjectAltName',
    'nameConstraints',
  ],
  keyUsage: ['keyCertSign', 'cRLSign'],
} as const satisfies Partial<CertificateProfile>

/** Istio `tools/certs` (mesh-wide makefiles with OpenSSL configurations). */
const TOOLS_CA = {
  ...COMMON,
  extensions: [
    'subjectKeyIdentifier',
    'basicConstraints',
    'keyUsage',
    'subjectAltName',
    'authorityKeyIdentifier',
    'nameConstraints',
  ],
  keyUsage: ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'keyCertSign'],
  backdate: '0s',
} as const satisfies Partial<CertificateProfile>

/** Gloo Mesh's issuer: Go, not back-dated, one year. */
const GLOO_CA = {
  ...COMMON,
  extensions: GO_CA,
  critical: ['basicConstraints', 'keyUsage', 'subjectAltName'],
  keyUsage: ['keyCertSign'],
  lifetime: '365d',
  backdate: '0s',
} as const satisfies Partial<CertificateProfile>

/** The OpenSSL configurations of Gloo Mesh's relay; OpenSSL 3 appends both key identifiers. */
const RELAY = {
  ...COMMON,
  extensions: [
    'basicConstraints',
    'keyUsage',
    'extendedKeyUsage',
    'subjectAltName',
    'subjectKeyIdentifier',
    'authorityKeyIdentifier',
    'nameConstraints',
  ],
  critical: [],
  extendedKeyUsage: [clientAuth, serverAuth],
  backdate: '0s',
} as const satisfies Partial<CertificateProfile>

const ISTIOD_WORKLOAD = {
  ...COMMON,
  name: 'istiod-workload',
  role: 'end-entity',
  extensions: [
    'keyUsage',
    'extendedKeyUsage',
    'basicConstraints',
    'authorityKeyIdentifier',
    'subjectAltName',
  ],
  critical: ['basicConstraints', 'keyUsage', 'subjectAltName'],
  keyUsage: ['digitalSignature', 'keyEncipherment'],
  extendedKeyUsage: FOR_BOTH,
  lifetime: '24h',
} as const satisfies CertificateProfile

/**
 * Every profile by name: what RFC 5280 asks of conforming CAs (`mesh-…`), and the certificates that Istio's
 * `tools/certs`, istiod, Gloo Mesh with its relay, and SPIRE make, extension by extension.
 *
 * `docs/issuance.md` says where each comes from and which of its original's faults are not reproduced.
 */
export const PROFILES: Readonly<Record<CertificateProfileName, CertificateProfile>> =
  /* @__PURE__ */ freezeAll({
    'mesh-root': { ...MESH_CA, extensions: rootOf(MESH_CA.extensions), name: 'mesh-root', role: 'root' },
    'mesh-intermediate': {
      ...MESH_CA,
      name: 'mesh-intermediate',
      role: 'intermediate',
      pathLength: 0,
      lifetime: '365d',
    },
    'mesh-workload': {
      ...COMMON,
      name: 'mesh-workload',
      role: 'end-entity',
      extensions: [
        'basicConstraints',
        'keyUsage',
        'extendedKeyUsage',
        'subjectKeyIdentifier',
        'authorityKeyIdentifier',
        'subjectAltName',
      ],
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      keyEnciphermentForAll: false,
      extendedKeyUsage: FOR_BOTH,
      lifetime: '24h',
    },
    'istio-tools-root': {
      ...TOOLS_CA,
      extensions: rootOf(TOOLS_CA.extensions),
      name: 'istio-tools-root',
      role: 'root',
    },
    'istio-tools-intermediate': {
      ...TOOLS_CA,
      name: 'istio-tools-intermediate',
      role: 'intermediate',
      pathLength: 0,
    },
    'istio-tools-workload': {
      ...COMMON,
      name: 'istio-tools-workload',
      role: 'end-entity',
      extensions: [
        'subjectKeyIdentifier',
        'basicConstraints',
        'keyUsage',
        'extendedKeyUsage',
        'subjectAltName',
        'authorityKeyIdentifier',
      ],
      critical: ['basicConstraints'],
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: FOR_BOTH,
      lifetime: '24h',
      backdate: '0s',
    },
    'istiod-root': {
      ...COMMON,
      name: 'istiod-root',
      role: 'root',
      extensions: rootOf(GO_CA),
      keyUsage: ['keyCertSign'],
    },
    'istiod-intermediate': {
      ...COMMON,
      name: 'istiod-intermediate',
      role: 'intermediate',
      extensions: GO_CA,
      critical: ['basicConstraints', 'keyUsage', 'subjectAltName'],
      keyUsage: ['keyCertSign'],
      lifetime: '24h',
    },
    'istiod-workload': ISTIOD_WORKLOAD,
    'gloo-root': { ...GLOO_CA, extensions: rootOf(GO_CA), name: 'gloo-root', role: 'root' },
    'gloo-intermediate': { ...GLOO_CA, name: 'gloo-intermediate', role: 'intermediate' },
    'gloo-legacy-intermediate': {
      ...GLOO_CA,
      name: 'gloo-legacy-intermediate',
      role: 'intermediate',
      deviations: ['ca-subject'],
    },
    'gloo-relay-root': {
      ...COMMON,
      name: 'gloo-relay-root',
      role: 'root',
      extensions: ['subjectKeyIdentifier', 'authorityKeyIdentifier', 'basicConstraints', 'nameConstraints'],
      critical: ['basicConstraints'],
      keyUsage: [],
      backdate: '0s',
      deviations: ['ca-key-usage'],
    },
    'gloo-relay-signing': {
      ...RELAY,
      name: 'gloo-relay-signing',
      role: 'intermediate',
      critical: ['basicConstraints'],
      keyUsage: ['digitalSignature', 'keyEncipherment', 'keyCertSign'],
    },
    'gloo-relay-server': {
      ...RELAY,
      name: 'gloo-relay-server',
      role: 'end-entity',
      keyUsage: ['digitalSignature', 'keyEncipherment'],
    },
    'gloo-relay-client': {
      ...RELAY,
      name: 'gloo-relay-client',
      role: 'end-entity',
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      lifetime: '365d',
    },
    'spire-workload': {
      ...COMMON,
      name: 'spire-workload',
      role: 'end-entity',
      extensions: [
        'keyUsage',
        'extendedKeyUsage',
        'basicConstraints',
        'subjectKeyIdentifier',
        'authorityKeyIdentifier',
        'subjectAltName',
      ],
      keyUsage: ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
      extendedKeyUsage: FOR_BOTH,
      lifetime: '1h',
      backdate: '10s',
    },
  })

/**
 * Whose certificates to make, where the call says which kind.
 *
 * `mesh`: what RFC 5280 asks of conforming CAs. `istio`: Istio's `tools/certs` for CAs and istiod's for
 * workloads. `gloo`: Gloo Mesh for CAs, from the release that keeps the subject; for workloads istiod's,
 * which signs below them.
 */
export type ProfileFamily = 'mesh' | 'istio' | 'gloo'

/** A family, the name of one profile, or a profile of the caller's own. */
export type ProfileInput = ProfileFamily | CertificateProfileName | CertificateProfile

const FAMILIES: Readonly<Record<ProfileFamily, Readonly<Record<CertificateRole, CertificateProfileName>>>> = {
  mesh: { root: 'mesh-root', intermediate: 'mesh-intermediate', 'end-entity': 'mesh-workload' },
  istio: {
    root: 'istio-tools-root',
    intermediate: 'istio-tools-intermediate',
    'end-entity': 'istiod-workload',
  },
  gloo: { root: 'gloo-root', intermediate: 'gloo-intermediate', 'end-entity': 'istiod-workload' },
}

const isFamily = (name: unknown): name is ProfileFamily =>
  typeof name === 'string' && Object.hasOwn(FAMILIES, name)

const isProfileName = (name: unknown): name is CertificateProfileName =>
  typeof name === 'string' && Object.hasOwn(PROFILES, name)

/** The family that a profile belongs to; `mesh` for one that belongs to none. */
export function familyOf(name: ProfileFamily | CertificateProfileName): ProfileFamily {
  if (isFamily(name)) return name
  return name.startsWith('istio') ? 'istio' : name.startsWith('gloo') ? 'gloo' : 'mesh'
}

/** The profile of an option for a certificate of a role. @throws `TypeError`, `RangeError` for another role's. */
export function profileOf(
  input: ProfileInput,
  role: CertificateRole,
  option = 'profile',
): CertificateProfile {
  const profile = anyProfile(input, role, option)
  if (profile.role === role) return profile
  throw new RangeError(
    `option "${option}": the profile "${profile.name}" is for a certificate of the kind ${profile.role}, but this one is ${role}`,
  )
}

/** The profile of an option; a family is asked for that of `role`. @throws `TypeError`. */
export function anyProfile(input: ProfileInput, role: CertificateRole, option: string): CertificateProfile {
  if (typeof input === 'object' && input !== null) return isShared(input) ? input : readProfile(input, option)
  if (isFamily(input)) return PROFILES[FAMILIES[input][role]]
  if (isProfileName(input)) return PROFILES[input]
  checkOneOf(input, [...Object.keys(FAMILIES), ...Object.keys(PROFILES)], option)
  throw new TypeError(`option "${option}" is no profile`)
}

/** Ours are frozen and need no second look. */
const isShared = (input: CertificateProfile): boolean => Object.values(PROFILES).includes(input)

function freezeAll(
  profiles: Readonly<Record<CertificateProfileName, CertificateProfile>>,
): Readonly<Record<CertificateProfileName, CertificateProfile>> {
  for (const profile of Object.values(profiles)) {
    for (const member of Object.values(profile)) Object.freeze(member)
    Object.freeze(profile)
  }
  return Object.freeze(profiles)
}
