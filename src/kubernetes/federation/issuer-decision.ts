/**
 * Whether the management side signs what an agent asks for. Names come from its own policy, never from the cluster.
 *
 * @module
 */

import type { CertificateAuthority } from '../../ca/certificate-authority.ts'
import type { NameConstraintsInput } from '../../ca/name-constraints-input.ts'
import type { ProfileInput } from '../../ca/profiles/profiles.ts'
import type { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { escapeText, quote } from '../../internal/text.ts'
import type { NameInput } from '../../x509/name.ts'
import { readPublicKeyInfo } from '../../x509/public-key-info.ts'
import { type KubeObject, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import { readCertificateRequest } from './certificate-request.ts'
import { type CaKeyAlgorithm, readIssuedCertificate } from './issued-certificate.ts'

/** What the management side has decided about one cluster's CA. */
export interface Entitlement {
  /** The names of its CA certificate. */
  readonly hosts: readonly string[]
  readonly lifetime: string
  readonly pathLength: number | 'none'
  readonly keyAlgorithm: CaKeyAlgorithm
  /** Its subject. Default: the organization of the order and its name, as Gloo Mesh. */
  readonly subject?: NameInput | undefined
  readonly organization: string
  readonly nameConstraints?: NameConstraintsInput | undefined
  /** Which profile its certificate has. Default: that of the authority; `'gloo'` for what Gloo Mesh makes. */
  readonly profile?: ProfileInput | undefined
  /** What signs. */
  readonly authority: CertificateAuthority
  readonly authorityId: string
  /** The text of its `root-cert.pem`. */
  readonly roots: string
}

/** A certificate is due, and must not be signed now. */
export interface IssuanceHold {
  /** Why, as a sentence without its stop. */
  readonly hold: string
}

/** What becomes of a request. */
export type IssuerDecision =
  | { readonly do: 'ignore'; readonly message: string }
  /** For good: the agent has to ask anew. */
  | { readonly do: 'refuse'; readonly message: string }
  /** Not now: the order in the cluster is not, or not yet, what was decided. */
  | { readonly do: 'wait'; readonly message: string }
  | { readonly do: 'sign'; readonly csr: Csr; readonly entitlement: Entitlement }

/** What it is decided by. */
export interface IssuerView {
  readonly cluster: string
  /** The request, as it is now. */
  readonly request: KubeObject
  /** The order in the same cluster, of the same name. */
  readonly order: KubeObject | undefined
  /** What the management side has decided; `undefined` where no policy covers that cluster and order. */
  readonly entitlement: Entitlement | IssuanceHold | undefined
}

/**
 * Decides about a request. It is answered once: what is finished or failed stays so.
 *
 * The order in the cluster can be written by the admins of that cluster, so nothing is taken from it. Where it differs from what was
 * decided here nothing is signed: either it is on its way, or somebody wants to be someone else.
 */
export function decideIssuance({ cluster, request, order, entitlement }: IssuerView): IssuerDecision {
  const { name = '', namespace = '' } = request.metadata
  if (isAnswered(request)) return { do: 'ignore', message: 'it is answered already' }
  const where = `${escapeText(namespace)}/${escapeText(name)} of cluster ${quote(cluster, 64)}`
  if (entitlement === undefined)
    return { do: 'refuse', message: `no policy of the management cluster gives ${where} a certificate` }
  if ('hold' in entitlement)
    return { do: 'wait', message: `nothing is signed for ${where} now: ${entitlement.hold}` }
  const csr = readCsr(request)
  if (csr instanceof MeshPkiError) return { do: 'refuse', message: csr.message }
  const difference = differenceOf(order, entitlement)
  if (difference !== undefined)
    return { do: 'wait', message: `the order ${where} is not what was decided here: ${difference}` }
  const algorithm = algorithmOf(csr)
  if (algorithm !== entitlement.keyAlgorithm)
    return {
      do: 'refuse',
      message: `the key of the request is ${algorithm}; expected ${entitlement.keyAlgorithm}`,
    }
  const stranger = csr.subjectAltNames.find(
    (one) => one.type !== 'uri' || !entitlement.hosts.includes(one.value),
  )
  if (stranger !== undefined)
    return {
      do: 'refuse',
      message: `the request asks for the name ${stranger.type === 'uri' ? quote(stranger.value, 128) : `of the form ${stranger.type}`}, which ${where} is not entitled to`,
    }
  return { do: 'sign', csr, entitlement }
}

/** Whether a request has its answer, as it is now. */
export function isAnswered(request: KubeObject): boolean {
  const status = recordAt(request, 'status')
  const state = textAt(status, 'state')
  return (
    (state === 'FINISHED' || state === 'FAILED') &&
    numberAt(status, 'observedGeneration') === (request.metadata.generation ?? 0)
  )
}

function readCsr(request: KubeObject): Csr | MeshPkiError {
  try {
    return readCertificateRequest(request).csr
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}

function differenceOf(order: KubeObject | undefined, entitlement: Entitlement): string | undefined {
  if (order === undefined) return 'there is none'
  try {
    const { spec } = readIssuedCertificate(order)
    const found = [
      [...spec.hosts].sort().join(', '),
      spec.lifetime,
      spec.keyAlgorithm,
      String(spec.pathLength),
    ]
    const expected = [
      [...entitlement.hosts].sort().join(', '),
      entitlement.lifetime,
      entitlement.keyAlgorithm,
      String(entitlement.pathLength),
    ]
    const names = ['hosts', 'lifetime', 'key', 'path length']
    const at = names.findIndex((_, i) => found[i] !== expected[i])
    if (at >= 0) return `${names[at]}: expected ${expected[at]}, found ${escapeText(found[at] ?? '')}`
    return spec.authority !== undefined && spec.authority !== entitlement.authorityId
      ? `authority: expected ${entitlement.authorityId}, found ${escapeText(spec.authority, 128)}`
      : undefined
  } catch (error) {
    if (error instanceof MeshPkiError) return error.message
    throw error
  }
}

/** The kind of key, as orders call it. */
function algorithmOf(csr: Csr): string {
  const { kind, modulusBits, description } = readPublicKeyInfo(csr.publicKey)
  return kind === 'RSA' ? `RSA-${modulusBits}` : (kind ?? description)
}
