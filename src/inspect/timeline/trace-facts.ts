/**
 * What a trace shows of the inequalities: not what was planned for, but what was left over.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import type { AuthorityStage } from '../../rotation/index.ts'
import type { TimelineFact } from './timeline.ts'

/** What became of one authority. */
export interface SeenAuthority {
  /** By verifier: when it first trusted it. */
  readonly trusted: Map<string, number>
  /** When a verifier that trusted it did so no longer, for the first time since it was in all bundles. */
  firstDrop: number | undefined
  firstUse: number | undefined
  /** When the last certificate under it was in use. */
  lastUse: number | undefined
  inUse: number
}

/** The facts of an authority that enters a stage, where the trace shows any. */
export function seenFacts(
  stage: AuthorityStage,
  at: number,
  seen: SeenAuthority,
  mesh: {
    readonly verifiers: ReadonlySet<string>
    readonly keepsRoot: boolean
    readonly crossSigned: boolean
  },
): readonly TimelineFact[] {
  if (stage === 'DISTRIBUTED' && !mesh.keepsRoot)
    return [trustFact('DISTRIBUTED − last verifier that trusts it ≥ 0', at, seen, mesh.verifiers)]
  if (stage === 'ACTIVE' && !mesh.keepsRoot && !mesh.crossSigned && seen.firstUse !== undefined)
    return [trustFact('first use − last verifier that trusts it ≥ 0', seen.firstUse, seen, mesh.verifiers)]
  if (stage === 'RETIRED' || stage === 'REVOKED') {
    const gone = mesh.keepsRoot ? at : seen.firstDrop
    const condition = `${mesh.keepsRoot ? 'R' : 'first verifier without it'} − last use ≥ 0`
    if (gone === undefined || seen.lastUse === undefined) return []
    if (seen.inUse > 0) return [failed('C2', condition, `${seen.inUse} still in use at the end`)]
    return [difference('C2', condition, gone - seen.lastUse)]
  }
  return []
}

function trustFact(
  condition: string,
  at: number,
  seen: SeenAuthority,
  verifiers: ReadonlySet<string>,
): TimelineFact {
  const missing = [...verifiers].filter((one) => !seen.trusted.has(one)).length
  if (missing > 0) return failed('C1', condition, `${missing} of ${verifiers.size} never trusted it`)
  let last = Number.NEGATIVE_INFINITY
  for (const one of verifiers) last = Math.max(last, seen.trusted.get(one) ?? last)
  return difference('C1', condition, Number.isFinite(last) ? at - last : 0)
}

function difference(id: string, condition: string, has: number): TimelineFact {
  // Down to whole seconds: it must not look better than it is.
  const whole = Math.floor(has / 1000) * 1000
  const text = `${whole < 0 ? '-' : ''}${formatDuration(whole)}`
  return { id, condition, needs: '0s', has: text, slack: text, broken: whole < 0 }
}

const failed = (id: string, condition: string, has: string): TimelineFact => ({
  id,
  condition,
  needs: '0s',
  has,
  slack: 'none',
  broken: true,
})
