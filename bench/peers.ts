/**
 * The same jobs with `@peculiar/x509` and with nothing but `node:crypto`.
 *
 * @module
 */

import 'reflect-metadata'
import { createPublicKey, type KeyObject, sign, verify, webcrypto } from 'node:crypto'
import * as peculiar from '@peculiar/x509'

/** Kinds of keys of the rows. */
export type BenchKey = 'P-256' | 'Ed25519' | 'RSA-2048'

/** Reads what a caller of a leaf asks for. */
export function readLeafWithPeculiar(der: Uint8Array): unknown {
  const certificate = new peculiar.X509Certificate(new Uint8Array(der))
  const names = certificate.getExtension(peculiar.SubjectAlternativeNameExtension)
  const uris = names?.names.items.filter((name) => name.type === 'url').map((name) => name.value)
  return [
    certificate.subject,
    uris,
    certificate.notBefore,
    certificate.notAfter,
    certificate.getExtension(peculiar.KeyUsagesExtension)?.usages,
  ]
}

/** What issuing with `@peculiar/x509` needs. */
export interface PeculiarIssuer {
  readonly name: string
  readonly key: webcrypto.CryptoKey
  readonly keyId: string
}

const WEB_ALGORITHMS: Readonly<
  Record<BenchKey, webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams | { name: string }>
> = {
  'P-256': { name: 'ECDSA', namedCurve: 'P-256' },
  Ed25519: { name: 'Ed25519' },
  'RSA-2048': {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
}

/** An issuer for `@peculiar/x509`. */
export async function peculiarIssuer(kind: BenchKey): Promise<PeculiarIssuer> {
  const pair = await webcrypto.subtle.generateKey(WEB_ALGORITHMS[kind], true, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new Error('expected a pair')
  return {
    name: 'CN=Intermediate CA, O=Istio',
    key: pair.privateKey,
    keyId: '00112233445566778899aabbccddeeff00112233',
  }
}

/** CSR in, workload certificate out, proof of possession checked. */
export async function issueWithPeculiar(
  csrDer: Uint8Array,
  issuer: PeculiarIssuer,
  uri: string,
): Promise<unknown> {
  const csr = new peculiar.Pkcs10CertificateRequest(new Uint8Array(csrDer))
  if (!(await csr.verify())) throw new Error('proof of possession failed')
  const now = Date.now()
  const keyId = await peculiar.SubjectKeyIdentifierExtension.create(csr.publicKey)
  return peculiar.X509CertificateGenerator.create({
    issuer: issuer.name,
    notBefore: new Date(now - 120_000),
    notAfter: new Date(now + 86_400_000),
    publicKey: csr.publicKey,
    signingKey: issuer.key,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new peculiar.BasicConstraintsExtension(false, undefined, true),
      new peculiar.KeyUsagesExtension(peculiar.KeyUsageFlags.digitalSignature, true),
      new peculiar.ExtendedKeyUsageExtension([
        peculiar.ExtendedKeyUsage.serverAuth,
        peculiar.ExtendedKeyUsage.clientAuth,
      ]),
      keyId,
      new peculiar.AuthorityKeyIdentifierExtension(issuer.keyId),
      new peculiar.SubjectAlternativeNameExtension([{ type: 'url', value: uri }], true),
    ],
  })
}

/** The cryptography that issuing cannot avoid: import a fresh key, verify the request, sign the certificate. */
export function issuanceFloor(kind: BenchKey, requestKey: KeyObject, issuerKey: KeyObject): () => void {
  const digest = kind === 'Ed25519' ? null : 'sha256'
  const request = new Uint8Array(250).fill(7)
  const tbs = new Uint8Array(440).fill(9)
  const signature = sign(digest, request, requestKey)
  const publicKey = createPublicKey(requestKey)
  const jwk = publicKey.export({ format: 'jwk' })
  return () => {
    // RSA and Ed25519 keys cost next to nothing to import; the goal for them is stated against sign and verify.
    const key = kind === 'P-256' ? createPublicKey({ key: jwk, format: 'jwk' }) : publicKey
    if (!verify(digest, request, key, signature)) throw new Error('the floor does not verify')
    sign(digest, tbs, issuerKey)
  }
}

/** A chain as `@peculiar/x509` builds it, with the dates checked: its builder does not. Less than a path validation. */
export async function verifyWithPeculiar(
  leafDer: Uint8Array,
  issuerDers: readonly Uint8Array[],
): Promise<unknown> {
  const read = (der: Uint8Array): peculiar.X509Certificate =>
    new peculiar.X509Certificate(new Uint8Array(der))
  const builder = new peculiar.X509ChainBuilder({ certificates: issuerDers.map(read) })
  const chain = await builder.build(read(leafDer))
  const now = new Date()
  if (chain.length !== issuerDers.length + 1) throw new Error('the chain is not complete')
  for (const { notBefore, notAfter } of chain)
    if (now < notBefore || now > notAfter) throw new Error('expired')
  return chain
}

/** Every certificate of a PEM text, with its subject. */
export function readBundleWithPeculiar(pem: string): unknown {
  return peculiar.PemConverter.decode(pem).map((der) => new peculiar.X509Certificate(der).subject)
}
