/**
 * What a CA remembers of its revocations: one value, plain data, never changed in place.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { fromHex, toHex } from '../../internal/bytes.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../../x509/certificate-input.ts'
import { certificateLabel, nameLabel } from '../../x509/certificate-label.ts'
import { Name } from '../../x509/name.ts'
import type { RevocationReason } from '../../x509/revoked-certificate.ts'

/** One revoked certificate. Instants are text such as `2026-01-01T00:00:00Z`. */
export interface RevocationEntry {
  /** Lower-case hex in whole octets, as `Certificate.serialNumber`. */
  readonly serialNumber: string
  /** When it was revoked first; of a lifted hold, when that was lifted. */
  readonly date: string
  /** `removeFromCRL`: a hold was lifted, which delta CRLs must still say. */
  readonly reason: RevocationReason
  /** Since when the key is known or suspected to be compromised. */
  readonly invalidityDate?: string | undefined
  /** When the certificate expires. Without it the entry stays for good. */
  readonly notAfter?: string | undefined
  /** Whether the certificate is a CA's. Without it the entry is in lists of either kind. */
  readonly isCa?: boolean | undefined
  /** The number of the first CRL that may say so, decimal. */
  readonly since: string
}

/** The newest complete CRL of one scope: what delta CRLs start from, and which entries it showed. */
export interface RecordedCrl {
  /** DER of the issuing distribution point, hex; empty for a CRL about every certificate. */
  readonly scope: string
  /** Decimal. */
  readonly number: string
  readonly thisUpdate: string
  readonly nextUpdate: string
}

/** The state of one CA's revocations, as a `RevocationStore` keeps it. It survives JSON. */
export interface RevocationState {
  readonly schema: 1
  /** DER of the CA's name, hex. */
  readonly issuer: string
  /** SHA-256 of the CA's SubjectPublicKeyInfo, hex. */
  readonly keyId: string
  /** The last CRL number that was given away, decimal; it never decreases. */
  readonly number: string
  /** No delta CRL may start from a complete CRL below this number: what it would have to say is forgotten. */
  readonly floor: string
  /** When the last CRL says that it was issued. */
  readonly thisUpdate?: string | undefined
  readonly complete: readonly RecordedCrl[]
  readonly entries: readonly RevocationEntry[]
}

/** The greatest CRL number: 20 octets, the first bit being the sign (RFC 5280 §5.2.3). */
export const MAX_CRL_NUMBER: bigint = 0x7fffffffffffffffffffffffffffffffffffffffn

/** Options of {@link newRevocationState}. */
export interface NewRevocationStateOptions {
  /** The last CRL number that was given away elsewhere, as by `openssl ca`; the next is one higher. Default 0. */
  readonly lastNumber?: bigint | undefined
}

/**
 * The state of a CA that has revoked nothing. An empty store needs none: it is for CAs that issued CRLs before.
 *
 * **Warning**: a store that begins anew revokes nothing of what was revoked.
 *
 * @throws `TypeError` and `RangeError` for options; what reading a certificate throws.
 *
 * @example
 * ```ts
 * import { memoryRevocationStore, newRevocationState } from 'mesh-pki/ca'
 *
 * declare const caPem: string
 * // The file "crlnumber" of `openssl ca` holds the next number, in hex.
 * const state = newRevocationState(caPem, { lastNumber: 0x1041n - 1n })
 * const store = memoryRevocationStore(state)
 * ```
 */
export function newRevocationState(
  certificate: CertificateInput,
  options: NewRevocationStateOptions = {},
): RevocationState {
  checkOptionNames(options, ['lastNumber'], 'newRevocationState')
  const { lastNumber = 0n } = options
  if (typeof lastNumber !== 'bigint')
    throw new TypeError(`option "lastNumber" must be a bigint; got ${typeName(lastNumber)}`)
  if (lastNumber < 0n || lastNumber >= MAX_CRL_NUMBER)
    throw new RangeError(
      'option "lastNumber" must be from 0 to 2^159 - 2: a CRL number has at most 20 octets (RFC 5280 §5.2.3)',
    )
  return Object.freeze({
    schema: 1,
    ...ownerOf(toCertificate(certificate, 'certificate')),
    number: String(lastNumber),
    floor: '0',
    complete: Object.freeze([]),
    entries: Object.freeze([]),
  })
}

/**
 * Refuses the state of another CA. A renewed certificate for the same key and name is the same CA: its CRLs
 * go on. With another key it signs another list.
 *
 * @throws `MeshPkiError` `ERR_CA_REVOCATION_STATE`.
 */
export function checkOwner(state: RevocationState, certificate: Certificate): void {
  const owner = ownerOf(certificate)
  const name = Name.fromDer(fromHex(state.issuer) ?? new Uint8Array())
  if (state.keyId === owner.keyId && name.equals(certificate.subject)) return
  const [what, expected, found] =
    state.keyId === owner.keyId
      ? ['name', nameLabel(certificate.subject), nameLabel(name)]
      : ['key', owner.keyId, state.keyId]
  throw new MeshPkiError(
    'ERR_CA_REVOCATION_STATE',
    `the revocation store holds the state of another CA than ${certificateLabel(certificate)}: expected the ${what} ${expected}, found ${found}. Each key and name of a CA needs a store of its own; a CA with a new key begins an empty one`,
    { data: { expected, found } },
  )
}

function ownerOf(certificate: Certificate): Pick<RevocationState, 'issuer' | 'keyId'> {
  return { issuer: toHex(certificate.subject.der), keyId: toHex(sha256(certificate.publicKey)) }
}
