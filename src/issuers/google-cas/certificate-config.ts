/**
 * What a certificate shall say, as the message `CertificateConfig` of CA Service, in which no CSR has a say.
 *
 * @module
 */

import type { CertificateIntent, IssuerRequest } from '../../ca/external/external-issuer.ts'
import { encodeBase64 } from '../../internal/base64.ts'
import { ExtendedKeyUsage } from '../../x509/extensions/extended-key-usage.ts'
import type { KeyUsageName } from '../../x509/extensions/key-usage.ts'
import type { NameConstraints } from '../../x509/extensions/name-constraints.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import type { Name, NameAttribute } from '../../x509/name.ts'

/** `Certificate.subject_mode`. */
export type SubjectMode = 'DEFAULT' | 'RDN_SEQUENCE' | 'REFLECTED_SPIFFE'

type Json = Readonly<Record<string, unknown>>

/** What cannot be said in this message. */
export class UnwritableRequest extends Error {}

/** @throws {@link UnwritableRequest}. */
export function certificateConfig({ csr, intent }: IssuerRequest, mode: SubjectMode): Json {
  return {
    subjectConfig: {
      subject:
        mode === 'RDN_SEQUENCE' ? { rdnSequence: rdnSequence(intent.subject) } : fields(intent.subject),
      subjectAltName: alternativeNames(intent.subjectAltNames),
    },
    x509Config: x509Config(intent),
    // `PublicKey.key` may be a CSR, which serves for its key alone.
    publicKey: { format: 'PEM', key: encodeBase64(new TextEncoder().encode(csr.toPem())) },
  }
}

/** `AttributeType`, and the members of `Subject` that stand for the same. */
const ATTRIBUTES: ReadonlyMap<string, readonly [type: string, field: string]> = new Map([
  ['2.5.4.3', ['COMMON_NAME', 'commonName']],
  ['2.5.4.6', ['COUNTRY_CODE', 'countryCode']],
  ['2.5.4.7', ['LOCALITY', 'locality']],
  ['2.5.4.8', ['PROVINCE', 'province']],
  ['2.5.4.9', ['STREET_ADDRESS', 'streetAddress']],
  ['2.5.4.10', ['ORGANIZATION', 'organization']],
  ['2.5.4.11', ['ORGANIZATIONAL_UNIT', 'organizationalUnit']],
  ['2.5.4.17', ['POSTAL_CODE', 'postalCode']],
])

function rdnSequence(subject: Name): readonly Json[] {
  return subject.rdns.map((rdn) => ({
    attributes: rdn.map((attribute) => {
      const [type] = ATTRIBUTES.get(attribute.type) ?? []
      const value = textOf(attribute)
      return type === undefined ? { objectId: objectId(attribute.type), value } : { type, value }
    }),
  }))
}

function fields(subject: Name): Json {
  const found = new Map<string, string>()
  for (const attribute of subject.rdns.flat()) {
    const [, field] = ATTRIBUTES.get(attribute.type) ?? []
    if (field === undefined || found.has(field))
      throw new UnwritableRequest(
        `the subject has ${attribute.shortName ?? attribute.type}${field === undefined ? '' : ' twice'}, which the subject mode DEFAULT cannot say; use RDN_SEQUENCE`,
      )
    found.set(field, textOf(attribute))
  }
  return Object.fromEntries(found)
}

function textOf({ type, value }: NameAttribute): string {
  if (value !== undefined) return value
  throw new UnwritableRequest(`the value of ${type} in the subject is no text`)
}

/** `SubjectAltNames` has these forms alone. */
const NAME_LISTS = { dns: 'dnsNames', uri: 'uris', email: 'emailAddresses', ip: 'ipAddresses' } as const

function alternativeNames(names: readonly GeneralName[]): Json {
  const lists = new Map<string, string[]>()
  for (const name of names) push(lists, listOf(name, NAME_LISTS, 'among the names'), name)
  return Object.fromEntries(lists)
}

