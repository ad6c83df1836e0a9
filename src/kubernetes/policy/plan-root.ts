/**
 * What becomes of the CA of a policy on the management cluster.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { instantText } from '../../internal/instant-text.ts'
import { distinctCertificates } from '../../verify/trust-store.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { KubeObject, NamespacedName } from '../objects/kube-object.ts'
import { DataKey } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { decodeRootSecret, type RootSecret } from '../secrets/root-secret.ts'
import { SecretReader } from '../secrets/secret-reader.ts'
import type { FederationFinding, PassiveDecision, PlannedAuthority, RootDecision } from './federation-plan.ts'
import { readRootRecord, rootRecordName } from './root-record.ts'
import { secretsOf } from './root-secret-names.ts'
import type { ManagementAuthority, TrustPolicy } from './trust-policy.ts'

const DAY_MS = 86_400_000

/** What planning of one policy works on. */
export interface RootContext {
  readonly policy: TrustPolicy
  readonly time: number
  readonly secretAt: (name: NamespacedName) => SecretLike | undefined
  /** The note that a root was made in a secret. */
  readonly recordAt: (secret: NamespacedName) => KubeObject | undefined
  /** Whether an order of this policy is in a cluster: then there was a root. */
  readonly wasUsed: boolean
  readonly find: (finding: FederationFinding) => void
}

const shown = ({ namespace, name }: NamespacedName): string => `Secret ${namespace}/${name}`

/** Decides about the CA that signs. */
export function planRoot(context: RootContext): RootDecision {
  const { policy, find } = context
  const { authority } = policy
  switch (authority.source) {
    case 'unmanaged':
      return { do: 'nothing', reason: 'the policy has no mtlsConfig, so it manages no certificates' }
    case 'agent': {
      const reason =
        'the agents of Gloo Mesh ask Vault themselves; here a management CA signs, which may be one of Vault by mesh-pki/issuers/vault'
      find({ code: 'trust-left-to-agents', severity: 'warning', message: reason })
      return { do: 'leave-to-agents', vault: authority.vault, reason }
    }
    default:
      return planSigner(authority, context)
  }
}

function planSigner(authority: ManagementAuthority, context: RootContext): RootDecision {
  const { policy, secretAt, find } = context
  const candidates = secretsOf(authority, policy)
  const existing = candidates.filter((name) => secretAt(name) !== undefined)
  const [first] = candidates
  const [secret = first, second] = existing
  // There is always a candidate; the type cannot say so.
  if (secret === undefined) return { do: 'nothing', reason: 'there is no place for a root' }
  if (second !== undefined)
    find({
      code: 'root-ambiguous',
      severity: 'warning',
      message: `${shown(secret)} and ${shown(second)} are both there; the first one is taken. Delete the one that signed nothing`,
    })
  const found = secretAt(secret)
  if (found === undefined) {
    const lost = authority.source === 'generated' ? whyLost(candidates, context) : undefined
    if (lost !== undefined) {
      find({ code: 'root-lost', severity: 'error', message: lost })
      return { do: 'refuse', secret, reason: lost }
    }
    if (authority.source === 'generated')
      return {
        do: 'create',
        secret,
        options: authority.options,
        reason: `there is no ${shown(secret)} yet, and the policy has its root generated`,
      }
    const reason = `${shown(secret)}, which the policy names as its CA, is not there. Bring it there, with certificate and key`
    find({ code: 'root-missing', severity: 'error', message: reason })
    return { do: 'wait', secret, reason }
  }
  const read = readAuthority(found, context)
  if (typeof read === 'string') {
    const reason = `${shown(secret)}: ${read}`
    find({ code: 'root-refused', severity: 'error', message: reason })
    return { do: 'refuse', secret, reason }
  }
  const replaced = authority.source === 'generated' ? whyReplaced(read, secret, context) : undefined
  if (replaced !== undefined) {
    find({ code: 'root-replaced', severity: 'error', message: replaced })
    return { do: 'refuse', secret, reason: replaced }
  }
  warnAboutLife(read.certificate, secret, context)
  if (authority.source === 'generated') warnAboutOptions(read.certificate, authority, secret, context)
  const origin = authority.source === 'generated' ? 'generated' : 'provided'
  return {
    do: 'use',
    secret,
    origin,
    authority: read,
    reason:
      origin === 'generated'
        ? `${shown(secret)} is there and is taken as it is: a root that was generated is never overwritten`
        : `${shown(secret)} is what the policy names`,
  }
}

