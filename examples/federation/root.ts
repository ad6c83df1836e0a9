/**
 * The shared root: generated, read from files, or with a provider.
 *
 * @module
 */

import { readFile } from 'node:fs/promises'
import { CertificateAuthority, createRootCa } from 'mesh-pki/ca'
import {
  type Certificate,
  generateKeyPair,
  importPrivateKey,
  type KeyAlgorithm,
  type PrivateKey,
} from 'mesh-pki/x509'
import { type Cluster, clusterUnderIssuer, clusterUnderRoot } from './cluster.js'
import type { Provider } from './provider.js'

/** A root that both clusters come under. */
export interface SharedRoot {
  readonly certificate: Certificate
  readonly origin: string
  /** Its key, for writing it down; `undefined` where it is elsewhere. */
  readonly key: PrivateKey | undefined
  /** Makes a cluster with a CA below it. */
  cluster(name: string, key: KeyAlgorithm): Promise<Cluster>
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
  return below(ca, privateKey, 'generated')
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
  return below(ca, key, `read from ${certificatePath} and ${keyPath}`)
}

function below(ca: CertificateAuthority, key: PrivateKey, origin: string): SharedRoot {
  const cluster = (name: string, algorithm: KeyAlgorithm) => clusterUnderRoot(name, ca, algorithm)
  return { certificate: ca.certificate, origin, key, cluster }
}

/** Takes a root that lives with a provider: its key is never seen. */
export function providedRoot({ issuer, root }: Provider): SharedRoot {
  return {
    certificate: root,
    origin: `with ${issuer.name}`,
    key: undefined,
    cluster: (name, algorithm) => clusterUnderIssuer(name, issuer, root, algorithm),
  }
}
