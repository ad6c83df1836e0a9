/**
 * What the agent of a cluster does next about an order. Looks at objects, touches none.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { escapeText } from '../../internal/text.ts'
import { renewalTime } from '../../rotation/renewal-time.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { nameLabel } from '../../x509/certificate-label.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import { type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import type { RequestAnswer } from './certificate-request.ts'
import { isSwap, readTrustBundle, rootsToPublish, whyNotFulfilled } from './fulfilment.ts'
import { type InstalledCa, roundOf, wishOf } from './installed-ca.ts'
import type { IssuedCertificate } from './issued-certificate.ts'
import {
  type DiscardedObject,
  isDueAnew,
  isOld,
  isWaitingKey,
  leftOver,
  type PendingKey,
  readKey,
  readRequest,
} from './pending-request.ts'

/** The objects that a decision is made of, as they are now. */
export interface AgentView {
  readonly order: IssuedCertificate
  readonly installed: InstalledCa | undefined
  /** The agent's temporary key. */
  readonly key: KubeObject | undefined
  readonly request: KubeObject | undefined
  readonly now: Date
  /** What is done about a `cacerts` that somebody else wrote and that is not what was ordered. */
  readonly foreign: ForeignSecretRule
  /** Whether the roots of a working `cacerts` may be exchanged for others. */
  readonly rootSwap: 'refuse' | 'allow'
  /** Where the agent runs: what is its own has this in its label. */
  readonly agentNamespace: string
  /** The only roots that may ever be trusted here; `undefined` where the order decides. */
  readonly pinnedRoots?: readonly Certificate[] | undefined
}

/** What is done about a `cacerts` that somebody else wrote. */
export type ForeignSecretRule = 'refuse' | 'adopt' | 'replace'

/** What the agent does next. Each is one write at most, and safe to repeat. */
export type AgentAction =
  | { readonly do: 'ignore'; readonly message: string }
  /** Nothing can be done; the order says why. */
  | { readonly do: 'refuse'; readonly reason: string; readonly message: string }
  | { readonly do: 'make-key'; readonly round: string; readonly message: string }
  | { readonly do: 'request'; readonly round: string; readonly pending: PendingKey }
  /** Takes back a request, then a key, that nothing will come of. */
  | {
      readonly do: 'discard'
      readonly objects: readonly DiscardedObject[]
      /** Whether it is the clean-up after an installation. */
      readonly isDone?: boolean
      readonly message: string
    }
  | { readonly do: 'wait'; readonly message: string }
  | {
      readonly do: 'install'
      readonly wish: string
      readonly pending: PendingKey
      readonly request: KubeObject
      readonly csr: Csr
      readonly answer: RequestAnswer
      readonly roots: readonly Certificate[]
    }
  /** The `cacerts` is what was ordered, though nobody has said so yet. */
  | { readonly do: 'adopt'; readonly wish: string; readonly roots: readonly Certificate[] }
  | { readonly do: 'publish-roots'; readonly roots: readonly Certificate[] }
  | { readonly do: 'rest'; readonly renewAt: Date }

/**
 * Decides. The order of steps is: key, request, certificate, clean-up; and a wider bundle before all of them. Whatever was done
 * before a crash is found and gone on with; what belongs to an earlier wish is taken back first.
 *
 * A slow issuer is waited for: as long as the order does not change, the key and its request stay.
 */
export async function decideAgentAction(view: AgentView): Promise<AgentAction> {
  const { order, installed, foreign, rootSwap } = view
  const { spec } = order
  if (spec.target === undefined)
    return {
      do: 'ignore',
      message: 'the order names no secret: its certificate is none of the agent’s business',
    }
  if (spec.target.name === order.name && spec.target.namespace === order.namespace)
    return {
      do: 'refuse',
      reason: 'InvalidTarget',
      message:
        'the order names the Secret of its own temporary key as the one that its certificate goes to; name another',
    }
  const bundle = readTrustBundle(spec.trustBundle)
  if (bundle instanceof MeshPkiError)
    return {
      do: 'refuse',
      reason: 'InvalidTrustBundle',
      message: `spec.trustBundle cannot be read: ${bundle.message}`,
    }
  const unpinned = bundle === undefined ? undefined : refuseUnpinned(view, bundle)
  if (unpinned !== undefined) return unpinned
  const wish = wishOf(spec)
  const isForeign = installed !== undefined && !installed.isOurs
  const why = await whyNotFulfilled(view, bundle)
  if (isForeign) {
    if (why === undefined) return { do: 'adopt', wish, roots: bundle ?? installed.bundle?.roots ?? [] }
    if (foreign !== 'replace') return refuseForeign(installed, why)
  }
  if (rootSwap === 'refuse' && !isForeign && bundle !== undefined && (await isSwap(view, bundle)))
    return refuseSwap(installed, bundle)
  const reason = why ?? (installed?.wish === wish ? undefined : isOrderedAnew(installed))
  const roots = await rootsToPublish(view, bundle)
  if (roots !== undefined && !isForeign) return { do: 'publish-roots', roots }
  return reason === undefined ? settle(view) : issue(view, wish, bundle, reason)
}

function refuseSwap(installed: InstalledCa | undefined, bundle: readonly Certificate[]): AgentAction {
  const names = (roots: readonly Certificate[]): string =>
    roots.map((root) => nameLabel(root.subject)).join(' + ')
  return {
    do: 'refuse',
    reason: 'RootSwap',
    message: `the order exchanges the roots ${names(installed?.bundle?.roots ?? [])} for ${names(bundle)}: neither holds the other, so workloads would refuse each other meanwhile, and istiod ignores such a change. Go there by a rollover, which trusts both first; where there is nothing to keep, set rootSwap: 'allow'`,
  }
}

