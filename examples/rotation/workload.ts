/**
 * A workload: it presents one certificate and trusts one bundle, as a server and as a client.
 *
 * @module
 */

import { SpiffeId } from 'mesh-pki/spiffe'
import type { Certificate } from 'mesh-pki/x509'
import { type Endpoint, OpenSslEndpoint, SvidEndpoint } from './endpoint.js'
import { CLUSTERS } from './figures.js'

/** A certificate in use. */
export interface Leaf {
  /** Its name in the trace. */
  readonly id: string
  /** The root that it is under. */
  readonly authority: string
  /** Leaf and intermediate. */
  readonly chain: readonly Certificate[]
  readonly keyPem: string
}

/** A bundle that a verifier trusts. */
export interface HeldBundle {
  readonly sequence: number
  readonly digest: string
  readonly roots: ReadonlyMap<string, Certificate>
}

/** One workload. */
export class Workload {
  readonly name: string
  readonly cluster: string
  readonly id: SpiffeId
  readonly judge: Endpoint['judge']
  /** How far its clock is off. */
  readonly skewMs: number
  /** Every root that it ever trusted. */
  readonly everTrusted: Set<string>
  /** Grows with every renewal that begins; an older one is given up. */
  attempt = 0
  #bundle: HeldBundle
  #leaf: Leaf | undefined
  #endpoint: Endpoint | undefined

  constructor(cluster: string, judge: Endpoint['judge'], bundle: HeldBundle, skewMs: number) {
    const account = judge.toLowerCase()
    this.cluster = cluster
    this.judge = judge
    this.name = `${cluster}/${account}`
    this.id = SpiffeId.of(trustDomain(cluster), 'ns', 'default', 'sa', account)
    this.skewMs = skewMs
    this.#bundle = bundle
    this.everTrusted = new Set(bundle.roots.keys())
  }

  get bundle(): HeldBundle {
    return this.#bundle
  }

  get leaf(): Leaf | undefined {
    return this.#leaf
  }

  /** Present once it has a certificate. */
  get endpoint(): Endpoint {
    if (this.#endpoint === undefined) throw new Error(`${this.name} has no certificate yet`)
    return this.#endpoint
  }

  trust(bundle: HeldBundle): void {
    this.#bundle = bundle
    for (const id of bundle.roots.keys()) this.everTrusted.add(id)
    this.#apply()
  }

  present(leaf: Leaf): void {
    this.#leaf = leaf
    this.#apply()
  }

  close(): void {
    this.#endpoint?.close()
  }

  #apply(): void {
    if (this.#leaf === undefined) return
    const { chain, keyPem } = this.#leaf
    const material = { chain, keyPem, roots: [...this.#bundle.roots.values()] }
    if (this.#endpoint !== undefined) this.#endpoint.use(material)
    else if (this.judge === 'OpenSSL') this.#endpoint = new OpenSslEndpoint(material)
    else {
      const trustDomains = CLUSTERS.map(({ name }) => trustDomain(name))
      this.#endpoint = new SvidEndpoint(material, { trustDomains, skewMs: this.skewMs })
    }
  }
}

const trustDomain = (cluster: string): string => `${cluster}.example`
