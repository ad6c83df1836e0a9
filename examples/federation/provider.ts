/**
 * A root that lives with a PKI provider: the intermediates of the clusters are asked for there.
 *
 * What the provider's own tools read from the environment is read from there: VAULT_ADDR and VAULT_TOKEN; AWS_REGION, AWS_ENDPOINT_URL and
 * the credentials of AWS; GOOGLE_OAUTH_ACCESS_TOKEN.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import type { ExternalIssuer } from 'mesh-pki/ca'
import { type AwsPrivateCaClient, awsPrivateCaIssuer } from 'mesh-pki/issuers/aws-private-ca'
import { googleCasIssuer } from 'mesh-pki/issuers/google-cas'
import { vaultAuth, vaultIssuer } from 'mesh-pki/issuers/vault'
import { Certificate } from 'mesh-pki/x509'

/** What the command line says of it. */
export interface ProviderArguments {
  readonly issuer: string
  /** The signing path of Vault, the ARN of AWS's CA, the CA pool of Google. */
  readonly authority: string | undefined
  /** PEM of the root: what it is must be known from elsewhere than the provider's answers. */
  readonly rootCert: string | undefined
}

/** An issuer, and the root that its certificates must lead to. */
export interface Provider {
  readonly issuer: ExternalIssuer
  readonly root: Certificate
}

const PROVIDERS: Readonly<Record<string, (authority: string | undefined) => Promise<ExternalIssuer>>> = {
  vault: async (path = 'pki/root/sign-intermediate') => {
    const auth = vaultAuth({ server: environment('VAULT_ADDR'), token: environment('VAULT_TOKEN') })
    return vaultIssuer({ auth, path })
  },
  aws: async (certificateAuthorityArn) => {
    if (certificateAuthorityArn === undefined)
      throw new Error('--issuer aws needs --authority, the ARN of the CA')
    // The family must be that of the CA's key; most roots there are RSA.
    const signingAlgorithm = process.env['AWS_CA_KEY'] === 'EC' ? 'SHA256WITHECDSA' : 'SHA256WITHRSA'
    return awsPrivateCaIssuer({ client: awsClient(), certificateAuthorityArn, signingAlgorithm })
  },
  google: async (caPool) => {
    if (caPool === undefined)
      throw new Error('--issuer google needs --authority: projects/…/locations/…/caPools/…')
    const token = environment('GOOGLE_OAUTH_ACCESS_TOKEN')
    const endpoint = process.env['GOOGLE_CAS_ENDPOINT']
    return googleCasIssuer({
      caPool,
      fetch: (url, init) =>
        fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
      ...(endpoint === undefined ? {} : { endpoint, insecure: true }),
    })
  },
}

/** The SDK is no dependency of this package: it is that of the folder in which this is run. */
function awsClient(): AwsPrivateCaClient {
  const name = '@aws-sdk/client-acm-pca'
  let sdk: { readonly ACMPCA?: new (options: object) => AwsPrivateCaClient }
  try {
    sdk = createRequire(join(process.cwd(), 'package.json'))(name)
  } catch (cause) {
    throw new Error(`--issuer aws needs the SDK: npm install --no-save ${name}`, { cause })
  }
  if (sdk.ACMPCA === undefined) throw new Error(`${name} has no ACMPCA; version 3 of the SDK is needed`)
  return new sdk.ACMPCA({})
}

/** @throws with what is missing, for the person at the command line. */
export async function openProvider({ issuer, authority, rootCert }: ProviderArguments): Promise<Provider> {
  const open = Object.hasOwn(PROVIDERS, issuer) ? PROVIDERS[issuer] : undefined
  if (open === undefined) throw new Error(`--issuer must be one of ${Object.keys(PROVIDERS).join(', ')}`)
  if (rootCert === undefined) throw new Error(`--issuer ${issuer} needs --root-cert, the root to expect`)
  const root = Certificate.fromPem(await readFile(rootCert, 'utf8'))
  return { issuer: await open(authority), root }
}

function environment(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`the environment has no ${name}`)
  return value
}
