/**
 * What a certificate of an external issuer must say, out of the options of `requestCertificate`.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import type { Csr } from '../../csr/csr.ts'
import { toHex } from '../../internal/bytes.ts'
import { DerCursor, Tag } from '../../internal/der.ts'
import { formatDuration, readDuration } from '../../internal/duration.ts'
import { isOid } from '../../internal/oid.ts'
import { checkOneOf, checkOptionNames, readCount, readFlag, typeName } from '../../internal/options.ts'
import { SpiffeId } from '../../spiffe/spiffe-id.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { toCertificates } from '../../x509/certificate-input.ts'
import { ALL_LENIENCIES } from '../../x509/certificate-walker.ts'
import { ExtendedKeyUsage, type Oid } from '../../x509/extensions/extended-key-usage.ts'
import { KEY_USAGE_NAMES, type KeyUsageName } from '../../x509/extensions/key-usage.ts'
import { type NameConstraints, readNameConstraints } from '../../x509/extensions/name-constraints.ts'
import { type GeneralName, readGeneralNames } from '../../x509/general-name.ts'
import { encodeGeneralNames } from '../../x509/general-name-encoder.ts'
import { generalNameKey } from '../../x509/general-name-key.ts'
import { Name, readNameOption } from '../../x509/name.ts'
import { BACKDATE_RULES, checkSubject } from '../issuance-rules.ts'
import { encodeNameConstraints, type NameConstraintsInput } from '../name-constraints-input.ts'
import type { CertificateIntent } from './external-issuer.ts'
import type { RequestCertificateOptions } from './request-options.ts'

/** What must hold for an answer. No issuer is shown these objects; {@link shownIntent} is for that. */
export interface Expectations {
  readonly csr: Csr
  readonly requestId: string
  readonly intent: CertificateIntent
  readonly minLifetimeMs: number
  readonly backdateMs: number
  /** What the chain must allow below or for the certificate; `'any'` for whatever it says. */
  readonly purposes: readonly Oid[] | 'any'
  readonly nameConstraints: NameConstraints | 'any' | undefined
  readonly anchors: readonly Certificate[]
}

/** @throws `MeshPkiError` for names, constraints and anchors; `TypeError`, `RangeError`. */
export function readExpectations(options: RequestCertificateOptions, csr: Csr): Expectations {
  const isCa = readFlag(options.isCa, 'isCa', false)
  const subject = options.subject === undefined ? csr.subject : readNameOption(options.subject, 'subject')
  checkSubject(subject, csr.publicKey, isCa, [])
  const purposes = readPurposes(options.purposes)
  const lifetime = readLifetime(options.lifetime)
  const constraints = readConstraints(options.nameConstraints, isCa)
  const intent: CertificateIntent = Object.freeze({
    isCa,
    pathLength: readPathLength(options.pathLength, isCa),
    subject,
    subjectAltNames: Object.freeze([...readNames(options, csr, isCa)]),
    lifetimeMs: lifetime.max,
    extendedKeyUsage: Object.freeze(isCa || purposes === 'any' ? [] : [...purposes]),
    keyUsage: Object.freeze([...readKeyUsage(options.keyUsage, isCa)]),
    nameConstraints: constraints === 'any' ? undefined : constraints,
  })
  const anchors = toCertificates(options.anchors, 'anchors', { leniency: ALL_LENIENCIES })
  if (anchors.length === 0)
    throw new RangeError('option "anchors" must hold at least one root that is expected')
  return {
    csr,
    intent,
    requestId: readRequestId(options.requestId) ?? requestIdOf(csr, intent),
    minLifetimeMs: lifetime.min,
    backdateMs: lifetime.backdate,
    purposes,
    nameConstraints: constraints,
    anchors,
  }
}

/**
 * A copy for the issuer, frozen throughout. What it writes to the bytes of a name, which cannot be frozen, changes
 * nothing that its answer is compared with.
 */
export function shownIntent(intent: CertificateIntent): CertificateIntent {
  const { subject, subjectAltNames, nameConstraints } = intent
  return Object.freeze({
    ...intent,
    subject: shownName(subject),
    subjectAltNames: shownNames(subjectAltNames),
    nameConstraints:
      nameConstraints === undefined
        ? undefined
        : Object.freeze({
            permitted: shownNames(nameConstraints.permitted),
            excluded: shownNames(nameConstraints.excluded),
          }),
  })
}

function shownName({ der }: Name): Name {
  const name = Name.fromDer(der)
  Object.freeze(name)
  return name
}

const shownNames = (names: readonly GeneralName[]): readonly GeneralName[] =>
  Object.freeze(
    names.map((name) =>
      Object.freeze(
        name.type === 'directory'
          ? { ...name, value: shownName(name.value) }
          : name.type === 'other'
            ? { ...name, value: name.value.slice() }
            : { ...name },
      ),
    ),
  )

function readPathLength(value: unknown, isCa: boolean): number | 'none' {
  if (!isCa) {
    if (value === undefined) return 'none'
    throw new TypeError('option "pathLength" is for a CA; leave it out, or set isCa: true')
  }
  if (value === 'none') return value
  return value === undefined ? 0 : readCount(value, 'pathLength', 0, 255)
}

