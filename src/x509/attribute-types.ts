/**
 * Attribute types of names and their short forms (RFC 4514 §3, RFC 4519 §2, PKCS#9 for e-mail).
 *
 * @module
 */

/** Short forms that are written; the first of two for the same identifier wins. */
const SHORT_NAMES: readonly (readonly [name: string, oid: string])[] = [
  ['CN', '2.5.4.3'],
  ['SN', '2.5.4.4'],
  ['serialNumber', '2.5.4.5'],
  ['C', '2.5.4.6'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['STREET', '2.5.4.9'],
  ['O', '2.5.4.10'],
  ['OU', '2.5.4.11'],
  ['title', '2.5.4.12'],
  ['description', '2.5.4.13'],
  ['businessCategory', '2.5.4.15'],
  ['postalCode', '2.5.4.17'],
  ['name', '2.5.4.41'],
  ['GN', '2.5.4.42'],
  ['initials', '2.5.4.43'],
  ['generationQualifier', '2.5.4.44'],
  ['dnQualifier', '2.5.4.46'],
  ['pseudonym', '2.5.4.65'],
  ['organizationIdentifier', '2.5.4.97'],
  ['DC', '0.9.2342.19200300.100.1.25'],
  ['UID', '0.9.2342.19200300.100.1.1'],
  ['emailAddress', '1.2.840.113549.1.9.1'],
]

/** Other spellings that are read. */
const LONG_NAMES: readonly (readonly [name: string, oid: string])[] = [
  ['commonName', '2.5.4.3'],
  ['surname', '2.5.4.4'],
  ['countryName', '2.5.4.6'],
  ['localityName', '2.5.4.7'],
  ['stateOrProvinceName', '2.5.4.8'],
  ['S', '2.5.4.8'],
  ['streetAddress', '2.5.4.9'],
  ['organizationName', '2.5.4.10'],
  ['organizationalUnitName', '2.5.4.11'],
  ['givenName', '2.5.4.42'],
  ['domainComponent', '0.9.2342.19200300.100.1.25'],
  ['userId', '0.9.2342.19200300.100.1.1'],
  ['E', '1.2.840.113549.1.9.1'],
]

/** The short name of an attribute type, if it has one. */
export function attributeShortName(oid: string): string | undefined {
  for (const [name, id] of SHORT_NAMES) if (id === oid) return name
  return undefined
}

/** The identifier of a short or long name, in any case (RFC 4512 §1.4). */
export function attributeOid(name: string): string | undefined {
  const wanted = name.toLowerCase()
  for (const [known, oid] of SHORT_NAMES) if (known.toLowerCase() === wanted) return oid
  for (const [known, oid] of LONG_NAMES) if (known.toLowerCase() === wanted) return oid
  return undefined
}

/** Attribute types that RFC 5280 appendix A fixes to PrintableString: country, serial number, DN qualifier. */
export function isPrintableOnly(oid: string): boolean {
  return oid === '2.5.4.6' || oid === '2.5.4.5' || oid === '2.5.4.46'
}

/** Attribute types that RFC 5280 appendix A fixes to IA5String: domain component, e-mail address. */
export function isIa5Only(oid: string): boolean {
  return oid === '0.9.2342.19200300.100.1.25' || oid === '1.2.840.113549.1.9.1'
}
