/**
 * What was signed for whom, so that no request is signed twice.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { toHex } from '../../internal/bytes.ts'
import { instantOf, instantText } from '../../internal/instant-text.ts'
import { escapeText } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { apiVersionOf, KubeResources } from '../api/kube-resource.ts'
import { MESH_PKI_GROUP } from '../objects/api-group.ts'
import { type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import { readCertificates } from '../secrets/secret-reader.ts'

/** One certificate that was signed. */
export interface LedgerEntry {
  readonly cluster: string
  /** The order, `namespace/name` in its cluster. */
  readonly order: string
  readonly authority: string
  readonly certificate: Certificate
  /** The certificate and those above it. */
  readonly chain: readonly Certificate[]
}

/** Marks the entries. */
const LABEL = `${MESH_PKI_GROUP}/ledger`
const CLUSTER = `${MESH_PKI_GROUP}/cluster`
/** Label: which order, as a digest, since names may be longer than labels. */
const ORDER = `${MESH_PKI_GROUP}/order-hash`

/**
 * The ledger of an issuer: one immutable ConfigMap for each key that was certified, in a namespace of the management cluster. It holds
 * certificates and nothing secret.
 *
 * A certificate is written down before it is answered. Of two processes that sign for the same key one is first, and both answer
 * its certificate; the other one is never seen by anybody. A key that was certified for one cluster is refused to all others.
 */
export class IssuanceLedger {
  readonly #client: KubeClient
  readonly #namespace: string

  constructor(client: KubeClient, namespace: string) {
    this.#client = client
    this.#namespace = namespace
  }

  /** What was signed for a public key (SPKI). @throws `MeshPkiError` `ERR_KUBERNETES_LEDGER`; `KubeError`. */
  async find(publicKey: Uint8Array): Promise<LedgerEntry | undefined> {
    const name = nameOf(publicKey)
    const found = await this.#client.find(KubeResources.configMaps, { name, namespace: this.#namespace })
    return found === undefined ? undefined : readEntry(found)
  }

  /** Writes an entry down, and answers the one that counts: this one, or one that was there before. */
  async record(entry: LedgerEntry): Promise<LedgerEntry> {
    try {
      await this.#client.create(KubeResources.configMaps, this.#encode(entry))
      return entry
    } catch (error) {
      if (!isKubeError(error)) throw error
      const { publicKey } = entry.certificate
      // Also where it is not known whether it was done, what stands there counts.
      const found =
        error.code === 'ERR_KUBERNETES_ALREADY_EXISTS'
          ? await this.find(publicKey)
          : error.outcome === 'unknown'
            ? await this.find(publicKey).catch(() => undefined)
            : undefined
      if (found !== undefined) return found
      throw error
    }
  }

  /**
   * How many certificates of an order have not ended yet. Entries of those that have are removed on the way.
   *
   * It is what an issuer bounds its work by: whoever can make requests in a cluster can make many.
   */
  async count(cluster: string, order: string): Promise<number> {
    const selector = `${LABEL}=issued,${ORDER}=${orderHash(cluster, order)}`
    const { items } = await this.#client.list(KubeResources.configMaps, {
      namespace: this.#namespace,
      labelSelector: selector,
    })
    return items.length - (await this.#remove(items))
  }

  /** Removes all entries whose certificates have ended, also those of orders that are no more. Answers how many. */
  async prune(): Promise<number> {
    const { items } = await this.#client.list(KubeResources.configMaps, {
      namespace: this.#namespace,
      labelSelector: `${LABEL}=issued`,
    })
    return this.#remove(items)
  }

  async #remove(items: readonly KubeObject[]): Promise<number> {
    const now = this.#client.clock.now().getTime()
    let removed = 0
    for (const item of items) {
      const end = item.metadata.annotations?.[`${MESH_PKI_GROUP}/not-after`]
      // A key that comes again after that is still refused by nobody, but its certificate is over.
      if (end === undefined || !(instantOf(end) < now)) continue
      if (await this.#client.remove(KubeResources.configMaps, item)) removed++
    }
    return removed
  }

  #encode({ cluster, order, authority, certificate, chain }: LedgerEntry): KubeObject {
    return {
      apiVersion: apiVersionOf(KubeResources.configMaps),
      kind: KubeResources.configMaps.kind,
      metadata: {
        name: nameOf(certificate.publicKey),
        namespace: this.#namespace,
        labels: { [LABEL]: 'issued', [ORDER]: orderHash(cluster, order) },
        annotations: {
          [CLUSTER]: cluster,
          [`${MESH_PKI_GROUP}/order`]: order,
          [`${MESH_PKI_GROUP}/authority`]: authority,
          [`${MESH_PKI_GROUP}/not-after`]: instantText(certificate.notAfter.getTime()),
        },
      },
      immutable: true,
      data: {
        'certificate.pem': certificate.toPem(),
        'chain.pem': chain.map((one) => one.toPem()).join(''),
      },
    }
  }
}

function orderHash(cluster: string, order: string): string {
  return toHex(sha256(new TextEncoder().encode(JSON.stringify([cluster, order]))), 0, 16)
}

function nameOf(publicKey: Uint8Array): string {
  return `mesh-pki-issued-${toHex(sha256(publicKey), 0, 20)}`
}

function readEntry(object: KubeObject): LedgerEntry {
  const { annotations = {}, name = '' } = object.metadata
  const refuse = (problem: string): MeshPkiError =>
    new MeshPkiError(
      'ERR_KUBERNETES_LEDGER',
      `ConfigMap ${escapeText(name)} of the ledger ${problem}. It is immutable, so somebody made it anew: find out who, before you delete it`,
      { data: { name } },
    )
  const cluster = annotations[CLUSTER]
  const order = annotations[`${MESH_PKI_GROUP}/order`]
  const authority = annotations[`${MESH_PKI_GROUP}/authority`]
  const data = recordAt(object, 'data')
  const certificate = textAt(data, 'certificate.pem')
  const chain = textAt(data, 'chain.pem')
  if (
    cluster === undefined ||
    order === undefined ||
    authority === undefined ||
    certificate === undefined ||
    chain === undefined
  )
    throw refuse('lacks a member')
  try {
    const [read] = readCertificates(certificate)
    if (read === undefined || nameOf(read.publicKey) !== name)
      throw refuse('holds a certificate for another key')
    return { cluster, order, authority, certificate: read, chain: readCertificates(chain) }
  } catch (error) {
    if (error instanceof MeshPkiError && error.code !== 'ERR_KUBERNETES_LEDGER')
      throw refuse(`cannot be read: ${error.message}`)
    throw error
  }
}
