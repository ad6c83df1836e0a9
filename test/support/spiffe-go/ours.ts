/**
 * Our verdicts, in the form in which the programs in Go give theirs.
 */
import { createHash, createPublicKey } from 'node:crypto'
import { MeshPkiError } from '../../../src/errors.ts'
import {
  BundleMap,
  checkSvid,
  IstioTrustDomains,
  type JwtAuthority,
  lintTrustDomain,
  parseIstioIdentity,
  SpiffeBundle,
  SpiffeId,
  TrustDomain,
} from '../../../src/spiffe/index.ts'
import { checkJwtSvid } from '../../../src/spiffe/jwt/index.ts'
import type { Verdict } from '../spiffe-go.ts'
import type { SvidCase } from './svids.ts'
import { AUDIENCE, BUNDLES } from './tokens.ts'

export const idOf = (text: string): Verdict =>
  verdictOf(() => {
    const id = SpiffeId.parse(text)
    return { text: String(id), trustDomain: id.trustDomain.name, path: id.path }
  })

export const trustDomainOf = (text: string): Verdict => verdictOf(() => TrustDomain.parse(text).name)

export const bundleOf = (trustDomain: string, document: string | Uint8Array): Verdict =>
  verdictOf(() => contentsOf(SpiffeBundle.fromJson(trustDomain, document)))

/** What a bundle has, with hashes by Node. */
export function contentsOf(bundle: SpiffeBundle) {
  const { x509Authorities, jwtAuthorities, sequence, refreshHint } = bundle
  return {
    x509: x509Authorities.map(({ der }) => sha256(der)),
    jwt: Object.fromEntries(jwtAuthorities.map(({ keyId, jwk }) => [keyId, sha256(spkiOf(jwk))])),
    sequence: sequence?.toString() ?? null,
    refreshHint: refreshHint ?? null,
  }
}

/** A bundle without any authority counts as the refusal of its only element. */
export function unlessEmpty(verdict: Verdict): Verdict {
  const { x509, jwt } = (verdict.ok ? verdict.value : {}) as { readonly x509?: object; readonly jwt?: object }
  const isEmpty = Object.keys({ ...x509, ...jwt }).length === 0
  return verdict.ok && isEmpty ? { ok: false, error: 'no authority' } : verdict
}

export async function svidOf({ chain, bundles, time }: SvidCase): Promise<Verdict> {
  const result = await checkSvid(chain, { bundles, time })
  return result.ok ? { ok: true, value: String(result.svid.id) } : refusal(result.error)
}

export async function tokenOf(token: string): Promise<Verdict> {
  const result = await checkJwtSvid(token, { bundles: BundleMap.of(BUNDLES), audience: AUDIENCE })
  if (!result.ok) return refusal(result.error)
  const { id, audience, expiresAt } = result.svid
  return { ok: true, value: { id: String(id), audience, expiry: Math.floor(expiresAt.getTime() / 1000) } }
}

export const istioIdentityOf = (text: string): Verdict => verdictOf(() => ({ ...parseIstioIdentity(text) }))

export const principalsOf = (text: string, trustDomain: string, aliases: readonly string[]): Verdict =>
  verdictOf(() => new IstioTrustDomains({ trustDomain, aliases }).expandPrincipal(text))

/** Sorted: Istio has a set. */
export const expansionsOf = (text: string, trustDomain: string, aliases: readonly string[]): Verdict =>
  verdictOf(() => [...new IstioTrustDomains({ trustDomain, aliases }).expandIdentity(text)].sort())

export function istioTrustDomainOf(text: string): Verdict {
  const found = lintTrustDomain(text).findings.find(({ refusedBy }) => refusedBy === 'istio')
  return found === undefined ? { ok: true, value: null } : { ok: false, error: found.message }
}

export const sha256 = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex')

function spkiOf(jwk: JwtAuthority['jwk']): Uint8Array {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'der' })
}

/** Anything but our own errors is a fault and passes through. */
function verdictOf(call: () => unknown): Verdict {
  try {
    return { ok: true, value: call() }
  } catch (error) {
    if (error instanceof MeshPkiError) return refusal(error)
    throw error
  }
}

/** With code and reason in front, by which deviations know it. */
function refusal({ code, data, message }: MeshPkiError): Verdict {
  const reason = data['reason']
  return { ok: false, error: `${code}${typeof reason === 'string' ? ` ${reason}` : ''}: ${message}` }
}
