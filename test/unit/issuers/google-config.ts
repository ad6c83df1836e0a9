/**
 * How the double reads the message CertificateConfig of google/cloud/security/privateca/v1/resources.proto.
 */
import { type GeneralNameInput, Name } from '../../../src/x509/index.ts'
import { type Json, memberOf, objectOf, Refused, textOf } from './google-messages.ts'

/** AttributeType, and the members of Subject for the same, in the order of Go's pkix.Name. */
const ATTRIBUTES = [
  ['COUNTRY_CODE', 'countryCode', 'C'],
  ['ORGANIZATION', 'organization', 'O'],
  ['ORGANIZATIONAL_UNIT', 'organizationalUnit', 'OU'],
  ['LOCALITY', 'locality', 'L'],
  ['PROVINCE', 'province', 'ST'],
  ['STREET_ADDRESS', 'streetAddress', 'STREET'],
  ['POSTAL_CODE', 'postalCode', 'postalCode'],
  ['COMMON_NAME', 'commonName', 'CN'],
] as const

export const reordered = (subject: Name): Name =>
  Name.from(ATTRIBUTES.flatMap(([, , short]) => subject.values(short).map((value) => ({ [short]: value }))))

export const ofFields = (subject: Json): Name =>
  Name.from(
    ATTRIBUTES.flatMap(([, field, short]) =>
      subject[field] === undefined ? [] : [{ [short]: textOf(subject, field) }],
    ),
  )

/** Subject.rdn_sequence: RelativeDistinguishedName.attributes: AttributeTypeAndValue: type or object_id, and value. */
export function ofSequence(value: unknown): Name {
  if (!Array.isArray(value)) throw new Refused(400, 'INVALID_ARGUMENT', 'rdn_sequence')
  return Name.from(
    value.map((rdn: unknown) => {
      const attributes: unknown = objectOf(rdn, 'rdn')['attributes']
      if (!Array.isArray(attributes)) throw new Refused(400, 'INVALID_ARGUMENT', 'attributes')
      return Object.fromEntries(
        attributes.map((item: unknown) => {
          const attribute = objectOf(item, 'attribute')
          const known = ATTRIBUTES.find(([type]) => type === attribute['type'])
          const path = known === undefined ? memberOf(attribute, 'objectId')['objectIdPath'] : undefined
          return [known?.[2] ?? (path as readonly number[]).join('.'), textOf(attribute, 'value')]
        }),
      )
    }),
  )
}

const ofList = (message: Json, field: string, type: 'dns' | 'uri' | 'email' | 'ip'): GeneralNameInput[] =>
  ((message[field] ?? []) as readonly string[]).map((value) => ({ type, value }))

/** SubjectAltNames: dns_names, uris, email_addresses, ip_addresses. */
export const ofAltNames = (names: Json): readonly GeneralNameInput[] => [
  ...ofList(names, 'uris', 'uri'),
  ...ofList(names, 'dnsNames', 'dns'),
  ...ofList(names, 'emailAddresses', 'email'),
  ...ofList(names, 'ipAddresses', 'ip'),
]

/** X509Parameters.NameConstraints. */
export const ofConstraints = (
  constraints: Json,
): { permitted: readonly GeneralNameInput[]; excluded: readonly GeneralNameInput[] } => {
  const of = (kind: string): readonly GeneralNameInput[] => [
    ...ofList(constraints, `${kind}DnsNames`, 'dns'),
    ...ofList(constraints, `${kind}IpRanges`, 'ip'),
    ...ofList(constraints, `${kind}EmailAddresses`, 'email'),
    ...ofList(constraints, `${kind}Uris`, 'uri'),
  ]
  return { permitted: of('permitted'), excluded: of('excluded') }
}
