/**
 * Authorities whose keys are in Secrets of the management cluster.
 *
 * @module
 */

import { CertificateAuthority } from '../../ca/certificate-authority.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import type { NamespacedName } from '../objects/kube-object.ts'
import { decodeRootSecret } from '../secrets/root-secret.ts'
import { pemOf } from '../secrets/secret-writer.ts'

/** An authority, ready to sign. */
export interface LoadedAuthority {
  readonly ca: CertificateAuthority
  /** Its own certificate. */
  readonly certificate: Certificate
  /** The roots that its Secret names; those of a root are itself. */
  readonly roots: readonly Certificate[]
  /** The text of `root-cert.pem`. */
  readonly rootsPem: string
}

/** Authorities that are kept: each has a private key in memory. */
const MAX_KEPT = 32

/**
 * Reads authorities out of Secrets: any layout that `decodeRootSecret` reads, roots and intermediates. Each is dry-run before
 * it is handed out, and kept until its Secret changes: a stale key is not signed with.
 */
export class AuthorityLoader {
  readonly #client: KubeClient
  readonly #kept = new Map<string, { readonly version: string; readonly authority: LoadedAuthority }>()

  constructor(client: KubeClient) {
    this.#client = client
  }

  /** @throws `KubeError`; `MeshPkiError` of the Secret's layout, its key, and `ERR_CA_…` for one that cannot sign. */
  async load(ref: NamespacedName): Promise<LoadedAuthority> {
    const secret = await this.#client.get(KubeResources.secrets, ref)
    const key = `${ref.namespace}/${ref.name}`
    const version = `${secret.metadata.uid ?? ''}.${secret.metadata.resourceVersion ?? ''}`
    const kept = this.#kept.get(key)
    if (kept?.version === version) return kept.authority
    const { certificate, chain, roots, privateKey } = decodeRootSecret(secret)
    const ca = await CertificateAuthority.from({
      certificate,
      chain: [...chain, ...roots],
      signer: await importPrivateKey(privateKey.reveal()),
      clock: this.#client.clock,
    })
    const authority = { ca, certificate, roots, rootsPem: pemOf(roots) }
    this.#kept.delete(key)
    this.#kept.set(key, { version, authority })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    return authority
  }
}