/** Whoever can write orders or answers decides what is trusted, unless the agent was told otherwise. */
function refuseUnpinned({ pinnedRoots }: AgentView, roots: readonly Certificate[]): AgentAction | undefined {
  const other =
    pinnedRoots === undefined
      ? undefined
      : roots.find((root) => !pinnedRoots.some((pinned) => pinned.equals(root)))
  if (other === undefined) return undefined
  return {
    do: 'refuse',
    reason: 'RootNotPinned',
    message: `the root ${nameLabel(other.subject)} (SHA-256 ${other.fingerprint()}) is none of those that this agent is told to trust (pinnedRoots): nothing is changed. If it is meant, add it there first`,
  }
}

function isOrderedAnew(installed: InstalledCa | undefined): string {
  return installed?.wish === undefined ? 'it is not known what it was issued for' : 'the order has changed'
}

function refuseForeign({ secret, problem }: InstalledCa, why: string): AgentAction {
  const { name = '', namespace = '' } = secret.metadata
  return {
    do: 'refuse',
    reason: 'ForeignSecret',
    message: `Secret ${escapeText(`${namespace}/${name}`)} exists, was not written by this agent, and is not what was ordered: ${problem ?? why}. It is left alone. To keep a CA that works, set foreign: 'adopt'; to have another, delete it, or set foreign: 'replace', which keeps a copy`,
  }
}

function settle({ order, installed, key, request, agentNamespace }: AgentView): AgentAction {
  const isOwn = key !== undefined && isWaitingKey(key, agentNamespace)
  const objects = leftOver(isOwn ? key : undefined, request)
  if (objects.length > 0)
    return { do: 'discard', objects, isDone: true, message: 'the certificate is installed' }
  const certificate = installed?.bundle?.certificate
  if (certificate === undefined) return { do: 'wait', message: 'there is no certificate' }
  return { do: 'rest', renewAt: renewalTime(certificate, { gracePeriodRatio: order.spec.gracePeriodRatio }) }
}

async function issue(
  view: AgentView,
  wish: string,
  bundle: readonly Certificate[] | undefined,
  reason: string,
): Promise<AgentAction> {
  const { order, installed, key, request, now, agentNamespace } = view
  const round = roundOf(wish, installed)
  if (key !== undefined && !isWaitingKey(key, agentNamespace))
    return {
      do: 'refuse',
      reason: 'NameTaken',
      message: `Secret ${order.namespace}/${order.name} is none of this agent’s keys, and a key of that name is needed to go on: it is left alone. Move it, or give the order another name`,
    }
  if (key !== undefined && key.metadata.annotations?.[FederationMark.round] !== round)
    return {
      do: 'discard',
      objects: leftOver(key, request),
      message: `they are of an earlier round: ${reason}`,
    }
  const pending = await readKey(key)
  if (pending === undefined)
    return request === undefined && key === undefined
      ? { do: 'make-key', round, message: reason }
      : { do: 'discard', objects: leftOver(key, request), message: 'the key of the request cannot be read' }
  if (request === undefined) return { do: 'request', round, pending }
  const asked = readRequest(request)
  if (asked instanceof MeshPkiError && hasAnswer(request))
    return isDueAnew(request, order.object, now)
      ? {
          do: 'discard',
          objects: leftOver(key, request),
          message: 'what the issuer answered cannot be read; it is asked anew',
        }
      : {
          do: 'refuse',
          reason: 'CertificateRefused',
          message: `what the issuer answered cannot be read: ${asked.message}`,
        }
  const isOurs =
    !(asked instanceof MeshPkiError) &&
    asked.round === round &&
    equalBytes(asked.csr.publicKey, pending.key.publicKey)
  if (!isOurs)
    return {
      do: 'discard',
      objects: [{ kind: 'request', object: request }],
      message: 'the request is not for the key that is waiting',
    }
  if (asked.state === 'PENDING')
    return {
      do: 'wait',
      message: `the issuer has not answered yet (${reason})${asked.error === '' ? '' : `: ${escapeText(asked.error, 1024)}`}`,
    }
  if (asked.state === 'FAILED' || asked.answer === undefined)
    return isOld(request, now)
      ? {
          do: 'discard',
          // The key too: what was refused may be the key.
          objects: leftOver(key, request),
          message: 'the issuer refused it; it is asked again',
        }
      : {
          do: 'refuse',
          reason: 'IssuerRefused',
          message: `the issuer refused: ${escapeText(asked.error, 1024)}`,
        }
  const roots = bundle ?? asked.answer.roots
  if (roots.length === 0)
    return {
      do: 'refuse',
      reason: 'NoRoots',
      message: 'neither the order nor the issuer names a root to trust',
    }
  const unpinned = refuseUnpinned(view, roots)
  if (unpinned !== undefined) return unpinned
  // In Gloo's kind the roots come with the answer.
  if (view.rootSwap === 'refuse' && installed?.isOurs === true && (await isSwap(view, roots)))
    return refuseSwap(installed, roots)
  return { do: 'install', wish, pending, request, csr: asked.csr, answer: asked.answer, roots }
}

function hasAnswer(request: KubeObject): boolean {
  return textAt(recordAt(request, 'status'), 'signedCertificate') !== undefined
}
