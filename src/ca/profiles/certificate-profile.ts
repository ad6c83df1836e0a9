/**
 * Profiles: which extensions a certificate gets, in which order, and which of them are critical.
 *
 * @module
 */

import { checkOneOf, checkOptionNames, readCount, readFlag, typeName } from '../../internal/options.ts'
import { RFC5280_RULES, type Rfc5280Rule } from '../../verify/rfc5280-rules.ts'
import type { Oid } from '../../x509/extensions/extended-key-usage.ts'
import { KEY_USAGE_NAMES, type KeyUsageName } from '../../x509/extensions/key-usage.ts'
import { readPurpose } from './purpose.ts'

/** What a certificate is for, in the terms of RFC 5280 §3.2. */
export type CertificateRole = 'root' | 'intermediate' | 'end-entity'

/** An extension of a profile. Extensions without a value in a certificate are left out. */
export type ProfileExtension =
  | 'basicConstraints'
  | 'keyUsage'
  | 'extendedKeyUsage'
  | 'subjectKeyIdentifier'
  | 'authorityKeyIdentifier'
  | 'subjectAltName'
  | 'nameConstraints'

/** The shape of a certificate, as plain data. */
export interface CertificateProfile {
  /** What messages call it. */
  readonly name: string
  readonly role: CertificateRole
  /** In the order in which they are written. */
  readonly extensions: readonly ProfileExtension[]
  /**
   * Those that are critical. Name constraints always are (RFC 5280 §4.2.1.10), key identifiers never (§4.2.1.1), and a
   * subject alternative name also is when the subject is empty (§4.2.1.6).
   */
  readonly critical: readonly ProfileExtension[]
  readonly keyUsage: readonly KeyUsageName[]
  /** Without it a key that can only sign gets no `keyEncipherment`, which means nothing for it (RFC 5480 §3). */
  readonly keyEnciphermentForAll: boolean
  /** Purposes in the order in which they are written; empty for no extension. */
  readonly extendedKeyUsage: readonly Oid[]
  /** Default path length of a CA; `'none'` for no limit. */
  readonly pathLength: number | 'none'
  /** How long such a certificate is valid where nobody says otherwise. */
  readonly lifetime: string
  /** How far before its issuance it begins. */
  readonly backdate: string
  /** Rules of RFC 5280 §4 that the original breaks, by name. What is issued breaks no other. */
  readonly deviations: readonly Rfc5280Rule[]
}

const EXTENSIONS: readonly ProfileExtension[] = [
  'basicConstraints',
  'keyUsage',
  'extendedKeyUsage',
  'subjectKeyIdentifier',
  'authorityKeyIdentifier',
  'subjectAltName',
  'nameConstraints',
]
const ROLES: readonly CertificateRole[] = ['root', 'intermediate', 'end-entity']
const NEVER_CRITICAL: readonly ProfileExtension[] = ['subjectKeyIdentifier', 'authorityKeyIdentifier']
const MEMBERS = [
  'name',
  'role',
  'extensions',
  'critical',
  'keyUsage',
  'keyEnciphermentForAll',
  'extendedKeyUsage',
  'pathLength',
  'lifetime',
  'backdate',
  'deviations',
]

/**
 * A profile of the caller's, read once and checked.
 *
 * @throws `TypeError` and `RangeError` that name the member.
 */
export function readProfile(input: CertificateProfile, option: string): CertificateProfile {
  checkOptionNames(input, MEMBERS, `option "${option}"`)
  const { name, keyEnciphermentForAll, lifetime, backdate } = input
  const member = (of: string): string => `${option}.${of}`
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`option "${member('name')}" must be a text that messages can show`)
  const role = checkOneOf(input.role, ROLES, member('role'))
  const extensions = readSet(input.extensions, EXTENSIONS, member('extensions'))
  const critical = readSet(input.critical, EXTENSIONS, member('critical'))
  for (const one of critical)
    if (NEVER_CRITICAL.includes(one))
      throw new RangeError(
        `option "${member('critical')}" holds ${one}, which must not be critical (RFC 5280 §4.2.1.1)`,
      )
  const keyUsage = readSet(input.keyUsage, KEY_USAGE_NAMES, member('keyUsage'))
  if (role === 'end-entity' && (keyUsage.includes('keyCertSign') || keyUsage.includes('cRLSign')))
    throw new RangeError(
      `option "${member('keyUsage')}" of an end entity must not hold keyCertSign or cRLSign (RFC 5280 §4.2.1.3)`,
    )
  const purposes = readArray(input.extendedKeyUsage, member('extendedKeyUsage')).map((oid) =>
    readPurpose(oid, member('extendedKeyUsage')),
  )
  const profile: CertificateProfile = Object.freeze({
    name,
    role,
    extensions,
    critical,
    keyUsage,
    keyEnciphermentForAll: readFlag(keyEnciphermentForAll, member('keyEnciphermentForAll'), false),
    extendedKeyUsage: Object.freeze(purposes),
    pathLength:
      input.pathLength === 'none' ? 'none' : readCount(input.pathLength, member('pathLength'), 0, 255),
    lifetime,
    backdate,
    deviations: readSet(input.deviations, RFC5280_RULES, member('deviations')),
  })
  checkConforming(profile, option)
  return profile
}

