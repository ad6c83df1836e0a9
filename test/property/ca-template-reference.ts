/**
 * The reference of the fidelity gate: certificates as `@peculiar/x509` builds them from the tables of
 * mesh-contracts §1.4, §2.4, §2.7 and §6.2, spelled out here once more.
 */
import 'reflect-metadata'
import { createHash, generateKeyPairSync } from 'node:crypto'
import * as peculiar from '@peculiar/x509'
import type { CertificateRole } from '../../src/ca/profiles/certificate-profile.ts'
import type { ProfileFamily } from '../../src/ca/profiles/profiles.ts'
import { extension, oid, seq, set, text, tlv, toHex } from '../fixtures/x509/der.ts'

/** Extensions in order of emission: mesh-contracts §6.2 for `istio` and `gloo`, RFC 5280 for `mesh`. */
const ORDER: Readonly<Record<ProfileFamily, Readonly<Record<'ca' | 'leaf', string>>>> = {
  mesh: { ca: 'BC KU SKI AKI SAN NC', leaf: 'BC KU EKU SKI AKI SAN' },
  istio: { ca: 'SKI BC KU SAN AKI NC', leaf: 'KU EKU BC AKI SAN' },
  gloo: { ca: 'KU BC SKI AKI SAN NC', leaf: 'KU EKU BC AKI SAN' },
}

const { digitalSignature, nonRepudiation, keyEncipherment, keyCertSign, cRLSign } = peculiar.KeyUsageFlags
const CA_USAGE: Readonly<Record<ProfileFamily, number>> = {
  mesh: keyCertSign | cRLSign,
  istio: digitalSignature | nonRepudiation | keyEncipherment | keyCertSign,
  gloo: keyCertSign,
}

export const ALGORITHMS = {
  'ecdsa-sha256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'ecdsa-sha384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  'ecdsa-sha512': { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  ed25519: { name: 'Ed25519', hash: 'SHA-256' },
  'rsa-sha256': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  'rsa-sha384': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  'rsa-sha512': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
} as const
export type Algorithm = keyof typeof ALGORITHMS

/** Nothing is signed: the property is about what is. ECDSA formatters want r || s of the curve's size. */
const SIGNATURE_SIZES: Readonly<Record<string, number>> = { 'P-256': 64, 'P-384': 96, 'P-521': 132 }

const spkiOf = (pair: {
  publicKey: { export(options: { format: 'der'; type: 'spki' }): Buffer }
}): Uint8Array<ArrayBuffer> => new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }))

/** SubjectPublicKeyInfo of one key of each kind. */
export const keys: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  'P-256': spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'P-384': spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  'P-521': spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
  Ed25519: spkiOf(generateKeyPairSync('ed25519')),
  'RSA-2048': spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  'RSA-3072': spkiOf(generateKeyPairSync('rsa', { modulusLength: 3072 })),
}

export type Rdns = readonly Readonly<Record<string, string>>[]
const OIDS: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  L: '2.5.4.7',
  DC: '0.9.2342.19200300.100.1.25',
}

export interface San {
  readonly type: 'dns' | 'email' | 'uri' | 'ip'
  readonly value: string
}

export interface Parameters {
  readonly name: ProfileFamily
  readonly role: CertificateRole
  readonly key: string
  readonly algorithm: Algorithm
  readonly subject: Rdns
  readonly issuer: Rdns
  readonly serial: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  readonly pathLength: number | undefined
  readonly constraints:
    | { readonly permitted: readonly string[]; readonly excluded: readonly string[] }
    | undefined
  readonly authorityKeyId: Uint8Array | undefined
  readonly identifier: 'sha1' | 'sha256' | undefined
  readonly names: readonly San[] | undefined
}

const PECULIAR_TYPES = { dns: 'dns', email: 'email', uri: 'url', ip: 'ip' } as const

/**
 * A name as the caller of `@peculiar/x509` would give it. It sorts no SET OF and reads a leading `#` or
 * quotes as syntax, so such names come in the tests' own DER.
 */
