/**
 * Certificates of any shape, also those that the library refuses to issue: DER by the tests' own builder,
 * signatures by `node:crypto`.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { Certificate } from '../../../src/x509/index.ts'
import { commonName, concat, hex, oid, seq, text, tlv } from '../../fixtures/x509/der.ts'

export interface Keys {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export type KeyChoice = 'P-256' | 'P-384' | 'P-521' | 'P-224' | 'Ed25519' | 'Ed448' | 'RSA-1024' | 'RSA-2048'

const pool = new Map<string, Keys>()

/** The same key for the same label: making keys is slow, and nothing here is secret. */
export function keysOf(label: string, kind: KeyChoice = 'P-256'): Keys {
  const known = pool.get(`${kind} ${label}`)
  if (known !== undefined) return known
  const made = generate(kind)
  pool.set(`${kind} ${label}`, made)
  return made
}

function generate(kind: KeyChoice): Keys {
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519')
  if (kind === 'Ed448') return generateKeyPairSync('ed448')
  if (kind === 'RSA-1024') return generateKeyPairSync('rsa', { modulusLength: 1024 })
  if (kind === 'RSA-2048') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  return generateKeyPairSync('ec', { namedCurve: kind })
}

/** How to sign: AlgorithmIdentifier and digest. */
export interface Algorithm {
  readonly identifier: Uint8Array
  readonly digest: string | null
  readonly options?: { readonly padding: number; readonly saltLength: number }
}

export const ALGORITHMS = {
  'ecdsa-sha256': { identifier: hex('300a06082a8648ce3d040302'), digest: 'sha256' },
  'ecdsa-sha1': { identifier: hex('300906072a8648ce3d0401'), digest: 'sha1' },
  'rsa-sha256': { identifier: hex('300d06092a864886f70d01010b0500'), digest: 'sha256' },
  'rsa-sha1': { identifier: hex('300d06092a864886f70d0101050500'), digest: 'sha1' },
  ed25519: { identifier: hex('300506032b6570'), digest: null },
  ed448: { identifier: hex('300506032b6571'), digest: null },
} as const satisfies Record<string, Algorithm>

function usualAlgorithm({ asymmetricKeyType }: KeyObject): Algorithm {
  if (asymmetricKeyType === 'ed25519') return ALGORITHMS.ed25519
  if (asymmetricKeyType === 'ed448') return ALGORITHMS.ed448
  return asymmetricKeyType === 'rsa' ? ALGORITHMS['rsa-sha256'] : ALGORITHMS['ecdsa-sha256']
}

export interface Recipe {
  /** A common name, or a whole name as DER. */
  readonly subject: string | Uint8Array
  /** Who signs; the certificate itself where absent. */
  readonly issuer?: Issuer | undefined
  readonly keys?: Keys
  readonly notBefore?: string
  readonly notAfter?: string
  readonly serial?: number
  /** Encoded extensions; a CA's usual ones where `ca` is given. */
  readonly extensions?: readonly Uint8Array[]
  readonly algorithm?: Algorithm
  /** `null` for a v1 certificate. */
  readonly version?: null
}

/** What signs: a name and a key. */
interface Issuer {
  readonly name: Uint8Array
  readonly keys: Keys
}

/** A certificate that was made, and what is needed to sign with it. */
export interface Forged extends Issuer {
  readonly der: Uint8Array
  readonly certificate: Certificate
  /** Its subject key identifier, if it were to have one: SHA-1 of the key. */
  readonly keyId: Uint8Array
}

export const EMPTY_NAME = seq()

/** The instant at which everything is judged unless a test says otherwise. */
export const NOW = new Date('2026-06-01T00:00:00Z')

let serials = 1

/** DER of a certificate, whatever it says. */
export function forgeDer(recipe: Recipe): Uint8Array {
  const keys = recipe.keys ?? keysOf(String(recipe.subject))
  const name = nameOf(recipe.subject)
  const issuer = recipe.issuer ?? { name, keys }
  const algorithm: Algorithm = recipe.algorithm ?? usualAlgorithm(issuer.keys.privateKey)
  const extensions = recipe.extensions ?? []
  const tbs = seq(
    recipe.version === null ? hex('') : hex('a003020102'),
    tlv(2, integer(recipe.serial ?? serials++)),
    algorithm.identifier,
    issuer.name,
    seq(time(recipe.notBefore ?? '2026-01-01T00:00:00Z'), time(recipe.notAfter ?? '2027-01-01T00:00:00Z')),
    name,
    keys.publicKey.export({ format: 'der', type: 'spki' }),
    extensions.length === 0 ? hex('') : tlv(0xa3, seq(...extensions)),
  )
  const signature = sign(algorithm.digest, tbs, { key: issuer.keys.privateKey, ...algorithm.options })
  return seq(tbs, algorithm.identifier, tlv(3, hex('00'), signature))
}

