/**
 * Writes private keys as PEM.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import { readOid } from '../internal/oid.ts'
import { checkOneOf, checkOptionNames, readCount } from '../internal/options.ts'
import { defaultWebCrypto } from '../internal/web-crypto.ts'
import { deriveKey } from './encrypted-key.ts'
import { writePem } from './pem.ts'
import { PrivateKey } from './private-key.ts'
import { readPkcs8 } from './private-key-reader.ts'
import { readPublicKeyInfo } from './public-key-info.ts'

/** Options of {@link exportPrivateKey}. */
export interface ExportPrivateKeyOptions {
  /** `pkcs8` (`PRIVATE KEY`), `pkcs1` for RSA (`RSA PRIVATE KEY`), `sec1` for P-256/384/521 (`EC PRIVATE KEY`). */
  readonly format: 'pkcs8' | 'pkcs1' | 'sec1'
  /** Encrypts; `pkcs8` only. PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC. */
  readonly passphrase?: string | Uint8Array | undefined
  /** Rounds of PBKDF2. Default 600,000, the advice of OWASP for HMAC-SHA-256. At least 10,000. */
  readonly iterations?: number | undefined
}

/**
 * Writes an extractable private key as one PEM block.
 *
 * @throws `MeshPkiError` `ERR_KEY_NOT_EXTRACTABLE`; `ERR_KEY_UNSUPPORTED` when the format does not fit the kind of key, or the
 * runtime refuses so many `iterations`.
 *
 * @example
 * ```ts
 * import { exportPrivateKey, generateKeyPair } from 'mesh-pki/x509'
 *
 * const { privateKey } = await generateKeyPair('RSA-4096', { extractable: true })
 * const encrypted = await exportPrivateKey(privateKey, { format: 'pkcs8', passphrase: 'correct horse battery staple' })
 * ```
 */
export async function exportPrivateKey(key: PrivateKey, options: ExportPrivateKeyOptions): Promise<string> {
  checkOptionNames(options, ['format', 'passphrase', 'iterations'], 'exportPrivateKey')
  const format = checkOneOf(options.format, ['pkcs8', 'pkcs1', 'sec1'], 'format')
  if (!(key instanceof PrivateKey))
    throw new TypeError('exportPrivateKey takes a PrivateKey; keys of a KMS or an HSM stay where they are')
  if (!key.extractable) {
    throw new MeshPkiError(
      'ERR_KEY_NOT_EXTRACTABLE',
      'the private key may not be exported: it was made or imported without { extractable: true }',
    )
  }
  if (options.passphrase !== undefined && format !== 'pkcs8') {
    throw new TypeError(
      `option "passphrase" needs format "pkcs8"; the encryption of ${format} files is the legacy one, which is not written`,
    )
  }
  const pkcs8 = await PrivateKey.pkcs8Of(key)
  try {
    if (format === 'pkcs8') {
      return options.passphrase === undefined
        ? writePem('PRIVATE KEY', pkcs8)
        : writePem(
            'ENCRYPTED PRIVATE KEY',
            await encrypt(
              pkcs8,
              checkPassphrase(options.passphrase),
              readCount(options.iterations ?? 600_000, 'iterations', 10_000, 10_000_000),
            ),
          )
    }
    const parts = readPkcs8(pkcs8)
    if (format === 'pkcs1') {
      if (parts.type !== 'rsa') throw mismatch(key, 'pkcs1', 'RSA')
      return writePem('RSA PRIVATE KEY', parts.key)
    }
    if (parts.type !== 'ec') throw mismatch(key, 'sec1', 'P-256, P-384 and P-521')
    return writePem('EC PRIVATE KEY', await sec1(parts.key, key.publicKey))
  } finally {
    pkcs8.fill(0)
  }
}

function mismatch(key: PrivateKey, format: string, kinds: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_KEY_UNSUPPORTED',
    `format "${format}" holds ${kinds} keys; this one is ${key.algorithm}. Use format "pkcs8"`,
  )
}

/** An empty passphrase would look like protection and be none. */
function checkPassphrase(passphrase: string | Uint8Array): string | Uint8Array {
  if (passphrase.length === 0)
    throw new TypeError('option "passphrase" is empty; leave it out for no encryption')
  return passphrase
}

async function encrypt(
  pkcs8: Uint8Array,
  passphrase: string | Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const crypto = defaultWebCrypto()
  const salt = crypto.getRandomValues(new Uint8Array(16))
  const iv = crypto.getRandomValues(new Uint8Array(16))
  const key = await deriveKey(passphrase, { hash: 'SHA-256', salt, iterations, keyBits: 256 }, 'encrypt')
  const encrypted = new Uint8Array(
    await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, new Uint8Array(pkcs8)),
  )
  const { encodeEncryptedKey } = await import('../internal/key-schema.ts')
  return encodeEncryptedKey({ salt, iterations, iv, encrypted })
}

/** SEC1 with curve and point: inside PKCS#8 both may be missing, in a file of its own readers want them. */
async function sec1(inner: Uint8Array, spki: Uint8Array): Promise<Uint8Array> {
  const cursor = new DerCursor(inner)
  cursor.enter(Tag.SEQUENCE, 'ECPrivateKey')
  cursor.integer('ECPrivateKey')
  const start = cursor.octetString('ECPrivateKey')
  const secret = new Uint8Array(inner.subarray(start, cursor.offset))
  const info = readPublicKeyInfo(spki)
  const algorithm = new DerCursor(spki)
  algorithm.enter(Tag.SEQUENCE, 'spki')
  algorithm.enter(Tag.SEQUENCE, 'spki')
  algorithm.objectIdentifier('spki')
  const curve = algorithm.objectIdentifier('spki')
  const { encodeEcKey } = await import('../internal/key-schema.ts')
  return encodeEcKey(
    secret,
    readOid(spki, curve, algorithm.offset),
    new Uint8Array(spki.subarray(info.keyStart, info.keyEnd)),
  )
}
