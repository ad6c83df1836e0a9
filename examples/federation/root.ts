/**
 * The shared root: generated, or read from files.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { CertificateAuthority, createRootCa } from 'mesh-pki/ca'
import { generateKeyPair, importPrivateKey, type KeyAlgorithm, type PrivateKey } from 'mesh-pki/x509'

/** A root CA and its key, for writing it down. */
export interface SharedRoot {
  readonly ca: CertificateAuthority
  readonly key: PrivateKey
  readonly origin: string
}

/** Makes a root with the profile of Istio's tools/certs. */
export async function generateRoot(key: KeyAlgorithm): Promise<SharedRoot> {
  const { privateKey } = await generateKeyPair(key, { extractable: true })
  const ca = await createRootCa({
    subject: 'CN=Root CA,O=Istio',
    lifetime: '3650d',
    key: privateKey,
    profile: 'istio',
  })
  return { ca, key: privateKey, origin: 'generated' }
}

/** Reads `root-cert.pem` and `key.pem`, and proves that they belong together and can sign. */
export async function readRoot(
  certificatePath: string,
  keyPath: string,
  passphrase: string | undefined,
): Promise<SharedRoot> {
  const key = await importPrivateKey(await readFile(keyPath, 'utf8'), { passphrase })
  const ca = await CertificateAuthority.from({
    certificate: await readFile(certificatePath, 'utf8'),
    signer: key,
    profile: 'istio',
  })
  return { ca, key, origin: `read from ${certificatePath} and ${keyPath}` }
}
