/**
 * Writes what an operator needs: per cluster the four files of Istio's `cacerts`, and the root.
 *
 * @module
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeCacerts, encodeCacerts } from 'mesh-pki/kubernetes'
import { type Certificate, exportPrivateKey, type PrivateKey } from 'mesh-pki/x509'
import type { Cluster } from './cluster.js'

/** `<out>/<cluster>/{ca-cert,ca-key,cert-chain,root-cert}.pem`; keys readable by their owner only. */
export async function writeCluster(out: string, cluster: Cluster): Promise<string> {
  const folder = join(out, cluster.name)
  const secret = encodeCacerts({
    certificate: cluster.ca.certificate,
    chain: cluster.ca.chain,
    roots: cluster.ca.chain.slice(-1),
    privateKey: await exportPrivateKey(cluster.key, { format: 'pkcs8' }),
  })
  // Read it back as istiod would, before anybody depends on it.
  decodeCacerts(secret)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const [name, base64] of Object.entries(secret.data ?? {})) {
    await writeFile(join(folder, name), Buffer.from(base64, 'base64'), {
      mode: name === 'ca-key.pem' ? 0o600 : 0o644,
    })
  }
  return folder
}

/** `<out>/root/{root-cert,key}.pem`, to be read again with `--root-cert` and `--root-key`. */
export async function writeRoot(out: string, certificate: Certificate, key: PrivateKey): Promise<string> {
  const folder = join(out, 'root')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(join(folder, 'root-cert.pem'), certificate.toPem())
  await writeFile(join(folder, 'key.pem'), await exportPrivateKey(key, { format: 'pkcs8' }), {
    mode: 0o600,
  })
  return folder
}