/** What RFC 5280 §4 would refuse of every certificate of a profile is refused here, where it can be mended. */
function checkConforming(profile: CertificateProfile, option: string): void {
  const { role, extensions, critical, keyUsage, deviations } = profile
  const isCa = role !== 'end-entity'
  const demand = (holds: boolean, rule: Rfc5280Rule | undefined, problem: string): void => {
    if (holds || (rule !== undefined && deviations.includes(rule))) return
    const way = rule === undefined ? '' : `, unless "deviations" holds "${rule}"`
    throw new RangeError(`option "${option}": ${problem}${way}`)
  }
  if (!isCa) {
    demand(
      extensions.includes('subjectAltName'),
      undefined,
      'an end entity needs a place for subjectAltName (RFC 9525 §1.4)',
    )
    demand(
      !extensions.includes('nameConstraints'),
      undefined,
      'name constraints are for CAs (RFC 5280 §4.2.1.10)',
    )
  } else {
    demand(
      extensions.includes('basicConstraints'),
      undefined,
      'a CA must have basicConstraints (RFC 5280 §4.2.1.9)',
    )
    demand(
      critical.includes('basicConstraints'),
      'basic-constraints-critical',
      'basicConstraints of a CA must be critical (RFC 5280 §4.2.1.9)',
    )
    demand(
      extensions.includes('keyUsage') && keyUsage.includes('keyCertSign'),
      'ca-key-usage',
      'a CA must have the key usage keyCertSign (RFC 5280 §4.2.1.3)',
    )
    demand(
      extensions.includes('subjectKeyIdentifier'),
      'ca-subject-key-identifier',
      'a CA must have subjectKeyIdentifier (RFC 5280 §4.2.1.2)',
    )
  }
  if (role !== 'root')
    demand(
      extensions.includes('authorityKeyIdentifier'),
      'authority-key-identifier',
      'authorityKeyIdentifier is missing (RFC 5280 §4.2.1.1)',
    )
  for (const name of ['keyUsage', 'extendedKeyUsage'] as const)
    if (profile[name].length > 0 && !extensions.includes(name))
      throw new RangeError(
        `option "${option}": "${name}" has values and no place among "extensions"; without the extension a key is good for everything`,
      )
}

/** The usages of a certificate for a key: one that can only sign enciphers nothing (RFC 5480 §3), unless the original says so. */
export function usagesOf(
  { role, keyUsage, keyEnciphermentForAll, extendedKeyUsage }: CertificateProfile,
  enciphers: boolean,
): { readonly keyUsage: readonly KeyUsageName[]; readonly extendedKeyUsage: readonly Oid[] } {
  const all = role !== 'end-entity' || enciphers || keyEnciphermentForAll
  return {
    keyUsage: all ? keyUsage : keyUsage.filter((name) => name !== 'keyEncipherment'),
    extendedKeyUsage,
  }
}

function readArray<T>(values: readonly T[], option: string): readonly T[] {
  if (!Array.isArray(values))
    throw new TypeError(`option "${option}" must be an array; got ${typeName(values)}`)
  return [...values]
}

/** Known texts, each once. */
function readSet<T extends string>(values: readonly T[], known: readonly T[], option: string): readonly T[] {
  const read = readArray(values, option).map((value) => checkOneOf(value, known, option))
  if (new Set(read).size !== read.length) throw new RangeError(`option "${option}" holds a value twice`)
  return Object.freeze(read)
}
