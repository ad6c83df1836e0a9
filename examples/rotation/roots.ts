/**
 * The roots, wherever they are kept: they sign for the issuing CAs of clusters.
 *
 * @module
 */

import { CertificateAuthority, createRootCa } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import { type Certificate, generateKeyPair } from 'mesh-pki/x509'
import { FIGURES, ISSUING_CA, ROOT_LIFETIME } from './figures.js'

/** Roots by the ids that a plan gives them. */
export class Roots {
  readonly #byId = new Map<string, CertificateAuthority>()

  async create(id: string): Promise<Certificate> {
    const subject = [{ O: 'Mesh' }, { CN: id }]
    const root = await createRootCa({ subject, lifetime: ROOT_LIFETIME, key: 'P-256' })
    this.#byId.set(id, root)
    return root.certificate
  }

  certificate(id: string): Certificate {
    return this.#get(id).certificate
  }

  /** A new issuing CA for a cluster, with a key of its own. `clock` is the cluster's. */
  async issuingCa(id: string, cluster: string, clock: { now(): Date }): Promise<CertificateAuthority> {
    const { privateKey } = await generateKeyPair('P-256')
    const { csr } = await createCsr({ key: privateKey })
    const issued = await this.#get(id).issueIntermediate(csr, {
      subject: [{ O: 'Mesh' }, { CN: `${cluster} under ${id}` }],
      lifetime: ISSUING_CA.lifetime,
      backdate: FIGURES.backdate,
    })
    return CertificateAuthority.from({ ...issued, signer: privateKey, clock })
  }

  #get(id: string): CertificateAuthority {
    const root = this.#byId.get(id)
    if (root === undefined) throw new Error(`there is no root ${id}`)
    return root
  }
}
