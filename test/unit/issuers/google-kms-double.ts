/**
 * The part of the double that stands for Cloud KMS, written from "Method: cryptoKeyVersions.asymmetricSign", "Method:
 * cryptoKeyVersions.getPublicKey" and "CryptoKeyVersionAlgorithm" of its reference. It is not Google. Checksums are calculated bit by
 * bit, not as our own code does.
 */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Json, memberOf, Refused, textOf } from './google-messages.ts'

/** How answers are wrong. Each is over after one answer, but {@link LASTING}. */
export type KmsFault =
  | 'digest-not-verified'
  | 'signature-checksum'
  | 'pem-checksum'
  | 'other-key'
  | 'refused'
  | 'unavailable'
  | 'throttled'
  | 'aborted'
  | 'wrong-signature'
  | 'no-base64'

const LASTING: readonly (KmsFault | undefined)[] = ['other-key', 'refused', 'wrong-signature']

interface KeyVersion {
  readonly algorithm: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** Key versions by name. */
export class GoogleKms {
  readonly keys = new Map<string, KeyVersion>()
  /** Signatures that were asked for. */
  asked = 0
  readonly #faults: KmsFault[] = []

  /**
   * CryptoKeyVersionAlgorithm: `EC_SIGN_…`: curve, digest; `RSA_SIGN_…`: padding, bits, digest. RSA keys have 2048 bits here whatever
   * the name says: others take seconds to make.
   */
  add(name: string, algorithm: string): void {
    const pair = algorithm.startsWith('RSA_')
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : algorithm === 'EC_SIGN_ED25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: CURVES[algorithm] ?? 'P-256' })
    this.keys.set(name, { algorithm, ...pair })
  }

  /** What goes wrong next, in order. */
  fault(...faults: readonly KmsFault[]): void {
    this.#faults.push(...faults)
  }

  answer(method: string, path: string, body: Json): Json {
    const [, name = '', verb] = /^(.+?)(\/publicKey|:asymmetricSign)$/.exec(path) ?? []
    const key = this.keys.get(name)
    if (key === undefined || (method === 'GET') !== (verb === '/publicKey'))
      throw new Refused(404, 'NOT_FOUND', `${path} not found.`)
    const [fault] = this.#faults
    if (!LASTING.includes(fault)) this.#faults.shift()
    if (method === 'POST') this.asked++
    if (fault === 'refused')
      throw new Refused(
        403,
        'PERMISSION_DENIED',
        "Permission 'cloudkms.cryptoKeyVersions.useToSign' denied",
        [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'IAM_PERMISSION_DENIED' }],
      )
    if (fault === 'unavailable') throw new Refused(503, 'UNAVAILABLE', 'unavailable')
    if (fault === 'throttled') throw new Refused(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded')
    if (fault === 'aborted') throw new Refused(409, 'ABORTED', 'aborted')
    const shown = fault === 'other-key' ? name.replace(/\d+$/, '99') : name
    return verb === '/publicKey' ? publicKeyOf(key, shown, fault) : signatureOf(key, shown, body, fault)
  }
}

const CURVES: Readonly<Record<string, string>> = {
  EC_SIGN_P256_SHA256: 'P-256',
  EC_SIGN_P384_SHA384: 'P-384',
  EC_SIGN_SECP256K1_SHA256: 'secp256k1',
}

/** PublicKey: pem; algorithm; pemCrc32c, "string (Int64Value format)"; name; protectionLevel. */
function publicKeyOf({ publicKey, algorithm }: KeyVersion, name: string, fault: KmsFault | undefined): Json {
  const pem = String(publicKey.export({ format: 'pem', type: 'spki' }))
  const sum = checksum(Buffer.from(pem, 'utf8'))
  const pemCrc32c = String(fault === 'pem-checksum' ? sum ^ 1 : sum)
  return { pem, algorithm, pemCrc32c, name, protectionLevel: 'HSM' }
}

/**
 * AsymmetricSignRequest: digest (Digest: sha256, sha384 or sha512, in base64) with digestCrc32c, or data with dataCrc32c.
 * AsymmetricSignResponse: signature; signatureCrc32c; verifiedDigestCrc32c or verifiedDataCrc32c; name; protectionLevel.
 */
function signatureOf(key: KeyVersion, name: string, body: Json, fault: KmsFault | undefined): Json {
  const { algorithm, privateKey } = key
  const isPure = algorithm === 'EC_SIGN_ED25519'
  const hash = /SHA(\d+)$/.exec(algorithm)?.[1]
  const [field, sumField] = isPure ? (['data', 'dataCrc32c'] as const) : (['digest', 'digestCrc32c'] as const)
  const encoded = isPure ? textOf(body, field) : textOf(memberOf(body, field), `sha${hash}`)
  const input = Buffer.from(encoded, 'base64')
  // "KeyManagementService will report an error if the checksum verification fails."
  if (textOf(body, sumField) !== String(checksum(input))) throw new Refused(400, 'INVALID_ARGUMENT', sumField)
  if (!isPure && input.length * 8 !== Number(hash)) throw new Refused(400, 'INVALID_ARGUMENT', 'digest')
  // A signature of something else.
  if (fault === 'wrong-signature') input.reverse()
  const signature = Buffer.from(
    isPure ? sign(null, input, privateKey) : signDigest(input, privateKey, algorithm),
  )
  const sum = checksum(signature)
  return {
    signature: fault === 'no-base64' ? '%%%' : signature.toString('base64'),
    signatureCrc32c: String(fault === 'signature-checksum' ? sum ^ 1 : sum),
    [isPure ? 'verifiedDataCrc32c' : 'verifiedDigestCrc32c']: fault !== 'digest-not-verified',
    name,
    protectionLevel: 'HSM',
  }
}

/** `node:crypto` hashes what it signs; OpenSSL's own program signs a digest. "For PSS, the salt length is that of the digest." */
function signDigest(digest: Uint8Array, key: KeyObject, algorithm: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'kms-double-'))
  try {
    const file = join(folder, 'key.pem')
    writeFileSync(file, key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    const hash = `digest:sha${digest.length * 8}`
    const pss = ['-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', 'rsa_pss_saltlen:digest']
    const options = algorithm.startsWith('RSA_')
      ? [...(algorithm.includes('PSS') ? pss : []), '-pkeyopt', hash]
      : []
    return execFileSync('openssl', ['pkeyutl', '-sign', '-inkey', file, ...options], { input: digest })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** CRC32C by long division of polynomials: each bit, most significant coefficient first, over 0x1EDC6F41. */
export function checksum(bytes: Uint8Array): number {
  let rest = 0xffffffffn
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const next = ((rest >> 31n) & 1n) ^ BigInt((byte >> bit) & 1)
      rest = ((rest << 1n) & 0xffffffffn) ^ (next === 1n ? 0x1edc6f41n : 0n)
    }
  const reversed = [...rest.toString(2).padStart(32, '0')].reverse().join('')
  return Number(BigInt(`0b${reversed}`) ^ 0xffffffffn)
}
