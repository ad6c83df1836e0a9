/**
 * A mesh in a cluster, as far as certificates go: istiod, which signs with what stands in `cacerts`, and two workloads.
 *
 * @module
 */

import { CertificateAuthority } from 'mesh-pki/ca'
import { createCsr } from 'mesh-pki/csr'
import {
  type CacertsBundle,
  decodeCacerts,
  type KubeClient,
  KubeResources,
  type NamespacedName,
  Reflector,
} from 'mesh-pki/kubernetes'
import { renewalTime } from 'mesh-pki/rotation'
import { SpiffeId } from 'mesh-pki/spiffe'
import { type Certificate, exportPrivateKey, generateKeyPair, importPrivateKey } from 'mesh-pki/x509'
import { type Endpoint, type Material, OpenSslEndpoint, SvidEndpoint } from '../rotation/endpoint.js'
import { FIGURES, milliseconds } from '../rotation/figures.js'

/** One workload: a server and a client, with a certificate of its own. */
export interface Workload {
  readonly id: SpiffeId
  readonly endpoint: Endpoint
  /** The certificate, then its intermediates. */
  readonly chain: readonly Certificate[]
  /** What it trusts. */
  readonly roots: readonly Certificate[]
}

interface Placed {
  readonly id: SpiffeId
  readonly judge: Endpoint['judge']
  endpoint: Endpoint | undefined
  material: Material | undefined
  /** What it was signed under. */
  signer: string
}

/** How much of every longest delay is used up. */
const SHARE = 0.5
const POLL_MS = 100

/** The mesh of one cluster. */
export class Mesh {
  readonly name: string
  /** What `root-cert.pem` held, and who was above the CA, one after the other. */
  readonly phases: string[] = []
  readonly #client: KubeClient
  readonly #cacerts: NamespacedName
  readonly #trustDomains: readonly string[]
  readonly #placed: readonly Placed[]
  #held: CacertsBundle | undefined
  #ca: CertificateAuthority | undefined

  constructor(name: string, trustDomains: readonly string[], client: KubeClient, cacerts: NamespacedName) {
    this.name = name
    this.#client = client
    this.#cacerts = cacerts
    this.#trustDomains = trustDomains
    this.#placed = (['OpenSSL', 'mesh-pki'] as const).map((judge) => ({
      id: SpiffeId.of(`${name}.example`, 'ns', 'default', 'sa', judge.toLowerCase()),
      judge,
      endpoint: undefined,
      material: undefined,
      signer: '',
    }))
  }

  /** What there is to shake hands with. */
  get workloads(): readonly Workload[] {
    return this.#placed.flatMap(({ id, endpoint, material }) => {
      return endpoint === undefined || material === undefined
        ? []
        : [{ id, endpoint, chain: material.chain, roots: material.roots }]
    })
  }

  /** Whether every workload trusts these roots: what a rollover asks for. */
  isDistributed(roots: readonly Certificate[]): boolean {
    const wanted = fingerprints(roots)
    return this.#placed.every(
      ({ material }) => material !== undefined && fingerprints(material.roots) === wanted,
    )
  }

  /** Whether every workload has a certificate of this CA. */
  isTakenUp(ca: Certificate): boolean {
    return this.#placed.every(({ signer }) => signer === ca.fingerprint())
  }

  /** Runs until the signal aborts: follows `cacerts`, and renews what is due. */
  async run(signal: AbortSignal): Promise<void> {
    const { namespace, name } = this.#cacerts
    const secrets = new Reflector(this.#client, KubeResources.secrets, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
    })
    secrets.onChange(({ type, object }) => {
      if (type !== 'deleted') this.#follow(decodeCacerts(object))
    })
    const running = secrets.run(signal)
    while (!signal.aborted) {
      await this.#renew()
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    await running
    for (const { endpoint } of this.#placed) endpoint?.close()
  }

  #follow(bundle: CacertsBundle): void {
    const roots = bundle.roots.map((root) => String(root.subject).replace('O=', '')).join(' + ')
    const phase = `${roots}, signed by ${String(bundle.certificate.issuer).replace('O=', '')}`
    if (this.phases.at(-1) !== phase) this.phases.push(phase)
    // A real mesh takes its time, too.
    setTimeout(() => void this.#trust(bundle), milliseconds(FIGURES.propagation) * SHARE)
  }

  async #trust(bundle: CacertsBundle): Promise<void> {
    const { certificate, chain, roots, privateKey } = bundle
    this.#held = bundle
    this.#ca = await CertificateAuthority.from({
      certificate,
      chain: [...chain, ...roots],
      signer: await importPrivateKey(privateKey.reveal()),
      profile: 'istio',
    })
    for (const placed of this.#placed) {
      if (placed.material === undefined) continue
      placed.material = { ...placed.material, roots }
      placed.endpoint?.use(placed.material)
    }
  }

  async #renew(): Promise<void> {
    const [ca, held] = [this.#ca, this.#held]
    if (ca === undefined || held === undefined) return
    for (const placed of this.#placed) {
      const leaf = placed.material?.chain[0]
      const signer = ca.certificate.fingerprint()
      const isDue =
        leaf === undefined ||
        placed.signer !== signer ||
        renewalTime(leaf, { gracePeriodRatio: FIGURES.gracePeriodRatio, backdate: FIGURES.backdate }) <=
          new Date()
      if (!isDue) continue
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const { csr } = await createCsr({ key: privateKey })
      const { leafLifetime: lifetime, backdate } = FIGURES
      const issued = await ca.issueWorkload(csr, { id: placed.id, lifetime, backdate })
      const material = {
        chain: issued.chain.filter((one) => !one.isSelfIssued),
        keyPem: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
        roots: (this.#held ?? held).roots,
      }
      placed.material = material
      placed.signer = signer
      if (placed.endpoint === undefined) {
        placed.endpoint =
          placed.judge === 'OpenSSL'
            ? new OpenSslEndpoint(material)
            : new SvidEndpoint(material, {
                trustDomains: this.#trustDomains,
                skewMs: 0,
                // The identity of istiod on its CA, as Gloo Mesh orders it, is that of a workload.
                signers: 'warn',
              })
        await placed.endpoint.listen()
      } else placed.endpoint.use(material)
    }
  }
}

const fingerprints = (certificates: readonly Certificate[]): string =>
  [...new Set(certificates.map((one) => one.fingerprint()))].sort().join()
