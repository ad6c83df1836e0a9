/**
 * What the agent of a cluster does next about an order. Looks at objects, touches none.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { renewalTime } from '../../rotation/renewal-time.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { nameLabel } from '../../x509/certificate-label.ts'
import { importPrivateKey } from '../../x509/import-private-key.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import { DataKey } from '../objects/names.ts'
import { readCertificates, SecretReader } from '../secrets/secret-reader.ts'
import { type FederationRequest, type RequestAnswer, readCertificateRequest } from './certificate-request.ts'
import { hasNames, type InstalledCa, leadsTo, roundOf, wishOf } from './installed-ca.ts'
import type { IssuedCertificate } from './issued-certificate.ts'

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
}

/** What is done about a `cacerts` that somebody else wrote. */
export type ForeignSecretRule = 'refuse' | 'adopt' | 'replace'

/** A key and the request that it signed. */
export interface PendingKey {
  readonly key: PrivateKey
  readonly object: KubeObject
}

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
      readonly csr: Csr
      readonly answer: RequestAnswer
      readonly roots: readonly Certificate[]
    }
  /** The `cacerts` is what was ordered, though nobody has said so yet. */
  | { readonly do: 'adopt'; readonly wish: string }
  | { readonly do: 'publish-roots'; readonly roots: readonly Certificate[] }
  | { readonly do: 'rest'; readonly renewAt: Date }

/** An object that is taken back. */
export interface DiscardedObject {
  readonly kind: 'request' | 'key'
  readonly object: KubeObject
}

/** A refused request is made anew after this; its key stays. */
const RETRY_MS = 600_000

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
  const wish = wishOf(spec)
  const isForeign = installed !== undefined && !installed.isOurs
  const why = await whyNotFulfilled(view, bundle)
  if (isForeign) {
    if (why === undefined) return { do: 'adopt', wish }
    if (foreign !== 'replace') return refuseForeign(installed, why)
  }
  if (rootSwap === 'refuse' && !isForeign && bundle !== undefined && (await isSwap(view, bundle)))
    return refuseSwap(installed, bundle)
  const reason = why ?? (installed?.wish === wish ? undefined : isOrderedAnew(installed))
  const roots = await rootsToPublish(view, bundle)
  if (roots !== undefined && !isForeign) return { do: 'publish-roots', roots }
  return reason === undefined ? settle(view) : issue(view, wish, bundle, reason)
}