const SUBTREES = {
  permitted: {
    dns: 'permittedDnsNames',
    ip: 'permittedIpRanges',
    email: 'permittedEmailAddresses',
    uri: 'permittedUris',
  },
  excluded: {
    dns: 'excludedDnsNames',
    ip: 'excludedIpRanges',
    email: 'excludedEmailAddresses',
    uri: 'excludedUris',
  },
} as const

/** Critical, as RFC 5280 §4.2.1.10 wants them. */
function nameConstraints(constraints: NameConstraints): Json {
  const lists = new Map<string, string[]>()
  for (const kind of ['permitted', 'excluded'] as const)
    for (const name of constraints[kind])
      push(lists, listOf(name, SUBTREES[kind], 'among the name constraints'), name)
  return { critical: true, ...Object.fromEntries(lists) }
}

function listOf(
  { type }: GeneralName,
  lists: Readonly<Record<'dns' | 'uri' | 'email' | 'ip', string>>,
  where: string,
): string {
  if (type === 'dns' || type === 'uri' || type === 'email' || type === 'ip') return lists[type]
  throw new UnwritableRequest(
    `a name of the form "${type}" is ${where}, and CA Service has dns, uri, email and ip; send the CSR instead`,
  )
}

function push(lists: Map<string, string[]>, list: string, { value }: GeneralName): void {
  const known = lists.get(list)
  if (known === undefined) lists.set(list, [String(value)])
  else known.push(String(value))
}

/** `KeyUsage.KeyUsageOptions`. */
const KEY_USAGE: Readonly<Record<KeyUsageName, string>> = {
  digitalSignature: 'digitalSignature',
  nonRepudiation: 'contentCommitment',
  keyEncipherment: 'keyEncipherment',
  dataEncipherment: 'dataEncipherment',
  keyAgreement: 'keyAgreement',
  keyCertSign: 'certSign',
  cRLSign: 'crlSign',
  encipherOnly: 'encipherOnly',
  decipherOnly: 'decipherOnly',
}

/** `KeyUsage.ExtendedKeyUsageOptions`; all others go by their identifiers. */
const PURPOSES: ReadonlyMap<string, string> = new Map([
  [ExtendedKeyUsage.serverAuth, 'serverAuth'],
  [ExtendedKeyUsage.clientAuth, 'clientAuth'],
  [ExtendedKeyUsage.codeSigning, 'codeSigning'],
  [ExtendedKeyUsage.emailProtection, 'emailProtection'],
  [ExtendedKeyUsage.timeStamping, 'timeStamping'],
  [ExtendedKeyUsage.ocspSigning, 'ocspSigning'],
])

function x509Config(intent: CertificateIntent): Json {
  const { isCa, pathLength, extendedKeyUsage } = intent
  // A CA whose certificates can be revoked signs CRLs too.
  const usage = new Set<KeyUsageName>([...intent.keyUsage, ...(isCa ? (['cRLSign'] as const) : [])])
  const named = extendedKeyUsage.map((oid) => PURPOSES.get(oid)).filter((name) => name !== undefined)
  const others = extendedKeyUsage.filter((oid) => !PURPOSES.has(oid))
  return {
    caOptions: isCa
      ? { isCa, ...(pathLength === 'none' ? {} : { maxIssuerPathLength: pathLength }) }
      : { isCa },
    keyUsage: {
      baseKeyUsage: flags([...usage].map((name) => KEY_USAGE[name])),
      ...(named.length === 0 ? {} : { extendedKeyUsage: flags(named) }),
      ...(others.length === 0 ? {} : { unknownExtendedKeyUsages: others.map(objectId) }),
    },
    ...(intent.nameConstraints === undefined
      ? {}
      : { nameConstraints: nameConstraints(intent.nameConstraints) }),
  }
}

const flags = (names: readonly string[]): Json => Object.fromEntries(names.map((name) => [name, true]))

/** `ObjectId.object_id_path` is a list of int32. */
function objectId(oid: string): Json {
  const path = oid.split('.').map(Number)
  if (path.some((arc) => arc > 0x7fff_ffff))
    throw new UnwritableRequest(`the object identifier ${oid} has a number above 2^31 - 1`)
  return { objectIdPath: path }
}
