import { awsKmsSigner } from '../../../src/issuers/aws-private-ca/index.ts'
import type { SignatureAlgorithm } from '../../../src/x509/index.ts'
import { opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { SECRETS } from './aws-double.ts'
import { KEY_ARN, type KmsSpec, kmsDouble } from './aws-kms-double.ts'
import { type SignerWorld, signerContract } from './signer-contract.ts'

async function kmsWorld(spec: KmsSpec, signatureAlgorithm?: SignatureAlgorithm): Promise<SignerWorld> {
  const { client, publicKey, hung, misbehave } = kmsDouble(spec)
  return {
    make: (options) => awsKmsSigner({ ...options, client, keyId: KEY_ARN, signatureAlgorithm }),
    publicKey,
    asked: () => client.sign.mock.calls.length,
    misbehave,
    hung: () => hung,
    secrets: SECRETS,
    close: async () => {},
  }
}

signerContract('awsKmsSigner, Ed25519', () => kmsWorld('ECC_NIST_EDWARDS25519'))
// Digests are signed in the double by OpenSSL's own program.
if (requirement('openssl', opensslAvailable)) {
  signerContract('awsKmsSigner, P-256', () => kmsWorld('ECC_NIST_P256'))
  signerContract('awsKmsSigner, P-384', () => kmsWorld('ECC_NIST_P384'))
  signerContract('awsKmsSigner, RSA', () => kmsWorld('RSA_2048'))
  signerContract('awsKmsSigner, RSASSA-PSS', () => kmsWorld('RSA_2048', 'rsa-pss-sha256'))
}
