/**
 * CRLs of any shape, signed by whoever the test says: DER by the tests' own builder, signatures by `node:crypto`.
 */
import { sign } from 'node:crypto'
import { CertificateList } from '../../../src/x509/index.ts'
import { concat, hex, seq, text, tlv } from '../../fixtures/x509/der.ts'
import { int, reasonCode } from '../x509/certificate-list-support.ts'
import {
  ALGORITHMS,
  type Algorithm,
  basicConstraints,
  directory,
  ext,
  type Forged,
  forge,
  type Keys,
  type Recipe,
  uri,
} from './forge.ts'

/** CRLReason (RFC 5280 §5.3.1). */
export const Reason = {
  keyCompromise: 1,
  cACompromise: 2,
  superseded: 4,
  certificateHold: 6,
  removeFromCRL: 8,
} as const

/** Whoever signs: its name and key, or a certificate that was forged. */
interface Signer {
  readonly name: Uint8Array
  readonly keys: Keys
}

/** A certificate that a CRL lists. */
interface RevokedRecipe {
  readonly certificate: Forged
  readonly reason?: number
  readonly extensions?: readonly Uint8Array[]
}

export interface CrlRecipe {
  /** Signs, and gives the issuer's name unless `name` does. */
  readonly issuer: Signer
  readonly name?: Uint8Array
  readonly revoked?: readonly (Forged | RevokedRecipe)[]
  readonly thisUpdate?: string
  /** `null` for a CRL without it. */
  readonly nextUpdate?: string | null
  /** The CRL number; `null` for none. */
  readonly number?: number | null
  /** The number of the complete CRL that a delta CRL starts from. */
  readonly base?: number
  /** Fields of the issuing distribution point. */
  readonly scope?: readonly Uint8Array[]
  readonly extensions?: readonly Uint8Array[]
  readonly algorithm?: Algorithm
}

/** INTEGER content of a small number that is not negative. */
const digits = (value: number): string => {
  const even = value.toString(16).padStart(2, '0')
  const whole = even.length % 2 === 0 ? even : `0${even}`
  return Number.parseInt(whole.slice(0, 2), 16) < 0x80 ? whole : `00${whole}`
}

const time = (iso: string): Uint8Array => text(0x17, iso.replace(/[-T:]/g, '').slice(2))

function entry(revoked: Forged | RevokedRecipe): Uint8Array {
  const {
    certificate,
    reason,
    extensions = [],
  }: RevokedRecipe = 'certificate' in revoked && !('der' in revoked)
    ? revoked
    : { certificate: revoked as Forged }
  const all = [...extensions, ...(reason === undefined ? [] : [reasonCode(reason)])]
  return seq(
    int(certificate.certificate.serialNumber),
    time('2026-05-20T00:00:00Z'),
    all.length === 0 ? hex('') : seq(...all),
  )
}

/** DER of a CRL: from a week before the usual time of the check until three weeks behind it. */
export function forgeCrl(recipe: CrlRecipe): Uint8Array<ArrayBuffer> {
  const { issuer, revoked = [], number = 1, base, scope, nextUpdate } = recipe
  const algorithm: Algorithm =
    recipe.algorithm ??
    (issuer.keys.privateKey.asymmetricKeyType === 'ed25519' ? ALGORITHMS.ed25519 : ALGORITHMS['ecdsa-sha256'])
  const extensions = [
    ...(number === null ? [] : [ext(20, int(digits(number)))]),
    ...(base === undefined ? [] : [ext(27, int(digits(base)), true)]),
    ...(scope === undefined ? [] : [ext(28, seq(...scope), true)]),
    ...(recipe.extensions ?? []),
  ]
  const tbs = seq(
    hex('020101'),
    algorithm.identifier,
    recipe.name ?? issuer.name,
    time(recipe.thisUpdate ?? '2026-05-25T00:00:00Z'),
    nextUpdate === null ? hex('') : time(nextUpdate ?? '2026-06-22T00:00:00Z'),
    revoked.length === 0 ? hex('') : seq(...revoked.map(entry)),
    extensions.length === 0 ? hex('') : tlv(0xa0, seq(...extensions)),
  )
  const signature = sign(algorithm.digest, tbs, { key: issuer.keys.privateKey, ...algorithm.options })
  return seq(tbs, algorithm.identifier, tlv(3, hex('00'), signature))
}

/** The same, read. */
export const readCrl = (recipe: CrlRecipe): CertificateList => CertificateList.fromDer(forgeCrl(recipe))

/** Key usage keyCertSign and cRLSign, what a CA that issues CRLs has. */
export const CA_AND_CRLS = ext(15, hex('03020106'), true)

/** A CA that may sign CRLs. */
export const forgeCrlCa = (recipe: Recipe): Forged =>
  forge({ ...recipe, extensions: [basicConstraints(true), CA_AND_CRLS, ...(recipe.extensions ?? [])] })

/** Fields of IssuingDistributionPoint (RFC 5280 §5.2.5). */
export const fullName = (...names: readonly Uint8Array[]): Uint8Array => tlv(0xa0, tlv(0xa0, ...names))
/** One attribute, an RDN relative to the CRL issuer's name. */
export const relativeName = (attribute: Uint8Array): Uint8Array => tlv(0xa0, tlv(0xa1, attribute))
export const ONLY_USERS = hex('8101ff')
export const ONLY_CAS = hex('8201ff')
export const INDIRECT = hex('8401ff')
export const ONLY_ATTRIBUTES = hex('8501ff')
export const onlySomeReasons = (...bits: readonly number[]): Uint8Array => reasonFlags(0x83, bits)

/** ReasonFlags as a named bit list: no trailing zero bits (X.690 §11.2.2). */
function reasonFlags(tag: number, bits: readonly number[]): Uint8Array {
  const highest = Math.max(...bits)
  const octets = new Uint8Array((highest >> 3) + 1)
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return tlv(tag, concat(Uint8Array.of(7 - (highest & 7)), octets))
}

/** One DistributionPoint of a certificate (RFC 5280 §4.2.1.13). */
export function point(parts: {
  readonly name?: Uint8Array
  readonly reasons?: readonly number[]
  readonly crlIssuer?: readonly Uint8Array[]
}): Uint8Array {
  const { name = hex(''), reasons, crlIssuer } = parts
  return seq(
    name,
    reasons === undefined ? hex('') : reasonFlags(0x81, reasons),
    crlIssuer === undefined ? hex('') : tlv(0xa2, ...crlIssuer.map(directory)),
  )
}

export const distributionPoints = (...points: readonly Uint8Array[]): Uint8Array => ext(31, seq(...points))

/** A distribution point of one URI. */
export const pointAt = (address: string): Uint8Array => point({ name: fullName(uri(address)) })

/** The CRL with its last bit, which is the signature's, changed. */
export function withBadCrlSignature(der: Uint8Array): Uint8Array {
  const copy = concat(der)
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1
  return copy
}
