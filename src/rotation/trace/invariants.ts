/**
 * The invariants of a rollover, each a predicate on a trace.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { instantText } from '../../internal/instant-text.ts'
import type { TraceEvent, TraceEventOf } from './trace-event.ts'
import type { TraceView } from './trace-view.ts'

/** Which invariant. `docs/rotation.md` has each with its reason. */
export type InvariantId =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'I13'
  | 'I14'
  | 'I15'
  | 'I16'

/** One invariant: what an event breaks, seen with what came before it. */
export interface Invariant {
  readonly id: InvariantId
  /** What must hold. */
  readonly rule: string
  /** Begins a watch over one trace; what it answers is asked about every event, before the view takes it in. */
  watch(): (event: TraceEvent, view: TraceView) => readonly string[]
}

/** An invariant that remembers nothing of its own. */
const rule = (
  id: InvariantId,
  text: string,
  check: (event: TraceEvent, view: TraceView) => readonly string[],
): Invariant => ({ id, rule: text, watch: () => check })

const NONE: readonly string[] = []

/** All of them. */
export const INVARIANTS: readonly Invariant[] = [
  rule('I1', 'No certificate is presented before every verifier can trust its authority.', (event, view) => {
    if (event.type !== 'presented' || view.terms.keepsRoot) return NONE
    const certificate = view.certificates.get(event.certificate)
    if (certificate === undefined) return NONE
    const found: string[] = []
    for (const [verifier, { authorities }] of view.bundles) {
      if (authorities.includes(certificate.authority)) continue
      const apart =
        view.own.has(certificate.authority) && !view.everTrusted.get(verifier)?.has(certificate.authority)
      if (apart) continue
      if (coveredByCross(certificate, authorities, event.at, view)) continue
      found.push(
        `${event.holder} presents a certificate under ${certificate.authority}, which ${verifier} does not trust`,
      )
    }
    return found
  }),
  rule('I2', 'While a certificate can be accepted, every verifier trusts its authority.', (event, view) => {
    if (event.type !== 'applied' || view.terms.keepsRoot) return NONE
    const dropped = without(view.bundles.get(event.verifier)?.authorities, event.authorities)
    const found: string[] = []
    for (const authority of dropped) {
      const bare = view
        .presentedUnder(authority)
        .filter((one) => !coveredByCross(one, event.authorities, event.at, view))
      if (bare.length > 0)
        found.push(`${event.verifier} drops ${authority} while certificates under it are in use`)
      const last = view.greatestNotAfter.get(authority)
      const isTimed =
        view.terms.retention === 'leaf-lifetime' &&
        stageOf(view, authority) !== 'REVOKED' &&
        // What carries a cross-certificate is accepted without its own authority.
        !(view.terms.crossSigned && bare.length === 0 && event.authorities.length > 0)
      if (isTimed && last !== undefined && last + view.terms.clockSkewMs > event.at)
        found.push(
          `${event.verifier} drops ${authority} though the slowest clock accepts what it issued until ${instantText(ceil(last + view.terms.clockSkewMs))}`,
        )
    }
    return found
  }),
  rule('I3', 'An issuer signs with a published authority that it trusts itself.', (event, view) => {
    if (event.type === 'switched' && ENDED.includes(stageOf(view, event.authority) ?? ''))
      return [`${event.member} switches to ${event.authority}, which is ${stageOf(view, event.authority)}`]
    if (event.type !== 'issued' || view.terms.keepsRoot) return NONE
    const found: string[] = []
    if (!event.trusts.includes(event.authority))
      found.push(`${event.member} issues under ${event.authority}, which is not in its own bundle`)
    const active = view.issuers.get(event.member)
    if (active !== undefined && active !== event.authority)
      found.push(`${event.member} issues under ${event.authority}, though it switched to ${active}`)
    return found
  }),
  {
    id: 'I4',
    rule: 'Key, publication, distribution and use come in this order, also across crashes.',
    watch: () => {
      let last = 0
      return (event, view) => {
        if (event.type === 'restored') last = 0
        if (event.type === 'journal') {
          const before = last
          last = event.revision
          return event.revision > before
            ? NONE
            : [`revision ${event.revision} of the journal comes after ${before}`]
        }
        return event.type === 'stage' && event.recovered !== true ? outOfOrder(event, view) : NONE
      }
    },
  },
  {
    id: 'I5',
    rule: 'Sequences never decrease, and one sequence has one content.',
    watch: () => {
      const contents = new Map<number, string>()
      return (event, view) => {
        if (event.type !== 'applied' && event.type !== 'published') return NONE
        const known = contents.get(event.sequence)
        contents.set(event.sequence, event.digest)
        const found: string[] = []
        if (known !== undefined && known !== event.digest)
          found.push(
            `bundle ${event.sequence} has two contents: ${known.slice(0, 12)} and ${event.digest.slice(0, 12)}`,
          )
        const held = event.type === 'applied' ? view.bundles.get(event.verifier) : undefined
        if (event.type === 'applied' && held !== undefined && event.sequence < held.sequence)
          found.push(`${event.verifier} goes back from bundle ${held.sequence} to ${event.sequence}`)
        return found
      }
    },
  },
  rule(
    'I6',
    'No bundle drops an authority that is not retired, none is empty, and nobody forgets one that is still trusted.',
    (event, view) => {
      if (event.type === 'stage' && event.stage === 'PRUNED' && !view.terms.keepsRoot)
        return [...view.bundles]
          .filter(([, { authorities }]) => authorities.includes(event.authority))
          .map(([verifier]) => `${event.authority} is pruned while ${verifier} trusts it`)
      if (event.type !== 'published') return NONE
      if (event.authorities.length === 0) return [`bundle ${event.sequence} is empty`]
      return without(view.published.at(-1)?.authorities, event.authorities)
        .filter((authority) => !ENDED.includes(stageOf(view, authority) ?? ''))
        .map(
          (authority) =>
            `bundle ${event.sequence} drops ${authority}, which is ${stageOf(view, authority) ?? 'in no stage'}`,
        )
    },
  ),
  {
    id: 'I7',
    rule: 'No certificate outlives its path, begins too late for the slowest clock, or has another one’s serial number.',
    watch: () => {
      const serials = new Set<string>()
      return (event, view) => {
        if (event.type !== 'issued') return NONE
        const { certificate, notAfter, pathNotAfter, notBefore, issuerTime, authority, serialNumber } = event
        const found: string[] = []
        if (notAfter > pathNotAfter) found.push(`${certificate} ends after its path`)
        if (notBefore > issuerTime - 2 * view.terms.clockSkewMs)
          found.push(
            `${certificate} begins ${formatDuration(issuerTime - notBefore)} before its issuance; the slowest clock needs ${formatDuration(2 * view.terms.clockSkewMs)}`,
          )
        const key = `${authority} ${serialNumber}`
        if (serials.has(key))
          found.push(`${certificate} has a serial number that ${authority} gave away before`)
        serials.add(key)
        return found
      }
    },
  },
  {
    id: 'I8',
    rule: 'When a certificate is due depends on the certificate only, and lies in its life.',
    watch: () => {
      const known = new Map<string, number>()
      return (event, view) => {
        if (event.type !== 'due') return NONE
        const { certificate, renewAt } = event
        const before = known.get(certificate)
        known.set(certificate, renewAt)
        const issued = view.certificates.get(certificate)
        const found: string[] = []
        if (before !== undefined && before !== renewAt)
          found.push(
            `${certificate} was due at ${instantText(floor(before))} and is due at ${instantText(floor(renewAt))}`,
          )
        if (issued !== undefined && !(renewAt >= issued.issuerTime - 1000 && renewAt < issued.notAfter))
          found.push(`${certificate} is due at ${instantText(floor(renewAt))}, outside of its life`)
        return found
      }
    },
  },
  {
    id: 'I9',
    rule: 'An issuer spreads a forced reissue over its window.',
    watch: () => {
      const forced = new Map<string, number[]>()
      return (event, view) => {
        const within = view.terms.reissueWithinMs
        if (event.type !== 'issued' || event.forced !== true || within === undefined) return NONE
        const own = forced.get(event.member) ?? []
        own.push(event.at)
        forced.set(event.member, own)
        // In any tenth of the window: three times the fair share, and at least as many as come together by chance.
        const recent = own.filter((at) => at > event.at - within / 10).length
        const most = Math.max(3, Math.ceil((3 * view.holdersOf(event.member)) / 10))
        return recent > most
          ? [`${event.member} issues ${recent} certificates again in a tenth of the window; ${most} may be`]
          : NONE
      }
    },
  },
  rule('I10', 'A tainted authority signs nowhere, and a revoked one is in use nowhere.', (event, view) => {
    if (event.type !== 'stage' || event.recovered === true) return NONE
    const { authority, stage } = event
    if (stage === 'TAINTED')
      return [...view.issuers]
        .filter(([, active]) => active === authority)
        .map(([member]) => `${authority} is tainted while ${member} signs with it`)
    if (stage === 'REVOKED' && view.presentedUnder(authority).length > 0)
      return [
        `${authority} is revoked while ${view.presentedUnder(authority).length} certificates under it are in use`,
      ]
    return NONE
  }),
  rule('I11', 'Who joins is waited for like everybody else.', (event, view) => {
    if (event.type !== 'stage' || event.stage !== 'ACTIVE' || view.terms.keepsRoot || view.terms.crossSigned)
      return NONE
    // What signs from the beginning is not waited for.
    if (!view.entered.has(`PUBLISHED ${event.authority}`)) return NONE
    return [...view.bundles]
      .filter(([, { authorities }]) => !authorities.includes(event.authority))
      .map(
        ([verifier]) =>
          `${event.authority} becomes active before ${verifier} of ${view.verifierOf.get(verifier)} trusts it`,
      )
  }),
  {
    id: 'I12',
    rule: 'No step comes before its time, however late somebody wakes up.',
    watch: () => {
      let isRevised = false
      return (event, view) => {
        // Another plan has other instants.
        if (event.type === 'journal' && event.what.startsWith('revised')) isRevised = true
        if (event.type !== 'stage' || event.recovered === true) return NONE
        const { stage, authority, at } = event
        const { planned, clockSkewMs, keepsRoot, crossSigned, propagationMs } = view.terms
        const found: string[] = []
        const plan = isRevised ? undefined : planned?.[`${stage} ${authority}`]
        if (plan !== undefined && at < plan - clockSkewMs)
          found.push(
            `${authority} becomes ${stage} at ${instantText(floor(at))}; the plan has ${instantText(plan)}`,
          )
        const published = view.entered.get(`PUBLISHED ${authority}`)
        const waits = stage === 'ACTIVE' && published !== undefined && !keepsRoot && !crossSigned
        if (waits && at - published < propagationMs)
          found.push(
            `${authority} becomes active ${formatDuration(at - published)} after its publication; a bundle may take ${formatDuration(propagationMs)}`,
          )
        return found
      }
    },
  },
  rule('I13', 'Retention counts what was issued, not what is configured.', (event, view) => {
    if (event.type !== 'published' || view.terms.retention !== 'leaf-lifetime') return NONE
    return without(view.published.at(-1)?.authorities, event.authorities).flatMap((authority) => {
      const last = view.greatestNotAfter.get(authority)
      if (stageOf(view, authority) === 'REVOKED' || last === undefined || last <= event.at) return []
      return [
        `bundle ${event.sequence} drops ${authority}, under which a certificate is valid until ${instantText(ceil(last))}`,
      ]
    })
  }),
  {
    id: 'I14',
    rule: 'An issuer whose clock went back, or whose CA is not yet valid, does not issue.',
    watch: () => {
      const last = new Map<string, number>()
      return (event) => {
        if (event.type !== 'issued') return NONE
        const before = last.get(event.member)
        last.set(event.member, Math.max(before ?? Number.NEGATIVE_INFINITY, event.notBefore))
        const found: string[] = []
        if (before !== undefined && event.issuerTime < before)
          found.push(
            `${event.member} issues at ${instantText(floor(event.issuerTime))} on its clock, before what it issued last began`,
          )
        if (event.issuerTime < event.authorityNotBefore)
          found.push(`${event.member} issues with ${event.authority}, which is not yet valid on its clock`)
        return found
      }
    },
  },
  rule('I15', 'A federated domain has had three polls before a new authority is used.', (event, view) => {
    if (event.type !== 'stage' || event.recovered === true || event.stage !== 'ACTIVE') return NONE
    const published = view.entered.get(`PUBLISHED ${event.authority}`)
    if (published === undefined || view.terms.crossSigned) return NONE
    return [...view.members.values()]
      .filter(({ refreshHintMs = 0 }) => event.at - published < 3 * refreshHintMs)
      .map(({ name }) => `${event.authority} becomes active before ${name} has polled three times`)
  }),
  rule('I16', 'A bundle holds no more authorities than were allowed.', (event, view) =>
    event.type === 'published' && event.authorities.length > view.terms.maxAuthorities
      ? [
          `bundle ${event.sequence} holds ${event.authorities.length} authorities; ${view.terms.maxAuthorities} may be`,
        ]
      : NONE,
  ),
]

