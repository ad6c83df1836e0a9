/**
 * Encodes the extensions that are the same in every certificate of an issuer and profile.
 *
 * `@peculiar/x509` builds them, once; the door is loaded when the first template is.
 *
 * @module
 */

import { toHex } from '../internal/bytes.ts'
import { Tag } from '../internal/der.ts'
import {
  derObjectIdentifier,
  derOctetString,
  derSequence,
  headerLength,
  writeHeader,
} from '../internal/der-writer.ts'
import type { Oid } from '../x509/extensions/extended-key-usage.ts'
import type { KeyUsageName } from '../x509/extensions/key-usage.ts'

/** DER of a whole Extension. */
export type EncodedExtension = Uint8Array

/** Extensions with a constant value. */
export interface FixedExtensions {
  readonly isCa: boolean
  readonly pathLength: number | undefined
  readonly basicConstraintsCritical: boolean
  /** Empty for none. */
  readonly keyUsage: readonly KeyUsageName[]
  readonly keyUsageCritical: boolean
  /** Empty for none. */
  readonly extendedKeyUsage: readonly Oid[]
  readonly extendedKeyUsageCritical: boolean
  /** The issuer's subject key identifier; `undefined` for none. */
  readonly authorityKeyId: Uint8Array | undefined
}

/** Encodes basic constraints, key usage, extended key usage and authority key identifier. */
export async function encodeFixedExtensions(
  fixed: FixedExtensions,
): Promise<
  Readonly<
    Record<'basicConstraints' | 'keyUsage' | 'extendedKeyUsage' | 'authorityKeyIdentifier', EncodedExtension>
  >
> {
  const {
    AuthorityKeyIdentifierExtension,
    BasicConstraintsExtension,
    ExtendedKeyUsageExtension,
    KeyUsageFlags,
    KeyUsagesExtension,
  } = await import('../internal/peculiar.ts')
  const none = new Uint8Array()
  let flags = 0
  for (const name of fixed.keyUsage) flags |= KeyUsageFlags[name]
  return {
    basicConstraints: bytesOf(
      new BasicConstraintsExtension(fixed.isCa, fixed.pathLength, fixed.basicConstraintsCritical),
    ),
    keyUsage: flags === 0 ? none : bytesOf(new KeyUsagesExtension(flags, fixed.keyUsageCritical)),
    extendedKeyUsage:
      fixed.extendedKeyUsage.length === 0
        ? none
        : bytesOf(new ExtendedKeyUsageExtension([...fixed.extendedKeyUsage], fixed.extendedKeyUsageCritical)),
    authorityKeyIdentifier:
      fixed.authorityKeyId === undefined
        ? none
        : bytesOf(new AuthorityKeyIdentifierExtension(toHex(fixed.authorityKeyId))),
  }
}

function bytesOf(extension: { readonly rawData: ArrayBuffer }): EncodedExtension {
  return new Uint8Array(extension.rawData)
}

/** An extension that varies: its value comes encoded. */
export function encodeExtension(oid: string, critical: boolean, value: Uint8Array): EncodedExtension {
  const flag = critical ? Uint8Array.of(Tag.BOOLEAN, 1, 0xff) : new Uint8Array()
  return derSequence(derObjectIdentifier(oid), flag, derOctetString(value))
}

/** Subject key identifier. */
export function encodeSubjectKeyIdentifier(keyId: Uint8Array): EncodedExtension {
  return encodeCertificateExtension(14, false, derOctetString(keyId))
}

/** Subject alternative name; `names` is DER of GeneralNames. */
export function encodeSubjectAltName(names: Uint8Array, critical: boolean): EncodedExtension {
  return encodeCertificateExtension(17, critical, names)
}

/** Extension 2.5.29.`arc`, written in one piece: it is made for every certificate. */
function encodeCertificateExtension(arc: number, critical: boolean, value: Uint8Array): EncodedExtension {
  const length = 5 + (critical ? 3 : 0) + headerLength(value.length) + value.length
  const out = new Uint8Array(headerLength(length) + length)
  let at = writeHeader(out, 0, Tag.SEQUENCE, length)
  out[at++] = Tag.OBJECT_IDENTIFIER
  out[at++] = 3
  out[at++] = 0x55
  out[at++] = 0x1d
  out[at++] = arc
  if (critical) {
    out[at++] = Tag.BOOLEAN
    out[at++] = 1
    out[at++] = 0xff
  }
  at = writeHeader(out, at, Tag.OCTET_STRING, value.length)
  out.set(value, at)
  return out
}
