/**
 * A double of AWS KMS, by the shape of `KMS` of `@aws-sdk/client-kms`, after the API reference of GetPublicKey and Sign: digests are
 * signed as they are (`MessageType: DIGEST`), and a PSS salt is as long as the digest.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { AwsKmsClient } from '../../../src/issuers/aws-private-ca/index.ts'
import { openssl, withTemporaryFolder } from '../../support/openssl.ts'
import { deferred } from '../node/support.ts'
import { awsError, SECRETS } from './aws-double.ts'
import type { SignerMisbehaviour } from './signer-contract.ts'

const [KEY_ID, TOKEN] = SECRETS
export const KEY_ARN = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'

type SignInput = Parameters<AwsKmsClient['sign']>[0]

/** What each key spec of AWS KMS signs by. */
const SPECS = {
  ECC_NIST_P256: ['ECDSA_SHA_256'],
  ECC_NIST_P384: ['ECDSA_SHA_384'],
  ECC_NIST_EDWARDS25519: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'],
  RSA_2048: ['RSASSA_PKCS1_V1_5', 'RSASSA_PSS'].flatMap((kind) =>
    ['256', '384', '512'].map((size) => `${kind}_SHA_${size}`),
  ),
} as const

export type KmsSpec = keyof typeof SPECS

const makePair = (spec: KmsSpec): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } =>
  spec === 'RSA_2048'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : spec === 'ECC_NIST_EDWARDS25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: spec === 'ECC_NIST_P256' ? 'P-256' : 'P-384' })

export function kmsDouble(spec: KmsSpec) {
  const { publicKey, privateKey } = makePair(spec)
  /** Thrown by the next calls, one each. */
  const failures: unknown[] = []
  const hung = deferred<void>()
  let how: SignerMisbehaviour | undefined
  const client = {
    getPublicKey: vi.fn<AwsKmsClient['getPublicKey']>(async () => {
      if (failures.length > 0) throw failures.shift()
      return {
        KeyId: KEY_ARN,
        PublicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
        KeySpec: spec,
        KeyUsage: 'SIGN_VERIFY',
        SigningAlgorithms: SPECS[spec],
      }
    }),
    sign: vi.fn<AwsKmsClient['sign']>(async (input) => {
      if (failures.length > 0) throw failures.shift()
      const now = how
      if (now === 'throttled-once') how = undefined
      if (now === 'throttled-once') throw awsError('ThrottlingException', 400, 'Rate exceeded')
      if (now === 'unavailable') throw awsError('KMSInternalException', 500, `broken for ${KEY_ID}`)
      if (now === 'refused') throw awsError('DisabledException', 400, `${KEY_ARN} is disabled.`)
      if (now === 'credentials-expired') throw awsError('ExpiredTokenException', 400, `expired: ${TOKEN}`)
      if (now === 'hangs') {
        hung.resolve()
        return new Promise<never>(() => {})
      }
      const Message = now === 'wrong-signature' ? input.Message.slice().reverse() : input.Message
      return { Signature: new Uint8Array(await signAs(privateKey, { ...input, Message })), KeyId: KEY_ARN }
    }),
  }
  return {
    client,
    failures,
    publicKey,
    hung: hung.promise,
    misbehave: (next: SignerMisbehaviour) => {
      how = next
    },
  }
}

/** `node:crypto` hashes what it signs; OpenSSL's own program signs a digest. */
async function signAs(
  key: KeyObject,
  { Message, MessageType, SigningAlgorithm }: SignInput,
): Promise<Uint8Array> {
  if (MessageType === 'RAW') return sign(null, Message, key)
  return withTemporaryFolder((folder) => {
    const file = join(folder, 'key.pem')
    writeFileSync(file, key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    const pss = ['-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', 'rsa_pss_saltlen:digest']
    const rsa = SigningAlgorithm.startsWith('RSASSA_')
      ? [...(SigningAlgorithm.includes('PSS') ? pss : []), ...['-pkeyopt', `digest:sha${Message.length * 8}`]]
      : []
    const { status, stdout, stderr } = openssl(['pkeyutl', '-sign', '-inkey', file, ...rsa], {
      input: Message,
    })
    if (status !== 0) throw new Error(`openssl pkeyutl: ${stderr}`)
    return stdout
  })
}
