/**
 * Makes key pairs.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type NodeCrypto, type NodeKeyObject, nodeCrypto } from '../internal/node-crypto.ts'
import { checkOneOf, checkOptionNames, readFlag } from '../internal/options.ts'
import {
  type CryptoKeyPairLike,
  defaultWebCrypto,
  readCrypto,
  type WebCryptoLike,
} from '../internal/web-crypto.ts'
import { PrivateKey } from './private-key.ts'

/** Kinds of keys that can be made. */
export type KeyAlgorithm = 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096'

/** Every kind of key that can be made. */
export const KEY_ALGORITHMS: readonly KeyAlgorithm[] = [
  'P-256',
  'P-384',
  'P-521',
  'Ed25519',
  'RSA-2048',
  'RSA-3072',
  'RSA-4096',
]

/** Options of {@link generateKeyPair}. */
export interface GenerateKeyPairOptions {
  /** Whether `exportPrivateKey` may write the key. Default `false`. */
  readonly extractable?: boolean | undefined
  /** A WebCrypto implementation that shall make and hold the key. Default: `node:crypto` where it is, else the runtime's. */
  readonly crypto?: WebCryptoLike | undefined
}

/** A new pair. */
export interface GeneratedKeyPair {
  readonly privateKey: PrivateKey
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
}

/**
 * Makes a key pair. RSA keys have the public exponent 65537 and take from 0.1 to 3 seconds, off the main thread.
 *
 * @throws `MeshPkiError` `ERR_KEY_UNSUPPORTED` for a kind that the WebCrypto in use lacks; `TypeError` for an unknown
 * algorithm or option.
 *
 * @example
 * ```ts
 * import { exportPrivateKey, generateKeyPair } from 'mesh-pki/x509'
 *
 * const { privateKey } = await generateKeyPair('P-256', { extractable: true })
 * const pem = await exportPrivateKey(privateKey, { format: 'pkcs8' })
 * ```
 */
export async function generateKeyPair(
  algorithm: KeyAlgorithm,
  options: GenerateKeyPairOptions = {},
): Promise<GeneratedKeyPair> {
  checkOneOf(algorithm, KEY_ALGORITHMS, 'algorithm')
  checkOptionNames(options, ['extractable', 'crypto'], 'generateKeyPair')
  const extractable = readFlag(options.extractable, 'extractable', false)
  const crypto = readCrypto(options.crypto)
  const node = crypto === undefined ? nodeCrypto() : undefined
  const privateKey = await (node === undefined
    ? generateWeb(algorithm, extractable, crypto ?? defaultWebCrypto())
    : generateNode(algorithm, extractable, node))
  return { privateKey, publicKey: privateKey.publicKey }
}

async function generateNode(
  algorithm: KeyAlgorithm,
  extractable: boolean,
  node: NodeCrypto,
): Promise<PrivateKey> {
  const [type, parameters] = nodeParameters(algorithm)
  const pair =
    algorithm === 'P-256' || algorithm === 'Ed25519'
      ? node.generateKeyPairSync(type, parameters)
      : await new Promise<{ publicKey: NodeKeyObject; privateKey: NodeKeyObject }>((resolve, reject) => {
          node.generateKeyPair(type, parameters, (error, publicKey, privateKey) => {
            if (error === null || error === undefined) resolve({ publicKey, privateKey })
            else reject(error)
          })
        })
  const spki = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }))
  return PrivateKey.fromNode(node, pair.privateKey, spki, extractable)
}

function nodeParameters(algorithm: KeyAlgorithm): [type: string, options: object] {
  if (algorithm === 'Ed25519') return ['ed25519', {}]
  if (algorithm.startsWith('P-')) return ['ec', { namedCurve: algorithm }]
  return ['rsa', { modulusLength: Number(algorithm.slice(4)), publicExponent: 65537 }]
}

async function generateWeb(
  algorithm: KeyAlgorithm,
  extractable: boolean,
  crypto: WebCryptoLike,
): Promise<PrivateKey> {
  const pair = await crypto.subtle
    .generateKey(webParameters(algorithm), extractable, ['sign', 'verify'])
    .catch((error: unknown) => {
      throw isNotSupported(error) ? unsupported(algorithm, error) : error
    })
  if (!isPair(pair)) throw new TypeError('option "crypto" made a single key where a pair was due')
  return PrivateKey.fromCryptoKeyPair(pair, { crypto })
}

function webParameters(algorithm: KeyAlgorithm): { name: string } {
  if (algorithm === 'Ed25519') return { name: 'Ed25519' }
  if (algorithm.startsWith('P-')) return Object.assign({ name: 'ECDSA' }, { namedCurve: algorithm })
  return Object.assign(
    { name: 'RSASSA-PKCS1-v1_5' },
    { modulusLength: Number(algorithm.slice(4)), publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' },
  )
}

/** A DOMException of that name, which structural types cannot name. */
function isNotSupported(error: unknown): boolean {
  return error instanceof Error && error.name === 'NotSupportedError'
}

function unsupported(algorithm: KeyAlgorithm, cause: unknown): MeshPkiError {
  return new MeshPkiError(
    'ERR_KEY_UNSUPPORTED',
    `WebCrypto makes no keys of the kind ${algorithm} here; expected another kind, such as "P-256", or another runtime`,
    { cause },
  )
}

function isPair(value: object): value is CryptoKeyPairLike {
  return 'privateKey' in value && 'publicKey' in value
}
