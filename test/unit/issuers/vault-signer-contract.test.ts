import { vaultAuth, vaultSigner } from '../../../src/issuers/vault/index.ts'
import type { SignatureAlgorithm } from '../../../src/x509/index.ts'
import { opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { type SignerWorld, signerContract } from './signer-contract.ts'
import { VaultDouble } from './vault-double.ts'
import type { TransitType } from './vault-double-transit.ts'

const TOKEN = 'hvs.CAESIJ-a-secret-of-the-tests'

async function transitWorld(
  type: TransitType,
  options: { readonly prehashed?: boolean; readonly signatureAlgorithm?: SignatureAlgorithm } = {},
): Promise<SignerWorld> {
  const vault = await VaultDouble.start()
  vault.tokens.add(TOKEN)
  vault.addKey('mesh-root', type, 2)
  const auth = vaultAuth({ server: vault.url, token: TOKEN })
  const latest = vault.transit.get('mesh-root')?.keys.at(-1)
  if (latest === undefined) throw new Error('the double has no key')
  return {
    make: (given) => vaultSigner({ auth, key: 'mesh-root', ...options, ...given }),
    publicKey: latest.publicKey,
    asked: () => vault.heard.filter(({ path }) => path.startsWith('/v1/transit/sign/')).length,
    misbehave: (how) => {
      if (how === 'wrong-signature') vault.signsWrongly = true
      else vault.how = how
    },
    hung: () => vault.hung.promise,
    secrets: [TOKEN],
    close: () => vault.close(),
  }
}

signerContract('vaultSigner, P-256, messages', () => transitWorld('ecdsa-p256', { prehashed: false }))
signerContract('vaultSigner, Ed25519', () => transitWorld('ed25519'))
signerContract('vaultSigner, RSA, messages', () => transitWorld('rsa-2048', { prehashed: false }))
signerContract('vaultSigner, RSASSA-PSS, messages', () =>
  transitWorld('rsa-2048', { prehashed: false, signatureAlgorithm: 'rsa-pss-sha256' }),
)
// Digests are signed in the double by OpenSSL's own program.
if (requirement('openssl', opensslAvailable)) {
  signerContract('vaultSigner, P-256, digests', () => transitWorld('ecdsa-p256'))
  signerContract('vaultSigner, P-384, digests', () => transitWorld('ecdsa-p384'))
  signerContract('vaultSigner, RSA, digests', () => transitWorld('rsa-2048'))
  signerContract('vaultSigner, RSASSA-PSS, digests', () =>
    transitWorld('rsa-2048', { signatureAlgorithm: 'rsa-pss-sha384' }),
  )
}
