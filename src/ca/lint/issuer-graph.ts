/**
 * Who issued whom: names propose, signatures decide.
 *
 * Names alone prove nothing: below CAs that share a name, as the nameless ones of old Gloo Mesh releases do, Node's
 * `checkIssued()` says yes to the wrong one.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { groupBy } from '../../internal/group-by.ts'
import { Certificate } from '../../x509/certificate.ts'
import type { CertificateList } from '../../x509/certificate-list.ts'
import { isSignedBy } from '../../x509/signed-parts.ts'
import { importVerificationKey, type VerificationKey } from '../../x509/verification-key.ts'
import type { PlacedCertificate } from './certificate-file.ts'

/** Signatures that one lint checks. Chains need a handful; what exceeds it is told, never passed over. */
const MAX_SIGNATURES = 1024

/** `undefined`: it cannot be told, for the algorithm or the key is not supported, or the budget is used up. */
export type SignedBy = boolean | undefined

/** Checks signatures within a budget. */
export class SignatureOracle {
  readonly #keys = new Map<string, VerificationKey | undefined>()
  readonly #answers = new Map<string, SignedBy>()
  // Each is hashed once, not once for every other that it is asked about.
  readonly #prints = new WeakMap<Certificate | CertificateList, string>()
  readonly #keyPrints = new WeakMap<Certificate, string>()
  #left = MAX_SIGNATURES

  /** Whether the budget did not suffice. */
  get isExhausted(): boolean {
    return this.#left < 0
  }

  /** Whether the key of `issuer` made the signature of `value`. */
  async isSignedBy(value: Certificate | CertificateList, issuer: Certificate): Promise<SignedBy> {
    if (value.signatureAlgorithm === undefined) return undefined
    const question = `${this.#printOf(value)} ${this.#keyPrintOf(issuer)}`
    if (this.#answers.has(question)) return this.#answers.get(question)
    const key = await this.#keyOf(issuer)
    if (key === undefined || --this.#left < 0) return undefined
    const answer = await isSignedBy(value, key)
    this.#answers.set(question, answer)
    return answer
  }

  async #keyOf(issuer: Certificate): Promise<VerificationKey | undefined> {
    const name = this.#keyPrintOf(issuer)
    if (this.#keys.has(name)) return this.#keys.get(name)
    let key: VerificationKey | undefined
    try {
      key = await importVerificationKey(issuer.publicKey)
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
    }
    this.#keys.set(name, key)
    return key
  }

  #printOf(value: Certificate | CertificateList): string {
    const known = this.#prints.get(value)
    if (known !== undefined) return known
    const print = value.fingerprint()
    this.#prints.set(value, print)
    return print
  }

  #keyPrintOf(issuer: Certificate): string {
    const known = this.#keyPrints.get(issuer)
    if (known !== undefined) return known
    const print = issuer.publicKeyFingerprint()
    this.#keyPrints.set(issuer, print)
    return print
  }
}

/** A certificate with all the places where it stands. */
export interface ChainNode {
  readonly certificate: Certificate
  /** Where it stands first. */
  readonly at: PlacedCertificate
  readonly inChain: boolean
  readonly isAnchor: boolean
  /** Those that bear its issuer's name and whose key made its signature; itself where it is self-signed. */
  readonly issuers: readonly ChainNode[]
  /** Those that bear its issuer's name only. */
  readonly namesakes: readonly ChainNode[]
  /** Whether its signature could not be checked under a key that may be the right one. */
  readonly isUnknown: boolean
}

interface MutableNode extends ChainNode {
  readonly issuers: ChainNode[]
  readonly namesakes: ChainNode[]
  isUnknown: boolean
}

/** The certificates of a chain and its anchors, each once, linked by signatures. */
export interface IssuerGraph {
  /** Those of the chain in its order, then the anchors that are not in it. */
  readonly nodes: readonly ChainNode[]
}

/** Links certificates to their issuers. */
export async function buildIssuerGraph(
  chain: readonly PlacedCertificate[],
  anchors: readonly PlacedCertificate[],
  oracle: SignatureOracle,
): Promise<IssuerGraph> {
  const nodes: MutableNode[] = []
  const anchorPrints = new Set(anchors.map(({ certificate }) => certificate.fingerprint()))
  const seen = new Set<string>()
  for (const [inChain, list] of [
    [true, chain],
    [false, anchors],
  ] as const) {
    for (const at of list) {
      const { certificate } = at
      const print = certificate.fingerprint()
      if (seen.has(print)) continue
      seen.add(print)
      nodes.push({
        certificate,
        at,
        inChain,
        isAnchor: anchorPrints.has(print),
        issuers: [],
        namesakes: [],
        isUnknown: false,
      })
    }
  }
  const bySubject = groupBy(nodes, ({ certificate }) => Certificate.namesOf(certificate).subject)
  for (const node of nodes) {
    for (const candidate of bySubject.get(Certificate.namesOf(node.certificate).issuer) ?? []) {
      const signed = await oracle.isSignedBy(node.certificate, candidate.certificate)
      if (signed === true) node.issuers.push(candidate)
      else if (signed === undefined) node.isUnknown = true
      // Below a nameless CA a nameless workload bears its issuer's name itself.
      else if (candidate !== node) node.namesakes.push(candidate)
    }
  }
  return { nodes }
}

/** Whether its own key signed it: proven, not read from its names. */
export function isRootNode(node: ChainNode): boolean {
  return node.issuers.includes(node)
}

/** One way from a certificate upwards: those of the chain first, in their order; it ends at a root or where no issuer is known. */
export function pathUp(from: ChainNode): readonly ChainNode[] {
  const path = [from]
  let at = from
  while (!isRootNode(at)) {
    const next = at.issuers.find((issuer) => !path.includes(issuer))
    if (next === undefined) break
    path.push(next)
    at = next
  }
  return path
}

/** Everything that a certificate leads to, itself included, whichever way. */
export function reachableFrom(from: ChainNode): ReadonlySet<ChainNode> {
  const reached = new Set<ChainNode>([from])
  for (const node of reached) for (const issuer of node.issuers) reached.add(issuer)
  return reached
}
