/**
 * The double of Vault's transit engine: what the fields of its API documents mean.
 */
import { execFileSync } from 'node:child_process'
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { field, type Json, Refused } from './vault-double-json.ts'

/** Transit API, Create key: the types that sign. */
export type TransitType = 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519' | 'rsa-2048'

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** A named key, its versions oldest first. */
export interface TransitKey {
  readonly type: TransitType
  readonly keys: readonly KeyPair[]
}

const HASHES: Readonly<Record<string, string>> = {
  'sha2-256': 'sha256',
  'sha2-384': 'sha384',
  'sha2-512': 'sha512',
}

/**
 * Transit API, Sign data: `key_version`, `hash_algorithm` in the path, `input`, `prehashed`, `signature_algorithm`,
 * `salt_length`, `marshaling_algorithm`; the signature is `vault:v<version>:<base64>`.
 */
export function transitSign(
  { type, keys }: TransitKey,
  hash: string | undefined,
  body: Json,
  signsWrongly: boolean,
): Json {
  const version = Number(body['key_version'] ?? 0) || keys.length
  const privateKey = keys[version - 1]?.privateKey
  if (privateKey === undefined) throw new Refused(400, 'requested version for signing is not available')
  const input = Buffer.from(field(body, 'input'), 'base64')
  if (signsWrongly) input.writeUInt8(input.readUInt8(0) ^ 1, 0)
  if (type === 'ed25519') return signed(version, sign(null, input, privateKey))
  const digest = HASHES[hash ?? 'sha2-256']
  if (digest === undefined) throw new Refused(400, `unsupported hash algorithm ${hash}`)
  if (body['marshaling_algorithm'] !== 'asn1') throw new Refused(400, 'this double marshals asn1 only')
  // `signature_algorithm` (string: "pss"), `salt_length` (string: "auto"): as long as it can be.
  const isPss = type === 'rsa-2048' && (body['signature_algorithm'] ?? 'pss') === 'pss'
  const salt = body['salt_length'] === 'hash' ? 'digest' : 'max'
  if (body['prehashed'] === true)
    return signed(version, signDigest(input, privateKey, digest, type, isPss ? salt : undefined))
  const saltLength = salt === 'digest' ? constants.RSA_PSS_SALTLEN_DIGEST : constants.RSA_PSS_SALTLEN_MAX_SIGN
  const padding = isPss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } : {}
  return signed(version, sign(digest, input, { key: privateKey, ...padding }))
}

/** `node:crypto` hashes what it signs; OpenSSL's own program signs a digest. */
function signDigest(
  digest: Uint8Array,
  key: KeyObject,
  hash: string,
  type: TransitType,
  pssSalt: string | undefined,
): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'vault-double-'))
  try {
    const file = join(folder, 'key.pem')
    writeFileSync(file, key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    const pss = ['-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', `rsa_pss_saltlen:${pssSalt}`]
    const options =
      type === 'rsa-2048' ? [...(pssSalt === undefined ? [] : pss), '-pkeyopt', `digest:${hash}`] : []
    return execFileSync('openssl', ['pkeyutl', '-sign', '-inkey', file, ...options], { input: digest })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const made = new Map<string, KeyPair>()

/** RSA keys take long to make, so each version of each type is made once. */
export function keyOf(type: TransitType, index: number): KeyPair {
  const name = `${type} ${index}`
  const pair = made.get(name) ?? newKey(type)
  made.set(name, pair)
  return pair
}

function newKey(type: TransitType): KeyPair {
  if (type === 'ed25519') return generateKeyPairSync('ed25519')
  if (type === 'rsa-2048') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  return generateKeyPairSync('ec', { namedCurve: type === 'ecdsa-p256' ? 'P-256' : 'P-384' })
}

/** Transit API, Read key. The page shows a symmetric key; an asymmetric one has `public_key` "in a standard format for the type". */
export function readKey(
  name: string,
  { type, keys }: { readonly type: TransitType; readonly keys: readonly KeyPair[] },
): Json {
  const publicKey = (key: KeyObject): string =>
    type === 'ed25519'
      ? Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')
      : String(key.export({ format: 'pem', type: 'spki' }))
  const versions = keys.map(({ publicKey: key }, i) => [
    String(i + 1),
    { creation_time: '2026-01-01T00:00:00Z', name: type, public_key: publicKey(key) },
  ])
  return {
    data: {
      name,
      type,
      derived: false,
      keys: Object.fromEntries(versions),
      latest_version: keys.length,
      min_decryption_version: 1,
      min_encryption_version: 0,
      supports_signing: true,
    },
  }
}

const signed = (version: number, signature: Uint8Array): Json => ({
  data: { signature: `vault:v${version}:${Buffer.from(signature).toString('base64')}` },
})