/** The names, as a certificate would hold them. */
function readNames(
  { id, subjectAltNames }: RequestCertificateOptions,
  csr: Csr,
  isCa: boolean,
): readonly GeneralName[] {
  if (id === undefined && subjectAltNames === undefined) return csr.subjectAltNames
  if (subjectAltNames !== undefined && !Array.isArray(subjectAltNames))
    throw new TypeError(
      `option "subjectAltNames" must be an array of general names; got ${typeName(subjectAltNames)}`,
    )
  const given = [...(subjectAltNames ?? [])]
  if (id !== undefined) given.unshift({ type: 'uri', value: identity(id, isCa) })
  if (given.length === 0) return []
  const names = readGeneralNames(new DerCursor(encodeGeneralNames(given, 'subjectAltNames')))
  if (id !== undefined && names.filter(({ type }) => type === 'uri').length > 1)
    throw new TypeError(
      'option "subjectAltNames" holds a URI, but an SVID has exactly one, its identity: the option "id" (X509-SVID §2)',
    )
  return names
}

function identity(id: unknown, isCa: boolean): string {
  if (typeof id !== 'string' && !(id instanceof SpiffeId))
    throw new TypeError(`option "id" must be a SpiffeId or its text; got ${typeName(id)}`)
  const parsed = SpiffeId.parse(String(id))
  if (!isCa && parsed.path === '')
    throw new TypeError(
      `option "id" is ${String(parsed)}, which has no path; a workload's must have one (X509-SVID §5.2)`,
    )
  return String(parsed)
}

function readLifetime(value: unknown): {
  readonly min: number
  readonly max: number
  readonly backdate: number
} {
  checkOptionNames(value, ['min', 'max', 'backdate'], 'option "lifetime"')
  const { min, max, backdate } = value as Readonly<Record<string, unknown>>
  const longest = readDuration(max, 'lifetime.max')
  const shortest = min === undefined ? 0 : readDuration(min, 'lifetime.min')
  if (shortest > longest)
    throw new RangeError(
      `option "lifetime.min" must not be longer than "lifetime.max", ${formatDuration(longest)}; got ${formatDuration(shortest)}`,
    )
  return {
    min: shortest,
    max: longest,
    backdate: readDuration(backdate ?? '1h', 'lifetime.backdate', BACKDATE_RULES),
  }
}

function readPurposes(value: RequestCertificateOptions['purposes']): readonly Oid[] | 'any' {
  if (value === 'any') return value
  const given: unknown = value ?? ['serverAuth', 'clientAuth']
  if (!Array.isArray(given) || given.length === 0)
    throw new TypeError('option "purposes" must be an array of purposes, at least one, or "any"')
  return given.map((purpose: unknown) => {
    if (purpose === 'serverAuth' || purpose === 'clientAuth') return ExtendedKeyUsage[purpose]
    if (typeof purpose === 'string' && isOid(purpose)) return purpose
    throw new TypeError('option "purposes" must hold "serverAuth", "clientAuth" or object identifiers')
  })
}

/** X509-SVID §4.3 asks a workload for digitalSignature, RFC 5280 §4.2.1.3 a CA for keyCertSign. */
function readKeyUsage(value: unknown, isCa: boolean): readonly KeyUsageName[] {
  const given: unknown = value ?? [isCa ? 'keyCertSign' : 'digitalSignature']
  if (!Array.isArray(given)) throw new TypeError('option "keyUsage" must be an array of names of key usage')
  return given.map((usage: unknown) => checkOneOf(usage, KEY_USAGE_NAMES, 'keyUsage'))
}

function readConstraints(
  input: NameConstraintsInput | 'any' | undefined,
  isCa: boolean,
): Expectations['nameConstraints'] {
  if (input === undefined || input === 'any') return input
  if (!isCa) throw new TypeError('option "nameConstraints" is for a CA; leave it out, or set isCa: true')
  const cursor = new DerCursor(encodeNameConstraints(input))
  cursor.enter(Tag.SEQUENCE, 'Extension')
  cursor.objectIdentifier('Extension')
  cursor.skipAny('critical')
  const start = cursor.octetString('Extension')
  return readNameConstraints(new DerCursor(cursor.bytes, start, cursor.offset))
}

/** What a Kubernetes object, a header and a URL can all hold. */
function readRequestId(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value))
    throw new TypeError(
      'option "requestId" must be at most 63 letters, digits, "-", "_" and ".", the first a letter or digit',
    )
  return value
}

/**
 * The same for the same wish of the same request, another for any other: 128 bits in hexadecimal digits. AWS Private
 * CA takes at most 36 characters.
 */
function requestIdOf(csr: Csr, intent: CertificateIntent): string {
  const { permitted = [], excluded = [] } = intent.nameConstraints ?? {}
  const wish = JSON.stringify([
    'mesh-pki request 1',
    csr.fingerprint(),
    intent.isCa,
    intent.pathLength,
    toHex(intent.subject.der),
    sortedKeys(intent.subjectAltNames),
    intent.lifetimeMs,
    [...intent.extendedKeyUsage].sort(),
    [...intent.keyUsage].sort(),
    sortedKeys(permitted),
    sortedKeys(excluded),
  ])
  return toHex(sha256(new TextEncoder().encode(wish)), 0, 16)
}

const sortedKeys = (names: readonly GeneralName[]): readonly string[] => names.map(generalNameKey).sort()
