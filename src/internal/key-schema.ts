/**
 * ASN.1 schemas of the key encodings that are written (RFC 5915, RFC 5958, RFC 8018).
 *
 * Loads the `@peculiar` door, so it is only reached by a dynamic `import()`.
 *
 * @module
 */

import { AsnConvert, AsnProp, AsnPropTypes, AsnType, AsnTypeTypes, OctetString } from './peculiar.ts'

/** AlgorithmIdentifier with parameters as given. */
@AsnType({ type: AsnTypeTypes.Sequence })
class AlgorithmIdentifier {
  @AsnProp({ type: AsnPropTypes.ObjectIdentifier })
  algorithm = ''

  @AsnProp({ type: AsnPropTypes.Any })
  parameters: ArrayBuffer = new ArrayBuffer(0)

  static of(algorithm: string, parameters: ArrayBuffer): AlgorithmIdentifier {
    return Object.assign(new AlgorithmIdentifier(), { algorithm, parameters })
  }
}

/** PBKDF2-params (RFC 8018 appendix A.2). */
@AsnType({ type: AsnTypeTypes.Sequence })
class Pbkdf2Parameters {
  @AsnProp({ type: OctetString })
  salt: OctetString = new OctetString()

  @AsnProp({ type: AsnPropTypes.Integer })
  iterationCount = 0

  @AsnProp({ type: AlgorithmIdentifier })
  prf: AlgorithmIdentifier = new AlgorithmIdentifier()
}

/** PBES2-params (RFC 8018 appendix A.4). */
@AsnType({ type: AsnTypeTypes.Sequence })
class Pbes2Parameters {
  @AsnProp({ type: AlgorithmIdentifier })
  keyDerivationFunc: AlgorithmIdentifier = new AlgorithmIdentifier()

  @AsnProp({ type: AlgorithmIdentifier })
  encryptionScheme: AlgorithmIdentifier = new AlgorithmIdentifier()
}

/** EncryptedPrivateKeyInfo (RFC 5958 §3). */
@AsnType({ type: AsnTypeTypes.Sequence })
class EncryptedPrivateKeyInfo {
  @AsnProp({ type: AlgorithmIdentifier })
  encryptionAlgorithm: AlgorithmIdentifier = new AlgorithmIdentifier()

  @AsnProp({ type: OctetString })
  encryptedData: OctetString = new OctetString()
}

/** ECPrivateKey (RFC 5915 §3), with its curve as PEM files want it. */
@AsnType({ type: AsnTypeTypes.Sequence })
class EcPrivateKey {
  @AsnProp({ type: AsnPropTypes.Integer })
  version = 1

  @AsnProp({ type: OctetString })
  privateKey: OctetString = new OctetString()

  @AsnProp({ type: AsnPropTypes.ObjectIdentifier, context: 0 })
  parameters = ''

  @AsnProp({ type: AsnPropTypes.BitString, context: 1 })
  publicKey: ArrayBuffer = new ArrayBuffer(0)
}

/** What PBES2 was run with. */
export interface Pbes2Values {
  readonly salt: Uint8Array<ArrayBuffer>
  readonly iterations: number
  readonly iv: Uint8Array<ArrayBuffer>
  readonly encrypted: Uint8Array<ArrayBuffer>
}

/** DER of an EncryptedPrivateKeyInfo: PBES2, PBKDF2 with HMAC-SHA-256, AES-256-CBC. */
export function encodeEncryptedKey({ salt, iterations, iv, encrypted }: Pbes2Values): Uint8Array {
  const kdf = Object.assign(new Pbkdf2Parameters(), {
    salt: new OctetString(salt),
    iterationCount: iterations,
    prf: AlgorithmIdentifier.of('1.2.840.113549.2.9', Uint8Array.of(5, 0).buffer),
  })
  const pbes2 = Object.assign(new Pbes2Parameters(), {
    keyDerivationFunc: AlgorithmIdentifier.of('1.2.840.113549.1.5.12', AsnConvert.serialize(kdf)),
    encryptionScheme: AlgorithmIdentifier.of(
      '2.16.840.1.101.3.4.1.42',
      AsnConvert.serialize(new OctetString(iv)),
    ),
  })
  const info = Object.assign(new EncryptedPrivateKeyInfo(), {
    encryptionAlgorithm: AlgorithmIdentifier.of('1.2.840.113549.1.5.13', AsnConvert.serialize(pbes2)),
    encryptedData: new OctetString(encrypted),
  })
  return new Uint8Array(AsnConvert.serialize(info))
}

/** DER of an ECPrivateKey that names its curve and carries its point. */
export function encodeEcKey(
  privateKey: Uint8Array<ArrayBuffer>,
  curve: string,
  point: Uint8Array<ArrayBuffer>,
): Uint8Array {
  const key = Object.assign(new EcPrivateKey(), {
    privateKey: new OctetString(privateKey),
    parameters: curve,
    publicKey: point.buffer,
  })
  return new Uint8Array(AsnConvert.serialize(key))
}
