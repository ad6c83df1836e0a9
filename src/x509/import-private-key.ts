/**
 * Imports private keys from PEM.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { equalBytes } from '../internal/bytes.ts'
import { context, DerCursor, Tag } from '../internal/der.ts'
import { derNull, derOctetString, derSequence, derSmallInteger } from '../internal/der-writer.ts'
import { type NodeCrypto, nodeCrypto } from '../internal/node-crypto.ts'
import { checkOptionNames, readFlag } from '../internal/options.ts'
import {
  type CryptoKeyLike,
  defaultWebCrypto,
  readCrypto,
  type SubtleCryptoLike,
  type WebCryptoLike,
} from '../internal/web-crypto.ts'
import { decryptPkcs8, wrongPassphrase } from './encrypted-key.ts'
import { readOnePem } from './pem.ts'
import { PrivateKey } from './private-key.ts'
import { type Pkcs8Parts, readPkcs8, walkPkcs1, walkSec1 } from './private-key-reader.ts'
import { type KeyKind, readPublicKeyInfo } from './public-key-info.ts'
import { importVerificationKey, webAlgorithm } from './verification-key.ts'

/** PEM labels of private keys. */
const PRIVATE_KEY_LABELS: readonly string[] = [
  'PRIVATE KEY',
  'RSA PRIVATE KEY',
  'EC PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
]

/** Options of {@link importPrivateKey}. */
export interface ImportPrivateKeyOptions {
  /** For `ENCRYPTED PRIVATE KEY`. Text is UTF-8. */
  readonly passphrase?: string | Uint8Array | undefined
  /** Whether `exportPrivateKey` may write the key again. Default `true`: whoever imports it has its text. */
  readonly extractable?: boolean | undefined
  /** A WebCrypto implementation that shall hold the key. Default: `node:crypto` where it is, else the runtime's. */
  readonly crypto?: WebCryptoLike | undefined
}

/**
 * Imports a private key from PEM: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1), `EC PRIVATE KEY`
 * (SEC1), or `ENCRYPTED PRIVATE KEY` (PBES2 with PBKDF2 and AES-CBC).
 *
 * Its public half is computed from it and proven by a trial signature.
 *
 * @throws `MeshPkiError` `ERR_PEM_…` for the text (`ERR_PEM_ENCRYPTED` for the legacy `Proc-Type` form),
 * `ERR_KEY_PASSPHRASE`, `ERR_KEY_FORMAT`, `ERR_KEY_UNSUPPORTED`, `ERR_KEY_WEAK`.
 *
 * @example
 * ```ts
 * import { importPrivateKey } from 'mesh-pki/x509'
 *
 * declare const pem: string
 * const key = await importPrivateKey(pem, { passphrase: 'correct horse battery staple' })
 * ```
 */
export async function importPrivateKey(
  pem: string | Uint8Array,
  options: ImportPrivateKeyOptions = {},
): Promise<PrivateKey> {
  checkOptionNames(options, ['passphrase', 'extractable', 'crypto'], 'importPrivateKey')
  const { label, der } = readOnePem(pem, PRIVATE_KEY_LABELS)
  const pkcs8 = await toPkcs8(label, der, options.passphrase)
  der.fill(0)
  const parts = label === 'ENCRYPTED PRIVATE KEY' ? decryptedParts(pkcs8) : readPkcs8(pkcs8)
  // Version 1 without attributes: OpenSSL 3 does not read the public key of version 2 (RFC 5958 §2).
  const plain = derSequence(derSmallInteger(0), parts.algorithm, derOctetString(parts.key))
  pkcs8.fill(0)
  parts.key.fill(0)
  const extractable = readFlag(options.extractable, 'extractable', true)
  const crypto = readCrypto(options.crypto)
  const node = crypto === undefined ? nodeCrypto() : undefined
  const key =
    node === undefined
      ? await importWeb(plain, parts, extractable, crypto ?? defaultWebCrypto())
      : importNode(plain, extractable, node)
  plain.fill(0)
  const { keyStart, keyEnd } = readPublicKeyInfo(key.publicKey)
  if (parts.publicKey !== undefined && !equalBytes(parts.publicKey, key.publicKey.subarray(keyStart, keyEnd)))
    throw mismatch()
  await provePair(key, crypto)
  return key
}

async function toPkcs8(
  label: string,
  der: Uint8Array,
  passphrase: string | Uint8Array | undefined,
): Promise<Uint8Array> {
  switch (label) {
    case 'ENCRYPTED PRIVATE KEY':
      if (passphrase === undefined)
        throw new MeshPkiError(
          'ERR_KEY_PASSPHRASE',
          'the private key is encrypted; pass the option "passphrase"',
        )
      return decryptPkcs8(der, passphrase)
    case 'RSA PRIVATE KEY':
      walkPkcs1(der)
      return derSequence(derSmallInteger(0), derSequence(RSA_ENCRYPTION, derNull()), derOctetString(der))
    case 'EC PRIVATE KEY':
      if (!walkSec1(der))
        throw new MeshPkiError(
          'ERR_KEY_FORMAT',
          'the SEC1 key does not name its curve (RFC 5915 §3); convert it with: openssl pkcs8 -topk8 -nocrypt',
        )
      return derSequence(derSmallInteger(0), derSequence(EC_PUBLIC_KEY, sec1Curve(der)), derOctetString(der))
    default:
      return der.slice()
  }
}

