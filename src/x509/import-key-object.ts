/**
 * Takes over keys of `node:crypto`.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { digestOf } from '../internal/digests.ts'
import { type NodeCrypto, type NodeKeyObject, nodeCrypto } from '../internal/node-crypto.ts'
import { checkOptionNames, readFlag, typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { PrivateKey } from './private-key.ts'
import { readPublicKeyInfo } from './public-key-info.ts'
import { checkPublicKeyInfo, importNodeKey } from './verification-key.ts'

/** The part of Node's `KeyObject` by which it is known. */
export interface KeyObjectLike {
  readonly type: string
  readonly asymmetricKeyType?: string | undefined
  readonly export: (...options: never[]) => unknown
}

/** Options of {@link importKeyObject}. */
export interface ImportKeyObjectOptions {
  /** Whether `exportPrivateKey` may write the key. Default `false`: who passes a key on need not pass its text on. */
  readonly extractable?: boolean | undefined
}

/**
 * Makes a `PrivateKey` of a private `KeyObject` of `node:crypto`: RSA, P-256, P-384, P-521 or Ed25519. Its public
 * half is computed from it and proven by a trial signature.
 *
 * @throws `MeshPkiError` `ERR_KEY_UNSUPPORTED` for public and secret keys and other kinds, `ERR_KEY_WEAK`,
 * `ERR_KEY_FORMAT` for a key whose halves do not belong together, `ERR_CRYPTO_UNAVAILABLE` where there is no
 * `node:crypto`; `TypeError` for what is no `KeyObject`.
 *
 * @example
 * ```ts
 * import { createPrivateKey } from 'node:crypto'
 * import { readFileSync } from 'node:fs'
 * import { importKeyObject } from 'mesh-pki/x509'
 *
 * const key = importKeyObject(createPrivateKey(readFileSync('ca-key.pem')))
 * console.log(key.algorithm, key.fingerprint())
 * ```
 */
export function importKeyObject(keyObject: KeyObjectLike, options: ImportKeyObjectOptions = {}): PrivateKey {
  checkOptionNames(options, ['extractable'], 'importKeyObject')
  const extractable = readFlag(options.extractable, 'extractable', false)
  if (!isKeyObject(keyObject))
    throw new TypeError(
      `importKeyObject takes a KeyObject of node:crypto; got ${typeName(keyObject)}. PEM is for importPrivateKey, WebCrypto keys are for PrivateKey.fromCryptoKeyPair`,
    )
  const node = nodeCrypto()
  if (node === undefined)
    throw new MeshPkiError(
      'ERR_CRYPTO_UNAVAILABLE',
      'this runtime has no node:crypto, so it has no KeyObject; use importPrivateKey or PrivateKey.fromCryptoKeyPair',
    )
  if (keyObject.type !== 'private')
    throw new MeshPkiError(
      'ERR_KEY_UNSUPPORTED',
      `expected a private KeyObject, found a ${quote(String(keyObject.type), 32)} one: only a private key signs`,
    )
  const publicKey = publicHalf(node, keyObject)
  checkPublicKeyInfo(readPublicKeyInfo(publicKey))
  prove(node, keyObject, publicKey)
  return PrivateKey.fromNode(node, keyObject, publicKey, extractable)
}

function isKeyObject(value: unknown): value is NodeKeyObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    'export' in value &&
    typeof value.export === 'function'
  )
}

/** SubjectPublicKeyInfo. Node itself knows its keys from things that look like them. */
function publicHalf(node: NodeCrypto, key: NodeKeyObject): Uint8Array {
  try {
    return new Uint8Array(node.createPublicKey(key).export({ format: 'der', type: 'spki' }))
  } catch (cause) {
    throw new MeshPkiError(
      'ERR_KEY_UNSUPPORTED',
      'node:crypto finds no public half to this KeyObject; expected a private key of RSA, P-256, P-384, P-521 or Ed25519',
      { cause },
    )
  }
}

/** A key file may hold the public half of another key, and OpenSSL believes it. */
function prove(node: NodeCrypto, key: NodeKeyObject, publicKey: Uint8Array): void {
  const probe = Uint8Array.of(0x6d, 0x65, 0x73, 0x68)
  const held = PrivateKey.fromNode(node, key, publicKey, false)
  const signature = signNow(node, held, key, probe)
  const isOwn = importNodeKey(node, publicKey, 0, publicKey.length).verifySync
  if (signature !== undefined && isOwn?.(held.signatureAlgorithm, probe, signature) === true) return
  throw new MeshPkiError(
    'ERR_KEY_FORMAT',
    'the KeyObject does not sign for its own public half: its private and public key do not belong together, or its numbers are damaged',
  )
}

function signNow(
  node: NodeCrypto,
  { signatureAlgorithm }: PrivateKey,
  key: NodeKeyObject,
  probe: Uint8Array,
): Uint8Array | undefined {
  try {
    return new Uint8Array(node.sign(digestOf(signatureAlgorithm)?.node ?? null, probe, key))
  } catch {
    // The back-end's own message could quote its input; it is left out.
    return undefined
  }
}