export function peculiarName(rdns: Rdns): peculiar.Name {
  if (rdns.every((rdn) => Object.keys(rdn).length === 1 && !/[#"\\]/.test(Object.values(rdn).join(''))))
    return new peculiar.Name(
      rdns.map((attributes) => Object.fromEntries(Object.entries(attributes).map(([k, v]) => [k, [v]]))),
    )
  const isPrintable = (v: string): boolean => /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(v)
  const attribute = (type: string, v: string): Uint8Array =>
    seq(oid(OIDS[type] ?? ''), text(type === 'DC' ? 0x16 : isPrintable(v) ? 0x13 : 0x0c, v))
  const encoded = rdns.map((attributes) => {
    const members = Object.entries(attributes).map(([k, v]) => attribute(k, v))
    return members.length === 1 ? set(...members) : set(...members.sort((a, b) => Buffer.compare(a, b)))
  })
  return new peculiar.Name(seq(...encoded))
}

/** SubjectPublicKeyInfo's BIT STRING without its first octet. */
function hashOfKey(spki: Uint8Array<ArrayBuffer>, method: 'sha1' | 'sha256'): string {
  const algorithmAt = (spki[1] ?? 0) < 0x80 ? 2 : 2 + ((spki[1] ?? 0) & 0x7f)
  const bitsAt = algorithmAt + 2 + (spki[algorithmAt + 1] ?? 0)
  const long = (spki[bitsAt + 1] ?? 0) < 0x80 ? 0 : (spki[bitsAt + 1] ?? 0) & 0x7f
  return createHash(method)
    .update(spki.subarray(bitsAt + 3 + long))
    .digest('hex')
    .slice(0, 40)
}

export function peculiarExtensions(p: Parameters, spki: Uint8Array<ArrayBuffer>): peculiar.Extension[] {
  const isCa = p.role !== 'end-entity'
  const emptySubject = p.subject.length === 0
  // A key that only signs gets no keyEncipherment in `mesh` (RFC 5480 §3); istiod gives it to every key.
  const leafUsage =
    p.name !== 'mesh' || p.key.startsWith('RSA') ? digitalSignature | keyEncipherment : digitalSignature
  const criticalSan = emptySubject || (isCa ? p.name === 'gloo' : p.name !== 'mesh')
  const made: Readonly<Record<string, () => peculiar.Extension | undefined>> = {
    BC: () => new peculiar.BasicConstraintsExtension(isCa, isCa ? p.pathLength : undefined, true),
    KU: () => new peculiar.KeyUsagesExtension(isCa ? CA_USAGE[p.name] : leafUsage, true),
    EKU: () =>
      new peculiar.ExtendedKeyUsageExtension([
        peculiar.ExtendedKeyUsage.serverAuth,
        peculiar.ExtendedKeyUsage.clientAuth,
      ]),
    SKI: () =>
      p.identifier === undefined
        ? undefined
        : new peculiar.SubjectKeyIdentifierExtension(hashOfKey(spki, p.identifier)),
    AKI: () =>
      p.authorityKeyId === undefined || p.role === 'root'
        ? undefined
        : new peculiar.AuthorityKeyIdentifierExtension(toHex(p.authorityKeyId)),
    SAN: () =>
      p.names === undefined
        ? undefined
        : new peculiar.SubjectAlternativeNameExtension(
            p.names.map(({ type, value }) => ({ type: PECULIAR_TYPES[type], value })),
            criticalSan,
          ),
    NC: () => {
      if (p.constraints === undefined) return undefined
      const subtrees = (hosts: readonly string[]): Uint8Array[] => hosts.map((name) => seq(text(0x82, name)))
      const { permitted, excluded } = p.constraints
      const content = seq(
        ...(permitted.length === 0 ? [] : [tlv(0xa0, ...subtrees(permitted))]),
        tlv(0xa1, ...subtrees(excluded)),
      )
      return new peculiar.Extension(extension({ id: '2.5.29.30', critical: true, value: content }))
    },
  }
  return ORDER[p.name][isCa ? 'ca' : 'leaf']
    .split(' ')
    .map((name) => made[name]?.())
    .filter((made): made is peculiar.Extension => made !== undefined)
}

/** Hex of the TBSCertificate. */
export async function plainBuild(p: Parameters): Promise<string> {
  const signingAlgorithm = ALGORITHMS[p.algorithm]
  const curve = 'namedCurve' in signingAlgorithm ? signingAlgorithm.namedCurve : ''
  const spki = keys[p.key] ?? new Uint8Array()
  const certificate = await peculiar.X509CertificateGenerator.create({
    serialNumber: toHex(p.serial),
    subject: peculiarName(p.subject),
    issuer: peculiarName(p.issuer),
    notBefore: new Date(p.notBefore),
    notAfter: new Date(p.notAfter),
    publicKey: spki.slice(),
    signingAlgorithm,
    signature: new Uint8Array(SIGNATURE_SIZES[curve] ?? 64).fill(1),
    extensions: peculiarExtensions(p, spki),
  })
  const der = new Uint8Array(certificate.rawData)
  return toHex(firstOf(der))
}

/** The first value inside the outer SEQUENCE: the TBSCertificate. */
function firstOf(der: Uint8Array): Uint8Array {
  const headerOf = (at: number): number => 2 + ((der[at + 1] ?? 0) < 0x80 ? 0 : (der[at + 1] ?? 0) & 0x7f)
  const start = headerOf(0)
  const header = headerOf(start)
  let length = der[start + 1] ?? 0
  if (header > 2)
    length = der.subarray(start + 2, start + header).reduce((sum, octet) => sum * 256 + octet, 0)
  return der.subarray(start, start + header + length)
}