/** Why a root that is not there must not be made. */
function whyLost(
  candidates: readonly NamespacedName[],
  { recordAt, wasUsed }: RootContext,
): string | undefined {
  for (const secret of candidates) {
    const record = recordAt(secret)
    if (record !== undefined)
      return `${shown(secret)} is gone, and with it the root ${readRootRecord(record) ?? 'that was made there'}: restore it from a backup (restoreTrust). Where nothing under it is in use any longer, delete ConfigMap ${rootRecordName(secret).name} and the orders of this policy, and another root is made`
  }
  const [first] = candidates
  if (!wasUsed || first === undefined) return undefined
  return `${shown(first)} is not there, and there are orders of this policy, so there was a root: restore it from a backup (restoreTrust). Where nothing under it is in use any longer, delete these orders, and another root is made`
}

/** Why a root that is there is not the one that was made. */
function whyReplaced(
  { certificate }: PlannedAuthority,
  secret: NamespacedName,
  { recordAt }: RootContext,
): string | undefined {
  const record = recordAt(secret)
  const made = record === undefined ? undefined : readRootRecord(record)
  const found = certificate.fingerprint()
  if (made === undefined || made === found) return undefined
  return `${shown(secret)} holds ${found}, and the root of this policy is ${made}: an exchange at once would have every mesh refuse the others. Put that one back; go to another by a rollover, with a secret of its own; or, where nothing is in use yet, delete ConfigMap ${rootRecordName(secret).name}`
}

/** The authority of a secret; or why it must not sign, as a sentence without its stop. */
function readAuthority(secret: SecretLike, { time }: RootContext): PlannedAuthority | string {
  let root: RootSecret
  try {
    root = decodeRootSecret(secret)
  } catch (error) {
    if (error instanceof MeshPkiError) return `it cannot be read as a CA: ${error.message}`
    throw error
  }
  const { certificate, layout, roots } = root
  const chain = chainOf(root)
  const above = pathAbove(chain, roots, time)
  for (const [index, each] of above.entries()) {
    const problem = whyNotAbove(each, index, time)
    if (problem !== undefined) return problem
  }
  const label = certificateLabel(certificate)
  const isRoot = roots.some((each) => each.equals(certificate))
  if (!isRoot && !roots.some((each) => above.some((one) => one.equals(each))))
    return `${label} is an intermediate, and no certificate of its chain was issued by one of its roots: put every CA between into cert-chain.pem, and the root into root-cert.pem`
  return Object.freeze({ layout, certificate, chain, roots })
}

/** The certificate, and then those above it, each once. */
function chainOf({ certificate, chain }: RootSecret): readonly Certificate[] {
  return Object.freeze(distinctCertificates([certificate, ...chain]))
}

/** From the signing CA upwards by names, its root included. A step checks the signatures; here only shapes are judged. */
function pathAbove(
  chain: readonly Certificate[],
  roots: readonly Certificate[],
  time: number,
): readonly Certificate[] {
  const pool = distinctCertificates([...chain, ...roots])
  const path: Certificate[] = []
  for (let next = chain[0]; next !== undefined && !path.includes(next); ) {
    path.push(next)
    next = next.isSelfIssued ? undefined : issuerOf(next, pool, time)
  }
  return path
}

/** Who bears the issuer's name; a root that was renewed stands there twice, so one that is valid and fits by key comes first. */
function issuerOf(child: Certificate, pool: readonly Certificate[], time: number): Certificate | undefined {
  const named = pool.filter((each) => each !== child && each.subject.equals(child.issuer))
  const rank = ({ notBefore, notAfter, subjectKeyIdentifier }: Certificate): number =>
    (notBefore.getTime() <= time && time <= notAfter.getTime() ? 2 : 0) +
    (subjectKeyIdentifier === child.authorityKeyIdentifier ? 1 : 0)
  return named.reduce<Certificate | undefined>(
    (best, each) => (best === undefined || rank(each) > rank(best) ? each : best),
    undefined,
  )
}