/** rsaEncryption and id-ecPublicKey as whole OBJECT IDENTIFIERs. */
const RSA_ENCRYPTION: Uint8Array = /* @__PURE__ */ Uint8Array.of(
  6,
  9,
  0x2a,
  0x86,
  0x48,
  0x86,
  0xf7,
  0x0d,
  1,
  1,
  1,
)
const EC_PUBLIC_KEY: Uint8Array = /* @__PURE__ */ Uint8Array.of(6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1)

/** The curve's OBJECT IDENTIFIER, whole, out of a checked SEC1 key. */
function sec1Curve(der: Uint8Array): Uint8Array {
  const cursor = new DerCursor(der)
  cursor.enter(Tag.SEQUENCE, 'ECPrivateKey')
  cursor.integer('ECPrivateKey')
  cursor.octetString('ECPrivateKey')
  cursor.header(context(0), 'ECPrivateKey')
  const start = cursor.offset
  cursor.objectIdentifier('ECPrivateKey')
  return der.slice(start, cursor.offset)
}

/** A wrong passphrase passes the padding check once in 256 times; the structure then tells. */
function decryptedParts(pkcs8: Uint8Array): Pkcs8Parts {
  try {
    return readPkcs8(pkcs8)
  } catch (error) {
    throw error instanceof MeshPkiError && error.code === 'ERR_KEY_UNSUPPORTED'
      ? error
      : wrongPassphrase(error)
  }
}

function importNode(pkcs8: Uint8Array, extractable: boolean, node: NodeCrypto): PrivateKey {
  try {
    const key = node.createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    const spki = new Uint8Array(node.createPublicKey(key).export({ format: 'der', type: 'spki' }))
    return PrivateKey.fromNode(node, key, spki, extractable)
  } catch (error) {
    throw refused(error)
  }
}

async function importWeb(
  pkcs8: Uint8Array,
  parts: Pkcs8Parts,
  extractable: boolean,
  crypto: WebCryptoLike,
): Promise<PrivateKey> {
  const bytes = new Uint8Array(pkcs8)
  try {
    const algorithm = webAlgorithm(kindOf(parts), 'SHA-256')
    const privateKey = await crypto.subtle.importKey('pkcs8', bytes, algorithm, extractable, ['sign'])
    const publicKey = await derivePublicKey(crypto.subtle, bytes, algorithm)
    return await PrivateKey.fromCryptoKeyPair({ privateKey, publicKey }, { crypto })
  } catch (error) {
    throw refused(error)
  } finally {
    bytes.fill(0)
  }
}

/** WebCrypto shows a public key only through the JWK of an extractable private one. */
async function derivePublicKey(
  subtle: SubtleCryptoLike,
  pkcs8: Uint8Array<ArrayBuffer>,
  algorithm: ReturnType<typeof webAlgorithm>,
): Promise<CryptoKeyLike> {
  const key = await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign'])
  const { kty, crv, x, y, n, e } = await subtle.exportKey('jwk', key)
  return subtle.importKey(
    'jwk',
    { ...dropUndefined({ kty, crv, x, y, n, e }), key_ops: ['verify'], ext: true },
    algorithm,
    true,
    ['verify'],
  )
}

function dropUndefined(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(values)) if (value !== undefined) kept[name] = value
  return kept
}

function kindOf(parts: Pkcs8Parts): KeyKind {
  if (parts.type === 'rsa') return 'RSA'
  if (parts.type === 'ed25519') return 'Ed25519'
  // The last octet of the curve's identifier tells the three apart; WebCrypto checks that it is that curve.
  const last = parts.algorithm[parts.algorithm.length - 1]
  return last === 7 ? 'P-256' : last === 0x22 ? 'P-384' : 'P-521'
}

/** Signs and verifies once: a key whose public half belongs to another would issue certificates nobody can verify. */
async function provePair(key: PrivateKey, crypto: WebCryptoLike | undefined): Promise<void> {
  const probe = Uint8Array.of(0x6d, 0x65, 0x73, 0x68)
  let valid: boolean
  try {
    const signature = await key.sign(probe)
    const verifier = await importVerificationKey(key.publicKey, crypto)
    valid = await verifier.verify(key.signatureAlgorithm, probe, signature)
  } catch (error) {
    // Damaged numbers of an RSA key show only here, as an error of the back-end.
    throw refused(error)
  }
  if (!valid) throw mismatch()
}

function mismatch(): MeshPkiError {
  return new MeshPkiError(
    'ERR_KEY_FORMAT',
    'the private key and the public key in the same file do not belong together',
  )
}

function refused(error: unknown): unknown {
  if (error instanceof MeshPkiError) return error
  // The back-end's own message could quote its input; it is left out.
  return new MeshPkiError(
    'ERR_KEY_FORMAT',
    'the private key is refused: its numbers are not a valid key, or its kind is not one of RSA, P-256, P-384, P-521, Ed25519',
  )
}