/** A certificate that this library can read. */
export function forge(recipe: Recipe): Forged {
  const keys = recipe.keys ?? keysOf(String(recipe.subject))
  const der = forgeDer({ ...recipe, keys })
  return {
    der,
    certificate: Certificate.fromDer(der),
    name: nameOf(recipe.subject),
    keys,
    keyId: keyIdOf(keys),
  }
}

/** A CA: critical basic constraints with cA, key usage keyCertSign, and then what the recipe adds. */
export function forgeCa(recipe: Recipe & { readonly pathLength?: number }): Forged {
  return forge({
    ...recipe,
    extensions: [basicConstraints(true, recipe.pathLength), keyUsage(5), ...(recipe.extensions ?? [])],
  })
}

const nameOf = (subject: string | Uint8Array): Uint8Array =>
  typeof subject === 'string' ? commonName(subject) : subject

/** RFC 5280 §4.2.1.2, method (1). */
export function keyIdOf({ publicKey }: Keys): Uint8Array {
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return new Uint8Array(createHash('sha1').update(spki).digest())
}

function integer(value: number): Uint8Array {
  const digits = value.toString(16)
  return hex(`00${digits.length % 2 === 0 ? digits : `0${digits}`}`.replace(/^00(?=[0-7])/, ''))
}

function time(iso: string): Uint8Array {
  const digits = iso.replace(/[-T:]|\.\d+/g, '')
  return Number(iso.slice(0, 4)) < 2050 ? text(0x17, digits.slice(2)) : text(0x18, digits)
}

/** An extension by its last arc under 2.5.29, or by its whole object identifier. */
export function ext(id: number | string, value: Uint8Array, critical = false): Uint8Array {
  return seq(
    oid(typeof id === 'number' ? `2.5.29.${id}` : id),
    critical ? hex('0101ff') : hex(''),
    tlv(4, value),
  )
}

export const basicConstraints = (ca: boolean, pathLength?: number, critical = true): Uint8Array =>
  ext(
    19,
    seq(ca ? hex('0101ff') : hex(''), pathLength === undefined ? hex('') : tlv(2, integer(pathLength))),
    critical,
  )

/** One bit of key usage by its number (RFC 5280 §4.2.1.3): 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
export const keyUsage = (bit: number, critical = true): Uint8Array =>
  ext(15, tlv(3, Uint8Array.of(7 - bit, 0x80 >> bit)), critical)

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
export const EMAIL_PROTECTION = '1.3.6.1.5.5.7.3.4'
export const ANY_EKU = '2.5.29.37.0'

export const eku = (...ids: readonly string[]): Uint8Array => ext(37, seq(...ids.map((id) => oid(id))))
export const ski = (id: Uint8Array): Uint8Array => ext(14, tlv(4, id))
export const aki = (id: Uint8Array): Uint8Array => ext(35, seq(tlv(0x80, id)))
export const san = (names: readonly Uint8Array[], critical = false): Uint8Array =>
  ext(17, seq(...names), critical)

export const dns = (value: string): Uint8Array => text(0x82, value)
export const email = (value: string): Uint8Array => text(0x81, value)
export const uri = (value: string): Uint8Array => text(0x86, value)
/** Octets of an address, or of address and mask. */
export const ip = (octets: string): Uint8Array => tlv(0x87, hex(octets))
export const directory = (name: Uint8Array): Uint8Array => tlv(0xa4, name)
export const registeredId = (id: string): Uint8Array => oid(id, 0x88)
export const otherName = (id: string, value: string): Uint8Array =>
  tlv(0xa0, oid(id), tlv(0xa0, text(0x0c, value)))

export function nameConstraints(
  { permitted = [], excluded = [] }: { permitted?: readonly Uint8Array[]; excluded?: readonly Uint8Array[] },
  critical = true,
): Uint8Array {
  const subtrees = (tag: number, names: readonly Uint8Array[]): Uint8Array =>
    names.length === 0 ? hex('') : tlv(tag, ...names.map((name) => seq(name)))
  return ext(30, seq(subtrees(0xa0, permitted), subtrees(0xa1, excluded)), critical)
}

/** The certificate with its last bit, which is the signature's, changed. */
export function withBadSignature(der: Uint8Array): Uint8Array {
  const copy = concat(der)
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1
  return copy
}
