/**
 * What runs in a cluster: its CA key and its workload keys are made here and stay here. Only requests leave.
 *
 * @module
 */

import { CertificateAuthority, createRootCa, type ExternalIssuer, requestCertificate } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { SpiffeId } from 'mesh-pki/spiffe'
import {
  type Certificate,
  exportPrivateKey,
  generateKeyPair,
  type KeyAlgorithm,
  type PrivateKey,
} from 'mesh-pki/x509'

/** A workload's certificate and key, as it would serve them. */
export interface Workload {
  readonly id: SpiffeId
  /** Leaf and intermediates, without the root: what a TLS peer presents. */
  readonly chain: readonly Certificate[]
  readonly keyPem: string
  /** What the workload trusts. */
  readonly roots: readonly Certificate[]
}

/** A cluster with a CA that signs for its workloads. */
export interface Cluster {
  readonly name: string
  readonly ca: CertificateAuthority
  readonly key: PrivateKey
}

/** A cluster as Istio sets it up by default: istiod makes its own self-signed root, and nobody else knows it. */
export async function clusterWithOwnRoot(name: string): Promise<Cluster> {
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  // The `gloo` root profile is also that of istiod's self-signed CA: O=<trust domain>, keyCertSign.
  const ca = await createRootCa({
    subject: [{ O: name }],
    lifetime: '3650d',
    key: privateKey,
    profile: 'gloo',
  })
  return { name, ca, key: privateKey }
}

/** A key that stays in the cluster, and the request for its CA. istiod reads the key from a Secret. */
async function requestOf(name: string, key: KeyAlgorithm) {
  const { privateKey } = await generateKeyPair(key, { extractable: true })
  const subject = [{ O: 'Istio' }, { CN: 'Intermediate CA' }, { L: name }]
  const { csr } = await createCsr({ subject, key: privateKey })
  return { privateKey, csr }
}

/** A cluster below a shared root: its request travels to `root`, its key does not. */
export async function clusterUnderRoot(
  name: string,
  root: CertificateAuthority,
  key: KeyAlgorithm,
): Promise<Cluster> {
  // In the cluster.
  const { privateKey, csr } = await requestOf(name, key)

  // Where the root is. Names come from there, never from the request.
  const { certificate, chain } = await root.issueIntermediate(csr.toPem(), {
    lifetime: '730d',
    pathLength: 0,
    subjectAltNames: [{ type: 'dns', value: 'istiod.istio-system.svc' }],
    profile: 'istio',
  })

  // In the cluster again.
  const ca = await CertificateAuthority.from({ certificate, chain, signer: privateKey, profile: 'istio' })
  return { name, ca, key: privateKey }
}

/** A cluster whose CA is asked for at a provider. What comes back is verified before anybody sees it. */
export async function clusterUnderIssuer(
  name: string,
  issuer: ExternalIssuer,
  root: Certificate,
  key: KeyAlgorithm,
): Promise<Cluster> {
  const { privateKey, csr } = await requestOf(name, key)
  const issued = await requestCertificate(issuer, {
    csr,
    isCa: true,
    pathLength: 0,
    lifetime: { max: '90d', min: '30d' },
    anchors: root,
  })
  const ca = await CertificateAuthority.from({ ...issued, signer: privateKey, profile: 'istio' })
  return { name, ca, key: privateKey }
}

/** A workload certificate for a service account of the cluster. */
export async function workload(cluster: Cluster, serviceAccount: string): Promise<Workload> {
  const id = SpiffeId.of(cluster.name, 'ns', 'default', 'sa', serviceAccount)
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const { csr } = await createCsr({ key: privateKey })
  const { chain } = await cluster.ca.issueWorkload(csr, { id, lifetime: '24h', profile: 'istio' })
  return {
    id,
    chain: chain.slice(0, -1),
    keyPem: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
    roots: chain.slice(-1),
  }
}
