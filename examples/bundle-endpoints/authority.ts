/**
 * A trust domain as one who runs it sees it: a root that may change, the bundle that it publishes, and the SVIDs
 * that it issues.
 *
 * @module
 */

import { type CertificateAuthority, createRootCa } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import type { TlsCredentials } from 'mesh-pki/node'
import { SpiffeBundle, SpiffeId } from 'mesh-pki/spiffe'
import { type Certificate, exportPrivateKey, type GeneralNameInput, generateKeyPair } from 'mesh-pki/x509'

/** A workload's identity document and key, as it serves them. */
export interface Workload {
  readonly id: SpiffeId
  readonly certificate: Certificate
  readonly credentials: TlsCredentials
}

/** The authority of a trust domain. */
export class Authority {
  #bundle: SpiffeBundle
  #signer: CertificateAuthority

  private constructor(trustDomain: string, signer: CertificateAuthority) {
    this.#signer = signer
    this.#bundle = SpiffeBundle.of({
      trustDomain,
      x509Authorities: signer.certificate,
      sequence: 1n,
      refreshHint: '1m',
    })
  }

  static async create(trustDomain: string): Promise<Authority> {
    return new Authority(trustDomain, await makeRoot(trustDomain))
  }

  /** What it publishes now. */
  get bundle(): SpiffeBundle {
    return this.#bundle
  }

  /** Publishes other authorities, under the next sequence. */
  publish(x509Authorities: readonly Certificate[]): void {
    this.#bundle = this.next(x509Authorities)
  }

  /** The bundle that {@link publish} would publish. */
  next(x509Authorities: readonly Certificate[]): SpiffeBundle {
    return this.#bundle.with({ x509Authorities })
  }

  /** A root to change over to. It signs nothing before {@link activate}. */
  async prepare(): Promise<CertificateAuthority> {
    return makeRoot(`${this.#bundle.trustDomain.name}, next`)
  }

  /** Signs with another root from now on. */
  activate(signer: CertificateAuthority): void {
    this.#signer = signer
  }

  /** Issues an SVID; further names are for servers of the web. */
  async issue(path: string, subjectAltNames: readonly GeneralNameInput[] = []): Promise<Workload> {
    const id = SpiffeId.parse(`spiffe://${this.#bundle.trustDomain.name}${path}`)
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const { csr } = await createCsr({ key: privateKey })
    const { certificate } = await this.#signer.issueWorkload(csr, { id, lifetime: '1h', subjectAltNames })
    return {
      id,
      certificate,
      credentials: {
        cert: certificate.toPem(),
        key: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
      },
    }
  }
}

function makeRoot(name: string): Promise<CertificateAuthority> {
  return createRootCa({ subject: [{ O: name }, { CN: 'Root CA' }], lifetime: '365d' })
}