const ENDED: readonly string[] = ['RETIRED', 'REVOKED', 'PRUNED']

const stageOf = (view: TraceView, authority: string): string | undefined => view.stages.get(authority)?.stage

const without = (before: readonly string[] = [], after: readonly string[]): readonly string[] =>
  before.filter((one) => !after.includes(one))

function coveredByCross(
  certificate: TraceEventOf<'issued'>,
  trusted: readonly string[],
  at: number,
  view: TraceView,
): boolean {
  const { crossNotAfter, crossSigner } = certificate
  return (
    view.terms.crossSigned &&
    crossNotAfter !== undefined &&
    crossNotAfter > at + view.terms.clockSkewMs &&
    crossSigner !== undefined &&
    trusted.includes(crossSigner)
  )
}

/** What each stage needs before it. */
const BEFORE: Readonly<Record<string, string | undefined>> = {
  PUBLISHED: 'STAGED',
  DISTRIBUTED: 'PUBLISHED',
}

function outOfOrder(event: TraceEventOf<'stage'>, view: TraceView): readonly string[] {
  const { authority, stage } = event
  const needs =
    stage === 'ACTIVE' && !view.terms.keepsRoot && view.entered.has(`STAGED ${authority}`)
      ? 'PUBLISHED'
      : BEFORE[stage]
  if (needs === undefined || view.entered.has(`${needs} ${authority}`)) return NONE
  return [`${authority} becomes ${stage} and was never ${needs}`]
}

const floor = (time: number): number => Math.floor(time / 1000) * 1000
const ceil = (time: number): number => Math.ceil(time / 1000) * 1000
