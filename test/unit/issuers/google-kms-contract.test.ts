import { googleKmsSigner } from '../../../src/issuers/google-cas/index.ts'
import { opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { authorized, GoogleDouble, LOCATION, TOKEN } from './google-double.ts'
import { type SignerWorld, signerContract } from './signer-contract.ts'

async function kmsWorld(algorithm: string): Promise<SignerWorld> {
  const google = await GoogleDouble.start()
  const keyVersion = `${LOCATION}/keyRings/mesh/cryptoKeys/root/cryptoKeyVersions/3`
  google.kms.add(keyVersion, algorithm)
  const key = google.kms.keys.get(keyVersion)
  if (key === undefined) throw new Error('the double has no key')
  return {
    make: (given) =>
      googleKmsSigner({
        keyVersion,
        fetch: authorized(TOKEN),
        endpoint: google.url,
        insecure: true,
        ...given,
      }),
    publicKey: key.publicKey,
    asked: () => google.kms.asked,
    misbehave: (how) => {
      if (how === 'wrong-signature' || how === 'refused') google.kms.fault(how)
      else if (how === 'throttled-once') google.kms.fault('throttled')
      else google.how = how
    },
    hung: () => google.hung.promise,
    secrets: [TOKEN],
    close: () => google.close(),
  }
}

signerContract('googleKmsSigner, Ed25519', () => kmsWorld('EC_SIGN_ED25519'))
// Digests are signed in the double by OpenSSL's own program.
if (requirement('openssl', opensslAvailable)) {
  signerContract('googleKmsSigner, P-256', () => kmsWorld('EC_SIGN_P256_SHA256'))
  signerContract('googleKmsSigner, P-384', () => kmsWorld('EC_SIGN_P384_SHA384'))
  signerContract('googleKmsSigner, RSA', () => kmsWorld('RSA_SIGN_PKCS1_2048_SHA256'))
  signerContract('googleKmsSigner, RSASSA-PSS', () => kmsWorld('RSA_SIGN_PSS_2048_SHA256'))
}