/** Whether roots that work would give way to others: nobody would trust both, and istiod ignores such a change. */
async function isSwap({ installed, now }: AgentView, bundle: readonly Certificate[]): Promise<boolean> {
  const found = installed?.bundle
  if (found === undefined || !(await leadsTo(found, found.roots, now))) return false
  const [before, after] = [found.roots, bundle].map(
    (roots) => new Set(roots.map((root) => root.fingerprint())),
  )
  if (before === undefined || after === undefined) return false
  const isWithin = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
    [...a].every((one) => b.has(one))
  return !isWithin(before, after) && !isWithin(after, before)
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

/** Why the installed CA is not what was ordered; `undefined` where it is. */
async function whyNotFulfilled(
  { order, installed, now, foreign }: AgentView,
  bundle: readonly Certificate[] | undefined,
): Promise<string | undefined> {
  const { spec } = order
  if (installed === undefined) return 'there is no CA yet'
  if (installed.bundle === undefined) return installed.problem ?? 'it cannot be read'
  const { certificate, roots } = installed.bundle
  if (!certificate.isCa) return 'its certificate is no CA’s'
  // One that was taken over keeps its names for as long as nothing else is ordered.
  const keepsNames = installed.isOurs ? installed.adopted === wishOf(spec) : foreign === 'adopt'
  if (!keepsNames && !hasNames(certificate, spec.hosts)) return 'its names are not those that were ordered'
  const renewAt = renewalTime(certificate, { gracePeriodRatio: spec.gracePeriodRatio })
  if (renewAt <= now) return `it is due for renewal since ${renewAt.toISOString()}`
  if (!(await leadsTo(installed.bundle, roots, now))) return 'it does not lead to the roots beside it'
  if (bundle !== undefined && !(await leadsTo(installed.bundle, bundle, now)))
    return 'it does not lead to the roots that were ordered'
  return undefined
}

/** The roots that shall stand in `cacerts` from now on, where they differ and the CA that is there is under them. */
async function rootsToPublish(
  { order, installed, now }: AgentView,
  bundle: readonly Certificate[] | undefined,
): Promise<readonly Certificate[] | undefined> {
  const found = installed?.bundle
  if (bundle === undefined || found === undefined) return undefined
  const isSame =
    found.roots.length === bundle.length &&
    found.roots.every((root, i) => root.equals(bundle[i] ?? found.certificate))
  const isNumbered = installed?.bundleSequence === order.spec.bundleSequence
  if (isSame && isNumbered) return undefined
  return (await leadsTo(found, bundle, now)) ? bundle : undefined
}

function settle({ order, installed, key, request }: AgentView): AgentAction {
  const objects = leftOver(key, request)
  if (objects.length > 0)
    return { do: 'discard', objects, isDone: true, message: 'the certificate is installed' }
  const certificate = installed?.bundle?.certificate
  if (certificate === undefined) return { do: 'wait', message: 'there is no certificate' }
  return { do: 'rest', renewAt: renewalTime(certificate, { gracePeriodRatio: order.spec.gracePeriodRatio }) }
}

/** The request first: a request without its key is useless, a key without a request is not. */
function leftOver(key: KubeObject | undefined, request: KubeObject | undefined): readonly DiscardedObject[] {
  return [
    ...(request === undefined ? [] : [{ kind: 'request' as const, object: request }]),
    ...(key === undefined ? [] : [{ kind: 'key' as const, object: key }]),
  ]
}

async function issue(
  view: AgentView,
  wish: string,
  bundle: readonly Certificate[] | undefined,
  reason: string,
): Promise<AgentAction> {
  const { installed, key, request, now } = view
  const round = roundOf(wish, installed)
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
  const asked = readRequest(request)
  if (request === undefined) return { do: 'request', round, pending }
  const isOurs =
    asked !== undefined && asked.round === round && equalBytes(asked.csr.publicKey, pending.key.publicKey)
  if (!isOurs)
    return {
      do: 'discard',
      objects: [{ kind: 'request', object: request }],
      message: 'the request is not for the key that is waiting',
    }
  if (asked.state === 'PENDING') return { do: 'wait', message: `the issuer has not answered yet (${reason})` }
  if (asked.state === 'FAILED' || asked.answer === undefined)
    return isOld(request, now)
      ? {
          do: 'discard',
          objects: [{ kind: 'request', object: request }],
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
  // In Gloo's kind the roots come with the answer.
  if (view.rootSwap === 'refuse' && installed?.isOurs === true && (await isSwap(view, roots)))
    return refuseSwap(installed, roots)
  return { do: 'install', wish, pending, csr: asked.csr, answer: asked.answer, roots }
}

function isOld({ metadata }: KubeObject, now: Date): boolean {
  const made: unknown = Reflect.get(metadata, 'creationTimestamp')
  const time =
    made instanceof Date ? made.getTime() : typeof made === 'string' ? Date.parse(made) : Number.NaN
  return !(now.getTime() - time < RETRY_MS)
}

/** Another agent's object, a damaged one, one that a person made: none of them is a reason to stop. */
function readRequest(object: KubeObject | undefined): FederationRequest | undefined {
  if (object === undefined) return undefined
  try {
    return readCertificateRequest(object)
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

async function readKey(object: KubeObject | undefined): Promise<PendingKey | undefined> {
  if (object === undefined) return undefined
  try {
    const reader = new SecretReader(object, 'readKey')
    const key = await importPrivateKey(reader.privateKey(DataKey.privateKey).reveal(), { extractable: true })
    return { key, object }
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}

function readTrustBundle(text: string | undefined): readonly Certificate[] | undefined | MeshPkiError {
  if (text === undefined) return undefined
  try {
    const roots = readCertificates(text)
    const other = roots.find((root) => !root.isCa)
    if (other === undefined) return roots
    return new MeshPkiError(
      'ERR_CA_NOT_CA',
      `the certificate of ${quote(String(other.subject))} is not a CA’s`,
    )
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
}
