/**
 * The safety condition of a rollover, evaluated on what was issued and on the clocks. It knows nothing of plans.
 *
 * @module
 */

import type { TraceEvent, TraceEventOf } from '../trace/trace-event.ts'

/** A handshake that could have failed: a certificate in use that a verifier would have refused. */
export interface Outage {
  /** When it begins and ends, in milliseconds since 1970, real time. */
  readonly from: number
  readonly to: number
  readonly holder: string
  readonly verifier: string
  readonly certificate: string
  readonly problem: 'not-trusted' | 'not-yet-valid' | 'expired'
}

interface Span<T> {
  readonly from: number
  to: number
  readonly value: T
}

/** Outages that are kept. */
const MAX_OUTAGES = 1000

/**
 * Finds every time in which a certificate was in use and some verifier would have refused it: its authority was not in the verifier's
 * bundle (nor covered by a cross-certificate), or the verifier's clock was outside of its validity.
 *
 * For every certificate ℓ in use and every verifier v: anchor(ℓ) ∈ B_v(t), and notBefore(ℓ) ≤ c_v(t) ≤ notAfter(ℓ).
 */
export function findOutages(events: readonly TraceEvent[]): readonly Outage[] {
  const [begin] = events
  if (begin?.type !== 'begin') throw new TypeError('a trace begins with an event of type "begin"')
  const end = events.at(-1)?.at ?? begin.at
  const history = readHistory(events, end)
  const outages: Outage[] = []
  for (const use of history.uses) {
    const certificate = history.certificates.get(use.value.certificate)
    if (certificate === undefined) continue
    for (const [verifier, presence] of spansOf(history.presence)) {
      const span = overlap(use, presence)
      if (span === undefined) continue
      const problems = [
        ...(begin.terms.keepsRoot
          ? []
          : untrusted(
              certificate,
              history.bundles.get(verifier) ?? [],
              history.clocks.get(verifier) ?? [],
              span,
              history.own,
            )),
        ...invalid(certificate, history.clocks.get(verifier) ?? [], span),
      ]
      for (const [problem, from, to] of problems)
        if (to > from && outages.length < MAX_OUTAGES)
          outages.push({
            from,
            to,
            holder: use.value.holder,
            verifier,
            certificate: certificate.certificate,
            problem,
          })
    }
  }
  return outages.sort((a, b) => a.from - b.from)
}

const spansOf = <T>(spans: ReadonlyMap<string, readonly T[]>): readonly (readonly [string, T])[] =>
  [...spans].flatMap(([key, list]) => list.map((one) => [key, one] as const))

interface History {
  readonly uses: readonly Span<{ readonly holder: string; readonly certificate: string }>[]
  readonly certificates: ReadonlyMap<string, TraceEventOf<'issued'>>
  /** By verifier: what it trusts, how far its clock is off, and while it is there. */
  readonly bundles: ReadonlyMap<string, readonly Span<readonly string[]>[]>
  readonly clocks: ReadonlyMap<string, readonly Span<number>[]>
  readonly presence: ReadonlyMap<string, readonly Span<undefined>[]>
  /** What members had of their own, where clusters began with a root each. */
  readonly own: ReadonlySet<string>
}