/** Whether a CA of the path can stand above a new intermediate; `index` CAs are between the two. */
function whyNotAbove(certificate: Certificate, index: number, time: number): string | undefined {
  const label = certificateLabel(certificate)
  if (!certificate.isCa)
    return `${label} is no CA's: it has no basic constraints with cA TRUE (RFC 5280 §4.2.1.9)`
  const { keyUsage, pathLength, notAfter, notBefore } = certificate
  if (keyUsage !== undefined && !keyUsage.includes('keyCertSign'))
    return `${label} lacks keyCertSign (RFC 5280 §4.2.1.3), so it must not sign certificates`
  if (notAfter.getTime() < time) return `${label} ended at ${instantText(notAfter.getTime())}`
  if (notBefore.getTime() > time) return `${label} begins only at ${instantText(notBefore.getTime())}`
  const needed = index + 1
  if (pathLength !== undefined && pathLength < needed)
    return `the path length of ${label} is ${pathLength}, and ${needed} CA${needed === 1 ? '' : 's'} would stand below it: every workload certificate would be refused (RFC 5280 §4.2.1.9), which istiod does not notice. Have it issued with a path length of at least ${needed}, or without one`
  return undefined
}

/** Intermediates are capped to the end of their CA: with less than two lifetimes left it should be replaced. */
function warnAboutLife(certificate: Certificate, secret: NamespacedName, context: RootContext): void {
  const { policy, time, find } = context
  const left = certificate.notAfter.getTime() - time
  const { ttlDays } = policy.intermediate
  if (left >= 2 * ttlDays * DAY_MS) return
  find({
    code: 'root-ends-soon',
    severity: 'warning',
    message: `${shown(secret)}: it ends at ${instantText(certificate.notAfter.getTime())}, in ${Math.floor(left / DAY_MS)} days, and intermediates are to live ${ttlDays}; they are capped to its end. Plan its replacement with planRollover`,
  })
}

/** Options of a root that exists have no effect, which is easily taken for a fault. */
function warnAboutOptions(
  certificate: Certificate,
  authority: Extract<ManagementAuthority, { source: 'generated' }>,
  secret: NamespacedName,
  { find }: RootContext,
): void {
  const { organization, ttlDays, keyAlgorithm } = authority.options
  const days = Math.round((certificate.notAfter.getTime() - certificate.notBefore.getTime()) / DAY_MS)
  const differences = [
    certificate.subject.values('O').includes(organization) ? '' : `the organization is not ${organization}`,
    Math.abs(days - ttlDays) <= 1 ? '' : `it lives ${days} days, not ${ttlDays}`,
    certificate.publicKeyType === keyAlgorithm
      ? ''
      : `its key is ${certificate.publicKeyType}, not ${keyAlgorithm}`,
  ].filter((text) => text !== '')
  if (differences.length === 0) return
  find({
    code: 'root-options-ignored',
    severity: 'warning',
    message: `${shown(secret)} differs from what the policy generates: ${differences.join('; ')}. It stays as it is; a root is replaced by planRollover, not by its options`,
  })
}

/** Decides about the CAs that are trusted only. */
export function planPassive(context: RootContext): readonly PassiveDecision[] {
  const { policy, secretAt, find } = context
  return policy.passive.map((authority): PassiveDecision => {
    const candidates = secretsOf(authority, policy)
    const secret = candidates.find((name) => secretAt(name) !== undefined) ?? candidates[0]
    const found = secret === undefined ? undefined : secretAt(secret)
    if (secret === undefined || found === undefined) {
      const name = secret ?? { name: '', namespace: policy.namespace }
      const reason = `${shown(name)} of a passive CA is not there: what is below it would no longer be trusted, so no bundle may be published without it. ${
        authority.source === 'generated'
          ? 'A root that never signed is not made; take it out, or name the secret it is in'
          : 'Bring it there'
      }`
      find({ code: 'passive-missing', severity: 'error', message: reason })
      return { do: 'wait', secret: name, roots: [], reason }
    }
    try {
      const roots = readRoots(found)
      return { do: 'trust', secret, roots, reason: `${shown(secret)} is trusted and signs nothing` }
    } catch (error) {
      if (!(error instanceof MeshPkiError)) throw error
      const reason = `${shown(secret)}: its roots cannot be read: ${error.message}`
      find({ code: 'root-refused', severity: 'error', message: reason })
      return { do: 'refuse', secret, roots: [], reason }
    }
  })
}

/** What is trusted needs no key: that of a root that has gone is best destroyed. */
function readRoots(secret: SecretLike): readonly Certificate[] {
  const reader = new SecretReader(secret, 'planFederation')
  const key = [DataKey.rootCert, DataKey.tlsCa, DataKey.caCert].find((each) => reader.isFilled(each))
  if (key === undefined) throw reader.wrongLayout(`expected ${DataKey.rootCert} or ${DataKey.tlsCa}`)
  return reader.certificates(key)
}