function readHistory(events: readonly TraceEvent[], end: number): History {
  const uses: Span<{ holder: string; certificate: string }>[] = []
  const open = new Map<string, Span<{ holder: string; certificate: string }>>()
  const certificates = new Map<string, TraceEventOf<'issued'>>()
  const bundles = new Map<string, Span<readonly string[]>[]>()
  const clocks = new Map<string, Span<number>[]>()
  const presence = new Map<string, Span<undefined>[]>()
  const verifiersOf = new Map<string, readonly string[]>()
  const set = <T>(spans: Map<string, Span<T>[]>, key: string, at: number, value: T): void => {
    const list = spans.get(key) ?? []
    const last = list.at(-1)
    if (last !== undefined) last.to = at
    list.push({ from: at, to: end, value })
    spans.set(key, list)
  }
  const close = (holder: string, at: number): void => {
    const use = open.get(holder)
    if (use !== undefined) use.to = at
    open.delete(holder)
  }
  const [begin] = events
  for (const event of events) {
    const { at } = event
    if (event.type === 'begin' || event.type === 'joined')
      for (const member of event.type === 'begin' ? event.members : [event.member]) {
        verifiersOf.set(member.name, member.verifiers)
        for (const verifier of member.verifiers) {
          set(bundles, verifier, at, member.authorities)
          set(clocks, verifier, at, 0)
          presence.set(verifier, [...(presence.get(verifier) ?? []), { from: at, to: end, value: undefined }])
        }
      }
    else if (event.type === 'applied') set(bundles, event.verifier, at, event.authorities)
    else if (event.type === 'clock') set(clocks, event.node, at, event.skewMs)
    else if (event.type === 'issued') certificates.set(event.certificate, event)
    else if (event.type === 'presented') {
      close(event.holder, at)
      const use = { from: at, to: end, value: { holder: event.holder, certificate: event.certificate } }
      open.set(event.holder, use)
      uses.push(use)
    } else if (event.type === 'withdrawn') {
      if (open.get(event.holder)?.value.certificate === event.certificate) close(event.holder, at)
    } else if (event.type === 'left')
      for (const verifier of verifiersOf.get(event.member) ?? []) {
        const span = presence.get(verifier)?.at(-1)
        if (span !== undefined) span.to = at
      }
  }
  const own = new Set(
    begin?.type === 'begin' && begin.terms.separate
      ? begin.members.flatMap(({ authorities }) => authorities)
      : [],
  )
  return { uses, certificates, bundles, clocks, presence, own }
}

type Problem = readonly [problem: Outage['problem'], from: number, to: number]

function untrusted(
  certificate: TraceEventOf<'issued'>,
  bundles: readonly Span<readonly string[]>[],
  clocks: readonly Span<number>[],
  use: Span<unknown>,
  own: ReadonlySet<string>,
): readonly Problem[] {
  const found: Problem[] = []
  // Clusters that began apart owe each other nothing before they trust each other.
  const isApart = own.has(certificate.authority)
  const first = isApart ? bundles.find(({ value }) => value.includes(certificate.authority))?.from : undefined
  for (const bundle of bundles) {
    if (isApart && (first === undefined || bundle.to <= first)) continue
    const span = overlap(use, bundle)
    if (span === undefined || bundle.value.includes(certificate.authority)) continue
    const { crossNotAfter, crossSigner } = certificate
    if (crossNotAfter === undefined || crossSigner === undefined || !bundle.value.includes(crossSigner)) {
      found.push(['not-trusted', span.from, span.to])
      continue
    }
    // Who trusts the signer of the cross-certificate accepts it while that is valid.
    for (const clock of clocks) {
      const part = overlap(span, clock)
      if (part !== undefined)
        found.push(['not-trusted', Math.max(part.from, crossNotAfter - clock.value), part.to])
    }
  }
  return found
}

function invalid(
  certificate: TraceEventOf<'issued'>,
  clocks: readonly Span<number>[],
  use: Span<unknown>,
): readonly Problem[] {
  const found: Problem[] = []
  // Every certificate of the path counts.
  const begins = Math.max(certificate.notBefore, certificate.authorityNotBefore)
  const ends = Math.min(certificate.notAfter, certificate.pathNotAfter)
  for (const clock of clocks) {
    const span = overlap(use, clock)
    if (span === undefined) continue
    found.push(['not-yet-valid', span.from, Math.min(span.to, begins - clock.value)])
    found.push(['expired', Math.max(span.from, ends - clock.value), span.to])
  }
  return found
}

/** Both at once; `undefined` where that is never or only an instant. */
function overlap(a: Span<unknown>, b: Span<unknown>): Span<undefined> | undefined {
  const from = Math.max(a.from, b.from)
  const to = Math.min(a.to, b.to)
  return to > from ? { from, to, value: undefined } : undefined
}
